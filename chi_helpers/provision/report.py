"""What became of a run of Ansible, gathered from its events. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chi_helpers.model.outcome import Outcome, Progress, Result

_SAY = ("ansible.builtin.debug", "debug")
_LONG = 600
"""Characters of a task's own words that a report repeats."""


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A task that failed on a host, and what it said."""

    host: str
    task: str
    message: str


@dataclass(frozen=True, slots=True)
class HostReport:
    """Ansible's counts for one host, and what its roles had to say (`notes`: tasks of Ansible's `debug`)."""

    name: str
    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0
    failures: tuple[TaskFailure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """As one step of the lab."""
        step = step_of(self.name)
        if self.failures or self.failed or self.unreachable:
            said = "; ".join(f"{failure.task}: {failure.message}" for failure in self.failures)
            return Outcome(step, Result.FAILED, said or "Ansible counted a failure that it did not describe")
        if not self.ok:
            return Outcome(step, Result.SKIPPED, "Ansible did not come to it")
        result = Result.DONE if self.changed else Result.ALREADY
        counts = f"{self.changed} of {self.ok} tasks changed something"
        said = counts if self.changed else f"{self.ok} tasks, nothing to change"
        return Outcome(step, result, "; ".join([said, *self.notes]))


@dataclass(frozen=True, slots=True)
class ProvisionReport:
    """What became of every host."""

    hosts: tuple[HostReport, ...] = ()

    @property
    def ok(self) -> bool:
        """Every host was reached, and no task failed."""
        return all(outcome.ok and outcome.result is not Result.SKIPPED for outcome in self.outcomes)

    @property
    def changed(self) -> int:
        """Tasks that changed something, over all hosts."""
        return sum(host.changed for host in self.hosts)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(host.outcome for host in self.hosts)

    @property
    def failures(self) -> tuple[TaskFailure, ...]:
        return tuple(failure for host in self.hosts for failure in host.failures)


def step_of(host: str) -> str:
    """Title of the step that provisions a host."""
    return f"Provision {host}"


@dataclass(slots=True)
class Listener:
    """Turns ansible-runner's events into progress, and at the end into a report."""

    names: tuple[str, ...]
    progress: Progress
    _failures: dict[str, list[TaskFailure]] = field(default_factory=dict)
    _notes: dict[str, list[str]] = field(default_factory=dict)
    _stats: Mapping[str, Mapping[str, int]] | None = None

    def begin(self) -> None:
        for name in self.names:
            self.progress.started(step_of(name))

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take one event of ansible-runner; unknown ones are passed over."""
        data = event.get("event_data") or {}
        host = data.get("host")
        match event.get("event"):
            case "runner_on_start" if host in self.names:
                self.progress.note(step_of(host), title(data))
            case "runner_on_ok" if data.get("task_action") in _SAY:
                self._notes.setdefault(str(host), []).append(words(data.get("res")))
            case "runner_on_failed" if not data.get("ignore_errors"):
                self._fail(str(host), data)
            case "runner_on_unreachable":
                self._fail(str(host), data)
            case "playbook_on_stats":
                self._stats = data

    def report(self) -> ProvisionReport | None:
        """The report, told to the observer; None where Ansible ended before it counted."""
        if self._stats is None:
            return None
        found = ProvisionReport(tuple(self._host(name, self._stats) for name in self.names))
        for outcome in found.outcomes:
            self.progress.finished(outcome)
        return found

    def _fail(self, host: str, data: Mapping[str, Any]) -> None:
        self._failures.setdefault(host, []).append(TaskFailure(host, title(data), words(data.get("res"))))

    def _host(self, name: str, stats: Mapping[str, Mapping[str, int]]) -> HostReport:
        def count(key: str) -> int:
            return int((stats.get(key) or {}).get(name, 0))

        return HostReport(
            name,
            ok=count("ok"),
            changed=count("changed"),
            failed=count("failures"),
            unreachable=count("dark"),
            failures=tuple(self._failures.get(name, ())),
            notes=tuple(self._notes.get(name, ())),
        )


HIDDEN = "what it said is hidden, since it handles a secret; the node's own journal may say more"
"""Of a task with `no_log`."""


def title(data: Mapping[str, Any]) -> str:
    """`role : task` as Ansible prints it."""
    role, task = data.get("role"), str(data.get("task") or "a task without a name")
    return f"{role} : {task}" if role else task


def words(result: Any) -> str:
    """What a failed task said: its message, and its standard error or output; never a censored result."""
    if not isinstance(result, Mapping):
        return str(result or "said nothing")[:_LONG]
    if result.get("censored"):
        return HIDDEN
    parts = [result.get("msg"), *(_item(item) for item in result.get("results") or ())]
    parts += [result.get("stderr") or result.get("module_stderr") or result.get("stdout")]
    said = [str(part).strip() for part in parts if part]
    text = " | ".join(dict.fromkeys(said)) or "said nothing"
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]} … {text[-_LONG // 2 :]}"


def _item(item: Any) -> str:
    if not isinstance(item, Mapping) or not item.get("failed"):
        return ""
    label = item.get("_ansible_item_label", item.get("item", ""))
    return f"{label}: {item.get('msg') or item.get('stderr') or 'failed'}"
