import { describe, expect, test } from '@jest/globals';
import { part2Config } from '../../src/config/part2.ts';
import { registered } from '../../src/decide/agreements.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import { consent, plainCase, type Wish } from '../reference/plain.ts';
import { decide } from '../reference/production.ts';

const order = {
  id: 'order-12',
  section: '2.64',
  instrument: 'subpoena 12',
  recipients: ['Organization/court'],
  approved: ['Observation/1'],
  until: '2026-12-31',
};

/** Whether the court receives an Observation and a Condition of Ada's Part 2 record, and may know that she exists. */
function toCourt(change: Partial<typeof order>, wish: Wish = {}): readonly string[] {
  const { orders } = part2Config.parse({ orders: [{ ...order, ...change }] });
  const agreements = registered(
    { agreements: [], orders, coveredEntities: [], intermediaries: [], statement: 'short' },
    timeReader('UTC'),
    (one) => one,
  );
  const labels = { topics: ['42CFRPart2'] };
  const world = plainCase({
    organizations: ['Organization/court'],
    purposes: ['HLEGAL'],
    resources: [
      { labels },
      { facts: { type: 'Condition', key: 'Condition/1' as ResourceKey }, labels },
      {
        facts: { type: 'Patient', key: 'Patient/p1' as ResourceKey, patients: ['Patient/p1' as PatientKey] },
        asTarget: true,
      },
      { facts: { type: 'Patient', key: 'Patient/p1' as ResourceKey, patients: ['Patient/p1' as PatientKey] } },
    ],
    settings: { part2: { agreements, coveredEntities: [], intermediaries: [] } },
    ...wish,
  });
  return decide(world).map(({ outcome, reasons }) => (outcome === 'release' ? (reasons[0]?.rule ?? '') : outcome));
}

describe('a court order', () => {
  test('opens what was approved by itself, and that there is somebody it is about', () => {
    expect(toCourt({})).toEqual(['order-12', 'withhold', '', 'withhold']);
  });

  test.each([
    ['of another recipient', { recipients: ['Organization/other-court'] }, {}],
    ['that ended', { until: '2026-06-14' }, {}],
    ['for other resources', { approved: ['Observation/2'] }, {}],
    ['for another purpose', {}, { purposes: ['TREAT'] }],
    ['for no purpose', {}, { purposes: [] }],
  ])('opens nothing %s', (_what, change, wish) => {
    expect(toCourt(change, wish)[0]).toBe('withhold');
  });

  test('opens on its last day', () => {
    expect(toCourt({ until: '2026-06-15' })[0]).toBe('order-12');
  });

  test('opens no notes', () => {
    expect(toCourt({}, { resources: [{ labels: { topics: ['42CFRPart2', 'SUDCN'] } }] })).toEqual(['withhold']);
  });

  test('opens nothing that the patient denies', () => {
    expect(toCourt({}, { consents: [consent({ type: 'deny' })] })[0]).toBe('withhold');
  });
});

describe('what is registered', () => {
  const agreement = {
    id: 'a',
    kind: 'qso',
    programs: ['Organization/lakeside'],
    recipients: ['Organization/lab'],
    purposes: ['HOPERAT'],
    until: '2026-12-31',
  };
  const faultOf = (change: object, more: object = {}): string | undefined =>
    part2Config.safeParse({ agreements: [{ ...agreement, ...change }], ...more }).error?.issues[0]?.message;

  test.each([
    ['proceedings', { purposes: ['HLEGAL'] }, 'HLEGAL is no purpose of this kind'],
    ['research by a QSO', { purposes: ['HRESCH'] }, 'HRESCH is no purpose of this kind'],
    ['treatment by an auditor', { kind: 'audit', purposes: ['TREAT'] }, 'TREAT is no purpose of this kind'],
    ['operations by a researcher', { kind: 'research' }, 'HOPERAT is no purpose of this kind'],
    ['counseling notes', { topics: ['SUDCN'] }, 'SUDCN cannot be covered'],
    ['no topic', { topics: ['NONSENSE'] }, 'NONSENSE cannot be covered'],
    ['the same name twice', {}, 'a is used twice', { orders: [{ ...order, id: 'a' }] }],
  ])('is never %s', (_what, change, message, more: object | undefined = {}) => {
    expect(faultOf(change, more)).toBe(message);
  });

  test('is otherwise taken', () => {
    expect(faultOf({})).toBeUndefined();
  });
});
