import { expect, test } from '@jest/globals';
import { act, consent, participation, plainCase, type Wish } from '../reference/plain.ts';
import { decide } from '../reference/production.ts';
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
