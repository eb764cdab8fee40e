"""Every look that the site refuses says what was looked for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chi_helpers.model.errors import RefusedError
from chi_helpers.model.parts import Part
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites import addresses, catalog, groups, instances, keypairs, leases, parts, volumes
from tests.unit.sites.conftest import REQUEST

STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
REFUSED = (403, {"forbidden": {"code": 403, "message": "policy"}}, REQUEST)
NETWORK, NOVA = "/network/v2.0", "/compute/v2.1"


@pytest.mark.parametrize(
    ("path", "look", "said"),
    [
        (f"{NETWORK}/floatingips", addresses.listed, "list the floating IPs"),
        (f"{NETWORK}/floatingips/X", lambda s: addresses.one(s, "X"), "look at the floating IP"),
        (f"{NETWORK}/ports", lambda s: addresses.ports(s, frozenset("I")), "list the ports"),
        (f"{NETWORK}/networks", lambda s: addresses.create(s, "I", STAMP), "list the external networks"),
        (f"{NETWORK}/floatingips/X", lambda s: addresses.attach(s, "X", "I", STAMP), "attach the floating IP"),
        (f"{NETWORK}/security-groups", groups.listed, "list the security groups"),
        (f"{NETWORK}/security-groups/X", lambda s: groups.one(s, "X"), "look at the security group"),
        (f"{NETWORK}/security-groups/G", lambda s: groups.set_ports(s, "G", [], STAMP), "stamp the security group"),
        (f"{NETWORK}/networks", catalog.networks, "list the networks"),
        (f"{NOVA}/flavors/detail", catalog.flavors, "list the flavors"),
        ("/image/v2/images", lambda s: catalog.images(s, ["x"]), "list the images"),
        (f"{NOVA}/servers/detail", instances.listed, "list the instances"),
        (f"{NOVA}/servers/X", lambda s: instances.one(s, "X"), "look at the instance"),
        (f"{NOVA}/servers/I/metadata", lambda s: instances.restamp(s, "I", STAMP), "stamp the instance"),
        (f"{NOVA}/flavors/R", lambda s: instances.reserved_flavor(s, "R"), "look at the lease's flavor"),
        (f"{NOVA}/flavors/detail", lambda s: instances.reserved_flavor(s, "R"), "list the flavors"),
        (f"{NOVA}/servers/X/action", lambda s: instances.console(s, "X"), "read the console"),
        (f"{NOVA}/os-keypairs/X", lambda s: keypairs.at_site(s, "X"), "look at the key pair"),
        ("/blazar/leases", leases.listed, "list the leases"),
        ("/blazar/leases/X", lambda s: leases.one(s, "X"), "look at the lease"),
        ("/volume/v3/p1/volumes/detail", lambda s: volumes.listed(s, "hello", "sam"), "list the volumes"),
        (f"{NETWORK}/ports", lambda s: parts._interfaces(s, "R", Part("router", "R", "r")), "list the router's ports"),
        (f"{NETWORK}/subnets", lambda s: parts.listed(s, "hello", "sam"), "list: subnet"),
    ],
)  # fmt: skip
def test_a_refused_look_says_what_was_looked_for(services, logged_in, path, look, said):
    services.neutron.add("ports", id="P", device_id="I")
    services.neutron.add("floatingips", id="F", port_id=None)
    services.neutron.add("security-groups", id="G", security_group_rules=[])
    writes = said.startswith(("stamp", "attach", "read"))
    for method in ("PUT", "POST") if writes else ("GET",):
        services.site.routes[method, path] = [REFUSED]
    with pytest.raises(RefusedError) as caught:
        look(logged_in)
    assert caught.value.what == f"The site refused to {said} (403): policy"
    assert caught.value.request_id == "req-9"
