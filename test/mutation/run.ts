import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './mutation-child.ts';
import { type Mutant, mutantsOf } from './operators.ts';

const src = join(import.meta.dirname, '../../src');

/** Names of reasons are no rules. What consultation and shadow mode make of decisions has tests of its own, over HTTP. */
const noRules = ['reasons.ts', 'consult.ts', 'shadow.ts'];

/** The decision engine, and what it reads: Consents and labels. */
const engine = [
  ...readdirSync(join(src, 'decide'))
    .filter((name) => !noRules.includes(name))
    .sort()
    .map((name) => `decide/${name}`),
  'consent/elements.ts',
  'consent/json.ts',
  'consent/parse.ts',
  'consent/parse-r4.ts',
  'consent/parse-r5.ts',
  'consent/references.ts',
  'consent/residual.ts',
  'consent/whole.ts',
  'label/effective.ts',
  'label/sources.ts',
  'label/labels.ts',
];

/** In the order of their names and the seed: a change of the source changes the sample as little as can be. */
export function sampleOf(mutants: readonly Mutant[], seed: string, most: number): readonly Mutant[] {
  const place = ({ name }: Mutant): string => createHash('sha256').update(`${seed} ${name}`).digest('hex');
  return mutants.toSorted((a, b) => (place(a) < place(b) ? -1 : 1)).slice(0, most);
}

export function allMutants(): readonly Mutant[] {
  return engine.flatMap((file) => mutantsOf(file, readFileSync(join(src, file), 'utf8')));
}

/** Module graphs are never let go of, so a process tries so many. */
const perProcess = 150;
/** What says nothing for so long does not end; on a busy machine a test file may take a while. */
const patienceMs = 60_000;

/** A change that changes nothing. */
export const unchanged: Mutant = {
  ...{ file: 'decide/decide.ts', line: 1, rule: '', before: '', name: 'unchanged' },
  ...{ start: 0, end: 0, text: '' },
};

/**
 * Tries mutants in `parallel` processes, in their order, until the time is up: by name what caught each, if anything did.
 * Verdicts are added to the journal, and those that are there already are taken from it: a long run can be taken up again.
 */
export async function tryAll(
  mutants: readonly Mutant[],
  parallel: number,
  {
    until = Number.POSITIVE_INFINITY,
    journal,
  }: { readonly until?: number; readonly journal?: string | undefined } = {},
): Promise<ReadonlyMap<string, string | undefined>> {
  const verdicts = new Map<string, string | undefined>();
  if (journal !== undefined && existsSync(journal))
    for (const line of readFileSync(journal, 'utf8').split('\n').filter(Boolean)) {
      const { name, caughtBy } = JSON.parse(line) as Verdict;
      verdicts.set(name, caughtBy);
    }
  const waiting = mutants.filter(({ name }) => !verdicts.has(name));
  const work = async (): Promise<void> => {
    let child: Runner | undefined;
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      if (performance.now() > until) break;
      child ??= await Runner.start();
      const { name } = mutant;
      const caughtBy = await child.verdictOn(mutant);
      verdicts.set(name, caughtBy);
      if (journal !== undefined) appendFileSync(journal, `${JSON.stringify({ name, caughtBy })}\n`);
      if (!child.isUsable) child = await child.stop();
    }
    await child?.stop();
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return verdicts;
}

class Runner {
  readonly #child: ChildProcess;
  #tried = 0;
  #isGone = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.once('exit', () => {
      this.#isGone = true;
    });
  }

  static async start(): Promise<Runner> {
    const runner = new Runner(
      fork(join(import.meta.dirname, 'mutation-child.ts'), { execArgv: ['--max-old-space-size=1500'], silent: true }),
    );
    await runner.#said();
    return runner;
  }

  get isUsable(): boolean {
    return !this.#isGone && this.#tried < perProcess;
  }

  async verdictOn(mutant: Mutant): Promise<string | undefined> {
    this.#tried += 1;
    this.#child.send(mutant);
    const said = await this.#said();
    if (typeof said === 'string') return said;
    return said.caughtBy;
  }

  /** The next verdict, or what became of the process instead. */
  #said(): Promise<Verdict | string> {
    return new Promise((resolve) => {
      const done = (what: Verdict | string): void => {
        clearTimeout(timer);
        this.#child.off('message', heard).off('exit', ended);
        resolve(what);
      };
      const heard = (message: Verdict | 'ready' | 'alive'): void => {
        if (message === 'alive') timer.refresh();
        else done(message);
      };
      const ended = (): void => done('its process ends');
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        this.#isGone = true;
        done('it does not end');
      }, patienceMs);
      this.#child.on('message', heard).once('exit', ended);
    });
  }

  async stop(): Promise<undefined> {
    if (this.#isGone) return undefined;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill();
    await gone;
    return undefined;
  }
}
