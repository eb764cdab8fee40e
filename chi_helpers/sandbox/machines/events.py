"""Follows what happens inside the guests: `sudo reboot`, `sudo poweroff`.

Without this Nova would learn of it in its periodic power sync, ten minutes later, and would take a
reboot for a power-off. podman's own --restart is no substitute: it restarts after a power-off too, and
leaves out what `Guest.start` does after every start.
"""

from __future__ import annotations

import subprocess
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING

from oslo_log import log as logging

from chi_helpers.sandbox.machines.podman import HOST_LABEL, INSTANCE_LABEL, PodmanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chi_helpers.sandbox.machines.podman import Podman

LOG = logging.getLogger(__name__)

_REBOOTED = 129
"""Exit status of a container whose init called reboot(2) to restart: the kernel sends it SIGHUP."""


class Meaning(Enum):
    """What the end of a container stands for."""

    NOTHING = "expected, or already running again"
    REBOOT = "the guest rebooted"
    POWEROFF = "the guest powered itself off, or crashed"


def judge(*, expected: bool, running: bool, status: int) -> Meaning:
    """Say what it means that a container ended.

    `expected`: this driver stopped it. `running`: it has been started again since. `status` is the
    exit status.
    """
    if expected or running:
        return Meaning.NOTHING
    return Meaning.REBOOT if status == _REBOOTED else Meaning.POWEROFF


class Watcher:
    """One for all hosts of a process, for it costs about 30 MB (`podman events`)."""

    def __init__(self, podman: Podman, act: Callable[[str, str, Meaning], None]) -> None:
        """`act(host, instance UUID, meaning)` is called in the watcher's thread."""
        self.podman = podman
        self.act = act
        self._expected: set[str] = set()
        threading.Thread(target=self._follow, daemon=True, name="podman-events").start()

    def expect_end(self, instance_uuid: str) -> None:
        """Say that the driver is about to stop this instance."""
        self._expected.add(instance_uuid)

    def expect_life(self, instance_uuid: str) -> None:
        """Say that the driver is about to start it."""
        self._expected.discard(instance_uuid)

    def _follow(self) -> None:
        while True:
            with subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM"),  # end with this process, however it ends
                    *("podman", *self.podman.args, "events", "--filter", "event=died"),
                    *("--filter", self.podman.mine, "--format", "{{.Name}}"),
                ],
                stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
            ) as events:
                for line in events.stdout or ():
                    try:
                        self._died(line.strip())
                    except PodmanError as error:  # deleted meanwhile, say
                        LOG.info("%s died: %s", line.strip(), error)
                    except Exception:
                        LOG.exception("%s died, and what to do about it failed", line.strip())
            LOG.warning("podman events ended; starting it again.")
            time.sleep(1)

    def _died(self, name: str) -> None:
        known = self.podman.inspect(name)
        labels, state = known["Config"]["Labels"], known["State"]
        instance_uuid = labels[INSTANCE_LABEL]
        expected = instance_uuid in self._expected
        self._expected.discard(instance_uuid)
        meaning = judge(expected=expected, running=state["Status"] == "running", status=state["ExitCode"])
        if meaning is not Meaning.NOTHING:
            LOG.info("%s: %s", name, meaning.value)
            self.act(labels[HOST_LABEL], instance_uuid, meaning)
