#!/usr/bin/env bash
# From a clean Debian machine with Node 20 or newer, npm and Go to a gateway, installed as the chart renders it, that serves the
# demonstration's data before HAPI FHIR JPA with Keycloak's tokens. Takes about 3 GB of disk, 3 GB of memory, and some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[[ -d node_modules ]] || npm ci --loglevel=error
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y openjdk-17-jdk-headless maven >/dev/null
fi
PATH="$PATH:$(go env GOPATH)/bin"
command -v helm >/dev/null || go install helm.sh/helm/v4/cmd/helm@v4.3.1
mvn -q -B --no-transfer-progress -Dmaven.wagon.http.retryHandler.count=5 -f test/hapi/pom.xml compile
PATH="$PWD/node_modules/.bin:$PATH"
exec node scripts/clean-machine/clean-machine.ts "$@"
