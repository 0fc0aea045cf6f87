#!/usr/bin/env bash
# Makes two local bases where no registry is within reach, as root, with debootstrap and buildah:
#   localhost/gateway-node  Debian and the Node of node_modules, with npm: the image is built on it
#   localhost/gateway-bare  what Node needs to run (glibc, libstdc++, CA certificates) and nothing else: no shell, no tools
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
buildah() { command buildah --storage-driver vfs "$@"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node=$(readlink -f node_modules/node-linux-*/bin/node)
npm=$(dirname "$(dirname "$(readlink -f "$(PATH=${PATH//"$PWD/node_modules/.bin:"/} command -v npm)")")")

debootstrap --variant=minbase --include=ca-certificates,libstdc++6 bookworm "$work/debian" >"$work/log" || { tail "$work/log"; exit 1; }
install -D "$node" "$work/debian/usr/local/bin/node"
mkdir -p "$work/debian/usr/local/lib/node_modules"
cp -a "$npm" "$work/debian/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/debian/usr/local/bin/npm"
# The build reaches the package registry as this machine does: its settings and the authorities that it trusts.
cp /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/ca-certificates.crt"
if [[ -f /etc/npmrc ]]; then cp /etc/npmrc "$work/debian/etc/npmrc"; mkdir -p "$work/debian/usr/local/etc"; cp /etc/npmrc "$work/debian/usr/local/etc/npmrc"; fi

mkdir -p "$work/bare/etc/ssl/certs" "$work/bare/tmp"
ldd "$node" | grep -oE '/[^ ]+' | while read -r library; do
  install -D "$(readlink -f "$work/debian$library")" "$work/bare$library"
done
cp "$work/debian/etc/ssl/certs/ca-certificates.crt" "$work/bare/etc/ssl/certs/"
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$work/bare/etc/passwd"
echo 'nonroot:x:65532:' >"$work/bare/etc/group"

for name in node bare; do
  folder=$work/$([[ $name == node ]] && echo debian || echo bare)
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet "$container" "localhost/gateway-$name" >/dev/null
  buildah rm "$container" >/dev/null
done
