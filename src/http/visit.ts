import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../errors/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type WatchedRequest, watchRequest } from '../telemetry/requests.ts';
import type { Tracing } from '../telemetry/traces.ts';
import type { Watch } from '../telemetry/watch.ts';

/** What every door for clients tells operators by. */
export interface DoorTelemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly now: () => number;
}

interface Door extends DoorTelemetry {
  readonly listener: 'data' | 'services' | 'administration';
  readonly requestTimeoutMs: number;
}

/** How a visit ended. */
export interface Ending {
  readonly interaction: string;
  readonly status: number;
}

/** One request at one door, from its head to its answer: its number, when to give up on it, and what is told of it. */
export class Visit {
  readonly id = randomBytes(12).toString('hex');
  readonly receivedAt: number;
  /** Aborts when the client has left, or its time is up. */
  readonly signal: AbortSignal;
  readonly #method: string;
  readonly #door: Door;
  readonly #deadline: NodeJS.Timeout;
  readonly #watched: WatchedRequest;

  constructor(request: IncomingMessage, response: ServerResponse, door: Door) {
    this.#door = door;
    this.#method = request.method ?? '';
    this.receivedAt = door.now();
    const left = new AbortController();
    this.signal = left.signal;
    response.on('close', () => {
      if (!response.writableFinished) left.abort();
    });
    this.#deadline = setTimeout(() => left.abort(new GatewayError('upstream-timeout')), door.requestTimeoutMs);
    this.#watched = watchRequest(door.metrics, door.tracing);
    door.metrics.inFlight.inc();
  }

  get watch(): Watch {
    return this.#watched.watch;
  }

  /** The answer is there; how long it may take to be read is another matter. */
  answered(): void {
    clearTimeout(this.#deadline);
  }

  /** Once, whatever came of it. */
  end({ interaction, status }: Ending): void {
    const { log, metrics, now, listener: part } = this.#door;
    clearTimeout(this.#deadline);
    metrics.inFlight.dec();
    const durationMs = now() - this.receivedAt;
    metrics.requests.inc({ interaction, status: String(status) });
    metrics.duration.observe({ interaction }, durationMs / 1000);
    const about = { requestId: this.id, interaction, status, durationMs };
    log.info('answered', { part, ...about, ...(knownMethods.has(this.#method) ? { method: this.#method } : {}) });
    this.#watched.end({
      'gateway.request_id': this.id,
      'gateway.listener': part,
      'gateway.interaction': interaction,
      'http.request.method': this.#method,
      'http.response.status_code': status,
    });
  }
}

const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
