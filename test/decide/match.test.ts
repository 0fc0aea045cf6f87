import { describe, expect, test } from '@jest/globals';
import type { Actor, Elements } from '../../src/consent/parsed.ts';
import type { Asker, Question } from '../../src/decide/match.ts';
import { matchesData, matchesRequest } from '../../src/decide/match.ts';
import type { ResourceKey } from '../../src/fhir/ids.ts';
import type { Facts } from '../../src/label/facts.ts';
import { plainCase } from '../reference/plain.ts';

/** Whether a provision is about this, is not, or would be if what nobody understands were understood: that third answer. */

const { settings, candidates } = plainCase({});
const bob: Asker = {
  ...{ identities: new Set(['Practitioner/bob']), organizations: new Set<string>(), elsewhere: new Set<string>() },
  ...{ roles: [], treats: false, isSystem: false, collectives: new Map(), purpose: 'TREAT', at: 0 },
};
const whole = {
  ...{ root: undefined, nested: [], isPart2: false, basicNormalCeiling: false, allPurposes: [] },
  written: {
    ...{ hasOrganization: false, hasPolicyText: false, forms: [], hasSource: false },
    ...{ hasDateTime: false, isVerified: false, hasEnd: false },
  },
};
const rest: Question = { topic: undefined, level: 'N' };
const labels = { confidentiality: [], topics: [], purposes: [], unknown: false };

const request = (elements: Partial<Elements>, effect: 'permit' | 'deny', organizations: readonly string[] = []) =>
  matchesRequest({ notUnderstood: false, ...elements }, effect, bob, { ...settings, organizations });
function data(
  elements: Partial<Elements>,
  effect: 'permit' | 'deny',
  facts: Partial<Facts> = {},
  question: Question = rest,
) {
  const plain = candidates[0]?.facts as Facts;
  const all = { notUnderstood: false, ...elements };
  return matchesData(all, effect, whole, question, bob, { ...plain, ...facts }, new Map(), settings);
}
const actor = (part: Actor['part'], names: readonly string[], more: Partial<Actor> = {}): readonly Actor[] => [
  { part, names, roles: [], unresolved: false, ...more },
];

test('what is not understood of a provision leaves open whether it is about a request', () => {
  for (const effect of ['permit', 'deny'] as const) {
    expect(request({}, effect)).toBe('yes');
    expect(request({ notUnderstood: true }, effect)).toBe('unknown');
    expect(request({ notUnderstood: true, actors: actor('recipient', ['Practitioner/ann']) }, effect)).toBe('no');
  }
});

test('a custodian who cannot be told may be another one', () => {
  const by = (name: string, unresolved: boolean) =>
    request({ actors: actor('custodian', [name], { unresolved }) }, 'permit', ['Organization/a']);
  expect(by('Organization/a', false)).toBe('yes');
  expect(by('Organization/x', false)).toBe('no');
  expect(by('Organization/x', true)).toBe('unknown');
});

test('what is not understood leaves open whether it is about her own resource, or anything', () => {
  for (const type of ['Patient', 'Observation'])
    for (const level of ['N', 'V'] as const) {
      expect(data({}, 'permit', { type }, { ...rest, level })).toBe('yes');
      expect(data({ notUnderstood: true }, 'permit', { type }, { ...rest, level })).toBe('unknown');
    }
});

test('a label that nobody knows leaves open what a provision is about; one that is known decides', () => {
  const odd = { ...labels, unknown: true };
  expect(data({ labels: odd }, 'deny')).toBe('unknown');
  expect(data({ labels: odd }, 'permit')).toBe('unknown');
  const restricted = { ...odd, confidentiality: ['R' as const] };
  expect(data({ labels: restricted }, 'deny', {}, { ...rest, level: 'R' })).toBe('yes');
  expect(data({ labels: restricted }, 'permit', {}, { ...rest, level: 'V' })).toBe('no');
  const hiv: Question = { topic: 'HIV', level: 'R' };
  expect(data({ labels: { ...labels, topics: ['HIV'] } }, 'deny', {}, hiv)).toBe('yes');
  expect(data({ labels: { ...labels, topics: ['HIV'] } }, 'deny')).toBe('no');
  expect(data({ labels: { ...labels, purposes: ['TREAT'] } }, 'permit')).toBe('yes');
  expect(data({ labels: { ...labels, purposes: ['HPAYMT'] } }, 'permit')).toBe('no');
  expect(data({ labels: { ...labels, purposes: ['HPAYMT'] } }, 'deny')).toBe('no');
});

test('whoever states no purpose is met by a denial for any, and by no permit for one', () => {
  const nobody = { ...bob, purpose: undefined };
  const asked = (purposes: readonly string[], effect: 'permit' | 'deny') =>
    matchesRequest({ notUnderstood: false, purposes: { codes: purposes, unknown: false } }, effect, nobody, settings);
  expect(asked(['TREAT'], 'deny')).toBe('yes');
  expect(asked(['TREAT'], 'permit')).toBe('no');
});

test('a provision without labels is about every topic and about the rest', () => {
  const hiv: Question = { topic: 'HIV', level: 'R' };
  for (const question of [rest, hiv]) {
    expect(data({}, 'deny', {}, question)).toBe('yes');
    expect(data({}, 'permit', {}, question)).toBe('yes');
  }
});

test('a denial of a time is about all that reaches into it', () => {
  const march = { start: 10, end: 20 };
  const of = (start: number, end: number) => data({ dataPeriod: march }, 'deny', { clinicalTime: { start, end } });
  expect([of(0, 10), of(12, 13), of(20, 30), of(0, 30)]).toEqual(['yes', 'yes', 'yes', 'yes']);
  expect([of(0, 9), of(21, 30)]).toEqual(['no', 'no']);
});

describe('an author', () => {
  const authors = ['Practitioner/bob'];
  const by = (names: readonly string[], more: Partial<Actor> = {}) =>
    data({ actors: actor('author', names, more) }, 'permit', { authors });

  test('is one of the names that are stated', () => {
    expect(by(['Practitioner/ann', 'Practitioner/bob'])).toBe('yes');
    expect(by(['Practitioner/ann'])).toBe('no');
  });

  test('who cannot be told, or is one of many, may have been him', () => {
    const collective = 'Group/g' as ResourceKey;
    expect(by(['Practitioner/ann'], { unresolved: true })).toBe('unknown');
    expect(by(['Practitioner/bob'], { unresolved: true })).toBe('unknown');
    expect(by(['Practitioner/ann'], { collective })).toBe('unknown');
    expect(by(['Practitioner/bob'], { collective })).toBe('yes');
  });

  test('is nobody’s of who she is', () => {
    const actors = actor('author', ['Practitioner/bob']);
    expect(data({ actors }, 'deny', { type: 'Patient', authors })).toBe('no');
    expect(data({ actors }, 'permit', { type: 'Patient', authors: [] })).toBe('yes');
  });
});
