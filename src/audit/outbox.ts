/**
 * The durable outbox: records that are not delivered yet, in SQLite (WAL, synchronous=FULL). A record is on disk when
 * `write` returns, with its link in the chain. Rows are sealed; only their numbers, time and size are in the clear.
 *
 * All calls block: it lives in a worker thread.
 */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type ChainHead, type CompletionEntry, genesis, type Linked, linkOf, type RecordEntry } from './chain.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type KeyRing, syncDirectory } from './keys.ts';
import { Seal } from './seal.ts';
import { acquire, begin, openToRead, openToWrite } from './sqlite.ts';

export { OutboxBusy } from './sqlite.ts';

/** How an answer ended, as far as its socket could tell. */
export interface Completion {
  readonly sequence: number;
  readonly bytesSent: number;
  readonly aborted: boolean;
}

export interface StoredRecord {
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly text: string;
  readonly completion: Completion | undefined;
}

/** What one transaction writes. */
export interface Writing {
  readonly records: readonly string[];
  /** Streams that are to get these records. */
  readonly pending: number;
  readonly at: number;
  readonly completions: readonly Completion[];
  readonly acknowledgements: readonly Acknowledgement[];
  /** Of the chain as it stands before this. */
  readonly checkpoint?: Checkpoint;
}

/** A stream has got all events of a record. */
export interface Acknowledgement {
  readonly sequence: number;
  readonly stream: number;
}

/** Counted for the row around each record. */
const rowBytes = 160;
const format = 2;

const schema = `
  CREATE TABLE IF NOT EXISTS outbox (only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, format INTEGER NOT NULL,
    position INTEGER NOT NULL, sequence INTEGER NOT NULL, link BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS record (
    sequence INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, at INTEGER NOT NULL, pending INTEGER NOT NULL,
    key_id TEXT NOT NULL, salt BLOB NOT NULL, link BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS completion (
    sequence INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, bytes_sent INTEGER NOT NULL, aborted INTEGER NOT NULL,
    link BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS checkpoint (
    position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, at INTEGER NOT NULL, link BLOB NOT NULL,
    key_id TEXT NOT NULL, signature BLOB NOT NULL) STRICT;
`;

export class Outbox {
  readonly id: string;
  readonly #seal: Seal | undefined;
  /** Up to here the archive has the chain; what it has not is kept for it. */
  archived = Number.MAX_SAFE_INTEGER;
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync | undefined;
  readonly #statements: Statements;
  #head: ChainHead;
  #usedBytes = 0;
  #count = 0;

  /**
   * Opens or creates the outbox for its one writer.
   * @param keys Called once the outbox is ours: the first start makes a key, and two must not.
   * @throws {Error} when another process has it, when a record was sealed with a key that is not there, when it cannot be made durable.
   */
  static open(file: string, keys: () => KeyRing): Outbox {
    const lock = acquire(`${file}.lock`);
    try {
      const outbox = new Outbox(file, keys(), lock);
      syncDirectory(dirname(file));
      return outbox;
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /**
   * Opens it beside its writer, to read.
   * @param keys Left out: the chain may be walked, and no record opened.
   */
  static openToRead(file: string, keys: KeyRing | undefined): Outbox {
    return new Outbox(file, keys, undefined);
  }

  private constructor(file: string, keys: KeyRing | undefined, lock: DatabaseSync | undefined) {
    this.#lock = lock;
    this.#database = lock === undefined ? openToRead(file) : openToWrite(file);
    try {
      if (lock !== undefined) this.#create(file);
      const { id, position, sequence, link } = this.#database
        .prepare('SELECT * FROM outbox')
        .get() as unknown as HeadRow;
      this.id = id;
      this.#head = { position, sequence, link };
      this.#seal = keys && new Seal(keys, id);
      this.#statements = prepareStatements(this.#database);
      const sealedWith = this.#database.prepare('SELECT DISTINCT key_id AS id FROM record').all();
      const unknown = keys && sealedWith.find(({ id }) => keys.find(String(id)) === undefined);
      if (unknown !== undefined) {
        throw new Error(`${file} holds records sealed with key ${unknown.id}, which is not configured`);
      }
      this.#measure();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #create(file: string): void {
    const before = this.#database.prepare("SELECT count(*) AS tables FROM sqlite_master WHERE name = 'outbox'").get();
    if (before?.tables === 1) {
      const found = this.#database.prepare('SELECT format FROM outbox').get()?.format;
      if (found !== format)
        throw new Error(`${file} was made by another release (format ${found}); this one has ${format}`);
    }
    const id = randomUUID();
    this.#database.exec(schema);
    const insert = 'INSERT OR IGNORE INTO outbox VALUES (1, ?, ?, 0, 0, ?)';
    this.#database.prepare(insert).run(id, format, genesis(id));
  }

  get #opener(): Seal {
    if (this.#seal === undefined) throw new Error('the outbox was opened without its keys');
    return this.#seal;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Records not delivered to every stream yet. */
  get count(): number {
    return this.#count;
  }

  /** Of everything that was ever written here. */
  get head(): ChainHead {
    return this.#head;
  }

  /** Bytes that these records will take. */
  static sizeOf(records: readonly string[]): number {
    return records.reduce((sum, text) => sum + Buffer.byteLength(text) + Seal.overhead + rowBytes, 0);
  }

  /**
   * Writes all of it in one transaction, synced to disk on return.
   * @returns Sequence number of the first record; the others follow without gaps.
   * @throws {OutboxBusy} when nothing was written; any other error leaves unknown what is on disk.
   */
  write({ records, pending, at, completions, acknowledgements, checkpoint }: Writing): number {
    const { insert, complete, moveHead, keepCheckpoint } = this.#statements;
    begin(this.#database);
    let { position, sequence, link } = this.#head;
    if (checkpoint !== undefined) {
      const { keyId, signature } = checkpoint;
      keepCheckpoint.run(checkpoint.position, checkpoint.sequence, checkpoint.at, checkpoint.link, keyId, signature);
    }
    for (const completion of completions) {
      if (!this.#isAwaited(completion.sequence)) continue;
      const { bytesSent, aborted } = completion;
      link = linkOf(link, { kind: 'completion', position: ++position, ...completion });
      complete.run(completion.sequence, position, bytesSent, aborted ? 1 : 0, link);
    }
    const first = sequence + 1;
    let usedBytes = this.#usedBytes;
    for (const text of records) {
      sequence++;
      position++;
      const { keyId, salt, bytes: sealed } = this.#opener.close(sequence, Buffer.from(text));
      link = linkOf(link, { kind: 'record', position, sequence, at, keyId, salt, sealed });
      insert.run(sequence, position, at, pending, keyId, salt, link, sealed);
      usedBytes += sealed.length + rowBytes;
    }
    const removed = this.#acknowledge(acknowledgements);
    if (position > this.#head.position) moveHead.run(position, sequence, link);
    this.#database.exec('COMMIT');
    this.#head = { position, sequence, link };
    this.#count += records.length - removed.count;
    this.#usedBytes = usedBytes - removed.bytes;
    return first;
  }

  /** A record that is here and whose end nobody has told: a second word on it would not count. */
  #isAwaited(sequence: number): boolean {
    return this.#statements.awaited.get(sequence) !== undefined;
  }

  #acknowledge(acknowledgements: readonly Acknowledgement[]): { count: number; bytes: number } {
    const { acknowledge, remove, removeCompletion, size } = this.#statements;
    const removed = { count: 0, bytes: 0 };
    for (const { sequence, stream } of acknowledgements) {
      acknowledge.run(~stream, sequence);
      const done = size.get(sequence);
      if (done !== undefined) {
        remove.run(sequence);
        removed.count++;
        removed.bytes += Number(done.bytes) + rowBytes;
      }
      removeCompletion.run(sequence, this.archived);
    }
    return removed;
  }

  /** Sequence numbers of records that a stream has not got, in order, after one. */
  pending(stream: number, after: number, limit: number): number[] {
    return this.#statements.pending.all(after, stream, limit).map(({ sequence }) => Number(sequence));
  }

  /** One record, if it is still there for this stream. */
  find(stream: number, sequence: number): StoredRecord | undefined {
    const row = this.#statements.find.get(sequence, stream);
    return row === undefined ? undefined : this.#stored(row);
  }

  /** The chain after a position, in its order. */
  entriesAfter(position: number, limit: number): Linked[] {
    const records = this.#statements.recordsAfter.all(position, limit).map((row) => recordEntry(row));
    const completions = this.#statements.completionsAfter.all(position, limit).map((row) => completionEntry(row));
    return [...records, ...completions].sort((one, other) => one.position - other.position).slice(0, limit);
  }

  /** What stands after a position, at one moment. */
  rest(after: number): { readonly head: ChainHead; readonly entries: Linked[]; readonly checkpoints: Checkpoint[] } {
    this.#database.exec('BEGIN');
    try {
      const { position, sequence, link } = this.#database.prepare('SELECT * FROM outbox').get() as unknown as HeadRow;
      const entries = this.entriesAfter(after, Number.MAX_SAFE_INTEGER);
      return {
        head: { position, sequence, link },
        entries,
        checkpoints: this.checkpoints(after, Number.MAX_SAFE_INTEGER),
      };
    } finally {
      this.#database.exec('COMMIT');
    }
  }

  /** Checkpoints from one position through another. */
  checkpoints(from: number, to: number): Checkpoint[] {
    return this.#statements.checkpoints.all(from, to).map((row) => storedCheckpoint(row, this.id));
  }

  /**
   * Streams that are no longer configured get nothing: records that waited for them alone are removed, and what the
   * archive had before a crash is not kept for it.
   * @param archive Its bit, 0 where there is none.
   */
  keepFor(streams: number, archive: number): void {
    const { archived } = this;
    begin(this.#database);
    this.#database.prepare('UPDATE record SET pending = pending & ? WHERE pending & ~?').run(streams, streams);
    this.#database
      .prepare(
        `UPDATE record SET pending = pending & ~? WHERE position <= ?
         AND NOT EXISTS (SELECT 1 FROM completion WHERE completion.sequence = record.sequence AND completion.position > ?)`,
      )
      .run(archive, archived, archived);
    this.#database.exec('DELETE FROM record WHERE pending = 0');
    this.#database
      .prepare('DELETE FROM completion WHERE position <= ? AND sequence NOT IN (SELECT sequence FROM record)')
      .run(archived);
    this.#database
      .prepare('DELETE FROM checkpoint WHERE position < ?')
      .run(Math.min(archived, this.#head.position) - 1_000_000);
    this.#database.exec('COMMIT');
    this.#measure();
  }

  #measure(): void {
    const { count, bytes } = this.#statements.measure.get() as { count: number; bytes: number };
    this.#count = count;
    this.#usedBytes = bytes;
  }

  close(): void {
    this.#database.close();
    this.#lock?.close();
  }

  #stored(row: Record<string, unknown>): StoredRecord {
    const { sequence, at, key_id, salt, sealed, bytes_sent, aborted } = row as unknown as StoredRow;
    const text = this.#opener.open(sequence, { keyId: key_id, salt, bytes: sealed });
    const completion = bytes_sent === null ? undefined : { sequence, bytesSent: bytes_sent, aborted: aborted === 1 };
    return { sequence, at, text, completion };
  }
}

interface HeadRow {
  readonly id: string;
  readonly position: number;
  readonly sequence: number;
  readonly link: Uint8Array;
}

interface StoredRow {
  readonly sequence: number;
  readonly at: number;
  readonly key_id: string;
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
  readonly bytes_sent: number | null;
  readonly aborted: number | null;
}

/** A row of `record`, in the outbox and in the archive. */
export function recordEntry(row: Record<string, unknown>): Linked<RecordEntry> {
  const { position, sequence, at, key_id, salt, sealed, link } = row as unknown as StoredRow & HeadRow;
  return { kind: 'record', position, sequence, at, keyId: key_id, salt, sealed, link };
}

/** A row of `completion`. */
export function completionEntry(row: Record<string, unknown>): Linked<CompletionEntry> {
  const { position, sequence, bytes_sent, aborted, link } = row as unknown as StoredRow & HeadRow;
  return { kind: 'completion', position, sequence, bytesSent: bytes_sent ?? 0, aborted: aborted === 1, link };
}

/** A row of `checkpoint`. */
export function storedCheckpoint(row: Record<string, unknown>, outboxId: string): Checkpoint {
  const { position, sequence, at, key_id, link, signature } = row as unknown as StoredRow &
    HeadRow & { signature: Uint8Array };
  return { outboxId, position, sequence, at, link, keyId: key_id, signature };
}

type Statements = Readonly<Record<keyof typeof statementTexts, StatementSync>>;

const statementTexts = {
  insert:
    'INSERT INTO record (sequence, position, at, pending, key_id, salt, link, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  complete: 'INSERT INTO completion (sequence, position, bytes_sent, aborted, link) VALUES (?, ?, ?, ?, ?)',
  awaited: `SELECT 1 AS awaited FROM record WHERE sequence = ?1
    AND NOT EXISTS (SELECT 1 FROM completion WHERE completion.sequence = ?1)`,
  moveHead: 'UPDATE outbox SET position = ?, sequence = ?, link = ?',
  keepCheckpoint:
    'INSERT OR REPLACE INTO checkpoint (position, sequence, at, link, key_id, signature) VALUES (?, ?, ?, ?, ?, ?)',
  checkpoints: 'SELECT * FROM checkpoint WHERE position >= ? AND position <= ? ORDER BY position',
  acknowledge: 'UPDATE record SET pending = pending & ? WHERE sequence = ?',
  size: 'SELECT length(sealed) AS bytes FROM record WHERE sequence = ? AND pending = 0',
  remove: 'DELETE FROM record WHERE sequence = ?',
  removeCompletion: `DELETE FROM completion WHERE sequence = ?1 AND position <= ?2
    AND NOT EXISTS (SELECT 1 FROM record WHERE record.sequence = ?1)`,
  pending: 'SELECT sequence FROM record WHERE sequence > ? AND pending & ? ORDER BY sequence LIMIT ?',
  recordsAfter: 'SELECT * FROM record WHERE position > ? ORDER BY position LIMIT ?',
  completionsAfter: 'SELECT * FROM completion WHERE position > ? ORDER BY position LIMIT ?',
  find: `SELECT record.sequence, at, key_id, salt, sealed, bytes_sent, aborted
    FROM record LEFT JOIN completion ON completion.sequence = record.sequence
    WHERE record.sequence = ? AND pending & ?`,
  measure: `SELECT count(*) AS count, coalesce(sum(length(sealed) + ${rowBytes}), 0) AS bytes FROM record`,
} as const;

function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(statementTexts).map(([name, text]) => [name, database.prepare(text)]);
  return Object.fromEntries(prepared) as Statements; // the same keys
}
