"""A place on the loopback that takes what is posted to it: where the reaper's notifications go in tests."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


class Sink:
    """Runs while entered as a context; `status` is what it answers."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.taken: list[str] = []
        """The bodies, in the order of arrival."""
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sink.taken.append(body.decode(errors="replace"))
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def channels(self, file: Path) -> Path:
        """Write the file for `chi-lab reap --notify`: apprise's plain JSON over HTTP, to owners and to staff."""
        url = f"json://127.0.0.1:{self._server.server_address[1]}"
        file.touch(mode=0o600)
        file.write_text(f"{url}/owner/{{owner}}\n{url}/staff\n")
        return file
