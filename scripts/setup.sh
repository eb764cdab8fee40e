#!/bin/sh
# Set up a checkout: Debian packages, a virtual environment in .venv, what all sandboxes share.
# Safe to run again; quick when nothing is to be done. Used by the Makefile.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# -- Debian packages --------------------------------------------------------
missing=
if command -v dpkg-query >/dev/null; then
    for package in $(sed 's/#.*//' scripts/packages.txt); do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
else
    say "This is no Debian: what the sandbox needs is listed in scripts/packages.txt."
fi
if [ -n "$missing" ]; then
    install="apt-get install --yes --no-install-recommends$missing"
    if [ "$(id -u)" = 0 ]; then
        say "Installing Debian packages:$missing"
        log=$(mktemp)
        if ! { apt-get update && DEBIAN_FRONTEND=noninteractive $install; } >"$log" 2>&1; then
            tail -n 20 "$log" >&2
            say "apt-get failed; its output is in $log."
            exit 1
        fi
        rm -f "$log"
    else
        say "Some Debian packages are missing. Install them, then run this again:"
        say "    sudo apt-get update && sudo $install"
        exit 1
    fi
fi

# -- Python -----------------------------------------------------------------
python=
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "Python 3.11 or newer is needed, and was not found. Set PYTHON=/path/to/python3.11."
    exit 1
fi
wanted=$("$python" -c 'import hashlib, pathlib; print(hashlib.sha256(
    b"".join(pathlib.Path(f).read_bytes() for f in ("requirements-dev.txt", "pyproject.toml"))).hexdigest())')
if [ "$(cat .venv/.requirements 2>/dev/null || true)" != "$wanted" ]; then
    say "Installing Python packages into .venv"
    # An attempt without the package python3-venv leaves an environment without pip.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1 && ! "$python" -m venv --clear .venv; then
        say "A virtual environment could not be made. On Debian: sudo apt-get install python3-venv"
        exit 1
    fi
    # uv is much faster; pip knows of settings (an index of one's own) that uv does not.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
    .venv/bin/uv pip install --quiet --python .venv/bin/python -r requirements-dev.txt -e . ||
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -e .
    # The services start in half the time when their modules are compiled.
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
    echo "$wanted" >.venv/.requirements
fi

# -- what all sandboxes share -----------------------------------------------
.venv/bin/chi-lab sandbox setup
