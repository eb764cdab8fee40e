"""Terraform's tests: without Terraform, or without its provider, they fail and say what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chi_helpers.provision.terraform import MIRROR, PROGRAMS
from tests.support.student import Student
from tests.terraform.owned import unroute

CHECKOUT = Path(__file__).resolve().parents[2]
Terraform = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def program() -> str:
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(
            "The tests of terraform/ need terraform or tofu, 1.6 or newer, and neither is on PATH; `make setup` "
            "does not bring it. Install one: https://developer.hashicorp.com/terraform/install or "
            "https://opentofu.org/docs/intro/install/",
            pytrace=False,
        )
    return found


@pytest.fixture
def terraform(program: str, tmp_path: Path) -> Terraform:
    """Run Terraform in a folder of a copy of terraform/."""
    copy = tmp_path / "terraform"
    shutil.copytree(CHECKOUT / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "TF_"))}
    mirror = CHECKOUT / MIRROR
    if mirror.is_dir():
        rc = tmp_path / "cli.tfrc"
        rc.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
        env["TF_CLI_CONFIG_FILE"] = str(rc)

    def run(folder: str | Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """`folder` is one of terraform/, or any other by its whole path; `extra` is added to the environment."""
        return subprocess.run(
            [program, *words], cwd=copy / folder, env=env | extra, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def provided(terraform: Terraform) -> Terraform:
    """The same, once it is known that the provider can be had."""
    done = terraform("lab", "init", "-no-color", "-input=false")
    if done.returncode:
        pytest.fail(
            "Terraform's OpenStack provider cannot be had: build it with `make terraform-provider` (Go is needed), "
            f"or let Terraform reach its registry.\n{done.stderr}",
            pytrace=False,
        )
    return terraform


@pytest.fixture
def planned(provided: Terraform, student: Student) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Ask Terraform what it would change in the student's lab: exit code 0 is nothing, 2 is something."""

    def plan() -> subprocess.CompletedProcess[str]:
        [state] = student.lab_files("terraform/terraform.tfstate")
        return provided(
            state.parent / "lab", "plan", "-detailed-exitcode", "-no-color", "-input=false", f"-state={state}",
            OS_CLOUD=student.site.cloud(student.who),
            OS_CLIENT_CONFIG_FILE=str(student.site.folder / "clouds.yaml"),
        )  # fmt: skip

    return plan


@pytest.fixture
def networker(student: Student) -> Iterator[Student]:
    """A student who may have a network of his own: it is gone at the end, whatever became of the test."""
    yield student
    unroute(student)
