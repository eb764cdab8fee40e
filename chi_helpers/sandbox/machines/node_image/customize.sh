#!/bin/sh
# Make a Debian tree a node: customize.sh TREE WORK HERE. Run by build.sh.
set -eu
root=$1 work=$2 here=$3
system="$root/etc/systemd/system"

rm -f "$root"/etc/ssh/ssh_host_*_key*        # cloud-init makes new ones per instance
: > "$root/etc/machine-id"                   # systemd makes a new one per instance

# What is about kernels, disks and consoles that a container does not have, or costs each boot time.
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-udev-trigger.service systemd-timesyncd.service systemd-networkd-wait-online.service \
    apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    getty@.service console-getty.service getty-static.service cloud-init-hotplugd.socket \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount dev-hugepages.mount \
    sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount systemd-binfmt.service \
    systemd-modules-load.service modprobe@.service kmod-static-nodes.service \
    systemd-firstboot.service systemd-pstore.service systemd-repart.service systemd-sysusers.service \
    systemd-machine-id-commit.service systemd-random-seed.service systemd-pcrphase.service \
    systemd-pcrphase-sysinit.service systemd-update-utmp-runlevel.service \
    systemd-journal-flush.service; do
  ln -sf /dev/null "$system/$unit"
done

# systemd's messages go to the console; the journal is in memory.
mkdir -p "$system.conf.d" "$root/etc/systemd/journald.conf.d"
printf '[Manager]\nDefaultTasksMax=infinity\nShowStatus=yes\n' > "$system.conf.d/node.conf"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nForwardToConsole=no\n' \
  > "$root/etc/systemd/journald.conf.d/node.conf"

# Two processes for cloud-init's four stages, each in the place of its last one.
if [ ! -e "$root/usr/lib/systemd/system/cloud-init-main.service" ]; then
  install -D -m 755 "$here/cloud-init-stages" "$root/usr/lib/chi-lab/cloud-init-stages"
  for pair in "cloud-init-local=/bin/true" "cloud-init=/usr/lib/chi-lab/cloud-init-stages local init" \
      "cloud-config=/bin/true" "cloud-final=/usr/lib/chi-lab/cloud-init-stages config final"; do
    mkdir -p "$system/${pair%%=*}.service.d"
    printf '[Service]\nExecStart=\nExecStart=%s\n' "${pair#*=}" > "$system/${pair%%=*}.service.d/stages.conf"
  done
fi

# The certificate authorities that only this host knows, and tools that ask for the bundle by variable.
if [ -s "$work/host-ca.crt" ]; then
  bundle=/etc/ssl/certs/ca-certificates.crt
  mkdir -p "$root/usr/local/share/ca-certificates"
  awk -v to="$root/usr/local/share/ca-certificates/host" \
    '/BEGIN CERT/ {n++} {print > (to n ".crt")}' "$work/host-ca.crt"
  chroot "$root" update-ca-certificates
  for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT NODE_EXTRA_CA_CERTS GIT_SSL_CAINFO; do
    echo "$name=$bundle"
  done > "$work/environment"
  cat "$work/environment" >> "$root/etc/environment"                       # sessions
  printf '[Manager]\nDefaultEnvironment=%s\n' "$(tr '\n' ' ' < "$work/environment")" \
    > "$system.conf.d/host-ca.conf"                                        # services
fi

# Ansible's cache_valid_time takes a new, empty folder of package lists for a fresh one.
touch -d 2000-01-01 "$root/var/lib/apt/lists"
