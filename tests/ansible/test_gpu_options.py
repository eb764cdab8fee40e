"""What the roles `docker` and `gpu` refuse before they change anything, and with which words. No node is needed."""

from __future__ import annotations

import pytest
import yaml

from tests.ansible.test_content import ansible

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
REFUSED = {
    "a mirror with a path": (
        "docker",
        {"docker_registry_mirrors": ["http://10.0.0.1/v2"]},
        "docker_registry_mirrors has 'http://10.0.0.1/v2'",
    ),
    "a mirror without a scheme": ("docker", {"docker_registry_mirrors": ["10.0.0.1:5000"]}, "give http:// or"),
    "a name where an address is": ("docker", {"docker_publish_address": "localhost"}, "give an IPv4 address"),
    "a user who is not there": ("docker", {"docker_users": ["nobody-here"]}, "whom here does not know"),
    "no GPU at all": ("gpu", {"gpu_count": 0}, "gpu_count is 0: give 1 or more"),
    "another maker": ("gpu", {"gpu_vendor": "intel"}, "value of gpu_vendor must be one of"),
    "a repository without its key": ("gpu", {"gpu_apt_uri": "https://host/repo"}, "in gpu_apt_key the text of"),
    "a key that is none": ("gpu", {"gpu_apt_uri": "https://host/repo", "gpu_apt_key": "x"}, "public key"),
    "no address": ("gpu", {"gpu_apt_uri": "host repo", "gpu_apt_key": KEY}, "gpu_apt_uri is 'host repo'"),
    "a suite without components": ("gpu", {"gpu_apt_suite": "noble"}, "any other has"),
    "components without a suite": ("gpu", {"gpu_apt_components": ["main"]}, "has no components"),
    "a toolkit without Docker": ("gpu", {"gpu_container_toolkit": "required"}, "the stack of here has no docker"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_options_are_refused_with_what_to_do(tmp_path, case):
    """In check mode, for whatever gets through must not touch this computer."""
    role, changes, words = REFUSED[case]
    host = {"ansible_connection": "local", "ansible_become": False, "lab_stack": [role], **changes}
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(yaml.safe_dump({"lab": {"hosts": {"here": host}}}))
    done = ansible("ansible-playbook", "--check", "-i", str(hosts), "site.yml", folder=tmp_path)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert "changed=0" in said
    assert words in said, said
