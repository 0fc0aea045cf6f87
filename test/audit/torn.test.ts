import { copyFileSync, cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Archive, archiveDirectory } from '../../src/audit/archive.ts';
import { createRecorder } from '../../src/audit/audit.ts';
import { loadSigningKeys } from '../../src/audit/checkpoint.ts';
import { loadKeys } from '../../src/audit/keys.ts';
import { Outbox } from '../../src/audit/outbox.ts';
import { disclosureText } from '../../src/audit/record.ts';
import { verifyRecord } from '../../src/audit/verify-record.ts';
import type { AuditConfig } from '../../src/config/audit.ts';
import { configOf, disclosure, parts, temporaryDirectory } from './disclosures.ts';

/** Crashes tried; more in `npm run prove`. */
const tears = Number(process.env.TEARS ?? 60);

/**
 * What a crash of the machine leaves of the last writes: the write-ahead log cut at any byte, or its last part never
 * written (zeros) or not what was written.
 */
const damages = {
  'cut off': (log: Buffer, from: number) => log.subarray(0, from),
  'never written': (log: Buffer, from: number) =>
    Buffer.concat([log.subarray(0, from), Buffer.alloc(log.length - from)]),
  'half written': (log: Buffer, from: number) =>
    Buffer.concat([
      log.subarray(0, from),
      Buffer.from(log.subarray(from).map((byte, at) => (at % 512 < 256 ? byte : 0xff))),
    ]),
};

describe('a crash while records are written', () => {
  const directory = temporaryDirectory();
  const written = join(directory.path, 'written');
  /** Size of the log after each record, when `record` would have resolved. */
  const acknowledgedAt: number[] = [];
  const texts = Array.from({ length: 30 }, (_, index) => disclosureText(disclosure({ length: index }), 1_000));

  beforeAll(() => {
    const config = configOf(written);
    const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
    const archive = new Archive(
      archiveDirectory(config) as string,
      outbox.id,
      loadKeys(config),
      loadSigningKeys(config),
    );
    for (const [index, text] of texts.entries()) {
      const completions = index === 0 ? [] : [{ sequence: index, bytesSent: 9, aborted: false }];
      outbox.write({ records: [text], pending: 9, at: 1_000, completions, acknowledgements: [] });
      acknowledgedAt.push(statSync(`${config.outboxFile}-wal`).size);
      if (index === 9) archive.append(outbox.entriesAfter(0, 1_000), [], Date.now());
    }
    archive.close();
    cpSync(written, join(directory.path, 'crashed'), { recursive: true }); // as the files stand: nothing is closed
    outbox.close();
  });
  afterAll(directory.remove);

  /** The files as a crash leaves them, with the damage from a byte of the log on. */
  function crashed(name: string, from: number, damage: (log: Buffer, from: number) => Buffer): AuditConfig {
    const to = join(directory.path, name);
    cpSync(join(directory.path, 'crashed'), to, { recursive: true });
    const log = `${configOf(to).outboxFile}-wal`;
    writeFileSync(log, damage(readFileSync(log), from));
    return configOf(to);
  }

  it(`loses no record that was acknowledged, and breaks no chain, in ${tears} crashes`, () => {
    const end = acknowledgedAt.at(-1) as number;
    const first = acknowledgedAt[9] as number; // what was archived had been synced before
    const kinds = Object.entries(damages);
    let lost = 0;
    for (let tear = 0; tear < tears; tear++) {
      const from = first + Math.floor(((end - first) * tear) / tears);
      const [, damage] = kinds[tear % kinds.length] as (typeof kinds)[number];
      const config = crashed(`tear-${tear}`, from, damage);
      const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
      const found = outbox.pending(1, 0, 1_000).map((sequence) => outbox.find(1, sequence)?.text);
      expect(found).toEqual(texts.slice(0, found.length)); // a prefix, whole
      expect(found.length).toBeGreaterThanOrEqual(acknowledgedAt.filter((size) => size <= from).length);
      if (found.length < texts.length) lost++; // their answers had not left
      expect(outbox.write({ records: ['next'], pending: 9, at: 1, completions: [], acknowledgements: [] })).toBe(
        found.length + 1,
      );
      outbox.close();
      expect(verifyRecord(config)[0]?.break).toBeUndefined();
    }
    expect(lost).toBeGreaterThan(tears / 2);
  }, 120_000);

  it('that loses what the archive has keeps the gateway from starting: numbers would be given twice', async () => {
    const config = crashed('behind', acknowledgedAt[3] as number, damages['cut off']);
    await expect(createRecorder(config, parts)).rejects.toThrow(/older than its archive/);
  });

  it('of an outbox that was put back from a copy does too, and a new one starts beside the archive', async () => {
    const config = crashed('restored', acknowledgedAt.at(-1) as number, damages['cut off']);
    const copy = join(directory.path, 'copy.db');
    const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
    outbox.close(); // the log goes into the file
    copyFileSync(config.outboxFile, copy);
    const recorder = await createRecorder(config, parts);
    await recorder.record(disclosure());
    await recorder.close();
    copyFileSync(copy, config.outboxFile);
    await expect(createRecorder(config, parts)).rejects.toThrow(/older than its archive/);
    const fresh = configOf(join(directory.path, 'restored'), {
      outboxFile: join(directory.path, 'restored', 'fresh.db'),
    });
    const again = await createRecorder(
      { ...fresh, key: { kind: 'file', currentFile: `${config.outboxFile}.key`, previousFiles: [] } },
      parts,
    );
    await again.record(disclosure());
    await again.close();
    expect(verifyRecord(fresh)).toHaveLength(2);
  }, 30_000);
});
