"""Pack the pipeline's files into an archive that has the same bytes for the same files.

pack.py PIPELINE ARCHIVE
"""

# ruff: noqa: INP001
from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

PARTS = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvcignore",
    ".gitignore",
    "README.md",
    "dvc.yaml",
    "incoming/README.md",
    "params.yaml",
    "production/README.md",
    "pyproject.toml",
    "requirements-cuda.txt",
    "requirements-tune.txt",
    "requirements.txt",
)
"""Beside the code. What runs leave in the folder (environment, data, models) stays behind."""
TIME = 1767225600
"""Of every file, whenever it was changed: 1 January 2026."""
LAST = ".complete"
"""Whoever finds it has the rest."""


def main() -> None:
    top, archive = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    code = sorted(path.relative_to(top).as_posix() for path in (top / "src" / "groceries").iterdir())
    names = [*PARTS, *(name for name in code if name.endswith((".py", "/py.typed")))]
    missing = [name for name in names if not (top / name).is_file()]
    if missing or not code:
        sys.exit(f"{top} is not the kit's pipeline: it has no {', '.join(missing or ['code'])}.")
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            _add(tar, name, (top / name).read_bytes())
        _add(tar, LAST, b"")


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o644, TIME
    tar.addfile(member, io.BytesIO(data))


if __name__ == "__main__":
    main()
