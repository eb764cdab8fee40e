"""Exit codes, stdout for data, stderr for people, JSON for programs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.support.student import foreseen

AGAIN = "What was done stays done; it is safe to run the same command again."


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("usage", 2, "Error: The file is wrong.\nCorrect it.\n"),
        ("site", 3, "Error: The site does not answer.\n"),
        ("refused", 3, "Error: No quota is left.\nGive something back.\n(request req-42)\n"),
        ("leftover", 1, "Error: One address is left.\n"),
        ("config", 2, "Error: lab.yaml has 2 problems:\nlab.yaml:1: odd\nlab.yaml:3: site: is empty\n"),
    ],
)
def test_an_error_is_told_on_stderr(sample, kind, code, words):
    """What failed, what to do, the request's id; nothing on stdout; the error's own exit code."""
    done = sample("fail", kind)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"as_json=False\n{words}")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (
            "refused",
            {
                "kind": "RefusedError",
                "what": "No quota is left.",
                "do": "Give something back.",
                "request_id": "req-42",
                "exit_code": 3,
            },
        ),
        (
            "config",
            {
                "kind": "ConfigError",
                "what": "lab.yaml has 2 problems:\nlab.yaml:1: odd\nlab.yaml:3: site: is empty",
                "do": "",
                "request_id": None,
                "exit_code": 2,
                "problems": [
                    {"file": "lab.yaml", "line": 1, "field": "", "message": "odd"},
                    {"file": "lab.yaml", "line": 3, "field": "site", "message": "is empty"},
                ],
            },
        ),
    ],
)
def test_with_json_an_error_is_a_document_too(sample, kind, error):
    """One JSON document on stdout; people still read stderr."""
    done = sample("fail", "--json", kind)
    assert json.loads(done.stdout) == {"ok": False, "error": error}
    assert f"Error: {error['what']}" in done.stderr
    assert done.returncode == error["exit_code"]


def test_a_bug_is_one_line_and_a_log(sample, tmp_path):
    """No traceback in the reader's face; it is in a file that only they can read."""
    done = sample("fail", "bug")
    log = tmp_path / "state/chi-lab.log"
    assert done.returncode == 1
    assert done.stderr == (
        f"as_json=False\nError: ZeroDivisionError: division by zero\nThis is a bug in chi-lab; {log} has the details. "
        "It is safe to run the same command again.\n"
    )
    assert "Traceback" in log.read_text()
    assert "chi-lab fail bug" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_bug_where_no_log_can_be_written(sample, tmp_path):
    """Still a message, not a second error."""
    (tmp_path / "state").write_text("a file where the folder should be")
    done = sample("fail", "bug")
    assert done.returncode == 1
    assert "CHI_LAB_DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["bug"], ["--debug", "bug"], ["--json", "bug"]])
def test_no_test_takes_a_bug_for_an_answer(sample, words):
    """What every run of `chi-lab` in the tests of a site is held to: it fails where this is what was said."""
    with pytest.raises(AssertionError, match="division by zero"):
        foreseen(sample("fail", *words).stderr)
    foreseen(sample("fail", "site").stderr)


@pytest.mark.parametrize("kind", ["bug", "site"])
def test_debug_shows_the_traceback(sample, kind):
    """`--debug` is for whoever reports the bug."""
    assert "Traceback (most recent call last)" in sample("fail", "--debug", kind).stderr


def test_data_and_words_go_their_own_ways(sample):
    """A command's data is on stdout alone, and its code becomes the process's."""
    done = sample("partly")
    assert (done.returncode, done.stdout, done.stderr) == (1, "data\n", "words\n")


def test_the_shared_options_arrive(sample):
    """As one value, defaults included; a command's own options beside them."""
    defaults = {"file": "reservation.yaml", "site": None, "owner": None, "cloud": None, "as_json": False}
    assert json.loads(sample("echo").stdout) == {"ok": True, "options": defaults, "depth": None, "words": []}
    given = (
        "-f",
        "x.yaml",
        "--site",
        "CHI@UC",
        "--owner",
        "al",
        "--cloud",
        "c",
        "--json",
        "--depth",
        "3",
        "a",
        "b",
    )
    options = {"file": "x.yaml", "site": "CHI@UC", "owner": "al", "cloud": "c", "as_json": True}
    assert json.loads(sample("echo", *given).stdout) == {
        "ok": True,
        "options": options,
        "depth": 3,
        "words": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["statsu"], "There is no command statsu. Did you mean status?"),
        (["frobnicate"], "There is no command frobnicate. `chi-lab --help` lists the commands."),
        (["echo", "--ownr", "x"], "No such option '--ownr'"),
        (["echo", "--depth", "x"], "'x' is not a valid integer"),
        (["fail"], "Missing argument"),
    ],
)
def test_wrong_use(sample, args, words):
    """Exit code 2, the mistake, and nothing on stdout."""
    done = sample(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_use_with_json_is_a_document(sample):
    """A program that asked for JSON gets it even when it asked wrongly."""
    done = sample("echo", "--json", "--depth", "x")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "UsageError"
    assert sample("echo", "--depth", "x", "--", "--json").stdout == ""


@pytest.mark.parametrize("args", [[], ["--json"]])
def test_an_interrupt_says_that_it_is_safe_to_go_on(environ, tmp_path, args):
    """Ctrl-C ends with 130 and what to do next, without a traceback."""
    # A shell's background jobs ignore SIGINT, and so would the child: CI may be one.
    child = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "tests.unit.cli.sample", "wait", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd=tmp_path,
    )
    try:
        assert child.stderr
        assert child.stderr.readline() == "waiting\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    finally:
        child.kill()
    assert child.returncode == 130
    assert err.strip() == f"Error: Interrupted.\n{AGAIN}"
    assert (json.loads(out)["error"]["exit_code"] if args else out) == (130 if args else "")


def test_a_reader_who_leaves_is_no_error(environ, tmp_path):
    """`chi-lab schema | head -1` ends quietly."""
    command = f"'{sys.executable}' -m tests.unit.cli.sample schema | head -c 1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, env=environ, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("{", "")
