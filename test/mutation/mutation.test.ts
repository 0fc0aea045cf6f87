import { writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { equivalent, open } from './known.ts';
import { csv, page } from './report.ts';
import { allMutants, sampleOf, tryAll, unchanged } from './run.ts';

/**
 * Every rule of the decision engine flipped once, one at a time, in a copy of the modules in memory: the decision tests
 * or the reference evaluator have to notice. `MUTANTS=all` tries all and, with `MUTANTS_SAVE=1`, writes docs/mutants.md and
 * docs/mutants.csv; otherwise `MUTANTS` of them by `MUTANTS_SEED`, for no longer than `MUTANTS_SECONDS`. With `MUTANTS_ONLY`
 * those whose names begin so; with `MUTANTS_JOURNAL` a run is taken up where it was left.
 */
const isWhole = process.env.MUTANTS === 'all';
const most = Number(process.env.MUTANTS ?? 60);
const seed = process.env.MUTANTS_SEED ?? '1';
const seconds = isWhole ? Number.POSITIVE_INFINITY : Number(process.env.MUTANTS_SECONDS ?? 45);
const only = (process.env.MUTANTS_ONLY ?? '').split(',');
const parallel = Number(process.env.MUTANTS_PARALLEL ?? 1);

const isWanted = (name: string): boolean => only.some((beginning) => name.startsWith(beginning));
const all = allMutants().filter(({ name }) => isWanted(name));
const byName = new Map(
  [...equivalent, ...open].flatMap(({ why, mutants }) => mutants.map((name) => [name, why] as const)),
);
const tried = isWhole
  ? all
  : sampleOf(
      all.filter(({ name }) => !byName.has(name)),
      seed,
      most,
    );

test('without a change nothing is noticed', async () => {
  expect([...(await tryAll([unchanged], 1))]).toEqual([[unchanged.name, undefined]]);
}, 120_000);

test('every rule that is flipped is noticed, but for those that are listed', async () => {
  const verdicts = await tryAll(tried, parallel, {
    until: performance.now() + seconds * 1_000,
    journal: process.env.MUTANTS_JOURNAL,
  });
  const caught = [...verdicts].filter(([, by]) => by !== undefined).map(([name]) => name);
  const missed = [...verdicts].filter(([, by]) => by === undefined).map(([name]) => name);
  console.log(`${verdicts.size} mutants of ${all.length}, ${caught.length} caught`);
  if (process.env.MUTANTS_SAVE !== undefined) {
    writeFileSync(
      new URL('../../docs/mutants.md', import.meta.url),
      page(allMutants().length, all, verdicts, equivalent, open),
    );
    writeFileSync(new URL('../../docs/mutants.csv', import.meta.url), csv(all, verdicts));
  }
  expect(missed.filter((name) => !byName.has(name))).toEqual([]);
  if (!isWhole) expect(verdicts.size).toBeGreaterThan(10);
  else {
    expect(caught.filter((name) => byName.has(name))).toEqual([]); // then it is no longer known
    expect([...byName.keys()].filter((name) => isWanted(name) && !verdicts.has(name))).toEqual([]);
  }
}, 7_200_000);
