import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { structureProblems } from '../support/r5-structure.ts';
import { knows, refused } from './expected.ts';
import { requestOf, sections } from './leak-channels.ts';
import { fullWorld, plainWorld, visibleKeys } from './leak-world.ts';
import type { World } from './messages.ts';
import { requestToR5, twinWorldsToR5, worldToR5 } from './r5.ts';
import { missing, toldApart, typesShown } from './r5-checks.ts';
import { r5Cases, r5Full, r5Plain } from './r5-worlds.ts';
import { Random } from './random.ts';
import { randomRequest } from './requests.ts';
import { type Bench, type Difference, entriesOf, printed, report, startBench, type Twins } from './twins.ts';
import { blindness, keyOf, type Resource, ref, sensitive, type TwinWorlds, twinWorlds } from './world.ts';

jest.setTimeout(300_000);

const seed = Number(process.env.TWIN_SEED ?? 20_260_301);
/** Generated requests of one run, over all requesters. */
const requests = Number(process.env.TWIN_REQUESTS ?? 120);
const askers = ['dr-grey', 'harbor', 'ada', 'cy-guardian'];
/** In R5 a diagnosis of a visit has no rank, so one may go without the other: the visible one is there in both worlds. */
const diagnosed: World = {
  ...plainWorld,
  resources: plainWorld.resources.map((text) => {
    const resource = JSON.parse(text) as Resource;
    return keyOf(resource) === 'Encounter/v2'
      ? JSON.stringify({ ...resource, diagnosis: [{ condition: ref('Condition/c1') }] })
      : text;
  }),
};
const leakWorlds = [worldToR5(diagnosed), worldToR5(fullWorld)];

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

const start = (worlds: readonly World[]): Promise<Twins> => bench.start(worlds, { fhirVersion: 'R5' });

interface Started {
  readonly twins: Twins;
  readonly worlds: TwinWorlds;
}
const started = new Map<string, Promise<Started>>();
/** Worlds of one requester; the same ones for everything that is asked of them. */
function worldsOf(asker: string): Promise<Started> {
  const running = started.get(asker) ?? startWorlds(asker);
  started.set(asker, running);
  return running;
}
async function startWorlds(asker: string): Promise<Started> {
  const random = new Random(seed + 500 + askers.indexOf(asker));
  const worlds = twinWorldsToR5(twinWorlds(random, blindness[asker] ?? sensitive));
  return { worlds, twins: await start([worlds.plain, worlds.full, worlds.changed]) };
}

const structures = (worlds: readonly World[]): string[] => {
  const found = worlds.flatMap(({ resources }) =>
    resources.flatMap((text) => structureProblems(JSON.parse(text) as { resourceType: string })),
  );
  return [...new Set(found)];
};

describe('the worlds are of R5, by its StructureDefinitions', () => {
  test.each(askers)('those of %s', async (asker) => {
    const { worlds } = await worldsOf(asker);
    expect(structures([worlds.plain, worlds.full, worlds.changed])).toEqual([]);
  });

  test('those of the leak channels, but for the element that nobody defines', () => {
    expect(structures(leakWorlds)).toEqual(['Observation.vendorHint is not defined']);
  });

  test('those of R5’s own elements', () => {
    expect(structures([r5Plain, r5Full])).toEqual([]);
  });

  test('and what is of R4 is told', () => {
    expect(
      structureProblems({
        resourceType: 'Encounter',
        ...{ status: 'finished', class: { code: 'AMB' }, period: {}, participant: [{ individual: {} }] },
      }),
    ).toEqual([
      'Encounter.class is a list',
      'Encounter.period is not defined',
      'Encounter.participant.individual is not defined',
    ]);
    expect(structureProblems({ resourceType: 'RequestGroup' })).toEqual(['RequestGroup is no type of R5']);
    expect(structureProblems({ resourceType: 'DeviceUsage' })).toEqual([
      'DeviceUsage.status is required at DeviceUsage',
      'DeviceUsage.patient is required at DeviceUsage',
      'DeviceUsage.device is required at DeviceUsage',
    ]);
  });
});

describe(`what is hidden makes no difference in R5 (TWIN_SEED=${seed} TWIN_REQUESTS=${requests})`, () => {
  test.each(askers)('to any of the random requests of %s', async (asker) => {
    const { twins, worlds } = await worldsOf(asker);
    const random = new Random(seed + askers.indexOf(asker));
    const found: Difference[] = [];
    for (let n = 0; n < requests / askers.length; n++)
      found.push(...(await twins.compare(asker, requestToR5(randomRequest(worlds, random)))));
    expect(report(found)).toBe('');
  });

  test('through any of the leak channels', async () => {
    const twins = await start(leakWorlds);
    const found: Difference[] = [];
    for (const { channels } of sections)
      for (const channel of channels)
        for (const request of channel.requests)
          found.push(...(await twins.compare('dr-grey', requestToR5(requestOf(request)))));
    expect(report(found)).toBe('');
    for (const type of ['Observation', 'Encounter', 'Condition', 'MedicationRequest']) {
      const pages = await twins.pages(1, 'dr-grey', { method: 'GET', path: `${type}?_count=3` });
      expect(
        entriesOf(pages)
          .map(({ key }) => key)
          .sort(),
      ).toEqual(visibleKeys.filter((key) => key.startsWith(`${type}/`)).sort());
    }
    await twins.close();
  });
});

describe('what is visible is complete in R5', () => {
  test.each(askers)('%s receives every visible resource exactly once, on pages of any size', async (asker) => {
    const { twins, worlds } = await worldsOf(asker);
    const wrong: string[] = [];
    for (const type of new Set(worlds.resources.map(({ resourceType }) => resourceType))) {
      const all = worlds.resources.filter(({ resourceType }) => resourceType === type);
      if (all.every((one) => refused[asker]?.(one) === true)) continue;
      const expected = all.filter((one) => knows[asker]?.(one) === true).map(keyOf);
      for (const count of [3, 1000]) {
        const request = { method: 'GET', path: `${type}?_count=${count}` } as const;
        const pages = await twins.pages(1, asker, request);
        const received = pages[0]?.status === 200 ? entriesOf(pages).map(({ key }) => key) : [`${pages[0]?.status}`];
        if (received.toSorted().join() !== expected.toSorted().join())
          wrong.push(`${printed(request)}: ${received.toSorted().join()} instead of ${expected.toSorted().join()}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('what R5’s own elements hide', () => {
  let twins: Twins;
  beforeAll(async () => {
    twins = await start([r5Plain, r5Full]);
  });

  test.each(r5Cases)('$name', async (one) => {
    expect(await toldApart(twins, one)).toBe('');
  });

  test.each(['dr-grey', 'harbor'])('and what they show comes to %s', async (asker) => {
    const types = new Set(r5Cases.filter((one) => one.asker === asker).flatMap(typesShown));
    const wrong = await Promise.all([...types].map((type) => missing(twins, asker, type)));
    expect(wrong.filter((one) => one !== '')).toEqual([]);
  });
});
