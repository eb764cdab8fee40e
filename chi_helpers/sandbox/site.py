"""A sandbox's life: up, status, down, reset. Each is harmless when there is nothing to do."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil

from chi_helpers.model.outcome import Outcome, Progress, Result
from chi_helpers.sandbox import clients, conf, database, place, ports, reference, schema
from chi_helpers.sandbox.description import (
    PORTS,
    Description,
    Extra,
    Machines,
    in_order,
    load,
    new_secrets,
    new_site_id,
    save,
    write_private,
)
from chi_helpers.sandbox.errors import NoSandboxError, SandboxError
from chi_helpers.sandbox.hosts import hosts_of
from chi_helpers.sandbox.machines import probe, settings, vendordata
from chi_helpers.sandbox.machines.choose import Choice, choose
from chi_helpers.sandbox.machines.sweep import remove_site, stop_site
from chi_helpers.sandbox.steps import step
from chi_helpers.sandbox.supervise import DATABASE, ServiceState, Supervisor, log_file, programs

_KVM_HOSTS = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller of `up` asks of a new sandbox; None takes what is there, or the default."""

    machines: Machines | None = None
    """None: with machines where this computer can, else without, and says so."""
    region: str | None = None
    kvm_hosts: int | None = None
    max_lease_seconds: int | None = None
    extras: tuple[Extra, ...] = ()
    """Added to what a sandbox has; nothing is taken from it."""


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of a sandbox. `state`: `none`, `down`, `up`, or `partly up`."""

    name: str
    state: str
    site: Description | None = None
    services: tuple[ServiceState, ...] = ()
    memory_bytes: int = 0
    """Proportional set size of all services together; shared pages count once."""


class Sandbox:
    """The sandbox of that name in this checkout, or in the user's state folder."""

    def __init__(self, name: str = place.DEFAULT_NAME) -> None:
        self.name = place.check_name(name)
        self.folder = place.folder_of(name)

    # -- what there is ----------------------------------------------------

    def description(self) -> Description:
        """Raises NoSandboxError where there is none."""
        if (site := load(self.folder)) is None:
            raise NoSandboxError(
                f"There is no sandbox '{self.name}' in {self.folder}.",
                do=f"Make it: chi-lab sandbox up{self._option()}",
            )
        return site

    def status(self) -> Status:
        """Look, without waiting for anybody's lock."""
        if (site := load(self.folder)) is None:
            return Status(self.name, "none")
        services = tuple(Supervisor(site).states().values())
        running = [one for one in services if one.state == "RUNNING"]
        whole = {one.name for one in running} >= set(programs(site)) and self._filled()
        state = "up" if whole else "partly up" if services else "down"
        return Status(self.name, state, site, services, sum(_memory(one.pid) for one in running))

    def log(self, service: str) -> Path:
        """The log of a service, or of `supervisord`."""
        site = self.description()
        names = (*programs(site), "supervisord")
        if service not in names:
            raise NoSandboxError(f"There is no service '{service}'.", do=f"Services: {', '.join(names)}.")
        return log_file(site, service)

    # -- what can be done -------------------------------------------------

    def up(self, wish: Wish, progress: Progress) -> Status:
        """Start what is not running, make what is not there. Of two at once the second finds it up."""
        with self._lock():
            site = load(self.folder) or self._new(wish, progress)
            self._refuse_other_wish(site, wish)
            supervisor = Supervisor(site)
            supervisor.let_it_stop()
            if added := set(wish.extras) - set(site.extras):
                site = replace(site, extras=in_order({*site.extras, *wish.extras}))
                supervisor = Supervisor(site)
            running = supervisor.running()
            if not running:
                place.hold(self.folder, site.addresses)
            if not running or added:
                # What listens already is ours.
                ports.check_free(site, besides=supervisor.states())
                self._prepare(site, progress)
            if added:
                save(site)  # last: an interrupted `up` adds them again
            with step(progress, "services"):
                supervisor.start()
                self._wait_for_services(site, supervisor, progress)
            if not self._filled():
                from chi_helpers.sandbox.content import resources  # brings OpenStack's client along

                with step(progress, "flavors, images, networks, hosts"):
                    resources.create(site)
                    write_private(self.folder / "content.done", "")
            return self.status()

    def down(self, progress: Progress) -> Status:
        """Stop every process. Machines are stopped too; all state stays."""
        with self._lock():
            if (site := load(self.folder)) is None:
                return self.status()
            with step(progress, "services"):
                Supervisor(site).stop()
            if site.machines == "podman":
                # After the services: Nova would take a stopped machine for one that its owner stopped.
                with step(progress, "machines"):
                    stop_site(site.label, site.podman_args)
            return self.status()

    def reset(self, progress: Progress) -> None:
        """Stop it and remove everything of it: state, machines, networks, packet rules, addresses."""
        with self._lock():
            if not self.folder.exists():
                return
            site = load(self.folder)
            if site is not None:
                with step(progress, "services"):
                    Supervisor(site).stop()
                if site.machines == "podman":
                    with step(progress, "machines"):
                        remove_site(site.label, site.podman_args)
                if site.run != self.folder / "run":
                    shutil.rmtree(site.run, ignore_errors=True)
            with step(progress, "state"):
                place.release(self.folder)
                # What says that there is a sandbox goes first: a kill leaves rubbish, not half a site.
                (self.folder / "site.json").unlink(missing_ok=True)
                shutil.rmtree(self.folder)

    # -- parts of up ------------------------------------------------------

    def _new(self, wish: Wish, progress: Progress) -> Description:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        choice = self._choose(wish.machines, progress)
        site = Description(
            name=self.name,
            region=wish.region or place.default_region(self.name),
            folder=self.folder,
            run=place.run_dir(self.folder),
            label=place.label_of(self.folder),
            addresses=place.claim(self.folder, evict=_remove_machines),
            machines=choice.machines,
            kvm_hosts=wish.kvm_hosts or _KVM_HOSTS,
            secrets=new_secrets(),
            site_id=new_site_id(),
            image=choice.image,
            podman_args=choice.podman_args,
            extras=in_order(wish.extras),
        )
        if wish.max_lease_seconds:
            site = replace(site, max_lease_seconds=wish.max_lease_seconds)
        save(site)
        return site

    def _choose(self, wanted: Machines | None, progress: Progress) -> Choice:
        title = "machines"
        progress.started(title)
        choice = choose(wanted, lambda text: progress.note(title, text))
        progress.finished(Outcome(title, Result.DONE, choice.reason))
        return choice

    def _refuse_other_wish(self, site: Description, wish: Wish) -> None:
        differs = [
            f"{what} is {have}, not {want}"
            for what, have, want in (
                ("machines", site.machines, wish.machines),
                ("region", site.region, wish.region),
                ("number of KVM hosts", site.kvm_hosts, wish.kvm_hosts),
                ("longest lease (s)", site.max_lease_seconds, wish.max_lease_seconds),
            )
            if want not in (None, have)
        ]
        if differs:
            raise SandboxError(
                f"The sandbox '{self.name}' exists already: {'; '.join(differs)}.",
                do=f"Leave the option out, choose another --name, or start anew: "
                f"chi-lab sandbox reset{self._option()}",
            )

    def _prepare(self, site: Description, progress: Progress) -> None:
        """Everything on disk that the processes need."""
        place.run_dir(self.folder)  # gone after a reboot, where it is under /tmp
        data, made_with = self.folder / "db", self.folder / "versions"
        if data.exists() and (not made_with.exists() or made_with.read_text() != schema.versions()):
            raise SandboxError(
                f"The sandbox '{self.name}' was made by other versions of the services.",
                do=f"Start anew: chi-lab sandbox reset{self._option()}",
            )
        if not data.exists():
            write_private(made_with, schema.versions())
            with step(progress, "database") as note:
                image = schema.ensure(site, note)
                # Another name each time: the copying of a start that was killed may go on for a while.
                for other in self.folder.glob("db.new*"):
                    shutil.rmtree(other, ignore_errors=True)
                half = self.folder / f"db.new-{os.getpid()}"
                schema.restore(image, half)
                half.rename(data)
        hosts = hosts_of(site.kvm_hosts)
        write_private(self.folder / "hosts.json", json.dumps({k: v.compute() for k, v in hosts.items()}))
        write_private(self.folder / "reference.json", json.dumps(reference.documents(site, hosts)))
        vendordata.write(settings.vendor_data(self.folder))
        conf.write_all(site)
        _fernet_keys(self.folder / "keystone" / "fernet")
        _fernet_keys(self.folder / "keystone" / "credential")
        clients.make_keys(site)
        clients.write_all(site)

    def _wait_for_services(self, site: Description, supervisor: Supervisor, progress: Progress) -> None:
        def note(text: str) -> None:
            progress.note("services", text)

        supervisor.wait({DATABASE: lambda: database.answers(site.db_socket)}, note)
        # Also after a restore: the image was made with another password.
        database.sql(site.db_socket, database.set_password(site.secrets.database))
        identity = self.folder / "identity.done"
        if not identity.exists() or identity.read_text() != " ".join(site.services):
            supervisor.wait({"keystone": partial(_listens, site, "keystone")}, note)
            from chi_helpers.sandbox.content import people

            note("people and projects")
            people.create(site)
            clients.write_all(site)
            write_private(identity, " ".join(site.services))
        supervisor.wait({name: partial(_listens, site, name) for name in site.services}, note)

    # -- small things -----------------------------------------------------

    def _filled(self) -> bool:
        return (self.folder / "content.done").exists()

    def _option(self) -> str:
        return "" if self.name == place.DEFAULT_NAME else f" --name {self.name}"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # Beside the folder, not in it: `reset` removes the folder.
        with place.locked(self.folder.parent / f".{self.name}.lock"):
            yield


def _remove_machines(label: str) -> None:
    """What a sandbox left whose folder was deleted by hand: networks and rules would be in the way."""
    if probe.missing() is None:
        remove_site(label)


def _listens(site: Description, service: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((site.addresses.api, PORTS[service])) == 0


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except psutil.Error:
        return 0


def _fernet_keys(folder: Path) -> None:
    """A key repository of Keystone (keystone/common/fernet_utils.py): 0 is staged, 1 is primary."""
    from cryptography.fernet import Fernet

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("0", "1"):
        if not (folder / name).exists():
            write_private(folder / name, Fernet.generate_key().decode())
