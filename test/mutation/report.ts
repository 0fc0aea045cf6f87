import type { Known } from './known.ts';
import { type Mutant, shown } from './operators.ts';

type Verdicts = ReadonlyMap<string, string | undefined>;

/**
 * The run by rule, for people; what was not caught in full.
 * @param total how many mutants the engine has; `all` may be those of some of its files
 */
export function page(
  total: number,
  all: readonly Mutant[],
  verdicts: Verdicts,
  equivalent: readonly Known[],
  open: readonly Known[],
): string {
  const tried = all.filter(({ name }) => verdicts.has(name));
  const caught = tried.filter(({ name }) => verdicts.get(name) !== undefined);
  const listed = new Set([...equivalent, ...open].flatMap(({ mutants }) => mutants));
  const unlisted = tried
    .map(({ name }) => name)
    .filter((name) => verdicts.get(name) === undefined && !listed.has(name));
  const wanting = told([...open, { why: 'Not looked at one by one yet.', mutants: unlisted }], verdicts);
  const rules = Map.groupBy(tried, ({ file, rule }) => `${file} ${rule}`);
  const rows = [...rules.values()].map((mutants) => {
    const by = mutants.flatMap(({ name }) => verdicts.get(name) ?? []);
    const [first] = mutants;
    const tests = [
      ...new Set(by.map((title) => (title.startsWith('the reference') ? 'the reference evaluator' : title))),
    ];
    const [one = '', two, ...more] = tests;
    const told = [one, ...(two === undefined ? [] : [two]), ...(more.length > 0 ? [`${more.length} more`] : [])].join(
      '; ',
    );
    return `| \`${first?.file}\` | ${first?.rule || 'constants'} | ${mutants.length} | ${by.length} | ${cell(told)} |`;
  });
  return [
    '# Mutants of the decision engine',
    '',
    `${new Date().toISOString().slice(0, 10)}; ${tried.length} of ${total} mutants tried, ${caught.length} caught, ${tried.length - caught.length} not.${tried.length < total ? ' Of the rest nothing is known.' : ''} \`npm run prove -- mutants\` tries all and writes this file.`,
    '',
    'Every condition, comparison, effect, default, bound, order and list of the engine is flipped once, one at a time, made from the syntax tree of its source',
    '(`test/mutation/operators.ts`); then the decision tests run, and the cases of the reference evaluator. A mutant is caught when one of them',
    'fails, when it does not load or when it does not end. [mutants.csv](mutants.csv) lists each: place, rule, change and what caught it.',
    '',
    '## By rule',
    '',
    '| file | rule | mutants | caught | by |',
    '| --- | --- | ---: | ---: | --- |',
    ...rows,
    '',
    '## Not caught: no behaviour changes',
    '',
    ...told(equivalent, verdicts),
    '## Not caught: a test may be wanting',
    '',
    ...(wanting.length === 0 ? ['None.', ''] : wanting),
  ].join('\n');
}

function told(known: readonly Known[], verdicts: Verdicts): readonly string[] {
  return known
    .filter(({ mutants }) => mutants.some((name) => verdicts.has(name)))
    .flatMap(({ why, mutants }) => [
      why,
      '',
      ...mutants.filter((name) => verdicts.has(name)).map((name) => `* \`${name.replaceAll('`', "'")}\``),
      '',
    ]);
}

/** One line a mutant. */
export function csv(all: readonly Mutant[], verdicts: Verdicts): string {
  const lines = all
    .filter(({ name }) => verdicts.has(name))
    .map(({ file, line, rule, before, text, name }) =>
      [file, String(line), rule, before, shown(text), verdicts.get(name) ?? ''].map(quoted).join(','),
    );
  return `${['file,line,rule,before,after,caught by', ...lines].join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
