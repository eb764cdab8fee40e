"""Bounds for what a request may bring along, and how long it may take to."""

from __future__ import annotations

import asyncio
import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Bounded:
    """Answers 413 to a body of over `most` bytes, before more is read, and 408 to one that takes too long."""

    def __init__(self, app: ASGIApp, most: int, seconds: float = 30.0) -> None:
        self._app, self._most, self._seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            await _answer(send, 408, f"a request's body has to be here within {self._seconds:g} seconds")
            return
        if body is None:
            return  # nobody waits for an answer
        if len(body) > self._most:
            await _answer(send, 413, f"a request's body may have {self._most} bytes")
            return
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)

    async def _read(self, receive: Receive) -> bytearray | None:
        """The body, or its beginning if it is too long; None of a client that has gone."""
        body = bytearray()
        while len(body) <= self._most:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return body


async def _answer(send: Send, status: int, detail: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": detail}).encode()})
