#!/usr/bin/env bash
# Runs a command in an unpacked image as a cluster would: read-only root, nobody's uid, no new privileges, no environment
# but the given. As root: run.sh ROOT CONFIG STATE [NAME=VALUE...] -- COMMAND...
set -euo pipefail
if [[ ${1:-} != --inside ]]; then exec unshare --mount -- "${BASH_SOURCE[0]}" --inside "$@"; fi
root=$2 config=$3 state=$4
shift 4
environment=()
while [[ $1 != -- ]]; do environment+=("$1"); shift; done
shift

mkdir -p "$root"/{proc,dev,tmp,etc/consent-gateway,var/lib/consent-gateway}
touch "$root"/dev/{null,urandom} "$root/etc/resolv.conf"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for device in null urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$config" "$root/etc/consent-gateway"
mount --bind "$state" "$root/var/lib/consent-gateway"
mount -o remount,bind,ro "$root"
mount -o remount,bind,ro "$root/etc/consent-gateway"
cd /
exec env -i "${environment[@]}" setpriv --no-new-privs chroot --userspec=65532:65532 --groups=65532 "$root" "$@"
