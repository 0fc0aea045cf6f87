import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Prometheus metrics. No label is made of data: routes, statuses and outcomes only, and withheld counts in sum alone. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'gateway_requests_total',
      help: 'Answers by interaction and status.',
      labelNames: ['interaction', 'status'],
      registers,
    }),
    duration: new Histogram({
      name: 'gateway_request_duration_seconds',
      help: 'Time from request to the end of the answer.',
      labelNames: ['interaction'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    released: new Counter({
      name: 'gateway_released_resources_total',
      help: 'Resources that left in answers.',
      registers,
    }),
    withheld: new Counter({
      name: 'gateway_withheld_resources_total',
      help: 'Candidates that were withheld, in sum.',
      registers,
    }),
    consentFindings: new Counter({
      name: 'gateway_consent_findings_total',
      help: 'Constructs in Consents that were not understood.',
      registers,
    }),
    inFlight: new Gauge({ name: 'gateway_in_flight_requests', help: 'Requests under way.', registers }),
  };
}

export interface Metrics {
  readonly registry: Registry;
  readonly requests: Counter<'interaction' | 'status'>;
  readonly duration: Histogram<'interaction'>;
  readonly released: Counter;
  readonly withheld: Counter;
  readonly consentFindings: Counter;
  readonly inFlight: Gauge;
}
