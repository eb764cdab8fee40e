"""Chameleon's "Hello, Chameleon" lab, with plain python-chi and the environment of its JupyterHub.

The calls are those of teaching-on-testbeds/hello-chameleon; the kit takes no part.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import nbclient
import nbformat
import pytest

from tests.support.site import BIN, succeed
from tests.support.student import Student

pytestmark = [pytest.mark.site, pytest.mark.machines, pytest.mark.nightly(part="lab")]

RESULT = "RESULT "

IMPORTS = """
    import chi, os, time, datetime, json
    from chi import lease, server, context, hardware, network
"""
CHOOSE = """
    context.version = "1.0"
    context.choose_project()
    context.choose_site(default=os.environ["OS_REGION_NAME"])
"""
USE = """
    context.version = "1.0"
    context.use_site(os.environ["OS_REGION_NAME"])
    context.use_project(os.environ["OS_PROJECT_NAME"])
"""
RESERVE = """
    username = os.getenv("USER")
    server_name = lease_name = f"hello_chameleon-{username}"
    l = lease.Lease(lease_name, duration=datetime.timedelta(hours=6))
    l.add_flavor_reservation(id=chi.server.get_flavor_id("m1.small"), amount=1)
    l.submit(idempotent=True)
    l.show()
"""
LAUNCH = """
    flavor_name = l.get_reserved_flavors()[0].name
    s = server.Server(name=server_name, image_name="CC-Ubuntu24.04", flavor_name=flavor_name)
    s.submit(idempotent=True)
"""
ADDRESS = """
    s.associate_floating_ip()
    s.refresh()
    # Nova hears of the address a moment after Neutron gave it.
    for _ in range(20):
        reserved_fip = s.get_floating_ip()
        if reserved_fip:
            break
        time.sleep(0.5)
        s.refresh()
    s.show(type="text")
"""
OPEN_SSH = """
    found = network.list_security_groups(name_filter="allow-ssh")
    if found:
        sg = found[0]
    else:
        sg = network.SecurityGroup({"name": "allow-ssh", "description": "SSH from anywhere"})
        sg.add_rule("ingress", "tcp", 22)
        sg.submit()
    s.add_security_group(sg.id)
    s.check_connectivity()
"""
USE_IT = """
    told = s.execute("hostname").stdout.strip()
    with open("greeting.txt", "w") as file:
        file.write("Hello, Chameleon")
    s.upload("greeting.txt", "greeting.txt")
    copied = s.execute("cat greeting.txt").stdout
    who = s.execute("whoami").stdout.strip()
"""
AGAIN = """
    again = lease.Lease(lease_name, duration=datetime.timedelta(hours=6))
    again.add_flavor_reservation(id=chi.server.get_flavor_id("m1.small"), amount=1)
    again.submit(idempotent=True)
"""
TELL = f"""
    print({RESULT!r} + json.dumps(dict(lease=l.id, again=again.id, lease_status=l.status, flavor=flavor_name,
        server=s.id, server_status=s.status, address=reserved_fip, hostname=told, copied=copied, user=who)))
"""
DELETE = """
    s.delete()
    l.delete()
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What the lab saw, as its last but one cell printed it."""

    lease: str
    again: str
    lease_status: str
    flavor: str
    server: str
    server_status: str
    address: str
    hostname: str
    copied: str
    user: str


@pytest.fixture
def newcomer(student: Student) -> Iterator[Student]:
    """A student in a project without a group `allow-ssh`; the address that python-chi leaves is released."""
    cloud = student.site.connection()
    kept = {address.id for address in cloud.network.ips()}
    forget_group(cloud)
    yield student
    student.remove_everything()
    for address in cloud.network.ips():
        if address.id not in kept:
            cloud.network.delete_ip(address)
    forget_group(cloud)


def forget_group(cloud) -> None:
    for group in cloud.network.security_groups(name="allow-ssh"):
        cloud.network.delete_security_group(group)


def cell(text: str) -> str:
    return textwrap.dedent(text).strip() + "\n"


def as_script(student: Student) -> str:
    """Run the lab as a Python program: `use_*` for the drop-downs, text for the widgets."""
    cells = [IMPORTS, USE, RESERVE, LAUNCH, ADDRESS, OPEN_SSH, USE_IT, AGAIN, TELL, DELETE]
    program = student.folder / "hello_chameleon.py"
    program.write_text("\n".join(cell(c) for c in cells).replace("submit(idempotent=True)", SUBMIT_AS_TEXT))
    env = student.site.env(USER=student.owner, HOME=str(student.folder))
    return succeed([str(BIN / "python"), str(program)], env=env, cwd=student.folder, timeout=120)


SUBMIT_AS_TEXT = 'submit(idempotent=True, show="text")'
"""Outside Jupyter the default, a widget, raises after the instance was made (python-chi 1.2.10 chi/server.py)."""


def as_notebook(student: Student) -> str:
    """Run the lab's cells in a Jupyter kernel, drop-downs, widgets and all."""
    cells = [IMPORTS, CHOOSE, RESERVE, LAUNCH, ADDRESS, OPEN_SSH, USE_IT, AGAIN, TELL, DELETE]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell(c)) for c in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=180, kernel_name="python3", resources={"metadata": {"path": str(student.folder)}}
    )
    client.execute(env=student.site.env(USER=student.owner, HOME=str(student.folder)))
    streams = [o for c in notebook.cells for o in c.outputs if o.output_type == "stream"]
    return "".join(o.text for o in streams)


@pytest.mark.parametrize("how", [as_script, as_notebook], ids=["script", "notebook"])
def test_the_lab_runs_with_plain_python_chi(newcomer, how):
    """Reserve, launch, address, open SSH, log in, copy a file, submit again, delete."""
    said = how(newcomer)
    told = Told(**json.loads(said.split(RESULT, 1)[1].splitlines()[0]))

    name = f"hello_chameleon-{newcomer.owner}"
    assert told.lease_status == "ACTIVE"
    assert told.again == told.lease, "a lease submitted again is the same lease"
    assert told.flavor.startswith("reservation:")
    assert told.server_status == "ACTIVE"
    assert told.hostname == name.replace("_", "-"), "Nova makes a host name of the instance's name"
    assert (told.copied, told.user) == ("Hello, Chameleon", "cc")

    held = newcomer.holdings()
    assert held.counts == (0, 0, 0, 0), "lease and instance are gone"
    left = {a.floating_ip_address: a for a in newcomer.site.connection().network.ips()}
    assert told.address in left, "python-chi's Server.delete() does not release the floating IP"
    assert left[told.address].port_id is None
