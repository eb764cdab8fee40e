"""`chi-lab reap`: what it prints and with which code it ends; on projects in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chi_helpers.apply.reaper import last
from chi_helpers.apply.reaper.state import project_folder
from chi_helpers.cli.run import run as chi_lab
from chi_helpers.model.errors import Exit, SiteError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.lab import Spare
from chi_helpers.model.stamp import Stamp
from chi_helpers.reap import Reap
from tests.support.fake_project import Fault
from tests.unit.plan.labs import lab
from tests.unit.reap.worlds import HOUR, MINUTE, Post, World, volume

LATE = -2 * HOUR
GOLDEN = Path(__file__).with_name("reap_report.txt")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """One project in memory, on which `chi-lab reap` runs in this process; the lab's file is not read."""
    monkeypatch.setenv("CHI_LAB_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("CHI_LAB_NOTIFY", raising=False)
    monkeypatch.chdir(tmp_path)
    here = World(tmp_path)

    def opened(_, **given):
        return here.reap(override=given["override"], progress=given["progress"])

    monkeypatch.setattr(Reap, "open", opened)
    return here


@pytest.fixture
def reap(world, capsys):
    """`reap(*words)`: (exit code, stdout, stderr) of `chi-lab reap WORDS`."""

    def call(*words):
        code = chi_lab(["reap", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def scene(project):
    """Something for each part of the report."""
    network = project.make(
        Kind.NETWORK, "net-alice", age=9 * HOUR, stamp=Stamp("alice", "hello", project.now - 2 * HOUR)
    )
    stamp = Stamp("alice", "hello", project.now - 2 * HOUR)
    project.boot("hello-alice", network, id="11111111", age=9 * HOUR, stamp=stamp)
    volume(project, "young", "alice", left=3 * HOUR)
    volume(project, "soon", "bob", left=30 * MINUTE)
    project.make(Kind.VOLUME, "odd\x1b[31m", stamp_fault="delete_at is no time: tomorrow", age=9 * HOUR)
    project.make(Kind.VOLUME, "strange", stamp=Stamp("zed", "other", project.now - HOUR), age=9 * HOUR)
    project.unlisted.add(Kind.IMAGE)
    project.absent.add(Kind.CONTAINER)


def test_the_report_reads_like_this(world, reap):
    """Word for word: tests/unit/cli/reap_report.txt."""
    volume(world.projects[0], "old", left=LATE)
    scene(world.projects[0])
    code, out, err = reap()
    text = f"{out}--- stderr\n{err}--- exit {code}\n"
    if os.environ.get("CHI_LAB_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
    assert all("inventory" in call for call in world.projects[0].calls), "and nothing was changed"


def test_with_yes_it_is_carried_out(world, reap):
    volume(world.projects[0], "old", left=LATE)
    code, out, err = reap("--yes")
    assert code == 0
    assert world.names == set()
    assert "came of it: 1 delete done\na last look found nothing left of it" in out
    assert "done: delete volume old" in err


def test_json_is_one_document_with_all_of_it(world, reap):
    """Plan and report, with ids and request ids; the exit code is in it, too."""
    thing = volume(world.projects[0], "old", left=LATE)
    odd = world.projects[0].make(Kind.VOLUME, "odd", stamp_fault="no time", age=9 * HOUR)
    code, out, _ = reap("--yes", "--json")
    found = json.loads(out)
    assert (code, found["exit_code"], found["ok"], found["acted"]) == (5, 5, False, True)
    (project,) = found["projects"]
    assert [step["id"] for step in project["plan"]["steps"]] == [thing.id]
    assert [v["id"] for v in project["plan"]["verdicts"] if v["doubtful"]] == [odd.id]
    (outcome,) = project["report"]["outcomes"]
    assert (outcome["fate"], outcome["request_id"][:4]) == ("done", "req-")


def test_a_saved_plan_is_carried_out_by_its_file(world, reap):
    """The file's digest is said; what was made meanwhile stays."""
    volume(world.projects[0], "old", left=LATE)
    code, _, err = reap("--save", "plan.json")
    assert code == 0
    digest = json.loads(Path("plan.json").read_text())["plans"][0]["digest"]
    assert digest in err
    volume(world.projects[0], "new", left=LATE)
    code, out, _ = reap("--plan", "plan.json")
    assert (code, world.names) == (0, {"new"})
    assert "delete done" in out


def test_the_breaker_is_said_with_the_way_around_it(world, reap):
    for number in range(25):
        volume(world.projects[0], f"old{number}", left=LATE)
    code, _, err = reap("--yes")
    assert (code, len(world.names)) == (4, 25)
    assert "25 of 25 things of owner alice would go, and 20 may. Nothing was done there." in err
    assert "--above-limits" in err
    assert reap("--yes", "--above-limits")[0] == 0
    assert world.names == set()


def test_what_is_refused_is_said_and_left(world, reap):
    volume(world.projects[0], "old", left=LATE)
    world.projects[0].faults = [Fault("refused", lambda call, _: call.startswith("delete"), times=9)]
    code, out, err = reap("--yes")
    assert code == 1
    assert "still there:\n  volume old" in out
    assert "refused: delete volume old" in err


def test_a_site_that_cannot_be_reached_is_exit_3(world, reap):
    world.broken[0] = SiteError("The site cannot be reached.", do="Check the network.")
    code, out, err = reap()
    assert (code, out) == (3, "")
    assert "The site cannot be reached. Check the network." in err
    code, out, _ = reap("--json")
    assert (code, json.loads(out)["exit_code"]) == (3, 3)


def test_a_site_that_is_lost_while_the_run_is_at_work_is_exit_3(world, reap):
    """After the first look; what was asked for is not called done."""
    volume(world.projects[0], "old", left=LATE)
    world.projects[0].faults = [
        Fault("lost before", lambda call, n: n > 0 and call.startswith("inventory"), times=99)
    ]
    code, out, err = reap("--yes", "--json")
    assert (code, json.loads(out)["exit_code"]) == (3, 3)
    (project,) = json.loads(out)["projects"]
    assert (project["report"]["unreached"], project["report"]["proved"]) == (True, False)
    assert "The site cannot be looked at." in err


def test_explain_shows_every_rule_and_what_it_was_answered_from(world, reap):
    """By id and by name; nothing is changed."""
    thing = volume(world.projects[0], "spared", left=LATE)
    world.spec = {"spare": Spare(names=("^spared$",))}
    code, out, _ = reap("--explain", thing.id)
    assert code == 0
    assert out.startswith(f"volume spared ({thing.id}), ")
    assert "\nkeep: " in out
    assert "unprotected" in out
    assert reap("--explain", "spared")[1] == out
    found = json.loads(reap("--explain", thing.id, "--json")[1])["found"]
    assert {rule["rule"]: rule["holds"] for rule in found[0]["rules"]}["unprotected"] == "no"
    code, _, err = reap("--explain", "nothing")
    assert code == 2
    assert "has the id or name nothing" in err


def test_metrics_are_written_after_every_run(world, reap):
    """Also after one that did not go well."""
    volume(world.projects[0], "old", left=LATE)
    assert reap("--yes", "--metrics", "reaper.prom")[0] == 0
    families = {f.name: f for f in text_string_to_metric_families(Path("reaper.prom").read_text())}
    assert families["chi_lab_reap_deleted"].samples[0].value == 1
    Path("reaper.prom").unlink()
    world.broken[0] = SiteError("gone")
    assert reap("--yes", "--metrics", "reaper.prom")[0] == 3
    assert Path("reaper.prom").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--yes", "--plan", "x"],
        ["--yes", "--explain", "x"],
        ["--alarm", "20m", "--yes"],
        ["--credential", "--yes"],
        ["--save", "x", "--yes"],
        ["--save", "x", "--plan", "y"],
        ["--timeout", "0m"],
        ["--timeout", "soon"],
        ["--alarm", "20"],
        ["--plan", "none.json"],
    ],
)
def test_wrong_use_is_exit_2(reap, words):
    assert reap(*words)[0] == 2


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A lab's file, and its state."""
    monkeypatch.setenv("CHI_LAB_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "reservation.yaml"
    path.write_text(
        "version: 1\nlab: hello\nsite: KVM@TACC\nlifetime: {max: 6h}\n"
        "nodes: {node1: {flavor: m1.small, image: x}}\nclass: {roster: none.csv}\n"
    )
    return path


def ran(path, ago, project="CHI-1"):
    """Note down a run that succeeded so long ago."""
    spec = lab(source=path, site="KVM@TACC")
    ended = datetime.now(UTC) - ago
    run = last.LastRun("hello", "KVM@TACC", project, f"id-{project}", ended, ended)
    last.save(project_folder(spec, f"id-{project}") / last.NAME, run)


@pytest.mark.parametrize(
    ("ago", "words", "code"),
    [
        (timedelta(minutes=1), ["--alarm", "20m"], 0),
        (timedelta(hours=3), ["--alarm", "20m"], 1),
        (timedelta(hours=3), ["--alarm", "4h"], 0),
        (timedelta(hours=3), ["--alarm", "20m", "--project", "CHI-2"], 0),
        (timedelta(hours=3), ["--alarm", "7200s", "--project", "CHI-1"], 1),
    ],
)
def test_the_alarm_asks_no_site_and_needs_no_roster(file, capsys, ago, words, code):
    """The roster that the file names is not there, and nothing listens at the site."""
    ran(file, ago)
    ran(file, timedelta(0), "CHI-2")
    assert chi_lab(["reap", *words]) == code
    said = capsys.readouterr()
    assert ("no run has succeeded for 3h" in said.err) is bool(code)


def test_the_alarm_rings_where_nothing_is_known(file, capsys):
    assert chi_lab(["reap", "--alarm", "20m", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["alarms"]


@pytest.fixture
def post(monkeypatch, tmp_path):
    """Takes what is sent in place of apprise; `notify` is a file of channels with a secret in each line."""
    here = Post()
    monkeypatch.setattr("chi_helpers.apply.notify.send.send_all", lambda messages, **_: here(messages))
    monkeypatch.delenv("CHI_LAB_NOTIFY", raising=False)
    channels(tmp_path, "json://me:hunter2@127.0.0.1/staff", "json://me:hunter2@127.0.0.1/people/{owner}")
    return here


def channels(folder, *lines):
    (folder / "notify").write_text("\n".join(lines) + "\n")
    (folder / "notify").chmod(0o600)


def test_the_alarm_tells_staff_in_one_message_and_rings_all_the_same(file, post, capsys):
    """All its sentences in it, to staff alone; no secret is printed or written down."""
    ran(file, timedelta(hours=3))
    ran(file, timedelta(hours=5), "CHI-2")
    assert chi_lab(["reap", "--alarm", "20m", "--notify", "notify"]) == 1
    (message,) = post.sent
    assert message.url.endswith("/staff")
    assert message.title == "Reaper of hello: the alarm rings"
    said = capsys.readouterr()
    for words in (
        "CHI-1 at KVM@TACC: no run has succeeded for 3h",
        "CHI-2 at KVM@TACC: no run has succeeded",
    ):
        assert words in message.body
        assert words in said.err
    written = [path.read_text() for path in (file.parent / "state").rglob("*") if path.is_file()]
    assert "hunter2" not in said.out + said.err + "".join(written)


def test_the_alarms_channels_may_be_named_by_the_environment(file, post, monkeypatch):
    """As a run's."""
    monkeypatch.setenv("CHI_LAB_NOTIFY", "notify")
    assert chi_lab(["reap", "--alarm", "20m"]) == 1
    assert len(post.sent) == 1


def test_an_alarm_that_does_not_ring_sends_nothing(file, post):
    ran(file, timedelta(minutes=1))
    assert chi_lab(["reap", "--alarm", "20m", "--notify", "notify"]) == 0
    assert post.sent == []


def test_the_same_alarm_is_sent_again_after_an_hour_and_another_one_at_once(file, post, capsys):
    """It is asked every few minutes, and its sentences grow older; exit code and words stay."""
    ran(file, timedelta(hours=3))
    words = ["reap", "--alarm", "20m", "--notify", "notify"]
    assert [chi_lab(words) for _ in range(2)] == [1, 1]
    ran(file, timedelta(hours=3, minutes=5))
    assert chi_lab(words) == 1
    assert len(post.sent) == 1
    assert "not sent again yet" in capsys.readouterr().err
    ran(file, timedelta(hours=3), "CHI-2")
    assert chi_lab(words) == 1
    assert len(post.sent) == 2
    [told] = (file.parent / "state").rglob("hello.alarm.json")
    for shift in (timedelta(minutes=-61), timedelta(minutes=61)):  # an hour ago; a clock that was set back
        at = (datetime.now(UTC) + shift).isoformat()
        told.write_text(json.dumps(dict.fromkeys(json.loads(told.read_text()), at)))
        assert chi_lab(words) == 1
    assert len(post.sent) == 4


@pytest.mark.parametrize("as_json", [False, True])
def test_a_channel_that_fails_is_reported_and_does_not_hide_the_alarm(file, post, capsys, as_json):
    """It is tried again the next time."""
    post.refuses = "staff"
    words = ["reap", "--alarm", "20m", "--notify", "notify", *(["--json"] if as_json else [])]
    assert [chi_lab(words) for _ in range(2)] == [1, 1]
    assert len(post.sent) == 2
    said = capsys.readouterr()
    assert "No run of the reaper has been recorded" in said.err
    assert "Not delivered: staff: json (line 1) failed" in said.err
    assert ("staff: json (line 1) failed" in said.out) is as_json


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("none", "no such file"),
        ("open", "may be read by others"),
        ("wrong", "is no apprise URL"),
        ("personal", "No channel leads to staff"),
    ],
)
def test_channels_that_cannot_be_used_do_not_hide_the_alarm_and_are_found_before_it_rings(
    file, post, capsys, spoilt, words
):
    path = file.parent / "notify"
    match spoilt:
        case "none":
            path.unlink()
        case "open":
            path.chmod(0o644)
        case "wrong":
            channels(file.parent, "hunter2")
        case "personal":
            channels(file.parent, "json://me:hunter2@127.0.0.1/people/{owner}")
    call = ["reap", "--alarm", "20m", "--notify", "notify"]
    assert chi_lab(call) == 1
    said = capsys.readouterr().err
    assert "No run of the reaper has been recorded" in said
    assert words in said
    ran(file, timedelta(minutes=1))
    assert chi_lab(call) == (0 if spoilt == "personal" else 2)
    quiet = capsys.readouterr().err
    assert words in quiet
    assert "hunter2" not in said + quiet


def test_the_alarm_says_its_words_before_it_sends_them(file, post, capsys, monkeypatch):
    """A channel that hangs until somebody ends the process takes nothing away."""

    def hangs(_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("chi_helpers.apply.notify.send.send_all", hangs)
    assert chi_lab(["reap", "--alarm", "20m", "--notify", "notify"]) == 130
    assert "No run of the reaper has been recorded" in capsys.readouterr().err


def test_the_commands_for_the_credential_name_roles_and_say_why(file, capsys):
    """A plain member's, so that Nova's locks protect; no site is asked."""
    assert chi_lab(["reap", "--credential", "--project", "CHI-1", "--project", "CHI-2"]) == 0
    out = capsys.readouterr().out
    assert out.count("openstack application credential create --role member --role reader") == 2
    assert "--unrestricted" not in "\n".join(line for line in out.splitlines() if not line.startswith("#"))
    assert "Nova refuses a member to delete a locked instance" in out
    assert "region_name: KVM@TACC" in out


def test_a_missing_roster_is_wrong_use(file, capsys):
    """Whose things they are could not be told: nothing is begun."""
    assert chi_lab(["reap"]) == 2
    assert "no such file: make it, or correct class.roster" in capsys.readouterr().err


def test_a_run_that_hangs_is_ended_from_a_thread():
    """Even where the main thread never comes back from a call; exit code 3, and a line that says why."""
    code = (
        "import threading\n"
        "from chi_helpers.cli.watchdog import ends_after\n"
        "with ends_after(0.2, 'too long'):\n"
        "    threading.Lock().acquire() and threading.Event().wait(300)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (Exit.SITE, "too long\n")


def test_a_run_that_ends_in_time_is_not_ended():
    code = "from chi_helpers.cli.watchdog import ends_after\nwith ends_after(60, 'x'):\n    pass\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
