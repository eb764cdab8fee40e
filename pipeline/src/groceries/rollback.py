"""Back to an earlier version: code, parameters, data and reports here, and its model in production."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from groceries import package
from groceries.errors import PipelineError, WrongFileError
from groceries.registry import Registry, Version
from groceries.run import mend, put
from groceries.workcopy import Tell, WorkingCopy


@dataclass(frozen=True, slots=True)
class Back:
    """The version that is in production now, and whether uncommitted changes were put aside."""

    version: Version
    stashed: bool


def rollback(copy: WorkingCopy, registry: Registry, name: str, tell: Tell) -> Back:
    """Bring version `name` (like v2) back. It can be done again if it was broken off.

    Raises PipelineError where there is no such version, or it cannot be had whole; then nothing changed.
    """
    with copy.lock():
        mend(copy, registry, tell)
        versions = registry.versions()
        version = next((each for each in versions if each.name == name), None)
        if version is None:
            known = ", ".join(each.name for each in versions) or "none yet"
            raise PipelineError(f"{name}: no such version", do=f"There are: {known}.")
        if not copy.knows(version.git_commit):
            raise WrongFileError(
                f"{name}: commit {version.git_commit or 'unknown'} is not in {copy.root}",
                do="Go back where the version was made.",
            )
        folder = copy.root / ".git" / "groceries-production"
        registry.download(version, folder)
        package.load(folder)
        stashed = copy.aside(f"before the roll-back to {name}")
        if stashed:
            tell("changes that were not committed are put aside: `git stash pop` brings them back")
        copy.bring_back(version.git_commit, f"Roll back to {name}")
        copy.checkout()
        put(copy, folder)
        shutil.rmtree(folder)
        registry.promote(version)
        tell(f"{name} is in production")
        return Back(version, stashed)
