import { scenarioFiles } from '../../test/scenarios/format.ts';
import { type Rule, ruleSections } from '../../test/scenarios/rules.ts';

/** The text of docs/rules.md: every rule, where it comes from, and the scenarios that show it. */
export function renderRules(): string {
  const rules = ruleSections.flatMap((section) => section.rules);
  const files = new Map(scenarioFiles.flatMap(({ name, scenarios }) => scenarios.map(({ title }) => [title, name])));
  return [
    '# The rules, one by one, and what shows each',
    '',
    `Generated from \`fixtures/scenarios/rules\`: ${rules.length} rules. Below each stands where it comes from and which [scenarios](scenarios.md) show it; these are put to the`,
    'rules and, over HTTP, to a running gateway. Every scenario stands below a rule, and a rule without one names the test that shows it over HTTP.',
    ...ruleSections.flatMap((section) => [
      '',
      `## ${section.section}`,
      ...section.rules.flatMap((rule) => ['', `**${rule.rule}.** ${rule.source}.`, '', ...shown(rule, files)]),
    ]),
    '',
  ].join('\n');
}

function shown({ scenarios = [], tests = [] }: Rule, files: ReadonlyMap<string, string>): readonly string[] {
  return [
    ...scenarios.map((title) => `* ${title} ([${files.get(title)}](../fixtures/scenarios/${files.get(title)}))`),
    ...tests.map((path) => `* [\`${path}\`](../${path})`),
  ];
}
