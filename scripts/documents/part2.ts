import { scenarioFiles } from '../../test/scenarios/format.ts';
import { part2Rules } from '../../test/scenarios/part2.ts';
import { cell } from './scenarios.ts';

type Rule = (typeof part2Rules)[number]['rows'][number];

/** The text of docs/part2.md: for every rule of 42 CFR Part 2 what the gateway does, what it does not, and what shows it. */
export function renderPart2(): string {
  return [
    '# 42 CFR Part 2, rule by rule',
    '',
    'Generated from `fixtures/part2.yaml`, for privacy officers. The law is that of the final rule of 2024 (89 FR 12472). Each rule names the scenarios and tests that',
    'show what is said of it. Scenarios go through a running gateway over HTTP on every run of the tests, and a test keeps these names true. *Not done*',
    'is for people, or for other systems. None of this is legal advice.',
    ...part2Rules.flatMap(({ title, rows }) => [
      '',
      `## ${title}`,
      '',
      '| 42 CFR | the law | the gateway |',
      '| --- | --- | --- |',
      ...rows.map((row) => `| ${row.section} | ${cell(row.rule)} | ${cell(saidOf(row))} |`),
      '',
      '### Shown by',
      ...rows
        .filter(isShown)
        .flatMap((row) => ['', `${row.section}:`, '', ...row.scenarios.map(scenarioLine), ...row.tests.map(testLine)]),
    ]),
    '',
  ].join('\n');
}

function saidOf({ does, not }: Rule): string {
  return [does, not === undefined ? undefined : `*Not done:* ${not}`].filter((text) => text !== undefined).join(' ');
}

function isShown({ scenarios, tests }: Rule): boolean {
  return scenarios.length + tests.length > 0;
}

function scenarioLine(title: string): string {
  const file = scenarioFiles.find(({ scenarios }) => scenarios.some((one) => one.title === title));
  return `* ${title} ([${file?.name}](../fixtures/scenarios/${file?.name}))`;
}

function testLine({ file, name }: Rule['tests'][number]): string {
  return `* ${name.replace(/^%s: /, '').replaceAll('%s', '...')} ([${file}](../${file}))`;
}
