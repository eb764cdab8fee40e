"""The lab with an application credential: what cron and Terraform log in with."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytestmark = [pytest.mark.site, pytest.mark.machines, pytest.mark.nightly(part="sandbox")]


def test_an_unrestricted_credential_brings_the_lab_up_and_gives_it_back(student, lab_file):
    robot = replace(student, who="appcred")
    assert robot.env["OS_AUTH_TYPE"] == "v3applicationcredential"
    assert "OS_PASSWORD" not in robot.env
    lab = lab_file()
    up = robot.chi_lab("up", lab=lab)
    assert up.returncode == 0, up.stdout + up.stderr
    assert robot.holdings().counts == (1, 1, 1, 1)
    down = robot.chi_lab("down", lab=lab)
    assert down.returncode == 0, down.stdout + down.stderr
    assert not student.holdings()


def test_a_restricted_credential_is_refused_in_words_and_nothing_is_half_made(student, lab_file):
    """Blazar makes a trust for every lease, which Keystone denies to a restricted credential."""
    robot = replace(student, who="appcred-restricted")
    up = robot.chi_lab("up", lab=lab_file())
    said = up.stdout + up.stderr
    assert up.returncode == 3, said
    assert "unrestricted" in said, "it names what to ask for"
    assert "application credential" in said
    assert not student.holdings()


def test_a_restricted_credential_still_looks_and_gives_back(student, lab_file):
    """Listing and deleting need no trust: what a password brought up, a restricted credential takes down."""
    robot = replace(student, who="appcred-restricted")
    lab = lab_file()
    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, up.stdout + up.stderr
    seen = robot.chi_lab("status", lab=lab)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    down = robot.chi_lab("down", lab=lab)
    assert down.returncode == 0, down.stdout + down.stderr
    assert not student.holdings()
