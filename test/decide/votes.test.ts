import { describe, expect, test } from '@jest/globals';
import type { Elements, Provision } from '../../src/consent/parsed.ts';
import { answerOf, ready, untoldBy } from '../../src/decide/answer.ts';
import { Rules } from '../../src/decide/decide.ts';
import { decisive } from '../../src/decide/strategies.ts';
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

const asker = {
  ...{ identities: new Set<string>(), organizations: new Set<string>(), elsewhere: new Set<string>(), roles: [] },
  ...{ treats: false, isSystem: false, collectives: new Map(), purpose: 'TREAT', at: 0 },
};

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
  const [denial] = votes({ type: 'deny', actor: [bob] }, { settings }, { organization });
  expect(denial).toMatchObject({ answer: 'deny', unmatched: [] });
});

describe('of a Consent that denies what it permits a part of', () => {
  const hiv = [{ labels: { topics: ['HIV'] } }];
  const answers = (provision: R4Provision, wish: Wish = {}) =>
    votes(provision, { resources: hiv, ...wish }).map(({ label, answer, provision: where }) => [label, answer, where]);
  const permitsHiv: R4Provision = { type: 'permit', securityLabel: [act('HIV')] };

  test('the rest of what bears a topic that it permits is not denied, and where is told', () => {
    expect(answers({ type: 'deny', provision: [permitsHiv] })).toEqual([
      ['HIV', 'permit', 'provision.provision[0]'],
      ['rest', 'not-applicable', 'provision'],
    ]);
  });

  test('the rest is denied where no topic is permitted', () => {
    expect(answers({ type: 'deny' })).toEqual([
      ['HIV', 'deny', 'provision'],
      ['rest', 'deny', 'provision'],
    ]);
  });

  test('what is denied of a topic is not denied of the rest', () => {
    expect(answers({ type: 'deny', provision: [permitsHiv, { ...permitsHiv, type: 'deny' }] })).toEqual([
      ['HIV', 'deny', 'provision.provision[1]'],
      ['rest', 'not-applicable', 'provision'],
    ]);
  });
});

test('a permit for a topic that may not be meant for him leaves the topic uncovered, and says why', () => {
  const resources = [{ labels: { topics: ['HIV'] } }];
  const [ofTopic, ofRest] = votes({ type: 'permit', securityLabel: [act('HIV')], actor: [unknownRole] }, { resources });
  expect(ofTopic).toMatchObject({ label: 'HIV', answer: 'uncovered', untold: ['recipient'] });
  expect(ofRest).toMatchObject({ label: 'rest', answer: 'not-applicable', untold: [] });
});

test('a Consent that speaks to him of other data is told by nothing, be it open whether it is meant for him', () => {
  const code = [{ coding: [{ system: 'http://loinc.org', code: 'other' }] }];
  const someGroup = recipient('Group/unread');
  expect(unmatched({ provision: [{ type: 'deny', actor: [someGroup], code }] })).toEqual([]);
  expect(unmatched({ type: 'deny', actor: [someGroup], code })).toEqual([]);
});

test('what is set aside is told with the provision that said it', () => {
  const settings = { organizations: ['Organization/mercy'] };
  const [vote] = votes({ type: 'permit' }, { settings }, { organization: [{ reference: 'Organization/other' }] });
  expect(vote).toMatchObject({ answer: 'not-applicable', provision: 'provision' });
});

test('what is narrowed by kinds of documents leaves something out of the rest; narrowed by topics alone it does not', () => {
  const { settings, candidates } = plainCase({});
  const [read] = parsed([consent({ type: 'permit', securityLabel: [act('HIV')] })], []).consents;
  const [candidate] = candidates;
  if (read?.root === undefined || candidate === undefined) throw new Error('nothing to ask');
  const answer = (elements: Partial<Elements>) => {
    const root = { ...(read.root as Provision), elements: { ...(read.root as Provision).elements, ...elements } };
    const applicable = { consent: { ...read, root }, mayPermit: true, mayDeny: true };
    const one = ready(applicable, asker, settings);
    return [answerOf(one, { topic: undefined, level: 'N' }, candidate, settings).answer, one.readsData];
  };
  const of = { system: 'http://loinc.org', code: '18842-5' };
  expect(answer({})).toEqual(['not-applicable', false]);
  expect(answer({ documents: { codes: [{ kind: 'document', coding: of }], unknown: false } })).toEqual([
    ...['uncovered', true],
  ]);
});

test('of a Consent that has no root nothing is untold', () => {
  const { settings } = plainCase({});
  const [read] = parsed([consent(undefined)], []).consents;
  if (read === undefined) throw new Error('unreadable');
  expect(untoldBy(ready({ consent: read, mayPermit: true, mayDeny: true }, asker, settings), settings)).toEqual([]);
});

test('what a newer Consent takes the place of does not apply, and is told with the provision that said it', () => {
  const { settings } = plainCase({});
  const dated = (type: string, id: string, dateTime: string) => consent({ type }, { id, dateTime });
  const { consents } = parsed([dated('deny', 'old', '2026-01-01'), dated('permit', 'new', '2026-02-01')], []);
  const elements: Elements = { notUnderstood: false };
  const said = (answer: 'permit' | 'deny') => ({ answer, provision: 'provision', deciding: [elements] });
  const asked = consents.map((one, index) => ({
    consent: ready({ consent: one, mayPermit: true, mayDeny: true }, asker, settings),
    rulings: [said(index === 0 ? 'deny' : 'permit')],
  }));
  expect(decisive(asked, 'most-recent').map(({ rulings }) => rulings)).toEqual([
    [{ ...said('deny'), answer: 'not-applicable' }],
    [said('permit')],
  ]);
});

test('what does not depend on the resource is settled once for many', () => {
  const { context, policy, settings, candidates } = plainCase({});
  const [read] = parsed([consent({ type: 'permit' })], []).consents;
  const [candidate] = candidates;
  if (read === undefined || candidate === undefined) throw new Error('nothing to ask');
  let looks = 0;
  const watched = Object.defineProperty({ ...read }, 'status', {
    get: () => {
      looks += 1;
      return read.status;
    },
  });
  const rules = new Rules(context, policyOf(policy), settings, undefined);
  const standing = { kind: 'none', patientIsMinor: false } as const;
  rules.establish('Patient/p1' as PatientKey, { consents: { consents: [watched], unreadable: false }, standing });
  const first = rules.votes(candidate);
  const after = looks;
  expect(rules.votes(candidate)).toEqual(first);
  expect(after).toBeGreaterThan(0);
  expect(looks).toBe(after);
});
