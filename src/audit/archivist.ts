import type { Archive, Archived } from './archive.ts';
import type { Outbox } from './outbox.ts';

/** What was copied: the archive has it on disk. */
export interface Copied {
  /** Up to here it has the chain. */
  readonly position: number;
  /** Sequence numbers of records, and of those whose end was told. */
  readonly records: readonly number[];
  readonly ended: readonly number[];
}

export interface ArchivistParts {
  /** Opened to read, beside its writer. */
  readonly outbox: Outbox;
  readonly archive: Archive;
  readonly tell: (copied: Copied) => void;
  /** Records that the archive has from now on, in order. */
  readonly look?: (archived: readonly Archived[]) => void;
  /** The chain has a gap or a broken link, or the archive cannot be written. */
  readonly alarm: () => void;
}

/** Entries in one transaction. */
const batch = 1_000;
/** Between transactions, so that few records in a row do not take a sync each. */
const pauseMs = 1_000;
const pauseAfterFailureMs = 1_000;

/** Copies the chain from the outbox to the archive, in its order: after it was written, and before it is removed. */
export class Archivist {
  readonly #parts: ArchivistParts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ArchivistParts) {
    this.#parts = parts;
  }

  /** There are new entries. */
  wake(): void {
    this.#timer ??= setTimeout(() => this.#copy(), pauseMs);
  }

  /** Copies what is there, then no more. */
  close(): void {
    clearTimeout(this.#timer);
    this.copyAll();
    this.#parts.archive.close();
    this.#parts.outbox.close();
  }

  /** Copies all that is there. */
  copyAll(): void {
    let state = this.#copyBatch();
    while (state === 'more') state = this.#copyBatch();
  }

  #copy(): void {
    this.#timer = undefined;
    const state = this.#copyBatch();
    if (state === 'done') return;
    this.#timer = setTimeout(() => this.#copy(), state === 'more' ? 0 : pauseAfterFailureMs);
  }

  #copyBatch(): 'done' | 'more' | 'failed' {
    const { outbox, archive, alarm, tell, look } = this.#parts;
    try {
      const after = archive.head.position;
      const entries = outbox.entriesAfter(after, batch);
      const last = entries.at(-1);
      if (last === undefined) return 'done';
      const archived = archive.append(entries, outbox.checkpoints(after, last.position), Date.now());
      const of = (kind: string): number[] => entries.filter((one) => one.kind === kind).map(({ sequence }) => sequence);
      tell({ position: last.position, records: of('record'), ended: of('completion') });
      look?.(archived);
      return entries.length === batch ? 'more' : 'done';
    } catch {
      alarm();
      return 'failed';
    }
  }
}
