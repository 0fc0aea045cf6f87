import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { labelCompareCommand } from '../../src/commands/label-compare.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Labelling } from '../../src/discover/visibility.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { createLabelling } from '../../src/house.ts';
import { type Comparison, compareLabels, comparison, comparisonText } from '../../src/steward/compare.ts';
import { createUpstream, type Upstream } from '../../src/upstream/upstream.ts';

const icd = 'http://hl7.org/fhir/sid/icd-10-cm';
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const local = 'https://ehr.example/orders';
const hiv = { system: actCode, code: 'HIV' };

/** The table that is live, and the one that is tried. */
const live = {
  id: 'own',
  version: '1',
  systems: { [icd]: { 'PSY core': { prefix: ['F3'] } }, [local]: { 'HIV core': { exact: ['A1', 'A2'] } } },
};
const tried = {
  id: 'own',
  version: '2',
  systems: { [icd]: { 'PSY core': { prefix: ['F3'] } }, [local]: { 'HIV core': { exact: ['A1', 'A3'] } } },
  words: { 'SUD core': ['quiet ward'] },
};

describe('consent-gateway label-compare', () => {
  let server: EmbeddedServer;
  let folder: string;
  let clock: number;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'label-compare-'));
    for (const [name, table] of Object.entries({ live, tried, wrong: { ...tried, systems: { [icd]: { PSY: {} } } } }))
      fileOf(name, table);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    clock = Date.parse('2026-01-01T00:00:00Z');
    server = await startEmbeddedServer({ now: () => new Date(clock) });
  });
  afterEach(() => server.close());

  function fileOf(name: string, content: object): string {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(content));
    return file;
  }
  const configOf = (name: string, labels: object, baseUrl = server.url): string =>
    fileOf(name, {
      listener: { publicBaseUrl: 'https://gateway.example/fhir' },
      upstream: { baseUrl, paging: 'offset' },
      identity: { issuers: [{ issuer: 'https://issuer.example' }] },
      policy: {},
      labels,
    });
  function put(id: string, code: string | undefined, more: object = {}): void {
    clock += 1_000;
    const system = code?.startsWith('A') ? local : icd;
    const resource = {
      resourceType: 'Condition',
      id,
      ...(code === undefined ? {} : { code: { coding: [{ system, code }] } }),
      subject: { reference: 'Patient/ada' },
      ...more,
    };
    server.repo.put(JSON.stringify(resource));
  }
  const textsOf = (...ids: readonly string[]): (string | undefined)[] =>
    ids.map((id) => server.repo.current('Condition', id)?.text);

  async function run(more: Readonly<Record<string, string | boolean>>) {
    let printed = '';
    const config = configOf('gateway', { tables: [join(folder, 'live.json')] });
    const exit = await labelCompareCommand.run(
      { values: { config, types: 'Condition', 'per-second': '10000', ...more }, positionals: [] },
      { environment: {}, write: (text) => (printed += text) },
    );
    return { exit, printed };
  }
  async function compared(more: Readonly<Record<string, string | boolean>>): Promise<Comparison> {
    const { exit, printed } = await run({ ...more, format: 'json' });
    const told = comparison.parse(JSON.parse(printed));
    expect(exit).toBe(told.resources.length > 0 ? 3 : 0);
    return told;
  }
  const toTried = () => ({ tables: join(folder, 'tried.json') });

  it('counts what would be gained and lost, by rule, names the resources, and writes nothing', async () => {
    put('same', 'A1');
    put('lost', 'A2');
    put('gained', 'A3');
    put('stays', 'F31.9', { note: [{ text: 'Seen in the Quiet Ward by Dr Zzyzx' }] });
    put('stated-lost', 'A2', { meta: { security: [hiv] } });
    put('stated-gained', 'A3', { meta: { security: [hiv] } });
    put('plain', 'I10');
    const ids = ['same', 'lost', 'gained', 'stays', 'stated-lost', 'stated-gained', 'plain'];
    const stored = textsOf(...ids);
    const { exit, printed } = await run(toTried());
    expect(exit).toBe(3);
    expect(printed).toBe(`type: read, of these with other labels
Condition: 7, 5
all: 7, 5

labels gained, by what shows them:
  2  HIV by code, own@2 (1 state it themselves)
  1  SUD by text, own@2

labels lost, by what showed them:
  2  HIV by code, own@1 (1 state it themselves)
`);
    const told = await compared(toTried());
    const byCode = (version: number, stated: boolean) => ({ label: 'HIV', by: 'code', rule: `own@${version}`, stated });
    expect(
      Object.fromEntries(told.resources.map(({ resource, gained, lost }) => [resource, { gained, lost }])),
    ).toEqual({
      'Condition/lost': { gained: [], lost: [byCode(1, false)] },
      'Condition/gained': { gained: [byCode(2, false)], lost: [] },
      'Condition/stays': { gained: [{ label: 'SUD', by: 'text', rule: 'own@2', stated: false }], lost: [] },
      'Condition/stated-lost': { gained: [], lost: [byCode(1, true)] },
      'Condition/stated-gained': { gained: [byCode(2, true)], lost: [] },
    });
    expect(told.sample).toEqual({ Condition: { read: 7, changed: 5, whole: true } });
    expect(JSON.stringify(told)).not.toMatch(/Zzyzx|F31|A2|Quiet|ada/);
    expect(textsOf(...ids)).toEqual(stored);
  });

  it('ends with 0 where nothing changes: the same rows in another version, and words that are not read', async () => {
    put('code', 'A1');
    put('words', undefined, { note: [{ text: 'quiet ward' }] });
    const { exit, printed } = await run({ ...toTried(), 'no-text': true });
    expect([exit, printed]).toEqual([
      0,
      expect.stringMatching(/Condition: 2, 0\n(?:.*\n)*.*gained.*\n {2}none\n\n.*lost.*\n {2}none\n$/),
    ]);
  });

  it('looks at the newest of each type, as many as it is told to, and no faster', async () => {
    for (let index = 0; index < 130; index++) put(`c${index}`, 'A3');
    put('other', 'A3', { resourceType: 'Observation', status: 'final' });
    const types = 'Condition,Observation,Goal';
    const some = await compared({ ...toTried(), types, sample: '3' });
    expect(some.sample).toEqual({
      Condition: { read: 3, changed: 3, whole: false },
      Observation: { read: 1, changed: 1, whole: true },
    });
    expect(some.resources.map(({ resource }) => resource)).toEqual([
      ...['c129', 'c128', 'c127'].map((id) => `Condition/${id}`),
      'Observation/other',
    ]);
    const more = await compared({ ...toTried(), sample: '130' });
    expect(more.sample).toEqual({ Condition: { read: 130, changed: 130, whole: true } });
    expect((await run({ ...toTried(), sample: '120' })).printed).toContain('Condition: 120 (there are more), 120\n');
    const startedAt = performance.now();
    await run({ ...toTried(), sample: '20', 'per-second': '20' });
    expect(performance.now() - startedAt).toBeGreaterThan(900);
  });

  it('compares two configurations of one server: what a label of the deployment means', async () => {
    put('local-label', 'I10', { meta: { security: [{ system: 'https://ehr.example/privacy', code: 'BH' }] } });
    const labels = { tables: [join(folder, 'live.json')], mappedLabels: { 'https://ehr.example/privacy|BH': 'PSY' } };
    const told = await compared({ 'changed-config': configOf('changed', labels) });
    expect(told.resources).toEqual([
      {
        resource: 'Condition/local-label',
        gained: [{ label: 'PSY', by: 'own', rule: 'mapped label', stated: false }],
        lost: [{ label: 'R', by: 'unknown-code', rule: 'https://ehr.example/privacy', stated: false }],
      },
    ]);
    const elsewhere = configOf('elsewhere', labels, 'http://127.0.0.1:9/fhir');
    await expect(run({ 'changed-config': elsewhere })).rejects.toThrow('the same upstream');
  });

  it('names a type that the server does not search, and goes on', async () => {
    put('gained', 'A3');
    const config = loadConfig(readFileSync(configOf('gateway', {}), 'utf8'), {});
    const upstream = createUpstream(config.upstream, { now: Date.now, authorization: () => undefined });
    const search: Upstream['search'] = (one, ...rest) =>
      upstream.search(one.type === 'Goal' ? { ...one, parameters: [['nonsense', '1']] } : one, ...rest);
    const [before, after] = ['live', 'tried'].map((name) =>
      createLabelling({ ...config, labels: { ...config.labels, tables: [join(folder, `${name}.json`)] } }),
    ) as [Labelling, Labelling];
    const told = await compareLabels(
      { types: ['Goal', 'Condition'], perType: 10, perSecond: 10_000 },
      {
        upstream: { search },
        before,
        after,
        readSettings: { localBases: [server.url], time: timeReader('UTC') },
        errand: { authorization: undefined, signal: undefined },
        now: Date.now,
        sleep: () => Promise.resolve(),
      },
    );
    await upstream.close();
    expect([told.notSearched, told.resources.length]).toEqual([['Goal'], 1]);
    expect(comparisonText(told)).toMatch(/\nnot searched by this server: Goal\n$/);
  });

  it.each<[string, () => Record<string, string>, string]>([
    ['a table that the schema does not allow', () => ({ tables: join(folder, 'wrong.json') }), 'labels.tables'],
    ['a table that is not there', () => ({ tables: join(folder, 'none.json') }), 'labels.tables'],
    ['no change', () => ({}), 'Say what changes'],
    ['two changes', () => ({ ...toTried(), 'changed-config': join(folder, 'live.json') }), 'Say what changes'],
    ['a sample of nothing', () => ({ ...toTried(), sample: '0' }), '--sample'],
    ['a sample without end', () => ({ ...toTried(), sample: '1e9' }), '--sample'],
    ['a format nobody knows', () => ({ ...toTried(), format: 'xml' }), '--format'],
    ['a type that bears no labels', () => ({ ...toTried(), types: 'Organization' }), '--types'],
  ])('refuses %s', async (_what, given, said) => {
    await expect(run(given())).rejects.toThrow(said);
  });
});
