import { configSchema } from '../../src/config/config.ts';
import { type Consents, createConsents } from '../../src/consent/consents.ts';
import type { ConsentSource } from '../../src/consent/source.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createUpstream } from '../../src/upstream/upstream.ts';

/** What is added to the machine's clocks. */
export interface Clocks {
  wallMs: number;
  steadyMs: number;
}

/** What one gateway knows of Consents, without the gateway around it. */
export interface SourceBench {
  readonly source: ConsentSource;
  readonly consents: Consents;
  readonly clocks: Clocks;
  /** Text of the metrics. */
  metrics(): Promise<string>;
}

export const boundMs = 30_000;

/** @param changes keys of the configuration, laid over those that are needed */
export function sourceBench(upstreamUrl: string, changes: Readonly<Record<string, unknown>> = {}): SourceBench {
  const { consent = {}, ...rest } = changes;
  const config = configSchema.parse({
    listener: { publicBaseUrl: 'https://gateway.example/fhir' },
    upstream: { baseUrl: upstreamUrl, paging: 'offset', breakerFailures: 1_000, answerTimeoutMs: 20_000 },
    identity: { issuers: [{ issuer: 'https://issuer.example' }] },
    policy: {},
    consent: { maximumAgeMs: boundMs, changesEveryMs: 100, ...(consent as object) },
    audit: { outboxFile: 'none' },
    sealing: { keyFile: 'none' },
    ...rest,
  });
  const clocks: Clocks = { wallMs: 0, steadyMs: 0 };
  const now = (): number => Date.now() + clocks.wallMs;
  const metrics = createMetrics();
  const consents = createConsents(config, {
    upstream: createUpstream(config.upstream, { now, authorization: () => undefined }),
    clock: { now, steady: () => performance.now() + clocks.steadyMs },
    parseOptions: {
      fhirVersion: 'R4',
      time: timeReader('UTC'),
      localBases: [upstreamUrl],
      harmlessExtensions: [],
      part2PolicyUris: [],
    },
    reread: () => () => undefined,
    key: new Uint8Array(32),
    log: createLog('silent'),
    metrics,
  });
  return { source: consents.source, consents, clocks, metrics: () => metrics.registry.metrics() };
}
