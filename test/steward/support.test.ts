import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';

const icd = 'http://hl7.org/fhir/sid/icd-10-cm';
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const local = 'https://ehr.example/orders';
const labels = {
  law: { system: actCode, code: '42CFRPart2' },
  lawElsewhere: { system: 'urn:oid:2.16.840.1.113883.5.1138', code: '42CFRPart2' },
  restricted: { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' },
  very: { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' },
  normal: { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' },
  unknown: { system: 'https://labels.example', code: 'X' },
  handling: { system: actCode, code: 'NOAUTH' },
  HIV: { system: actCode, code: 'HIV' },
  SPI: { system: actCode, code: 'SPI' },
  MH: { system: actCode, code: 'MH' },
  ETH: { system: actCode, code: 'ETH' },
  ETHUD: { system: actCode, code: 'ETHUD' },
  OPIOIDUD: { system: actCode, code: 'OPIOIDUD' },
  PSYTHPN: { system: actCode, code: 'PSYTHPN' },
} as const;
type LabelName = keyof typeof labels;

let server: EmbeddedServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'label-support-'));
  server = await startEmbeddedServer({ now: () => new Date('2026-01-01T00:00:00Z') });
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

/** A Condition, by code of ICD-10-CM and its stored labels; I10 is high blood pressure. */
function put(id: string, code: string, security: readonly LabelName[], more: object = {}): void {
  server.repo.put(
    JSON.stringify({
      resourceType: 'Condition',
      id,
      meta: { security: security.map((name) => labels[name]) },
      code: { coding: [{ system: icd, code }] },
      subject: { reference: 'Patient/ada' },
      ...more,
    }),
  );
}

const inEncounter = (id: string) => ({ encounter: { reference: `Encounter/${id}` } });
const partOf = (id: string) => ({ resourceType: 'Procedure', partOf: [{ reference: `Procedure/${id}` }] });

/** `consent-gateway label`, as it is run: what it reports as stated and supported by nothing, by label, and for whom. */
async function reported(types: string, more: object = {}, decision: object = {}) {
  const config = join(folder, 'gateway.json');
  const review = join(folder, 'review.jsonl');
  writeFileSync(review, '');
  writeFileSync(
    config,
    JSON.stringify({
      listener: { publicBaseUrl: 'https://gateway.example/fhir' },
      upstream: { baseUrl: server.url, paging: 'offset' },
      identity: { issuers: [{ issuer: 'https://issuer.example' }] },
      policy: {},
      labels: { programs: ['Organization/hillside'], ...more },
      decision,
    }),
  );
  const program = join(import.meta.dirname, '../../src/main.ts');
  const args = ['label', '--config', config, '--types', types, '--review', review, '--per-second', '10000'];
  const child = spawn(process.execPath, [program, ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  const [exit] = (await once(child, 'close')) as [number | null];
  if (exit !== 0) throw new Error(output);
  const lines = readFileSync(review, 'utf8').split('\n').filter(Boolean);
  return {
    counts: output
      .slice(output.indexOf('(over-labelling'))
      .split('\n')
      .filter((line) => line.startsWith('  '))
      .map((line) => line.trim())
      .sort(),
    resources: lines
      .map((line) => JSON.parse(line) as { key: string; topic: string; rule: string })
      .filter(({ rule }) => rule === 'meta.security')
      .map(({ key, topic }) => `${key} ${topic}`)
      .sort(),
  };
}

describe('labels that resources state and nothing supports', () => {
  it('are reported of 42 CFR Part 2, unless a program, a substance topic, or what they are inherited from shows it', async () => {
    const encounter = { resourceType: 'Encounter', code: undefined };
    put('at-program', 'I10', ['law'], { ...encounter, serviceProvider: { reference: 'Organization/hillside' } });
    put('elsewhere', 'I10', ['law'], { ...encounter, serviceProvider: { reference: 'Organization/lakeside' } });
    put('program', 'I10', ['law'], { recorder: { reference: 'Organization/hillside' } });
    put('in-program', 'I10', ['law'], inEncounter('at-program'));
    put('in-other', 'I10', ['law'], inEncounter('elsewhere'));
    put('in-nothing', 'I10', ['law'], inEncounter('was-deleted'));
    put('substance', 'F11.20', ['law']);
    put('tobacco', 'Z72.0', ['law']);
    put('hiv', 'B20', ['law']);
    put('alone', 'I10', ['lawElsewhere']);
    put('bare', 'I10', []);
    const never = [
      'Condition/alone 42CFRPart2',
      'Condition/hiv 42CFRPart2',
      'Condition/in-nothing 42CFRPart2',
      'Condition/in-other 42CFRPart2',
      'Encounter/elsewhere 42CFRPart2',
    ];
    expect(await reported('Condition,Encounter')).toEqual({ counts: ['5  42CFRPart2'], resources: never });
    // Where substance use alone makes no Part 2 data, it does not support that label either.
    const strict = await reported('Condition,Encounter', {}, { sudIsPart2: false });
    expect(strict.resources).toEqual(
      [...never, 'Condition/substance 42CFRPart2', 'Condition/tobacco 42CFRPart2'].sort(),
    );
    expect(await reported('Condition,Encounter', { part2Source: true })).toEqual({ counts: ['none'], resources: [] });
  });

  it('are reported of what refers to each other in a circle, and supported at its other end', async () => {
    for (const [id, of] of Object.entries({ a: 'b', b: 'c', c: 'a', d: 'e', f: 'd' }))
      put(id, 'I10', ['law'], partOf(of));
    put('e', 'F11.20', [], partOf('d'));
    const { resources } = await reported('Procedure');
    expect(resources).toEqual(['a', 'b', 'c'].map((id) => `Procedure/${id} 42CFRPart2`));
  });

  it('are reported of every topic, by the hierarchy of codes, and of levels', async () => {
    const goal = (id: string, code: string, ...security: LabelName[]) =>
      put(id, code, security, { resourceType: 'Goal' });
    const names = ['SPI', 'MH', 'HIV', 'ETH', 'ETHUD', 'PSYTHPN'] as const;
    for (const name of names) goal(`no-${name}`, 'I10', name);
    goal('broader', 'F11.20', 'SPI', 'ETH');
    goal('mental', 'F31.9', 'MH');
    goal('generic-shown', 'Z72.0', 'OPIOIDUD');
    goal('other-shown', 'F11.20', 'ETHUD');
    goal('restricted', 'I10', 'restricted');
    goal('very', 'I10', 'very', 'restricted');
    goal('unknown', 'I10', 'unknown');
    goal('right', 'B20', 'restricted', 'HIV');
    goal('told', 'I10', 'normal', 'handling');
    const { counts, resources } = await reported('Goal');
    expect(resources).toEqual(
      [
        ...names.map((name) => `Goal/no-${name} ${name === 'ETH' ? 'SUD' : name}`),
        'Goal/other-shown ETHUD',
        'Goal/restricted R',
        'Goal/unknown R',
        'Goal/very V',
      ].sort(),
    );
    expect(counts).toEqual(['1  HIV', '1  MH', '1  PSYTHPN', '1  SPI', '1  SUD', '1  V', '2  ETHUD', '2  R'].sort());
  });

  it('are supported by the tables of the deployment, and by none that it replaced', async () => {
    const table = join(folder, 'own.json');
    const systems = { [local]: { 'HIV core': { exact: ['A1'] }, '42CFRPart2 supporting': { exact: ['D7'] } } };
    writeFileSync(table, JSON.stringify({ id: 'own', version: '1', systems }));
    const device = (id: string, system: string, code: string, name: LabelName) =>
      put(id, 'I10', [name], { resourceType: 'Basic', code: { coding: [{ system, code }] } });
    device('own-hiv', local, 'A1', 'HIV');
    device('own-law', local, 'D7', 'law');
    device('shipped', icd, 'B20', 'HIV');
    expect((await reported('Basic')).resources).toEqual(['Basic/own-hiv HIV', 'Basic/own-law 42CFRPart2']);
    expect((await reported('Basic', { tables: [table] })).resources).toEqual(['Basic/shipped HIV']);
  });
});
