import { describe, expect, test } from '@jest/globals';
import {
  codingsOf,
  directiveOf,
  isForEmergencies,
  isGrantedRestriction,
  isNotice,
  keysOf,
  namesLaw,
  recencyOf,
  refOf,
  statedAt,
  wholeFindings,
  wholePeriod,
} from '../../src/consent/whole.ts';
import { timeReader } from '../../src/fhir/dates.ts';

/** What Consents state of themselves as a whole, each on both sides of its rule. */

const time = timeReader('UTC');
const hl7 = 'http://terminology.hl7.org/CodeSystem';
const elsewhere = 'https://elsewhere.example/codes';
const coding = (system: string, code: string) => ({ system, code });

describe('which of two is newer', () => {
  const recency = (meta: object, dateTime?: number | 'unreadable') => recencyOf({ meta }, dateTime, 'c1', time);

  test('by its date, when its store last changed it, the number of its version, its text, its id', () => {
    expect(recency({ versionId: '12', lastUpdated: '2026-01-02T03:04:05Z' }, 7)).toEqual([
      ...[7, Date.UTC(2026, 0, 2, 3, 4, 5), 12, '12', 'c1'],
    ]);
  });

  test('what is not stated, or cannot be read, is older than everything', () => {
    const never = Number.NEGATIVE_INFINITY;
    expect(recency({})).toEqual([never, never, -1, '', 'c1']);
    expect(recency({ lastUpdated: 'yesterday' }, 'unreadable')).toEqual([never, never, -1, '', 'c1']);
  });

  test.each(['W/3', '3a', 'a3', '1234567890123456', ''])('a version %p is no number', (versionId) => {
    expect(recency({ versionId }).slice(2, 4)).toEqual([-1, versionId]);
  });
});

test('a Consent is named by its version, where it has one', () => {
  expect(refOf({ meta: { versionId: '3' } }, 'c1')).toBe('Consent/c1/_history/3');
  expect(refOf({}, 'c1')).toBe('Consent/c1');
});

test('a date that is stated and no date cannot be read; one that is not stated is none', () => {
  expect(statedAt(undefined, time)).toBeUndefined();
  expect(statedAt('2026-01-02', time)).toBe(Date.UTC(2026, 0, 2));
  for (const odd of [20_260_102, 2026, {}, ['2026-01-02'], 'soon', null])
    expect(statedAt(odd, time)).toBe('unreadable');
});

test('a period is open where it states no bound, and cannot be read where a bound is no date', () => {
  const open = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
  expect(wholePeriod(undefined, time)).toBeUndefined();
  expect(wholePeriod({}, time)).toEqual(open);
  expect(wholePeriod({ start: '2026-01-02' }, time)).toEqual({ ...open, start: Date.UTC(2026, 0, 2) });
  for (const odd of ['2026', { start: 2026 }, { end: 2026 }, { start: 'soon' }, { end: 'later' }])
    expect(wholePeriod(odd, time)).toBe('unreadable');
});

test('a coding without a code says nothing, one without a system is of none', () => {
  expect(codingsOf({ coding: [{ system: elsewhere }, { code: 'A' }, { system: elsewhere, code: 'B' }] })).toEqual([
    coding('', 'A'),
    coding(elsewhere, 'B'),
  ]);
});

test('categories are compared in one order', () => {
  const [a, b] = [coding(elsewhere, 'A'), coding(elsewhere, 'B')];
  expect(keysOf([b, a])).toEqual(keysOf([a, b]));
});

describe('a code counts in its own code system alone', () => {
  test('of base rules', () => {
    expect(directiveOf([coding(`${hl7}/v3-ActCode`, 'OPTIN')])).toBe('optin');
    expect(directiveOf([coding(`${hl7}/v3-ActCode`, 'OPTIN'), coding(`${hl7}/v3-ActCode`, 'OPTOUT')])).toBe('optout');
    expect(directiveOf([coding(elsewhere, 'OPTIN')])).toBeUndefined();
  });

  test('of Consents for emergencies', () => {
    expect(isForEmergencies([coding(`${hl7}/consentcategorycodes`, 'emrgonly')])).toBe(true);
    expect(isForEmergencies([coding(elsewhere, 'emrgonly')])).toBe(false);
    expect(isForEmergencies([coding(`${hl7}/consentcategorycodes`, 'acd')])).toBe(false);
  });

  test('of laws', () => {
    for (const name of ['v3-ActCode', 'v3-ActUSPrivacyLaw'])
      expect(namesLaw([coding(`${hl7}/${name}`, '42CFRPart2')], '42CFRPart2')).toBe(true);
    expect(namesLaw([coding(elsewhere, '42CFRPart2')], '42CFRPart2')).toBe(false);
    expect(namesLaw([coding(`${hl7}/v3-ActCode`, 'OPTIN')], '42CFRPart2')).toBe(false);
  });

  test('of restrictions that were granted', () => {
    expect(isGrantedRestriction(coding(`${hl7}/consentpolicycodes`, 'hipaa-restrictions'))).toBe(true);
    expect(isGrantedRestriction(coding(elsewhere, 'hipaa-restrictions'))).toBe(false);
    expect(isGrantedRestriction(coding(`${hl7}/consentpolicycodes`, 'hipaa-auth'))).toBe(false);
  });
});

test('a notice is a Consent whose every category is one, and which has no rule', () => {
  const [npp, other, rule] = ['npp', 'acd', 'OPTIN'].map((code) => coding(elsewhere, code)) as [
    ReturnType<typeof coding>,
    ReturnType<typeof coding>,
    ReturnType<typeof coding>,
  ];
  expect(isNotice([], [npp])).toBe(true);
  expect(isNotice([], [npp, other])).toBe(false);
  expect(isNotice([], [])).toBe(false);
  expect(isNotice([rule], [npp])).toBe(false);
  expect(isNotice([coding(elsewhere, 'NOPP')], [other])).toBe(true);
});

describe('what of it as a whole is not understood', () => {
  const options = {
    fhirVersion: 'R4' as const,
    time,
    localBases: [],
    harmlessExtensions: ['https://elsewhere.example/harmless'],
    part2PolicyUris: [],
  };
  const findings = (json: object) =>
    wholeFindings(json as Record<string, unknown>, new Set(['status', 'extension']), options);
  const controller = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.controller';

  test('a member that nobody knows; its sibling of a known one is known', () => {
    expect(findings({ status: 'active', _status: {} })).toEqual([]);
    expect(findings({ moon: 'full' })).toEqual(['Consent.member']);
    expect(findings({ sta_tus: 'active' })).toEqual(['Consent.member']);
  });

  test('an extension that nobody knows, or without an address', () => {
    expect(findings({ extension: [{ url: 'https://elsewhere.example/harmless' }] })).toEqual([]);
    expect(findings({ extension: [{ url: 'https://elsewhere.example/harmful' }] })).toHaveLength(1);
    expect(findings({ extension: [{}] })).toHaveLength(1);
  });

  test('a controller that is no reference', () => {
    expect(findings({ extension: [{ url: controller, valueReference: { reference: 'Organization/o' } }] })).toEqual([]);
    expect(findings({ extension: [{ url: controller, valueString: 'o' }] })).toHaveLength(1);
  });
});
