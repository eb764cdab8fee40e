"""`chi-lab sandbox`: the site on this machine."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import debug_option, json_option
from chi_helpers.cli.progress import progress

if TYPE_CHECKING:
    from chi_helpers.sandbox.description import Extra
    from chi_helpers.sandbox.site import Sandbox, Status

_name = click.option(
    "--name", default="sandbox", show_default=True, help="Which sandbox, where there are several."
)


def _extras(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[Extra, ...]:
    """Names with commas between them."""
    from chi_helpers.sandbox.description import EXTRAS, in_order

    names = [name.strip() for name in value.split(",") if name.strip()]
    if unknown := [name for name in names if name not in EXTRAS]:
        raise click.BadParameter(f"'{', '.join(unknown)}' is none of {', '.join(EXTRAS)}.")
    return in_order(names)


@click.group()
def command() -> None:
    """A Chameleon-like site of real OpenStack services on this machine."""


@command.command()
@_name
@click.option(
    "--machines",
    type=click.Choice(["auto", "podman", "none"]),
    default="auto",
    show_default=True,
    help="What is behind an instance: a Linux container, or nothing (no root needed, any scale).",
)
@click.option("--region", help="Region and site name of a new sandbox.  [default: CHI@<Name>]")
@click.option(
    "--hosts", type=click.IntRange(1, 1000), help="Virtualisation hosts of a new sandbox.  [default: 2]"
)
@click.option(
    "--max-lease", type=click.IntRange(60), help="Longest lease in seconds.  [default: 604800, seven days]"
)
@click.option(
    "--with",
    "extras",
    metavar="LIST",
    default="",
    callback=_extras,
    help="Services that a sandbox has only if asked for: volumes (Cinder), objects (Swift), or both with a "
    "comma between. A sandbox that exists gets them added, and keeps them.",
)
@json_option
@debug_option
def up(
    name: str,
    machines: str,
    region: str | None,
    hosts: int | None,
    max_lease: int | None,
    extras: tuple[Extra, ...],
    as_json: bool,
) -> None:
    """Start the site; make it first where there is none. Harmless when it is up."""
    from chi_helpers.sandbox.site import Wish

    wish = Wish(
        machines=None if machines == "auto" else machines,  # type: ignore[arg-type]
        region=region,
        kvm_hosts=hosts,
        max_lease_seconds=max_lease,
        extras=extras,
    )
    sandbox = _sandbox(name)
    with progress() as observer:
        found = sandbox.up(wish, observer)
    if as_json:
        render.emit(ok=True, **_document(found))
    else:
        render.tell(_summary(found))


@command.command()
@_name
@json_option
def status(name: str, as_json: bool) -> int:
    """Show what runs. Exit code 0: up; 1: partly up, down, or not there."""
    found = _sandbox(name).status()
    if as_json:
        render.emit(ok=found.state == "up", **_document(found))
    else:
        render.out(_table(found))
    return 0 if found.state == "up" else 1


@command.command()
@_name
@json_option
@debug_option
def down(name: str, as_json: bool) -> None:
    """Stop the site. Everything on it stays, for the next `up`."""
    sandbox = _sandbox(name)
    with progress() as observer:
        found = sandbox.down(observer)
    if as_json:
        render.emit(ok=True, **_document(found))


@command.command()
@_name
@debug_option
def reset(name: str) -> None:
    """Stop the site and remove everything of it: instances, leases, accounts, data."""
    sandbox = _sandbox(name)
    with progress() as observer:
        sandbox.reset(observer)


@command.command()
@_name
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-n", "--lines", type=click.IntRange(1), default=40, show_default=True, help="How many lines.")
@click.argument("service", required=False)
def logs(name: str, follow: bool, lines: int, service: str | None) -> int:
    """Print the end of SERVICE's log (without SERVICE: list the services)."""
    sandbox = _sandbox(name)
    if service is None:
        for one in sandbox.status().services:
            render.out(f"{one.name:12} {sandbox.log(one.name)}")
        return 0
    path = sandbox.log(service)
    tail = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)]
    return subprocess.run(tail, check=False).returncode


@command.command()
@_name
@click.option("--cloud", help="Which login of clouds.yaml.  [default: the first student's]")
@json_option
def env(name: str, cloud: str | None, as_json: bool) -> None:
    """Print the login for a shell: eval "$(chi-lab sandbox env)"."""
    from chi_helpers.model.errors import UsageError
    from chi_helpers.sandbox import clients

    site = _sandbox(name).description()
    known = clients.clouds(site)
    if (cloud or site.name) not in known:
        raise UsageError(f"The sandbox '{name}' has no login '{cloud}'.", do=f"Logins: {', '.join(known)}.")
    variables = clients.environment(site, cloud or site.name)
    if as_json:
        render.emit(ok=True, variables=variables)
    else:
        render.out(clients.shell(variables).rstrip())


@command.command()
@click.option(
    "--machines",
    type=click.Choice(["auto", "podman", "none"]),
    default="auto",
    show_default=True,
    help="Whether to build the machines' image: where this computer can run them, always, or never.",
)
@debug_option
def setup(machines: str) -> None:
    """Make what all sandboxes share, once: the node image and the services' tables."""
    from chi_helpers.sandbox.setup import prepare

    wanted: Any = None if machines == "auto" else machines
    with progress() as observer:
        prepare(wanted, observer)


def _sandbox(name: str) -> Sandbox:
    from chi_helpers.sandbox.site import Sandbox

    return Sandbox(name)


def _document(status: Status) -> dict[str, Any]:
    site = status.site
    return {
        "name": status.name,
        "state": status.state,
        "region": site.region if site else None,
        "auth_url": site.auth_url if site else None,
        "machines": site.machines if site else None,
        "with": list(site.extras) if site else None,
        "folder": str(site.folder) if site else None,
        "memory_bytes": status.memory_bytes,
        "services": {
            one.name: {"state": one.state, "pid": one.pid or None, "since": one.since or None}
            for one in status.services
        },
    }


def _table(status: Status) -> str:
    lines = [f"{status.name}: {status.state}"]
    if site := status.site:
        extras = f", with: {', '.join(site.extras)}" if site.extras else ""
        lines[0] += f"  ({site.region}, {site.auth_url}, machines: {site.machines}{extras})"
        lines.append(f"  state in {site.folder}")
    lines += [f"  {one.name:10} {one.state:9} {one.detail}" for one in status.services]
    if status.memory_bytes:
        lines.append(f"  memory     {status.memory_bytes / 2**20:.0f} MiB (proportional, all services)")
    return "\n".join(lines)


def _summary(status: Status) -> str:
    site = status.site
    if site is None:
        return ""
    option = "" if site.name == "sandbox" else f" --name {site.name}"
    lines = [f"{site.region} is {status.state}: {site.auth_url}"]
    if site.machines == "none":
        lines.append(
            "It has no real machines: instances are records only, nothing answers behind an address."
        )
    lines.append(f'Log in:  eval "$(chi-lab sandbox env{option})"')
    return "\n".join(lines)
