import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appClientId } from '../../examples/demo/requesters.ts';
import { type Config, configSchema, loadConfig } from '../../src/config/config.ts';
import { shadowSentence } from '../../src/config/shadow.ts';
import type { Decision, Release, Withhold } from '../../src/decide/decision.ts';
import { ShadowPermit } from '../../src/decide/shadow.ts';
import { type Gateway, serve } from '../../src/serve.ts';
import { type Answer, ask, type Bench, comparable, merged, publicBase, startBench, until } from '../failure/bench.ts';

const day = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * day).toISOString();
let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

const entry = (changes: object = {}) => ({
  name: 'trial',
  understood: shadowSentence,
  until: inDays(7),
  clients: [{ issuer: bench.config.identity.issuers[0]?.issuer ?? '', clientId: appClientId }],
  types: ['Observation', 'Patient'],
  alsoReleases: [],
  ...changes,
});

let served = 0;
async function inShadow(look: (gateway: Gateway) => Promise<void>, ...entries: readonly object[]): Promise<void> {
  served++;
  const config = merged(bench.config, {
    listener: { port: 0 },
    shadow: entries,
    audit: { outboxFile: `${bench.folder}/outbox-${served}.db` },
  });
  const gateway = await serve(config);
  try {
    await look(gateway);
  } finally {
    await gateway.close();
  }
}
const as = (gateway: Gateway, who: string, path: string): Promise<Answer> =>
  ask(`${gateway.url}/${path}`, bench.tokens.get(who));
const idsIn = ({ body }: Answer): readonly string[] =>
  ((JSON.parse(body) as { entry?: { resource: { id: string } }[] }).entry ?? []).map(({ resource }) => resource.id);
const header = 'x-consent-enforcement';

describe('an answer in shadow', () => {
  it('holds what would be withheld, says so with name and end, and the record and the metrics say it too', async () => {
    const enforced = await bench.ask('Observation?patient=ada', { as: 'dr-grey' });
    const grey = idsIn(enforced);
    expect(enforced.headers[header]).toBeUndefined();
    const { until: end, ...one } = entry({ alsoReleases: ['part2', 'denied-by-consent'] });
    await inShadow(
      async (gateway) => {
        const answer = await as(gateway, 'dr-grey', 'Observation?patient=ada');
        const more = idsIn(answer).filter((id) => !grey.includes(id));
        expect(more.length).toBeGreaterThan(0);
        expect(answer.headers[header]).toBe(`shadow; name="trial"; until="${end}"`);
        await until('the disclosure is in the record, with the reason', async () =>
          JSON.stringify(await eventsOf(bench)).includes('released-in-shadow'),
        );
        const metrics = (await ask(`${gateway.adminUrl}/metrics`, undefined)).body;
        expect(metrics).toContain('gateway_shadow_active{name="trial"} 1');
        expect(metrics).toContain('gateway_shadow_answers_total{name="trial"} 1');
        expect(metrics).toContain(`gateway_shadow_would_withhold_total{name="trial"} ${more.length}`);
      },
      { ...one, until: end },
    );
  });

  it('is for the named clients, the named types and the time until the named end alone', async () => {
    const enforced = idsIn(await bench.ask('Observation?patient=ada', { as: 'dr-grey' }));
    const other = { clients: [{ issuer: bench.config.identity.issuers[0]?.issuer ?? '', clientId: 'somebody-else' }] };
    const foreign = { clients: [{ issuer: 'https://elsewhere.example', clientId: appClientId }] };
    const condition = { types: ['Condition'] };
    for (const changes of [other, foreign, condition, { until: inDays(-1) }])
      await inShadow(async (gateway) => {
        const answer = await as(gateway, 'dr-grey', 'Observation?patient=ada');
        expect([changes, idsIn(answer)]).toEqual([changes, enforced]);
        expect(answer.headers[header]).toBeUndefined();
      }, entry(changes));
  });

  it('lets nothing of another type come along, nor be asked about by way of a named one', async () => {
    const questions = [
      'Patient?_id=ada&_revinclude=Condition:subject&_revinclude=Observation:subject&_count=200',
      'Patient?_has:Condition:subject:clinical-status=active',
      'Patient?_has:Condition:subject:_id=ada-condition-oud',
    ];
    const enforced = await Promise.all(questions.map((question) => bench.ask(question, { as: 'dr-grey' })));
    await inShadow(
      async (gateway) => {
        for (const [index, question] of questions.entries())
          expect([question, idsIn(await as(gateway, 'dr-grey', question))]).toEqual([
            question,
            idsIn(enforced[index] as Answer),
          ]);
      },
      entry({ types: ['Patient'], alsoReleases: ['part2', 'denied-by-consent'] }),
    );
  });

  it('asks for a token, its scopes and the role rules as ever', async () => {
    await inShadow(
      async (gateway) => {
        expect((await ask(`${gateway.url}/Observation?patient=ada`, undefined)).status).toBe(401);
        expect((await as(gateway, 'dr-grey-vitals', 'Condition?patient=ada')).status).toBe(403);
        const vitals = idsIn(await as(gateway, 'dr-grey-vitals', 'Observation?patient=ada'));
        const all = idsIn(await as(gateway, 'dr-grey', 'Observation?patient=ada'));
        expect(vitals.length).toBeLessThan(all.length);
      },
      entry({ types: ['*'] }),
    );
  });

  it('ends while the gateway runs', async () => {
    await inShadow(
      async (gateway) => {
        const first = await as(gateway, 'dr-grey', 'Observation?patient=ada');
        expect(first.headers[header]).toBeDefined();
        await until(
          'it has ended',
          async () => (await as(gateway, 'dr-grey', 'Observation?patient=ada')).headers[header] === undefined,
        );
        expect((await ask(`${gateway.adminUrl}/metrics`, undefined)).body).toContain(
          'gateway_shadow_active{name="trial"} 0',
        );
      },
      entry({ until: new Date(Date.now() + 4_000).toISOString() }),
    );
  });

  it('lets Part 2 records and what a patient denies pass only where each is named', async () => {
    const seen = new Map<string, number>();
    for (const alsoReleases of [[], ['part2'], ['denied-by-consent'], ['part2', 'denied-by-consent']])
      await inShadow(
        async (gateway) => {
          let count = 0;
          for (const patient of ['ada', 'ben', 'cy', 'dee', 'eve', 'fay'])
            count += idsIn(await as(gateway, 'dr-grey', `Condition?patient=${patient}&_count=200`)).length;
          seen.set(alsoReleases.join(' '), count);
        },
        entry({ alsoReleases, types: ['*'] }),
      );
    const count = (name: string): number => seen.get(name) ?? Number.NaN;
    expect(count('part2')).toBeGreaterThan(count(''));
    expect(count('denied-by-consent')).toBeGreaterThan(count(''));
    expect(count('part2 denied-by-consent')).toBeGreaterThan(Math.max(count('part2'), count('denied-by-consent')));
  });
});

describe('a next link', () => {
  const path = 'Observation?patient=ada&_count=1&_total=accurate';
  const wide = (changes: object = {}) => entry({ alsoReleases: ['part2', 'denied-by-consent'], ...changes });
  const nextOf = ({ body }: Answer): string | undefined =>
    (JSON.parse(body) as { link?: { relation: string; url: string }[] }).link
      ?.find(({ relation }) => relation === 'next')
      ?.url.replace(`${publicBase}/`, '');
  const totalOf = ({ body }: Answer): number | undefined => (JSON.parse(body) as { total?: number }).total;
  /** Every page from one on. */
  async function pagesFrom(url: string, from: string): Promise<Answer[]> {
    const pages: Answer[] = [];
    for (let next: string | undefined = from; next !== undefined; next = nextOf(pages.at(-1) as Answer))
      pages.push(await ask(`${url}/${next}`, bench.tokens.get('dr-grey')));
    return pages;
  }
  /** All that dr-grey may know, and what she may not. */
  async function both(gateway: Gateway): Promise<{ grey: readonly string[]; hidden: readonly string[] }> {
    const whole = 'Observation?patient=ada&_count=200';
    const grey = idsIn(await bench.ask(whole, { as: 'dr-grey' }));
    return { grey, hidden: idsIn(await as(gateway, 'dr-grey', whole)).filter((id) => !grey.includes(id)) };
  }
  function expectEnforced(pages: readonly Answer[], grey: readonly string[], hidden: readonly string[]): void {
    for (const { body, headers, status } of pages) {
      expect([status, headers[header]]).toEqual([200, undefined]);
      for (const id of hidden) expect(body).not.toContain(id);
    }
    expect(pages.map(totalOf)).toEqual(pages.map(() => undefined)); // what was counted in shadow is not hers to know
    for (const id of pages.flatMap(idsIn)) expect(grey).toContain(id);
  }

  it('of an answer in shadow is enforced where shadow mode is off, from whichever page it comes; and back', async () => {
    await inShadow(async (gateway) => {
      const { grey, hidden } = await both(gateway);
      expect(hidden.length).toBeGreaterThan(0);
      const inShadowPages = await pagesFrom(gateway.url, path);
      expect(inShadowPages.flatMap(idsIn).sort()).toEqual([...grey, ...hidden].sort());
      expect(new Set(inShadowPages.map(totalOf))).toEqual(new Set([grey.length + hidden.length]));
      for (const page of inShadowPages) {
        const next = nextOf(page);
        if (next !== undefined) expectEnforced(await pagesFrom(bench.gateway.url, next), grey, hidden);
      }
      const first = await bench.ask(path, { as: 'dr-grey' });
      expect(totalOf(first)).toBe(grey.length);
      const enforced = await pagesFrom(bench.gateway.url, nextOf(first) ?? '');
      expect(new Set(enforced.map(totalOf))).toEqual(new Set([grey.length]));
      for (const page of await pagesFrom(gateway.url, nextOf(first) ?? ''))
        expect([page.headers[header] !== undefined, totalOf(page)]).toEqual([true, undefined]);
    }, wide());
  });

  it('of an answer in shadow is enforced when its end has come', async () => {
    await inShadow(
      async (gateway) => {
        const { grey, hidden } = await both(gateway);
        const first = await as(gateway, 'dr-grey', path);
        expect(first.headers[header]).toBeDefined();
        await until(
          'it has ended',
          async () => (await as(gateway, 'dr-grey', path)).headers[header] === undefined,
          20_000,
        );
        expectEnforced(await pagesFrom(gateway.url, nextOf(first) ?? ''), grey, hidden);
      },
      wide({ until: new Date(Date.now() + 8_000).toISOString() }),
    );
  });

  it('of a history in shadow is the answer for what is not there', async () => {
    await inShadow(async (gateway) => {
      const { hidden } = await both(gateway);
      const { repo } = bench.relay.origin;
      const one = [...repo.all('Observation')].find(({ id }) => id === hidden[0]);
      repo.put(JSON.stringify({ ...JSON.parse(one?.text ?? ''), issued: '2026-03-01T10:00:00Z' }));
      const history = await as(gateway, 'dr-grey', `Observation/${hidden[0]}/_history?_count=1`);
      expect([history.status, history.headers[header] !== undefined]).toEqual([200, true]);
      const next = nextOf(history) ?? '';
      expect((await as(gateway, 'dr-grey', next)).status).toBe(200);
      const enforced = await bench.ask(next, { as: 'dr-grey' });
      const absent = await bench.ask('Observation/nobody/_history', { as: 'dr-grey' });
      expect(comparable(enforced)).toEqual(comparable(absent));
    }, wide());
  });
});

async function eventsOf({ audit }: Bench): Promise<unknown> {
  return (await fetch(`${audit.url}/AuditEvent?_count=200`)).json();
}

describe('shadow mode is not switched on by accident', () => {
  const base = (): object => ({ ...JSON.parse(JSON.stringify(bench.config)) });
  const parsed = (shadow: unknown) => configSchema.safeParse({ ...base(), shadow });

  it.each([
    ['without its sentence', { understood: undefined }],
    ['with another sentence', { understood: 'yes' }],
    ['with true instead of a sentence', { understood: true }],
    ['without an end', { until: undefined }],
    ['with an end without a time zone', { until: '2030-01-01T00:00:00' }],
    ['without clients', { clients: [] }],
    ['without types', { types: [] }],
    ['without a name', { name: '' }],
    ['with a misspelt key', { alsoRelease: ['part2'] }],
  ])('%s', (_what, changes) => {
    expect(parsed([entry()]).success).toBe(true);
    expect(parsed([entry(changes)]).success).toBe(false);
  });

  it('by an environment variable that says true', () => {
    const text = JSON.stringify(bench.config);
    for (const value of ['true', '[true]', '{}', '[{}]'])
      expect(() => loadConfig(text, { CONSENT_GATEWAY__shadow: value })).toThrow(/shadow/);
  });

  it('for longer than 92 days', async () => {
    await expect(inShadow(async () => undefined, entry({ until: inDays(93) }))).rejects.toThrow(/92 days/);
  });

  it('in a configuration that says nothing of it', () => {
    const { shadow: _shadow, ...silent } = base() as Config;
    expect(configSchema.parse(silent).shadow).toEqual([]);
  });
});

describe('the types', () => {
  const withheld: Withhold = { outcome: 'withhold', reasons: [{ code: 'consent-deny', step: 5 }] };

  it('give nobody a permit, and let nothing else make a Release of a Withhold', () => {
    // @ts-expect-error a permit has no constructor for others
    const made = () => new ShadowPermit({ name: 'x', until: '', clients: [], types: [], alsoReleases: [] });
    expect(typeof made).toBe('function');
    // @ts-expect-error a Withhold is no Release
    const release: Release = withheld;
    expect(release).toBe(withheld);
    // @ts-expect-error what looks like a permit is none
    const permit: ShadowPermit = { name: 'x', until: '', carriedOut: (decision: Decision) => decision };
    expect(permit).toBeDefined();
  });
});
