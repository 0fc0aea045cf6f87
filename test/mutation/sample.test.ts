import { expect, test } from '@jest/globals';
import { equivalent, open } from './known.ts';
import { allMutants, sampleOf, tryAll, unchanged } from './run.ts';

/** A few rules of the decision engine flipped, so that the run of all (`npm run prove -- mutants`) cannot rot unseen. */
const known = new Set([...equivalent, ...open].flatMap(({ mutants }) => mutants));
const rules = allMutants().filter(({ file, name }) => file.startsWith('decide/') && !known.has(name));

test('of a sample every rule that is flipped is noticed, and nothing is where none is', async () => {
  const verdicts = await tryAll([unchanged, ...sampleOf(rules, 'sample', 20)], 1);
  const [[, asItIs] = [], ...flipped] = verdicts;
  expect(asItIs).toBeUndefined();
  expect(flipped).toHaveLength(20);
  expect(flipped.filter(([, caughtBy]) => caughtBy === undefined)).toEqual([]);
}, 600_000);

test('what is said not to be noticed names mutants that there are', () => {
  const names = new Set(allMutants().map(({ name }) => name));
  expect([...known].filter((name) => !names.has(name))).toEqual([]);
});
