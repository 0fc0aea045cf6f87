import type { AuditConfig } from '../config/audit.ts';
import type { EventSource } from './agents.ts';
import { type Delivery, eventsOf, type Stream } from './events.ts';
import { type Acknowledgement, type Completion, Outbox, OutboxBusy, type StoredRecord } from './outbox.ts';
import type { Batch, FromWorker, OutboxStatus, WorkerInput } from './protocol.ts';
import { readRecord } from './record.ts';
import { Shipper } from './shipper.ts';
import { createSink } from './sinks.ts';

/** One bit per stream that is to get a record's events. */
export const streamBits: Readonly<Record<Stream, number>> = { primary: 1, part2: 2, securityOffice: 4 };

/** How long completions and acknowledgements wait for a transaction to join; losing them repeats a delivery, no more. */
const idleWriteMs = 100;
/** After this an answer counts as ended without word. */
const longestAnswerMs = 600_000;
/** Share of the bytes below which a full outbox takes records again. */
const reopenShare = 0.75;

/** What the worker does with the batches it gets. */
export class OutboxThread {
  readonly #outbox: Outbox;
  readonly #config: AuditConfig;
  readonly #tell: (message: FromWorker) => void;
  readonly #pending: number;
  readonly #shippers: readonly Shipper[];
  /** Answers on their way, with the time of their record, oldest first. */
  readonly #open = new Map<number, number>();
  /** Not written yet, by sequence number. */
  readonly #completions = new Map<number, Completion>();
  #acknowledgements: Acknowledgement[] = [];
  #idleWrite: NodeJS.Timeout | undefined;
  #broken = false;
  #lackedRoom = false;
  #commits = 0;

  constructor(outbox: Outbox, { config, publicBaseUrl }: WorkerInput, tell: (message: FromWorker) => void) {
    this.#outbox = outbox;
    this.#config = config;
    this.#tell = tell;
    const source: EventSource = {
      outboxId: outbox.id,
      publicBaseUrl,
      device: config.device,
      consentDecisions: config.consentDecisions,
    };
    const streams = wantedStreams(config);
    this.#pending = streams.reduce((bits, stream) => bits | streamBits[stream], 0);
    outbox.keepFor(this.#pending);
    this.#shippers = streams.flatMap((stream) => this.#shipperOf(stream, source) ?? []);
  }

  /** Writes batches in one transaction and answers each; those that do not fit are not written. */
  take(batches: readonly Batch[]): void {
    for (const completion of batches.flatMap(({ completions }) => completions)) this.#end(completion);
    this.#endForgotten();
    const fitting = this.#broken || this.#isBehind() ? [] : this.#fitting(batches);
    const records = fitting.flatMap(({ disclosures, refusals }) => [...disclosures, ...refusals]);
    const firsts = this.#number(fitting, records.length === 0 ? undefined : this.#write(records));
    const asked = batches.filter(({ disclosures }) => disclosures.length > 0);
    if (asked.length > 0) {
      this.#tell({ kind: 'written', firsts: asked.map((batch) => firsts.get(batch)), status: this.status() });
    }
    for (const shipper of this.#shippers) shipper.wake();
  }

  status(): OutboxStatus {
    const counts = this.#shippers.map((shipper) => shipper.counts);
    const sum = (count: 'delivered' | 'retries' | 'refused'): number =>
      counts.reduce((total, one) => total + one[count], 0);
    const full = this.#lacksRoom() || this.#isBehind();
    return {
      state: this.#broken ? 'broken' : full ? 'full' : 'open',
      usedBytes: this.#outbox.usedBytes,
      records: this.#outbox.count,
      commits: this.#commits,
      delivered: sum('delivered'),
      retries: sum('retries'),
      refusedBySink: sum('refused'),
      behindMs: this.#behindMs(),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#shippers.map((shipper) => shipper.close()));
    clearTimeout(this.#idleWrite);
    if (this.#completions.size > 0 || this.#acknowledgements.length > 0) this.#write([]);
    this.#outbox.close();
    this.#tell({ kind: 'closed' });
  }

  #shipperOf(stream: Stream, source: EventSource): Shipper | undefined {
    const config = this.#config[stream];
    if (config === undefined || config.kind === 'none') return undefined;
    const bit = streamBits[stream];
    return new Shipper(
      {
        pending: (after, limit) => this.#outbox.pending(bit, after, limit),
        find: (sequence) => this.#outbox.find(bit, sequence),
        isOpen: (sequence) => this.#open.has(sequence),
        eventsOf: (record) =>
          recordEvents(this.#withCompletion(record), source)
            .filter(({ streams }) => streams.includes(stream))
            .map(({ event }) => event),
        acknowledge: (sequences) => {
          this.#acknowledgements.push(...sequences.map((sequence) => ({ sequence, stream: bit })));
          this.#writeSoon();
        },
      },
      createSink(config, this.#config.delivery),
      this.#config.delivery,
    );
  }

  /** Those for which there is room, in order. */
  #fitting(batches: readonly Batch[]): Batch[] {
    let room = this.#config.maximumBytes - this.#outbox.usedBytes;
    return batches.filter(({ disclosures, refusals }) => {
      const size = Outbox.sizeOf(disclosures) + Outbox.sizeOf(refusals);
      if (size > room) {
        this.#lackedRoom = true;
        return false;
      }
      room -= size;
      return true;
    });
  }

  /** The sequence number of each batch's first record, given that of the first of all; its answers are open from now on. */
  #number(batches: readonly Batch[], first: number | undefined): Map<Batch, number> {
    const firsts = new Map<Batch, number>();
    if (first === undefined) return firsts;
    const now = Date.now();
    let next = first;
    for (const batch of batches) {
      firsts.set(batch, next);
      for (let index = 0; index < batch.disclosures.length; index++) this.#open.set(next + index, now);
      next += batch.disclosures.length + batch.refusals.length;
    }
    return firsts;
  }

  #end(completion: Completion): void {
    this.#open.delete(completion.sequence);
    this.#completions.set(completion.sequence, completion);
    for (const shipper of this.#shippers) shipper.ended(completion.sequence);
    this.#writeSoon();
  }

  /** Answers whose end nobody told for a long time are shipped as of unknown end. */
  #endForgotten(): void {
    const latest = Date.now() - longestAnswerMs;
    for (const [sequence, since] of this.#open) {
      if (since > latest) return;
      this.#open.delete(sequence);
      for (const shipper of this.#shippers) shipper.ended(sequence);
    }
  }

  /** Full once something did not fit, until a good part has been delivered. */
  #lacksRoom(): boolean {
    if (this.#outbox.usedBytes < reopenShare * this.#config.maximumBytes) this.#lackedRoom = false;
    return this.#lackedRoom;
  }

  #withCompletion(record: StoredRecord): StoredRecord {
    const completion = this.#completions.get(record.sequence);
    return completion === undefined ? record : { ...record, completion };
  }

  #behindMs(): number {
    const oldest = this.#shippers.flatMap(({ counts }) => counts.oldestAt ?? []);
    return oldest.length === 0 ? 0 : Math.max(0, Date.now() - Math.min(...oldest));
  }

  #isBehind(): boolean {
    return this.#behindMs() > this.#config.maximumBehindMs;
  }

  #writeSoon(): void {
    this.#idleWrite ??= setTimeout(() => {
      this.#idleWrite = undefined;
      if (this.#completions.size === 0 && this.#acknowledgements.length === 0) return;
      this.#write([]);
      this.#tell({ kind: 'status', status: this.status() });
    }, idleWriteMs);
  }

  /** @returns The first sequence number, or undefined when nothing was written. */
  #write(records: readonly string[]): number | undefined {
    if (this.#broken) return undefined;
    try {
      const first = this.#outbox.write({
        records,
        pending: this.#pending,
        at: Date.now(),
        completions: [...this.#completions.values()],
        acknowledgements: this.#acknowledgements,
      });
      this.#completions.clear();
      this.#acknowledgements = [];
      this.#commits++;
      return first;
    } catch (error) {
      // What a failed write or sync left on disk is unknown, and a second sync may report success for lost pages: only
      // a restart, which reads the file again, ends this.
      if (!(error instanceof OutboxBusy)) this.#broken = true;
      return undefined;
    }
  }
}

/** With no primary sink everything stays in the outbox; records of what was withheld too, unless they are not wanted. */
function wantedStreams(config: AuditConfig): Stream[] {
  const streams: Stream[] = ['primary'];
  if (config.part2 !== undefined) streams.push('part2');
  if (config.securityOffice?.kind !== 'none') streams.push('securityOffice');
  return streams;
}

/** The events of a stored record, for all streams. */
export function recordEvents({ text, sequence, completion }: StoredRecord, source: EventSource) {
  return eventsOf(readRecord(text), sequence, deliveryOf(completion), source);
}

function deliveryOf(completion: Completion | undefined): Delivery {
  if (completion === undefined) return { state: 'unknown' };
  return { state: completion.aborted ? 'aborted' : 'complete', bytesSent: completion.bytesSent };
}
