import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Archive, archiveDirectory } from '../../src/audit/archive.ts';
import { Archivist } from '../../src/audit/archivist.ts';
import { genesis, type Linked, linkOf } from '../../src/audit/chain.ts';
import { type Checkpoint, loadSigningKeys, signCheckpoint } from '../../src/audit/checkpoint.ts';
import { loadKeys } from '../../src/audit/keys.ts';
import { completionEntry, Outbox, recordEntry } from '../../src/audit/outbox.ts';
import { disclosureText } from '../../src/audit/record.ts';
import { verifyChain } from '../../src/audit/verify.ts';
import { verifyRecord } from '../../src/audit/verify-record.ts';
import type { AuditConfig } from '../../src/config/audit.ts';
import { configOf, disclosure, temporaryDirectory } from './disclosures.ts';

const directory = temporaryDirectory();
const written = join(directory.path, 'written');
let copies = 0;

/** Twelve records and nine ends of answers, archived, four entries of them in the outbox still; signed twice. */
beforeAll(() => {
  const config = configOf(written);
  const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
  const signing = loadSigningKeys(config);
  const write = (records: number, ended: readonly number[], isSigned: boolean): void => {
    const checkpoint = isSigned ? { checkpoint: signCheckpoint(outbox.id, outbox.head, 5, signing) } : {};
    outbox.write({
      records: Array.from({ length: records }, () => disclosureText(disclosure(), 1_000)),
      pending: 8,
      at: 1_700_000_000_000,
      completions: ended.map((sequence) => ({ sequence, bytesSent: 512, aborted: sequence % 3 === 0 })),
      acknowledgements: [],
      ...checkpoint,
    });
  };
  write(3, [], false);
  write(2, [1, 3], false);
  write(4, [2, 4, 5], true);
  write(1, [6, 7], false);
  const archive = new Archive(archiveDirectory(config) as string, outbox.id, loadKeys(config), signing);
  const finished: number[] = [];
  new Archivist({ outbox, archive, tell: ({ ended }) => void finished.push(...ended), alarm: fail }).copyAll();
  archive.close();
  const acknowledgements = finished.map((sequence) => ({ sequence, stream: 8 }));
  outbox.write({ records: [], pending: 8, at: 0, completions: [], acknowledgements });
  write(2, [8, 9], false);
  write(0, [], true);
  outbox.close();
});
afterAll(directory.remove);

const fail = (): never => {
  throw new Error('the archive could not be written');
};

/** A copy of what was written, for somebody to lay hands on. */
function copy(): AuditConfig {
  const to = join(directory.path, `copy-${copies++}`);
  cpSync(written, to, { recursive: true });
  return configOf(to);
}

const breaksOf = (config: AuditConfig, known: readonly Checkpoint[] = []) =>
  verifyRecord(config, { known }).map((report) => report.break);

function open(config: AuditConfig, where: 'archive' | 'outbox'): DatabaseSync {
  const archive = archiveDirectory(config) as string;
  const segment = readdirSync(archive).find((name) => name.endsWith('.db')) as string;
  return new DatabaseSync(where === 'archive' ? join(archive, segment) : config.outboxFile);
}

function change(config: AuditConfig, where: 'archive' | 'outbox', ...statements: string[]): void {
  const database = open(config, where);
  for (const statement of statements) database.exec(statement);
  database.close();
}

const everything = 21;
const archived = 17;
/** Entries by position: which table, and which file (12 records, 9 ends; the last four in the outbox). */
const whereIs = (position: number): 'archive' | 'outbox' => (position <= archived ? 'archive' : 'outbox');

function tableAt(config: AuditConfig, position: number): 'record' | 'completion' {
  const database = open(config, whereIs(position));
  const row = database.prepare('SELECT 1 AS found FROM record WHERE position = ?').get(position);
  database.close();
  return row === undefined ? 'completion' : 'record';
}

describe('verify', () => {
  it('finds a record complete that nobody touched, up to the last signature', () => {
    const [report] = verifyRecord(copy());
    expect(report).toMatchObject({ entries: everything, records: 12, first: 1, last: everything, break: undefined });
    expect(report?.signed?.position).toBe(everything);
  });

  it('needs no key that opens a record, and of the signing key the public half', () => {
    const config = copy();
    const key = loadSigningKeys(config).trusted.values().next().value;
    const file = join(directory.path, 'public.pem');
    writeFileSync(file, key?.export({ type: 'spki', format: 'pem' }) ?? '');
    const elsewhere: AuditConfig = { ...config, key: { kind: 'file', currentFile: '/nowhere', previousFiles: [] } };
    expect(verifyRecord(elsewhere, { trustedKeyFiles: [file] })[0]?.break).toBeUndefined();
  });

  it('says that a signature by a key nobody trusts proves nothing', () => {
    const file = join(directory.path, 'other.pem');
    writeFileSync(file, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
    expect(verifyRecord(copy(), { trustedKeyFiles: [file] })[0]).toMatchObject({ signed: undefined, untrusted: 3 });
  });
});

describe('any single entry that is', () => {
  const positions = fc.integer({ min: 1, max: everything });
  const runs = { numRuns: 60 };

  it('changed is found, whatever of it was changed', () => {
    const columns = {
      record: ['at', 'key_id', 'salt', 'sealed', 'link'],
      completion: ['bytes_sent', 'aborted', 'link'],
    };
    fc.assert(
      fc.property(positions, fc.nat(), fc.nat(), (position, which, byte) => {
        const config = copy();
        const table = tableAt(config, position);
        const column = columns[table][which % columns[table].length] as string;
        const database = open(config, whereIs(position));
        const before = database
          .prepare(`SELECT ${column} AS value FROM ${table} WHERE position = ?`)
          .get(position)?.value;
        database.prepare(`UPDATE ${table} SET ${column} = ? WHERE position = ?`).run(other(before, byte), position);
        database.close();
        const [found] = breaksOf(config);
        expect(['changed', 'contradicted']).toContain(found?.kind);
        expect(found?.position).toBeLessThanOrEqual(position);
      }),
      runs,
    );
  });

  it('removed is found, with those after it renumbered or not', () => {
    fc.assert(
      fc.property(positions, fc.boolean(), (position, isRenumbered) => {
        const config = copy();
        const table = tableAt(config, position);
        for (const where of ['archive', 'outbox'] as const) {
          change(config, where, `DELETE FROM ${table} WHERE position = ${position}`);
        }
        if (isRenumbered) shift(config, position, -1);
        const [found] = breaksOf(config);
        expect(['removed', 'truncated', 'changed']).toContain(found?.kind);
        expect(found?.position).toBe(position);
      }),
      runs,
    );
  });

  it('inserted is found, a record or the end of an answer, wherever it is put', () => {
    const places = fc.integer({ min: 1, max: everything + 1 });
    fc.assert(
      fc.property(places, fc.boolean(), fc.constantFrom(1, 5, 9), (position, isRecord, like) => {
        const config = copy();
        const where = whereIs(Math.min(position, everything));
        shift(config, position, 1);
        const values = isRecord
          ? 'at, key_id, salt, link, sealed FROM record ORDER BY abs(sequence - ?) LIMIT 1'
          : '1, 0, link FROM record ORDER BY abs(sequence - ?) LIMIT 1';
        const columns = isRecord
          ? 'record (sequence, position, at, key_id, salt, link, sealed'
          : 'completion (sequence, position, bytes_sent, aborted, link';
        const database = open(config, where);
        const pending = isRecord && where === 'outbox';
        database
          .prepare(
            `INSERT INTO ${columns}${pending ? ', pending' : ''}) SELECT 777, ${position}, ${values.replace(' FROM', `${pending ? ', 1' : ''} FROM`)}`,
          )
          .run(like);
        database.close();
        const [found] = breaksOf(config);
        expect(found).toBeDefined();
        expect(found?.position).toBeLessThanOrEqual(position);
      }),
      runs,
    );
  });

  it('swapped with another is found, with its link or without', () => {
    const pairs = fc.uniqueArray(fc.constantFrom(1, 2, 3, 6, 7, 11, 12, 13, 14), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(pairs, fc.boolean(), (chosen, withLink) => {
        const config = copy();
        const records = chosen.filter((position) => tableAt(config, position) === 'record');
        fc.pre(records.length === 2);
        const [one, two] = records as [number, number];
        const columns = withLink ? 'at, key_id, salt, sealed, link' : 'at, key_id, salt, sealed';
        change(
          config,
          'archive',
          `CREATE TEMP TABLE held AS SELECT position, ${columns} FROM record WHERE position IN (${one}, ${two})`,
          ...[one, two].map(
            (position) =>
              `UPDATE record SET (${columns}) = (SELECT ${columns} FROM held WHERE held.position <> record.position) WHERE position = ${position}`,
          ),
        );
        expect(breaksOf(config)[0]?.position).toBe(Math.min(one, two));
      }),
      runs,
    );
  });

  it('changed is found by the signature even when every link after it was made anew', () => {
    fc.assert(
      fc.property(positions, fc.nat(), (position, byte) => {
        const config = copy();
        relink(config, position, byte);
        expect(breaksOf(config)[0]?.kind).toBe('contradicted');
      }),
      runs,
    );
  });
});

describe('the first break is named', () => {
  const swap = (columns: string) => [
    `CREATE TEMP TABLE held AS SELECT position, ${columns} FROM record WHERE position IN (2, 3)`,
    ...[2, 3].map(
      (at) =>
        `UPDATE record SET (${columns}) = (SELECT ${columns} FROM held WHERE held.position <> record.position) WHERE position = ${at}`,
    ),
  ];

  it.each([
    ['changed', ['UPDATE record SET at = at + 1 WHERE position = 2']],
    ['swapped', swap('at, key_id, salt, sealed')],
    ['swapped', swap('at, key_id, salt, sealed, link')],
    ['removed', ['DELETE FROM record WHERE position = 2']],
  ])('%s', (kind, statements) => {
    const config = copy();
    change(config, 'archive', ...statements);
    expect(breaksOf(config)).toEqual([{ kind, position: 2 }]);
  });

  it.each([
    ['inserted', 1],
    ['removed', -1],
  ] as const)('%s, with everything after it renumbered', (kind, by) => {
    const config = copy();
    if (by < 0) change(config, 'archive', 'DELETE FROM record WHERE position = 2');
    shift(config, 2, by);
    if (by > 0) change(config, 'archive', 'INSERT INTO completion VALUES (2, 777, 1, 0, zeroblob(32))');
    expect(breaksOf(config)).toEqual([{ kind, position: 2 }]);
  });

  it('sequence-gap, where a record number was left out when it was written', () => {
    let { position, link } = { position: 0, link: genesis('o') };
    const start = { position, sequence: 0, link };
    const entries = [1, 2, 4].map((sequence): Linked => {
      const entry = {
        kind: 'record',
        position: ++position,
        sequence,
        at: 1,
        keyId: 'k',
        salt: link,
        sealed: link,
      } as const;
      link = linkOf(link, entry);
      return { ...entry, link };
    });
    const found = { outboxId: 'o', start, head: undefined, entries, checkpoints: [], removed: undefined };
    expect(verifyChain(found, new Map()).break).toEqual({ kind: 'sequence-gap', position: 3 });
  });
});

describe('what the archive is to get', () => {
  it.each([
    ['has a gap', 'DELETE FROM record WHERE sequence = 2'],
    ['was changed', 'UPDATE record SET at = at + 1 WHERE sequence = 2'],
  ])('raises an alarm when it %s, again and again, and is not taken', (_what, statement) => {
    const to = join(directory.path, `alarm-${copies++}`);
    mkdirSync(to);
    const config = configOf(to);
    const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
    const records = ['one', 'two', 'three'];
    outbox.write({ records, pending: 8, at: 1, completions: [], acknowledgements: [] });
    const hand = new DatabaseSync(config.outboxFile);
    hand.exec(statement);
    hand.close();
    const signing = loadSigningKeys(config);
    const archive = new Archive(archiveDirectory(config) as string, outbox.id, loadKeys(config), signing);
    let alarms = 0;
    const archivist = new Archivist({ outbox, archive, tell: fail, alarm: () => alarms++ });
    for (let times = 1; times <= 3; times++) {
      archivist.copyAll();
      expect([alarms, archive.head.position]).toEqual([times, 0]);
    }
    archivist.close();
  });
});

describe('a tail', () => {
  it('cut off is found by what the outbox says of itself', () => {
    const config = copy();
    change(config, 'outbox', 'DELETE FROM record WHERE position > 18', 'DELETE FROM completion WHERE position > 18');
    expect(breaksOf(config)).toEqual([{ kind: 'truncated', position: 19 }]);
  });

  it('cut off with what the outbox says of itself is found by the signature beyond it', () => {
    const config = copy();
    cutTo18(config);
    expect(breaksOf(config)).toEqual([{ kind: 'truncated', position: 19 }]);
  });

  it('cut off with its signature is found by whoever has seen a later one, and by nobody else', () => {
    const config = copy();
    const seen = signCheckpoint(
      verifyRecord(config)[0]?.outboxId as string,
      headOf(config),
      9,
      loadSigningKeys(config),
    );
    cutTo18(config);
    change(config, 'outbox', 'DELETE FROM checkpoint WHERE position > 18');
    expect(breaksOf(config)).toEqual([undefined]);
    expect(verifyRecord(config)[0]?.signed?.position).toBeLessThan(18); // it says how far it vouches
    expect(breaksOf(config, [seen])).toEqual([{ kind: 'truncated', position: 19 }]);
  });

  it('of a whole outbox that is gone is found by whoever has a signature of it', () => {
    const config = copy();
    const outboxId = '11111111-1111-4111-8111-111111111111';
    const seen = signCheckpoint(outboxId, headOf(config), 9, loadSigningKeys(config));
    expect(breaksOf(config, [seen])).toEqual([undefined, { kind: 'truncated', position: 1 }]);
  });
});

describe('a signature', () => {
  it('that was tampered with is found', () => {
    const config = copy();
    change(config, 'archive', 'UPDATE checkpoint SET signature = zeroblob(64) WHERE position > 1');
    expect(breaksOf(config)[0]?.kind).toBe('forged-signature');
  });

  it('by somebody who has the key vouches for a false record: so much the key is worth', () => {
    const config = copy();
    relink(config, 4, 1);
    const database = open(config, 'outbox');
    const forged = signCheckpoint(
      verifyRecord(config)[0]?.outboxId as string,
      headOf(config),
      9,
      loadSigningKeys(config),
    );
    database.exec('DELETE FROM checkpoint');
    database
      .prepare('INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?)')
      .run(forged.position, forged.sequence, forged.at, forged.link, forged.keyId, forged.signature);
    database.close();
    change(config, 'archive', 'DELETE FROM checkpoint WHERE position > 0');
    expect(breaksOf(config)).toEqual([undefined]);
    const honest = signCheckpoint(
      verifyRecord(config)[0]?.outboxId as string,
      headOf(configOf(written)),
      9,
      loadSigningKeys(config),
    );
    expect(breaksOf(config, [honest])[0]?.kind).toBe('contradicted'); // unless a sink has an earlier one
  });
});

function other(value: unknown, byte: number): number | string | Uint8Array {
  if (typeof value === 'number') return value === 0 ? 1 : value - 1;
  if (typeof value === 'string') return `${value}x`;
  const bytes = Uint8Array.from(value as Uint8Array);
  bytes[byte % bytes.length] = (bytes[byte % bytes.length] as number) ^ 1;
  return bytes;
}

/** Moves what stands from a position on by one place, in both files. */
function shift(config: AuditConfig, from: number, by: 1 | -1): void {
  for (const where of ['archive', 'outbox'] as const) {
    for (const table of ['record', 'completion']) {
      change(
        config,
        where,
        `UPDATE ${table} SET position = -position WHERE position >= ${from}`,
        `UPDATE ${table} SET position = -position + ${by} WHERE position < 0`,
      );
    }
  }
  change(config, 'outbox', `UPDATE outbox SET position = position + ${by}`);
}

function headOf(config: AuditConfig) {
  const database = open(config, 'outbox');
  const head = database.prepare('SELECT position, sequence, link FROM outbox').get();
  database.close();
  return head as unknown as { position: number; sequence: number; link: Uint8Array };
}

function cutTo18(config: AuditConfig): void {
  const database = open(config, 'outbox');
  database.exec('DELETE FROM record WHERE position > 18; DELETE FROM completion WHERE position > 18');
  const last = ['record', 'completion'].map((table) =>
    database.prepare(`SELECT * FROM ${table} WHERE position = 18`).get(),
  );
  const { sequence } = database.prepare('SELECT max(sequence) AS sequence FROM record').get() as { sequence: number };
  const link = last.find((row) => row !== undefined)?.link as Uint8Array;
  database.prepare('UPDATE outbox SET position = 18, sequence = ?, link = ?').run(sequence, link);
  database.close();
}

/** Changes one entry and makes every link from there on anew: no key is needed for that. */
function relink(config: AuditConfig, position: number, byte: number): void {
  let link: Uint8Array | undefined;
  for (let at = position; at <= everything; at++) {
    const database = open(config, whereIs(at));
    const table = tableAt(config, at);
    const row = database.prepare(`SELECT * FROM ${table} WHERE position = ?`).get(at) as Record<string, unknown>;
    if (link === undefined) {
      const column = table === 'record' ? 'sealed' : 'bytes_sent';
      row[column] = other(row[column], byte);
      database.prepare(`UPDATE ${table} SET ${column} = ? WHERE position = ?`).run(row[column] as number, at);
      link = before(config, at);
    }
    link = linkOf(link, table === 'record' ? recordEntry(row) : completionEntry(row));
    database.prepare(`UPDATE ${table} SET link = ? WHERE position = ?`).run(link, at);
    database.close();
  }
  change(config, 'outbox', `UPDATE outbox SET link = x'${Buffer.from(link ?? []).toString('hex')}'`);
}

function before(config: AuditConfig, position: number): Uint8Array {
  const database = open(config, whereIs(position - 1));
  const sql = 'SELECT link FROM (SELECT position, link FROM record UNION ALL SELECT position, link FROM completion)';
  const row =
    position === 1
      ? database.prepare('SELECT link FROM segment').get()
      : database.prepare(`${sql} WHERE position = ?`).get(position - 1);
  database.close();
  return row?.link as Uint8Array;
}
