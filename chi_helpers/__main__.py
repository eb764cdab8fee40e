"""`python -m chi_helpers`: the same as `chi-lab`."""

from __future__ import annotations

from chi_helpers.cli import main

main()
