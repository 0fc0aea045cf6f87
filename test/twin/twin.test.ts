import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { knows, refused } from './expected.ts';
import { Random } from './random.ts';
import { randomRequest, type TwinRequest } from './requests.ts';
import { type Bench, type Difference, entriesOf, printed, report, startBench, type Twins } from './twins.ts';
import {
  type Blindness,
  blindness,
  isOfPatient,
  keyOf,
  patients,
  sensitive,
  type TwinWorlds,
  twinWorlds,
} from './world.ts';

jest.setTimeout(300_000);

const seed = Number(process.env.TWIN_SEED ?? 20_260_301);
/** Generated requests of one run, over all requesters. */
const requests = Number(process.env.TWIN_REQUESTS ?? 360);
const askers = Object.keys(blindness);
const worldsEach = Math.max(1, Math.round(requests / askers.length / 200));

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

interface Started {
  readonly twins: Twins;
  readonly worlds: TwinWorlds;
}

const started = new Map<string, Promise<Started>>();

/** Worlds of one requester; the same ones for everything that is asked of them. */
async function eachWorld(
  asker: string,
  work: (twins: Twins, worlds: TwinWorlds, random: Random) => Promise<void>,
): Promise<void> {
  for (let n = 0; n < worldsEach; n++) {
    const worldSeed = seed + n * 1_000 + askers.indexOf(asker);
    const name = `${asker} ${n}`;
    const running = started.get(name) ?? start(worldSeed, blindness[asker] ?? sensitive);
    started.set(name, running);
    const { twins, worlds } = await running;
    await work(twins, worlds, new Random(worldSeed));
  }
}

async function start(worldSeed: number, blind: Blindness): Promise<Started> {
  const worlds = twinWorlds(new Random(worldSeed), blind);
  return { worlds, twins: await bench.start([worlds.plain, worlds.full, worlds.changed]) };
}

describe(`what is hidden makes no difference (TWIN_SEED=${seed} TWIN_REQUESTS=${requests})`, () => {
  test.each(askers)('to any of the random requests of %s', async (asker) => {
    const found: Difference[] = [];
    await eachWorld(asker, async (twins, worlds, random) => {
      for (let n = 0; n < requests / askers.length / worldsEach; n++)
        found.push(...(await twins.compare(asker, randomRequest(worlds, random))));
    });
    expect(report(found)).toBe('');
  });
});

describe('what is visible is complete', () => {
  test.each(Object.keys(knows))(
    '%s receives every visible resource exactly once, on pages of any size',
    async (asker) => {
      const wrong: string[] = [];
      await eachWorld(asker, async (twins, worlds) => {
        const types = [...new Set(worlds.resources.map(({ resourceType }) => resourceType))];
        for (const type of types) {
          const all = worlds.resources.filter(({ resourceType }) => resourceType === type);
          if (all.every((one) => refused[asker]?.(one) === true)) continue;
          const visible = all.filter((one) => knows[asker]?.(one) === true);
          for (const [query, matches] of queriesOf(type)) {
            const expected = visible.filter(matches).map(keyOf).sort();
            for (const count of [...(expected.length > 4 ? [1, 2] : []), 3, 1000]) {
              const request: TwinRequest = { method: 'GET', path: `${type}?${query}_count=${count}` };
              const problem = problemOf(await twins.pages(1, asker, request), expected, count);
              if (problem !== undefined) wrong.push(`${asker}: ${printed(request)}: ${problem}`);
            }
          }
        }
      });
      expect(wrong).toEqual([]);
    },
  );
});

/** Searches whose matches can be said without a FHIR server. */
function queriesOf(type: string): readonly [string, (resource: TwinWorlds['resources'][number]) => boolean][] {
  const all: [string, (resource: TwinWorlds['resources'][number]) => boolean] = ['', () => true];
  if (type !== 'Observation' && type !== 'Encounter') return [all];
  return [
    all,
    ...patients.map((patient): typeof all => [`patient=${patient}&`, (resource) => isOfPatient(resource, patient)]),
    ...(type === 'Encounter'
      ? []
      : [
          ['code=4548-4&', ({ code }) => JSON.stringify(code).includes('4548-4')] satisfies typeof all,
          ['code:not=4548-4&', ({ code }) => !JSON.stringify(code).includes('4548-4')] satisfies typeof all,
          ['focus:missing=true&', () => true] satisfies typeof all,
        ]),
  ];
}

function problemOf(
  pages: Awaited<ReturnType<Twins['pages']>>,
  expected: readonly string[],
  count: number,
): string | undefined {
  const [first] = pages;
  if (first === undefined || first.status !== 200) return `status ${first?.status} ${first?.body}`;
  const received = entriesOf(pages)
    .filter(({ mode }) => mode === 'match')
    .map(({ key }) => key);
  if (received.toSorted().join() !== expected.join())
    return `${received.toSorted().join()} instead of ${expected.join()}`;
  const sizes = pages.map((page) => entriesOf([page]).length);
  if (sizes.slice(0, -1).some((size) => size !== count) || (sizes.length > 1 && sizes.at(-1) === 0))
    return `pages of ${sizes.join(', ')}`;
  return undefined;
}

describe('paging changes nothing', () => {
  test.each(['dr-grey', 'harbor', 'ada'])(
    'a random search of %s has the same matches on pages of 1, 2 and 3',
    async (asker) => {
      const wrong: string[] = [];
      await eachWorld(asker, async (twins, worlds, random) => {
        for (let n = 0; n < requests / askers.length / worldsEach / 2; n++) {
          const { path, body } = randomRequest(worlds, random);
          const query = body ?? path.split('?')[1];
          if (query === undefined) continue;
          const base = path.replace(/\/_search$|\?.*$/, '');
          const rest = query.split('&').filter((part) => !/^_count|^_summary=count|^$/.test(part));
          const ask = (count: number) =>
            twins.pages(1, asker, { method: 'GET', path: `${base}?${[...rest, `_count=${count}`].join('&')}` });
          const whole = await ask(1000);
          if (whole[0]?.status !== 200) continue;
          for (const count of [1, 2, 3]) {
            const paged = await ask(count);
            const [expected, actual] = [flat(whole), flat(paged)];
            if (expected !== actual)
              wrong.push(`${base}?${rest.join('&')} by ${count}: ${actual} instead of ${expected}`);
          }
        }
      });
      expect(wrong).toEqual([]);
    },
  );
});

/** Matches in order, then what else came, each once: what one page includes may be a match of the next. */
function flat(pages: Awaited<ReturnType<Twins['pages']>>): string {
  const entries = entriesOf(pages);
  const matches = entries.filter(({ mode }) => mode === 'match').map(({ key }) => key);
  const included = entries.filter(({ mode }) => mode === 'include').map(({ key }) => key);
  const others = [...new Set(included)].filter((key) => !matches.includes(key)).sort();
  return `${matches.join()} + ${others.join()}`;
}
