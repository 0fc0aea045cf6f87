/**
 * The durable outbox: records that are not delivered yet, in SQLite (WAL, synchronous=FULL). A record is on disk when
 * `write` returns. Rows are sealed; only their number, time and size are in the clear.
 *
 * All calls block: it lives in a worker thread.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type KeyRing, syncDirectory } from './keys.ts';
import { Seal } from './seal.ts';

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
}

/** A stream has got all events of a record. */
export interface Acknowledgement {
  readonly sequence: number;
  readonly stream: number;
}

/** The database was held by somebody else all the time that a write may wait; nothing was written. */
export class OutboxBusy extends Error {}

const busyMs = 5_000;
const sqliteBusy = 5;
/** Counted for the row around each record. */
const rowBytes = 96;

const schema = `
  CREATE TABLE IF NOT EXISTS outbox (only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, format INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS record (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, pending INTEGER NOT NULL,
    key_id TEXT NOT NULL, salt BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS completion (
    sequence INTEGER PRIMARY KEY, bytes_sent INTEGER NOT NULL, aborted INTEGER NOT NULL) STRICT;
`;

export class Outbox {
  readonly id: string;
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync | undefined;
  readonly #seal: Seal;
  readonly #statements: Statements;
  #next: number;
  #usedBytes = 0;
  #count = 0;

  /**
   * Opens or creates the outbox for its one writer.
   * @param keys Called once the outbox is ours: the first start makes a key, and two must not.
   * @throws {Error} when another process has it, when a record was sealed with a key that is not there, when it cannot be made durable.
   */
  static open(file: string, keys: () => KeyRing): Outbox {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600)); // SQLite gives -wal and -shm the mode of the database
    chmodSync(file, 0o600);
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

  /** Opens it beside its writer, to read. */
  static openToRead(file: string, keys: KeyRing): Outbox {
    return new Outbox(file, keys, undefined);
  }

  private constructor(file: string, keys: KeyRing, lock: DatabaseSync | undefined) {
    this.#lock = lock;
    this.#database = new DatabaseSync(file, { timeout: busyMs, readOnly: lock === undefined });
    try {
      if (lock !== undefined) {
        makeDurable(this.#database, file);
        this.#database.exec(schema);
        this.#database.prepare('INSERT OR IGNORE INTO outbox VALUES (1, ?, 1)').run(randomUUID());
      }
      this.id = String(this.#database.prepare('SELECT id FROM outbox').get()?.id);
      this.#seal = new Seal(keys, this.id);
      this.#statements = prepareStatements(this.#database);
      const sealedWith = this.#database.prepare('SELECT DISTINCT key_id AS id FROM record').all();
      const unknown = sealedWith.find(({ id }) => !keys.byId.has(String(id)));
      if (unknown !== undefined) {
        throw new Error(`${file} holds records sealed with key ${unknown.id}, which is not configured`);
      }
      this.#measure();
      const last = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'record'").get();
      this.#next = Number(last?.seq ?? 0) + 1;
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Records not delivered to every stream yet. */
  get count(): number {
    return this.#count;
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
  write({ records, pending, at, completions, acknowledgements }: Writing): number {
    const { insert, complete, acknowledge, remove, removeCompletion, size } = this.#statements;
    this.#begin();
    const first = this.#next;
    let count = this.#count + records.length;
    let usedBytes = this.#usedBytes;
    records.forEach((text, index) => {
      const { keyId, salt, bytes } = this.#seal.close(first + index, Buffer.from(text));
      insert.run(first + index, at, pending, keyId, salt, bytes);
      usedBytes += bytes.length + rowBytes;
    });
    for (const { sequence, bytesSent, aborted } of completions)
      complete.run(sequence, bytesSent, aborted ? 1 : 0, sequence);
    for (const { sequence, stream } of acknowledgements) {
      acknowledge.run(~stream, sequence);
      const done = size.get(sequence);
      if (done === undefined) continue;
      remove.run(sequence);
      removeCompletion.run(sequence);
      usedBytes -= Number(done.bytes) + rowBytes;
      count--;
    }
    this.#database.exec('COMMIT');
    this.#next = first + records.length;
    this.#count = count;
    this.#usedBytes = usedBytes;
    return first;
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

  /** Streams that are no longer configured get nothing: records that waited for them alone are removed. */
  keepFor(streams: number): void {
    this.#begin();
    this.#database.prepare('UPDATE record SET pending = pending & ? WHERE pending & ~?').run(streams, streams);
    this.#database.exec(`
      DELETE FROM record WHERE pending = 0;
      DELETE FROM completion WHERE sequence NOT IN (SELECT sequence FROM record);
      COMMIT`);
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

  #begin(): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if ((error as { errcode?: unknown }).errcode === sqliteBusy) {
        throw new OutboxBusy('the outbox is held by another connection', { cause: error });
      }
      throw error;
    }
  }

  #stored(row: Record<string, unknown>): StoredRecord {
    const { sequence, at, key_id, salt, sealed, bytes_sent, aborted } = row as unknown as StoredRow;
    const text = this.#seal.open(sequence, { keyId: key_id, salt, bytes: sealed });
    const completion = bytes_sent === null ? undefined : { sequence, bytesSent: bytes_sent, aborted: aborted === 1 };
    return { sequence, at, text, completion };
  }
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

type Statements = Readonly<Record<keyof typeof statementTexts, StatementSync>>;

const statementTexts = {
  insert: 'INSERT INTO record (sequence, at, pending, key_id, salt, sealed) VALUES (?, ?, ?, ?, ?, ?)',
  complete: 'INSERT OR REPLACE INTO completion SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM record WHERE sequence = ?)',
  acknowledge: 'UPDATE record SET pending = pending & ? WHERE sequence = ?',
  size: 'SELECT length(sealed) AS bytes FROM record WHERE sequence = ? AND pending = 0',
  remove: 'DELETE FROM record WHERE sequence = ?',
  removeCompletion: 'DELETE FROM completion WHERE sequence = ?',
  pending: 'SELECT sequence FROM record WHERE sequence > ? AND pending & ? ORDER BY sequence LIMIT ?',
  find: `SELECT record.sequence, at, key_id, salt, sealed, bytes_sent, aborted
    FROM record LEFT JOIN completion ON completion.sequence = record.sequence
    WHERE record.sequence = ? AND pending & ?`,
  measure: `SELECT count(*) AS count, coalesce(sum(length(sealed) + ${rowBytes}), 0) AS bytes FROM record`,
} as const;

function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(statementTexts).map(([name, text]) => [name, database.prepare(text)]);
  return Object.fromEntries(prepared) as Statements; // the same keys
}

/** Commits reach the disk (WAL with FULL), and nothing less starts. */
function makeDurable(database: DatabaseSync, file: string): void {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  database.exec('PRAGMA synchronous = FULL');
  const synchronous = database.prepare('PRAGMA synchronous').get()?.synchronous;
  if (mode !== 'wal' || synchronous !== 2)
    throw new Error(`${file} is on a file system that cannot keep a durable outbox`);
}

/** One writer per outbox: an exclusive lock of the operating system, which ends with the process however that ends. */
function acquire(file: string): DatabaseSync {
  closeSync(openSync(file, 'a', 0o600));
  const lock = new DatabaseSync(file, { timeout: busyMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw new Error(`${file} is held: another gateway uses this outbox`, { cause: error });
  }
}
