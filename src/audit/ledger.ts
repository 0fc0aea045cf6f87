import { existsSync } from 'node:fs';
import type { AuditConfig } from '../config/audit.ts';
import { archiveDirectory, type Period, Segment, segmentFiles } from './archive.ts';
import { type ChainHead, genesis, type Linked, type RecordEntry } from './chain.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { KeyRing } from './keys.ts';
import { type Completion, Outbox } from './outbox.ts';
import { type AuditRecord, readRecord } from './record.ts';
import { readRemoved } from './retention.ts';
import { Seal } from './seal.ts';
import { type Subject, SubjectIndex, type SubjectKind, subjectKinds, subjectsOf } from './subjects.ts';
import type { FoundChain } from './verify.ts';

/** A record as it is kept. */
export interface KeptRecord {
  readonly outboxId: string;
  readonly sequence: number;
  /** Epoch milliseconds at which it was written. */
  readonly at: number;
  readonly record: AuditRecord;
  /** How the answer ended; undefined when nobody told. */
  readonly completion: Completion | undefined;
}

/** Whether anything of it may have left: an answer that was held back after it was recorded did not. */
export function mayHaveLeft({ completion }: Pick<KeptRecord, 'completion'>): boolean {
  return completion === undefined || !completion.aborted || completion.bytesSent > 0;
}

/** How often somebody occurs in the record, with the last occasion. */
export interface KeptUses {
  readonly count: number;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly last: KeptRecord;
}

export const always: Period = { from: 0, to: Number.MAX_SAFE_INTEGER };

/** What is kept of one outbox. */
interface Book {
  readonly outboxId: string;
  readonly seal: Seal | undefined;
  readonly segments: readonly Segment[];
  readonly tail: Tail | undefined;
}

/** What an outbox has not handed on yet. */
interface Tail {
  readonly outboxId: string;
  readonly head: ChainHead;
  readonly entries: readonly Linked[];
  readonly checkpoints: readonly Checkpoint[];
}

/**
 * The whole record as it is kept, to read: the segments of the archive, of every outbox whose segments are there, and
 * what the outbox has not handed on yet. Opened beside the gateway that writes it.
 */
export class Ledger {
  readonly #books: readonly Book[];
  readonly #keys: KeyRing | undefined;
  readonly #directory: string;

  /**
   * @param keys Left out: the chain may be walked, and no record opened.
   * @throws {Error} when no record is kept, or a file cannot be read.
   */
  constructor(config: Pick<AuditConfig, 'archive' | 'outboxFile'>, keys: KeyRing | undefined) {
    const directory = archiveDirectory(config);
    if (directory === undefined) throw new Error('audit.archive is none: no record is kept here');
    this.#keys = keys;
    this.#directory = directory;
    const tail = existsSync(config.outboxFile) ? readTail(config.outboxFile, directory) : undefined;
    const segments = segmentFiles(directory).map((file) => new Segment(file));
    const ids = new Set([...segments.map(({ outboxId }) => outboxId), ...(tail === undefined ? [] : [tail.outboxId])]);
    this.#books = [...ids].map((outboxId) => ({
      outboxId,
      seal: keys && new Seal(keys, outboxId),
      segments: segments.filter((segment) => segment.outboxId === outboxId),
      tail: tail?.outboxId === outboxId ? tail : undefined,
    }));
  }

  close(): void {
    for (const { segments } of this.#books) for (const segment of segments) segment.close();
  }

  /** The chains; those of a period begin and end with the segments that have something of it. */
  chains(period: Period = always): FoundChain[] {
    return this.#books.map(({ outboxId, segments, tail }) => {
      const wanted = segments.filter((segment) => overlaps(segment, period));
      const walked = wanted.length > 0 ? wanted : segments.slice(-1);
      const end = walked.at(-1) === segments.at(-1) ? tail : undefined;
      const genesisHead = { position: 0, sequence: 0, link: genesis(outboxId) };
      return {
        outboxId,
        start: walked[0]?.start ?? genesisHead,
        head: end?.head,
        entries: chained(walked, end),
        checkpoints: [...walked.flatMap((segment) => segment.checkpoints()), ...(end?.checkpoints ?? [])],
        removed: walked[0] === segments[0] && period.from === 0 ? readRemoved(this.#directory, outboxId) : 'not-asked',
      };
    });
  }

  /** Records about a subject in a period, each outbox's in the order of their writing. */
  *about(subject: Subject, period: Period): Generator<KeptRecord> {
    const index = new SubjectIndex(this.#ring);
    const names = index.allNamesOf(subject);
    for (const book of this.#books) {
      const seen = new Set<number>();
      for (const segment of book.segments) {
        if (!overlaps(segment, period)) continue;
        for (const sequence of segment.about(subjectKinds[subject.kind], names, period)) {
          const entry = segment.find(sequence);
          if (entry === undefined) continue;
          seen.add(sequence);
          yield kept(book, entry, segment);
        }
      }
      for (const one of this.#tailOf(book, period)) {
        if (seen.has(one.sequence)) continue;
        const has = subjectsOf(one.record).some(({ kind, name }) => kind === subject.kind && name === subject.name);
        if (has) yield one;
      }
    }
  }

  /** Every record that is kept, each outbox's in the order of their writing. */
  *all(): Generator<KeptRecord> {
    for (const book of this.#books) {
      const first = book.tail?.entries[0]?.position ?? Number.MAX_SAFE_INTEGER;
      for (const segment of book.segments) {
        for (const entry of segment.entriesAfter(segment.start.position)) {
          if (entry.kind === 'record' && entry.position < first) yield kept(book, entry, segment);
        }
      }
      yield* this.#tailOf(book, always);
    }
  }

  /** Everybody of a kind in a period, once each and key. */
  uses(kind: SubjectKind, period: Period): KeptUses[] {
    return this.#books.flatMap((book) => {
      const archived = book.segments
        .filter((segment) => overlaps(segment, period))
        .flatMap((segment) =>
          segment.uses(subjectKinds[kind], period).flatMap(({ count, from, to, last }): KeptUses[] => {
            const entry = segment.find(last);
            return entry === undefined ? [] : [{ count, from, to, last: kept(book, entry, segment) }];
          }),
        );
      const waiting = this.#tailOf(book, period)
        .filter(({ record }) => subjectsOf(record).some((subject) => subject.kind === kind))
        .map((last): KeptUses => ({ count: 1, from: last.at, to: last.at, last }));
      return [...archived, ...waiting];
    });
  }

  get #ring(): KeyRing {
    if (this.#keys === undefined) throw new Error('the record was opened without its keys');
    return this.#keys;
  }

  #tailOf(book: Book, period: Period): KeptRecord[] {
    return (book.tail?.entries ?? [])
      .filter((entry) => entry.kind === 'record')
      .filter(({ at }) => at >= period.from && at < period.to)
      .map((entry) => kept(book, entry, undefined));
  }
}

function kept(book: Book, entry: RecordEntry, segment: Segment | undefined): KeptRecord {
  const { sequence, at, keyId, salt, sealed } = entry;
  if (book.seal === undefined) throw new Error('the record was opened without its keys');
  const text = book.seal.open(sequence, { keyId, salt, bytes: sealed });
  const completion = completionOf(book, sequence, segment);
  return { outboxId: book.outboxId, sequence, at, record: readRecord(text), completion };
}

/** The end of an answer stands beside its record, in the next segment, or in the outbox still. */
function completionOf(
  { segments, tail }: Book,
  sequence: number,
  segment: Segment | undefined,
): Completion | undefined {
  const first = segment === undefined ? segments.length : segments.indexOf(segment);
  for (const one of segments.slice(first, first + 2)) {
    const found = one.completionOf(sequence);
    if (found !== undefined) return found;
  }
  const waiting = tail?.entries.find((entry) => entry.kind === 'completion' && entry.sequence === sequence);
  return waiting?.kind === 'completion' ? waiting : undefined;
}

function overlaps(segment: Segment, { from, to }: Period): boolean {
  const period = segment.period();
  return period !== undefined && period.from < to && period.to >= from;
}

function* chained(segments: readonly Segment[], tail: Tail | undefined): Generator<Linked> {
  const until = tail?.entries[0]?.position ?? Number.MAX_SAFE_INTEGER;
  for (const segment of segments) {
    for (const entry of segment.entriesAfter(segment.start.position)) {
      if (entry.position >= until) break; // archived since the outbox was read
      yield entry;
    }
  }
  yield* tail?.entries ?? [];
}

const readingAttempts = 5;

/** The archive may be written on meanwhile: what is read must begin where the archive ended before. */
function readTail(outboxFile: string, directory: string): Tail {
  const outbox = Outbox.openToRead(outboxFile, undefined);
  try {
    for (let attempt = 1; ; attempt++) {
      const archived = lastPosition(directory, outbox.id);
      const { head, entries, checkpoints } = outbox.rest(archived);
      const isWhole = entries.length === 0 ? head.position <= archived : entries[0]?.position === archived + 1;
      if (isWhole || attempt === readingAttempts) return { outboxId: outbox.id, head, entries, checkpoints };
    }
  } finally {
    outbox.close();
  }
}

function lastPosition(directory: string, outboxId: string): number {
  const file = segmentFiles(directory).findLast((one) => one.outboxId === outboxId);
  if (file === undefined) return 0;
  const segment = new Segment(file);
  try {
    return segment.lastPosition();
  } finally {
    segment.close();
  }
}
