/** The record of disclosures: durable before the first byte leaves. Everything heavy happens in the worker. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AuditConfig } from '../config/audit.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { Completion } from './outbox.ts';
import type { FromWorker, OutboxStatus, StartedAs, ToWorker, WorkerInput } from './protocol.ts';
import { disclosureText, refusalText } from './record.ts';
import type { RecordedIntent, Recorder } from './recorder.ts';
import { RefusalSample } from './refusal-sample.ts';

export { readEvents } from './read-events.ts';

export interface RecorderParts {
  readonly publicBaseUrl: string;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** What runs, and by which rules: recorded at the start, and the stop with it. Left out, neither is. */
  readonly about?: StartedAs;
}

interface AuditMetrics extends OutboxStatus {
  readonly maximumBytes: number;
  /** From 80 % of the bytes on. */
  readonly alarm: boolean;
  /** Answers waiting for their record. */
  readonly waiting: number;
  readonly recorded: number;
  /** Answers that did not leave because their record could not be kept. */
  readonly unavailable: number;
  /** Answers that left without one, by the emergency setting. */
  readonly disclosedWithoutRecord: number;
  readonly refusalsRecorded: number;
  readonly refusalsCountedOnly: number;
}

export type AuditRecorder = Recorder & { metrics(): AuditMetrics };

const alarmShare = 0.8;
/** How long completions wait for a record to go with. */
const completionsMs = 50;

/**
 * Opens the outbox and starts its worker.
 * @throws {Error} with the exact reason when the outbox cannot be opened: a wrong key, another process, a file that cannot be made durable.
 */
export async function createRecorder(config: AuditConfig, parts: RecorderParts): Promise<AuditRecorder> {
  const input: WorkerInput = { config, publicBaseUrl: parts.publicBaseUrl, about: parts.about };
  const file = new URL(`./outbox-worker${extname(import.meta.url)}`, import.meta.url); // .ts from source, .js when built
  const worker = new Worker(file, { workerData: input });
  const status = await started(worker);
  return new OutboxRecorder(worker, status, config, parts);
}

function started(worker: Worker): Promise<OutboxStatus> {
  return new Promise((resolve, reject) => {
    worker.once('message', (message: FromWorker) => {
      worker.removeAllListeners('error');
      if (message.kind === 'ready') return resolve(message.status);
      void worker.terminate();
      reject(new Error(message.kind === 'not-started' ? message.reason : 'the outbox did not start'));
    });
    worker.once('error', reject);
  });
}

interface Waiter {
  readonly resolve: (intent: RecordedIntent) => void;
  readonly reject: (error: GatewayError) => void;
}

class OutboxRecorder implements AuditRecorder {
  readonly #worker: Worker;
  readonly #config: AuditConfig;
  readonly #parts: RecorderParts;
  #status: OutboxStatus;
  #closed = false;
  readonly #ended: Promise<void>;

  /** Of this turn of the event loop. */
  #disclosures: string[] = [];
  #refusals: string[] = [];
  #completions: Completion[] = [];
  #waiters: Waiter[] = [];
  #scheduled = false;
  #soon: NodeJS.Timeout | undefined;
  /** Batches that the worker has not answered, in order. */
  readonly #sent: Waiter[][] = [];
  #waiting = 0;
  readonly #idle: (() => void)[] = [];

  #recorded = 0;
  #unavailable = 0;
  #withoutRecord = 0;
  readonly #sample: RefusalSample;

  constructor(worker: Worker, status: OutboxStatus, config: AuditConfig, parts: RecorderParts) {
    this.#worker = worker;
    this.#status = status;
    this.#config = config;
    this.#parts = parts;
    this.#sample = new RefusalSample(config.refusalsPerSecond);
    if (status.chainAlarms > 0) this.#warnOfChain();
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error) => this.#lost(error.name));
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
    void this.#ended.then(() => this.#lost('exit'));
  }

  get healthy(): boolean {
    return !this.#closed && this.#status.state === 'open';
  }

  record(disclosure: Parameters<Recorder['record']>[0]): Promise<RecordedIntent> {
    if (!this.healthy || this.#waiting >= this.#config.maximumWaiting) return this.#refuse(disclosure.request.id);
    const text = disclosureText(disclosure, this.#parts.now());
    this.#waiting++;
    return new Promise<RecordedIntent>((resolve, reject) => {
      this.#disclosures.push(text);
      this.#waiters.push({ resolve, reject });
      this.#schedule();
    }).catch(() => this.#refuse(disclosure.request.id));
  }

  note(refusal: Parameters<Recorder['note']>[0]): void {
    const at = this.#parts.now();
    if (!this.healthy || this.#waiting * 2 > this.#config.maximumWaiting || !this.#sample.takes(at)) {
      this.#sample.countOnly();
      return;
    }
    this.#refusals.push(refusalText(refusal, at, this.#sample.recorded()));
    this.#schedule();
  }

  metrics(): AuditMetrics {
    return {
      ...this.#status,
      maximumBytes: this.#config.maximumBytes,
      alarm: this.#isAlarming(),
      waiting: this.#waiting,
      recorded: this.#recorded,
      unavailable: this.#unavailable,
      disclosedWithoutRecord: this.#withoutRecord,
      refusalsRecorded: this.#sample.recordedCount,
      refusalsCountedOnly: this.#sample.countedOnly,
    };
  }

  /** Waits for what is being recorded, then for the worker to end. What was not delivered stays in the outbox. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    while (this.#waiting > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#flush();
    clearTimeout(this.#soon);
    this.#closed = true;
    this.#post({ kind: 'close' });
    await this.#ended;
  }

  #refuse(requestId: string): Promise<RecordedIntent> {
    if (this.#config.dangerouslyDiscloseWithoutRecord) {
      this.#withoutRecord++;
      this.#parts.log.error('DISCLOSED WITHOUT A RECORD', { part: 'audit', code: 'record-unavailable', requestId });
      return Promise.resolve({ complete: () => undefined });
    }
    this.#unavailable++;
    return Promise.reject(new GatewayError('record-unavailable'));
  }

  /** One message per turn of the event loop, after its I/O callbacks. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#disclosures.length + this.#refusals.length + this.#completions.length === 0) return;
    this.#post({
      kind: 'batch',
      disclosures: this.#disclosures,
      refusals: this.#refusals,
      completions: this.#completions,
    });
    if (this.#waiters.length > 0) this.#sent.push(this.#waiters);
    this.#disclosures = [];
    this.#refusals = [];
    this.#completions = [];
    this.#waiters = [];
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'written' || message.kind === 'status') this.#see(message.status);
    if (message.kind !== 'written') return;
    for (const first of message.firsts) this.#answer(this.#sent.shift() ?? [], first);
  }

  #answer(waiters: readonly Waiter[], first: number | undefined): void {
    this.#waiting -= waiters.length;
    if (this.#waiting === 0) for (const resolve of this.#idle.splice(0)) resolve();
    for (const [index, { resolve, reject }] of waiters.entries()) {
      if (first === undefined) {
        reject(new GatewayError('record-unavailable'));
      } else {
        this.#recorded++;
        resolve(this.#intent(first + index));
      }
    }
  }

  #intent(sequence: number): RecordedIntent {
    let completed = false;
    return {
      complete: (bytesSent, aborted) => {
        if (completed || this.#closed) return;
        completed = true;
        this.#completions.push({ sequence, bytesSent, aborted });
        // Nobody waits for these: they go with the next record, or soon.
        this.#soon ??= setTimeout(() => {
          this.#soon = undefined;
          this.#flush();
        }, completionsMs);
      },
    };
  }

  #see(status: OutboxStatus): void {
    const { log } = this.#parts;
    const before = this.#status;
    const alarmed = this.#isAlarming();
    this.#status = status;
    if (this.#isAlarming() && !alarmed) {
      const percent = Math.floor((100 * status.usedBytes) / this.#config.maximumBytes);
      log.error('the audit outbox is filling up (percent)', { part: 'audit', count: percent });
    }
    if (status.refusedBySink > before.refusedBySink) {
      log.error('an audit sink refuses records (count)', { part: 'audit', count: status.refusedBySink });
    }
    if (status.chainAlarms > before.chainAlarms) this.#warnOfChain();
    if (status.keysRefused && !before.keysRefused)
      log.error('files with keys of the record were changed to something that cannot be used', { part: 'audit' });
    for (const [rule, count] of Object.entries(status.alerts)) {
      if (count > (before.alerts[rule] ?? 0))
        log.warn('an alert was given (count)', { part: 'audit', code: rule, count });
    }
    if (status.state === before.state) return;
    if (status.state === 'open') log.info('the audit outbox has room again', { part: 'audit' });
    else log.error(`the audit outbox is ${status.state}: nothing is disclosed`, { part: 'audit' });
  }

  #warnOfChain(): void {
    this.#parts.log.error('the chain of records has a gap or a broken link, or cannot be archived (count)', {
      part: 'audit',
      count: this.#status.chainAlarms,
    });
  }

  #isAlarming(): boolean {
    return this.#status.usedBytes >= alarmShare * this.#config.maximumBytes;
  }

  /** The worker is gone: nothing can be recorded any more. */
  #lost(name: string): void {
    if (!this.#closed) {
      this.#parts.log.error('the audit worker ended: nothing is disclosed', { part: 'audit', name });
    }
    this.#status = { ...this.#status, state: 'broken' };
    const waiters = [...this.#sent.splice(0).flat(), ...this.#waiters.splice(0)];
    this.#answer(waiters, undefined);
  }
}
