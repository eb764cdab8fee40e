"""`chi-lab tunnel`: the nodes' services on this machine's own ports."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import Options, lab_options
from chi_helpers.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chi_helpers.login import Login
    from chi_helpers.provision.services import Service
    from chi_helpers.provision.tunnel import Endpoint, Forward

_OPENED = {"jupyter": "jupyter_token"}
"""Services whose page asks for a secret, which its URL can bring along."""


@click.command()
@lab_options
@click.option("--tokens", is_flag=True, help="Show tokens in URLs also where no terminal is.")
@click.argument("names", nargs=-1, metavar="[SERVICE]...")
def command(options: Options, *, tokens: bool, names: tuple[str, ...]) -> int:
    """Reach the nodes' services from here, through SSH, until Ctrl-C.

    All services of the file's stacks, or those that are named: jupyter, mlflow, serving, prometheus, ray. On
    the nodes they listen on 127.0.0.1 alone. Where a port is taken here, another one is used.
    """
    from chi_helpers.lab import Lab
    from chi_helpers.provision.secrets import kept
    from chi_helpers.provision.services import chosen, services
    from chi_helpers.provision.tunnel import opened

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    wanted = chosen(services({node.key: node.stack for node in lab.spec.nodes}, lab.spec.options), names)
    secrets = kept(lab.folder) if tokens or (sys.stdout.isatty() and not options.as_json) else {}
    for ends in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Or ssh would outlive us. Ctrl-C too: a shell's background jobs are born deaf to it.
        signal.signal(ends, signal.default_int_handler)
    with suppress(KeyboardInterrupt), opened(wanted, _endpoints(lab.logins(), wanted)) as tunnels:
        if options.as_json:
            rows = [_row(forward, secrets) for forward in tunnels.forwards]
            render.emit(ok=True, services=rows)
        else:
            _table(tunnels.forwards, secrets)
        sys.stdout.flush()
        tunnels.wait()
    return 0


def _endpoints(logins: Sequence[Login], wanted: Sequence[Service]) -> Mapping[str, Endpoint]:
    from chi_helpers.provision.tunnel import Endpoint

    found: dict[str, Endpoint] = {}
    for login in logins:
        if any(service.node == login.node for service in wanted):
            login.require_key()
            found[login.node] = Endpoint(login.destination, login.settings(batch=True))
    for service in wanted:
        if service.node not in found:
            raise UsageError(
                f"{service.node}, which serves {service.name}, is not reachable.",
                do="Look with `chi-lab status`, then run `chi-lab up`.",
            )
    return found


def _url(forward: Forward, secrets: Mapping[str, str]) -> str:
    token = secrets.get(_OPENED.get(forward.service.name, ""))
    return f"{forward.url}?token={token}" if token else forward.url


def _row(forward: Forward, secrets: Mapping[str, str]) -> dict[str, object]:
    service = forward.service
    return {
        "service": service.name,
        "node": service.node,
        "remote_port": service.port,
        "port": forward.port,
        "url": _url(forward, secrets),
    }


def _table(forwards: Sequence[Forward], secrets: Mapping[str, str]) -> None:
    rows = [(f.service.name, f.service.node, _url(f, secrets)) for f in forwards]
    render.out(render.table(("SERVICE", "NODE", "URL"), rows))
    for forward in forwards:
        if forward.port != forward.service.port:
            taken = forward.service.port
            render.tell(f"Port {taken} is taken here: {forward.service.name} is on {forward.port}.")
    render.tell("Open until Ctrl-C.")
