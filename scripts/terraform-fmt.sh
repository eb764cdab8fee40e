#!/bin/bash
# Are Terraform's files formatted? Where neither terraform nor tofu is on PATH, say that nobody looked.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(command -v terraform || command -v tofu || true)
if [ -z "$program" ]; then
  echo "not checked: the format of terraform/, for neither terraform nor tofu is on PATH" >&2
  exit 0
fi
"$program" fmt -check -recursive terraform
