import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AuditRecorder, createRecorder } from '../../src/audit/audit.ts';
import { loadKeys } from '../../src/audit/keys.ts';
import { Ledger } from '../../src/audit/ledger.ts';
import { lastCheckpoint, verifyRecord } from '../../src/audit/verify-record.ts';
import type { AuditConfig } from '../../src/config/audit.ts';
import type { Log } from '../../src/telemetry/log.ts';
import { until } from '../failure/bench.ts';
import { configOf, disclosure, parts, resource, temporaryDirectory } from './disclosures.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let recorder: AuditRecorder;
let config: AuditConfig;
let told: string[];
let isRunning = false;

const always = { from: 0, to: Date.now() + 86_400_000 };
const keyFile = (name: string): string => join(directory.path, name);
const freshKey = (): string => randomBytes(32).toString('hex');
const idOfCurrent = (): string => loadKeys(config).current.id;

beforeEach(async () => {
  directory = temporaryDirectory();
  told = [];
  const first = freshKey();
  for (const name of ['current', 'previous']) writeFileSync(keyFile(name), first);
  config = configOf(directory.path, {
    key: { kind: 'file', currentFile: keyFile('current'), previousFiles: [keyFile('previous')] },
  });
  const log: Log = { ...parts.log, error: (message) => void told.push(message) };
  await start({ ...parts, log });
});
afterEach(async () => {
  await stop();
  directory.remove();
});

async function start(given = parts): Promise<void> {
  recorder = await createRecorder(config, given);
  isRunning = true;
}

async function stop(): Promise<void> {
  if (isRunning) await recorder.close();
  isRunning = false;
}

async function record(patient: string): Promise<void> {
  const released = [resource(`Observation/of-${patient}`, [`Patient/${patient}`])];
  (await recorder.record(disclosure({ released }))).complete(512, false);
}

/** Which keys sealed what lies in the archive. */
function sealedWith(): ReadonlySet<unknown> {
  const folder = join(directory.path, 'archive');
  if (!existsSync(folder)) return new Set();
  const ids = readdirSync(folder)
    .filter((name) => name.endsWith('.db'))
    .flatMap((name) => {
      const database = new DatabaseSync(join(folder, name), { readOnly: true, timeout: 5_000 });
      const isMade = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'record'").get() !== undefined;
      const rows = isMade ? database.prepare('SELECT DISTINCT key_id AS id FROM record').all() : [];
      database.close();
      return rows.map(({ id }) => id);
    });
  return new Set(ids);
}

/** Patients of every record that is kept, read as the gateway's questions read it. */
function kept(): readonly string[] {
  const ledger = new Ledger(config, loadKeys(config));
  try {
    return ['ada', 'ben', 'cora'].filter(
      (patient) => [...ledger.about({ kind: 'patient', name: `Patient/${patient}` }, always)].length > 0,
    );
  } finally {
    ledger.close();
  }
}

describe('a key of the record that is replaced while the gateway runs', () => {
  it('seals from then on, is archived and found; what the one before sealed stays readable, and the chain whole', async () => {
    await record('ada');
    await until('it is archived', () => sealedWith().size > 0);
    const before = idOfCurrent();
    writeFileSync(keyFile('current'), freshKey()); // the one before is among the previous ones already
    const after = idOfCurrent();
    await until('the new key seals', async () => {
      await record('ben');
      return sealedWith().has(after);
    });
    expect(sealedWith()).toEqual(new Set([before, after]));
    expect(recorder.metrics().chainAlarms).toBe(0);
    await stop();
    expect(kept()).toEqual(['ada', 'ben']);
    for (const chain of verifyRecord(config)) expect(chain.break).toBeUndefined();
    expect(told).toEqual([]);
    await start(); // and the next start reads it all
    await record('cora');
    await stop();
    expect(kept()).toEqual(['ada', 'ben', 'cora']);
  });

  it.each([
    [
      'leaves out the one that sealed until then',
      () => {
        for (const name of ['current', 'previous']) writeFileSync(keyFile(name), freshKey());
      },
    ],
    ['is no key', () => writeFileSync(keyFile('current'), 'too short')],
  ])('is not taken up when it %s, and that is told', async (_what, change) => {
    await record('ada');
    await until('it is archived', () => sealedWith().size > 0);
    const before = idOfCurrent();
    change();
    await until('it is told', async () => {
      await record('ben');
      return told.length > 0;
    });
    expect(told[0]).toContain('cannot be used');
    expect(sealedWith()).toEqual(new Set([before]));
    expect(recorder.healthy).toBe(true);
  });
});

describe('a signing key that is replaced while the gateway runs', () => {
  const pem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

  it('signs from then on, and what the one before signed goes on counting', async () => {
    await stop();
    const first = pem();
    for (const name of ['signing', 'signed']) writeFileSync(keyFile(name), first);
    const signingKey = { kind: 'file', currentFile: keyFile('signing'), previousFiles: [keyFile('signed')] };
    config = configOf(directory.path, {
      signingKey,
      outboxFile: join(directory.path, 'signed.db'),
      checkpointMs: 1_000,
    });
    await start();
    await record('ada');
    await until('the first signs', () => lastCheckpoint(config)?.position !== undefined);
    const before = lastCheckpoint(config)?.key;
    writeFileSync(keyFile('signing'), pem());
    const replacedAt = Date.now();
    // Each thread looks at the key's file once a second, and not both at the same time.
    await until('the second signs, and no thread the first any more', async () => {
      await record('ben');
      return lastCheckpoint(config)?.key !== before && Date.now() - replacedAt > 1_000;
    });
    await stop();
    for (const { untrusted, signed, last, break: gap } of verifyRecord(config))
      expect([untrusted, signed?.position, gap]).toEqual([0, last, undefined]);
    // By the new one alone the chain is vouched for to its end; the signatures before are nobody's.
    const [alone] = verifyRecord(config, { trustedKeyFiles: [keyFile('signing')] });
    expect(alone?.untrusted).toBeGreaterThan(0);
    expect(alone?.signed?.position).toBe(alone?.last);
  });
});
