# The gateway's image: built JavaScript, production dependencies, Node, and nothing else. No shell is needed to run it.
#
# Both bases are arguments: pin them by digest, or name your own.
#   NODE_IMAGE  a glibc Linux with node 24 and npm; only used to build
#   BASE        what the image stands on: glibc, libstdc++ and CA certificates are enough
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/copy-assets.ts scripts/
COPY src src
RUN npm run build --silent

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error \
    && npm pkg delete devDependencies optionalDependencies overrides allowScripts scripts \
    && npm sbom --sbom-format cyclonedx --sbom-type application > sbom.cdx.json \
    && mkdir /state \
    && install -D "$(node -p process.execPath)" /runtime/node

FROM ${BASE}
LABEL org.opencontainers.image.title="FHIR Consent Gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=dependencies /runtime/node /usr/local/bin/node
COPY --from=dependencies /app /app
COPY --from=build /build/dist /app/dist
COPY LICENSE /app/LICENSE
COPY --from=dependencies --chown=65532:65532 /state /var/lib/consent-gateway
WORKDIR /app
ENV NODE_ENV=production
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# No inspector by signal, no way to a prototype by __proto__, and a heap that fits the memory limit of the container.
ENTRYPOINT ["/usr/local/bin/node", "--disable-sigusr1", "--disable-proto=delete", "--max-old-space-size-percentage=70", "--single-threaded-gc", "/app/dist/main.js"]
CMD ["serve", "--config", "/etc/consent-gateway/gateway.yaml"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/dist/main.js", "health", "--config", "/etc/consent-gateway/gateway.yaml"]
