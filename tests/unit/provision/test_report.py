"""What Ansible's events come to."""

from __future__ import annotations

from chi_helpers.model.outcome import Result
from chi_helpers.provision.report import HIDDEN, HostReport, Listener, ProvisionReport, TaskFailure, words


class Watching:
    def __init__(self):
        self.seen = []

    def started(self, step):
        self.seen.append(("started", step))

    def note(self, step, detail):
        self.seen.append(("note", step, detail))

    def finished(self, outcome):
        self.seen.append(("finished", outcome.step, outcome.result))


def event(kind, **data):
    return {"event": kind, "event_data": data}


def stats(**counts):
    return event("playbook_on_stats", **counts)


def listen(*events, names=("node1", "node2")):
    watching = Watching()
    listener = Listener(names, watching)
    listener.begin()
    for one in events:
        listener.hear(one)
    return listener.report(), watching.seen


def test_tasks_are_told_as_they_start_and_hosts_as_they_end():
    report, seen = listen(
        event("runner_on_start", host="node1", task="Set the time zone", role="base"),
        stats(ok={"node1": 3, "node2": 3}, changed={"node1": 2}),
    )
    assert seen == [
        ("started", "Provision node1"),
        ("started", "Provision node2"),
        ("note", "Provision node1", "base : Set the time zone"),
        ("finished", "Provision node1", Result.DONE),
        ("finished", "Provision node2", Result.ALREADY),
    ]
    assert report.ok
    assert report.changed == 2


def test_a_failed_task_is_reported_with_host_task_and_message_and_does_not_hide_the_others():
    result = {"msg": "non-zero return code", "stderr": "disk full", "rc": 1}
    report, _ = listen(
        event("runner_on_failed", host="node1", task="Install", role="docker", res=result),
        stats(ok={"node1": 1, "node2": 4}, failures={"node1": 1}),
    )
    assert not report.ok
    assert report.failures == (TaskFailure("node1", "docker : Install", "non-zero return code | disk full"),)
    assert [outcome.result for outcome in report.outcomes] == [Result.FAILED, Result.ALREADY]
    assert "docker : Install: non-zero return code | disk full" in report.outcomes[0].detail


def test_what_a_role_has_to_say_is_told_with_the_host():
    said = "node1 has a GPU, and models are trained on the processor"
    report, _ = listen(
        event(
            "runner_on_ok",
            host="node1",
            task="Say it",
            task_action="ansible.builtin.debug",
            res={"msg": said},
        ),
        event("runner_on_skipped", host="node2", task="Say it", task_action="ansible.builtin.debug", res={}),
        event(
            "runner_on_ok", host="node2", task="Ask", task_action="ansible.builtin.command", res={"msg": "x"}
        ),
        stats(ok={"node1": 3, "node2": 3}, changed={"node1": 2}),
    )
    assert [outcome.detail for outcome in report.outcomes] == [
        f"2 of 3 tasks changed something; {said}",
        "3 tasks, nothing to change",
    ]
    assert report.hosts[0].notes == (said,)


def test_a_host_that_cannot_be_reached_has_failed():
    report, _ = listen(
        event(
            "runner_on_unreachable",
            host="node1",
            task="Gathering Facts",
            res={"msg": "Host key verification failed."},
        ),
        stats(ok={"node1": 1, "node2": 2}, dark={"node1": 1}),
    )
    assert report.outcomes[0].result is Result.FAILED
    assert "Host key verification failed." in report.outcomes[0].detail


def test_a_failure_that_the_play_ignores_is_none():
    report, _ = listen(
        event("runner_on_failed", host="node1", task="Try", ignore_errors=True, res={"msg": "no"}),
        stats(ok={"node1": 2, "node2": 2}),
    )
    assert report.ok


def test_a_host_that_ansible_did_not_come_to_is_not_ok():
    report, _ = listen(stats(ok={"node1": 1}))
    assert report.outcomes[1].result is Result.SKIPPED
    assert not report.ok


def test_a_failure_that_was_only_counted_is_still_a_failure():
    assert HostReport("node1", ok=3, failed=1).outcome.result is Result.FAILED


def test_without_ansibles_count_there_is_no_report():
    report, _ = listen(event("runner_on_start", host="node1", task="x"))
    assert report is None


def test_events_that_are_unknown_or_empty_are_passed_over():
    report, _ = listen(
        {"event": "verbose"}, {"event": None, "event_data": None}, stats(ok={"node1": 1, "node2": 1})
    )
    assert report.ok


def test_nothing_to_do_is_ok():
    assert ProvisionReport().ok


def test_what_a_loop_says_comes_from_its_items():
    result = {"msg": "One or more items failed", "results": [
        {"failed": False, "item": "a"}, {"failed": True, "item": "b", "msg": "no such package"}]}  # fmt: skip
    assert words(result) == "One or more items failed | b: no such package"


def test_what_is_too_long_keeps_its_beginning_and_its_end():
    said = words({"msg": "begin " + "x" * 5000 + " end"})
    assert said.startswith("begin")
    assert said.endswith("end")
    assert len(said) < 700


def test_a_censored_result_stays_censored():
    hidden = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
    assert words({"censored": hidden, "msg": "never told"}) == HIDDEN
