"""The `openstack` client, kept warm: its own `main`, called once per command, in one process.

A command of its own spends 2.5 s of a core on loading plugins before it does anything; a lab has
thirty of them. `main` parses, logs in and exits as in a process of its own.
"""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Self

from tests.support.site import CHECKOUT


class OpenStack:
    """The client of one environment; a context manager. Commands run one after another."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env={**env, "PYTHONPATH": str(CHECKOUT)},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, line: str) -> tuple[int, str, str]:
        """Run `openstack LINE`, as a shell would split it: (exit code, stdout, stderr)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(shlex.split(line)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the client died of: openstack {line}"
        code, out, err = json.loads(answer)
        return code, out, err

    def __call__(self, line: str) -> str:
        """Run a command that is to succeed; its stdout."""
        code, out, err = self.run(line)
        assert code == 0, f"openstack {line} exited {code}\n{out}{err}"
        return out

    def json(self, line: str) -> Any:
        """Run a command that is to succeed, and read what it prints with `-f json`."""
        return json.loads(self(f"{line} -f json"))


def serve() -> None:
    """Answer commands from stdin, one JSON list a line, with `[code, stdout, stderr]` until it ends."""
    from openstackclient.shell import main

    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code: object = main(json.loads(line))
            except SystemExit as end:  # argparse, on wrong usage
                code = end.code
        print(json.dumps([code or 0, out.getvalue(), err.getvalue()]), flush=True)


if __name__ == "__main__":
    serve()
