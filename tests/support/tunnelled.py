"""A lab's services as `chi-lab tunnel` shows them, asked over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.student import Student

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Tunnelled:
    """URLs of the services, without a path."""

    bases: Mapping[str, str]

    def ask(
        self, service: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; POST where there is a body. An HTTP error is an answer, too."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            self.bases[service] + path,
            data=data,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        # Never by a proxy: it is this machine's own port.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(asked, timeout=_SECONDS) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    def until(self, service: str, path: str, seconds: float = 120.0) -> Answer:
        """Ask until the answer is 200, as after a reboot."""
        end = time.monotonic() + seconds
        while True:
            try:
                answer: Answer | str = self.ask(service, path)
            except (OSError, urllib.error.URLError) as error:
                answer = str(error)
            if isinstance(answer, Answer) and answer.status == 200:
                return answer
            assert time.monotonic() < end, f"{service}{path} after {seconds:g} s: {answer}"
            time.sleep(1)


@contextmanager
def tunnelled(student: Student, lab: Path, *words: str) -> Iterator[Tunnelled]:
    """`chi-lab tunnel WORDS`, as long as the context lasts; ended as by Ctrl-C."""
    process = subprocess.Popen(
        student.command("tunnel", "--json", *words, lab=lab),
        env=student.env,
        cwd=student.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        assert lines, process.stderr.read()
        found = json.loads("".join(lines))
        assert found["ok"], found
        yield Tunnelled({row["service"]: f"http://127.0.0.1:{row['port']}" for row in found["services"]})
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert code == 0
