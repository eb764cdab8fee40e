"""Run Terraform for one lab: its configuration, state and variables are in the lab's folder, 0600.

python-terraform writes the command lines. It does not start them: its own `cmd` logs what fails, output and
all, cannot show progress, and passes on either the whole environment or none, not even PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import LabKitError, UsageError
from chi_helpers.provision.terraform_progress import Watcher
from chi_helpers.provision.terraform_state import addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROGRAMS = ("terraform", "tofu")
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR")  # fmt: skip
"""What Terraform gets of the caller's environment.

No OS_*: the chosen cloud's come instead; no TF_LOG: it shows secrets."""
MIRROR = Path(".chi-lab/terraform/mirror")
"""Where `make terraform-provider` puts the provider, in the checkout."""
_CHECKOUT = Path(__file__).resolve().parents[2]
LOCK_TIMEOUT = "120s"
"""How long to wait for a run that is still at work on the same state."""


class TerraformError(LabKitError):
    """Terraform did not do what it was asked to."""


@dataclass(frozen=True, slots=True)
class Terraform:
    """Terraform at work in `folder` (the lab's own), with `credentials` as its only OS_* variables."""

    folder: Path
    credentials: Mapping[str, str]
    note: Callable[[str], None]

    @property
    def work(self) -> Path:
        return self.folder / "terraform"

    @property
    def state(self) -> Path:
        return state_file(self.folder)

    def apply(self, variables: Mapping[str, Any], imports: str) -> tuple[int, dict[str, Any]]:
        """Make what `variables` say: return how many things changed, and the output `nodes`.

        Raises `UsageError` (no program, no provider) and `TerraformError`.
        """
        self._prepare()
        self._write(self.work / "lab" / "terraform.tfvars.json", json.dumps(variables, indent=1))
        self._write(self.work / "lab" / "imports.tf", imports)
        changed = self._run("apply", auto_approve=True)
        return changed, dict(self._output()["nodes"]["value"])

    def destroy(self) -> int:
        """Delete everything in the state: return how many things went. What is gone already is no error."""
        if not addresses(self.state):
            return 0
        self._prepare()
        self._write(self.work / "lab" / "imports.tf", "")
        gone = self._run("destroy", auto_approve=True)
        shutil.rmtree(self.work)
        return gone

    def _prepare(self) -> None:
        """Copy the configuration in, so that what made a lab is at hand to end it; and find the provider."""
        source = _CHECKOUT / "terraform"
        if not (source / "lab" / "main.tf").is_file():
            raise UsageError(
                f"No terraform/lab in {_CHECKOUT}.", do="Run chi-lab from a checkout of the lab kit."
            )
        self.work.mkdir(mode=0o700, exist_ok=True)
        for part in ("modules", "lab"):
            shutil.copytree(
                source / part, self.work / part, dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("tests", ".terraform*", "*.tfstate*"),
            )  # fmt: skip
        answer = self._plain("init", input=False, no_color=_flag())
        if answer.returncode:
            raise UsageError(
                f"Terraform's OpenStack provider cannot be installed: {_first(answer.stderr)}",
                do="Where no registry is reached, `make terraform-provider` builds it (Go is needed); it "
                f"goes to {_CHECKOUT / MIRROR}. Or leave `launch: terraform` out of the lab's file.",
            )

    def _run(self, what: str, **options: Any) -> int:
        watcher = Watcher(self.note)
        argv = self._argv(
            what, json=_flag(), input=False, state=str(self.state), lock_timeout=LOCK_TIMEOUT, **options
        )
        with self._started(argv, stderr=subprocess.STDOUT) as process:
            for line in process.stdout or ():
                watcher.see(line)
        if process.returncode:
            raise TerraformError(
                f"terraform {what}: {watcher.errors or f'it ended with {process.returncode}'}",
                do="What was made is in its state; run the same again to go on.",
            )
        return watcher.changed

    def _output(self) -> dict[str, Any]:
        answer = self._plain("output", json=_flag(), state=str(self.state))
        if answer.returncode:
            raise TerraformError(f"terraform output: {_first(answer.stderr)}")
        return dict(json.loads(answer.stdout))

    def _plain(self, what: str, **options: Any) -> subprocess.CompletedProcess[str]:
        with self._started(self._argv(what, **options), stderr=subprocess.PIPE) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def _argv(self, what: str, **options: Any) -> list[str]:
        from python_terraform import Terraform as Wrapper

        wrapper = Wrapper(working_dir=str(self.work / "lab"), terraform_bin_path=program())
        return [str(word) for word in wrapper.generate_cmd_string(what, **options)]

    @contextmanager
    def _started(self, argv: list[str], *, stderr: int) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            argv, cwd=self.work / "lab", env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr, text=True, umask=0o077,
        ) as process:  # fmt: skip
            yield process

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        mirror = _CHECKOUT / MIRROR
        if mirror.is_dir():
            rc = self.work / "cli.tfrc"
            self._write(rc, _RC.format(path=json.dumps(str(mirror))))
            kept["TF_CLI_CONFIG_FILE"] = str(rc)
        return kept | dict(self.credentials) | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}

    def _write(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text, encoding="utf-8")


_RC = """provider_installation {{
  filesystem_mirror {{
    path = {path}
  }}
}}
"""


def state_file(folder: Path) -> Path:
    """Where the state of the lab of `folder` is; it need not exist."""
    return folder / "terraform" / "terraform.tfstate"


def program() -> str:
    """The path of `terraform`, else of `tofu`. Raises `UsageError` where neither is on PATH."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    raise UsageError(
        "`launch: terraform` needs terraform or tofu, and neither is on PATH.",
        do="Install one of them (1.6 or newer), or leave `launch` out of the lab's file: python-chi then "
        "launches the instances.",
    )


def _flag() -> Any:
    from python_terraform import IsFlagged

    return IsFlagged


def _first(text: str) -> str:
    """What Terraform complains of: the first error, without the frame that it draws."""
    words = " ".join(line.strip("│╷╵ \t") for line in text.splitlines()).split()
    return " ".join(words).removeprefix("Error: ")[:600] or "it gave no reason"
