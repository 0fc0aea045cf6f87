import { describe, expect, test } from '@jest/globals';
import type { Elements } from '../../src/consent/parsed.ts';
import type { Residuals } from '../../src/consent/residual.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Labels } from '../../src/label/labels.ts';
import { consent, plainCase, programsNamed, type Wish } from '../reference/plain.ts';
import { decide } from '../reference/production.ts';

/** What a token keeps back of what Consents permit (IHE PCF), and when the Consents it was issued under hold it no more. */

const permits = consent({ type: 'permit' });
const token = (more: Partial<Residuals>): Residuals => ({
  patient: 'Patient/p1' as ResourceKey,
  documents: [],
  rules: [],
  ...more,
});
const outcome = (residuals: Residuals, wish: Wish = {}) =>
  decide(plainCase({ consents: [permits], ...wish }), undefined, [], residuals)[0]?.outcome;

describe('a restriction in a token', () => {
  const none = { confidentiality: [], topics: [], purposes: [], unknown: false };
  const of = (...topics: string[]): Partial<Elements> => ({ labels: { ...none, topics } });
  const upTo = (level: 'N' | 'R' | 'V'): Partial<Elements> => ({ labels: { ...none, confidentiality: [level] } });
  const rule = (effect: 'permit' | 'deny', elements: Partial<Elements>) => ({
    effect,
    elements: { notUnderstood: false, ...elements },
  });
  const everything = rule('deny', {});
  const asked = (labels: Partial<Labels>, ...rules: Residuals['rules']) =>
    outcome(token({ rules }), { resources: [{ labels }] });
  const hiv = { topics: ['HIV'] };

  test('keeps back what it names, and nothing else', () => {
    expect(asked(hiv, rule('deny', of('HIV')))).toBe('withhold');
    expect(asked({ topics: ['PSY'] }, rule('deny', of('HIV')))).toBe('release');
    expect(asked({}, rule('deny', of('HIV')))).toBe('release');
    expect(asked({}, everything)).toBe('withhold');
  });

  test('yields to a permit of the same, whatever else that permits', () => {
    expect(asked(hiv, rule('deny', of('HIV')), rule('permit', of('HIV')))).toBe('release');
    expect(asked(hiv, rule('deny', of('HIV')), rule('permit', {}))).toBe('release');
    expect(asked(hiv, rule('deny', of('HIV')), rule('permit', of('PSY')))).toBe('withhold');
    expect(asked({ topics: ['PSYTHPN'] }, everything, rule('permit', {}))).toBe('withhold');
  });

  test('of everything yields to a permit of a topic for the rest of what bears it, up to R, and for no other topic', () => {
    expect(asked(hiv, everything, rule('permit', of('HIV')))).toBe('release');
    expect(asked({ ...hiv, stated: 'R' }, everything, rule('permit', of('HIV')))).toBe('release');
    expect(asked({ ...hiv, stated: 'V' }, everything, rule('permit', of('HIV')))).toBe('withhold');
    expect(asked({ topics: ['HIV', 'PSY'] }, everything, rule('permit', of('HIV')))).toBe('withhold');
    expect(asked({ topics: ['HIV', 'PSY'] }, everything, rule('permit', of('HIV', 'PSY')))).toBe('release');
    expect(asked({}, everything, rule('permit', of('HIV')))).toBe('withhold');
  });

  test('of what is very restricted says nothing of a topic that it bears', () => {
    expect(asked({ ...hiv, stated: 'V' }, rule('deny', upTo('V')))).toBe('withhold');
    expect(asked(hiv, rule('deny', upTo('V')))).toBe('release');
  });

  test('is no written consent: it gives no Part 2 records back, and its substance use is not the law’s code', () => {
    const given = { roles: ['counselor'], organizations: ['Organization/a'] };
    const facts = {
      labelInputs: { type: 'Observation', own: [], codings: [], actors: ['Organization/a'], actorIdentifiers: [] },
    };
    const records = (...rules: Residuals['rules']) =>
      outcome(token({ rules }), {
        ...given,
        settings: { programs: programsNamed('Organization/a') },
        policy: { cleared: [{ role: 'counselor', topic: '42CFRPart2' }] },
        resources: [{ facts, labels: { topics: ['42CFRPart2'] } }],
      });
    expect(records()).toBe('release');
    expect(records(rule('deny', of('42CFRPart2')))).toBe('withhold');
    expect(records(rule('deny', of('42CFRPart2')), rule('permit', of('42CFRPart2')))).toBe('withhold');
    expect(records(rule('deny', of('SUD')))).toBe('release');
    expect(asked({ topics: ['SUD'] }, rule('deny', of('SUD')), rule('permit', of('42CFRPart2')))).toBe('withhold');
  });

  test('of another patient opens nothing of hers', () => {
    expect(outcome(token({ patient: 'Patient/p2' as ResourceKey }))).toBe('withhold');
    const others = { 'Patient/p2': [consent({ type: 'permit' }, { id: 'c2' })] };
    const resources = [{ facts: { patients: ['Patient/p1', 'Patient/p2'] as PatientKey[] } }];
    expect(outcome(token({}), { others, resources })).toBe('withhold');
  });
});

describe('a token stands while every Consent does that it was issued under', () => {
  const revoked = consent({ type: 'permit' }, { id: 'c2', status: 'inactive', policy: [{ uri: 'urn:two' }] });
  test.each<[string, readonly (string | undefined)[], string]>([
    ['none', [], 'release'],
    ['one in force', ['Consent/c1'], 'release'],
    ['the version in force', ['Consent/c1/_history/1'], 'release'],
    ['another version of it', ['Consent/c1/_history/2'], 'withhold'],
    ['one whose id begins so', ['Consent/c'], 'withhold'],
    ['one that is revoked', ['Consent/c2'], 'withhold'],
    ['one in force and one that is revoked', ['Consent/c1', 'Consent/c2'], 'withhold'],
    ['one of another server', ['https://elsewhere.example/Consent/c1'], 'withhold'],
    ['what nobody can read', [undefined], 'withhold'],
  ])('%s', (_what, documents, expected) => {
    expect(outcome(token({ documents }), { consents: [permits, revoked] })).toBe(expected);
  });

  test('where a store keeps no versions, by its id', () => {
    const { versionId: _, ...meta } = permits.meta;
    const unversioned = { ...permits, meta } as typeof permits;
    expect(outcome(token({ documents: ['Consent/c1'] }), { consents: [unversioned] })).toBe('release');
  });
});
