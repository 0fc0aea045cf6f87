import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRecorder } from '../../src/audit/audit.ts';
import { configOf, disclosure, parts, temporaryDirectory } from '../audit/disclosures.ts';
import { runMain } from '../failure/bench.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  file = join(directory.path, 'gateway.yaml');
  writeFileSync(
    file,
    `
listener: { publicBaseUrl: https://gateway.example/fhir }
upstream: { baseUrl: http://fhir.internal:8080/fhir }
identity: { issuers: [{ issuer: https://idp.example, presets: [plain] }] }
policy: {}
audit: { outboxFile: ${join(directory.path, 'outbox.db')} }
`,
  );
  const recorder = await createRecorder(configOf(directory.path), parts);
  for (let count = 0; count < 3; count++) (await recorder.record(disclosure())).complete(512, false);
  await recorder.close();
});
afterEach(() => directory.remove());

async function audit(...args: string[]) {
  const line = runMain(['audit', ...args, '--config', file], {});
  const { code } = await line.ended;
  return { code, stdout: line.stdout(), stderr: line.stderr() };
}

describe('audit verify', () => {
  it('proves the record that a gateway kept', async () => {
    const { code, stdout } = await audit('verify');
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect({ code, ...report }).toMatchObject({ code: 0, records: 3, entries: 6, last: 6, signed: { position: 6 } });
    expect(report.break).toBeUndefined();
  });

  it('exits with 3 and names the break when a signature kept elsewhere goes further', async () => {
    const kept = join(directory.path, 'kept.json');
    writeFileSync(kept, (await audit('checkpoint')).stdout);
    expect((await audit('verify', '--checkpoints', kept)).code).toBe(0);
    const database = new DatabaseSync(join(directory.path, 'outbox.db'));
    const { id } = database.prepare('SELECT id FROM outbox').get() as { id: string };
    database.close();
    const archive = new DatabaseSync(join(directory.path, 'archive', `${id}-${'1'.padStart(15, '0')}.db`));
    archive.exec('DELETE FROM record WHERE position = 2; DELETE FROM completion WHERE position = 2');
    archive.close();
    const { code, stdout } = await audit('verify', '--checkpoints', kept);
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 3,
      break: { kind: 'removed', position: 2 },
    });
  });

  it('goes by the keys an auditor trusts', async () => {
    const trusted = join(directory.path, 'trusted.pem');
    writeFileSync(trusted, (await audit('public-key')).stdout);
    const { code, stdout } = await audit('verify', '--trusted-keys', trusted);
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 0,
      untrusted: 0,
      signed: { position: 6 },
    });
  });

  it('says what it can be asked', async () => {
    const { code, stderr } = await audit('anything');
    expect(code).toBe(1);
    expect(stderr).toMatch(/audit is asked one of: verify/);
  });
});

describe('the questions', () => {
  it('are answered as a document that people read', async () => {
    const { code, stdout } = await audit('received', '--client', 'app-77');
    expect(code).toBe(0);
    expect(stdout).toContain('What the client app-77 received');
    expect(stdout).toContain('Patient: Patient/ada');
  });

  it('are refused with the reason when they are not well put', async () => {
    for (const [args, reason] of [
      [['accounting'], /--patient/],
      [['accounting', '--patient', 'ada', '--law', 'none'], /--law is one of/],
      [['received'], /--client/],
      [['seen', '--patient', 'ada', '--from', 'yesterday'], /--from/],
      [['seen', '--patient', 'ada', '--format', 'fhir'], /--format fhir is for accounting/],
    ] as const) {
      const { code, stderr } = await audit(...args);
      expect(code).toBe(1);
      expect(stderr).toMatch(reason);
    }
  }, 60_000);
});
