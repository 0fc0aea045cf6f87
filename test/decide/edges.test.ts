import { describe, expect, test } from '@jest/globals';
import { part2Config } from '../../src/config/part2.ts';
import type { Emergency } from '../../src/context/emergency.ts';
import { hasRole, isNamed } from '../../src/decide/actors.ts';
import { registered } from '../../src/decide/agreements.ts';
import { fatesOf } from '../../src/decide/families.ts';
import type { Asker } from '../../src/decide/match.ts';
import { membershipOf } from '../../src/decide/membership.ts';
import type { DecisionSettings } from '../../src/decide/question.ts';
import type { Coding } from '../../src/fhir/coding.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Case } from '../reference/evaluate.ts';
import { consent, participation, plainCase, purpose, type Wish, writtenConsent } from '../reference/plain.ts';
import { decide, parsed } from '../reference/production.ts';

/** Rules that ordinary cases seldom meet: each asked where it makes the difference, on both sides of it. */

const outcomes = (wish: Wish): readonly string[] => decide(plainCase(wish)).map(({ outcome }) => outcome);
const noon = Date.UTC(2026, 5, 15, 12);
const snomed = 'http://snomed.info/sct';
const taxonomy = 'http://nucc.org/provider-taxonomy';
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const privacyLaw = 'http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw';
const loinc = 'http://loinc.org';
const to = (reference: string) => [{ role: { coding: [participation('IRCP')] }, reference: { reference } }];

function asker(more: Partial<Asker> = {}): Asker {
  return {
    identities: new Set(),
    organizations: new Set(),
    elsewhere: new Set(),
    roles: [],
    treats: false,
    isSystem: false,
    collectives: new Map(),
    purpose: 'TREAT',
    at: noon,
    ...more,
  };
}

describe('what a patient paid for herself (HIPAA, 45 CFR 164.522(a)(1)(vi))', () => {
  test.each([
    ['TREAT', 'release'],
    ['HPAYMT', 'withhold'],
    ['HOPERAT', 'withhold'],
  ])('for %s without her Consent: %s', (asked, expected) => {
    const resources = [{ labels: { caveats: [`${privacyLaw}|HIPAASelfPay`] } }];
    const settings = { implicitPolicy: 'all-normal' } as const;
    expect(outcomes({ resources, settings, purposes: [asked] })).toEqual([expected]);
    const consents = [consent({ type: 'permit' })];
    expect(outcomes({ resources, settings, purposes: [asked], consents })).toEqual(['release']);
  });
});

describe('a consent to an intermediary (42 CFR 2.31(a)(4)(ii))', () => {
  const hie = 'Organization/hie';
  const treating = (...as: readonly string[]) =>
    as.map((one) => ({ patient: 'Patient/p1' as PatientKey, as: one as ResourceKey }));
  const asked = (treats: ReturnType<typeof treating>): readonly string[] =>
    decide(
      plainCase({
        organizations: [hie],
        resources: [{ labels: { topics: ['42CFRPart2'] } }],
        consents: [writtenConsent({ actor: to(hie) })],
        settings: { part2: { agreements: [], coveredEntities: [], intermediaries: [hie] } },
      }),
      undefined,
      treats,
    ).map(({ outcome }) => outcome);

  test('reaches a participant who treats her, and no other', () => {
    expect(asked([])).toEqual(['withhold']);
    expect(asked(treating('Practitioner/bob'))).toEqual(['release']);
  });

  test('does not make the intermediary’s own place in her care team a treating relationship', () => {
    expect(asked(treating(hie))).toEqual(['withhold']);
    expect(asked(treating(hie, 'Practitioner/bob'))).toEqual(['release']);
    expect(asked([{ patient: 'Patient/p2' as PatientKey, as: 'Practitioner/bob' as ResourceKey }])).toEqual([
      'withhold',
    ]);
  });
});

test('who asks why an older Consent permits nothing is told by which newer one', () => {
  const older = consent({ type: 'permit' }, { id: 'older', dateTime: '2026-01-01' });
  const revoked = consent({ type: 'permit' }, { id: 'revoked', dateTime: '2026-02-01', status: 'inactive' });
  const { consents } = parsed([older, revoked], []);
  const settings = { organizations: [], foreignDenyBinds: true };
  const fates = fatesOf(consents, 'TREAT', noon, settings);
  expect(fates[0]?.fate).toMatchObject({ counts: true, mayPermit: false, by: { ref: 'Consent/revoked/_history/1' } });
  expect(fates[1]?.fate).toEqual({ counts: false, because: 'status' });
});

test('a denial that a revocation brings back comes without the exception it had', () => {
  const denial = (id: string, dateTime: string, more: object = {}) =>
    consent(
      { type: 'permit', securityLabel: [{ system: actCode, code: 'HIV' }] },
      { id, dateTime, policyRule: { coding: [{ system: actCode, code: 'OPTOUTE' }] }, ...more },
    );
  const general = consent({ type: 'permit' }, { id: 'general', policy: [{ uri: 'urn:all' }] });
  const older = denial('older', '2026-01-01');
  const revoked = denial('revoked', '2026-02-01', { status: 'inactive' });
  const resources = [{ labels: { topics: ['HIV'] } }];
  expect(outcomes({ resources, consents: [older, general] })).toEqual(['release']);
  expect(outcomes({ resources, consents: [older, revoked, general] })).toEqual(['withhold']);
});

describe('in an emergency', () => {
  const emergency: Emergency = {
    purpose: 'ETREAT',
    patient: 'Patient/p1' as PatientKey,
    reason: 'unconscious',
    overridesDenies: false,
    includesNotes: false,
  };
  const during = (wish: Wish): Case => {
    const world = plainCase(wish);
    return { ...world, context: { ...world.context, emergency } };
  };
  const sodium: Coding = { system: loinc, code: '2951-2' };
  const denial = consent({
    type: 'deny',
    purpose: [purpose('ETREAT')],
    code: [{ coding: [sodium] }],
  });

  test('what one resource opens says nothing of another that a Consent denies by its code', () => {
    const other = { facts: {} };
    const denied = { facts: { codings: [sodium], primaryCodings: [sodium] } };
    const of = (...resources: NonNullable<Wish['resources']>) =>
      decide(during({ resources, consents: [denial] })).map(({ outcome }) => outcome);
    expect(of(other, denied)).toEqual(['release', 'withhold']);
    expect(of(denied, other)).toEqual(['withhold', 'release']);
  });

  test('the reasons name the exception and each Consent that permits, as step 6', () => {
    const permit = consent({ type: 'permit', purpose: [purpose('ETREAT')] }, { id: 'ahead' });
    const [decision] = decide(during({ consents: [permit] }));
    expect(decision?.reasons).toMatchObject([
      { code: 'emergency', step: 6, rule: 'ETREAT' },
      { code: 'consent-permit', step: 6, consent: 'Consent/ahead/_history/1', label: 'rest' },
    ]);
  });
});

describe('who somebody is', () => {
  const nurse: Coding = { system: taxonomy, code: '163W00000X' };
  const doctor: Coding = { system: taxonomy, code: '208D00000X' };
  const described = (...traits: Partial<Parameters<typeof trait>[0]>[]) =>
    ({ kind: 'described', traits: traits.map(trait) }) as const;
  function trait(more: {
    codes?: readonly Coding[];
    names?: readonly string[];
    excluded?: boolean;
    unknown?: boolean;
  }) {
    return { codes: [], names: [], excluded: false, unknown: false, ...more };
  }

  test('a role of the same code system is another’s, one of SNOMED CT may be his as well', () => {
    const his = asker({ roles: [doctor, { system: snomed, code: '112247003' }] });
    expect(membershipOf(described({ codes: [doctor] }), his)).toBe('yes');
    expect(membershipOf(described({ codes: [nurse] }), his)).toBe('no');
    expect(membershipOf(described({ codes: [{ system: snomed, code: '224535009' }] }), his)).toBe('unknown');
    expect(membershipOf(described({ codes: [{ system: snomed, code: '112247003' }] }), his)).toBe('yes');
  });

  test('an excluded trait turns the answer round, and what is open stays open', () => {
    const his = asker({ roles: [doctor] });
    expect(membershipOf(described({ codes: [nurse], excluded: true }), his)).toBe('yes');
    expect(membershipOf(described({ codes: [doctor], excluded: true }), his)).toBe('no');
    expect(membershipOf(described({ codes: [{ system: 'urn:other', code: 'x' }], excluded: true }), his)).toBe(
      'unknown',
    );
  });

  test('a trait that cannot be told leaves it open, whatever else it states', () => {
    const his = asker({ identities: new Set(['Practitioner/bob']) });
    const names = ['Practitioner/bob'];
    expect(membershipOf(described({ names }), his)).toBe('yes');
    expect(membershipOf(described({ names, unknown: true }), his)).toBe('unknown');
    expect(membershipOf(described({ names, unknown: true, excluded: true }), his)).toBe('unknown');
  });

  test('a role without a code system may be the one of any, where its code is the same', () => {
    const wanted: Coding = { system: taxonomy, code: 'x' };
    expect(hasRole(wanted, asker({ roles: [doctor, { system: '', code: 'x' }] }))).toBe('unknown');
    expect(hasRole(wanted, asker({ roles: [doctor, { system: '', code: 'y' }] }))).toBe('no');
    expect(hasRole(wanted, asker({ roles: [{ system: '', code: 'y' }] }))).toBe('unknown');
  });

  test('one device is not another', () => {
    expect(isNamed(['Device/d1'], asker({ identities: new Set(['Device/d1']), isSystem: true }))).toBe('yes');
    expect(isNamed(['Device/d1'], asker({ identities: new Set(['Device/d2']), isSystem: true }))).toBe('no');
    expect(isNamed(['Device/d1'], asker({ identities: new Set(['Practitioner/bob']) }))).toBe('no');
    expect(isNamed(['Device/d1'], asker({ identities: new Set(['urn:app']), isSystem: true }))).toBe('unknown');
  });
});

test('NOLIST asks for a Consent that names the recipient, be it in the provision that permits the topic', () => {
  const resources = [{ labels: { topics: ['HIV'], caveats: [`${actCode}|NOLIST`] } }];
  const securityLabel = [{ system: actCode, code: 'HIV' }];
  const permits = (actor: ReturnType<typeof to> | undefined) =>
    consent({ provision: [{ type: 'permit', securityLabel, ...(actor === undefined ? {} : { actor }) }] });
  expect(outcomes({ resources, consents: [permits(to('Practitioner/bob'))] })).toEqual(['release']);
  expect(outcomes({ resources, consents: [permits(undefined)] })).toEqual(['withhold']);
});

describe('a registered agreement', () => {
  const patient = { type: 'Patient', key: 'Patient/p1' as ResourceKey, patients: ['Patient/p1' as PatientKey] };
  const under = (types: readonly string[]): DecisionSettings['part2'] => {
    const config = part2Config.parse({
      agreements: [
        {
          id: 'audit-7',
          kind: 'audit',
          programs: ['server'],
          recipients: ['Organization/auditor'],
          purposes: ['HOPERAT'],
          types,
          until: '2026-12-31',
        },
      ],
    });
    return { agreements: registered(config, timeReader('UTC'), (one) => one), coveredEntities: [], intermediaries: [] };
  };
  test.each([
    [['Patient', 'Observation'], 'release', 'release'],
    [['Observation'], 'withhold', 'release'],
    [['Condition'], 'withhold', 'withhold'],
  ])('of %j gives her own resource: %s, an Observation: %s', (types, ofPatient, ofObservation) => {
    const resources = [{ facts: patient }, { labels: { topics: ['42CFRPart2'] } }];
    const wish = { organizations: ['Organization/auditor'], purposes: ['HOPERAT'], settings: { part2: under(types) } };
    expect(outcomes({ ...wish, resources })).toEqual([ofPatient, ofObservation]);
  });
});

test('a kind that is forbidden keeps its references, but for labels that are forbidden of every kind', () => {
  const resources = [{ labels: { topics: ['HIV'] }, asTarget: true }];
  const consents = [consent({ type: 'permit' })];
  const kind = { type: 'Observation' };
  expect(outcomes({ resources, consents, policy: { forbidden: [kind] } })).toEqual(['release']);
  expect(outcomes({ resources, consents, policy: { forbidden: [kind, { type: '*', label: 'HIV' }] } })).toEqual([
    'withhold',
  ]);
});

test('an R5 Consent that is for emergencies only names its category as what was not understood', () => {
  const base = {
    resourceType: 'Consent',
    id: 'r5',
    meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
    status: 'active',
    subject: { reference: 'Patient/p1' },
    decision: 'permit',
    provision: [],
  } as const;
  const category = (code: string) => [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code }] },
  ];
  const findingsOf = (code: string): readonly string[] =>
    parsed([{ ...base, category: category(code) }], []).consents[0]?.findings ?? [];
  expect(findingsOf('EMRGONLY')).toContain('Consent.category');
  expect(findingsOf('IDSCL')).not.toContain('Consent.category');
});
