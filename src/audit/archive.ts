/**
 * The kept record: every entry of the chain, sealed and linked as the outbox wrote it, in SQLite files ("segments") of a
 * month at most. A closed segment is never written again: it can be copied, moved to slower storage, or held.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AuditConfig } from '../config/audit.ts';
import { type ChainHead, genesis, type Linked, linkOf, sameBytes } from './chain.ts';
import { type Checkpoint, type SigningKeys, signCheckpoint } from './checkpoint.ts';
import { type KeyRing, syncDirectory } from './keys.ts';
import { completionEntry, recordEntry, storedCheckpoint } from './outbox.ts';
import { type AuditRecord, readRecord } from './record.ts';
import { Seal } from './seal.ts';
import { openToRead, openToWrite } from './sqlite.ts';
import { SubjectIndex, subjectKinds, subjectsOf } from './subjects.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS segment (only INTEGER PRIMARY KEY CHECK (only = 1), format INTEGER NOT NULL, outbox_id TEXT NOT NULL,
    position INTEGER NOT NULL, sequence INTEGER NOT NULL, link BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, at INTEGER NOT NULL,
    key_id TEXT NOT NULL, salt BLOB NOT NULL, link BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS completion (
    position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, bytes_sent INTEGER NOT NULL, aborted INTEGER NOT NULL,
    link BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS checkpoint (
    position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, at INTEGER NOT NULL, link BLOB NOT NULL,
    key_id TEXT NOT NULL, signature BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS about (
    kind INTEGER NOT NULL, name BLOB NOT NULL, at INTEGER NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (kind, name, at, sequence)) STRICT, WITHOUT ROWID;
`;

export interface SegmentFile {
  readonly path: string;
  readonly outboxId: string;
  /** Of its first entry. */
  readonly firstPosition: number;
}

/** Where the kept record is; undefined where none is kept. */
export function archiveDirectory({
  archive,
  outboxFile,
}: Pick<AuditConfig, 'archive' | 'outboxFile'>): string | undefined {
  return archive.kind === 'none' ? undefined : (archive.directory ?? join(dirname(outboxFile), 'archive'));
}

const segmentName = /^([0-9a-f-]{36})-(\d{15})\.db$/;

/**
 * The segments of a directory, of every outbox, each outbox's in the order of its chain. The last one may be about to be
 * made, or was when the process ended: nothing is in it, so it is none.
 */
export function segmentFiles(directory: string): SegmentFile[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const [, outboxId, first] = segmentName.exec(name) ?? [];
      return outboxId === undefined ? [] : [{ path: join(directory, name), outboxId, firstPosition: Number(first) }];
    })
    .filter(({ path, outboxId }, at, all) => all[at + 1]?.outboxId === outboxId || isBorn(path));
}

/** A record that the archive has from now on. */
export interface Archived {
  readonly sequence: number;
  readonly record: AuditRecord;
}

/** Writes the segments of one outbox. */
export class Archive {
  readonly #directory: string;
  readonly #outboxId: string;
  readonly #seal: Seal;
  readonly #index: SubjectIndex;
  readonly #signing: SigningKeys;
  #segment: { readonly database: DatabaseSync; readonly month: string; readonly statements: Statements } | undefined;
  #head: ChainHead;

  constructor(directory: string, outboxId: string, keys: KeyRing, signing: SigningKeys) {
    this.#directory = directory;
    this.#outboxId = outboxId;
    this.#seal = new Seal(keys, outboxId);
    this.#index = new SubjectIndex(keys);
    this.#signing = signing;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#head = { position: 0, sequence: 0, link: genesis(outboxId) };
    const last = segmentFiles(directory).findLast((segment) => segment.outboxId === outboxId);
    if (last !== undefined) this.#continue(last.path);
  }

  /** Of what is kept. */
  get head(): ChainHead {
    return this.#head;
  }

  /**
   * Appends what follows in the chain, in one transaction that is on disk on return. Entries that are there are passed over.
   * @throws {Error} when an entry does not follow: the chain has a gap.
   */
  append(entries: readonly Linked[], checkpoints: readonly Checkpoint[], now: number): Archived[] {
    const fresh = entries.filter(({ position }) => position > this.#head.position);
    if (fresh.length === 0) return [];
    this.#refuseGaps(fresh);
    const { database, statements } = this.#segmentFor(new Date(now).toISOString().slice(0, 7), now);
    const archived: Archived[] = [];
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const entry of fresh) archived.push(...this.#insert(entry, statements));
      for (const one of checkpoints) keepCheckpoint(one, statements);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
    const last = fresh.at(-1) as Linked;
    const lastRecord = fresh.findLast(({ kind }) => kind === 'record');
    this.#head = { position: last.position, sequence: lastRecord?.sequence ?? this.#head.sequence, link: last.link };
    return archived;
  }

  close(): void {
    this.#segment?.database.close();
    this.#segment = undefined;
  }

  #refuseGaps(entries: readonly Linked[]): void {
    let { position, link } = this.#head;
    for (const entry of entries) {
      if (entry.position !== ++position) throw new Error(`the chain has a gap at position ${position}`);
      if (!sameBytes(linkOf(link, entry), entry.link)) throw new Error(`the chain is broken at position ${position}`);
      link = entry.link;
    }
  }

  #insert(entry: Linked, { record, completion, about }: Statements): Archived[] {
    const { position, sequence, link } = entry;
    if (entry.kind === 'completion') {
      completion.run(position, sequence, entry.bytesSent, entry.aborted ? 1 : 0, link);
      return [];
    }
    const { keyId, salt, sealed } = entry;
    record.run(position, sequence, entry.at, keyId, salt, link, sealed);
    const kept = readRecord(this.#seal.open(sequence, { keyId, salt, bytes: sealed }));
    for (const subject of subjectsOf(kept)) {
      about.run(subjectKinds[subject.kind], this.#index.nameOf(subject, keyId), entry.at, sequence);
    }
    return [{ sequence, record: kept }];
  }

  #continue(path: string): void {
    const database = openToWrite(path);
    const rows = ['record', 'completion'].map((table) =>
      database.prepare(`SELECT position, link FROM ${table} ORDER BY position DESC LIMIT 1`).get(),
    ) as ({ position: number; link: Uint8Array } | undefined)[];
    const start = database.prepare('SELECT position, sequence, link FROM segment').get() as unknown as ChainHead;
    const last = rows.reduce((one, other) => ((other?.position ?? 0) > (one?.position ?? 0) ? other : one), start);
    const sequence = database.prepare('SELECT max(sequence) AS sequence FROM record').get()?.sequence;
    if (last !== undefined) {
      this.#head = { position: last.position, sequence: Number(sequence ?? start.sequence), link: last.link };
    }
    const first = database.prepare('SELECT at FROM record ORDER BY position LIMIT 1').get()?.at;
    const month = new Date(Number(first ?? Date.now())).toISOString().slice(0, 7);
    this.#segment = { database, month, statements: prepareStatements(database) };
  }

  /** The segment of the month; a new one begins where the last one ends, and both bear the same signature on that. */
  #segmentFor(month: string, now: number) {
    if (this.#segment !== undefined && this.#segment.month >= month) return this.#segment;
    const boundary = signCheckpoint(this.#outboxId, this.#head, now, this.#signing);
    if (this.#segment !== undefined) {
      keepCheckpoint(boundary, this.#segment.statements);
      this.#segment.database.exec('PRAGMA journal_mode = DELETE'); // one file from now on
      this.#segment.database.close();
    }
    const name = `${this.#outboxId}-${String(this.#head.position + 1).padStart(15, '0')}.db`;
    const database = openToWrite(join(this.#directory, name));
    const { position, sequence, link } = this.#head;
    database.exec(`BEGIN IMMEDIATE; ${schema}`);
    database
      .prepare('INSERT OR IGNORE INTO segment VALUES (1, 1, ?, ?, ?, ?)')
      .run(this.#outboxId, position, sequence, link);
    database.exec('COMMIT');
    syncDirectory(this.#directory);
    this.#segment = { database, month, statements: prepareStatements(database) };
    keepCheckpoint(boundary, this.#segment.statements);
    return this.#segment;
  }
}

/** False for a file that is made while its first transaction is not ended. */
function isBorn(path: string): boolean {
  const database = openToRead(path);
  try {
    return database.prepare("SELECT count(*) AS tables FROM sqlite_master WHERE name = 'segment'").get()?.tables === 1;
  } finally {
    database.close();
  }
}

type Statements = Readonly<Record<keyof typeof statementTexts, StatementSync>>;

const statementTexts = {
  record: 'INSERT INTO record (position, sequence, at, key_id, salt, link, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)',
  completion: 'INSERT INTO completion (position, sequence, bytes_sent, aborted, link) VALUES (?, ?, ?, ?, ?)',
  checkpoint:
    'INSERT OR IGNORE INTO checkpoint (position, sequence, at, link, key_id, signature) VALUES (?, ?, ?, ?, ?, ?)',
  about: 'INSERT OR IGNORE INTO about (kind, name, at, sequence) VALUES (?, ?, ?, ?)',
} as const;

function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(statementTexts).map(([name, text]) => [name, database.prepare(text)]);
  return Object.fromEntries(prepared) as Statements; // the same keys
}

function keepCheckpoint(one: Checkpoint, { checkpoint }: Statements): void {
  checkpoint.run(one.position, one.sequence, one.at, one.link, one.keyId, one.signature);
}

/** Epoch milliseconds; the end is not in it. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

export interface Uses {
  readonly name: Uint8Array;
  readonly count: number;
  /** Epoch milliseconds of the first and the last record. */
  readonly from: number;
  readonly to: number;
  /** Sequence number of the last record. */
  readonly last: number;
}

/** One segment, to read. */
export class Segment {
  readonly outboxId: string;
  /** Where the chain stood before its first entry. */
  readonly start: ChainHead;
  readonly #database: DatabaseSync;
  #findRecord: StatementSync | undefined;
  #findCompletion: StatementSync | undefined;

  /** @throws {Error} when it cannot be read. */
  constructor(file: SegmentFile) {
    this.#database = openToRead(file.path);
    const row = this.#database.prepare('SELECT * FROM segment').get() as unknown as ChainHead & { outbox_id: string };
    this.outboxId = row.outbox_id;
    this.start = { position: row.position, sequence: row.sequence, link: row.link };
  }

  /** The chain after a position, in its order. */
  *entriesAfter(position: number): Generator<Linked> {
    const records = this.#database
      .prepare('SELECT * FROM record WHERE position > ? ORDER BY position')
      .iterate(position);
    const completions = this.#database
      .prepare('SELECT * FROM completion WHERE position > ? ORDER BY position')
      .iterate(position);
    let record = records.next();
    let completion = completions.next();
    while (!record.done || !completion.done) {
      if (!record.done && (completion.done || Number(record.value.position) < Number(completion.value.position))) {
        yield recordEntry(record.value);
        record = records.next();
      } else if (!completion.done) {
        yield completionEntry(completion.value);
        completion = completions.next();
      }
    }
  }

  lastPosition(): number {
    const last = ['record', 'completion'].map((table) =>
      Number(this.#database.prepare(`SELECT max(position) AS position FROM ${table}`).get()?.position ?? 0),
    );
    return Math.max(this.start.position, ...last);
  }

  checkpoints(): Checkpoint[] {
    const rows = this.#database.prepare('SELECT * FROM checkpoint ORDER BY position').all();
    return rows.map((row) => storedCheckpoint(row, this.outboxId));
  }

  /** Sequence numbers of the records about a subject in a period, in order. */
  about(kind: number, names: readonly Uint8Array[], { from, to }: Period): number[] {
    const statement = this.#database.prepare(
      'SELECT sequence FROM about WHERE kind = ? AND name = ? AND at >= ? AND at < ?',
    );
    const rows = names.flatMap((name) => statement.all(kind, name, from, to));
    return rows.map(({ sequence }) => Number(sequence)).sort((one, other) => one - other);
  }

  /** How often each subject of a kind occurs in a period, with its last record. */
  uses(kind: number, { from, to }: Period): Uses[] {
    const statement = this.#database.prepare(
      `SELECT name, count(*) AS count, min(at) AS "from", max(at) AS "to", max(sequence) AS last FROM about
       WHERE kind = ? AND at >= ? AND at < ? GROUP BY name`,
    );
    return statement.all(kind, from, to) as unknown as Uses[];
  }

  /** When a subject was last in it before a time, epoch milliseconds. */
  lastBefore(kind: number, names: readonly Uint8Array[], before: number): number | undefined {
    const statement = this.#database.prepare('SELECT max(at) AS at FROM about WHERE kind = ? AND name = ? AND at < ?');
    const found = names.map((name) => statement.get(kind, name, before)?.at).filter((at) => typeof at === 'number');
    return found.length === 0 ? undefined : Math.max(...found);
  }

  find(sequence: number) {
    this.#findRecord ??= this.#database.prepare('SELECT * FROM record WHERE sequence = ?');
    const row = this.#findRecord.get(sequence);
    return row === undefined ? undefined : recordEntry(row);
  }

  completionOf(sequence: number) {
    this.#findCompletion ??= this.#database.prepare('SELECT * FROM completion WHERE sequence = ?');
    const row = this.#findCompletion.get(sequence);
    return row === undefined ? undefined : completionEntry(row);
  }

  /** Times of its first and last record, epoch milliseconds; undefined when it has none. */
  period(): Period | undefined {
    const at = (order: string) =>
      this.#database.prepare(`SELECT at FROM record ORDER BY position ${order} LIMIT 1`).get()?.at;
    const [from, to] = [at('ASC'), at('DESC')];
    return typeof from !== 'number' || typeof to !== 'number' ? undefined : { from, to };
  }

  close(): void {
    this.#database.close();
  }
}

/** When somebody was last in the archive before a time, in whichever file. */
export function lastSeenIn(
  directory: string,
  keys: KeyRing,
): (requester: string, before: number) => number | undefined {
  const index = new SubjectIndex(keys);
  return (requester, before) => {
    const names = index.allNamesOf({ kind: 'requester', name: requester });
    for (const file of segmentFiles(directory).reverse()) {
      const segment = new Segment(file);
      try {
        const at = segment.lastBefore(subjectKinds.requester, names, before);
        if (at !== undefined) return at;
      } finally {
        segment.close();
      }
    }
    return undefined;
  };
}
