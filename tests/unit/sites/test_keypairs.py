"""The key pair: found on this machine, uploaded once, and never replaced at the site."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from chi import context

from chi_helpers.model.errors import UsageError
from chi_helpers.model.wants import KeyPair
from chi_helpers.sites import keypairs
from chi_helpers.sites.errors import NoAnswerError
from tests.unit.sites.conftest import LOST, nova_says, sent

KEYS = "/compute/v2.1/os-keypairs"
PAIR = KeyPair("sam-key", Path("/nowhere/id"), "ssh-ed25519 AAAA sam@here")


class TestLocal:
    @pytest.fixture(autouse=True)
    def _home(self, monkeypatch, tmp_path):
        for name in [n for n in os.environ if n.startswith("OS_KEYPAIR")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("OS_KEYPAIR_NAME", "sam-key")
        (tmp_path / ".ssh").mkdir()

    def put(self, ssh_key, name, *, public=""):
        """The private key under `name` in the home's .ssh, with this file beside it."""
        place = Path.home() / ".ssh" / name
        place.write_bytes(ssh_key.read_bytes())
        place.chmod(0o600)
        if public:
            Path(f"{place}.pub").write_text(public)
        return place

    def words(self, ssh_key):
        return ssh_key.with_suffix(".pub").read_text().split()[:2]

    @pytest.mark.parametrize(
        "names", [("id_rsa_chameleon", "id_ed25519"), ("id_ed25519", "id_rsa"), ("id_rsa",)]
    )
    def test_the_first_of_the_usual_files_is_taken(self, ssh_key, names):
        first, *_ = [self.put(ssh_key, name) for name in names]
        found = keypairs.local()
        assert (found.name, found.private_key) == ("sam-key", first)
        assert found.public_key.split()[:2] == self.words(ssh_key), "it is derived where no file has it"

    def test_the_hubs_variable_names_the_private_key(self, ssh_key, monkeypatch):
        self.put(ssh_key, "id_rsa")
        monkeypatch.setenv("OS_KEYPAIR_PRIVATE_KEY", str(ssh_key))
        assert keypairs.local().private_key == ssh_key

    def test_python_chi_is_told_of_the_pair(self, ssh_key, monkeypatch):
        monkeypatch.setenv("OS_KEYPAIR_PRIVATE_KEY", str(ssh_key))
        keypairs.local()
        assert context.get("keypair_name") == "sam-key"
        assert context.get("keypair_private_key") == str(ssh_key)

    def test_without_the_variable_python_chis_name_is_taken(self, ssh_key, monkeypatch):
        self.put(ssh_key, "id_rsa")
        monkeypatch.delenv("OS_KEYPAIR_NAME")
        monkeypatch.setattr(context, "get", lambda key: {"keypair_name": "sam-jupyter"}[key])
        assert keypairs.local().name == "sam-jupyter"

    def test_a_pair_without_a_name_is_refused(self, monkeypatch):
        monkeypatch.delenv("OS_KEYPAIR_NAME")
        monkeypatch.setattr(context, "get", lambda _: None)
        with pytest.raises(UsageError, match="has no name: OS_KEYPAIR_NAME and USER are not set") as caught:
            keypairs.local()
        assert caught.value.do

    def test_without_a_private_key_it_is_told_where_one_was_looked_for(self, monkeypatch):
        with pytest.raises(
            UsageError, match=r"No private SSH key: .*id_rsa_chameleon, .*id_ed25519,"
        ) as caught:
            keypairs.local()
        assert "ssh-keygen -t ed25519" in caught.value.do
        monkeypatch.setenv("OS_KEYPAIR_PRIVATE_KEY", "~/mine")
        with pytest.raises(UsageError) as caught:
            keypairs.local()
        assert caught.value.what == f"No private SSH key: looked for {Path.home()}/mine."

    def test_a_public_half_of_another_key_is_refused(self, ssh_key):
        self.put(ssh_key, "id_rsa", public="ssh-ed25519 AAAAother sam@here")
        with pytest.raises(UsageError, match=r"id_rsa\.pub is not the public half of .*id_rsa\.") as caught:
            keypairs.local()
        assert "OS_KEYPAIR_PUBLIC_KEY" in caught.value.do

    def test_the_hubs_variable_names_the_public_half(self, ssh_key, monkeypatch, tmp_path):
        self.put(ssh_key, "id_rsa", public=" ".join(self.words(ssh_key)))
        other = tmp_path / "other.pub"
        other.write_text("ssh-ed25519 AAAAother")
        monkeypatch.setenv("OS_KEYPAIR_PUBLIC_KEY", str(other))
        with pytest.raises(UsageError, match=r"other\.pub is not the public half"):
            keypairs.local()

    def test_of_a_key_with_a_passphrase_the_public_file_is_believed(self, tmp_path):
        """ssh-keygen must not ask: nobody answers in a notebook."""
        file = tmp_path / ".ssh" / "id_rsa"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(file)]
        subprocess.run(argv, check=True)
        public = file.with_suffix(".pub").read_text().strip()
        assert keypairs.local().public_key == public
        file.with_suffix(".pub").unlink()
        with pytest.raises(UsageError, match=r"cannot be used: .*passphrase"):
            keypairs.local()

    def test_a_file_that_is_no_key_is_refused_with_ssh_keygens_reason(self, tmp_path):
        file = tmp_path / ".ssh" / "id_rsa"
        file.write_text("nonsense\n")
        file.chmod(0o600)
        file.with_suffix(".pub").write_text("ssh-ed25519 AAAA")
        with pytest.raises(UsageError, match=rf"{file} cannot be used: \S+") as caught:
            keypairs.local()
        assert "mode 0600" in caught.value.do


class TestEnsure:
    def test_a_key_that_the_site_does_not_have_is_uploaded(self, services, logged_in):
        assert keypairs.ensure(logged_in, PAIR) is True
        assert sent(services.site, "POST", KEYS) == [
            {"keypair": {"name": "sam-key", "public_key": PAIR.public_key, "type": "ssh"}}
        ]

    def test_the_same_key_with_another_comment_is_there(self, services, logged_in):
        services.nova.keys["sam-key"] = {"name": "sam-key", "public_key": "ssh-ed25519 AAAA other"}
        assert keypairs.ensure(logged_in, PAIR) is False
        assert sent(services.site, "POST", KEYS) == []

    @pytest.mark.parametrize("held", ["ssh-ed25519 BBBB sam@here", "ssh-rsa AAAA sam@here"])
    def test_another_key_of_the_name_is_left_alone(self, services, logged_in, held):
        services.nova.keys["sam-key"] = {"name": "sam-key", "public_key": held}
        with pytest.raises(
            UsageError, match=r"'sam-key' at the site holds another key than /nowhere/id"
        ) as caught:
            keypairs.ensure(logged_in, PAIR)
        assert caught.value.do.startswith(
            "It is left alone, since instances may wait for it. Set OS_KEYPAIR_NAME "
        )
        assert services.nova.keys["sam-key"]["public_key"] == held

    @pytest.mark.parametrize("key", [PAIR.public_key, "ssh-ed25519 BBBB"])
    def test_the_upload_of_another_run_is_looked_at(self, services, logged_in, key):
        def by_another(_):
            services.nova.keys["sam-key"] = {"name": "sam-key", "public_key": key}
            return nova_says(409, "already exists")

        services.refuse("POST", KEYS, by_another)
        if key == PAIR.public_key:
            assert keypairs.ensure(logged_in, PAIR) is False
        else:
            with pytest.raises(UsageError, match="holds another key"):
                keypairs.ensure(logged_in, PAIR)

    def test_after_a_lost_answer_the_uploaded_key_is_found(self, services, logged_in):
        services.lose("POST", KEYS)
        assert keypairs.ensure(logged_in, PAIR) is False
        assert len(sent(services.site, "POST", KEYS)) == 1

    def test_a_lost_answer_without_a_key_is_an_error(self, services, logged_in):
        services.refuse("POST", KEYS, LOST)
        with pytest.raises(NoAnswerError, match="upload the public key"):
            keypairs.ensure(logged_in, PAIR)
