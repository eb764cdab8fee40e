#!/bin/bash
# Build the pinned OpenStack provider from its Go module into the checkout's mirror, where `chi-lab` finds it.
# For machines that reach no Terraform registry. Usage: terraform-provider.sh [seconds at most]
set -euo pipefail
cd "$(dirname "$0")/.."
version=3.4.0
module="github.com/terraform-provider-openstack/terraform-provider-openstack/v3@v$version"
limit=${1:-1200}

if ! command -v go >/dev/null; then
  echo "terraform-provider: Go is not on PATH. Install it (1.24 or newer), or let Terraform reach a registry." >&2
  exit 2
fi
platform=$(go env GOOS)_$(go env GOARCH)
mirror=.chi-lab/terraform/mirror
# Terraform's and OpenTofu's names of the place that it would else come from.
folders=()
for host in terraform opentofu; do
  tail=io
  [ "$host" = opentofu ] && tail=org
  folders+=("$mirror/registry.$host.$tail/terraform-provider-openstack/openstack/$version/$platform")
done
name=terraform-provider-openstack_v$version
if [ -x "${folders[0]}/$name" ] && [ -x "${folders[1]}/$name" ]; then
  echo "terraform-provider: $version is in $mirror"
  exit 0
fi

mkdir -p .chi-lab/terraform
work=$(mktemp -d "$PWD/.chi-lab/terraform/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "terraform-provider: builds $version; it takes some minutes" >&2
GOBIN=$work timeout "$limit" go install "$module"
for folder in "${folders[@]}"; do
  mkdir -p "$folder"
  # A rename: what is there is whole.
  cp "$work/terraform-provider-openstack" "$folder/.$name.$$"
  mv "$folder/.$name.$$" "$folder/$name"
done
echo "terraform-provider: $version is in $mirror"
