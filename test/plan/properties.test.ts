import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { escapeValue, split, unescapeValue } from '../../src/plan/escape.ts';
import { matches, search } from './requests.ts';

const code = fc.constantFrom('a', 'b', 'c');
const system = fc.constantFrom('urn:s', 'urn:t');
const coding = fc.record({ system, code }, { requiredKeys: [] });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const date = fc.constantFrom(
  '2020',
  '2020-05',
  '2020-05-06',
  '2020-05-06T07:08:09Z',
  '2021-01-01',
  '2021-01-01T23:00:00-05:00',
);
const reference = fc
  .constantFrom('Patient/a', 'Patient/b', 'Group/a', '#c', 'http://x/Patient/a')
  .map((text) => ({ reference: text }));

/** Observations with anything, or nothing, in the elements searched. */
const observation = fc
  .record({
    code: maybe(fc.record({ coding: maybe(fc.array(coding, { maxLength: 3 })) }, { requiredKeys: [] })),
    category: maybe(fc.array(fc.record({ coding: fc.array(coding, { maxLength: 2 }) }), { maxLength: 2 })),
    status: maybe(fc.constantFrom('final', 'amended')),
    subject: maybe(reference),
    performer: maybe(fc.array(reference, { maxLength: 3 })),
    effectiveDateTime: maybe(date),
    effectivePeriod: maybe(fc.record({ start: maybe(date), end: maybe(date) }, { requiredKeys: [] })),
    valueQuantity: maybe(
      fc.record({ value: fc.constantFrom(1, 1.04, 1.05, 2), code: maybe(fc.constantFrom('mg', 'g')) }),
    ),
  })
  .map((elements) => ({
    resourceType: 'Observation',
    id: 'o',
    ...Object.fromEntries(Object.entries(elements).filter(([, value]) => value !== undefined)),
  }));

const parameters: Readonly<Record<string, fc.Arbitrary<string>>> = {
  code: fc.oneof(
    code,
    fc.tuple(system, code).map((pair) => pair.join('|')),
    system.map((one) => `${one}|`),
    code.map((one) => `|${one}`),
  ),
  category: code,
  status: fc.constantFrom('final', 'amended'),
  subject: fc.constantFrom('a', 'Patient/a', 'Group/a'),
  performer: fc.constantFrom('a', 'Patient/b'),
  date: fc.tuple(fc.constantFrom('', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'), date).map((pair) => pair.join('')),
  'value-quantity': fc
    .tuple(fc.constantFrom('', 'ne', 'gt', 'lt', 'ge', 'le'), fc.constantFrom('1', '1.0', '1.00', '2'))
    .map((pair) => pair.join('')),
};
const asked = fc
  .constantFrom(...Object.keys(parameters))
  .chain((name) =>
    fc.tuple(fc.constant(name), parameters[name] as fc.Arbitrary<string>, parameters[name] as fc.Arbitrary<string>),
  );
const runs = { numRuns: 1000 };

describe('criteria', () => {
  it(':missing=true and :missing=false divide every type in two', () => {
    fc.assert(
      fc.property(observation, fc.constantFrom(...Object.keys(parameters)), (resource, name) => {
        expect(matches(`${name}:missing=true`, resource)).toBe(!matches(`${name}:missing=false`, resource));
      }),
      runs,
    );
  });

  it('what matches anything is not missing', () => {
    fc.assert(
      fc.property(observation, asked, (resource, [name, value]) => {
        if (matches(`${name}=${value}`, resource)) expect(matches(`${name}:missing=false`, resource)).toBe(true);
      }),
      runs,
    );
  });

  it(':not matches exactly what the same values do not', () => {
    fc.assert(
      fc.property(
        observation,
        fc.constantFrom('code', 'category', 'status'),
        code,
        code,
        (resource, name, one, other) => {
          const list = `${one},${other}`;
          expect(matches(`${name}:not=${list}`, resource)).toBe(!matches(`${name}=${list}`, resource));
        },
      ),
      runs,
    );
  });

  it('values of one parameter are ORed, parameters are ANDed', () => {
    fc.assert(
      fc.property(observation, asked, asked, (resource, [name, one, other], [second, value]) => {
        const first = matches(`${name}=${one}`, resource);
        expect(matches(`${name}=${one},${other}`, resource)).toBe(first || matches(`${name}=${other}`, resource));
        expect(matches(`${name}=${one}&${second}=${value}`, resource)).toBe(
          first && matches(`${second}=${value}`, resource),
        );
      }),
      runs,
    );
  });

  it('the form of a date that is sent means the same', () => {
    fc.assert(
      fc.property(observation, parameters.date as fc.Arbitrary<string>, (resource, value) => {
        const [criterion] = search(`Observation?date=${encodeURIComponent(value)}`).forwarded;
        if (criterion === undefined) return;
        const sent = encodeURIComponent(criterion.forward[1]);
        expect(matches(`date=${sent}`, resource)).toBe(criterion.matches(resource));
      }),
      runs,
    );
  });

  it('what is sent upstream never matches more when elements are taken away', () => {
    fc.assert(
      fc.property(observation, asked, fc.array(fc.nat(7), { maxLength: 3 }), (resource, [name, value], taken) => {
        if (value.startsWith('ne')) return;
        const left = Object.fromEntries(
          Object.entries(resource).filter((_, index) => index < 2 || !taken.includes(index - 2)),
        );
        if (matches(`${name}=${value}`, left as typeof resource))
          expect(matches(`${name}=${value}`, resource)).toBe(true);
      }),
      runs,
    );
  });
});

describe('escaping', () => {
  const special = fc.stringMatching(/^[a\\,|$]{0,8}$/);
  it('is undone by reading', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), special), (value) => expect(unescapeValue(escapeValue(value))).toBe(value)),
    );
  });
  it('keeps values whole in a list', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), special), { minLength: 1 }), (list) => {
        expect(split(list.map(escapeValue).join(','), ',').map(unescapeValue)).toEqual(list);
      }),
    );
  });
  it('a lone backslash or separator is no value', () => {
    for (const value of ['\\', 'a\\b', 'a|b', 'a,b', 'a$b']) expect(unescapeValue(value)).toBeUndefined();
  });
});
