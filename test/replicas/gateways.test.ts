import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, ask, errorCode, pause } from '../failure/bench.ts';
import { type Fleet, startFleet } from './fleet.ts';

const requestsPerMinute = 60;
let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(3, { limits: { system: { requestsPerMinute } }, log: { level: 'info' } });
});
afterAll(() => fleet.close());

const as = (who: string, path: string): Promise<Answer> => ask(`${fleet.url}/${path}`, fleet.bench.tokens.get(who));
const idsIn = ({ body }: Answer): readonly string[] =>
  ((JSON.parse(body) as { entry?: { resource: { id: string } }[] }).entry ?? []).map(({ resource }) => resource.id);
const nextOf = ({ body }: Answer): string | undefined => {
  const url = /"relation":"next","url":"([^"]*)"/.exec(body)?.[1];
  return url === undefined ? undefined : `Observation${new URL(url).search}`;
};

describe('three gateways behind a balancer', () => {
  it('each follow the next links of the others: the pages together are the one big page', async () => {
    const whole = idsIn(await as('steward', 'Observation?patient=ada&_count=200'));
    const pages: string[] = [];
    for (let path: string | undefined = 'Observation?patient=ada&_count=2'; path !== undefined; ) {
      const answer = await as('steward', path);
      expect(answer.status).toBe(200);
      pages.push(...idsIn(answer));
      path = nextOf(answer);
    }
    expect(pages.length).toBeGreaterThan(6);
    expect(pages).toEqual(whole);
  });

  it('call the versions of a view alike', async () => {
    const tags = new Set<unknown>();
    for (let i = 0; i < 6; i++) tags.add((await as('dr-grey', 'Patient/ada')).headers.etag);
    expect(tags.size).toBe(1);
  });

  it('count the requests of one client together in Redis, under a name that is not hers', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < requestsPerMinute + 15; i++) statuses.push((await as('harbor', 'Patient?_count=1')).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(requestsPerMinute);
    expect(statuses.slice(requestsPerMinute)).toEqual(Array.from({ length: 15 }, () => 429));
    const keys = await fleet.redis.client.keys('*');
    expect(keys.some((key) => key.startsWith('fleet:requests-system:'))).toBe(true);
    expect(keys.join(' ')).not.toMatch(/harbor|127\.0\.0\.1/);
  });

  it('without Redis serve on, and allow one client less, not more', async () => {
    await fleet.redis.kill();
    await pause(500);
    const statuses: number[] = [];
    for (let i = 0; i < requestsPerMinute + 15; i++) statuses.push((await as('summit', 'Patient?_count=1')).status);
    const allowed = statuses.filter((status) => status === 200).length;
    expect(allowed).toBeGreaterThan(0);
    expect(allowed).toBeLessThanOrEqual((3 * requestsPerMinute) / 4);
    expect((await as('dr-grey', 'Observation?patient=ada')).status).toBe(200);
    await fleet.redis.start();
  });

  it('are replaced one by one under load without an answer lost', async () => {
    const statuses = new Map<number, number>();
    let over = false;
    const load = async (who: string): Promise<void> => {
      while (!over) {
        const { status } = await as(who, 'Observation?patient=ada&_count=5').catch(() => ({ status: 0 }));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const clients = ['dr-grey', 'steward', 'ada'].map(load);
    for (const index of [0, 1, 2]) {
      expect(await fleet.end(index, 'SIGTERM')).toBe(0);
      await fleet.start(index, { log: { level: 'warn' } });
    }
    over = true;
    await Promise.all(clients);
    expect([...statuses.keys()]).toEqual([200]);
    expect(statuses.get(200)).toBeGreaterThan(20);
  });

  it('of two versions, that differ in what they seal with, take no link of the other for anything', async () => {
    await fleet.end(0, 'SIGTERM');
    await fleet.start(0, { sealing: { keyFile: `${fleet.bench.folder}/other.key` } });
    const answers: Answer[] = [];
    for (let i = 0; i < 9; i++) {
      const next = nextOf(await as('steward', 'Observation?patient=ada&_count=2'));
      answers.push(await as('steward', next ?? ''));
    }
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(9);
    for (const { status, body } of refused) expect([status, errorCode(body)]).toEqual([404, 'page-not-found']);
    const pages = answers.filter(({ status }) => status === 200).map((answer) => idsIn(answer).join());
    expect(new Set(pages).size).toBe(1); // the second page, whoever gives it
  });
});
