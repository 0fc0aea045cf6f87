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

  test('a person of another name is somebody else, where he is known by a name of the kind', () => {
    const as = (identities: readonly string[], more: Partial<Asker> = {}) =>
      asker({ identities: new Set(identities), ...more });
    const bob = as(['urn:x|1', 'Practitioner/bob']);
    const organization = new Set(['urn:org|1', 'Organization/h']);
    const cases: readonly (readonly [name: string, Asker, string])[] = [
      ['Practitioner/ann', bob, 'no'],
      ['Practitioner/ann', as(['urn:x|1']), 'unknown'],
      ['Practitioner/ann', as(['urn:app'], { isSystem: true }), 'no'],
      ['Practitioner/ann', as(['https://a.example/Practitioner/bob']), 'unknown'],
      ['Patient/p2', as(['urn:x|1', 'Patient/p1']), 'no'],
      ['Patient/p2', as(['urn:x|1']), 'unknown'],
      ['RelatedPerson/g', as(['Patient/p1']), 'no'],
      ['Practitioner/ann', as(['Practitioner/bob'], { elsewhere: new Set(['Practitioner/ann']) }), 'unknown'],
      ['urn:x|2', bob, 'no'],
      ['urn:y|2', bob, 'unknown'],
      ['urn:org|2', asker({ organizations: organization }), 'no'],
      ['|2', as(['|1']), 'unknown'],
      ['urn:x|2', as(['urn:x|a|1']), 'unknown'],
      ['https://a.example/Practitioner/ann', as(['urn:x|1', 'https://a.example/Practitioner/bob']), 'no'],
      ['https://a.example/Practitioner/ann', as(['https://b.example/Practitioner/bob']), 'unknown'],
      ['https://a.example/Practitioner/ann', as(['https://a.example/Practitioner/b/c']), 'unknown'],
      [
        'https://a.example/Organization/1',
        asker({ organizations: new Set(['https://a.example/Organization/2']) }),
        'no',
      ],
      ['Organization/h2', asker({ organizations: organization }), 'no'],
      ['Organization/h', asker({ organizations: organization }), 'yes'],
      ['Organization/h2', bob, 'unknown'],
      ['Organization/h2', as(['urn:x|1', 'Patient/p1']), 'no'],
      ['Organization/h2', as(['https://a.example/Patient/p1']), 'unknown'],
      ['Organization/h2', as(['Patient/p1', 'Practitioner/bob']), 'unknown'],
      ['Group/g', bob, 'unknown'],
    ];
    for (const [name, his, expected] of cases)
      expect([name, [...his.identities], isNamed([name], his)]).toEqual([name, [...his.identities], expected]);
    expect(isNamed(['urn:y|2', 'Practitioner/ann'], bob)).toBe('no');
    expect(isNamed(['Practitioner/ann', 'Practitioner/bob'], bob)).toBe('yes');
  });

  test('a member is who is listed as one now; where that cannot be told, others are still none', () => {
    const bob = asker({ identities: new Set(['Practitioner/bob']) });
    const listed = (name: string, current: boolean | 'unknown') =>
      membershipOf({ kind: 'listed', members: [{ names: [name], current }] }, bob);
    expect((['Practitioner/bob', 'Practitioner/ann', 'urn:x|1'] as const).map((name) => listed(name, true))).toEqual([
      ...['yes', 'no', 'unknown'],
    ]);
    expect(
      (['Practitioner/bob', 'Practitioner/ann', 'urn:x|1'] as const).map((name) => listed(name, 'unknown')),
    ).toEqual(['unknown', 'no', 'unknown']);
    expect((['Practitioner/bob', 'urn:x|1'] as const).map((name) => listed(name, false))).toEqual(['no', 'no']);
    expect(membershipOf({ kind: 'listed', members: [] }, bob)).toBe('unknown');
    expect(membershipOf({ kind: 'described', traits: [] }, bob)).toBe('unknown');
    expect(membershipOf({ kind: 'ended' }, bob)).toBe('no');
    expect(membershipOf(undefined, bob)).toBe('unknown');
  });

  test('a role of a practitioner is his, for its organization', () => {
    const bob = asker({
      identities: new Set(['Practitioner/bob']),
      organizations: new Set(['Organization/h']),
    });
    const role = (practitioner: readonly string[], organization: readonly string[]) =>
      membershipOf({ kind: 'role', practitioner, organization }, bob);
    expect(role(['Practitioner/bob'], ['Organization/h'])).toBe('yes');
    expect(role(['Practitioner/bob'], [])).toBe('yes');
    expect(role(['Practitioner/bob'], ['Organization/other'])).toBe('unknown');
    expect(role(['Practitioner/ann'], ['Organization/h'])).toBe('no');
    expect(role(['Practitioner/ann'], [])).toBe('no');
    expect(role([], ['Organization/h'])).toBe('unknown');
    expect(role([], ['Organization/other'])).toBe('no');
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
