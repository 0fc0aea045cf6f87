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

interface Entry {
  readonly resource: Readonly<Record<string, unknown>> & { readonly resourceType: string; readonly id: string };
  readonly search: { readonly mode: string };
}

const entriesOf = (body: Answer['body']): readonly Entry[] => (body.entry ?? []) as Entry[];

/** The notice of 42 CFR 2.32 stands beside the entries exactly when one of them bears it. */
function noticeIn({ body }: Answer): string {
  const [notice, ...more] = entriesOf(body).filter(({ search }) => search.mode === 'outcome');
  expect(more).toEqual([]);
  const text = notice === undefined ? '' : JSON.stringify(notice.resource);
  const statement = '42 CFR part 2 prohibits unauthorized use or disclosure of these records.';
  const bears = entriesOf(body).some(
    ({ resource, search }) => search.mode !== 'outcome' && JSON.stringify(resource.meta ?? {}).includes(statement),
  );
  expect(text.includes(statement)).toBe(bears);
  const labels = JSON.stringify((body.meta as { security?: unknown }).security ?? []);
  if (bears) expect(labels).toContain('42CFRPart2');
  return text.includes(statement) ? text : 'none';
}

/** That something was withheld is said in a word and a label of the Bundle, or not at all. */
function isAnnounced({ body }: Answer): boolean {
  const says = JSON.stringify(entriesOf(body).filter(({ search }) => search.mode === 'outcome')).includes('suppressed');
  const security = JSON.stringify((body.meta as { security?: unknown }).security ?? []);
  expect(security.includes('REDACTED')).toBe(says);
  return says;
}

interface Found {
  readonly total?: number;
  readonly ids: readonly string[];
}

function foundIn({ body }: Answer): Found {
  return {
    total: body.total as number,
    ids: entriesOf(body)
      .filter(({ search }) => search.mode !== 'outcome')
      .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
      .sort(),
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
  if (path.includes('?')) expect(noticeIn(answer)).toContain(then.notice ?? '');
  if (path.includes('?')) expect(isAnnounced(answer)).toBe(then.announced);
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
