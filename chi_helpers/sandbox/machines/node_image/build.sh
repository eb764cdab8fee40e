#!/bin/bash
# Build the node image from Debian packages alone. Called by image.py, with
#   IMAGE  its name         SUITE  for example bookworm      MIRROR  of packages; empty: mmdebstrap's choice
#   DEBS   cache of packages       WORK  scratch folder, holds host-ca.crt (may be empty)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

packages=systemd,systemd-sysv,dbus,libpam-systemd          # a machine
packages+=,openssh-server,sudo,cloud-init                  # to log in to
packages+=,python3,python3-apt,tzdata,bsdutils,bsdextrautils,gpg # to be provisioned by Ansible
packages+=,iproute2,iputils-ping,ca-certificates,curl,netbase,procps,less

sources=("$SUITE")
if [ -n "$MIRROR" ]; then
  sources+=(- "deb $MIRROR $SUITE main" "deb $MIRROR $SUITE-updates main"
            "deb ${MIRROR%/debian*}/debian-security $SUITE-security main")
else
  sources+=(-)
fi

# The package lists are removed here and not by mmdebstrap, which would leave a fresh, empty folder;
# see customize.sh.
mmdebstrap --variant=minbase --include="$packages" \
  --skip=cleanup/apt,download/empty --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/lib/udev/hwdb.*' \
  --setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
  --setup-hook="sync-in $DEBS /var/cache/apt/archives" \
  --customize-hook='rm -rf "$1"/var/cache/apt/archives/lock "$1"/var/cache/apt/archives/partial' \
  --customize-hook="sync-out /var/cache/apt/archives $DEBS" \
  --customize-hook='rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/*' \
  --customize-hook="upload $here/90-node.cfg /etc/cloud/cloud.cfg.d/90-node.cfg" \
  --customize-hook="\"$here/customize.sh\" \"\$1\" \"$WORK\" \"$here\"" \
  "${sources[@]}" > "$WORK/node.tar"

podman import --change 'CMD ["/sbin/init"]' --change 'STOPSIGNAL SIGRTMIN+3' \
  --change 'ENV container=podman' "$WORK/node.tar" "$IMAGE"
