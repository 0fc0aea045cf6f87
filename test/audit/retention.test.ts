import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Archive, archiveDirectory, segmentFiles } from '../../src/audit/archive.ts';
import { loadSigningKeys } from '../../src/audit/checkpoint.ts';
import { loadKeys } from '../../src/audit/keys.ts';
import { Outbox } from '../../src/audit/outbox.ts';
import { disclosureText } from '../../src/audit/record.ts';
import { type Hold, removeOld, writeHolds } from '../../src/audit/retention.ts';
import { verifyRecord } from '../../src/audit/verify-record.ts';
import type { AuditConfig } from '../../src/config/audit.ts';
import { configOf, disclosure, resource, temporaryDirectory } from './disclosures.ts';

const day = 86_400_000;
const january = Date.parse('2026-01-10T00:00:00Z');
const months = [january, january + 31 * day, january + 62 * day, january + 93 * day];

let directory: ReturnType<typeof temporaryDirectory>;
let config: AuditConfig;
let outboxId: string;
let archive: string;

/** Four months with two records each: of Ada in the first, of Ben in the second, of Ada in the others. */
beforeEach(() => {
  directory = temporaryDirectory();
  config = configOf(directory.path);
  archive = archiveDirectory(config) as string;
  const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
  outboxId = outbox.id;
  const written = new Archive(archive, outbox.id, loadKeys(config), loadSigningKeys(config));
  for (const [index, at] of months.entries()) {
    const patient = index === 1 ? 'Patient/ben' : 'Patient/ada';
    const text = disclosureText(disclosure({ released: [resource('Observation/x', [patient])] }), at);
    outbox.write({ records: [text, text], pending: 8, at, completions: [], acknowledgements: [] });
    written.append(outbox.entriesAfter(written.head.position, 100), [], at);
  }
  written.close();
  outbox.close();
});
afterEach(() => directory.remove());

const remove = (now: number, retentionDays = 30) =>
  removeOld(archive, outboxId, { retentionDays, now }, { keys: loadKeys(config), signing: loadSigningKeys(config) });
const left = (): number => segmentFiles(archive).length;
const hold = (changes: Partial<Hold>): Hold => ({
  id: 'h',
  reason: 'court',
  since: '2026-01-01T00:00:00Z',
  ...changes,
});
const found = () => verifyRecord(config)[0];

/** A file as kill -9 leaves it in the middle of a transaction that has a rollback journal: part of it is written, and to be undone. */
function killIn(path: string, first = ''): void {
  const copy = `${path}.copy`;
  if (existsSync(path)) copyFileSync(path, copy);
  const database = new DatabaseSync(copy);
  database.exec(
    `PRAGMA journal_mode = DELETE; ${first}; PRAGMA cache_size = 1; BEGIN; CREATE TABLE killed (bytes BLOB)`,
  );
  const insert = database.prepare('INSERT INTO killed VALUES (?)');
  for (let row = 0; row < 300; row++) insert.run(Buffer.alloc(3_000));
  copyFileSync(copy, path);
  copyFileSync(`${copy}-journal`, `${path}-journal`);
  for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true });
  database.close();
  rmSync(copy);
}

describe('kept records', () => {
  it('stand in a file a month, and are one chain', () => {
    expect(left()).toBe(4);
    expect(found()).toMatchObject({ records: 8, first: 1, break: undefined });
  });

  it('are removed when their time has come, the oldest first, and what is left verifies from there', () => {
    expect(remove(january + 29 * day)).toBeUndefined();
    expect(remove(january + 62 * day)?.position).toBe(4); // the first two months are more than 30 days old
    expect(left()).toBe(2);
    expect(found()).toMatchObject({ records: 4, first: 5, break: undefined });
  });

  it('are never removed from the file that is written on', () => {
    remove(january + 10_000 * day);
    expect(left()).toBe(1);
    expect(found()).toMatchObject({ first: 7, break: undefined });
  });

  it('that somebody else removed are missed, with a statement for others or without', () => {
    rmSync(segmentFiles(archive)[0]?.path ?? '');
    expect(found()?.break).toEqual({ kind: 'unanchored', position: 3 });
    remove(january + 62 * day);
    expect(found()?.break).toBeUndefined();
    rmSync(segmentFiles(archive)[0]?.path ?? '');
    expect(found()?.break).toEqual({ kind: 'unanchored', position: 7 });
  });

  it('that are taken from the middle are missed', () => {
    rmSync(segmentFiles(archive)[1]?.path ?? '');
    expect(found()?.break).toEqual({ kind: 'removed', position: 3 });
  });

  it('are read beside a file that is about to be made, or was when the process ended', () => {
    writeFileSync(join(archive, `${outboxId}-000000000000009.db`), '');
    expect(left()).toBe(4);
    expect(found()).toMatchObject({ records: 8, first: 1, break: undefined });
  });

  it('are read, and written on, beside a file that a process was killed in while it made it', () => {
    const path = join(archive, `${outboxId}-000000000000009.db`);
    killIn(path, 'PRAGMA user_version = 1');
    expect(left()).toBe(4);
    expect(found()).toMatchObject({ records: 8, first: 1, break: undefined });
    killIn(path, 'PRAGMA user_version = 1');
    expect(new Archive(archive, outboxId, loadKeys(config), loadSigningKeys(config)).head.position).toBe(8);
  });

  it('are read, and written on, in a file that a process was killed in while it closed it', () => {
    const path = segmentFiles(archive).at(-1)?.path as string;
    killIn(path);
    expect(found()).toMatchObject({ records: 8, first: 1, break: undefined });
    killIn(path);
    expect(new Archive(archive, outboxId, loadKeys(config), loadSigningKeys(config)).head.position).toBe(8);
  });

  it('of a period are verified by its files alone', () => {
    const [report] = verifyRecord(config, { period: { from: months[1] as number, to: (months[2] as number) + day } });
    expect(report).toMatchObject({ records: 4, first: 3, last: 6, break: undefined });
  });
});

describe('a hold', () => {
  it.each([
    ['of everything', {}, 4],
    ['of a period', { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z' }, 3],
    ['of a patient', { patient: 'Patient/ben' }, 3],
    ['of a patient in a period that has nothing of hers', { patient: 'Patient/ben', to: '2026-02-01T00:00:00Z' }, 1],
    ['of nobody who is there', { patient: 'Patient/cy' }, 1],
  ])('%s keeps what it is on, and what follows', (_, changes, files) => {
    writeHolds(archive, [hold(changes)]);
    remove(january + 1_000 * day);
    expect(left()).toBe(files);
    expect(found()?.break).toBeUndefined();
  });

  it('that cannot be read keeps everything', () => {
    writeHolds(archive, [{ surprise: true } as unknown as Hold]);
    expect(() => remove(january + 1_000 * day)).toThrow();
    expect(left()).toBe(4);
    expect(existsSync(archive)).toBe(true);
  });
});
