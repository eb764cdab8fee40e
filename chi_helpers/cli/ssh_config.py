"""`chi-lab ssh-config`: the same login for every program that speaks OpenSSH."""

from __future__ import annotations

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import Options, lab_options


@click.command()
@lab_options
def command(options: Options) -> None:
    """Print an OpenSSH configuration for the lab's nodes, for ssh, scp, rsync and editors.

    \b
        chi-lab ssh-config > lab.ssh
        scp -F lab.ssh results.csv node1:
    """  # noqa: D301 - click knows a paragraph that keeps its lines by the character that \b stands for
    from chi_helpers.lab import Lab
    from chi_helpers.provision.openssh import settings

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    logins = lab.logins()
    if options.as_json:
        render.emit(ok=True, hosts=logins)
        return
    for login in logins:
        safe = settings(login.known_hosts, login.private_key)
        way = {"ProxyJump": login.jump.node} if login.jump else {}
        lines = {"HostName": login.address, "User": login.user, **safe, **way}
        render.out("\n".join([f"Host {login.node}", *(f"    {key} {value}" for key, value in lines.items())]))
