"""Lock the Python packages of Ansible's roles: `make requirements`.

A role names what it wants in files/requirements.in, without versions; those are in ansible/versions.yml. A
line `-r PATH` adds what another file pins, at the same versions; PATH is relative to requirements.in. uv
writes files/requirements.txt beside it: everything that these need in turn, with hashes, for every Python
from 3.11 on. Words of the command line go to uv (`--upgrade`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

TOP = Path(__file__).parents[1]
ANSIBLE = TOP / "ansible"
HEADER = "make requirements"


def direct(wanted: Path, versions: dict[str, str]) -> list[str]:
    """Give what `wanted` (a requirements.in) names, each with its version: `mlflow==3.17.2`.

    Raises ValueError for a package that has none in `versions`.
    """
    lines = wanted.read_text(encoding="utf-8").splitlines()
    # `ray[default]` has the version of `ray`.
    names = {line: line.partition("[")[0] for line in lines if line and line[0] not in "#-"}
    if unknown := [name for name in names.values() if name not in versions]:
        raise ValueError(f"{wanted}: {', '.join(unknown)}: no version in ansible/versions.yml. Add it there.")
    return [f"{line}=={versions[name]}" for line, name in names.items()]


def added(wanted: Path) -> list[str]:
    """Give the other files that `wanted` adds, each as a line for uv with the file's whole path."""
    lines = wanted.read_text(encoding="utf-8").splitlines()
    paths = [line.removeprefix("-r ") for line in lines if line.startswith("-r ")]
    return [f"-r {(wanted.parent / path).resolve(strict=True)}" for path in paths]


def lock(wanted: Path, versions: dict[str, str], *words: str) -> None:
    """Write requirements.txt beside `wanted`; raises CalledProcessError where uv finds no answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".in", encoding="utf-8") as file:
        file.write("\n".join([*direct(wanted, versions), *added(wanted)]) + "\n")
        file.flush()
        options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--quiet"]
        options += ["--custom-compile-command", HEADER, "-o", str(wanted.with_suffix(".txt")), *words]
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "pip", "compile", file.name, *options], check=True)


def main() -> None:
    versions = yaml.safe_load((ANSIBLE / "versions.yml").read_text(encoding="utf-8"))["versions"]
    for wanted in sorted(ANSIBLE.glob("roles/*/files/requirements.in")):
        print(wanted.parents[1].name, file=sys.stderr)
        lock(wanted, versions, *sys.argv[1:])


if __name__ == "__main__":
    main()
