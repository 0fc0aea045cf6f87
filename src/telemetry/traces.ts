import type { Span, Tracer } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { TracesConfig } from '../config/traces.ts';
import type { Stage } from './watch.ts';

/** Everything that a span may say beside its name and times. No paths, no queries, no ids of data, no texts of errors. */
export interface TraceAttributes {
  /** Made by the gateway, and in its log. */
  readonly 'gateway.request_id'?: string;
  readonly 'gateway.listener'?: 'data' | 'services' | 'administration';
  readonly 'gateway.interaction'?: string;
  readonly 'http.request.method'?: string;
  readonly 'http.response.status_code'?: number;
  /** Milliseconds of a stage that comes in pieces; its span reaches from the first to the last. */
  readonly 'gateway.busy_ms'?: number;
}

const allowed: ReadonlySet<string> = new Set<keyof TraceAttributes>([
  'gateway.request_id',
  'gateway.listener',
  'gateway.interaction',
  'http.request.method',
  'http.response.status_code',
  'gateway.busy_ms',
]);
/** What the gateway answers; any other method of a client is none of its words. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);

/** One request that is traced. */
export interface Trace {
  /** Times are milliseconds since the start of the process. */
  stage(stage: Stage, from: number, to: number, spentMs: number): void;
  end(attributes: TraceAttributes): void;
}

export interface Tracing {
  /** @returns undefined for a request that is not drawn */
  begin(): Trace | undefined;
  /** Gives the collector what waits, for as long as one export may take. */
  close(): Promise<void>;
}

export const untraced: Tracing = { begin: () => undefined, close: () => Promise.resolve() };

/** Spans of one request beyond which no more are made: a search over many pages is no reason to flood a collector. */
const maximumStages = 200;

/**
 * Traces for one collector. The libraries are loaded only where there is one.
 * @param parts.authorization current value of the header for the collector, if any
 * @param parts.onExport told how each export ended
 */
export async function createTracing(
  config: TracesConfig,
  parts: {
    readonly version: string;
    readonly authorization: () => string | undefined;
    readonly onExport: (outcome: 'taken' | 'lost', spans: number) => void;
  },
): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({
    url: config.endpoint,
    timeoutMillis: config.exportTimeoutMs,
    concurrencyLimit: 1,
    headers: () => {
      const authorization = parts.authorization();
      return Promise.resolve<Record<string, string>>(authorization === undefined ? {} : { authorization });
    },
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'fhir-consent-gateway', 'service.version': parts.version }),
    sampler: new sdk.TraceIdRatioBasedSampler(config.share),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: onlyAllowed(exporter, parts.onExport),
        maxQueueSize: config.maximumQueued,
        maxExportBatchSize: Math.min(512, config.maximumQueued),
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: config.exportTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer('fhir-consent-gateway', parts.version);
  return {
    begin() {
      // A root of its own: what a client sends along (traceparent) is a text of the client's.
      const root = tracer.startSpan('request', { root: true, kind: api.SpanKind.SERVER }, api.ROOT_CONTEXT);
      if (!root.isRecording()) return undefined;
      return new RequestTrace(root, tracer, api.trace.setSpan(api.ROOT_CONTEXT, root));
    },
    async close() {
      await provider.shutdown().catch(() => undefined);
    },
  };
}

class RequestTrace implements Trace {
  readonly #root: Span;
  readonly #tracer: Tracer;
  readonly #within: Parameters<Tracer['startSpan']>[2];
  #stages = 0;

  constructor(root: Span, tracer: Tracer, within: Parameters<Tracer['startSpan']>[2]) {
    this.#root = root;
    this.#tracer = tracer;
    this.#within = within;
  }

  stage(stage: Stage, from: number, to: number, spentMs: number): void {
    if (++this.#stages > maximumStages) return;
    const attributes: TraceAttributes = spentMs < to - from ? { 'gateway.busy_ms': spentMs } : {};
    this.#tracer
      .startSpan(stage, { startTime: instantOf(from), attributes: { ...attributes } }, this.#within)
      .end(instantOf(to));
  }

  end(attributes: TraceAttributes): void {
    const method = attributes['http.request.method'] ?? '';
    this.#root.setAttributes({ ...attributes, 'http.request.method': methods.has(method) ? method : '_OTHER' });
    this.#root.end();
  }
}

function instantOf(sinceStartMs: number): number {
  return performance.timeOrigin + sinceStartMs;
}

/** The last door: attributes that are not on the list do not leave, whoever sets them; neither do events and links. */
function onlyAllowed(
  exporter: SpanExporter,
  onExport: (outcome: 'taken' | 'lost', spans: number) => void,
): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans.map(reduced), (result) => {
        onExport(result.code === 0 ? 'taken' : 'lost', spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

function reduced(span: ReadableSpan): ReadableSpan {
  const attributes = Object.fromEntries(Object.entries(span.attributes).filter(([name]) => allowed.has(name)));
  return Object.create(span, {
    attributes: { value: attributes },
    events: { value: [] },
    links: { value: [] },
    status: { value: { code: span.status.code } },
  }) as ReadableSpan;
}
