"""One service with a state behind `HttpSite`: a class whose methods answer requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote

Entry = dict[str, Any]
Answer = tuple[int, Any, dict[str, str]]


class RefusalError(Exception):
    """Raised by a route: the answer is a refusal in the service's own shape."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def route(method: str, path: str) -> Callable[[Any], Any]:
    """Mark a method as what answers `method` at `path`; each `{}` of the path is an argument."""

    def mark(function: Any) -> Any:
        known = getattr(function, "routes", ())
        function.routes = (*known, (method, re.compile(path.replace("{}", "([^/]+)"))))
        return function

    return mark


class Service:
    """Its routes take the path's arguments, then the body; a GET takes the query for a body."""

    def __call__(self, method: str, path: str, body: Any) -> Answer:
        path, _, query = path.removesuffix("/").partition("?")
        for name in dir(type(self)):
            function = getattr(self, name)
            for wanted, pattern in getattr(function, "routes", ()):
                found = pattern.fullmatch(path)
                if wanted == method and found:
                    asked = parse_qs(query) if method == "GET" else body
                    return self._answer(function, [unquote(word) for word in found.groups()], asked)
        return 404, self.refusal(404, "itemNotFound", f"no {method} {path}"), {}

    def _answer(self, function: Any, arguments: list[str], asked: Any) -> Answer:
        try:
            status, body = function(*arguments, asked)
        except RefusalError as error:
            status, body = error.status, self.refusal(error.status, error.kind, error.message)
        return status, body, {"x-openstack-request-id": "req-fake"}

    @staticmethod
    def refusal(status: int, kind: str, message: str) -> Entry:
        """As Nova, Cinder and Glance put it."""
        return {kind: {"code": status, "message": message}}


def get(things: dict[str, Entry], identifier: str, what: str, kind: str = "itemNotFound") -> Entry:
    if identifier not in things:
        raise RefusalError(404, kind, f"{what} {identifier} could not be found.")
    return things[identifier]


def matching(things: Iterable[Entry], query: dict[str, list[str]]) -> list[Entry]:
    """Those that every filter of the query lets through; what pages a listing is no filter."""
    filters = {k: v for k, v in query.items() if k not in ("limit", "marker", "sort_key", "sort_dir")}
    return [
        thing
        for thing in things
        if all(
            str(thing.get(name)).lower() in [v.lower() for v in wanted] for name, wanted in filters.items()
        )
    ]
