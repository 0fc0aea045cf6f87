import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { scenarioFiles } from './format.ts';
import { ruleSections } from './rules.ts';

const rules = ruleSections.flatMap((section) => section.rules);
const named = rules.flatMap(({ scenarios = [] }) => scenarios);
const claims = scenarioFiles.flatMap(({ scenarios }) => scenarios);

test('every rule is shown by scenarios, or by tests, that exist', () => {
  const known = new Set(claims.map(({ title }) => title));
  expect(named.filter((title) => !known.has(title))).toEqual([]);
  const root = join(import.meta.dirname, '../..');
  expect(rules.flatMap(({ tests = [] }) => tests).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(rules.filter(({ scenarios, tests }) => scenarios === undefined && tests === undefined)).toEqual([]);
});

test('every scenario shows a rule', () => {
  const wanted = new Set(named);
  expect(claims.map(({ title }) => title).filter((title) => !wanted.has(title))).toEqual([]);
});

test('no rule is written down twice, nor rests on what is not done yet', () => {
  const texts = rules.map(({ rule }) => rule);
  expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
  expect(claims.filter(({ scenario }) => scenario.open !== undefined).map(({ title }) => title)).toEqual([]);
});
