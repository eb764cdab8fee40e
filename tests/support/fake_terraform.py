"""A program in Terraform's place that makes what `terraform/lab` says, on the site in memory.

The driver runs as it is: it copies the configuration, starts the program, reads its JSON and its state file.
The program hands its arguments to a thread of the test, where the site is at hand.
tests/support/terraform_contract.py holds it to Terraform itself.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

from tests.support.terraform_resources import Refusal, Resource, Store, wanted
from tests.support.terraform_site import CREDENTIALS, TerraformSite

_PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", {port})) as line, line.makefile("rw") as talk:
    print(json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}), file=talk, flush=True)
    for answer in talk:
        stream, text = json.loads(answer)
        if stream == "exit":
            sys.exit(text)
        print(text, file=getattr(sys, stream), flush=True)
sys.exit(70)
"""


class Died(Exception):  # noqa: N818 - as a process that is killed: no error that it tells of
    """The program ends between a request and its record in the state."""


class FakeTerraform:
    """Terraform on `site`. `calls` are its runs so far, each with `argv`, `cwd` and `env`."""

    def __init__(self, site: TerraformSite) -> None:
        self.site = site
        self.calls: list[dict[str, Any]] = []
        self.die_after: int | None = None
        """It dies when it has made so many things, the last one not yet recorded."""
        self.crashed: BaseException | None = None
        """What went wrong in the fake itself."""

    def run(self, call: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """What one run prints, and how it ends: (`stdout` or `stderr`, a line), at last (`exit`, the code)."""
        self.calls.append(dict(call))
        verb, *options = call["argv"]
        folder = Path(call["cwd"])
        try:
            if verb == "init":
                (folder / ".terraform").mkdir(exist_ok=True)
            elif verb == "output":
                yield "stdout", json.dumps(_state(options).get("outputs", {}))
            else:
                assert {"-json", "-input=false", "-auto-approve=true"} <= set(options), options
                run = _Run(self, verb, folder, options, call["env"])
                yield from (("stdout", json.dumps(event)) for event in run.events())
        except Refusal as refusal:
            yield "stdout", json.dumps(_diagnostic("error", str(refusal), refusal.address))
            yield "exit", 1
        except Died:
            yield "exit", 137
        yield "exit", 0

    @contextmanager
    def served(self, folder: Path) -> Iterator[None]:
        """Answer a program `terraform` in `folder`, which the test puts on PATH."""
        fake = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                try:
                    for answer in fake.run(json.loads(self.rfile.readline())):
                        self.wfile.write(json.dumps(answer).encode() + b"\n")
                except BaseException as error:
                    fake.crashed = error
                    raise

        with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            folder.mkdir(parents=True, exist_ok=True)
            program = folder / "terraform"
            program.write_text(_PROGRAM.format(python=sys.executable, port=server.server_address[1]))
            program.chmod(0o755)
            try:
                yield
            finally:
                server.shutdown()
        if self.crashed is not None:
            raise self.crashed


class _Run:
    """One `apply` or `destroy`."""

    def __init__(
        self, fake: FakeTerraform, verb: str, folder: Path, options: list[str], env: Mapping[str, str]
    ) -> None:
        self.fake = fake
        self.verb = verb
        self.folder = folder
        self.env = env
        self.path = _state_path(options)
        self.store = Store(fake.site)
        self.known: dict[str, Resource] = {
            address: Resource(address, **found) for address, found in _state(options).get("known", {}).items()
        }
        self.counts = {"add": 0, "change": 0, "remove": 0, "import": 0}
        self.made = 0

    def events(self) -> Iterator[dict[str, Any]]:
        if {name: self.env.get(name) for name in CREDENTIALS} != CREDENTIALS:
            raise Refusal("One of 'auth_url' or 'cloud' must be specified")
        if not (self.folder / ".terraform").is_dir():
            raise Refusal("Module not installed: run terraform init")
        variables, unknown = _variables(self.folder)
        for name in unknown:
            yield _diagnostic("warning", f"Value for undeclared variable {name}")
        for address, found in list(self.known.items()):
            if not self.store.there(found):
                del self.known[address]
        try:
            if self.verb == "apply":
                yield from self._apply(variables)
            else:
                yield from self._delete(list(self.known))
        except Refusal:
            self._save({})
            raise
        self._save(self._outputs())
        yield {"type": "change_summary", "changes": {**self.counts, "operation": self.verb}}

    def _apply(self, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        configured = {one.address: one for one in wanted(variables, self.fake.site)}
        text = "".join(file.read_text() for file in self.folder.parent.rglob("*.tf"))
        assert all(one.declared in text for one in configured.values()), (
            "the fake has what terraform/ has not"
        )
        imported = _imports(self.folder)
        for address, thing_id in imported.items():
            if address not in configured:
                raise Refusal("Configuration for import target does not exist", address)
            if not self.store.there(Resource(address, thing_id)):
                raise Refusal("Cannot import non-existent remote object", address)
        yield {"type": "change_summary", "changes": {"operation": "plan", "add": len(configured)}}
        going = [address for address in self.known if address not in configured]
        if "create_before_destroy = true" in text:  # else Terraform changes what is in a group after it
            self.store.leave([self.known[address].id for address in going])
        yield from self._delete(going)
        for address, want in configured.items():
            if address not in self.known and address in imported:
                self.known[address] = Resource(address, imported[address])
                self.counts["import"] += 1
            if address in self.known:
                yield from self._update(self.known[address], want)
            else:
                yield from self._create(want)
            self._save({})

    def _create(self, want: Resource) -> Iterator[dict[str, Any]]:
        yield _hook("apply_start", "create", want.address)
        thing_id = self.store.create(want, self.known)
        self.made += 1
        if self.made == self.fake.die_after:
            raise Died
        self.known[want.address] = Resource(want.address, thing_id, want.attributes)
        self.counts["add"] += 1
        self.store.settle(self.known[want.address])
        yield _hook("apply_complete", "create", want.address)

    def _update(self, found: Resource, want: Resource) -> Iterator[dict[str, Any]]:
        if self.store.update(found, want):
            yield _hook("apply_start", "update", want.address)
            self.counts["change"] += 1
            yield _hook("apply_complete", "update", want.address)
        self.known[want.address] = Resource(want.address, found.id, want.attributes)

    def _delete(self, going: list[str]) -> Iterator[dict[str, Any]]:
        order = [address for address in self.known if address in going]
        for address in sorted(order, key=Store.order, reverse=True):
            yield _hook("apply_start", "delete", address)
            self.store.delete(self.known.pop(address))
            self.counts["remove"] += 1
            self._save({})
            yield _hook("apply_complete", "delete", address)

    def _outputs(self) -> dict[str, Any]:
        return {"nodes": {"value": self.store.nodes(self.known), "type": "dynamic"}} if self.known else {}

    def _save(self, outputs: Mapping[str, Any]) -> None:
        resources = [one.recorded() for one in self.known.values()]
        document = {"version": 4, "outputs": outputs, "resources": resources}
        self.path.write_text(json.dumps(document))


def _state_path(options: list[str]) -> Path:
    [path] = [word.removeprefix("-state=") for word in options if word.startswith("-state=")]
    return Path(path)


def _state(options: list[str]) -> dict[str, Any]:
    path = _state_path(options)
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    known = [Resource.read(one) for one in document.get("resources", ())]
    return {**document, "known": {one.address: {"id": one.id, "attributes": one.attributes} for one in known}}


def _imports(folder: Path) -> dict[str, str]:
    text = (folder / "imports.tf").read_text()
    found = re.findall(r'import \{\n  to = (\S+)\n  id = ("[^\n]+")\n\}', text)
    assert len(found) == text.count("import {")
    return {address: json.loads(quoted) for address, quoted in found}


def _variables(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The values that the configuration declares, and the names of those that it does not.

    As Terraform: an unknown variable is a warning, an unknown field of an object is dropped without a word.
    """
    given: dict[str, Any] = json.loads((folder / "terraform.tfvars.json").read_text())
    found: dict[str, Any] = {}
    text = (folder / "variables.tf").read_text()
    for name, body in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL):
        default = re.search(r"^  default += (.*)$", body, re.MULTILINE)
        if name not in given and default is None:
            raise Refusal(f'No value for required variable "{name}"')
        value = given[name] if name in given else json.loads(default[1] if default else "null")
        if "object({" in body:
            fields = re.findall(r"^ +(\w+) += (optional\()?(?:string|bool|number|list)", body, re.MULTILINE)
            required = {field: not optional for field, optional in fields if field not in ("type", "default")}
            many = "map(object({" in body
            value = {
                key: _object(name, one, required) for key, one in (value if many else {"": value}).items()
            }
            value = value if many else value[""]
        found[name] = value
    return found, [name for name in given if name not in found]


def _object(name: str, value: Mapping[str, Any], required: Mapping[str, bool]) -> dict[str, Any]:
    for field, must in required.items():
        if must and value.get(field) is None:
            raise Refusal(f'Invalid value for input variable "{name}": attribute "{field}" is required')
    return {field: value.get(field) for field in required}


def _hook(kind: str, action: str, address: str) -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": address}, "action": action}}


def _diagnostic(severity: str, summary: str, address: str = "") -> dict[str, Any]:
    return {
        "type": "diagnostic",
        "diagnostic": {"severity": severity, "summary": summary, "detail": "", "address": address},
    }
