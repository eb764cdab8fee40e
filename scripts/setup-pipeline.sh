#!/bin/sh
# Set up pipeline/.venv, where the sample pipeline is worked on and tested: what it needs is no part of the kit.
# Safe to run again; quick when nothing is to be done. Needs `scripts/setup.sh` before it.
set -eu
cd "$(dirname "$0")/../pipeline"

wanted=$(cat requirements-dev.txt pyproject.toml | sha256sum)
[ "$(cat .venv/.requirements 2>/dev/null || true)" != "$wanted" ] || exit 0
echo "Installing Python packages into pipeline/.venv" >&2
../.venv/bin/python -m venv --clear .venv
# As scripts/setup.sh: uv is much faster, pip knows of settings that uv does not.
../.venv/bin/uv pip install --quiet --python .venv/bin/python -r requirements-dev.txt ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
echo "$wanted" >.venv/.requirements
