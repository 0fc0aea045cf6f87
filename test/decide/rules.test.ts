import { describe, expect, test } from '@jest/globals';
import type { Elements } from '../../src/consent/parsed.ts';
import { part2Lacks } from '../../src/decide/part2-elements.ts';
import type { Interval } from '../../src/fhir/coding.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Facts } from '../../src/label/facts.ts';
import { gatewayLabels } from '../reference/evaluate.ts';
import { act, consent, participation, plainCase, purpose, type Wish, writtenConsent } from '../reference/plain.ts';
import { decide, parsed } from '../reference/production.ts';
import type { R4Consent, R4Provision } from '../reference/r4.ts';
import type { R5Consent } from '../reference/r5.ts';

/** Single rules at their edges: what is on the line, and what is a step to either side of it. */

const outcome = (wish: Wish) => decide(plainCase(wish))[0]?.outcome;
const v3 = (name: string): string => `http://terminology.hl7.org/CodeSystem/v3-${name}`;
const level = (code: string) => ({ system: v3('Confidentiality'), code });
const loinc = (code: string) => ({ system: 'http://loinc.org', code });
const kind = (code: string) => ({ system: 'http://hl7.org/fhir/resource-types', code });
const by = (reference: string, role = 'IRCP') => ({
  role: { coding: [participation(role)] },
  reference: { reference },
});
const general = consent({ type: 'permit' }, { id: 'general', policy: [{ uri: 'urn:general' }] });
/** A permit alone, and a deny beside a general permit; nested, so that no period is the whole Consent's. */
const permitted = (provision: R4Provision, wish: Wish = {}) =>
  outcome({ consents: [consent({ type: 'deny', provision: [{ type: 'permit', ...provision }] })], ...wish });
const denied = (provision: R4Provision, wish: Wish = {}) =>
  outcome({ consents: [consent({ type: 'permit', provision: [{ type: 'deny', ...provision }] }), general], ...wish });

describe('time', () => {
  const now = '2026-06-15T12:00:00.000Z';
  const before = '2026-06-15T11:59:59.999Z';
  const after = '2026-06-15T12:00:00.001Z';

  test.each([
    [{ start: now }, 'release'],
    [{ start: before }, 'release'],
    [{ start: after }, 'withhold'],
    [{ end: now }, 'release'],
    [{ end: after }, 'release'],
    [{ end: before }, 'withhold'],
  ])('a period %j of a Consent, and of a provision, is read to the millisecond', (period, expected) => {
    expect(outcome({ consents: [consent({ type: 'permit', period })] })).toBe(expected);
    expect(permitted({ period })).toBe(expected);
    expect(denied({ period })).toBe(expected === 'release' ? 'withhold' : 'release');
  });

  test('a Consent counts from the instant that it is of', () => {
    const of = (dateTime: string) => outcome({ consents: [consent({ type: 'permit' }, { dateTime })] });
    expect([before, now, after].map(of)).toEqual(['release', 'release', 'withhold']);
  });

  test('what has run out supersedes only as what was revoked does', () => {
    const older = consent({ type: 'deny' }, { dateTime: '2026-01-01' });
    const newer = consent({ type: 'permit', period: { end: before } }, { id: 'c2', dateTime: '2026-02-01' });
    expect(outcome({ consents: [older, newer, general] })).toBe('withhold');
    const permit = consent({ type: 'permit' }, { dateTime: '2026-01-01' });
    expect(outcome({ consents: [permit, newer] })).toBe('withhold');
  });

  test('of two of one instant the one that was stored later is newer, then the higher version, then the later id', () => {
    const of = (type: string, id: string, lastUpdated: string, versionId: string) =>
      consent({ type }, { id, dateTime: '2026-01-01', meta: { lastUpdated, versionId } });
    const early = '2026-01-01T00:00:00Z';
    const late = '2026-01-02T00:00:00Z';
    for (const [deny, permit] of [
      [of('deny', 'z', early, '9'), of('permit', 'a', late, '1')],
      [of('deny', 'z', early, '9'), of('permit', 'a', early, '10')],
      [of('deny', 'a', early, '1'), of('permit', 'b', early, '1')],
    ] as const)
      expect(outcome({ consents: [deny, permit] })).toBe('release');
  });

  const data = (start: string, end: string): Wish => {
    const clinicalTime: Interval = { start: Date.parse(start), end: Date.parse(end) };
    return { resources: [{ facts: { clinicalTime } }] };
  };
  const dataPeriod = { start: '2026-03-01', end: '2026-03-31' };
  test.each([
    ['inside', data('2026-03-01T00:00:00.000Z', '2026-03-31T23:59:59.999Z'), 'release', 'withhold'],
    ['over its beginning', data('2026-02-28T23:59:59.999Z', '2026-03-02T00:00:00.000Z'), 'withhold', 'withhold'],
    ['over its end', data('2026-03-31T00:00:00.000Z', '2026-04-01T00:00:00.000Z'), 'withhold', 'withhold'],
    ['to its first instant', data('2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'), 'withhold', 'withhold'],
    ['from its last instant', data('2026-03-31T23:59:59.999Z', '2026-05-01T00:00:00.000Z'), 'withhold', 'withhold'],
    ['before it', data('2026-02-01T00:00:00.000Z', '2026-02-28T23:59:59.999Z'), 'withhold', 'release'],
    ['after it', data('2026-04-01T00:00:00.000Z', '2026-04-02T00:00:00.000Z'), 'withhold', 'release'],
  ])('data %s is permitted and denied by its own time', (_where, wish, ofPermit, ofDeny) => {
    expect(permitted({ dataPeriod }, wish)).toBe(ofPermit);
    expect(denied({ dataPeriod }, wish)).toBe(ofDeny);
  });

  test('without a clinical time the last update stands for it; without both nobody can tell', () => {
    const settings = {
      instantOf: (text: string | undefined) =>
        text === undefined ? undefined : { start: Date.parse(text), end: Date.parse(text) },
    };
    const of = (lastUpdated: string | undefined): Wish => ({ settings, resources: [{ facts: { lastUpdated } }] });
    expect(permitted({ dataPeriod }, of('2026-03-05T00:00:00Z'))).toBe('release');
    expect(denied({ dataPeriod }, of('2026-04-05T00:00:00Z'))).toBe('release');
    expect(permitted({ dataPeriod }, of(undefined))).toBe('withhold');
    expect(denied({ dataPeriod }, of(undefined))).toBe('withhold');
    expect(permitted({ dataPeriod: { start: 'soon' } }, of('2026-03-05T00:00:00Z'))).toBe('withhold');
  });
});

describe('labels in a provision', () => {
  const bearing = (topics: readonly string[], stated?: 'N' | 'R' | 'V' | 'L'): Wish => ({
    resources: [{ labels: { topics, ...(stated && { stated }) } }],
  });

  test('a permit of several levels reaches up to the highest, wherever that stands', () => {
    for (const codes of [
      ['N', 'R'],
      ['R', 'N'],
    ]) {
      expect(permitted({ securityLabel: codes.map(level) }, bearing([], 'R'))).toBe('release');
      expect(permitted({ securityLabel: codes.map(level) }, bearing([], 'V'))).toBe('withhold');
    }
    expect(permitted({ securityLabel: [level('N')] }, bearing([], 'L'))).toBe('release');
    expect(denied({ securityLabel: [level('R')] }, bearing([], 'N'))).toBe('release');
    expect(denied({ securityLabel: [level('R')] }, bearing([], 'R'))).toBe('withhold');
    expect(denied({ securityLabel: [level('R')] }, bearing([], 'V'))).toBe('withhold');
  });

  test('a purpose among labels limits a permit to that purpose, and is a deny of it', () => {
    const securityLabel = [purpose('TREAT')];
    for (const [purposes, ofPermit, ofDeny] of [
      [['TREAT'], 'release', 'withhold'],
      [['COC'], 'release', 'withhold'],
      [['ETREAT'], 'withhold', 'withhold'],
      [['HPAYMT'], 'withhold', 'release'],
      [[], 'withhold', 'withhold'],
    ] as const) {
      expect([purposes, permitted({ securityLabel }, { purposes })]).toEqual([purposes, ofPermit]);
      expect([purposes, denied({ securityLabel }, { purposes })]).toEqual([purposes, ofDeny]);
    }
    expect(permitted({ securityLabel: [purpose('HPAYMT'), purpose('TREAT')] })).toBe('release');
  });

  test('a code above another covers it, but substance use, notes and psychotherapy only where they are meant', () => {
    const of = (code: string, topic: string) =>
      outcome({ consents: [consent({ type: 'permit', securityLabel: [act(code)] })], ...bearing([topic]) });
    const expected: readonly (readonly [string, string, string])[] = [
      ['SPI', 'PSY', 'release'],
      ['PSY', 'SPI', 'withhold'],
      ['SPI', 'SUD', 'release'],
      ['SPI', 'ETHUD', 'release'],
      ['ETH', 'OPIOIDUD', 'release'],
      ['ETHUD', 'SUD', 'withhold'],
      ['ETHUD', 'OPIOIDUD', 'withhold'],
      ['HIV', 'SUD', 'withhold'],
      ['ETH', 'HIV', 'withhold'],
      ['PSYTHPN', 'PSYTHPN', 'release'],
      ['PSY', 'PSYTHPN', 'withhold'],
      ['SPI', 'PSYTHPN', 'withhold'],
    ];
    for (const [code, topic, verdict] of expected)
      expect([code, topic, of(code, topic)]).toEqual([code, topic, verdict]);
  });

  test('a permit that names no label covers every topic but those that must be named', () => {
    for (const [topic, verdict] of [
      ['HIV', 'release'],
      ['SUD', 'release'],
      ['PSYTHPN', 'withhold'],
      ['SUDCN', 'withhold'],
    ] as const) {
      expect(outcome({ consents: [consent({ type: 'permit' })], ...bearing([topic]) })).toBe(verdict);
      // A level alone names no topic either.
      expect(
        outcome({ consents: [consent({ type: 'permit', securityLabel: [level('V')] })], ...bearing([topic]) }),
      ).toBe(verdict);
    }
  });

  test('the basic policy of IHE PCF is a ceiling for what names no label, and for that alone', () => {
    const policy = [{ uri: 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal' }];
    const of = (provision: R4Provision, wish: Wish) => outcome({ consents: [consent(provision, { policy })], ...wish });
    expect(of({ type: 'permit' }, bearing([], 'N'))).toBe('release');
    expect(of({ type: 'permit' }, bearing([], 'R'))).toBe('withhold');
    expect(of({ type: 'permit' }, bearing(['HIV']))).toBe('withhold');
    expect(of({ type: 'permit', securityLabel: [act('HIV')] }, bearing(['HIV']))).toBe('release');
  });

  const notes = { system: gatewayLabels, code: 'SUDCN' };
  test('a consent for counseling notes is for nothing else, wherever else something is permitted in it', () => {
    const of = (more: R4Provision) =>
      outcome({ consents: [writtenConsent({ securityLabel: [notes], ...more })], ...bearing(['SUDCN']) });
    expect(of({})).toBe('release');
    expect(of({ provision: [{ type: 'deny', code: [{ coding: [loinc('1-8')] }] }] })).toBe('release');
    expect(of({ provision: [{ type: 'deny', code: [{ coding: [loinc('1-8')] }], securityLabel: [act('HIV')] }] })).toBe(
      'release',
    );
    const other = { type: 'permit', code: [{ coding: [loinc('1-8')] }] };
    expect(of({ provision: [{ ...other, securityLabel: [act('HIV')] }] })).toBe('withhold');
    expect(of({ provision: [{ ...other, provision: [{ type: 'permit', securityLabel: [act('HIV')] }] }] })).toBe(
      'withhold',
    );
    expect(of({ securityLabel: [notes, act('HIV')] })).toBe('withhold');
    expect(of({ securityLabel: [notes, purpose('TREAT')] })).toBe('withhold');
  });

  test('nor in one that states no effect as a whole', () => {
    const forNotes: R4Provision = { type: 'permit', securityLabel: [notes] };
    const of = (...provision: readonly R4Provision[]) => {
      const { provision: whole, ...written } = writtenConsent({ provision });
      const { type: _, ...stated } = whole as R4Provision;
      return outcome({ consents: [{ ...written, provision: stated }], ...bearing(['SUDCN']) });
    };
    expect(of(forNotes)).toBe('release');
    expect(of(forNotes, { type: 'permit', securityLabel: [act('HIV')] })).toBe('withhold');
  });
});

describe('data that a provision names', () => {
  const about = (meaning: string, reference: string): R4Provision => ({
    data: [{ meaning, reference: { reference } }],
  });
  const facts = (more: Partial<Facts>, named: readonly (readonly [string, readonly string[]])[] = []) => {
    const world = (wish: Wish): Wish => wish;
    return { wish: world({ resources: [{ facts: more }] }), named };
  };
  const decided = (provision: R4Provision, type: 'permit' | 'deny', { wish, named }: ReturnType<typeof facts>) => {
    const consents: readonly R4Consent[] =
      type === 'permit'
        ? [consent({ type: 'deny', provision: [{ type: 'permit', ...provision }] })]
        : [consent({ type: 'permit', provision: [{ type: 'deny', ...provision }] }), general];
    const world = plainCase({ ...wish, consents });
    const known = new Map(
      named.map(([key, references]) => [key as ResourceKey, { references: references as ResourceKey[] }]),
    );
    return decide({ ...world, candidates: world.candidates.map((one) => ({ ...one, named: known })) })[0]?.outcome;
  };
  const observation = { key: 'Observation/1' as ResourceKey, type: 'Observation' };

  test.each(['Encounter', 'EpisodeOfCare', 'CarePlan'])('what was made as part of a %s is related to it', (type) => {
    const key = `${type}/1`;
    const partOf = facts({ ...observation, partOf: [key as ResourceKey], references: [key as ResourceKey] }, [
      [key, []],
    ]);
    const mentions = facts({ ...observation, references: [key as ResourceKey] }, [[key, []]]);
    expect(decided(about('related', key), 'permit', partOf)).toBe('release');
    expect(decided(about('related', key), 'permit', mentions)).toBe('withhold');
    expect(decided(about('related', key), 'deny', mentions)).toBe('withhold');
  });

  test('related to anything else is what that refers to, in one direction', () => {
    const other = facts(
      { ...observation, references: ['Condition/1' as ResourceKey], partOf: ['Condition/1' as ResourceKey] },
      [['Condition/1', []]],
    );
    expect(decided(about('related', 'Condition/1'), 'permit', other)).toBe('withhold');
    expect(decided(about('related', 'Condition/1'), 'deny', other)).toBe('release');
    const meant = facts(observation, [['Condition/1', ['Observation/1']]]);
    expect(decided(about('related', 'Condition/1'), 'permit', meant)).toBe('release');
    expect(decided(about('related', 'Condition/1'), 'deny', meant)).toBe('withhold');
    const unknown = facts(observation);
    expect(decided(about('related', 'Condition/1'), 'permit', unknown)).toBe('withhold');
    expect(decided(about('related', 'Condition/1'), 'deny', unknown)).toBe('withhold');
    expect(decided(about('related', 'Observation/1'), 'permit', unknown)).toBe('release');
  });

  test.each(['Practitioner', 'PractitionerRole', 'Organization', 'Location'])(
    'a %s is nothing clinical: only an instance reaches it',
    (type) => {
      const key = `${type}/1` as ResourceKey;
      const directory = facts({ key, type, references: ['Condition/1' as ResourceKey] }, [['Condition/1', [key]]]);
      for (const meaning of ['related', 'dependents']) {
        expect(decided(about(meaning, 'Condition/1'), 'permit', directory)).toBe('withhold');
        expect(decided(about(meaning, 'Condition/1'), 'deny', directory)).toBe('release');
      }
      expect(decided(about('instance', key), 'permit', directory)).toBe('release');
      expect(decided(about('instance', key), 'deny', directory)).toBe('withhold');
    },
  );

  test('by author, where one is known', () => {
    const of = (authors: readonly string[]) => facts({ ...observation, authors });
    const byBob = about('authoredby', 'Practitioner/bob');
    expect(decided(byBob, 'permit', of(['Practitioner/bob']))).toBe('release');
    expect(decided(byBob, 'permit', of(['Practitioner/ann']))).toBe('withhold');
    expect(decided(byBob, 'permit', of([]))).toBe('withhold');
    expect(decided(byBob, 'deny', of(['Practitioner/ann']))).toBe('release');
    expect(decided(byBob, 'deny', of([]))).toBe('withhold');
    const actor = { actor: [by('Practitioner/bob', 'AUT')] };
    expect(decided(actor, 'permit', of(['Practitioner/bob']))).toBe('release');
    expect(decided(actor, 'permit', of(['Practitioner/ann']))).toBe('withhold');
    expect(decided(actor, 'deny', of(['Practitioner/ann']))).toBe('release');
    expect(decided(actor, 'deny', of([]))).toBe('withhold');
    const nobody = { data: [{ meaning: 'authoredby', reference: {} }] };
    expect(decided(nobody, 'permit', of(['Practitioner/bob']))).toBe('withhold');
    expect(decided(nobody, 'deny', of(['Practitioner/bob']))).toBe('withhold');
  });

  test('who she is, nobody wrote', () => {
    const patient = facts({
      key: 'Patient/p1' as ResourceKey,
      type: 'Patient',
      patients: ['Patient/p1' as PatientKey],
    });
    expect(decided({ actor: [by('Practitioner/bob', 'AUT')] }, 'deny', patient)).toBe('release');
    expect(decided(about('authoredby', 'Practitioner/bob'), 'deny', patient)).toBe('release');
    expect(decided({ dataPeriod: { start: '2020-01-01' } }, 'deny', patient)).toBe('release');
  });
});

test('who she is goes with a permit for her data up to restricted, whatever it names, and not beyond', () => {
  const patient = { key: 'Patient/p1' as ResourceKey, type: 'Patient', patients: ['Patient/p1' as PatientKey] };
  const of = (named: string, stated: 'N' | 'R' | 'V') =>
    permitted({ securityLabel: [level(named)] }, { resources: [{ facts: patient, labels: { stated } }] });
  expect([of('N', 'N'), of('N', 'R'), of('N', 'V')]).toEqual(['release', 'release', 'withhold']);
  expect(of('V', 'V')).toBe('release');
});

test('a kind of document is known by LOINC; of another system nobody can tell', () => {
  const of = (system: string): Wish => ({ resources: [{ facts: { documentTypes: [{ system, code: '18842-5' }] } }] });
  const named = (system: string): R4Provision => ({ class: [{ system, code: '18842-5' }] });
  expect(permitted(named('http://loinc.org'), of('http://loinc.org'))).toBe('release');
  expect(permitted(named('http://loinc.org'), of('urn:documents'))).toBe('withhold');
  expect(denied(named('http://loinc.org'), of('urn:documents'))).toBe('release');
  expect(denied(named('urn:documents'), of('http://loinc.org'))).toBe('withhold');
  expect(denied(named('urn:documents'), of('urn:documents'))).toBe('withhold');
});

test('the same code of another system is another code', () => {
  const code = [{ coding: [loinc('1-8')] }];
  const of = (system: string) => {
    const codings = [{ system, code: '1-8' }];
    return { resources: [{ facts: { codings, primaryCodings: codings } }] };
  };
  expect(permitted({ code }, of('http://loinc.org'))).toBe('release');
  expect(permitted({ code }, of('urn:codes'))).toBe('withhold');
  expect(denied({ code }, of('urn:codes'))).toBe('release');
});

test('one of several custodians is enough, and a Group of them is none that can be compared', () => {
  const settings = { organizations: ['Organization/a'] };
  const b = by('Organization/b', 'CST');
  const a = { role: b.role, reference: { reference: 'Organization/a', identifier: { system: 'urn:o', value: 'x' } } };
  expect(permitted({ actor: [b, a] }, { settings })).toBe('release');
  expect(permitted({ actor: [b] }, { settings })).toBe('withhold');
  expect(denied({ actor: [b] }, { settings })).toBe('release');
  const group = [by('Group/1', 'CST')];
  expect(permitted({ actor: group }, { settings })).toBe('withhold');
  expect(denied({ actor: group }, { settings })).toBe('withhold');
  expect(permitted({ actor: group })).toBe('withhold');
  expect(permitted({ actor: [b] })).toBe('release');
});

test('research Consents speak of research and what is below it, and to nobody without a purpose', () => {
  const scope = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] };
  const of = (...purposes: string[]) => outcome({ purposes, consents: [consent({ type: 'permit' }, { scope })] });
  expect([of('HRESCH'), of('CLINTRCH'), of('TREAT'), of()]).toEqual(['release', 'release', 'withhold', 'withhold']);
});

test('data labelled for purposes is for these, what is below them, and for nobody without a purpose', () => {
  const settings = { implicitPolicy: 'all-normal' } as const;
  const of = (codes: readonly string[], purposes: readonly string[], caveat = v3('ActReason')) =>
    outcome({
      settings,
      purposes,
      consents: [general],
      resources: [{ labels: { caveats: codes.map((code) => `${caveat}|${code}`) } }],
    });
  expect(of(['HPAYMT', 'TREAT'], ['TREAT'])).toBe('release');
  expect(of(['TREAT'], ['COC'])).toBe('release');
  expect(of(['COC'], ['TREAT'])).toBe('withhold');
  expect(of(['TREAT'], [])).toBe('withhold');
  expect(of(['NOBODY-KNOWS'], ['TREAT'])).toBe('release');
  expect(of(['HPAYMT'], ['TREAT'], v3('ActCode'))).toBe('release');
  expect(of(['HPAYMT'], ['TREAT'], v3('RoleClass'))).toBe('release'); // as many letters
});

describe('the elements of a written consent (42 CFR 2.31)', () => {
  const settings = plainCase({}).settings;
  const lacks = (one: R4Consent, asked = 'TREAT', more: Partial<typeof settings> = {}) => {
    const [read] = parsed([one], []).consents;
    if (read === undefined) throw new Error('unreadable');
    const provision = read.nested[0] ?? read.root;
    if (provision === undefined) throw new Error('no provision');
    return part2Lacks(read, provision.elements, asked, { ...settings, ...more });
  };
  const without = (element: keyof R4Consent, provision: R4Provision = {}, more: Partial<R4Consent> = {}): R4Consent => {
    const { [element]: _, ...rest } = writtenConsent(provision, more);
    return rest as R4Consent;
  };
  const bob = by('Practitioner/bob');
  const custodian = by('Organization/a', 'CST');

  test('are each missed by name', () => {
    expect(lacks(writtenConsent({}))).toEqual([]);
    expect(lacks(without('policyRule'))).toEqual(['recognition']);
    expect(lacks(without('policyRule', { securityLabel: [act('42CFRPart2')] }))).toEqual([]);
    expect(lacks(without('policyRule', { securityLabel: [act('HIV')] }))).toEqual(['recognition']);
    expect(lacks(without('organization'))).toEqual(['discloser']);
    expect(lacks(without('organization', { actor: [bob, custodian] }))).toEqual([]);
    expect(lacks(without('organization', { actor: [bob] }))).toEqual(['discloser']);
    expect(lacks(writtenConsent({ actor: [custodian] }))).toEqual(['recipient']);
    expect(lacks(without('sourceReference'))).toEqual(['signature']);
    expect(lacks(without('dateTime'))).toEqual(['date']);
    expect(lacks(writtenConsent({}), 'TREAT', { part2RequiresVerification: true })).toEqual(['verification']);
    const verification = [{ verified: true }];
    expect(lacks(writtenConsent({}, { verification }), 'TREAT', { part2RequiresVerification: true })).toEqual([]);
  });

  test('are on a form that the deployment accepts, and on none that was withdrawn', () => {
    const form = 'https://example.org/release-form'; // of writtenConsent
    const forms = (accepted: readonly string[], withdrawn: readonly string[] = []) => ({
      part2: { ...settings.part2, forms: { accepted, withdrawn } },
    });
    const of = (uris: readonly string[], more: ReturnType<typeof forms>) =>
      lacks(writtenConsent({}, { policy: uris.map((uri) => ({ uri })) }), 'TREAT', more);
    expect(of([form], forms([]))).toEqual([]);
    expect(of([form], forms(['urn:other', form]))).toEqual([]);
    expect(of(['urn:more', form], forms([form]))).toEqual([]);
    expect(of([form], forms(['urn:other']))).toEqual(['form']);
    expect(of([form], forms([], ['urn:other']))).toEqual([]);
    expect(of([form], forms([], ['urn:other', form]))).toEqual(['form']);
    expect(of(['urn:more', form], forms(['urn:more'], [form]))).toEqual(['form']);
    expect(of([`${form}|2`], forms([], [form]))).toEqual(['form']);
    expect(of([`${form}|2`], forms([], [`${form}|2`]))).toEqual(['form']);
    expect(of([`${form}|3`], forms([], [`${form}|2`]))).toEqual([]);
    expect(of([`${form}|2`], forms([form]))).toEqual(['form']);
    const formless = without('policy', { securityLabel: [act('42CFRPart2')] });
    expect(lacks(formless, 'TREAT', forms([], [form]))).toEqual([]);
    expect(lacks(formless, 'TREAT', forms([form]))).toEqual(['form']);
  });

  test('describe the records by whatever narrows them, or by the form', () => {
    expect(lacks(without('policy'))).toEqual(['description']);
    for (const narrowing of [
      { securityLabel: [act('42CFRPart2')] },
      { class: [kind('Observation')] },
      { code: [{ coding: [loinc('1-8')] }] },
      { data: [{ meaning: 'instance', reference: { reference: 'Observation/1' } }] },
    ] as readonly R4Provision[])
      expect(lacks(without('policy', narrowing))).toEqual([]);
    expect(lacks(without('policy', { dataPeriod: { start: '2020-01-01' } }))).toEqual(['description']);
    const [read] = parsed([without('policy')], []).consents;
    if (read?.root === undefined) throw new Error('unreadable');
    const ofDocuments: Elements = {
      ...read.root.elements,
      documents: { codes: [{ kind: 'document', coding: loinc('18842-5') }], unknown: false },
    };
    expect(part2Lacks(read, ofDocuments, 'TREAT', settings)).toEqual([]);
  });

  test('name recipients and an end but for treatment, payment and operations', () => {
    for (const codes of [['TREAT'], ['HPAYMT'], ['HOPERAT'], ['TREAT', 'HPAYMT', 'HOPERAT']])
      expect(lacks(writtenConsent({ purpose: codes.map(purpose) }))).toEqual([]);
    expect(lacks(writtenConsent({ purpose: [purpose('HRESCH')] }))).toEqual(['recipient', 'expiry']);
    expect(lacks(writtenConsent({ purpose: [purpose('TREAT'), purpose('HRESCH')] }))).toEqual(['recipient', 'expiry']);
    expect(lacks(writtenConsent({ purpose: [] }))).toEqual(['recipient', 'purpose', 'expiry']);
    const research = { purpose: [purpose('HRESCH')], actor: [bob] };
    expect(lacks(writtenConsent(research))).toEqual(['expiry']);
    expect(lacks(writtenConsent({ ...research, period: { end: '2027-01-01' } }))).toEqual([]);
    expect(lacks(writtenConsent({ ...research, period: { start: '2026-01-01' } }))).toEqual(['expiry']);
    const inside = (period: object) => writtenConsent({ ...research, provision: [{ type: 'permit', period }] });
    expect(lacks(inside({ end: '2027-01-01' }))).toEqual([]);
    const ofItsOwn = [{ type: 'permit', period: { start: '2026-01-01' } }];
    expect(lacks(writtenConsent({ ...research, period: { end: '2027-01-01' }, provision: ofItsOwn }))).toEqual([]);
    expect(lacks(inside({ start: '2026-01-01' }))).toEqual(['expiry']);
    expect(lacks(inside({ end: 'some day' }))).toEqual(['expiry']);
  });

  test('are for proceedings alone where they are for proceedings', () => {
    const end = { period: { end: '2027-01-01' }, actor: [bob] };
    expect(lacks(writtenConsent({ ...end, purpose: [purpose('HLEGAL')] }), 'HLEGAL')).toEqual([]);
    expect(lacks(writtenConsent({ ...end, purpose: [purpose('HLEGAL'), purpose('TREAT')] }), 'HLEGAL')).toEqual([
      'proceedings',
    ]);
    expect(lacks(writtenConsent({ ...end, purpose: [purpose('HLEGAL'), purpose('TREAT')] }), 'TREAT')).toEqual([]);
  });
});

describe('the most specific Consent speaks', () => {
  const settings = { conflictStrategy: 'most-specific' } as const;
  const facts = {
    codings: [loinc('1-8')],
    primaryCodings: [loinc('1-8')],
    documentTypes: [loinc('18842-5')],
    clinicalTime: { start: Date.UTC(2026, 2, 1), end: Date.UTC(2026, 2, 1) },
    authors: ['Practitioner/ann'],
  };
  /** From the most specific to the least; what shares a line is as specific as each other. */
  const ranks: readonly (readonly R4Provision[])[] = [
    [
      { data: [{ meaning: 'instance', reference: { reference: 'Observation/1' } }] },
      {
        data: [
          { meaning: 'instance', reference: { reference: 'Observation/1' } },
          { meaning: 'related', reference: { reference: 'Encounter/1' } },
        ],
      },
    ],
    [{ securityLabel: [level('N')] }, { code: [{ coding: [loinc('1-8')] }] }],
    [{ class: [kind('Observation')] }],
    [
      { dataPeriod: { start: '2026-01-01' } },
      { data: [{ meaning: 'related', reference: { reference: 'Observation/1' } }] },
    ],
    [{}],
  ];
  const people: readonly (readonly R4Provision[])[] = [
    [{ actor: [by('Practitioner/bob')] }, { actor: [by('Organization/h'), by('Practitioner/bob')] }],
    [{ actor: [by('PractitionerRole/r')] }],
    [{ actor: [by('Organization/h')] }],
    [{}],
  ];
  const wish: Wish = {
    settings,
    identities: ['Practitioner/bob', 'PractitionerRole/r'],
    organizations: ['Organization/h'],
    resources: [{ facts }],
  };
  const between = (permit: R4Provision, deny: R4Provision) =>
    outcome({
      ...wish,
      consents: [
        consent({ type: 'permit', ...permit }, { policy: [{ uri: 'urn:a' }] }),
        consent({ type: 'deny', ...deny }, { id: 'c2', policy: [{ uri: 'urn:b' }] }),
      ],
    });

  test.each([
    ['data', ranks],
    ['recipients', people],
  ])('by %s, and deny where they are as specific as each other', (_what, all) => {
    for (const [place, line] of all.entries())
      for (const one of line) {
        for (const other of line) expect(between(one, other)).toBe('withhold');
        for (const less of all.slice(place + 1).flat()) {
          expect([one, less, between(one, less)]).toEqual([one, less, 'release']);
          expect([less, one, between(less, one)]).toEqual([less, one, 'withhold']);
        }
      }
  });

  test('by what data it is about before by whom it is for', () => {
    const [classes] = ranks[2] as readonly R4Provision[];
    expect(between({ ...classes }, { actor: [by('Practitioner/bob')] })).toBe('release');
    expect(between({ actor: [by('Practitioner/bob')] }, { ...classes })).toBe('withhold');
    expect(between({ dataPeriod: { start: '2026-01-01' } }, { actor: [by('Practitioner/bob')] })).toBe('release');
  });

  test('of several provisions of one the most specific counts', () => {
    const several = (...provision: R4Provision[]) =>
      outcome({
        ...wish,
        consents: [
          consent({ type: 'deny', provision }, { policy: [{ uri: 'urn:a' }] }),
          consent({ type: 'deny', class: [kind('Observation')] }, { id: 'c2', policy: [{ uri: 'urn:b' }] }),
        ],
      });
    const coded = { type: 'permit', code: [{ coding: [loinc('1-8')] }] };
    expect(several({ type: 'permit' })).toBe('withhold');
    expect(several({ type: 'permit' }, coded)).toBe('release');
    expect(several(coded, { type: 'permit' })).toBe('release');
  });

  test('kinds of documents are as specific as kinds of resources', () => {
    const ofDocuments: R5Consent = {
      ...{ resourceType: 'Consent', id: 'r5', status: 'active', subject: { reference: 'Patient/p1' } },
      meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
      category: [{ coding: [act('IDSCL')] }],
      decision: 'deny',
      provision: [{ documentType: [loinc('18842-5')] }],
    };
    const against = (deny: R4Provision) =>
      outcome({ ...wish, consents: [ofDocuments, consent({ type: 'deny', ...deny }, { id: 'c2' })] });
    expect(against({ dataPeriod: { start: '2026-01-01' } })).toBe('release');
    expect(against({ class: [kind('Observation')] })).toBe('withhold');
    expect(against({ code: [{ coding: [loinc('1-8')] }] })).toBe('withhold');
  });

  test('whoever is named in a role that nobody knows is named as himself', () => {
    const unclear = { actor: [by('Practitioner/bob', 'STRANGE')] };
    expect(between({ actor: [by('Organization/h')] }, unclear)).toBe('withhold');
    expect(between({ actor: [by('PractitionerRole/r')] }, unclear)).toBe('withhold');
  });

  test('of several names the one that tells whether it is a person or an organization', () => {
    const alsoKnown = (reference: string) => {
      const actor = by(reference);
      return { actor: [{ ...actor, reference: { reference, identifier: { system: 'urn:ids', value: '1' } } }] };
    };
    expect(between(alsoKnown('Practitioner/bob'), { actor: [by('PractitionerRole/r')] })).toBe('release');
    expect(between(alsoKnown('Organization/h'), { actor: [by('Organization/h')] })).toBe('withhold');
  });

  test('an identifier tells neither, whatever stands in its system', () => {
    const known = (system: string) => ({
      actor: [{ ...by(''), reference: { identifier: { system, value: '7' } } }],
    });
    const ofPeople = 'https://ids.example/Practitioner/licences/state';
    const ofOrganizations = 'https://ids.example/Organization/wards/state';
    const either = (permit: R4Provision, deny: R4Provision) =>
      outcome({
        ...wish,
        identities: [...(wish.identities ?? []), `${ofPeople}|7`, `${ofOrganizations}|7`],
        consents: [
          consent({ type: 'permit', ...permit }, { policy: [{ uri: 'urn:a' }] }),
          consent({ type: 'deny', ...deny }, { id: 'c2', policy: [{ uri: 'urn:b' }] }),
        ],
      });
    expect(either(known(ofPeople), { actor: [by('PractitionerRole/r')] })).toBe('withhold');
    expect(either({ actor: [by('PractitionerRole/r')] }, known(ofOrganizations))).toBe('withhold');
    expect(either(known(ofOrganizations), { actor: [by('Organization/h')] })).toBe('release');
  });

  test('an author or a custodian makes nothing more specific', () => {
    expect(between({ actor: [by('Practitioner/ann', 'AUT')] }, {})).toBe('withhold');
    expect(between({}, { actor: [by('Practitioner/ann', 'AUT')] })).toBe('withhold');
    expect(between({ actor: [by('Organization/h')] }, { actor: [by('Organization/x', 'CST')] })).toBe('release');
  });
});

test.each(['most-recent', 'most-specific'] as const)('one Consent alone speaks, and none: %s', (conflictStrategy) => {
  const settings = { conflictStrategy, implicitPolicy: 'all-normal' } as const;
  expect(outcome({ settings, consents: [consent({ type: 'deny' })] })).toBe('withhold');
  expect(outcome({ settings, consents: [general], resources: [{ labels: { topics: ['HIV'] } }] })).toBe('release');
  expect(outcome({ settings })).toBe('release');
});

test('the most recent Consent speaks, for each question its own', () => {
  const settings = { conflictStrategy: 'most-recent' } as const;
  const one = (id: string, provision: R4Provision, dateTime: string) =>
    consent(provision, { id, dateTime, policy: [{ uri: `urn:${id}` }] });
  const resources = [{ labels: { topics: ['HIV'] } }];
  const permit = one('p', { type: 'permit' }, '2026-01-01');
  const deny = one('d', { type: 'deny', securityLabel: [act('HIV')] }, '2026-02-01');
  const silent = one('s', { type: 'permit', actor: [by('Practitioner/eve')] }, '2026-03-01');
  for (const consents of [
    [permit, deny, silent],
    [silent, deny, permit],
  ]) {
    expect(outcome({ settings, resources, consents })).toBe('withhold');
    expect(outcome({ settings, consents })).toBe('release');
  }
  const newer = one('n', { type: 'permit' }, '2026-04-01');
  expect(outcome({ settings, resources, consents: [permit, deny, newer] })).toBe('release');
});
