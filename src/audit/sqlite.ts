/** What the outbox and the archive ask of SQLite: commits that reach the disk, one writer, files for nobody else. */
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const busyMs = 5_000;
const sqliteBusy = 5;
const readonlyRollback = 776;

/** The database was held by somebody else all the time that a write may wait; nothing was written. */
export class OutboxBusy extends Error {}

/** @throws {Error} when commits would not reach the disk. */
export function openToWrite(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600)); // SQLite gives -wal and -shm the mode of the database
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file, { timeout: busyMs });
  try {
    makeDurable(database, file);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** To read alone, but for one thing: what a process was killed in the middle of is undone first (SQLite, "hot journals"), and that is a write. */
export function openToRead(file: string): DatabaseSync {
  const options = { timeout: busyMs, readOnly: true };
  const database = new DatabaseSync(file, options);
  try {
    look(database);
    return database;
  } catch (error) {
    database.close();
    if (codeOf(error) !== readonlyRollback) throw error;
  }
  const undoing = new DatabaseSync(file, { timeout: busyMs });
  try {
    look(undoing);
  } finally {
    undoing.close();
  }
  return new DatabaseSync(file, options);
}

/** The first look at a database is what finds that something is to be undone. */
function look(database: DatabaseSync): void {
  database.prepare('PRAGMA schema_version').get();
}

function codeOf(error: unknown): unknown {
  return (error as { errcode?: unknown }).errcode;
}

/** Commits reach the disk (WAL with FULL), and nothing less starts. */
function makeDurable(database: DatabaseSync, file: string): void {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  database.exec('PRAGMA synchronous = FULL');
  const synchronous = database.prepare('PRAGMA synchronous').get()?.synchronous;
  if (mode !== 'wal' || synchronous !== 2)
    throw new Error(`${file} is on a file system that cannot keep a durable record`);
}

/** @throws {OutboxBusy} */
export function begin(database: DatabaseSync): void {
  try {
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    if (codeOf(error) === sqliteBusy) {
      throw new OutboxBusy('the outbox is held by another connection', { cause: error });
    }
    throw error;
  }
}

/** One writer per outbox: an exclusive lock of the operating system, which ends with the process however that ends. */
export function acquire(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
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
