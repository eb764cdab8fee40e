"""The ready files of deploy/: well-formed, in step with the role, and right in what they do with exit codes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import typing
from pathlib import Path

import msgspec
import pytest
import yaml
from lightkube.models import batch_v1, core_v1

from chi_helpers.cli import reap
from chi_helpers.cli.reap_alarm import LONGEST
from chi_helpers.model.errors import Exit
from scripts.deploy_files import PLACES, rendered

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
CRONTAB = DEPLOY / "cron/chi-lab-reaper"
WORKFLOW = DEPLOY / "github/reaper.yml"
BIN = Path(sys.executable).parent

DIRECTIVES = {
    "Unit": {"Description", "Wants", "After", "OnFailure"},
    "Timer": {"OnCalendar", "Persistent", "RandomizedDelaySec", "AccuracySec"},
    "Install": {"WantedBy"},
    "Service": {
        "Type", "User", "Environment", "ExecStart", "ExecStopPost", "SuccessExitStatus", "TimeoutStartSec", "TimeoutStopSec",
        "UMask", "StateDirectory", "StateDirectoryMode", "ReadWritePaths", "ProtectSystem", "ProtectHome", "PrivateTmp",
        "PrivateDevices", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
        "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "NoNewPrivileges", "CapabilityBoundingSet",
        "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality",
        "RemoveIPC", "SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber",
    },
}  # fmt: skip
"""systemd.unit(5), systemd.timer(5), systemd.service(5), systemd.exec(5): systemd itself only warns of others."""


def test_deploy_has_what_the_roles_templates_say():
    """`make deploy` writes them."""
    assert {place: (DEPLOY / place).read_text() for place in PLACES.values()} == rendered()


def unit(text: str) -> dict[str, dict[str, list[str]]]:
    """The sections of a unit file; a line that is none of its three kinds fails."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[([A-Z][a-z]+)\]", line):
            section = heading[1]
            found[section] = {}
            continue
        entry = re.fullmatch(r"([A-Za-z]+)=(.*)", line)
        assert entry, line
        found[section].setdefault(entry[1], []).append(entry[2])
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_has_only_directives_that_systemd_has_each_once(path):
    found = unit(path.read_text())
    assert {name: set(keys) - DIRECTIVES[name] for name, keys in found.items()} == {
        name: set() for name in found
    }
    assert [key for keys in found.values() for key, values in keys.items() if len(values) > 1] == []


def test_the_service_is_ended_after_its_own_time_is_over_and_then_starts_the_alarm():
    service = unit((DEPLOY / "systemd/chi-lab-reaper.service").read_text())
    [command] = service["Service"]["ExecStart"]
    own = re.search(r"--timeout (\d+)s", command)
    assert own
    assert int(own[1]) < int(service["Service"]["TimeoutStartSec"][0]) <= int(own[1]) + 60
    assert (DEPLOY / "systemd" / service["Unit"]["OnFailure"][0]).exists()
    assert "--yes" in shlex.split(command)
    assert "--yes" not in rendered(reaper_act=False)["systemd/chi-lab-reaper.service"]


WATCHDOG = """
from chi_helpers.cli.watchdog import ends_after
ended = []
with ends_after(0.0, "", end=ended.append):
    while not ended:
        pass
print(*ended)
"""


@pytest.fixture(scope="module")
def hung() -> int:
    """The exit code of a run that hung and was ended by its own watchdog."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHDOG], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


def test_the_service_counts_what_is_left_and_what_is_in_doubt_as_success_and_no_run_that_hung(hung):
    """Systemd then starts the alarm; what is left for the next run is no reason for that."""
    [codes] = unit((DEPLOY / "systemd/chi-lab-reaper.service").read_text())["Service"]["SuccessExitStatus"]
    assert {int(code) for code in codes.split()} == {Exit.PARTIAL, Exit.DOUBT}
    assert hung not in {Exit.OK, Exit.PARTIAL, Exit.DOUBT}


def test_no_alarm_counts_as_success():
    """Its exit code 1 is what rings."""
    service = unit((DEPLOY / "systemd/chi-lab-reaper-alarm.service").read_text())["Service"]
    assert "SuccessExitStatus" not in service


def test_a_run_that_hung_is_a_failure_for_cron_kubernetes_and_github(stand_in, hung):
    (stand_in / "reap").write_text(str(hung))
    assert "The reaper failed." in shell(cron_command(stand_in, 0), stand_in).stdout
    [container] = kubernetes()[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    job = subprocess.run(
        [*container["command"], *container["args"]], env={"PATH": f"{stand_in}:/usr/bin:/bin"}, check=False, timeout=60,
        capture_output=True,
    )  # fmt: skip
    assert job.returncode == hung
    assert shell(step("Plan"), stand_in, ACT="true", RUNNER_TEMP=str(stand_in)).returncode == hung


def test_every_alarm_tells_staff_and_is_given_the_time_for_it():
    """The message may take so long as is left after the start."""
    alarms = [call for call in calls() if "--alarm" in call]
    assert len(alarms) == 4
    assert [call for call in alarms if "--notify" not in call] == []
    service = unit((DEPLOY / "systemd/chi-lab-reaper-alarm.service").read_text())["Service"]
    assert int(service["TimeoutStartSec"][0]) >= LONGEST + 15
    assert "timeout -k 10 60 " in entries(CRONTAB.read_text())[2][2]
    [container] = kubernetes()[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert "timeout 60 chi-lab reap" in container["args"][0]
    assert "--notify" not in rendered(reaper_notify="")["systemd/chi-lab-reaper-alarm.service"]


def test_the_timer_catches_up_missed_runs():
    timer = unit((DEPLOY / "systemd/chi-lab-reaper.timer").read_text())["Timer"]
    assert (timer["Persistent"], timer["OnCalendar"]) == (["true"], ["*:0/5"])


def test_options_of_the_role_reach_the_units_and_the_crontab():
    found = rendered(
        reaper_cloud_names=["kvm", "uc"],
        reaper_projects=["CHI-1"],
        reaper_notify="",
        reaper_minutes=10,
        reaper_alarm_program="/usr/local/bin/page",
        reaper_program="/usr/bin/chi-lab",
    )
    for place in (
        "systemd/chi-lab-reaper.service",
        "systemd/chi-lab-reaper-alarm.service",
        "cron/chi-lab-reaper",
    ):
        text = found[place]
        assert (
            "/usr/bin/chi-lab reap -f /etc/chi-lab/reaper/reservation.yaml --cloud kvm --cloud uc --project CHI-1 --"
            in text
        )
        assert "--notify" not in text
    assert "OnCalendar=*:0/10" in found["systemd/chi-lab-reaper.timer"]
    assert "exec /usr/local/bin/page'" in found["systemd/chi-lab-reaper-alarm.service"]
    assert "*/10 * * * * chi-lab-reaper " in found["cron/chi-lab-reaper"]


def entries(text: str) -> list[tuple[str, str, str]]:
    """(when, user, command) of a file of /etc/cron.d."""
    lines = [line for line in text.splitlines() if line and not re.match(r"#|[A-Z_]+=", line)]
    found = [re.fullmatch(r"(@reboot|(?:\S+ ){4}\S+) (\S+) (.+)", line) for line in lines]
    assert all(found), lines
    return [(entry[1], entry[2], entry[3]) for entry in found if entry]


def test_the_crontab_is_one_that_cron_understands():
    text = CRONTAB.read_text()
    assert text.endswith("\n"), "cron leaves the last line out without it"
    # Debian's cron ignores files with a dot in their name, and cuts commands at 998 characters (crontab(5), cron(8)).
    assert re.fullmatch(r"[A-Za-z0-9_-]+", CRONTAB.name)
    for when, user, command in entries(text):
        assert user == "chi-lab-reaper"
        assert "%" not in command, "cron makes it a new line"
        assert len(command) < 998
        subprocess.run(["sh", "-n", "-c", command], check=True)
        if when != "@reboot":
            for field, most in zip(when.split(), (59, 23, 31, 12, 7), strict=True):
                step = re.fullmatch(r"(?:\*|(\d+)-(\d+)|(\d+))(?:/(\d+))?", field)
                assert step, field
                assert all(int(number) <= most for number in step.groups() if number)


def calls() -> list[str]:
    """Each `chi-lab reap ...` in the files of deploy/."""
    texts = [*(path.read_text() for path in UNITS), CRONTAB.read_text(), str(kubernetes()), str(workflow())]
    joined = [text.replace("\\\n", " ").replace("\\\\\\n", " ") for text in texts]
    found = [call for text in joined for call in re.findall(r"chi-lab reap (-[^|&;)\n\\'}]*)", text)]
    return [re.sub(r" 2>$", "", call) for call in found]


def test_every_call_of_the_reaper_has_words_that_it_knows_and_acts_warns_or_watches():
    """A file that is not in step with the command line would fail at night."""
    assert len(calls()) == 10
    for call in calls():
        words = shlex.split(call)
        given = reap.command.make_context("reap", list(words)).params
        assert given["yes"] or given["alarm"] or "proposed/reservation.yaml" in words, call
        assert not (given["yes"] and given["notify"] is None), call


@pytest.fixture
def stand_in(tmp_path):
    """A folder with a `chi-lab` that notes its words in `calls`, and exits with what `reap` or `alarm` say."""
    program = tmp_path / "chi-lab"
    program.write_text(
        f'#!/bin/sh\ncd {tmp_path}\necho "$@" >>calls\necho said\n'
        'case "$*" in *--alarm*) exit "$(cat alarm)" ;; esac\nexit "$(cat reap)"\n'
    )
    program.chmod(0o755)
    (tmp_path / "reap").write_text("0")
    (tmp_path / "alarm").write_text("0")
    return tmp_path


def shell(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-e", "-c", script],
        env={"PATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def cron_command(folder: Path, index: int) -> str:
    text = rendered(reaper_program=str(folder / "chi-lab"))["cron/chi-lab-reaper"]
    return entries(text.replace("/var/lib/chi-lab-reaper/", f"{folder}/"))[index][2]


@pytest.mark.parametrize(
    ("code", "mails"), [(0, False), (1, False), (5, False), (2, True), (3, True), (4, True)]
)
def test_cron_mails_what_is_a_failure_and_no_more(stand_in, code, mails):
    (stand_in / "reap").write_text(str(code))
    done = subprocess.run(
        ["sh", "-c", cron_command(stand_in, 0)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == ("said\nThe reaper failed.\n" if mails else "")
    assert "--yes" in (stand_in / "calls").read_text()


def test_cron_mails_the_alarm(stand_in):
    assert shell(cron_command(stand_in, 2), stand_in).stdout == ""
    (stand_in / "alarm").write_text("1")
    assert "The reaper's alarm rings." in shell(cron_command(stand_in, 2), stand_in).stdout


def test_cron_starts_no_second_run_beside_one_that_is_at_work(stand_in):
    lock = stand_in / "cron.lock"
    with subprocess.Popen(
        ["flock", lock, "sh", "-c", "echo held; read end"], stdin=-1, stdout=-1, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = shell(cron_command(stand_in, 0), stand_in)
        holder.communicate("\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert not (stand_in / "calls").exists()


def kubernetes() -> list[dict[str, typing.Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes/cronjob.yaml").read_text()))


def unknown(value: object, kind: typing.Any, at: str) -> list[str]:
    """Keys of `value` that Kubernetes' API does not have at that place."""
    for inner in typing.get_args(kind) or [kind]:
        if isinstance(value, list):
            return [found for i, one in enumerate(value) for found in unknown(one, inner, f"{at}[{i}]")]
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            known = {field.encode_name: field.type for field in msgspec.structs.fields(inner)}
            wrong = [f"{at}.{key}" for key in value if key not in known]
            return wrong + [
                f for key in value if key in known for f in unknown(value[key], known[key], f"{at}.{key}")
            ]
        if typing.get_args(inner):
            return unknown(value, inner, at)
    return []


def test_the_manifests_have_kubernetes_own_fields_and_types():
    claim, job = kubernetes()
    for manifest, kind in ((claim, core_v1.PersistentVolumeClaim), (job, batch_v1.CronJob)):
        assert unknown(manifest, kind, "") == []
        msgspec.convert(manifest, kind)  # types, and what must be there


def test_a_manifest_with_a_field_too_many_or_too_few_or_of_a_wrong_type_is_found():
    _, job = kubernetes()
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    container["comand"] = []
    job["spec"]["concurencyPolicy"] = "Forbid"
    assert sorted(unknown(job, batch_v1.CronJob, "")) == [
        ".spec.concurencyPolicy", ".spec.jobTemplate.spec.template.spec.containers[0].comand",
    ]  # fmt: skip
    job["spec"]["suspend"] = "no"
    with pytest.raises(msgspec.ValidationError, match="suspend"):
        msgspec.convert(job, batch_v1.CronJob)
    del job["spec"]["suspend"], job["spec"]["schedule"]
    with pytest.raises(msgspec.ValidationError, match="schedule"):
        msgspec.convert(job, batch_v1.CronJob)


def test_the_cron_job_never_doubles_catches_up_ends_what_hangs_and_may_do_little():
    claim, job = kubernetes()
    spec, work = job["spec"], job["spec"]["jobTemplate"]["spec"]
    pod = work["template"]["spec"]
    [container] = pod["containers"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] >= 300
    assert (work["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert work["activeDeadlineSeconds"] >= 240 + 60
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    assert volumes["files"]["secret"]["defaultMode"] == 0o400
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


@pytest.mark.parametrize(
    ("reap", "alarm", "code"), [(0, 0, 0), (1, 0, 0), (5, 0, 0), (3, 0, 3), (4, 0, 4), (0, 1, 1), (3, 1, 1)]
)
def test_the_jobs_exit_code_tells_failures_and_alarms(stand_in, reap, alarm, code):
    [container] = kubernetes()[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (stand_in / "reap").write_text(str(reap))
    (stand_in / "alarm").write_text(str(alarm))
    done = subprocess.run(
        [*container["command"], *container["args"]], env={"PATH": f"{stand_in}:/usr/bin:/bin"}, check=False, timeout=60,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == code
    assert len((stand_in / "calls").read_text().splitlines()) == 2


def test_the_image_is_made_of_what_the_checkout_has_and_runs_as_the_pods_user():
    text = (DEPLOY / "kubernetes/Containerfile").read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert {word for word, _ in steps} == {
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "ENV",
        "ENTRYPOINT",
        "CMD",
    }
    copied = [source for word, rest in steps if word == "COPY" for source in rest.split()[:-1]]
    assert [source for source in copied if not (TOP / source).exists()] == []
    pod = kubernetes()[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["securityContext"]
    assert [rest for word, rest in steps if word == "USER"] == [f"{pod['runAsUser']}:{pod['runAsGroup']}"]


def workflow() -> typing.Any:
    return yaml.load(WORKFLOW.read_text(), yaml.BaseLoader)  # noqa: S506 - a safe loader, to which `on` is text


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_the_workflow_is_one_by_githubs_schema_and_every_job_ends(schema):
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", schema, WORKFLOW],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_workflow_may_only_read_and_its_runs_do_not_overlap():
    found = workflow()
    assert found["permissions"] == {"contents": "read"}
    assert found["concurrency"]["cancel-in-progress"] == "false"
    assert "head.repo.full_name == github.repository" in found["jobs"]["reap"]["if"]


def step(name: str) -> str:
    [script] = [
        one["run"] for one in workflow()["jobs"]["reap"]["steps"] if one.get("name", "").startswith(name)
    ]
    assert isinstance(script, str)
    return script


@pytest.mark.parametrize(("reap", "code"), [(0, 0), (1, 0), (5, 0), (2, 2), (3, 3), (4, 4)])
@pytest.mark.parametrize("act", ["true", "false"])
def test_a_pull_request_shows_the_plan_and_a_run_carries_it_out(stand_in, act, reap, code):
    (stand_in / "reap").write_text(str(reap))
    done = shell(step("Plan"), stand_in, ACT=act, RUNNER_TEMP=str(stand_in))
    assert done.returncode == code
    [call] = (stand_in / "calls").read_text().splitlines()
    assert ("--yes" in call, "-f proposed/reservation.yaml" in call) == (act == "true", act == "false")


def test_the_workflows_secrets_are_in_files_that_others_cannot_read(stand_in):
    done = shell(
        step("Put the secrets"), stand_in, RUNNER_TEMP=str(stand_in), GITHUB_ENV=str(stand_in / "env"),
        CLOUDS="clouds:\n  a: {}", NOTIFY="mailto://x",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name, text in (("clouds.yaml", "clouds:\n  a: {}\n"), ("notify", "mailto://x\n")):
        path = stand_in / "reaper" / name
        assert path.read_text() == text
        assert path.stat().st_mode & 0o077 == 0
    assert done.stdout + done.stderr == ""
