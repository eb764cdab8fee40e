"""Questions to a service that runs."""

from __future__ import annotations

from typing import Any

import requests

from groceries.errors import PipelineError, UnreachableError


def drift(url: str) -> dict[str, Any]:
    """What the service at `url` says of drift. Raises UnreachableError where it does not answer."""
    try:
        answer = requests.get(f"{url.rstrip('/')}/drift", timeout=10)
        found = answer.json()
    except requests.RequestException as error:
        raise UnreachableError(f"{url}: {error}", do="Does the service run? Name it with --url.") from error
    if answer.status_code != requests.codes.ok or not isinstance(found, dict):
        raise PipelineError(f"{url}: {found}")
    return found
