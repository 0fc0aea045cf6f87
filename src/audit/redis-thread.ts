import type { AuditConfig } from '../config/audit.ts';
import { printCheckpoint, type SigningKeys, signCheckpoint } from './checkpoint.ts';
import type { Stream } from './events.ts';
import type { KeyRing } from './keys.ts';
import type { Acknowledgement, Completion } from './outbox.ts';
import { streamBits, wantedStreams } from './outbox-thread.ts';
import type { Batch, FromWorker, OutboxStatus, WorkerInput } from './protocol.ts';
import { activityText } from './record.ts';
import { RedisLost, RedisOutbox } from './redis-outbox.ts';
import { Shipper } from './shipper.ts';
import { createSink } from './sinks.ts';
import { storedEvents } from './stored-events.ts';
import { behindMs, Room, UnderWay } from './under-way.ts';

const holdMs = 5_000;
const recoverMs = 500;
const idleWriteMs = 100;

/** What the worker does with the batches it gets, where the outbox is in Redis. */
export class RedisThread {
  readonly #outbox: RedisOutbox;
  readonly #input: WorkerInput;
  readonly #config: AuditConfig;
  readonly #keys: KeyRing;
  readonly #signing: SigningKeys;
  readonly #tell: (message: FromWorker) => void;
  readonly #pending: number;
  readonly #shippers: Shipper[] = [];
  readonly #adopted = new Map<RedisOutbox, readonly Shipper[]>();
  readonly #underWay = new UnderWay();
  readonly #room: Room;
  #acknowledgements: { readonly outbox: RedisOutbox; readonly one: Acknowledgement }[] = [];
  #queue: Batch[] = [];
  /** One write after the other: what comes meanwhile goes with the next. */
  #writing: Promise<void> = Promise.resolve();
  #isQueueTaken = false;
  /** Up to here records are written and it is known which of their answers are under way; sinks get none after it. */
  #knownThrough = 0;
  #state: 'open' | 'unsure' | 'lost' = 'open';
  #commits = 0;
  #signedPosition = 0;
  readonly #timers: NodeJS.Timeout[];
  #idleWrite: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(
    outbox: RedisOutbox,
    input: WorkerInput,
    { keys, signing }: { readonly keys: KeyRing; readonly signing: SigningKeys },
    tell: (message: FromWorker) => void,
  ) {
    this.#outbox = outbox;
    this.#input = input;
    this.#config = input.config;
    this.#room = new Room(input.config.maximumBytes);
    this.#keys = keys;
    this.#signing = signing;
    this.#tell = tell;
    const streams = wantedStreams(input.config);
    this.#pending = streams.reduce((bits, stream) => bits | streamBits[stream], 0);
    this.#shippers.push(...this.#shippersOf(outbox));
    this.#timers = [
      setInterval(() => void this.#hold().catch(() => undefined), holdMs),
      setInterval(() => void this.#inTurn(() => this.#recover()), recoverMs),
      setInterval(() => this.#note('checkpoint'), input.config.checkpointMs),
    ];
    this.#note('started');
    void this.#hold().catch(() => undefined);
  }

  /** Writes what came since the last write began, in one transaction; group commit without a timer. */
  take(batches: readonly Batch[]): void {
    for (const completion of batches.flatMap(({ completions }) => completions)) this.#end(completion);
    this.#endForgotten();
    this.#queue.push(...batches.filter(({ disclosures, refusals }) => disclosures.length + refusals.length > 0));
    this.#writeNext();
  }

  status(): OutboxStatus {
    const shippers = [...this.#shippers, ...[...this.#adopted.values()].flat()];
    const sum = (count: 'delivered' | 'retries' | 'refused'): number =>
      shippers.reduce((total, { counts }) => total + counts[count], 0);
    const state = this.#state === 'open' ? 'open' : 'broken';
    const { usedBytes, count } = this.#outbox;
    return {
      state: state === 'open' && this.#isFull() ? 'full' : state,
      usedBytes,
      records: count,
      commits: this.#commits,
      delivered: sum('delivered'),
      retries: sum('retries'),
      refusedBySink: sum('refused'),
      behindMs: behindMs(this.#shippers, Date.now()),
      chainAlarms: this.#state === 'lost' ? 1 : 0,
      keysRefused: this.#keys.isRefusing || this.#signing.isRefusing,
      alerts: {},
      alertsUntold: 0,
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#idleWrite);
    this.#note('stopped');
    await this.#writing;
    await Promise.all([...this.#shippers, ...[...this.#adopted.values()].flat()].map((shipper) => shipper.close()));
    if (this.#state === 'open') await this.#write([]).catch(() => undefined);
    for (const outbox of [this.#outbox, ...this.#adopted.keys()]) await outbox.release().catch(() => undefined);
    this.#outbox.close();
    this.#tell({ kind: 'closed' });
  }

  #shippersOf(outbox: RedisOutbox): Shipper[] {
    const { device, consentDecisions, delivery } = this.#config;
    const { publicBaseUrl } = this.#input;
    const source = { outboxId: outbox.id, publicBaseUrl, device, consentDecisions };
    const isOwn = outbox === this.#outbox;
    return wantedStreams(this.#config).flatMap((stream: Stream) => {
      const sink = this.#config[stream];
      if (sink === undefined || sink.kind === 'none') return [];
      const bit = streamBits[stream];
      return new Shipper(
        {
          pending: (after, limit) => {
            const sequences = outbox.pending(bit, after, limit);
            return isOwn ? sequences.filter((sequence) => sequence <= this.#knownThrough) : sequences;
          },
          find: async (sequence) => {
            const record = await outbox.find(bit, sequence);
            return record === undefined || !isOwn ? record : this.#underWay.withCompletion(record);
          },
          isOpen: (sequence) => isOwn && this.#underWay.isOpen(sequence),
          eventsOf: (record) =>
            storedEvents(record, source)
              .filter(({ streams }) => streams.includes(stream))
              .map(({ event }) => event),
          acknowledge: (sequences) => {
            this.#acknowledgements.push(...sequences.map((sequence) => ({ outbox, one: { sequence, stream: bit } })));
            this.#writeSoon();
          },
        },
        createSink(sink, delivery),
        delivery,
      );
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(work).catch(() => undefined);
    return this.#writing;
  }

  #writeNext(): void {
    if (this.#isQueueTaken || this.#queue.length === 0) return;
    this.#isQueueTaken = true;
    void this.#inTurn(() => this.#writeQueue());
  }

  async #writeQueue(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batches = this.#queue.splice(0);
        const fitting = this.#state === 'open' && !this.#isBehind() ? this.#fitting(batches) : [];
        const records = fitting.flatMap(({ disclosures, refusals }) => [...disclosures, ...refusals]);
        const first = records.length === 0 ? undefined : await this.#write(records).catch(() => undefined);
        this.#answer(batches, fitting, first);
      }
    } finally {
      this.#isQueueTaken = false;
    }
  }

  #answer(batches: readonly Batch[], fitting: readonly Batch[], first: number | undefined): void {
    const numbers = this.#underWay.begin(fitting, first, Date.now());
    if (first !== undefined) this.#knownThrough = this.#outbox.head.sequence;
    const firsts = batches.filter(({ disclosures }) => disclosures.length > 0).map((batch) => numbers.get(batch));
    if (firsts.length > 0) this.#tell({ kind: 'written', firsts, status: this.status() });
    for (const shipper of this.#shippers) shipper.wake();
  }

  async #write(records: readonly string[]): Promise<number> {
    const { completions } = this.#underWay;
    try {
      const at = Date.now();
      const first = await this.#outbox.write({
        records,
        pending: this.#pending,
        at,
        completions,
        acknowledgements: [],
      });
      this.#underWay.written(completions);
      this.#commits++;
      await this.#acknowledge();
      return first;
    } catch (error) {
      this.#state = error instanceof RedisLost ? 'lost' : 'unsure';
      throw error;
    }
  }

  /** A repeat of a delivery is all that a failure here costs. */
  async #acknowledge(): Promise<void> {
    const taken = this.#acknowledgements.splice(0);
    for (const outbox of new Set(taken.map((one) => one.outbox))) {
      const own = taken.filter((one) => one.outbox === outbox);
      await outbox.acknowledge(own.map(({ one }) => one)).catch(() => this.#acknowledgements.push(...own));
    }
  }

  #writeSoon(): void {
    if (this.#closing) return;
    this.#idleWrite ??= setTimeout(() => {
      this.#idleWrite = undefined;
      void this.#inTurn(async () => {
        if (this.#state !== 'open') return;
        await (this.#underWay.completions.length > 0 ? this.#write([]) : this.#acknowledge());
        this.#tell({ kind: 'status', status: this.status() });
      });
    }, idleWriteMs);
  }

  #fitting(batches: readonly Batch[]): Batch[] {
    return this.#room.fitting(this.#outbox.usedBytes, batches, RedisOutbox.sizeOf);
  }

  #end(completion: Completion): void {
    this.#underWay.end(completion);
    for (const shipper of this.#shippers) shipper.ended(completion.sequence);
    this.#writeSoon();
  }

  #endForgotten(): void {
    for (const sequence of this.#underWay.forget(Date.now()))
      for (const shipper of this.#shippers) shipper.ended(sequence);
  }

  /** Start, stop and signatures are records like others. */
  #note(what: 'started' | 'stopped' | 'checkpoint'): void {
    const { about } = this.#input;
    if (what === 'checkpoint') {
      const { head, id } = this.#outbox;
      if (head.position === this.#signedPosition) return;
      this.#signedPosition = head.position + 1;
      const checkpoint = printCheckpoint(signCheckpoint(id, head, Date.now(), this.#signing));
      this.#queue.push(noteOf(activityText({ what, checkpoint }, Date.now())));
    } else if (about !== undefined) {
      const activity = what === 'started' ? { what, ...about } : { what };
      this.#queue.push(noteOf(activityText(activity, Date.now())));
    }
    this.#writeNext();
  }

  /** Keeps what is held held; takes over what nobody holds, and forgets what is empty. */
  async #hold(): Promise<void> {
    await this.#outbox.hold();
    for (const outbox of this.#adopted.keys()) await outbox.hold();
    for (const outbox of await this.#outbox.adopt(this.#keys)) this.#adopted.set(outbox, this.#shippersOf(outbox));
    for (const [outbox, shippers] of this.#adopted) {
      for (const shipper of shippers) shipper.wake();
      if (outbox.count > 0 || !(await outbox.forget())) continue;
      this.#adopted.delete(outbox);
      for (const shipper of shippers) await shipper.close();
    }
  }

  async #recover(): Promise<void> {
    if (this.#state !== 'unsure') return;
    try {
      await this.#outbox.recover();
      this.#state = 'open';
      this.#knownThrough = this.#outbox.head.sequence; // what was written unbeknown was answered with a refusal
      for (const shipper of this.#shippers) shipper.wake();
    } catch (error) {
      if (error instanceof RedisLost) this.#state = 'lost';
    }
    this.#tell({ kind: 'status', status: this.status() });
  }

  #isFull(): boolean {
    return this.#room.isFull(this.#outbox.usedBytes) || this.#isBehind();
  }

  #isBehind(): boolean {
    return behindMs(this.#shippers, Date.now()) > this.#config.maximumBehindMs;
  }
}

/** A record that nobody waits for. */
function noteOf(text: string): Batch {
  return { kind: 'batch', disclosures: [], refusals: [text], completions: [] };
}
