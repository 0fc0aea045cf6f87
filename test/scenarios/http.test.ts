import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorKinds } from '../../src/errors/errors.ts';
import { type NamedScenario, scenarioFiles } from './format.ts';
import { type Answer, type Gateways, startGateways } from './gateways.ts';
import { askerOf } from './requesters.ts';
import { type World, worldOf } from './world.ts';

const now = Date.now();
const worlds = new Map<string, World>(
  scenarioFiles.flatMap(({ scenarios }) => scenarios).map((named) => [named.id, worldOf(named, now)]),
);

let gateways: Gateways;
beforeAll(async () => {
  gateways = await startGateways([...worlds.values()]);
});
afterAll(() => gateways.close());

interface Found {
  readonly total?: number;
  readonly ids: readonly string[];
}

function foundIn({ body }: Answer): Found {
  const entries = (body.entry ?? []) as { resource: { resourceType: string; id: string } }[];
  return {
    total: body.total as number,
    ids: entries.map(({ resource }) => `${resource.resourceType}/${resource.id}`).sort(),
  };
}

/** The request itself, and then each resource it speaks of by its id. */
async function walk(named: NamedScenario): Promise<void> {
  const { id, scenario } = named;
  const { given, when, then } = scenario;
  const world = worlds.get(id) as World;
  const asker = askerOf(scenario, world, Date.now());
  const [, path = ''] = when.request.split(' ');
  const answer = await gateways.get(given.settings, asker, world.say(path));
  if (then.refused !== undefined) {
    expect(answer.status).toBe(errorKinds[then.refused as keyof typeof errorKinds].status);
    return;
  }
  const type = /^\/([A-Za-z]+)/.exec(path)?.[1] ?? '';
  const keysOf = (names: object): string[] => Object.keys(names).map((name) => world.keys.get(name) as string);
  const released = keysOf(then.released);
  if (path.includes('?')) {
    expect(answer.status).toBe(200);
    expect(foundIn(answer)).toEqual({
      total: then.total,
      ids: released.filter((key) => key.startsWith(`${type}/`)).sort(),
    });
  }
  const told = JSON.stringify(answer.body.entry ?? []);
  for (const key of keysOf(then.withheld)) expect(told).not.toContain(key);
  for (const key of [...released, ...keysOf(then.withheld)]) {
    const { status, body } = await gateways.get(given.settings, asker, `/${key}`);
    const isRefused = Object.entries(then.withheld).some(
      ([name, why]) => why === 'policy-kind' && world.keys.get(name) === key,
    );
    expect([key, status]).toEqual([key, released.includes(key) ? 200 : isRefused ? 403 : 404]);
    if (status === 200) expect(`${body.resourceType}/${body.id}`).toBe(key);
  }
}

describe.each(scenarioFiles)('over HTTP: $group', ({ scenarios }) => {
  for (const named of scenarios) {
    const run = named.scenario.open === undefined ? test : test.failing;
    run(named.title, () => walk(named));
  }
});
