import { scenarioFiles } from '../../test/scenarios/format.ts';

/** The text of docs/scenarios.md: every rule that a scenario holds, and on what it rests. */
export function renderScenarios(): string {
  const count = scenarioFiles.reduce((sum, { scenarios }) => sum + scenarios.length, 0);
  return [
    '# Rules, and the scenarios that hold them',
    '',
    `Generated from \`fixtures/scenarios\`: ${count} scenarios. Each is put to the rules and, over HTTP, to a running gateway on every run of the tests; one that is`,
    'marked *open* claims what the gateway does not do yet. How to read and write them is told in [fixtures/scenarios](../fixtures/scenarios/README.md).',
    ...scenarioFiles.flatMap(({ name, group, scenarios }) => [
      '',
      `## ${group}`,
      '',
      `[\`${name}\`](../fixtures/scenarios/${name})`,
      '',
      '| scenario | it rests on |',
      '| --- | --- |',
      ...scenarios.map(
        ({ title, scenario: { because, open } }) =>
          `| ${cell(title)}${open === undefined ? '' : ' *(open)*'} | ${cell(because)} |`,
      ),
    ]),
    '',
  ].join('\n');
}

/** Text of one cell of a table. */
export function cell(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
}
