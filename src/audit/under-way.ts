import type { Completion } from './outbox.ts';
import type { Batch } from './protocol.ts';
import type { Shipper } from './shipper.ts';

/** After this an answer counts as ended without word. */
const longestAnswerMs = 600_000;

/** Answers from their record to their end, as the thread of an outbox knows of them, wherever the outbox is. */
export class UnderWay {
  /** On their way, with the time of their record, oldest first. */
  readonly #open = new Map<number, number>();
  /** Ended, and that is not written yet; by sequence number. */
  readonly #completions = new Map<number, Completion>();

  isOpen(sequence: number): boolean {
    return this.#open.has(sequence);
  }

  /** Whether its end may still be told, or is not written yet. */
  isAwaited(sequence: number): boolean {
    return this.#open.has(sequence) || this.#completions.has(sequence);
  }

  /** How a record's answer ended, where that is known and not written with it. */
  withCompletion<Stored extends { readonly sequence: number }>(record: Stored): Stored {
    const completion = this.#completions.get(record.sequence);
    return completion === undefined ? record : { ...record, completion };
  }

  /** What is to be written. */
  get completions(): readonly Completion[] {
    return [...this.#completions.values()];
  }

  written(completions: readonly Completion[]): void {
    for (const { sequence } of completions) this.#completions.delete(sequence);
  }

  end(completion: Completion): void {
    this.#open.delete(completion.sequence);
    this.#completions.set(completion.sequence, completion);
  }

  /** Answers whose end nobody told for a long time, which are of unknown end from now on. */
  forget(now: number): readonly number[] {
    const forgotten: number[] = [];
    for (const [sequence, since] of this.#open) {
      if (since > now - longestAnswerMs) break;
      this.#open.delete(sequence);
      forgotten.push(sequence);
    }
    return forgotten;
  }

  /** The sequence number of each batch's first record, given that of the first of all; its answers are open from now on. */
  begin(batches: readonly Batch[], first: number | undefined, now: number): ReadonlyMap<Batch, number> {
    const firsts = new Map<Batch, number>();
    if (first === undefined) return firsts;
    let next = first;
    for (const batch of batches) {
      firsts.set(batch, next);
      for (let index = 0; index < batch.disclosures.length; index++) this.#open.set(next + index, now);
      next += batch.disclosures.length + batch.refusals.length;
    }
    return firsts;
  }
}

/** Share of the bytes below which a full outbox takes records again. */
const reopenShare = 0.75;

/** The bytes that an outbox may fill: full once something did not fit, until a good part has been delivered. */
export class Room {
  readonly #maximumBytes: number;
  #lacked = false;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  isFull(usedBytes: number): boolean {
    if (usedBytes < reopenShare * this.#maximumBytes) this.#lacked = false;
    return this.#lacked;
  }

  /** Batches for which there is room, in order. */
  fitting(usedBytes: number, batches: readonly Batch[], sizeOf: (records: readonly string[]) => number): Batch[] {
    let left = this.#maximumBytes - usedBytes;
    const fitting = batches.filter(({ disclosures, refusals }) => {
      const size = sizeOf(disclosures) + sizeOf(refusals);
      if (size > left) return false;
      left -= size;
      return true;
    });
    if (fitting.length < batches.length) this.#lacked = true;
    return fitting;
  }
}

/** How long the oldest record that a sink has not taken has waited, in milliseconds. */
export function behindMs(shippers: readonly Shipper[], now: number): number {
  const oldest = shippers.flatMap(({ counts }) => counts.oldestAt ?? []);
  return oldest.length === 0 ? 0 : Math.max(0, now - Math.min(...oldest));
}
