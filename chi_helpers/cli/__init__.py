"""`chi-lab`: the command line. Parses, calls, renders, exits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run `chi-lab` with `args` (the process's own by default) and exit with its code."""
    from chi_helpers.cli.run import run

    sys.exit(run(sys.argv[1:] if args is None else list(args)))
