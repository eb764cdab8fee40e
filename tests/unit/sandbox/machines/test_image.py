"""The node image's name, the suite and the mirror; the host's certificates and vendor data."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.errors import SandboxError
from chi_helpers.sandbox.machines import certificates, image, probe, settings, vendordata

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_the_images_name_changes_with_all_that_it_is_made_from(tmp_path: Path) -> None:
    (tmp_path / "build.sh").write_text("one")
    name = image.name_of("bookworm", (), tmp_path)
    assert name == image.name_of("bookworm", (), tmp_path)
    assert name.startswith("localhost/chi-lab-node:bookworm-")
    names = {name, image.name_of("trixie", (), tmp_path), image.name_of("bookworm", (PEM,), tmp_path)}
    (tmp_path / "build.sh").write_text("two")
    names.add(image.name_of("bookworm", (), tmp_path))
    (tmp_path / "build.sh").rename(tmp_path / "other.sh")
    names.add(image.name_of("bookworm", (), tmp_path))
    assert len(names) == 5


def test_the_suite_is_the_hosts_where_that_is_a_debian() -> None:
    assert image.suite_of({"ID": "debian", "VERSION_CODENAME": "trixie"}) == "trixie"
    assert image.suite_of({"ID": "ubuntu", "VERSION_CODENAME": "noble"}) == image.FALLBACK_SUITE
    assert image.suite_of({}) == image.FALLBACK_SUITE


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        (
            "Types: deb\n# a note\nURIs: http://mirror.example/debian\nSuites: bookworm\n",
            "http://mirror.example/debian",
        ),
        (
            "# old\ndeb [signed-by=/k.gpg] https://mirror.example/debian bookworm main\n",
            "https://mirror.example/debian",
        ),
        ("deb-src http://mirror.example/debian bookworm main\n", ""),
        ("Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\n", ""),
        ("deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n", ""),
        (
            "deb cdrom:[Debian 12 _Bookworm_]/ bookworm main\ndeb http://mirror.example/debian bookworm main\n",
            "http://mirror.example/debian",
        ),
        (
            "URIs: mirror+file:///etc/apt/mirrors/debian.list https://mirror.example/debian\n",
            "https://mirror.example/debian",
        ),
        ("", ""),
    ],
)
def test_the_mirror_is_the_hosts_own(sources: str, mirror: str) -> None:
    assert image.mirror_of(sources) == mirror


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SBIN", ())


@pytest.mark.usefixtures("nothing_installed")
def test_without_the_builder_the_error_says_what_to_install() -> None:
    with pytest.raises(SandboxError, match="apt-get install mmdebstrap podman"):
        image.ensure()


@pytest.mark.usefixtures("nothing_installed")
def test_what_rules_machines_out_is_told_at_once() -> None:
    told = probe.missing()
    assert told is not None
    for package in ("crun", "iproute2", "iptables", "mmdebstrap", "nftables", "podman", "util-linux"):
        assert package in told
    found = probe.probe("none")
    assert not found.ok
    assert found.reason == told


@pytest.mark.usefixtures("nothing_installed")
def test_one_who_is_not_root_is_told_so_beside_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    told = probe.missing() or ""
    assert "apt-get install" in told
    assert "need root" in told


def test_what_is_in_an_sbin_folder_is_found_where_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a plain `su`, which keeps a user's PATH."""
    sbin = tmp_path / "sbin"
    sbin.mkdir()
    (sbin / "some-tool").write_text("#!/bin/sh\n")
    (sbin / "some-tool").chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert programs.find("some-tool") is None
    monkeypatch.setattr(programs, "SBIN", (str(sbin),))
    assert programs.find("some-tool") == str(sbin / "some-tool")
    assert programs.environment()["PATH"] == f"/usr/bin:/bin:{sbin}"
    assert subprocess.run(["some-tool"], env=programs.environment(), check=False).returncode == 0


def test_certificates_are_found_within_other_text() -> None:
    assert certificates.certificates(f"# a root\n{PEM}trailing\n{PEM}") == [PEM, PEM]
    assert certificates.certificates("nothing") == []


def test_pip_settings_that_name_local_files_stay_at_home() -> None:
    listed = (
        "global.index-url='https://index.example/simple'\n"
        "global.find-links='/srv/wheels'\n"
        "env.extra-index-url='file:///srv/index'\n"
        "global.cert='/etc/host.pem'\n"
    )
    assert vendordata.pip_settings(listed) == {"index-url": "https://index.example/simple"}


def test_proxies_on_the_hosts_loopback_stay_at_home() -> None:
    assert vendordata.proxies({"http_proxy": "http://127.0.0.1:3128", "no_proxy": "localhost"}) == {
        "no_proxy": "localhost"
    }
    assert vendordata.proxies({"HTTPS_PROXY": "http://proxy.example:3128"}) == {
        "https_proxy": "http://proxy.example:3128"
    }


def test_a_host_with_nothing_to_say_says_nothing() -> None:
    assert vendordata.cloud_config({}, {}, own_ca=True) == {}
    assert vendordata.cloud_config({}, {"no_proxy": "x"}, own_ca=False) == {}


def test_an_index_and_a_proxy_reach_sessions_and_services() -> None:
    config = vendordata.cloud_config({"index-url": "https://i/"}, {"http_proxy": "http://p/"}, own_ca=True)
    files = {file["path"]: file["content"] for file in config["write_files"]}
    assert files["/etc/pip.conf"] == (
        f"[global]\nindex-url = https://i/\ncert = {certificates.GUEST_BUNDLE}\n"
    )
    assert files["/etc/environment"] == "http_proxy=http://p/\n"
    assert '"http_proxy=http://p/"' in files["/etc/systemd/system.conf.d/proxy.conf"]
    assert config["runcmd"] == [["systemctl", "daemon-reexec"]]


def test_vendor_data_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "vendordata.json"
    vendordata.write(path, {"PATH": "/usr/bin:/bin"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["cloud-init"].startswith("#cloud-config\n")


def test_settings_without_machines_load_no_floating_ips(tmp_path: Path) -> None:
    nova = settings.nova("none", label="", image="", podman_args=(), folder=tmp_path)
    assert nova == {"DEFAULT": {"compute_driver": "chi_bare_driver.BareDriver"}}
    neutron = settings.neutron("none", label="x", floating_range=("127.78.1.0", "127.78.255.255"))
    assert neutron["DEFAULT"]["service_plugins"] == "chi_sandbox_router"
    assert "floating" not in neutron


def test_settings_with_machines_name_the_sites_own_things(tmp_path: Path) -> None:
    nova = settings.nova(
        "podman", label="west-1", image="i", podman_args=("--runtime=runc", "--x"), folder=tmp_path
    )
    assert nova["podman"] == {"site": "west-1", "image": "i", "podman_args": "--runtime=runc,--x"}
    neutron = settings.neutron("podman", label="west-1", floating_range=("127.78.1.0", "127.78.255.255"))
    assert neutron["floating"] == {"table": "chi_west_1", "ranges": "127.78.1.0-127.78.255.255"}
