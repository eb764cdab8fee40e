"""What `Lab` gives its callers: results, errors, proofs and progress, on the site in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chi_helpers import provision, sites
from chi_helpers.lab import Lab, shortened
from chi_helpers.model.errors import LabKitError, LeftoverError, RefusedError, SiteError, UsageError
from chi_helpers.model.lab import LeaseSpec, NetworkSpec
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.provision import HostReport, ProvisionReport
from tests.unit.plan.labs import SIX, lab, node

RESERVATION = Path(__file__).resolve().parents[3] / "reservation.yaml"


class Watching:
    def __init__(self):
        self.begun: list[str] = []
        self.ended: list[Outcome] = []

    def started(self, step):
        self.begun.append(step)

    def note(self, step, detail):
        pass

    def finished(self, outcome):
        self.ended.append(outcome)


@pytest.fixture
def ansible(monkeypatch):
    """Ansible in its place: `calls` are what it was given, `reports` what it makes of hosts, by name."""

    class Ansible:
        def __init__(self):
            self.calls = []
            self.reports = {}
            self.error = None

        def __call__(self, *given, check):
            self.calls.append((*given, check))
            if self.error:
                raise self.error
            hosts = given[3]
            return ProvisionReport(tuple(self.reports.get(h.name, HostReport(h.name, ok=3)) for h in hosts))

    found = Ansible()
    monkeypatch.setattr(provision, "provision", found)
    return found


class TestOpen:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch):
        monkeypatch.delenv("CHI_LAB_SITE", raising=False)
        monkeypatch.setenv("CHI_LAB_OWNER", "sam")

    def test_the_site_is_the_argument_s_then_the_variable_s_then_the_file_s(self, monkeypatch):
        of_file = Lab.open(RESERVATION).spec.site
        monkeypatch.setenv("CHI_LAB_SITE", "CHI@Variable")
        assert Lab.open(RESERVATION).spec.site == "CHI@Variable" != of_file
        assert Lab.open(RESERVATION, site="CHI@Argument").spec.site == "CHI@Argument"

    def test_it_logs_in_at_first_use_once_and_as_it_was_told(self, monkeypatch, site_):
        calls = []

        def connect(*given, **named):
            calls.append((given, named))
            return site_

        monkeypatch.setattr(sites, "connect", connect)
        one = Lab.open(RESERVATION, site="CHI@Fake", cloud="mine")
        assert not calls
        assert one.site is one.site is site_
        assert calls == [(("CHI@Fake",), {"cloud": "mine", "project": one.spec.project})]

    def test_lifetime_and_progress_are_taken_over(self):
        watching = Watching()
        one = Lab.open(RESERVATION, lifetime=timedelta(minutes=30), progress=watching)
        assert one.spec.lease.duration == one.spec.lifetime.max == timedelta(minutes=30)
        assert one.progress is watching
        whole = Lab.open(RESERVATION)
        assert whole.spec.lifetime.max > timedelta(minutes=30)
        whole.progress.started("a step")

    def test_the_file_of_the_folder_is_the_default(self, monkeypatch, tmp_path):
        (tmp_path / "reservation.yaml").write_text(RESERVATION.read_text())
        monkeypatch.chdir(tmp_path)
        assert Lab.open().owner == "sam"


class TestShortened:
    @pytest.mark.parametrize("asked", [timedelta(minutes=2), SIX])
    def test_both_limits_are_allowed(self, asked):
        found = shortened(lab(), asked)
        assert (found.lease.duration, found.lifetime.max) == (asked, asked)

    def test_a_lease_that_is_shorter_stays_as_it_is(self):
        spec = lab(lease=LeaseSpec(timedelta(hours=1)))
        assert shortened(spec, timedelta(hours=2)).lease.duration == timedelta(hours=1)

    @pytest.mark.parametrize(
        ("asked", "said", "todo"),
        [
            (timedelta(hours=7), "7h is above the 6h", "only shorten"),
            (timedelta(seconds=119), "too short", "2m"),
        ],
    )
    def test_a_refusal_says_what_is_allowed(self, asked, said, todo):
        with pytest.raises(UsageError, match=said) as error:
            shortened(lab(), asked)
        assert todo in error.value.do


class TestErrors:
    def test_what_failed_is_raised_with_its_step_and_request(self, a_lab, site_):
        site_.fail["create_lease"] = [RefusedError("No room.", request_id="req-7")]
        with pytest.raises(RefusedError, match=r"create lease hello-sam.*: No room") as refused:
            a_lab().reserve()
        assert refused.value.request_id == "req-7"
        site_.fail["create_lease"] = [SiteError("Down.")]
        with pytest.raises(LabKitError, match="Down") as failed:
            a_lab().reserve()
        assert type(failed.value) is LabKitError

    @pytest.mark.parametrize("verb", ["launch", "address", "trust"])
    def test_each_part_raises_what_failed_in_it(self, a_lab, site_, verb):
        site_.fail["create_instance"] = [SiteError("Nova is down.")]
        with pytest.raises(LabKitError, match="Nova is down"):
            getattr(a_lab(), verb)()

    @pytest.mark.parametrize(
        ("verb", "call", "not_called"),
        [
            ("reserve", "create_lease", "create_group"),
            ("launch", "create_instance", "create_address"),
            ("address", "create_address", "console"),
            ("trust", "console", "none"),
        ],
    )
    def test_each_part_goes_as_far_as_its_name_says(self, a_lab, site_, verb, call, not_called):
        getattr(a_lab(), verb)()
        assert site_.calls[call]
        assert not site_.calls[not_called]

    @pytest.mark.parametrize("verb", ["reserve", "launch", "address", "trust"])
    def test_each_part_first_deletes_what_is_of_no_use(self, a_lab, site_, verb):
        a_lab().up()
        [lease] = site_.leases
        site_.leases[lease] = replace(site_.leases[lease], status="ERROR")
        getattr(a_lab(), verb)()
        assert lease not in site_.leases

    def test_a_lease_that_is_gone_again_is_told(self, a_lab, site_, monkeypatch):
        one = a_lab()
        real = one._look

        def gone():
            site_.leases = {key: replace(x, status="TERMINATED") for key, x in site_.leases.items()}
            return real()

        one.reserve()
        monkeypatch.setattr(Lab, "_require", lambda *_, **__: monkeypatch.setattr(one, "_look", gone))
        with pytest.raises(LeftoverError, match="The lease is gone again") as error:
            one.reserve()
        assert "lab.status()" in error.value.do

    def test_of_several_leases_the_one_that_lives_is_given(self, a_lab, site_):
        a_lab().reserve()
        site_.end_lease(next(iter(site_.leases)))
        site_.now += timedelta(days=1)
        found = a_lab().reserve()
        assert found.status == "ACTIVE"
        assert len(site_.leases) == 2

    def test_launch_gives_each_instance_as_python_chi_s_server(self, a_lab, site_, monkeypatch):
        asked = []

        def server(*given):
            asked.append(given)
            return "a server"

        monkeypatch.setattr(site_, "chi_server", server)
        spec = lab(node("a"), node("b", image="CC-Other"), network=NetworkSpec(shared="sharednet1"))
        site_.image_counts["CC-Other"] = 1
        assert a_lab(spec).launch() == {"a": "a server", "b": "a server"}
        assert [(i.stamp.node, image, network) for i, image, network in asked] == [
            ("a", "CC-Ubuntu24.04", "sharednet1"),
            ("b", "CC-Other", "sharednet1"),
        ]

    def test_only_nodes_with_an_address_have_one(self, a_lab):
        assert a_lab(lab(node("a"), node("b", floating_ip=False))).address().keys() == {"a"}


class TestDown:
    def test_the_proof_is_told_and_written(self, a_lab):
        one = a_lab()
        one.progress = watching = Watching()
        one.up()
        report = one.down()
        proof = Outcome("look again", Result.DONE, "nothing is left")
        assert report.outcomes[-1] == watching.ended[-1] == proof
        assert watching.begun[-1] == "look again"
        last = json.loads((one.folder / "journal.jsonl").read_text().splitlines()[-1])
        assert (last["event"], last["left"]) == ("proof", [])

    def test_what_is_left_is_told_written_and_a_failure(self, a_lab, site_):
        one = a_lab()
        one.up()
        site_.fail["delete_group"] = [SiteError("No.")]
        (one.folder / "secrets.json").write_text("{}")
        (one.folder / "ansible-1").mkdir()
        report = one.down()
        assert report.left == ("security group hello-sam",)
        assert report.outcomes[-1] == Outcome(
            "look again", Result.FAILED, "still there: security group hello-sam"
        )
        last = json.loads((one.folder / "journal.jsonl").read_text().splitlines()[-1])
        assert (last["event"], last["left"]) == ("proof", ["security group hello-sam"])
        assert (one.folder / "secrets.json").exists(), "a service may run that has one of them"
        assert (one.folder / "ansible-1").exists()

        assert one.down().ok
        assert not (one.folder / "secrets.json").exists()
        assert not (one.folder / "ansible-1").exists()

    def test_what_was_made_for_somebody_goes_only_on_purpose(self, a_lab, site_):
        a_lab().up()
        site_.user_id = "user-2"
        assert a_lab().down().ok
        assert site_.leases, "another user's lease is left alone"
        one = a_lab()
        one.on_behalf = True
        report = one.down()
        assert report.ok
        assert not site_.leases

    def test_a_lease_of_somebody_that_could_not_be_deleted_is_left(self, a_lab, site_):
        a_lab().up()
        site_.user_id = "user-2"
        site_.fail["delete_lease"] = [SiteError("No.")]
        one = a_lab()
        one.on_behalf = True
        assert one.down().left == ("lease hello-sam",)

    def test_terraform_has_no_part_in_a_lab_without_it(self, a_lab, site_):
        a_lab().up()
        report = a_lab().down()
        assert not any("terraform" in outcome.step for outcome in report.outcomes)
        assert not site_.calls["parts"]


class TestProvision:
    SPEC = lab(node("a", stack=("base",)), node("b", floating_ip=False))

    def test_ansible_gets_the_lab_its_deadline_and_the_check(self, a_lab, site_, ansible):
        one = a_lab(self.SPEC)
        one.up()
        one.provision(check=True)
        [lease] = site_.leases.values()
        assert [call[-1] for call in ansible.calls] == [False, True]
        spec, owner, deadline, hosts, folder, progress, _ = ansible.calls[-1]
        assert (spec, owner, deadline, folder) == (self.SPEC, "sam", lease.end, one.folder)
        assert progress is one.progress
        assert [(host.name, host.stack) for host in hosts] == [("a", ("base",)), ("b", ())]

    @pytest.mark.usefixtures("ansible")
    def test_its_outcomes_are_part_of_up_and_in_the_journal(self, a_lab):
        one = a_lab(self.SPEC)
        report = one.up()
        assert report.ok
        assert [o.step for o in report.outcomes[-2:]] == [o.step for o in _outcomes("a", "b")]
        entries = [json.loads(line) for line in (one.folder / "journal.jsonl").read_text().splitlines()]
        begun = [
            n for n, e in enumerate(entries) if e == {"at": e["at"], "event": "started", "step": "provision"}
        ]
        assert len(begun) == 1
        after = entries[begun[0] + 1 :]
        assert [(e["event"], e["step"], e["result"], e["detail"]) for e in after] == [
            ("finished", o.step, str(o.result), o.detail) for o in _outcomes("a", "b")
        ]

    def test_a_lab_without_roles_is_not_given_to_ansible(self, a_lab, ansible):
        assert a_lab(lab(node("a"), node("b"))).up().ok
        assert not ansible.calls

    def test_a_lab_that_did_not_come_up_is_not_given_to_ansible(self, a_lab, site_, ansible):
        site_.fail["create_address"] = [SiteError("No.")]
        assert not a_lab(self.SPEC).up().ok
        assert not ansible.calls

    def test_a_node_that_ansible_did_not_come_to_fails_up(self, a_lab, ansible):
        ansible.reports["b"] = HostReport("b")
        report = a_lab(self.SPEC).up()
        assert report.outcomes[-1] == Outcome("Provision b", Result.FAILED, "Ansible did not come to it")
        assert report.outcomes[-2].result is Result.ALREADY
        assert not report.ok

    def test_ansible_that_did_not_work_fails_up_and_is_told(self, a_lab, ansible):
        ansible.error = LabKitError("Ansible is broken.", do="Mend it.")
        one = a_lab(self.SPEC)
        one.progress = watching = Watching()
        report = one.up()
        failed = Outcome("provision", Result.FAILED, "Ansible is broken. Mend it.")
        assert report.outcomes[-1] == watching.ended[-1] == failed

    def test_without_an_active_lease_or_a_reachable_node_it_is_refused(self, a_lab, site_, ansible):
        with pytest.raises(UsageError, match="No node of hello-sam is reachable") as error:
            a_lab(self.SPEC).provision()
        assert "chi-lab up" in error.value.do
        a_lab(self.SPEC).up()
        site_.end_lease(next(iter(site_.leases)), instances_stay=True)
        ansible.calls.clear()
        with pytest.raises(UsageError, match="The lease hello-sam is not active") as error:
            a_lab(self.SPEC).provision()
        assert "chi-lab up" in error.value.do
        assert not ansible.calls


def _outcomes(*names):
    return ProvisionReport(tuple(HostReport(name, ok=3) for name in names)).outcomes
