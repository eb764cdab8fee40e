"""Fixtures of every tier. The site is one sandbox for the whole session, started by its public command."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.support.labs import write_lab
from tests.support.sandbox import Sandbox, SandboxFailedError
from tests.support.site import CHECKOUT, SiteUnderTest, site_of
from tests.support.student import Student
from tests.support.tiers import check_parts


@pytest.fixture(scope="session")
def test_state() -> Path:
    """Where the sandboxes of the test run live: CHI_LAB_STATE, else `.chi-lab/tests` in the checkout."""
    return Path(os.environ.get("CHI_LAB_STATE") or CHECKOUT / ".chi-lab" / "tests").resolve()


MEMORY = pytest.StashKey[str]()
SITES = ("full_site", "stack_site", "site")
"""The fixtures that are a sandbox. Tests that put another one in the place of `site` name both: `site` is last."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks at its own turn
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give `--dist loadgroup` its lanes: a sandbox's tests stay together, else a file's."""
    if not hasattr(config, "workerinput"):
        # pytest-xdist would say "internal error"; in a worker `test_tiers` says which mark is wrong.
        check_parts(items)
    lanes = {item: lane_of(item) for item in items}
    for item, lane in lanes.items():
        item.add_marker(pytest.mark.xdist_group(lane))
    if hasattr(config, "workerinput"):
        # The long lanes first: begun last, they would go on alone while another core has nothing left to do.
        items.sort(key=lambda item: lanes[item] not in SITES)


def lane_of(item: pytest.Item) -> str:
    """Return the sandbox that a test uses, else its file."""
    wanted = getattr(item, "fixturenames", ())
    return next((name for name in SITES if name in wanted), item.nodeid.partition("::")[0])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of pytest-xdist tell the process that writes the summary."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["memory"] = session.config.stash.get(MEMORY, "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if said := getattr(node, "workeroutput", {}).get("memory"):
        node.config.stash[MEMORY] = said


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what docs/reference/sandbox.md has a number for."""
    if said := config.stash.get(MEMORY, None):
        terminalreporter.write_line(said)


@pytest.fixture(scope="session")
def site(test_state: Path, pytestconfig: pytest.Config) -> Iterator[SiteUnderTest]:
    """CHI@Sandbox with real machines, shared by all tests of the session.

    Fresh at the start, unless CHI_LAB_TEST_KEEP=1; down at the end, its data kept for a look.
    CHI_LAB_TEST_SITE=<path of a site.json> uses a sandbox that runs already, and leaves it alone.
    """
    if running := os.environ.get("CHI_LAB_TEST_SITE"):
        yield site_of(Path(running))
        return
    sandbox = Sandbox("test", test_state)
    for found in started(sandbox, "--region", "CHI@Sandbox", "--machines", "podman"):
        yield found
        used = sandbox.status()["memory_bytes"] / 2**20
        pytestconfig.stash[MEMORY] = f"the sandbox's services use {used:.0f} MiB after all tests"


@pytest.fixture(scope="session")
def full_site(test_state: Path) -> Iterator[SiteUnderTest]:
    """CHI@Full: a site with volumes and object storage, and without machines; made for whoever asks first.

    As `site`; CHI_LAB_TEST_SITE counts where that sandbox has both.
    """
    running = os.environ.get("CHI_LAB_TEST_SITE")
    if running and {"volumes", "objects"} <= set((found := site_of(Path(running))).extras):
        yield found
        return
    yield from started(Sandbox("full", test_state), "--machines", "none", "--with", "volumes,objects")


@pytest.fixture(scope="session")
def stack_site(test_state: Path) -> Iterator[SiteUnderTest]:
    """CHI@Stack: a site with real machines of its own, for whole stacks; so that they are a lane of their own.

    As `site`; CHI_LAB_TEST_SITE counts where that sandbox has machines.
    """
    running = os.environ.get("CHI_LAB_TEST_SITE")
    if running and (found := site_of(Path(running))).machines == "podman":
        yield found
        return
    yield from started(Sandbox("stack", test_state), "--region", "CHI@Stack", "--machines", "podman")


@contextmanager
def alone(sandbox: Sandbox) -> Iterator[None]:
    """Two test runs in one state folder would reset the sandboxes under each other's feet."""
    sandbox.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (sandbox.state / f"test-run-{sandbox.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.fail(
                f"Another test run uses {sandbox.folder}. Wait for it, or set CHI_LAB_STATE.", pytrace=False
            )
        yield


def started(sandbox: Sandbox, *options: str) -> Iterator[SiteUnderTest]:
    """Fresh, unless it is to be kept; down at the end."""
    with alone(sandbox):
        try:
            if os.environ.get("CHI_LAB_TEST_KEEP") != "1":
                sandbox.do("reset")
            found = sandbox.up(*options)
        except SandboxFailedError as error:
            pytest.fail(f"The tests need a sandbox, and it did not start.\n{error}", pytrace=False)
        yield found
        sandbox.do("down")


@pytest.fixture
def student(site: SiteUnderTest, tmp_path: Path) -> Iterator[Student]:
    """An owner name that no other test uses; what it still holds at the end is removed, and that is checked."""
    someone = Student(site, f"t{token_hex(5)}", tmp_path)
    yield someone
    someone.remove_everything()


@pytest.fixture
def lab_file(site: SiteUnderTest, tmp_path: Path) -> Callable[..., Path]:
    """`lab_file(**changes)` writes a reservation.yaml for the site (see `labs.lab_text`); returns its path."""

    def write(name: str = "reservation.yaml", **changes: object) -> Path:
        return write_lab(tmp_path / name, site.region, **changes)

    return write
