"""Run one part of the nightly tests, and keep its dated log and the time of each test.

    make test-nightly PART=faults        (.venv/bin/python scripts/nightly.py faults)
    make test-nightly                    lists the parts

A part is what `pytest -m "nightly(part='NAME')"` selects; `pipeline` is what its project marks `slow`.
A part that broke off is started again by the same command. The log of a day's last run goes to
`docs/nightly/DATE-PART.md`, its times to `docs/nightly/times.tsv`. Words after the part are passed on to
pytest: that is a look at something, and no run of the part. Exit code: pytest's; 2 for a part that does not
exist or a project that is not set up; 130 where it was interrupted, and no log is written.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

from testtimes import Case, Run, UnreadableError, compared, existing, read_junit, read_times, write_times  # noqa: E402

from tests.support.tiers import PARTS  # noqa: E402 - after the path

LOGS = TOP / "docs" / "nightly"
OTHERS = {"pipeline": ("pipeline", ["-m", "slow"])}
"""A part that is another project's tests: its folder, and the words that select them."""
SHOWN = 1.0
"""Seconds from which a test has a line in the log."""


def main() -> int:
    """Run the part that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="passed on to pytest")
    options = parser.parse_args()
    if options.part not in PARTS:
        wrong = f"No part is called {options.part!r}. " if options.part else ""
        print(f"{wrong}make test-nightly PART=NAME, where NAME is one of", file=sys.stderr)
        print("".join(f"  {part:<10} {proves}\n" for part, proves in PARTS.items()), end="", file=sys.stderr)
        return 2
    return run_part(options.part, options.words)


def run_part(part: str, words: list[str]) -> int:
    """Run a part; write its log and its times. Return the exit code."""
    began, clock, commit = datetime.now(UTC), time.monotonic(), described()
    reports = TOP / ".chi-lab" / "nightly"
    reports.mkdir(parents=True, exist_ok=True)
    kit = ["-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder", "-m", f"nightly(part='{part}')"]
    folder, selection = OTHERS.get(part, (".", kit))
    if not python_of(folder).exists():
        print(f"{python_of(folder)} is not there: run `make setup`.", file=sys.stderr)
        return 2
    report = reports / f"{part}.xml"
    report.unlink(missing_ok=True)
    command = [str(python_of(folder)), "-m", "pytest", f"--junitxml={report}", *selection, *words]
    try:
        code = waited(command, folder)
    except KeyboardInterrupt:
        print("interrupted: no log is written", file=sys.stderr)
        return 130
    if words:
        return code
    cases: list[Case] = []
    try:
        cases = read_junit(report, folder) if report.exists() else []
    except UnreadableError as error:
        print(error, file=sys.stderr)
        code = code or 1
    record(Run(part, commit, began, time.monotonic() - clock, code, tuple(cases)), folder)
    return code


def python_of(folder: str) -> Path:
    return TOP / folder / ".venv" / "bin" / "python"


def described() -> str:
    """Return the commit that is tested, with `-dirty` where something is changed that is not committed."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=False).stdout.strip()


def waited(command: list[str], folder: str) -> int:
    """Run pytest to its end; return its exit code.

    Raises `KeyboardInterrupt` where it was interrupted, or this process was terminated: after pytest has
    ended, which takes its sandboxes down first. A second interruption does not wait.
    """
    with subprocess.Popen(command, cwd=TOP / folder, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as pytest:

        def terminated(*_: object) -> None:
            pytest.send_signal(signal.SIGINT)
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGTERM, terminated)
        try:
            return pytest.wait()
        except KeyboardInterrupt:
            print("interrupted: what the tests have started is taken down", file=sys.stderr)
            try:
                pytest.wait()
            except KeyboardInterrupt:
                pytest.kill()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)


def record(run: Run, folder: str) -> None:
    """Write the dated log, tell which tests became slower, and keep the times of a run that passed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    slower = compared(read_times(), run.cases)
    log = LOGS / f"{run.began:%Y-%m-%d}-{run.part}.md"
    log.write_text(text_of(run, slower))
    if run.code == 0:
        write_times(run.cases, existing(folder), folder)
    for line in slower:
        print(f"slower: {line}", file=sys.stderr)
    print(f"{log.relative_to(TOP)}: {run.seconds / 60:.1f} minutes", file=sys.stderr)


def text_of(run: Run, slower: list[str]) -> str:
    """Return the log of a run as Markdown."""
    counts = ", ".join(f"{run.count(word)} {word}" for word in ("passed", "failed", "skipped"))
    lines = [
        f"# Nightly part `{run.part}`, {run.began:%Y-%m-%d %H:%M} UTC",
        "",
        f"{PARTS[run.part][0].upper()}{PARTS[run.part][1:]}.",
        "",
        f"Commit {run.commit}, Python {platform.python_version()}, {os.cpu_count()} cores:",
        f"**{counts}** in {run.seconds / 60:.1f} minutes, exit code {run.code}.",
        "",
    ]
    for word in ("failed", "skipped"):
        lines += [f"- {word}: `{case.name}`" for case in run.cases if case.outcome == word]
    lines += [f"- slower: {line}" for line in slower]
    if not lines[-1].startswith("- "):
        lines.pop()
    shown = sorted((case for case in run.cases if case.seconds >= SHOWN), key=lambda case: -case.seconds)
    lines += ["", "| seconds | test |", "|---:|---|"]
    lines += [f"| {case.seconds:.0f} | `{case.name}` |" for case in shown]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
