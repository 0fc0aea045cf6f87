import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { labelCommand } from '../../src/commands/label.ts';
import { configSchema } from '../../src/config/config.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { createLabelling } from '../../src/house.ts';
import { scanServer } from '../../src/steward/scan.ts';
import { emptyTally, type ScanState } from '../../src/steward/state.ts';
import { createUpstream, type Upstream } from '../../src/upstream/upstream.ts';

const icd = 'http://hl7.org/fhir/sid/icd-10-cm';
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const errand = { authorization: undefined, signal: undefined };
let server: EmbeddedServer;
let upstream: Upstream;
let clock: number;

beforeEach(async () => {
  clock = Date.parse('2026-01-01T00:00:00Z');
  server = await startEmbeddedServer({ now: () => new Date(clock) });
  const { upstream: config } = settings({});
  upstream = createUpstream(config, { now: () => 0, authorization: () => undefined });
});
afterEach(async () => {
  await upstream.close();
  await server.close();
});

function settings(labels: object) {
  return configSchema.parse({
    listener: { publicBaseUrl: 'https://gateway.example/fhir', port: 0 },
    upstream: { baseUrl: server.url, paging: 'offset' },
    identity: { issuers: [{ issuer: 'https://issuer.example' }] },
    policy: {},
    labels,
  });
}

function put(id: string, code: string | undefined, more: object = {}): void {
  server.repo.put(
    JSON.stringify({
      resourceType: 'Condition',
      id,
      ...(code === undefined ? {} : { code: { coding: [{ system: icd, code }] } }),
      subject: { reference: 'Patient/ada' },
      ...more,
    }),
  );
}

const textOf = (id: string): string => server.repo.current('Condition', id)?.text ?? '';
const securityOf = (id: string): { system: string; code: string; extension?: unknown }[] =>
  (JSON.parse(textOf(id)) as { meta: { security?: [] } }).meta.security ?? [];
const codesOf = (id: string): string[] => securityOf(id).map(({ code }) => code);

interface Watch {
  readonly pages?: (count: number) => void;
  readonly upstream?: Partial<Upstream>;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  readonly types?: readonly string[];
  readonly perSecond?: number;
}

const reviewed: string[] = [];
async function scan(state: ScanState, write: boolean, watch: Watch = {}): Promise<ScanState> {
  let pages = 0;
  const config = settings({ readText: true });
  await scanServer(
    state,
    { types: watch.types ?? ['Condition'], write, perSecond: watch.perSecond ?? 10_000 },
    {
      upstream: { ...upstream, ...watch.upstream },
      labelling: createLabelling(config),
      every: createLabelling({
        ...config,
        labels: { ...config.labels, strengths: ['core', 'supporting', 'ambiguous'] },
      }),
      readSettings: { localBases: [server.url], time: timeReader('UTC') },
      errand,
      now: () => 0,
      sleep: watch.sleep ?? (() => Promise.resolve()),
      onPage: () => watch.pages?.(++pages),
      onReview: (key, topic) => void reviewed.push(`${key} ${topic}`),
    },
  );
  return state;
}

const fresh = (): ScanState => ({
  startedAt: '2026-06-01T00:00:00.000Z',
  terms: '',
  done: [],
  cursors: {},
  tallies: {},
});

describe('a scan of a FHIR server', () => {
  it('counts, and writes nothing unless it is told to', async () => {
    put('oud', 'F11.20');
    put('weight', undefined, { code: { text: 'Overweight' } });
    const { tallies } = await scan(fresh(), false);
    expect(tallies.Condition).toMatchObject({ read: 2, sensitive: 1, lacking: 1, written: 0, failed: [] });
    expect(Object.keys(tallies.Condition?.rules ?? {})).toEqual([
      expect.stringMatching(/^R by code, us-sensitivity@/),
      expect.stringMatching(/^OPIOIDUD by code, us-sensitivity@/),
    ]);
    expect(codesOf('oud')).toEqual([]);
  });

  it('writes what is lacking, says by which rule, and leaves every other byte as it was', async () => {
    put('oud', 'F11.20', { onsetAge: { value: 1 }, note: [{ text: 'ünchanged' }] });
    const text = textOf('oud').replace('"value":1', '"value":1.00');
    server.repo.put(text);
    clock += 60_000;
    await scan(fresh(), true);
    expect(codesOf('oud')).toEqual(['R', 'OPIOIDUD']);
    expect(JSON.stringify(securityOf('oud')[1]?.extension)).toMatch(/classifier.*label-rule.*us-sensitivity@/);
    expect(textOf('oud')).toContain('"value":1.00');
    const without = (json: string): unknown => ({ ...(JSON.parse(json) as object), meta: undefined });
    expect(without(textOf('oud'))).toEqual(without(text));
  });

  it('adds to what is stated, and takes nothing away', async () => {
    const stated = [
      { system: actCode, code: 'HIV' },
      { system: 'https://labels.example', code: 'LOCAL' },
      { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' },
    ];
    put('both', 'F11.20', { meta: { security: stated } });
    await scan(fresh(), true);
    expect(codesOf('both')).toEqual(['HIV', 'LOCAL', 'V', 'OPIOIDUD']);
  });

  it('changes nothing the second time', async () => {
    put('oud', 'F11.20');
    await scan(fresh(), true);
    const once = textOf('oud');
    clock += 60_000;
    const { tallies } = await scan(fresh(), true);
    expect(tallies.Condition).toMatchObject({ lacking: 0, written: 0 });
    expect(textOf('oud')).toBe(once);
  });

  it('goes on where it was ended, whether many changed at once or one after another', async () => {
    const ids = Array.from({ length: 330 }, (_, index) => `c${index}`);
    for (const [index, id] of ids.entries()) {
      if (index > 150) clock += 1; // the first ones all at once
      put(id, index % 2 === 0 ? 'F11.20' : 'I10');
    }
    clock += 60_000;
    const state = fresh();
    const ended = scan(state, true, {
      pages: (count) => {
        if (count === 2) throw new Error('the machine stops');
      },
    });
    await expect(ended).rejects.toThrow('the machine stops');
    const written = state.tallies.Condition?.written ?? 0;
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(165);
    await scan(JSON.parse(JSON.stringify(state)) as ScanState, true);
    for (const [index, id] of ids.entries())
      expect([id, codesOf(id)]).toEqual([id, index % 2 === 0 ? ['R', 'OPIOIDUD'] : []]);
  });

  it('writes over nobody: what changed in between is read again', async () => {
    put('oud', 'F11.20');
    let first = true;
    const relabel: Upstream['relabel'] = (...call) => {
      expect(call[1].lowers).toBe(false); // what a server keeps of the version before stays
      if (first) put('oud', 'F11.20', { note: [{ text: 'added meanwhile' }] });
      first = false;
      return upstream.relabel(...call);
    };
    const { tallies } = await scan(fresh(), true, { upstream: { relabel } });
    expect(tallies.Condition).toMatchObject({ written: 1, failed: [] });
    expect(textOf('oud')).toContain('added meanwhile');
    expect(codesOf('oud')).toEqual(['R', 'OPIOIDUD']);
  });

  it.each(['refused', 'changed', 'written'] as const)(
    'names what it could not write: the server says %s, and keeps no label',
    async (outcome) => {
      put('oud', 'F11.20');
      let asked = 0;
      const relabel = () => {
        asked++;
        return Promise.resolve(outcome);
      };
      const { tallies } = await scan(fresh(), true, { upstream: { relabel } });
      expect(tallies.Condition).toMatchObject({ written: 0, failed: ['Condition/oud'] });
      expect(asked).toBe(outcome === 'changed' ? 3 : 1);
    },
  );

  it('reads no more in a second than it may, over many small types as over one large', async () => {
    for (let index = 0; index < 130; index++) {
      clock += 1;
      put(`c${index}`, 'I10');
    }
    for (const resourceType of ['Observation', 'Procedure']) put(resourceType, undefined, { resourceType });
    // Whether its label is supported, what it was made in says: that is one more.
    put('stated', 'I10', {
      meta: { security: [{ system: actCode, code: 'HIV' }] },
      encounter: { reference: 'Encounter/e' },
    });
    clock += 60_000;
    let slept = 0;
    const types = ['Condition', 'Observation', 'Procedure'];
    const sleep = async (milliseconds: number) => {
      slept += milliseconds;
    };
    await scan(fresh(), false, { types, perSecond: 20, sleep });
    expect(slept).toBe((134 * 1_000) / 20);
  });

  it('shows what a person should look at: weak matches, and labels that nothing shows', async () => {
    reviewed.length = 0;
    put('tobacco', 'Z72.0');
    put('why', 'I10', { meta: { security: [{ system: actCode, code: 'HIV' }] } });
    const { tallies } = await scan(fresh(), false);
    expect(reviewed).toEqual(['Condition/tobacco SUD', 'Condition/why HIV']);
    expect(tallies.Condition?.unexplained).toEqual({ HIV: 1 });
  });

  it('goes past a type that the server does not search', async () => {
    const search: Upstream['search'] = async (one, ...rest) =>
      one.type === 'Condition'
        ? upstream.search({ ...one, parameters: [['nonsense', '1']] }, ...rest)
        : upstream.search(one, ...rest);
    const { tallies, done } = await scan(fresh(), false, { upstream: { search } });
    expect([tallies.Condition, done]).toEqual([{ ...emptyTally(), unsearchable: true }, ['Condition']]);
  });

  it('never lowers or loses a label, whatever is stated and shown', async () => {
    const label = fc.constantFrom(
      { system: actCode, code: 'HIV' },
      { system: actCode, code: 'ETH' },
      { system: actCode, code: '42CFRPart2' },
      { system: actCode, code: 'NOPAT' },
      { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' },
      { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' },
      { system: 'https://labels.example', code: 'x' },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(label),
        fc.constantFrom('F11.20', 'F10.20', 'B20', 'I10', 'F31.9'),
        async (stated, code) => {
          const id = `p${run++}`;
          put(id, code, { meta: { security: stated } });
          clock += 1_000;
          await scan({ ...fresh(), cursors: {} }, true);
          const after = securityOf(id).map((one) => `${one.system}|${one.code}`);
          expect(after.slice(0, stated.length)).toEqual(stated.map((one) => `${one.system}|${one.code}`));
          expect(new Set(after).size).toBe(after.length);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});

describe('consent-gateway label', () => {
  it('reports on a server, and keeps how far it came', async () => {
    put('oud', 'F11.20');
    const folder = mkdtempSync(join(tmpdir(), 'label-command-'));
    try {
      const config = join(folder, 'gateway.yaml');
      const table = join(folder, 'table.json');
      const own = (version: string): void =>
        writeFileSync(
          table,
          JSON.stringify({ id: 'own', version, systems: { [icd]: { 'HIV core': { prefix: ['F11'] } } } }),
        );
      own('1');
      writeFileSync(
        config,
        JSON.stringify({
          listener: { publicBaseUrl: 'https://gateway.example/fhir' },
          upstream: { baseUrl: server.url, paging: 'offset' },
          identity: { issuers: [{ issuer: 'https://issuer.example' }] },
          policy: {},
          labels: { tables: [table] },
        }),
      );
      const state = join(folder, 'state.json');
      let printed = '';
      const run = (more: Record<string, string | boolean>) =>
        labelCommand.run(
          { values: { config, state, types: 'Condition', ...more }, positionals: [] },
          { environment: {}, write: (text) => (printed += text) },
        );
      expect(await run({})).toBe(0);
      expect(printed).toContain('Condition: 1, 1, 0.0 %, 1');
      expect(printed).toContain('1  HIV by code, own@1\n');
      expect((JSON.parse(readFileSync(state, 'utf8')) as ScanState).done).toEqual(['Condition']);
      await expect(run({ 'no-text': true })).rejects.toThrow('on other terms');
      own('2'); // in the same file
      await expect(run({})).rejects.toThrow('on other terms');
      await expect(run({ write: true })).rejects.toThrow('--authorization-file');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
