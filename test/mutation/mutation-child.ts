import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { type Case, evaluate } from '../reference/evaluate.ts';
import { cases } from '../reference/generate.ts';
import { type Collected, collect } from './collect.ts';
import { graphWith } from './graph.ts';
import type { Mutant } from './operators.ts';

/** Tries mutants one after the other: the decision tests first, then what the reference evaluator says to fixed cases. */
export interface Verdict {
  readonly name: string;
  /** The test that fails, or what else happened; undefined when nothing notices. */
  readonly caughtBy: string | undefined;
}

const decisionTests = [
  'test/decide/reasons.test.ts',
  'test/decide/corrections.test.ts',
  'test/decide/rules.test.ts',
  'test/decide/edges.test.ts',
  'test/decide/match.test.ts',
  'test/decide/agreements.test.ts',
  'test/decide/handling.test.ts',
  'test/decide/obligations.test.ts',
  'test/decide/votes.test.ts',
  'test/decide/steps.test.ts',
  'test/decide/token.test.ts',
  'test/decide/names.test.ts',
  'test/consent/elements.test.ts',
  'test/consent/parse.test.ts',
  'test/consent/whole.test.ts',
  'test/consent/reading.test.ts',
  'test/consent/reading-rules.test.ts',
  'test/consent/reading-elements.test.ts',
  'test/consent/residual.test.ts',
  'test/scenarios/engine.test.ts',
  'test/consent/examples.test.ts',
  'test/administer/in-force.test.ts',
];
const labelTests = ['test/label/labels.test.ts', 'test/label/inherit.test.ts', 'test/label/sources.test.ts'];

/** What is asked in every graph, and what the reference answers. */
const fixedCases = fc.sample(cases, { seed: 1, numRuns: 6_000 }).map((world) => ({
  world,
  outcomes: evaluate(world)
    .map(({ outcome }) => outcome)
    .join(' '),
}));
const casesAtATime = 500;

/** Tells that it is still getting on: what sends nothing for long is in a circle. */
async function alive(): Promise<void> {
  process.send?.('alive');
  await setImmediate();
}

/** What caught the last mutants is likely to catch the next, which stands beside them: it is tried first. */
const recent: { readonly file: string; readonly title: string }[] = [];
const remembered = 12;

type Load = (module: string) => string;

async function verdictOn(mutant: Mutant): Promise<string | undefined> {
  const at = graphWith(mutant.file, mutant);
  const files = mutant.file.startsWith('label/') ? [...labelTests, ...decisionTests] : decisionTests;
  const loaded = new Map<string, readonly Collected[]>();
  const testsOf = async (file: string): Promise<readonly Collected[]> => {
    const tests = loaded.get(file) ?? (await collect(() => import(at(file))));
    loaded.set(file, tests);
    return tests;
  };
  const fails = async ({ file, title }: (typeof recent)[number]): Promise<boolean> => {
    const tests = (await testsOf(file)).filter((test) => test.title === title);
    return (await firstFailing(tests)) !== undefined;
  };
  try {
    for (const one of recent) if (files.includes(one.file) && (await fails(one))) return remember(one);
    for (const file of files) {
      await alive();
      const title = await firstFailing(await testsOf(file));
      if (title !== undefined) return remember({ file, title });
    }
  } catch {
    return 'it does not load';
  }
  return differsFromReference(at);
}

function remember(one: (typeof recent)[number]): string {
  const place = recent.findIndex(({ file, title }) => file === one.file && title === one.title);
  if (place >= 0) recent.splice(place, 1);
  recent.unshift(one);
  recent.splice(remembered);
  return one.title;
}

async function firstFailing(tests: readonly Collected[]): Promise<string | undefined> {
  for (const { title, run } of tests) {
    try {
      await run();
    } catch {
      return title;
    }
  }
  return undefined;
}

async function differsFromReference(at: Load): Promise<string | undefined> {
  const { decide } = (await import(at('test/reference/production.ts'))) as typeof import('../reference/production.ts');
  const outcomesOf = (world: Case): string => {
    try {
      return decide(world)
        .map(({ outcome }) => outcome)
        .join(' ');
    } catch {
      return 'it throws';
    }
  };
  for (let from = 0; from < fixedCases.length; from += casesAtATime) {
    await alive();
    const some = fixedCases.slice(from, from + casesAtATime);
    const differing = some.findIndex(({ world, outcomes }) => outcomesOf(world) !== outcomes);
    if (differing >= 0) return `the reference evaluator, case ${from + differing}`;
  }
  return undefined;
}

process.on('message', async (mutant: Mutant) => {
  const caughtBy = await verdictOn(mutant);
  process.send?.({ name: mutant.name, caughtBy } satisfies Verdict);
});
process.send?.('ready');
