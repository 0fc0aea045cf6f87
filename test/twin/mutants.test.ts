import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { firstCaught } from './checks.ts';
import { changedFiles, type Mutant, mutants, sourceWith } from './mutants.ts';
import { type Bench, startBench } from './twins.ts';

/** How many of the mutants are tried, spread over the list: a number, or `all`. */
const wanted = process.env.TWIN_MUTANTS ?? '30';
const most = wanted === 'all' ? mutants.length : Number(wanted);
/** Or only these, by name. */
const named = process.env.TWIN_MUTANT?.split(',');
const tried =
  named === undefined
    ? mutants.filter(
        (_, index) => Math.floor((index * most) / mutants.length) < Math.floor(((index + 1) * most) / mutants.length),
      )
    : mutants.filter(({ name }) => named.includes(name));
/** Processes at a time. */
const parallel = 2;
const caught = new Map<string, string>();

beforeAll(async () => {
  const waiting = [...tried];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      const bench = await startBench();
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift())
        caught.set(mutant.name, await verdictOn(mutant, bench));
      await bench.close();
    }),
  );
}, 1_800_000);

afterAll(() => {
  const width = Math.max(...tried.map(({ name }) => name.length));
  console.log(`${tried.length} mutants`);
  console.log(tried.map(({ name }) => `${name.padEnd(width)}  ${caught.get(name) || 'NOT CAUGHT'}`).join('\n'));
});

/** Name of the check that catches the mutant; '' when none does. */
async function verdictOn(mutant: Mutant, bench: Bench): Promise<string> {
  try {
    return (await firstCaught(bench, sourceWith(mutant), mutant.by))?.check ?? '';
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

describe('without the rule it is noticed that', () => {
  test.each(tried)('$off ($name)', ({ name }) => {
    expect(caught.get(name)).not.toMatch(/^error/);
    expect(caught.get(name)).not.toBe('');
  });
});

test.each(mutants)('the rule that $name switches off stands where it did', (mutant) => {
  expect(changedFiles(mutant).size).toBeGreaterThan(0);
});
