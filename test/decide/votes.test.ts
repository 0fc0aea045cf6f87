import { describe, expect, test } from '@jest/globals';
import { Rules } from '../../src/decide/decide.ts';
import type { Vote } from '../../src/decide/votes.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { act, consent, participation, plainCase, purpose, type Wish } from '../reference/plain.ts';
import { parsed, policyOf } from '../reference/production.ts';
import type { R4Provision } from '../reference/r4.ts';

/** What is told of a Consent that does not speak to somebody: in what the request is not as it says. */

const recipient = (reference: string) => ({ role: { coding: [participation('IRCP')] }, reference: { reference } });
const bob = recipient('Practitioner/bob');
const ann = recipient('Practitioner/ann');
const unknownRole = { ...bob, role: { coding: [{ system: 'urn:roles', code: 'x' }] } };
const action = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code }],
});
const past = { end: '2026-06-01' };

function votes(provision: R4Provision | undefined, wish: Wish = {}, more: object = {}): readonly Vote[] {
  const world = plainCase({ consents: [consent(provision, more)], ...wish });
  const rules = new Rules(world.context, policyOf(world.policy), world.settings, undefined);
  for (const { key, consents, standing } of world.patients)
    rules.establish(key as PatientKey, { consents: parsed(consents, []), standing });
  return world.candidates.flatMap((candidate) => rules.votes(candidate));
}
const unmatched = (provision: R4Provision, wish: Wish = {}, more: object = {}) =>
  votes(provision, wish, more)[0]?.unmatched;

test('one answer of each Consent to each question, with where it stands', () => {
  const resources = [{ labels: { topics: ['HIV'] } }];
  const common = { patient: 'Patient/p1', purpose: 'TREAT', consent: 'Consent/c1/_history/1', isCounted: true };
  expect(votes({ type: 'permit', securityLabel: [act('HIV')] }, { resources })).toEqual([
    { ...common, label: 'HIV', answer: 'permit', provision: 'provision', unmatched: [], untold: [] },
    { ...common, label: 'rest', answer: 'not-applicable', provision: 'provision', unmatched: [], untold: [] },
  ]);
  expect(votes(undefined)).toEqual([
    { ...common, label: 'rest', answer: 'not-applicable', provision: 'base', unmatched: [], untold: [] },
  ]);
});

test('of everybody who takes part, where it is nobody’s record', () => {
  const facts = { patients: [], participants: ['Patient/p1', 'Patient/p2'] as PatientKey[] };
  const asked = votes({ type: 'permit' }, { resources: [{ facts }], others: { 'Patient/p2': [] } });
  expect(asked.map(({ patient }) => patient)).toEqual(['Patient/p1']);
});

describe('a Consent that does not apply is told by what is not as it says', () => {
  test.each<[string, R4Provision, readonly string[]]>([
    ['it names somebody else', { type: 'permit', actor: [ann] }, ['recipient']],
    ['it is for another purpose', { type: 'permit', purpose: [purpose('HPAYMT')] }, ['purpose']],
    ['it is of another action', { type: 'permit', action: [action('collect')] }, ['action']],
    ['several things', { type: 'permit', actor: [ann], purpose: [purpose('HPAYMT')] }, ['recipient', 'purpose']],
    ['nobody can tell whom it names', { type: 'permit', actor: [unknownRole] }, []],
    ['it applies', { type: 'permit', actor: [bob] }, []],
    ['a deny of somebody else', { type: 'deny', actor: [ann] }, ['recipient']],
  ])('%s', (_what, provision, expected) => {
    expect(unmatched(provision)).toEqual(expected);
  });

  test('of several provisions the one that comes closest', () => {
    const far: R4Provision = { type: 'permit', actor: [ann], purpose: [purpose('HPAYMT')] };
    const near: R4Provision = { type: 'permit', actor: [bob], purpose: [purpose('HPAYMT')] };
    for (const provision of [
      [far, near],
      [near, far],
    ])
      expect(unmatched({ provision })).toEqual(['purpose']);
    expect(unmatched({ ...far, provision: [{ ...near, type: 'deny' }] })).toEqual(['purpose']);
    expect(unmatched({ ...near, provision: [{ ...far, type: 'deny' }] })).toEqual(['purpose']);
  });

  test('what cannot be told counts against a nested permit as what is not so', () => {
    expect(unmatched({ provision: [{ type: 'permit', actor: [unknownRole] }] })).toEqual(['recipient']);
  });

  test('nothing, where a provision of it does speak to who asks', () => {
    const hiv = { securityLabel: [act('HIV')] };
    expect(unmatched({ type: 'permit', actor: [ann], provision: [{ type: 'deny', actor: [bob], ...hiv }] })).toEqual(
      [],
    );
    expect(unmatched({ type: 'deny', ...hiv, provision: [{ type: 'permit', actor: [ann] }] })).toEqual([]);
  });

  test('a period that is over', () => {
    expect(unmatched({ provision: [{ type: 'permit', period: past }] })).toEqual(['period']);
  });
});

describe('a Consent that is uncovered is told by what cannot be told', () => {
  const untold = (provision: R4Provision) => votes(provision).map(({ answer, untold: what }) => [answer, what]);
  test('of its root alone', () => {
    expect(untold({ type: 'permit', actor: [unknownRole] })).toEqual([['uncovered', ['recipient']]]);
    expect(untold({ type: 'permit', actor: [unknownRole], purpose: [purpose('NONSENSE')] })).toEqual([
      ['uncovered', ['recipient', 'purpose']],
    ]);
  });
  test('nothing where its data is what it does not cover', () => {
    const code = [{ coding: [{ system: 'http://loinc.org', code: 'other' }] }];
    expect(untold({ type: 'permit', actor: [bob], code })).toEqual([['uncovered', []]]);
  });
});

test('what may not permit is set aside, where nothing else keeps it from speaking', () => {
  const organization = [{ reference: 'Organization/other' }];
  const settings = { organizations: ['Organization/mercy'] };
  expect(unmatched({ type: 'permit', actor: [bob] }, { settings }, { organization })).toEqual(['set-aside']);
  expect(unmatched({ type: 'permit', actor: [ann] }, { settings }, { organization })).toEqual(['recipient']);
});
