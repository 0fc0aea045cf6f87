import { describe, expect, test } from '@jest/globals';
import { part2Config } from '../../src/config/part2.ts';
import type { Residuals } from '../../src/consent/residual.ts';
import type { Emergency } from '../../src/context/emergency.ts';
import { hasRole, isNamed, matchesRecipient } from '../../src/decide/actors.ts';
import { registered } from '../../src/decide/agreements.ts';
import { applicable, fatesOf, standingAlone } from '../../src/decide/families.ts';
import type { Asker } from '../../src/decide/match.ts';
import { membershipOf } from '../../src/decide/membership.ts';
import type { DecisionSettings } from '../../src/decide/question.ts';
import type { Coding } from '../../src/fhir/coding.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import { type Case, gatewayLabels } from '../reference/evaluate.ts';
import {
  consent,
  emergency,
  participation,
  plainCase,
  purpose,
  type Wish,
  writtenConsent,
} from '../reference/plain.ts';
import { decide, parsed } from '../reference/production.ts';
import type { R4Consent, R4Provision } from '../reference/r4.ts';

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
  const settings = { part2: { agreements: [], coveredEntities: [], intermediaries: [hie] } };
  const records = [{ labels: { topics: ['42CFRPart2'] } }];
  const given = (...actor: NonNullable<R4Provision['actor']>): readonly string[] =>
    outcomes({ organizations: [hie], resources: records, settings, consents: [writtenConsent({ actor })] });

  test('reaches none of its participants because it names somebody else beside it, and whom it names himself', () => {
    expect(given(...to(hie), ...to('Practitioner/eve'))).toEqual(['withhold']);
    expect(given(...to(hie), ...to('Practitioner/bob'))).toEqual(['release']);
  });

  test('is one by whichever of its names it is known as one', () => {
    const identifier = { system: 'urn:exchanges', value: '7' };
    const twice = to(hie).map((actor) => ({ ...actor, reference: { reference: hie, identifier } }));
    expect(given(...twice)).toEqual(['withhold']);
  });

  test('is no matter in an emergency that it excepts', () => {
    const world = plainCase({
      organizations: [hie],
      resources: records,
      settings,
      consents: [
        consent({ type: 'deny', provision: [{ type: 'permit', purpose: [purpose('ETREAT')], actor: to(hie) }] }),
      ],
    });
    const during = (excepted: Emergency) =>
      decide({ ...world, context: { ...world.context, emergency: excepted } }).map(({ outcome }) => outcome);
    expect(during(emergency)).toEqual(['release']);
    expect(during({ ...emergency, purpose: 'TREAT' })).toEqual(['withhold']);
  });

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

  const dated = (id: string, provision: R4Provision, dateTime = '2026-01-01') =>
    consent(provision, { id, dateTime, policy: [{ uri: `urn:${id}` }] });
  const unreadable = { ...consent({}), id: 'x', patient: undefined } as unknown as R4Consent;
  const said = (wish: Wish, more: Partial<Emergency> = {}, residuals?: Residuals) => {
    const world = during(wish);
    const context = { ...world.context, emergency: { ...emergency, ...more } };
    return decide({ ...world, context }, undefined, [], residuals)[0]?.outcome;
  };
  const opened = (wish: Wish): unknown => [said(wish), said(wish, { overridesDenies: true })];

  test('beside a Consent that nobody can read every denial counts, and no permit', () => {
    const butThen = dated('a', { type: 'deny', provision: [{ type: 'permit', purpose: [purpose('ETREAT')] }] });
    expect(said({ consents: [butThen] })).toBe('release');
    expect(said({ consents: [butThen, unreadable] })).toBe('withhold');
    expect(said({ consents: [unreadable] })).toBe('release');
    const settings = { conflictStrategy: 'most-recent' } as const;
    const denial = dated('a', { type: 'deny' });
    const newer = dated('b', { type: 'permit' }, '2026-02-01');
    const wish = { settings, resources: [{ labels: { topics: ['HIV'] } }] };
    expect(said({ ...wish, consents: [denial, newer] })).toBe('release');
    expect(said({ ...wish, consents: [denial, newer, unreadable] })).toBe('withhold');
    const form = { securityLabel: [{ system: gatewayLabels, code: 'SUDCN' }], purpose: [purpose('ETREAT')] };
    const ofNotes = writtenConsent({ ...form, actor: to('Practitioner/bob'), period: { end: '2026-12-31' } });
    const notes = [{ labels: { topics: ['SUDCN'] } }];
    expect(said({ consents: [ofNotes], resources: notes })).toBe('release');
    expect(said({ consents: [ofNotes, unreadable], resources: notes })).toBe('withhold');
    expect(said({ consents: [unreadable], resources: notes }, { includesNotes: true })).toBe('release');
  });

  test('where the newest counts, an older word on emergencies is not heard', () => {
    const settings = { conflictStrategy: 'most-recent' } as const;
    const then = { purpose: [purpose('ETREAT')] };
    const denial = dated('a', { type: 'deny', ...then });
    const newer = dated('b', { type: 'permit', ...then }, '2026-02-01');
    const wish = { settings, resources: [{ labels: { topics: ['HIV'] } }] };
    expect(said({ ...wish, consents: [denial] })).toBe('withhold');
    expect(said({ ...wish, consents: [denial, newer] })).toBe('release');
  });

  test('what is denied for treatment stays denied, though the newest word is of emergencies', () => {
    const settings = { conflictStrategy: 'most-recent' } as const;
    const forEmergencies = dated('b', { type: 'permit', purpose: [purpose('ETREAT')] }, '2026-02-01');
    expect(said({ settings, consents: [dated('a', { type: 'deny' }), forEmergencies] })).toBe('withhold');
  });

  test('what no emergency lifts, policies do that let emergencies override denies', () => {
    expect(opened({ consents: [dated('a', { type: 'deny' })] })).toEqual(['withhold', 'release']);
    const bearing = (caveat: string): Wish => ({ resources: [{ labels: { caveats: [caveat] } }] });
    expect(opened(bearing('http://terminology.hl7.org/CodeSystem/v3-ActReason|HPAYMT'))).toEqual([
      ...['withhold', 'release'],
    ]);
    expect(opened(bearing(`${actCode}|REDACT`))).toEqual(['withhold', 'release']);
    expect(opened(bearing(`${actCode}|NODSCLCD`))).toEqual(['release', 'release']);
  });

  test('what the token itself keeps back is kept back, and nothing else', () => {
    const forbid = (code: string): Residuals => ({
      patient: 'Patient/p1' as ResourceKey,
      documents: [],
      rules: [
        {
          effect: 'deny',
          elements: { notUnderstood: false, codes: { codes: [{ system: loinc, code }], unknown: false } },
        },
      ],
    });
    const wish = { resources: [{ facts: { codings: [sodium], primaryCodings: [sodium] } }] };
    expect(said(wish, {}, forbid('2951-2'))).toBe('withhold');
    expect(said(wish, { overridesDenies: true }, forbid('2951-2'))).toBe('release');
    expect(said(wish, {}, forbid('1-8'))).toBe('release');
  });

  test('each permit is told with its provision and topic', () => {
    const permit = consent({ provision: [{ type: 'permit', purpose: [purpose('ETREAT')] }] }, { id: 'ahead' });
    const [decision] = decide(during({ consents: [permit], resources: [{ labels: { topics: ['HIV'] } }] }));
    const told = { code: 'consent-permit', step: 6, consent: 'Consent/ahead/_history/1' };
    expect(decision?.reasons).toEqual([
      { code: 'emergency', step: 6, rule: 'ETREAT' },
      { ...told, provision: 'provision.provision[0]', label: 'HIV' },
      { ...told, provision: 'provision.provision[0]', label: 'rest' },
    ]);
  });
});

describe('what is left of a Consent among others', () => {
  const settings = { organizations: ['Organization/a'], foreignDenyBinds: true };
  const made = (...all: readonly R4Consent[]) => parsed(all, []).consents;
  const one = (id: string, dateTime: string, more: Partial<R4Consent> = {}) =>
    consent({ type: 'permit' }, { id, dateTime, ...more });
  const research = {
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
  };
  const refs = (consents: ReturnType<typeof made>) => consents.map(({ ref }) => ref.split('/')[1]);

  test('the older of two in force says nothing, and who asks is told by which', () => {
    const both = made(one('old', '2026-01-01'), one('new', '2026-02-01'));
    const fates = fatesOf(both, 'TREAT', noon, settings).map(({ fate }) => fate);
    expect(fates[0]).toEqual({ counts: false, because: 'superseded', by: both[1] });
    expect(fates[1]).toEqual({ counts: true, mayPermit: true, mayDeny: true, isForeign: false });
    expect(applicable(both, 'TREAT', noon, settings).map(({ consent: { ref } }) => ref)).toEqual([both[1]?.ref]);
  });

  test('what is for research alone says nothing without that purpose', () => {
    const [fate] = fatesOf(made(one('r', '2026-01-01', research)), undefined, noon, settings);
    expect(fate?.fate).toEqual({ counts: false, because: 'research-only' });
    const [asked] = fatesOf(made(one('r', '2026-01-01', research)), 'HRESCH', noon, settings);
    expect(asked?.fate.counts).toBe(true);
  });

  test('of several organizations one that the gateway acts for is enough', () => {
    const by = (...references: string[]) =>
      fatesOf(
        made(one('o', '2026-01-01', { organization: references.map((reference) => ({ reference })) })),
        'TREAT',
        noon,
        settings,
      )[0]?.fate;
    expect(by('Organization/a', 'Organization/b')).toMatchObject({ isForeign: false, mayPermit: true });
    expect(by('Organization/b')).toMatchObject({ isForeign: true, mayPermit: false, mayDeny: true });
  });

  test('a token stands on what is in force and has nothing newer, in force or not', () => {
    const revoked = one('new', '2026-02-01', { status: 'inactive' });
    expect(refs(standingAlone(made(one('old', '2026-01-01')), noon))).toEqual(['old']);
    expect(refs(standingAlone(made(one('old', '2026-01-01'), revoked), noon))).toEqual([]);
    expect(refs(standingAlone(made(one('old', '2026-01-01'), one('new', '2026-02-01')), noon))).toEqual(['new']);
    expect(refs(standingAlone(made(one('future', '2026-07-01')), noon))).toEqual([]);
    expect(refs(standingAlone(made(one('r', '2026-01-01', research)), noon))).toEqual(['r']);
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
    expect(hasRole(wanted, asker({ roles: [doctor, { system: 'urn:other', code: 'x' }] }))).toBe('no');
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

  test('a recipient of unknown role counts against him, never for him; one who cannot be told leaves it open', () => {
    const bob = asker({ identities: new Set(['Practitioner/bob']) });
    const actor = (part: 'recipient' | 'unknown', name: string, unresolved = false) =>
      [{ part, names: [name], roles: [], unresolved }] as const;
    expect(matchesRecipient(actor('recipient', 'Practitioner/bob'), 'permit', bob)).toBe('yes');
    expect(matchesRecipient(actor('unknown', 'Practitioner/bob'), 'deny', bob)).toBe('yes');
    expect(matchesRecipient(actor('unknown', 'Practitioner/bob'), 'permit', bob)).toBe('unknown');
    expect(matchesRecipient(actor('recipient', 'Practitioner/ann'), 'permit', bob)).toBe('no');
    expect(matchesRecipient(actor('recipient', 'Practitioner/ann', true), 'permit', bob)).toBe('unknown');
    expect(matchesRecipient(undefined, 'permit', bob)).toBe('yes');
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
    expect(isNamed(['Device/d1'], asker({ identities: new Set(['Device/d2', 'urn:app']), isSystem: true }))).toBe('no');
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

test('a rule against what is ordinary of a kind is one against the kind, and keeps references too', () => {
  const of = (asTarget: boolean, ...forbidden: NonNullable<NonNullable<Wish['policy']>['forbidden']>) =>
    outcomes({ resources: [{ asTarget }], consents: [consent({ type: 'permit' })], policy: { forbidden } });
  const ordinary = { type: 'Observation', label: 'N' };
  expect(of(false, ordinary)).toEqual(['withhold']);
  expect(of(true, ordinary)).toEqual(['release']);
  expect(of(true, ordinary, { type: '*', label: 'N' })).toEqual(['withhold']);
});
