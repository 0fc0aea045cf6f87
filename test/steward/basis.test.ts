import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { labelCommand } from '../../src/commands/label.ts';
import { startGatewayOver } from '../support/gateway-over.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const ds4p = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition';
const local = 'https://ehr.example/orders';
const table = {
  id: 'hospital',
  version: '2026-11',
  systems: { [local]: { 'HIV core': { exact: ['A1'] }, '42CFRPart2 core': { exact: ['D7'] } } },
  words: { 'PSY core': ['quiet ward'] },
  canonicals: { 'SDV core': ['https://forms.example/Questionnaire/hark'] },
  rules: [
    { id: 'audit-8', types: ['Observation'], codes: [`${local}|AUDIT`], when: 'value >= 8', gives: ['ETHUD core'] },
  ],
};
const note = (text: string) => ({ note: [{ text }] });
const coded = (code: string) => ({ code: { coding: [{ system: local, code }] } });
const file = (contentType: string, text: string) => ({
  resourceType: 'DocumentReference',
  code: undefined,
  status: 'current',
  content: [{ attachment: { contentType, data: Buffer.from(text).toString('base64') } }],
});

/** By id: a resource, the label that it lacks, and what is said of that label. */
const rows: readonly (readonly [
  id: string,
  resource: object,
  code: string,
  basis: object,
  by: string,
  rule: string,
])[] = [
  ['code', coded('A1'), 'HIV', ofTable(), 'code', 'hospital@2026-11'],
  ['words', note('Back from the quiet ward.'), 'PSY', ofTable(), 'text', 'hospital@2026-11'],
  ['file', file('text/plain', 'Quiet ward, day 3'), 'PSY', ofTable(), 'attachment', 'hospital@2026-11'],
  [
    'form',
    {
      resourceType: 'QuestionnaireResponse',
      code: undefined,
      status: 'completed',
      questionnaire: 'https://forms.example/Questionnaire/hark',
    },
    'SDV',
    ofTable(),
    'questionnaire',
    'hospital@2026-11',
  ],
  ['rule', { ...coded('AUDIT'), valueInteger: 9 }, 'ETHUD', ofTable(), 'rule', 'hospital@2026-11#audit-8'],
  [
    'actor',
    { performer: [{ reference: 'Organization/clinic-2' }] },
    'STD',
    ofConfiguration('labels.sensitiveActors'),
    'source',
    'sensitive actor',
  ],
  [
    'unread',
    file('image/png', 'pixels'),
    'TBOO',
    ofConfiguration('labels.unreadAttachments'),
    'attachment',
    'labels.unreadAttachments',
  ],
  ['program', { performer: [{ reference: 'Organization/hillside' }] }, '42CFRPart2', ofLaw(), 'source', 'program'],
  ['law-by-code', coded('D7'), '42CFRPart2', ofLaw(), 'code', 'hospital@2026-11'],
];

function ofTable(): object {
  return { system: 'urn:fhir-consent-gateway:label-table', version: '2026-11', code: 'hospital' };
}
function ofConfiguration(code: string): object {
  return { system: 'urn:fhir-consent-gateway:configuration', code };
}
function ofLaw(): object {
  return { system: actCode, code: '42CFRPart2' };
}

interface Coding {
  readonly system: string;
  readonly code: string;
  readonly extension?: readonly object[];
}
type Stored = { readonly resourceType: string; readonly id: string; readonly meta: { security?: readonly Coding[] } };

describe('each label that is written says what it rests on and what assigned it (HL7 DS4P)', () => {
  let server: EmbeddedServer;
  let folder: string;
  let clock = Date.parse('2026-01-01T00:00:00Z');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'label-basis-'));
    server = await startEmbeddedServer({ now: () => new Date(clock) });
    writeFileSync(join(folder, 'writer'), 'Bearer may-write');
    writeFileSync(join(folder, 'table.json'), JSON.stringify(table));
    for (const [id, more] of rows) server.repo.put(JSON.stringify({ ...observation(id), ...more }));
    server.repo.put(JSON.stringify({ ...observation('plain'), ...note('Slept well.') }));
    clock += 60_000;
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  const observation = (id: string): object => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { text: 'Test' },
    subject: { reference: 'Patient/ada' },
  });
  const typeOf = (id: string): string =>
    ((rows.find(([one]) => one === id)?.[1] ?? {}) as { resourceType?: string }).resourceType ?? 'Observation';
  const textOf = (id: string): string => server.repo.current(typeOf(id), id)?.text ?? '';
  const storedOf = (id: string) => JSON.parse(textOf(id)) as Stored;

  /** `consent-gateway label --write`: what it printed. */
  async function write(): Promise<string> {
    const config = join(folder, 'gateway.json');
    writeFileSync(
      config,
      JSON.stringify({
        listener: { publicBaseUrl: 'https://gateway.example/fhir' },
        upstream: { baseUrl: server.url, paging: 'offset' },
        identity: { issuers: [{ issuer: 'https://issuer.example' }] },
        policy: {},
        labels: {
          tables: [join(folder, 'table.json')],
          programs: ['Organization/hillside'],
          sensitiveActors: { 'Organization/clinic-2': ['STD'] },
          unreadAttachments: ['TBOO'],
        },
      }),
    );
    let printed = '';
    const exit = await labelCommand.run(
      {
        values: {
          config,
          write: true,
          'authorization-file': join(folder, 'writer'),
          types: 'Observation,DocumentReference,QuestionnaireResponse',
          'per-second': '10000',
        },
        positionals: [],
      },
      { environment: {}, write: (text) => (printed += text) },
    );
    expect(exit).toBe(0);
    return printed;
  }

  it('by table and version, by the entry of the configuration, or by the law; and so does the R that goes with it', async () => {
    await write();
    for (const [id, , code, basis, by, rule] of rows) {
      const extension = [
        { url: `${ds4p}/extension-sec-label-basis`, valueCoding: basis },
        {
          url: `${ds4p}/extension-sec-label-classifier`,
          valueReference: {
            identifier: { system: 'urn:fhir-consent-gateway:label-rule', value: rule },
            display: `by ${by}`,
          },
        },
      ];
      expect([id, storedOf(id).meta.security]).toEqual([
        id,
        [
          { extension, system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' },
          { extension, system: actCode, code },
        ],
      ]);
    }
    expect(storedOf('plain').meta.security).toBeUndefined();
  });

  it('and no second run writes anything, also where the server keeps labels without what they say, and in another order', async () => {
    const ids = rows.map(([id]) => id);
    const once = ids.map(textOf);
    clock += 60_000;
    expect(await write()).toMatch(/\nall: 10, 9, 100\.0 %, 0\n/);
    expect(ids.map(textOf)).toEqual(once);
    for (const id of ids) {
      const { meta, ...resource } = storedOf(id);
      const security = meta.security?.map(({ system, code }) => ({ system, code })).reverse();
      server.repo.put(JSON.stringify({ ...resource, meta: { security } }));
    }
    const bare = ids.map(textOf);
    expect(bare.join()).not.toContain('sec-label');
    clock += 60_000;
    expect(await write()).toMatch(/\nall: 10, 9, 100\.0 %, 0\n/);
    expect(ids.map(textOf)).toEqual(bare);
  });

  it('and goes with them to who receives the resource', async () => {
    const security = [
      {
        extension: [
          { url: `${ds4p}/extension-sec-label-basis`, valueCoding: ofTable() },
          {
            url: `${ds4p}/extension-sec-label-classifier`,
            valueReference: {
              identifier: { system: 'urn:fhir-consent-gateway:label-rule', value: 'hospital@2026-11' },
              display: 'by code',
            },
          },
        ],
        system: actCode,
        code: 'HIV',
      },
    ];
    const ada = { resourceType: 'Patient', id: 'ada' };
    const gateway = await startGatewayOver(
      () => [ada, { ...observation('code'), meta: { security } }].map((one) => JSON.stringify(one)),
      {},
    );
    try {
      const { status, text } = await gateway.ask('steward', 'Observation/code');
      expect([status, (JSON.parse(text) as Stored).meta.security]).toEqual([200, security]);
    } finally {
      await gateway.close();
    }
  });
});
