"""The sandbox looks to its users as Chameleon does: names, sizes, rights, refusals."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta

import psutil
import pytest
import requests

from tests.support.sandbox import Sandbox
from tests.support.site import BIN, surroundings
from tests.support.site_api import active_lease, ask_lease, booted, flavor_reservation, host_reservation

pytestmark = pytest.mark.site

# Chameleon's documentation, "Reservations, CLI": MiB, GiB, vCPUs.
FLAVORS = {
    "m1.tiny": (512, 1, 1),
    "m1.small": (2048, 20, 1),
    "m1.medium": (4096, 40, 2),
    "m1.large": (8192, 40, 4),
    "m1.xlarge": (16384, 40, 8),
    "m1.xxlarge": (32768, 40, 16),
    "g1.h100.pci.1": (256000, 40, 48),
}


def test_region_domain_and_project_are_named_as_at_chameleon(site):
    cloud = site.connection()
    access = cloud.session.auth.get_access(cloud.session)
    assert access.project_name == "CHI-sandbox"
    assert (access.project_domain_name, access.user_domain_name) == ("chameleon", "chameleon")
    assert "member" in access.role_names
    regions = {e["region_id"] for s in access.service_catalog.catalog for e in s["endpoints"]}
    assert regions == {site.region} == {"CHI@Sandbox"}
    kinds = {s["type"] for s in access.service_catalog.catalog}
    assert {"identity", "compute", "network", "image", "placement", "reservation"} <= kinds


def test_the_instructor_manages_the_class_project_and_other_people_are_elsewhere(site):
    def roles(who: str) -> tuple[str, set[str]]:
        cloud = site.connection(who)
        access = cloud.session.auth.get_access(cloud.session)
        return access.project_name, set(access.role_names)

    assert roles("instructor") == ("CHI-sandbox", {"manager", "member", "reader"})
    assert roles("student4") == ("CHI-sandbox", {"member", "reader"})
    assert roles("other")[0] == "CHI-other"


def test_flavors_have_the_sizes_of_kvm_at_tacc(site):
    found = {f.name: (f.ram, f.disk, f.vcpus) for f in site.connection().compute.flavors()}
    assert {name: found.get(name) for name in FLAVORS} == FLAVORS
    assert "baremetal" in found


def test_images_and_networks_have_chameleons_names(site):
    cloud = site.connection()
    assert {"CC-Ubuntu24.04", "CC-Ubuntu24.04-CUDA"} <= {
        i.name for i in cloud.image.images(visibility="public")
    }
    networks = {n.name: n for n in cloud.network.networks()}
    assert networks["public"].is_router_external
    assert networks["sharednet1"].is_shared
    subnet = cloud.network.find_subnet("sharednet1-subnet")
    assert subnet.cidr.startswith("10.56.")
    assert subnet.cidr.endswith("/22")


def test_members_read_hosts_and_their_node_types(site):
    """Upstream reserves this to administrators; Chameleon opens it, and python-chi relies on that."""
    hosts = site.blazar().get("/os-hosts").json()["hosts"]
    assert {"compute_gigaio", "compute_skylake", "kvm_h100"} <= {h["node_type"] for h in hosts}


def test_a_lease_above_seven_days_is_refused_with_the_reason(student):
    answer = ask_lease(student, flavor_reservation("1"), lasts=timedelta(days=8))
    assert answer.status_code == 403
    assert "must be less than or equal to the maximum lease duration of 604800 seconds" in answer.text
    assert not student.holdings()


def test_an_instance_without_a_reservation_finds_no_host(student):
    """KVM@TACC since August 2025: what is not reserved is not launched."""
    server = booted(student, "1")
    assert server.status == "ERROR"
    assert "No valid host was found" in server.fault["message"]


def test_a_reserved_flavor_launches_its_amount_and_no_more(student):
    lease = active_lease(student, flavor_reservation("1"))
    reserved = lease["reservations"][0]
    assert reserved["flavor_id"] == reserved["id"]
    assert booted(student, reserved["id"]).status == "ACTIVE"
    second = booted(student, reserved["id"])
    assert second.status == "ERROR"
    assert "No valid host was found" in second.fault["message"]


def test_a_node_is_reserved_by_its_type_and_used_by_its_hint(student):
    lease = active_lease(student, host_reservation("compute_skylake"))
    without = booted(student, "baremetal")
    assert "No valid host was found" in without.fault["message"]
    hint = {"reservation": lease["reservations"][0]["id"]}
    server = booted(student, "baremetal", scheduler_hints=hint)
    assert server.status == "ACTIVE", server.fault
    seen = student.site.connection("admin").compute.get_server(server.id)
    assert seen.hypervisor_hostname == "skylake01"


def test_floating_ips_are_reserved_and_tagged_with_their_reservation(student):
    cloud = student.site.connection()
    public = cloud.network.find_network("public")
    wanted = {
        "resource_type": "virtual:floatingip",
        "network_id": public.id,
        "amount": 2,
        "required_floatingips": [],
    }
    lease = active_lease(student, wanted)
    tag = f"reservation:{lease['reservations'][0]['id']}"
    tagged = [f for f in cloud.network.ips() if tag in f.tags]
    assert len(tagged) == 2
    assert all("blazar" in f.tags for f in tagged)
    student.remove_everything()
    assert not [f for f in cloud.network.ips() if tag in f.tags], "they end with the lease"


def test_people_of_the_project_share_leases_and_others_see_none_of_them(student):
    """Any member lists and deletes any lease of the project; another project is refused."""
    lease = active_lease(student, flavor_reservation("1"))
    site = student.site
    outside = site.blazar("other")
    assert lease["id"] not in {one["id"] for one in outside.get("/leases").json()["leases"]}
    assert outside.get(f"/leases/{lease['id']}", raise_exc=False).status_code in (403, 404)
    assert outside.delete(f"/leases/{lease['id']}", raise_exc=False).status_code in (403, 404)
    assert site.blazar("instructor").delete(f"/leases/{lease['id']}", raise_exc=False).status_code == 204


def test_the_reference_api_tells_python_chi_of_the_site_and_its_nodes(site):
    [about] = requests.get(f"{site.reference_url}/sites.json", timeout=10).json()["items"]
    assert about["name"] == site.region
    assert f"{about['web']}:5000/v3" == site.auth_url, "python-chi makes Keystone's address of it"
    assert {"location", "user_support_contact", "site_class"} <= about.keys()
    nodes = requests.get(
        f"{site.reference_url}/sites/sandbox/clusters/chameleon/nodes.json", timeout=10
    ).json()
    hosts = {h["hypervisor_hostname"]: h["node_type"] for h in site.blazar().get("/os-hosts").json()["hosts"]}
    assert {n["node_name"]: n["node_type"] for n in nodes["items"]} == hosts
    assert requests.get(f"{site.reference_url}/nothing.json", timeout=10).status_code == 404


def secrets_of(site) -> list[bytes]:
    found = json.loads((site.folder / "secrets.json").read_text())
    values = [*found.pop("users").values(), *found.values()]
    assert len(values) > 8
    private = site.private_key.read_bytes().splitlines()
    return [value.encode() for value in values] + [private[1]]


def test_every_file_with_a_secret_is_its_owners_alone(site):
    """Whatever file a password or a private key is found in; and nobody else enters the folder."""
    assert site.folder.stat().st_mode & 0o077 == 0
    secrets = secrets_of(site)
    texts = {
        p: p.read_bytes()
        for p in site.folder.rglob("*")
        if p.is_file() and is_text(p.relative_to(site.folder))
    }
    holding = {
        p: p.stat().st_mode & 0o777 for p, text in texts.items() if any(one in text for one in secrets)
    }
    names = {str(p.relative_to(site.folder)) for p in holding}
    assert {"clouds.yaml", "env", "secrets.json", "keys/id_ed25519"} <= names
    assert {p: oct(mode) for p, mode in holding.items()} == dict.fromkeys(holding, "0o600")


def is_text(path) -> bool:
    # The database's own files, and the sockets' folder.
    return path.parts[0] not in ("db", "run", "instances", "images")


def test_no_secret_is_in_a_process_list_or_a_log(site):
    argv = "\n".join(" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])).encode()
    logs = [p.read_bytes() for p in (site.folder / "log").iterdir() if p.is_file()]
    assert logs
    for secret in secrets_of(site):
        assert secret not in argv
        assert not any(secret in text for text in logs)


def test_everything_listens_on_loopback_only(site):
    found = Sandbox(site.name, site.state).status()
    listening: dict[str, set[str]] = {}
    for name, service in found["services"].items():
        process = psutil.Process(service["pid"])
        for one in [process, *process.children(recursive=True)]:
            for connection in one.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    listening.setdefault(name, set()).add(connection.laddr.ip)
    api = site.auth_url.split("//")[1].split(":")[0]
    assert {"keystone", "nova", "neutron", "glance", "placement", "blazar", "reference"} <= listening.keys()
    assert set().union(*listening.values()) == {api}, listening
    assert api.startswith("127.")
    assert "mariadb" not in listening, "the database has a socket, no port"


def test_env_gives_a_shell_what_the_hub_gives_a_notebook(site):
    """`eval "$(chi-lab sandbox env)"` sets the variables and forgets those of another login."""
    script = f'export OS_TOKEN=old OS_TENANT_NAME=old; eval "$({BIN}/chi-lab sandbox env --name {site.name})"; env -0'
    told = subprocess.run(
        ["sh", "-c", script],
        env={**surroundings(), "CHI_LAB_STATE": str(site.state)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shell = dict(line.split("=", 1) for line in told.split("\0") if line.startswith(("OS_", "CHI_")))
    assert shell.pop("CHI_LAB_STATE") == str(site.state)
    expected = {k: v for k, v in site.env().items() if k.startswith(("OS_", "CHI_"))}
    assert shell == expected
    assert {
        "OS_AUTH_TYPE": "v3password",
        "OS_REGION_NAME": site.region,
        "OS_INTERFACE": "public",
    }.items() <= shell.items()
    assert os.access(shell["OS_KEYPAIR_PRIVATE_KEY"], os.R_OK)
    as_json = json.loads(Sandbox(site.name, site.state).do("env", "--json"))["variables"]
    assert as_json == shell
