import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { scenarioFiles } from './format.ts';
import { part2Rules } from './part2.ts';

const rules = part2Rules.flatMap(({ rows }) => rows);
const named = new Set(rules.flatMap(({ scenarios }) => scenarios));
const scenarios = scenarioFiles.flatMap(({ name, scenarios: all }) => all.map((one) => ({ ...one, name })));

describe('every rule of 42 CFR Part 2', () => {
  it.each(rules)('$section is shown, or says that it is not done', ({ does, not, scenarios: shown, tests }) => {
    expect(does ?? not).toBeDefined();
    const isShown = shown.length + tests.length > 0;
    if (!isShown) expect(not).toBeDefined();
    if (isShown) expect(does).toBeDefined();
  });

  it('names scenarios that are there, that hold, and whose claims no other makes', () => {
    const claims = scenarios.filter(({ scenario }) => scenario.open === undefined).map(({ title }) => title);
    expect([...named].filter((title) => claims.filter((claim) => claim === title).length !== 1)).toEqual([]);
  });

  it('names tests that are there', () => {
    const missing = rules
      .flatMap(({ tests }) => tests)
      .filter(({ file, name }) => {
        const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
        return !new RegExp(`\\(\\s*'${escaped(name)}',`).test(text);
      });
    expect(missing).toEqual([]);
  });

  it('is shown by every scenario of the files on the law', () => {
    const onTheLaw = scenarios.filter(({ name }) => name.startsWith('part2'));
    expect(onTheLaw.length).toBeGreaterThan(80);
    expect(onTheLaw.filter(({ title }) => !named.has(title)).map(({ title }) => title)).toEqual([]);
  });

  it('is shown by every scenario that rests on it', () => {
    const onIt = scenarios.filter(({ scenario }) => /42 CFR 2\.\d/.test(scenario.because));
    expect(onIt.filter(({ title }) => !named.has(title)).map(({ title }) => title)).toEqual([]);
  });
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
