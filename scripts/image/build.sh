#!/usr/bin/env bash
# Builds the image with buildah, without a container engine, and prints its id. NODE_IMAGE and BASE name the bases;
# without them those of bases.sh, which are made if they are not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
buildah() { command buildah --storage-driver vfs "$@"; }

if [[ -z ${BASE:-} ]] && ! buildah inspect --type image localhost/gateway-bare >/dev/null 2>&1; then scripts/image/bases.sh >&2; fi
secret=()
if [[ -f $HOME/.npmrc ]]; then secret=(--secret "id=npmrc,src=$HOME/.npmrc"); fi
buildah bud --quiet --format docker --isolation chroot --network host \
  --build-arg "NODE_IMAGE=${NODE_IMAGE:-localhost/gateway-node}" --build-arg "BASE=${BASE:-localhost/gateway-bare}" \
  "${secret[@]}" --tag localhost/fhir-consent-gateway .
