import { type Dispatcher, Pool } from 'undici';
import type { UpstreamConfig } from '../config/upstream.ts';
import type { Memory } from '../document/memory.ts';
import { GatewayError } from '../errors/errors.ts';
import { Turns } from './turns.ts';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** PEM texts: what the server's certificate must come from, and what is shown to it. */
export interface UpstreamTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Body of a search. */
  readonly form?: string;
  /** Body of a write: one of the gateway's own resources. */
  readonly resource?: string;
  /** Version that a write is meant for. */
  readonly ifMatch?: string;
  /** The labels of a write replace those that are there. */
  readonly isWholeOfLabels?: boolean;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Where the answer's body lives. */
  readonly memory?: Memory | undefined;
}

/**
 * One HTTP exchange at a time with one configured origin: fixed headers, no redirects, identity encoding, whole body
 * in memory under a cap, abort when the client has left.
 */
export class Exchange {
  #pool: Pool;
  readonly #config: UpstreamConfig;
  readonly #now: () => number;
  readonly #tls: () => UpstreamTls | undefined;
  readonly #onDate: (date: string) => void;
  readonly #turns = new Turns();
  #shown: UpstreamTls | undefined;
  #failures = 0;
  #restUntil = 0;
  #running = 0;

  /**
   * @param tls certificate and authorities as they are now, where the configuration names any
   * @param onDate told the Date of each answer
   */
  constructor(
    config: UpstreamConfig,
    now: () => number,
    tls: () => UpstreamTls | undefined = () => undefined,
    onDate: (date: string) => void = () => undefined,
  ) {
    this.#onDate = onDate;
    this.#config = config;
    this.#now = now;
    this.#tls = tls;
    this.#shown = tls();
    this.#pool = this.#poolWith(this.#shown);
  }

  #poolWith(tls: UpstreamTls | undefined): Pool {
    const { baseUrl, connections, connectTimeoutMs, answerTimeoutMs } = this.#config;
    return new Pool(new URL(baseUrl).origin, {
      connections,
      connect: { timeout: connectTimeoutMs, ...tls },
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      pipelining: 1,
    });
  }

  /** Connections are made with the files of now; those of before end with what is under way on them. */
  #current(): Pool {
    const tls = this.#tls();
    if (tls === this.#shown) return this.#pool;
    void this.#pool.close();
    this.#shown = tls;
    this.#pool = this.#poolWith(tls);
    return this.#pool;
  }

  /** Exchanges under way; a client that left must bring it down again. */
  get running(): number {
    return this.#running;
  }

  /**
   * @throws {GatewayError} `upstream-unavailable`, `upstream-timeout`, `upstream-invalid`
   */
  async send(call: Call): Promise<Answer> {
    const rest = this.#restUntil - this.#now();
    // Longer than a rest lasts: the clock was set back.
    if (rest > 0 && rest <= this.#config.breakerRestMs) throw new GatewayError('upstream-unavailable');
    this.#running++;
    try {
      const answer = await this.#dispatch(call);
      this.#failures = 0;
      return answer;
    } catch (error) {
      if (error instanceof GatewayError && error.code !== 'upstream-invalid' && !call.signal?.aborted) {
        this.#failures++;
        if (this.#failures >= this.#config.breakerFailures) this.#restUntil = this.#now() + this.#config.breakerRestMs;
      }
      throw error;
    } finally {
      this.#running--;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #dispatch(call: Call): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/fhir+json', 'accept-encoding': 'identity' };
    if (call.authorization !== undefined) headers.authorization = call.authorization;
    if (call.form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
    if (call.resource !== undefined) headers['content-type'] = 'application/fhir+json';
    if (call.ifMatch !== undefined) headers['if-match'] = `W/"${call.ifMatch}"`;
    if (call.isWholeOfLabels === true) headers['x-meta-snapshot-mode'] = 'SECURITY_LABEL';
    return new Promise((resolve, reject) => {
      this.#current().dispatch(
        { method: call.method, path: call.path, headers, body: call.form ?? call.resource ?? null },
        new Collector(this.#config, { ...call, onDate: this.#onDate, turns: this.#turns }, resolve, reject),
      );
    });
  }
}

/** Bytes of an answer from which on it takes milliseconds to be read and decided on: some dozens of resources. */
const large = 65_536;

const jsonTypes = /^application\/(?:fhir\+json|json|json\+fhir)\s*(?:;|$)/i;

type Fault = 'upstream-timeout' | 'upstream-unavailable' | 'upstream-invalid';

/** What is wrong with the head of an answer, if anything. A redirect is never followed, an unexpected type never relayed. */
function faultOf(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  limit: number,
  conditional: boolean,
): Fault | undefined {
  if (status === 404 || status === 410) return undefined;
  if (conditional && (status === 409 || status === 412)) return undefined;
  if (status === 503) return 'upstream-unavailable';
  if (status === 504) return 'upstream-timeout';
  if (status !== 200 && status !== 201) return 'upstream-invalid';
  const type = headers['content-type'];
  const encoding = headers['content-encoding'];
  if (typeof type !== 'string' || !jsonTypes.test(type)) return 'upstream-invalid';
  if (encoding !== undefined && encoding !== 'identity') return 'upstream-invalid';
  return Number(headers['content-length'] ?? 0) > limit ? 'upstream-invalid' : undefined;
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof GatewayError && reason.code === 'upstream-timeout';
}

/** Collects one answer; settles exactly once. */
class Collector implements Dispatcher.DispatchHandler {
  readonly #limit: number;
  readonly #conditional: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #memory: Memory | undefined;
  readonly #onDate: (date: string) => void;
  readonly #turns: Turns;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: GatewayError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onAbort: (() => void) | undefined;
  #status = 0;
  #chunks: Buffer[] = [];
  #length = 0;
  #settled = false;

  constructor(
    config: UpstreamConfig,
    {
      signal,
      ifMatch,
      memory,
      onDate,
      turns,
    }: Pick<Call, 'signal' | 'ifMatch' | 'memory'> & { onDate: (date: string) => void; turns: Turns },
    resolve: (answer: Answer) => void,
    reject: (error: GatewayError) => void,
  ) {
    this.#limit = config.maximumAnswerBytes;
    this.#conditional = ifMatch !== undefined;
    this.#signal = signal;
    this.#memory = memory;
    this.#onDate = onDate;
    this.#turns = turns;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#fail('upstream-timeout'), config.answerTimeoutMs); // waiting for a connection counts
    if (signal === undefined) return;
    this.#onAbort = () => this.#fail(isDeadline(signal.reason) ? 'upstream-timeout' : 'upstream-unavailable');
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error('given up'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return; // informational answers are dropped
    this.#status = status;
    if (typeof headers.date === 'string') this.#onDate(headers.date);
    const fault = faultOf(status, headers, this.#limit, this.#conditional);
    if (fault !== undefined) this.#fail(fault);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#length += chunk.length;
    if (this.#length > this.#limit) this.#fail('upstream-invalid');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    clearTimeout(this.#timer);
    if (this.#length < large) this.#end();
    else this.#turns.take(() => this.#end());
  }

  /** Unless the client left while it waited for its turn. */
  #end(): void {
    if (this.#settled) return;
    this.#settle();
    const [first] = this.#chunks;
    this.#resolve({ status: this.#status, body: this.#chunks.length === 1 && first ? first : this.#whole() });
  }

  #whole(): Buffer {
    if (this.#memory === undefined) return Buffer.concat(this.#chunks, this.#length);
    const whole = this.#memory.bytes(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const code = (error as { code?: string }).code ?? '';
    this.#fail(
      code.endsWith('_TIMEOUT') && code !== 'UND_ERR_CONNECT_TIMEOUT'
        ? 'upstream-timeout'
        : this.#status !== 0 || error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW'
          ? 'upstream-invalid'
          : 'upstream-unavailable',
    );
  }

  #fail(code: Fault): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(new GatewayError(code));
    this.#controller?.abort(new Error(code));
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
