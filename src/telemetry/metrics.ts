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
    stages: new Histogram({
      name: 'gateway_stage_duration_seconds',
      help: 'Time by stage of a request. upstream: each exchange for data; consent: each reading of who may know; decide and plan: all of a request in sum.',
      labelNames: ['stage'],
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    candidates: new Counter({
      name: 'gateway_candidates_total',
      help: 'Candidates that were decided on, by where their labels come from. stated: the FHIR server; added: the gateway found more than the server states; none: not labelled.',
      labelNames: ['labels'],
      registers,
    }),
    consentCache: new Counter({
      name: 'gateway_consent_cache_total',
      help: 'People whose Consents were asked for, by whether these were remembered.',
      labelNames: ['result'],
      registers,
    }),
    traceSpans: new Counter({
      name: 'gateway_trace_spans_total',
      help: 'Spans that were given to the collector of traces, by whether it took them.',
      labelNames: ['outcome'],
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
    emergencies: new Counter({
      name: 'gateway_emergency_answers_total',
      help: 'Answers that were given in a stated emergency.',
      registers,
    }),
    consentFindings: new Counter({
      name: 'gateway_consent_findings_total',
      help: 'Constructs in Consents that were not understood.',
      labelNames: ['construct'] as const,
      registers,
    }),
    consentStores: new Gauge({
      name: 'gateway_consent_store_up',
      help: 'Whether a consent store answered when it was asked last: 1 or 0.',
      labelNames: ['store'],
      registers,
    }),
    consentStoreFailures: new Counter({
      name: 'gateway_consent_store_failures_total',
      help: 'Readings of a consent store that failed.',
      labelNames: ['store', 'code'],
      registers,
    }),
    consentChangeDelay: new Histogram({
      name: 'gateway_consent_change_delay_seconds',
      help: 'Time from a change of a Consent, by the clock of its store, to when this gateway heard of it and dropped what it remembered.',
      labelNames: ['store'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers,
    }),
    redisUp: new Gauge({
      name: 'gateway_redis_up',
      help: 'Whether Redis answered when it was asked last: 1 or 0. 0 too where none is configured.',
      registers,
    }),
    shadowAnswers: new Counter({
      name: 'gateway_shadow_answers_total',
      help: 'Answers that were not enforced, by the entry of the configuration.',
      labelNames: ['name'],
      registers,
    }),
    shadowWouldWithhold: new Counter({
      name: 'gateway_shadow_would_withhold_total',
      help: 'Resources that left and will be withheld once everything is enforced.',
      labelNames: ['name'],
      registers,
    }),
    inFlight: new Gauge({ name: 'gateway_in_flight_requests', help: 'Requests under way.', registers }),
  };
}

export interface Metrics {
  readonly registry: Registry;
  readonly requests: Counter<'interaction' | 'status'>;
  readonly duration: Histogram<'interaction'>;
  readonly stages: Histogram<'stage'>;
  readonly candidates: Counter<'labels'>;
  readonly consentCache: Counter<'result'>;
  readonly traceSpans: Counter<'outcome'>;
  readonly released: Counter;
  readonly withheld: Counter;
  readonly emergencies: Counter;
  readonly consentFindings: Counter<'construct'>;
  readonly consentStores: Gauge<'store'>;
  readonly consentStoreFailures: Counter<'store' | 'code'>;
  readonly consentChangeDelay: Histogram<'store'>;
  readonly redisUp: Gauge;
  readonly shadowAnswers: Counter<'name'>;
  readonly shadowWouldWithhold: Counter<'name'>;
  readonly inFlight: Gauge;
}

/** What the outbox tells of itself. */
export interface RecorderFigures {
  readonly usedBytes: number;
  readonly maximumBytes: number;
  readonly records: number;
  readonly behindMs: number;
  readonly recorded: number;
  readonly unavailable: number;
  readonly disclosedWithoutRecord: number;
  readonly refusedBySink: number;
  readonly chainAlarms: number;
  readonly alerts: Readonly<Record<string, number>>;
  readonly alertsUntold: number;
}

/** Gauges that are read when they are asked for. */
export function watchRecorder({ registry }: Metrics, figures: () => RecorderFigures): void {
  const gauge = (name: string, help: string, read: (figures: RecorderFigures) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(figures()));
      },
    });
  };
  gauge('gateway_outbox_bytes', 'Records kept until they are delivered, in bytes.', ({ usedBytes }) => usedBytes);
  gauge('gateway_outbox_maximum_bytes', 'Bytes above which nothing is disclosed.', ({ maximumBytes }) => maximumBytes);
  gauge('gateway_outbox_records', 'Records that are not delivered yet.', ({ records }) => records);
  gauge('gateway_outbox_behind_seconds', 'Age of the oldest of them.', ({ behindMs }) => behindMs / 1000);
  gauge('gateway_recorded_disclosures', 'Answers recorded since the start.', ({ recorded }) => recorded);
  gauge(
    'gateway_unrecordable_answers',
    'Answers that did not leave, as they could not be recorded.',
    (all) => all.unavailable,
  );
  gauge(
    'gateway_disclosed_without_record',
    'Answers that left without a record, by the emergency setting.',
    (all) => all.disclosedWithoutRecord,
  );
  gauge(
    'gateway_events_refused_by_sink',
    'AuditEvents that a sink refused for good.',
    ({ refusedBySink }) => refusedBySink,
  );
  gauge(
    'gateway_record_chain_alarms',
    'Gaps and broken links seen in the chain of records, and failures to archive it.',
    ({ chainAlarms }) => chainAlarms,
  );
  new Gauge({
    name: 'gateway_alerts',
    help: 'Alerts given since the start, by the rule of the configuration.',
    labelNames: ['rule'],
    registers: [registry],
    collect() {
      for (const [rule, count] of Object.entries(figures().alerts)) this.set({ rule }, count);
    },
  });
  gauge('gateway_alerts_untold', 'Alerts that the webhook did not take.', ({ alertsUntold }) => alertsUntold);
}

/** Whether everything is enforced now; by entry, until when it is not. */
export function watchShadow(
  { registry }: Metrics,
  entries: readonly { readonly name: string; readonly until: string }[],
  now: () => number,
): void {
  new Gauge({
    name: 'gateway_shadow_active',
    help: '1 while answers of named clients are not enforced, by the entry of the configuration.',
    labelNames: ['name'],
    registers: [registry],
    collect() {
      for (const { name, until } of entries) this.set({ name }, now() < Date.parse(until) ? 1 : 0);
    },
  });
}

/** Whether the last try of the gateway to get what must be withheld failed, as it must. */
export function watchProbe({ registry }: Metrics, isEnforcing: () => boolean): void {
  new Gauge({
    name: 'gateway_enforcement_proven',
    help: '1 while the self-probe shows that what must be withheld is withheld.',
    registers: [registry],
    collect() {
      this.set(isEnforcing() ? 1 : 0);
    },
  });
}

/** How the FHIR server's clock stands to this machine's; nothing until an answer told. */
export function watchClock({ registry }: Metrics, differenceMs: () => number | undefined): void {
  new Gauge({
    name: 'gateway_upstream_clock_difference_seconds',
    help: 'By how much the clock of the FHIR server is ahead of this one, by the Date of its answers (whole seconds).',
    registers: [registry],
    collect() {
      this.set((differenceMs() ?? 0) / 1000);
    },
  });
}
