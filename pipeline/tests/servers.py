"""Real programs for the tests: MLflow, the service, and a door before MLflow that can be shut."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.support import ENVIRONMENT


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def ask(url, body=None, timeout=30.0):
    """Status and JSON (or text) of an answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def until(holds, seconds=60.0):
    """Wait for something; what it gave last if it does not come about."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@contextlib.contextmanager
def program(command, log, url, **environment):
    """A server that answers at `url`, ended at the end with all that it started."""
    with Path(log).open("ab") as out:
        process = subprocess.Popen(
            command,
            env={**ENVIRONMENT, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=Path(log).parent,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, Path(log).read_text()[-3000:]
            with contextlib.suppress(OSError):
                ask(url, timeout=2)
                break
            assert time.monotonic() < deadline, Path(log).read_text()[-3000:]
            time.sleep(0.1)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def mlflow(folder):
    """MLflow's server, which keeps all that it is told in `folder`; gives its address."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    url = f"http://127.0.0.1:{port}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return url, program(command, folder / "mlflow.log", f"{url}/health", **quiet)


def service(folder, uri, port):
    """The service, on an MLflow at `uri`."""
    command = [
        *(sys.executable, "-m", "groceries", "serve", "--port", str(port)),
        *("--state", str(folder / "state"), "--every", "0.2"),
    ]
    return program(
        command,
        folder / "serve.log",
        f"http://127.0.0.1:{port}/metrics",
        MLFLOW_TRACKING_URI=uri,
        MLFLOW_HTTP_REQUEST_TIMEOUT="1",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )


class Door:
    """Passes connections on to a server, unless it is told to refuse them, or to let them wait for ever."""

    def __init__(self, url):
        self.mode = "open"
        self._to = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            near, _ = self._listening.accept()
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        with near:
            if self.mode == "hang":
                until(lambda: self.mode != "hang", 600)
            if self.mode != "open":
                return
            with socket.create_connection(self._to) as far, contextlib.suppress(OSError):
                back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
                back.start()
                self._pass(near, far)
                back.join()

    def _pass(self, one, other):
        with contextlib.suppress(OSError):
            while (data := one.recv(65536)) and self.mode == "open":
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
