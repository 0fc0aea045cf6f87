import { expect, test } from '@jest/globals';
import type { RequesterNames } from '../../src/consent/memberships.ts';
import { Rules } from '../../src/decide/decide.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { act, consent, participation, plainCase, type Wish } from '../reference/plain.ts';
import { decide, parsed, policyOf } from '../reference/production.ts';
import type { R4Actor, R4Coding } from '../reference/r4.ts';
import type { DirectoryResource } from '../reference/r5.ts';

/** Cases that generated worlds meet too seldom to rely on. */

function outcomes(wish: Wish): readonly string[] {
  return decide(plainCase(wish)).map(({ outcome }) => outcome);
}

const recipient = (reference: string): R4Actor => ({
  role: { coding: [participation('IRCP')] },
  reference: { reference },
});
const snomed = (code: string): R4Coding => ({ system: 'http://snomed.info/sct', code });
const ofOneSystem = (code: string): R4Coding => ({ system: 'urn:roles', code });

function described(trait: R4Coding, exclude = false): DirectoryResource {
  return {
    resourceType: 'Group',
    id: 'some',
    type: 'practitioner',
    actual: false,
    characteristic: [{ code: { text: 'role' }, valueCodeableConcept: { coding: [trait] }, exclude }],
  };
}

/** Everybody may, but whoever is of the Group. */
const butThem = consent({ type: 'permit', provision: [{ type: 'deny', actor: [recipient('Group/some')] }] });
const onlyThem = consent({ type: 'permit', actor: [recipient('Group/some')] });

test('another code of SNOMED CT does not show that he lacks a trait, another of a system of roles does', () => {
  const of = (trait: R4Coding, his: R4Coding): readonly string[] =>
    outcomes({ consents: [butThem], directory: [described(trait)], heldRoles: [his] });
  expect(of(snomed('17561000'), snomed('768820003'))).toEqual(['withhold']);
  expect(of(ofOneSystem('cardiologist'), ofOneSystem('nurse'))).toEqual(['release']);
});

test('a role that his token states without a code system may be of any', () => {
  const of = (...roleCodes: readonly { readonly system?: string; readonly code: string }[]) => {
    const world = plainCase({ consents: [butThem], directory: [described(ofOneSystem('nurse'))] });
    const requester = { ...world.context.requester, roleCodes };
    return decide({ ...world, context: { ...world.context, requester } }).map(({ outcome }) => outcome);
  };
  const doctor = { system: 'urn:roles', code: 'doctor' };
  expect(of(doctor)).toEqual(['release']);
  expect(of(doctor, { code: 'porter' })).toEqual(['release']);
  expect(of(doctor, { code: 'nurse' })).toEqual(['withhold']);
});

test('a Consent may name him by what the records say of him beside his token', () => {
  const known = (names: Pick<RequesterNames, 'identities' | 'organizations'> | undefined, actor: string) => {
    const world = plainCase({});
    const rules = new Rules(world.context, policyOf(world.policy), world.settings, undefined);
    rules.establish('Patient/p1' as PatientKey, {
      consents: parsed([consent({ type: 'permit', actor: [recipient(actor)] })], []),
      standing: { kind: 'none', patientIsMinor: false },
      ...(names && { names: { ...names, elsewhere: [], roles: [], treats: [] } }),
    });
    return world.candidates.map((candidate) => rules.decide(candidate).outcome);
  };
  const names = { identities: ['Practitioner/bob', 'PractitionerRole/r'], organizations: ['Organization/h'] };
  for (const one of ['PractitionerRole/r', 'Organization/h', 'Practitioner/bob'])
    expect([one, known(names, one)]).toEqual([one, ['release']]);
  expect(known(undefined, 'Practitioner/bob')).toEqual(['release']);
  expect(known(undefined, 'Organization/h')).toEqual(['withhold']);
});

test('an excluded trait keeps out whoever has it, and whoever may have it', () => {
  const of = (trait: R4Coding, his: R4Coding): readonly string[] =>
    outcomes({ consents: [onlyThem], directory: [described(trait, true)], heldRoles: [his] });
  expect(of(ofOneSystem('student'), ofOneSystem('student'))).toEqual(['withhold']);
  expect(of(ofOneSystem('student'), ofOneSystem('nurse'))).toEqual(['release']);
  expect(of(snomed('65853000'), snomed('768820003'))).toEqual(['withhold']);
});

/** All denied, but for one topic. */
const butPsychiatry = consent(
  { provision: [{ type: 'permit', securityLabel: [act('PSY')] }] },
  { policyRule: { coding: [act('OPTOUT')] }, organization: [{ reference: 'Organization/one' }] },
);
const everything = consent({ type: 'permit' }, { id: 'c2', organization: [{ reference: 'Organization/two' }] });
const psychiatry = [{ labels: { topics: ['PSY'] } }];

test('a permit of a topic opens what bears it, under a Consent that denies all else', () => {
  expect(outcomes({ consents: [butPsychiatry], resources: psychiatry })).toEqual(['release']);
  expect(outcomes({ consents: [butPsychiatry] })).toEqual(['withhold']);
});

test('a Consent that may not permit here takes nothing of its denial back', () => {
  const settings = { organizations: ['Organization/two'], foreignDenyBinds: true };
  expect(outcomes({ consents: [butPsychiatry, everything], resources: psychiatry, settings })).toEqual(['withhold']);
  const neither = { ...settings, foreignDenyBinds: false };
  expect(outcomes({ consents: [butPsychiatry, everything], resources: psychiatry, settings: neither })).toEqual([
    'release',
  ]);
});
