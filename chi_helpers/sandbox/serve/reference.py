"""The part of Chameleon's reference API that python-chi asks: sites and their nodes.

python-chi 1.2.10 reads `sites.json` (chi/context.py) and
`sites/<site>/clusters/chameleon/nodes.json` (chi/hardware.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from chi_helpers.sandbox.description import Description

NEEDS: tuple[str, ...] = ()
MODULES: tuple[str, ...] = ()
Start = Callable[[str, list[tuple[str, str]]], object]


def prepare(site: Description) -> None:
    pass


def application(site: Description) -> Any:
    documents: dict[str, Any] = json.loads((site.folder / "reference.json").read_text())

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        found = documents.get(environ["PATH_INFO"].strip("/"))
        body = json.dumps({"message": "not found"} if found is None else found).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start("404 Not Found" if found is None else "200 OK", headers)
        return [body]

    return app
