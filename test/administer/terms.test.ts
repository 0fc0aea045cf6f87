import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { calendarOf, spanWords } from '../../src/administer/calendar.ts';
import { displaySafe, listed, purposeWords, topicWords } from '../../src/administer/terms.ts';

const vocabulary = JSON.parse(
  readFileSync(new URL('../../src/fhir/generated/vocabulary.json', import.meta.url), 'utf8'),
) as { readonly sensitivity: object; readonly purpose: object };
const codesOf = (table: object): readonly string[] => Object.keys(table).filter((code) => !code.startsWith('_'));

describe('words', () => {
  test('every purpose of use and every sensitivity code has some', () => {
    expect(codesOf(vocabulary.purpose).filter((code) => !Object.hasOwn(purposeWords, code))).toEqual([]);
    expect(codesOf(vocabulary.sensitivity).filter((code) => !Object.hasOwn(topicWords, code))).toEqual([]);
  });

  test('are listed as one says them', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map((items) => listed(items))).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
  });

  test('of others stay on one line, in one direction and of bounded length', () => {
    expect(displaySafe('Dr.\u202e yerG\n\u0000 <b>')).toBe('Dr. yerG <b>');
    expect(displaySafe('x'.repeat(500))).toHaveLength(120);
  });
});

describe('days', () => {
  const calendar = calendarOf('America/New_York');

  test('are those of the configured zone, both ends inclusive', () => {
    const start = Date.parse('2026-01-01T05:00:00Z');
    const end = Date.parse('2026-07-01T04:00:00Z') - 1;
    expect(spanWords({ start, end }, calendar)).toBe('from 2026-01-01 until 2026-06-30');
  });

  test('have their time where they are not whole', () => {
    expect(calendar.from(Date.parse('2026-01-01T15:30:00Z'))).toBe('2026-01-01 10:30');
    expect(spanWords({ start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }, calendar)).toBe('');
  });
});
