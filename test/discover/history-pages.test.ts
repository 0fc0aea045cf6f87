import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, type Bench, comparable, publicBase, startBench } from '../failure/bench.ts';

interface History {
  readonly total: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry: readonly { readonly resource: { readonly meta: { readonly versionId: string } } }[];
}

const historyOf = ({ body }: Answer): History => JSON.parse(body) as History;
const versionsIn = (answer: Answer): string[] => historyOf(answer).entry.map(({ resource }) => resource.meta.versionId);
const nextOf = (answer: Answer): string | undefined =>
  historyOf(answer)
    .link.find(({ relation }) => relation === 'next')
    ?.url.replace(`${publicBase}/`, '');

describe('the history of a resource, by pages', () => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench();
    const { repo } = bench.relay.origin;
    for (const day of ['02', '03', '04', '05']) {
      const current = repo.current('Observation', 'ada-a1c');
      repo.put(JSON.stringify({ ...JSON.parse(current?.text ?? ''), issued: `2026-03-${day}T10:00:00Z` }));
    }
  });
  afterAll(() => bench.close());

  it('has what the whole has, each version once and in its order, to the last page', async () => {
    const whole = await bench.ask('Observation/ada-a1c/_history');
    const pages: Answer[] = [];
    for (let next: string | undefined = 'Observation/ada-a1c/_history?_count=2'; next !== undefined; ) {
      const page = await bench.ask(next);
      expect(page.status).toBe(200);
      pages.push(page);
      next = nextOf(page);
    }
    expect(pages.map((page) => versionsIn(page).length)).toEqual([2, 2, 1]);
    expect(pages.flatMap(versionsIn)).toEqual(versionsIn(whole));
    expect(pages.map((page) => historyOf(page).total)).toEqual([5, 5, 5]);
  });

  it('gives nobody else a page by its link, as if the link had never been', async () => {
    const next = nextOf(await bench.ask('Observation/ada-a1c/_history?_count=2')) ?? '';
    const madeUp = next.replace(/_page=.*/, (text) => `_page=${'A'.repeat(text.length - '_page='.length)}`);
    const [other, none] = [await bench.ask(next, { as: 'steward' }), await bench.ask(madeUp, { as: 'steward' })];
    expect(other.status).toBe(404);
    expect(comparable(other)).toEqual(comparable(none));
  });
});
