import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { answer, examples, examplesTable, expected } from './examples.ts';

test('every example Consent has its table', () => {
  expect(Object.keys(expected.examples).sort()).toEqual([...examples.keys()].sort());
});

describe.each(Object.entries(expected.examples))('%s', (example, { asks }) => {
  for (const ask of asks) {
    const { who, about, outcome, reason } = ask;
    test(`${about} is ${outcome} to the ${who} for ${ask.for ?? 'no purpose'}: ${reason}`, () => {
      const found = answer(example, ask);
      expect(found.outcome).toBe(outcome);
      expect(found.reasons).toContain(reason);
    });
  }
});

test('the documented table is what is expected', () => {
  const file = readFileSync(join(import.meta.dirname, '../../docs/consent-examples.md'), 'utf8');
  expect(file).toBe(examplesTable());
});
