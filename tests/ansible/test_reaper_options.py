"""What the role `reaper` refuses before it changes anything, and with which words. No host is needed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.ansible.side_by_side import refusals
from tests.support.labs import lab_text

CLOUDS = yaml.safe_dump({"clouds": {"kvm": {"auth": {"application_credential_secret": "hunter2secret"}}}})
GOOD = {"reaper_reservation": lab_text("KVM@TACC"), "reaper_clouds": CLOUDS, "reaper_cloud_names": ["kvm"]}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no lab": ({"reaper_reservation": ""}, "reaper_reservation must be the text of the lab's file"),
    "no roster": (
        {"reaper_reservation": lab_text("KVM@TACC", **{"class": {"roster": "roster.csv"}})},
        "The lab's file and reaper_roster do not agree",
    ),
    "another roster": (
        {
            "reaper_reservation": lab_text("KVM@TACC", **{"class": {"roster": "people.csv"}}),
            "reaper_roster": "owner\n",
        },
        "must say `roster: roster.csv`",
    ),
    "no credentials": ({"reaper_clouds": ""}, "reaper_clouds must be the text of a clouds.yaml"),
    "credentials that are no YAML": (
        {"reaper_clouds": "clouds: [hunter2secret"},
        "Refuse credentials (reaper_clouds) that are not the text of a clouds.yaml",
    ),
    "an unknown cloud": ({"reaper_cloud_names": ["uc"]}, "clouds.yaml has no uc"),
    "no cloud of the usual name": ({"reaper_cloud_names": []}, "clouds.yaml has no openstack"),
    "a word of the shell": (
        {"reaper_projects": ["CHI-1;reboot"]},
        "CHI-1;reboot is not the name of a cloud or project",
    ),
    "an option": ({"reaper_projects": ["--yes"]}, "--yes is not the name of a cloud or project"),
    "a relative path": ({"reaper_program": "bin/chi-lab"}, "bin/chi-lab: give an absolute path"),
    "an alarm before the second run": (
        {"reaper_alarm_minutes": 5},
        "reaper_alarm_minutes more than reaper_minutes",
    ),
    "seven minutes": ({"reaper_minutes": 7}, "value of reaper_minutes must be one of"),
    "another scheduler": ({"reaper_scheduler": "at"}, "value of reaper_scheduler must be one of"),
    "two lines of mail": ({"reaper_mailto": "root\n* * * * * root reboot"}, "give one address"),
    "a program that is not there": (
        {"reaper_program": "/nowhere/chi-lab"},
        "`test -x /nowhere/chi-lab` fails on a-program-that-is-not-there",
    ),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    cases = {case: {**GOOD, **changes} for case, (changes, _) in REFUSED.items()}
    return refusals(tmp_path_factory.mktemp("refused"), "reaper.yml", "reaper", cases)


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_options_are_refused_with_what_to_do_and_no_secret_is_shown(refused, case):
    _, words = REFUSED[case]
    said, all_of_it = refused[0][case], refused[1]
    assert words in said, said
    assert "changed=0" in said, said
    assert "failed=1" in said, said
    assert "hunter2secret" not in all_of_it
