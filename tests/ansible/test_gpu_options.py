"""What the roles `docker` and `gpu` refuse before they change anything, and with which words. No node is needed.

Stand-ins play the programs that say what GPU a computer has.
"""

from __future__ import annotations

import shlex
import sys
from typing import Any

import pytest

from tests.ansible.side_by_side import host_of, refusals
from tests.support import gpu

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a mirror with a path": (
        "docker",
        {"docker_registry_mirrors": ["http://10.0.0.1/v2"]},
        "docker_registry_mirrors has 'http://10.0.0.1/v2'",
    ),
    "a mirror without a scheme": ("docker", {"docker_registry_mirrors": ["10.0.0.1:5000"]}, "give http:// or"),
    "a name where an address is": ("docker", {"docker_publish_address": "localhost"}, "give an IPv4 address"),
    "a user who is not there": ("docker", {"docker_users": ["nobody-here"]}, "whom a-user-who-is-not-there does not know"),
    "no GPU at all": ("gpu", {"gpu_count": 0}, "gpu_count is 0: give 1 or more"),
    "another maker": ("gpu", {"gpu_vendor": "intel"}, "value of gpu_vendor must be one of"),
    "a repository without its key": ("gpu", {"gpu_apt_uri": "https://host/repo"}, "in gpu_apt_key the text of"),
    "a key that is none": ("gpu", {"gpu_apt_uri": "https://host/repo", "gpu_apt_key": "x"}, "public key"),
    "no address": ("gpu", {"gpu_apt_uri": "host repo", "gpu_apt_key": KEY}, "gpu_apt_uri is 'host repo'"),
    "a suite without components": ("gpu", {"gpu_apt_suite": "noble"}, "any other has"),
    "components without a suite": ("gpu", {"gpu_apt_components": ["main"]}, "has no components"),
    "a toolkit without Docker": ("gpu", {"gpu_container_toolkit": "required"}, "the stack of a-toolkit-without-Docker has no docker"),
}  # fmt: skip


LOST = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
BROKEN: dict[str, tuple[str, str, int, dict[str, Any], list[str]]] = {
    "no GPU": ("none", "", 0, {}, ["no-GPU has no GPU: lspci lists 0 of NVIDIA and 0 of AMD", "take gpu out"]),
    "the other maker's": ("amd", "", 0, {"gpu_vendor": "nvidia"}, ["no GPU of NVIDIA", "1 of AMD"]),
    "no driver": ("nvidia", "", 127, {}, ["GPU (00:05.0)", "There is no driver", "CC-Ubuntu24.04-CUDA"]),
    "a driver that fails": ("nvidia", LOST, 9, {}, ["nvidia-smi fails (9)", LOST, "reboot the node"]),
    "a driver that hangs": ("nvidia", "", 124, {}, ["did not answer within 60 seconds"]),
    "a GPU that was lost": ("nvidia", "No devices were found", 0, {}, ["sees 0 GPUs", "No devices were found"]),
    "one of two": ("nvidia nvidia", gpu.H100, 0, {"gpu_count": 2}, ["1 GPUs, and there should be 2", "lists 2"]),
    "AMD's without its driver": ("amd", "", 0, {}, ["/dev/kfd is missing", "CC-Ubuntu24.04-ROCm"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """What is said of each case, in one run for each role."""
    said: dict[str, str] = {}
    for chosen in ("docker", "gpu"):
        cases: dict[str, dict[str, Any]] = {
            case: {"lab_stack": [role], **options}
            for case, (role, options, _) in REFUSED.items()
            if role == chosen
        }
        said |= refusals(tmp_path_factory.mktemp(chosen), "site.yml", "lab", cases)[0]
    return said


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_options_are_refused_with_what_to_do(refused, case):
    _, _, words = REFUSED[case]
    said = refused[case]
    assert words in said, said
    assert "changed=0" in said, said
    assert "failed=1" in said, said


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """What is said of each case, in one run: the Python of each host finds the host's own stand-ins first."""
    folder = tmp_path_factory.mktemp("broken")
    cases: dict[str, dict[str, Any]] = {}
    for case, (devices, smi, ended, options, _) in BROKEN.items():
        programs = folder / host_of(case)
        programs.mkdir()
        python = (
            f'#!/bin/sh\nPATH={shlex.quote(str(programs))}:$PATH exec {shlex.quote(sys.executable)} "$@"\n'
        )
        for name, text in {**gpu.programs(devices, smi, ended), "python": python}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        cases[case] = {
            "lab_stack": ["gpu"],
            "ansible_python_interpreter": str(programs / "python"),
            **options,
        }
    return refusals(folder, "site.yml", "lab", cases)[0]


@pytest.mark.parametrize("case", BROKEN)
def test_a_node_without_what_it_should_have_fails_with_the_reason(broken, case):
    *_, words = BROKEN[case]
    said = broken[case]
    assert "changed=0" in said, said
    assert "failed=1" in said, said
    assert [word for word in words if word not in said] == [], said
