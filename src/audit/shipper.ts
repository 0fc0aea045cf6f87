import type { AuditEvent } from '@medplum/fhirtypes';
import type { AuditConfig } from '../config/audit.ts';
import type { StoredRecord } from './outbox.ts';
import type { DeliveryOutcome, Sink } from './sinks.ts';

/** What the shipper of one stream takes records from. */
export interface Source {
  /** Sequence numbers of records not delivered, in order, after one. */
  pending(after: number, limit: number): number[];
  /** @throws {Error} when it cannot be read. */
  find(sequence: number): StoredRecord | undefined | Promise<StoredRecord | undefined>;
  /** True while the answer is still on its way: its end will be told. */
  isOpen(sequence: number): boolean;
  /**
   * This stream's events of a record.
   * @throws {Error} when it cannot be understood.
   */
  eventsOf(record: StoredRecord): AuditEvent[];
  /** All of a record's events have been taken. */
  acknowledge(sequences: readonly number[]): void;
}

export interface ShipperCounts {
  delivered: number;
  retries: number;
  /** Records of which the sink will not take an event: kept, and tried again after a restart. */
  refused: number;
  /** Epoch milliseconds of the oldest record under way; undefined when nothing waits. */
  oldestAt: number | undefined;
}

/** Records taken at a time. */
const batch = 32;

/**
 * Delivers one stream to its sink: at least once, in order of sequence among answers that have ended, again and again
 * with growing pauses while the sink fails. A record is acknowledged when all its events were taken.
 */
export class Shipper {
  readonly counts: ShipperCounts = { delivered: 0, retries: 0, refused: 0, oldestAt: undefined };
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #pauses: Pick<AuditConfig['delivery'], 'minimumPauseMs' | 'maximumPauseMs'>;
  readonly #stop = new AbortController();
  /** Up to here everything has been taken up, but for what is open, ended late or was refused. */
  #cursor = 0;
  readonly #endedLate: number[] = [];
  #wake: (() => void) | undefined;
  readonly #done: Promise<void>;

  constructor(source: Source, sink: Sink, pauses: Pick<AuditConfig['delivery'], 'minimumPauseMs' | 'maximumPauseMs'>) {
    this.#source = source;
    this.#sink = sink;
    this.#pauses = pauses;
    this.#done = this.#run();
  }

  /** There are new records. */
  wake(): void {
    this.#wake?.();
  }

  /** An answer has ended. */
  ended(sequence: number): void {
    if (sequence <= this.#cursor) this.#endedLate.push(sequence);
    this.wake();
  }

  /** Resolves when nothing is under way; what was not delivered stays in the outbox. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.wake();
    await this.#done;
    await this.#sink.close();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // let the constructor finish
    while (!this.#stop.signal.aborted) {
      const sequences = this.#take();
      if (sequences.length === 0) await this.#sleep(undefined);
      else await this.#ship(sequences);
    }
  }

  /** The next records whose answers have ended; those still on their way are passed over until then. */
  #take(): number[] {
    if (this.#endedLate.length > 0) return this.#endedLate.splice(0, batch).sort((a, b) => a - b);
    for (;;) {
      const sequences = this.#source.pending(this.#cursor, batch);
      const last = sequences.at(-1);
      if (last === undefined) return [];
      this.#cursor = last;
      const ready = sequences.filter((sequence) => !this.#source.isOpen(sequence));
      if (ready.length > 0) return ready;
    }
  }

  async #ship(sequences: readonly number[]): Promise<void> {
    const refused = new Set<number>();
    let waiting = (await Promise.all(sequences.map((sequence) => this.#read(sequence, refused)))).flat();
    let failures = 0;
    while (waiting.length > 0 && !this.#stop.signal.aborted) {
      const outcomes = await this.#sink.deliver(
        waiting.map(({ event }) => event),
        this.#stop.signal,
      );
      waiting.forEach(({ sequence }, index) => {
        if (outcomes[index] === 'refused') refused.add(sequence);
      });
      const left = waiting.filter((_, index) => outcomes[index] === 'retry');
      this.counts.delivered += outcomes.filter((outcome: DeliveryOutcome) => outcome === 'delivered').length;
      if (left.length > 0) {
        failures = left.length < waiting.length ? 1 : failures + 1;
        this.counts.retries++;
        await this.#sleep(this.#pauseAfter(failures));
      }
      waiting = left;
    }
    const unfinished = new Set([...waiting.map(({ sequence }) => sequence), ...refused]);
    this.counts.refused += refused.size;
    this.counts.oldestAt = undefined;
    this.#source.acknowledge(sequences.filter((sequence) => !unfinished.has(sequence)));
  }

  /** The events to send; a record that cannot be read stays, as one that the sink refuses does. */
  async #read(sequence: number, refused: Set<number>): Promise<{ sequence: number; event: AuditEvent }[]> {
    try {
      const record = await this.#source.find(sequence);
      if (record === undefined) return [];
      this.counts.oldestAt ??= record.at;
      return this.#source.eventsOf(record).map((event) => ({ sequence, event }));
    } catch {
      refused.add(sequence);
      return [];
    }
  }

  /** Doubled at each failure up to the longest, less up to half at random, so that replicas do not return together. */
  #pauseAfter(failures: number): number {
    const { minimumPauseMs, maximumPauseMs } = this.#pauses;
    const full = Math.min(maximumPauseMs, minimumPauseMs * 2 ** Math.min(failures - 1, 30));
    return full * (0.5 + Math.random() / 2);
  }

  /** @param milliseconds Undefined: until woken. A pause is ended by close alone. */
  #sleep(milliseconds: number | undefined): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      if (milliseconds === undefined) {
        this.#wake = () => {
          this.#wake = undefined;
          resolve();
        };
        return;
      }
      const ended = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', ended);
        resolve();
      };
      const timer = setTimeout(ended, milliseconds);
      signal.addEventListener('abort', ended);
    });
  }
}
