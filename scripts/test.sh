#!/bin/bash
# `make test`: the pipeline's quick tests in one lane, lint and then the kit's tests beside them, so that both cores
# have work. A lane of a sandbox waits a good part of its time: of the three of pytest, one has no sandbox. What the
# pipeline's lane says is shown when it is through. Words are passed on to the kit's pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
reports=$PWD/.chi-lab/reports
mkdir -p "$reports"
rm -f "$reports"/*.xml
scripts/setup-pipeline.sh

set -m  # a process group of its own, so that all of it can be ended
(
  cd pipeline
  .venv/bin/mypy && .venv/bin/python -m pytest -m "not slow" --junitxml="$reports/pipeline.xml"
) >"$reports/pipeline.txt" 2>&1 </dev/null &
pipeline=$!
set +m
trap 'kill -- "-$pipeline" 2>/dev/null || true' EXIT

make --no-print-directory lint
set -m
.venv/bin/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder -m "not nightly" \
  --junitxml="$reports/kit.xml" "$@" </dev/null &
tests=$!
set +m
# Interrupted, the tests take down what they started: that is waited for. Nothing else is then.
interrupted=
trap 'interrupted=1; kill -INT -- "-$tests" 2>/dev/null || true' INT TERM
kit=0
wait "$tests" || kit=$?
while kill -0 "$tests" 2>/dev/null; do wait "$tests" || kit=$?; done
trap - INT TERM
[ -z "$interrupted" ] || exit 130

other=0
wait "$pipeline" || other=$?
trap - EXIT
echo "== the pipeline's tests"
cat "$reports/pipeline.txt"
.venv/bin/python scripts/testtimes.py "$reports/kit.xml"
.venv/bin/python scripts/testtimes.py "$reports/pipeline.xml" --folder pipeline
[ "$kit" = 0 ] || exit "$kit"
exit "$other"
