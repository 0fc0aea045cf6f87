import { describe, expect, test } from '@jest/globals';
import type { Residuals } from '../../src/consent/residual.ts';
import type { Agreement } from '../../src/decide/agreements.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import { gatewayLabels } from '../reference/evaluate.ts';
import {
  act,
  consent,
  participation,
  plainCase,
  programsNamed,
  purpose,
  type Wish,
  writtenConsent,
} from '../reference/plain.ts';
import { decide } from '../reference/production.ts';
import type { R4Consent } from '../reference/r4.ts';
import type { R5Consent } from '../reference/r5.ts';

/** Reasons go to the record and to people who ask why: each has to name the step, the Consent's version, the provision, the rule. */

const reasonsOf = (wish: Wish) => decide(plainCase(wish)).map(({ outcome, reasons }) => [outcome, ...reasons]);
const reasons = (wish: Wish) => reasonsOf(wish)[0];
const hiv = { labels: { topics: ['HIV'] } };
const part2 = { labels: { topics: ['42CFRPart2'] } };
const named = (reference: string, role = 'IRCP') => ({
  role: { coding: [participation(role)] },
  reference: { reference },
});
const of = (id: string, version = '1') => `Consent/${id}/_history/${version}`;
const all = { implicitPolicy: 'all-normal' } as const;

describe('role rules', () => {
  test('say which rule did not allow the kind, or forbids the labels', () => {
    const kindsNotReceived = ['Claim'];
    expect(reasons({ resources: [{ facts: { type: 'Claim' } }], policy: { kindsNotReceived } })).toEqual([
      'withhold',
      { code: 'policy-kind', step: 1, rule: 'table of kinds' },
    ]);
    expect(reasons({ resources: [hiv], policy: { forbidden: [{ label: 'HIV' }] } })).toEqual([
      'withhold',
      { code: 'policy-forbid', step: 3, rule: 'table of labels' },
    ]);
  });

  test('are asked with every topic and the level that they imply, sorted', () => {
    const asked: (readonly string[])[] = [];
    const labels = { topics: ['HIV', 'SUD'] };
    decide(plainCase({ resources: [{ labels }] }), (_type, given) => asked.push(given));
    expect(asked).toEqual([['HIV', 'R', 'SUD']]);
    for (const topics of [['SUD'], ['42CFRPart2', 'SUD']])
      decide(plainCase({ resources: [{ labels: { topics } }], settings: { sudIsPart2: true } }), (_type, given) =>
        asked.push(given),
      );
    expect(asked.slice(1)).toEqual([
      ['42CFRPart2', 'R', 'SUD'],
      ['42CFRPart2', 'R', 'SUD'],
    ]);
  });

  test('that clear a topic are named beside what carries the rest', () => {
    const policy = { cleared: [{ role: 'clinician', topic: 'HIV' }] };
    expect(reasons({ roles: ['clinician'], policy, settings: all, resources: [hiv] })).toEqual([
      'release',
      { code: 'policy-clears', step: 7, label: 'HIV', rule: 'table of topics' },
      { code: 'implicit-policy', step: 8, rule: 'all-normal', label: 'rest' },
    ]);
    expect(reasons({ resources: [hiv] })).toEqual(['withhold', { code: 'no-permit-for-topic', step: 7, label: 'HIV' }]);
  });
});

describe('whose data it is', () => {
  test('unknown, hers, or a ward’s', () => {
    expect(reasons({ resources: [{ facts: { patientUnknown: true } }] })).toEqual([
      'withhold',
      { code: 'patient-unknown', step: 2 },
    ]);
    const self = { kind: 'self', patientIsMinor: false } as const;
    expect(reasons({ standing: self })).toEqual(['release', { code: 'self', step: 4 }]);
    const caveats = [`${act('NOPAT').system}|NOPAT`];
    const settings = { withholdFromPatient: true };
    expect(reasons({ standing: self, settings, resources: [{ labels: { caveats } }] })).toEqual([
      'withhold',
      { code: 'withheld-from-patient', step: 4 },
    ]);
    const guardian = { kind: 'representative', patientIsMinor: false } as const;
    expect(reasons({ standing: guardian })).toEqual(['release', { code: 'representative', step: 4 }]);
    expect(reasons({ standing: guardian, settings, resources: [{ labels: { caveats } }] })).toEqual([
      'withhold',
      { code: 'withheld-from-patient', step: 4 },
    ]);
    const adolescent = [`${act('ADOL').system}|ADOL`];
    expect(reasons({ standing: guardian, resources: [{ labels: { caveats: adolescent } }] })).toEqual([
      'withhold',
      { code: 'withheld-from-representative', step: 4, label: 'ADOL' },
    ]);
    expect(reasons({ standing: guardian, resources: [{ labels: { topics: ['PSYTHPN'] } }] })).toEqual([
      'withhold',
      { code: 'withheld-from-representative', step: 4 },
    ]);
  });

  test('a representative is told which deny names him', () => {
    const guardian = { kind: 'representative', patientIsMinor: false } as const;
    const deny = consent({ type: 'permit', provision: [{ type: 'deny', actor: [named('RelatedPerson/g')] }] });
    expect(reasons({ standing: guardian, identities: ['RelatedPerson/g'], consents: [deny] })).toEqual([
      'withhold',
      { code: 'consent-deny', step: 4, consent: of('c1'), provision: 'provision.provision[0]', label: 'rest' },
    ]);
  });

  test('nobody’s, with and without a topic', () => {
    const facts = { type: 'Medication', patients: [] as PatientKey[] };
    const cleared = [
      { role: 'clinician', topic: 'HIV' },
      { role: 'clinician', topic: 'SUDCN' },
    ];
    const wish = { roles: ['clinician'], policy: { cleared } };
    expect(reasons({ resources: [{ facts }] })).toEqual(['release', { code: 'not-about-a-patient', step: 7 }]);
    expect(reasons({ ...wish, resources: [{ facts, ...hiv }] })).toEqual([
      'release',
      { code: 'not-about-a-patient', step: 7 },
    ]);
    expect(reasons({ resources: [{ facts, ...hiv }] })).toEqual([
      'withhold',
      { code: 'no-permit-for-topic', step: 7, label: 'HIV' },
    ]);
    for (const topic of ['42CFRPart2', 'SUDCN'])
      expect(reasons({ ...wish, resources: [{ facts, labels: { topics: [topic] } }] })).toEqual([
        'withhold',
        { code: 'no-qualifying-permit', step: 6, label: topic },
      ]);
  });

  test('of those who take part one is enough, and her reasons are given; else the first one’s', () => {
    const facts = { type: 'Appointment', patients: [], participants: ['Patient/p2', 'Patient/p1'] as PatientKey[] };
    const wish: Wish = { resources: [{ facts }], others: { 'Patient/p2': [consent({ type: 'deny' }, { id: 'c2' })] } };
    expect(reasons({ ...wish, consents: [consent({ type: 'permit' })] })).toEqual([
      'release',
      { code: 'consent-permit', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
    ]);
    expect(reasons(wish)).toEqual([
      'withhold',
      { code: 'consent-deny', step: 5, consent: of('c2'), provision: 'provision', label: 'rest' },
    ]);
    const both: Wish = {
      resources: [{ facts }],
      others: { 'Patient/p2': [consent({ type: 'permit' }, { id: 'c2' })] },
      consents: [consent({ type: 'permit' })],
    };
    expect(reasons(both)).toEqual([
      'release',
      { code: 'consent-permit', step: 8, consent: of('c2'), provision: 'provision', label: 'rest' },
      { code: 'consent-permit', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
    ]);
    const nobody = { type: 'Appointment', patients: [], participants: [] };
    expect(reasons({ resources: [{ facts: nobody }] })).toEqual(['release', { code: 'not-about-a-patient', step: 7 }]);
  });

  test('of two patients both have to release it, and the reasons of both are given', () => {
    const facts = { patients: ['Patient/p1', 'Patient/p2'] as PatientKey[] };
    const consents = [consent({ type: 'permit' })];
    const permit = { 'Patient/p2': [consent({ type: 'permit' }, { id: 'c2' })] };
    expect(reasons({ resources: [{ facts }], consents, others: permit })).toEqual([
      'release',
      { code: 'consent-permit', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
      { code: 'consent-permit', step: 8, consent: of('c2'), provision: 'provision', label: 'rest' },
    ]);
    expect(reasons({ resources: [{ facts }], consents, others: { 'Patient/p2': [] } })).toEqual([
      'withhold',
      { code: 'no-applicable-consent', step: 8, label: 'rest' },
    ]);
  });

  test('a patient whose Consents were not read is a fault of the caller', () => {
    const facts = { patients: ['Patient/p2' as PatientKey] };
    expect(() => reasons({ resources: [{ facts }] })).toThrow('a patient was not established');
  });
});

describe('Consents', () => {
  test('say which provision permits or denies, the first of several', () => {
    const provision = { type: 'permit', provision: [{ type: 'deny' }, { type: 'deny' }] };
    expect(reasons({ consents: [consent(provision)] })).toEqual([
      'withhold',
      { code: 'consent-deny', step: 5, consent: of('c1'), provision: 'provision.provision[0]', label: 'rest' },
    ]);
    expect(
      reasons({
        consents: [consent({ type: 'deny' }, { meta: { versionId: '7', lastUpdated: '2026-01-01T00:00:00Z' } })],
      }),
    ).toEqual([
      'withhold',
      { code: 'consent-deny', step: 5, consent: of('c1', '7'), provision: 'provision', label: 'rest' },
    ]);
    const permits = {
      type: 'deny',
      provision: [{ type: 'permit', provision: [{ type: 'permit' }, { type: 'permit' }] }],
    };
    expect(reasons({ consents: [consent(permits)] })).toEqual([
      'release',
      {
        code: 'consent-permit',
        step: 8,
        consent: of('c1'),
        provision: 'provision.provision[0].provision[0]',
        label: 'rest',
      },
    ]);
    const optOut = { policyRule: { coding: [act('OPTOUT')] } };
    expect(reasons({ consents: [consent(undefined, optOut)], settings: all })).toEqual([
      'withhold',
      { code: 'consent-deny', step: 5, consent: of('c1'), provision: 'base', label: 'rest' },
    ]);
  });

  test('say which leaves something out, and for which topic one denies or permits', () => {
    const kind = [{ system: 'http://hl7.org/fhir/resource-types', code: 'Condition' }];
    expect(reasons({ consents: [consent({ type: 'permit', class: kind })], settings: all })).toEqual([
      'withhold',
      { code: 'consent-uncovered', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
    ]);
    const denies = consent({ type: 'deny', securityLabel: [act('HIV')] });
    expect(reasons({ consents: [denies], resources: [hiv] })).toEqual([
      'withhold',
      { code: 'consent-deny', step: 5, consent: of('c1'), provision: 'provision', label: 'HIV' },
    ]);
    const permits = consent({ type: 'permit', securityLabel: [act('HIV')] });
    expect(reasons({ consents: [permits], resources: [hiv] })).toEqual([
      'release',
      { code: 'consent-permit', step: 7, consent: of('c1'), provision: 'provision', label: 'HIV' },
      { code: 'consent-permit', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
    ]);
  });

  test('under the law say that they qualify', () => {
    const written = writtenConsent({});
    expect(reasons({ consents: [written], resources: [part2] })).toEqual([
      'release',
      { code: 'qualifying-permit', step: 6, consent: of('c1'), provision: 'provision', label: '42CFRPart2' },
      { code: 'consent-permit', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
    ]);
    const notes = { system: gatewayLabels, code: 'SUDCN' };
    const forNotes = writtenConsent({ securityLabel: [notes] });
    expect(reasons({ consents: [forNotes], resources: [{ labels: { topics: ['SUDCN'] } }] })).toEqual([
      'release',
      { code: 'qualifying-permit', step: 6, consent: of('c1'), provision: 'provision', label: 'SUDCN' },
      { code: 'consent-permit', step: 8, consent: of('c1'), provision: 'provision', label: 'rest' },
    ]);
    expect(reasons({ resources: [part2] })).toEqual([
      'withhold',
      { code: 'no-qualifying-permit', step: 6, label: '42CFRPart2' },
    ]);
  });

  test('that cannot be read are the reason, whatever else permits', () => {
    const consents = [
      consent({ type: 'permit' }),
      { ...consent({}), id: 'c2', patient: undefined } as unknown as R4Consent,
    ];
    expect(reasons({ consents })).toEqual(['withhold', { code: 'consent-unreadable', step: 8 }]);
  });

  test('as resources are kept to the patient’s side where they name something sensitive', () => {
    const facts = { type: 'Consent', key: 'Consent/c1' as ResourceKey };
    const expected = ['withhold', { code: 'consent-names-sensitive', step: 5 }];
    expect(reasons({ resources: [{ facts, ...hiv }], consents: [consent({ type: 'permit' })] })).toEqual(expected);
    expect(
      reasons({ resources: [{ facts, labels: { stated: 'R' } }], consents: [consent({ type: 'permit' })] }),
    ).toEqual(expected);
    expect(reasons({ resources: [{ facts }], consents: [consent({ type: 'permit' })] })?.[0]).toBe('release');
  });

  test('missing: the default says so', () => {
    expect(reasons({})).toEqual(['withhold', { code: 'no-applicable-consent', step: 8, label: 'rest' }]);
    expect(reasons({ settings: all })).toEqual([
      'release',
      { code: 'implicit-policy', step: 8, rule: 'all-normal', label: 'rest' },
    ]);
  });
});

test('data labelled for a purpose is kept from others', () => {
  const caveats = [`${purpose('HPAYMT').system}|HPAYMT`];
  expect(reasons({ resources: [{ labels: { caveats } }], settings: all })).toEqual([
    'withhold',
    { code: 'purpose-not-of-data', step: 5 },
  ]);
});

test('a program is told by which rule its own records stay with it', () => {
  const facts = {
    labelInputs: { type: 'Observation', own: [], codings: [], actors: ['Organization/a'], actorIdentifiers: [] },
  };
  expect(
    reasons({
      organizations: ['Organization/a'],
      roles: ['counselor'],
      settings: { programs: programsNamed('Organization/a') },
      policy: { cleared: [{ role: 'counselor', topic: '42CFRPart2' }] },
      resources: [{ facts, ...part2 }],
    }),
  ).toEqual([
    'release',
    { code: 'within-program', step: 6, label: '42CFRPart2', rule: 'table of topics' },
    { code: 'within-program', step: 8, label: 'rest', rule: 'table of topics' },
  ]);
});

test('what a token restricts, or whose Consent has ended, is told as step 5', () => {
  const token = (more: Partial<Residuals>) => {
    const residuals = { patient: 'Patient/p1' as ResourceKey, documents: [], rules: [], ...more };
    const [decision] = decide(plainCase({ settings: all }), undefined, [], residuals);
    return [decision?.outcome, ...(decision?.reasons ?? [])];
  };
  expect(token({ rules: [{ effect: 'deny', elements: { notUnderstood: false } }] })).toEqual([
    'withhold',
    { code: 'token-residual', step: 5 },
  ]);
  expect(token({ documents: ['Consent/gone'] })).toEqual(['withhold', { code: 'token-consent-ended', step: 5 }]);
  expect(token({})[0]).toBe('release');
});

test('the unrestricted are told no more than that', () => {
  expect(reasons({ unrestricted: true })).toEqual(['release', { code: 'unrestricted', step: 1 }]);
});

describe('what is remembered within a request', () => {
  /** Kinds and labels that the role rules were asked about: once for each decision that was made anew. */
  function asked(wish: Wish): number {
    let count = 0;
    decide(plainCase(wish), () => {
      count += 1;
    });
    return count;
  }
  const many = (count: number, more: object = {}) => Array.from({ length: count }, () => more);

  test('is decided once for all of one type, patient and labels', () => {
    expect(asked({ resources: many(50), consents: [consent({ type: 'permit' })] })).toBe(1);
    expect(asked({ resources: [...many(50), ...many(50, hiv), ...many(50, { asTarget: true })] })).toBe(3);
    expect(asked({ resources: many(50, { facts: { patients: ['Patient/p1', 'Patient/p1'] as PatientKey[] } }) })).toBe(
      1,
    );
  });

  test('of one kind is who she is, unless an order may list her; that there is one changes nothing for her records', () => {
    const agreement: Agreement = {
      ...{ id: 'qso-1', kind: 'qso', programs: undefined, recipients: [], purposes: ['HOPERAT'], types: undefined },
      ...{
        resources: undefined,
        patients: undefined,
        listsPatients: true,
        topics: new Set(),
        period: { start: 0, end: 0 },
      },
    };
    const settings = { part2: { agreements: [agreement], coveredEntities: [], intermediaries: [] } };
    const patient = { facts: { type: 'Patient' } };
    expect(asked({ resources: many(50, patient) })).toBe(1);
    expect(asked({ resources: many(50), settings })).toBe(1);
    expect(asked({ resources: many(50, patient), settings })).toBe(1);
    const orders = {
      part2: { ...settings.part2, agreements: [agreement, { ...agreement, resources: new Set(['x']) }] },
    };
    expect(asked({ resources: many(50), settings: orders })).toBe(1);
    expect(asked({ resources: many(50, patient), settings: orders })).toBe(50);
    expect(asked({ resources: many(50, part2), settings: orders })).toBe(50);
  });

  test('is not what a Consent reads of the kind of a document, nor of whose it is', () => {
    const kinds: R5Consent = {
      ...{ resourceType: 'Consent', id: 'r5', status: 'active', subject: { reference: 'Patient/p1' } },
      meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
      category: [{ coding: [act('IDSCL')] }],
      decision: 'deny',
      provision: [{ documentType: [{ system: 'http://loinc.org', code: '18842-5' }] }],
    };
    const of = (code: string) => ({ facts: { documentTypes: [{ system: 'http://loinc.org', code }] } });
    const resources = [of('11506-3'), of('18842-5'), of('11506-3')];
    expect(reasonsOf({ consents: [kinds], resources }).map(([outcome]) => outcome)).toEqual([
      ...['withhold', 'release', 'withhold'],
    ]);
  });

  test('is not what a Consent reads of the resource itself', () => {
    const code = [{ coding: [{ system: 'http://loinc.org', code: '1-8' }] }];
    const coded = (...codes: string[]) => {
      const codings = codes.map((one) => ({ system: 'http://loinc.org', code: one }));
      return { facts: { codings, primaryCodings: codings } };
    };
    const wish = (consents: readonly R4Consent[]): Wish => ({
      consents,
      resources: [coded('2-8'), coded('1-8'), coded()],
    });
    const outcomes = (one: Wish) => reasonsOf(one).map(([outcome]) => outcome);
    expect(outcomes(wish([consent({ type: 'permit', code })]))).toEqual(['withhold', 'release', 'withhold']);
    expect(outcomes(wish([consent({ type: 'permit', provision: [{ type: 'deny', code }] })]))).toEqual([
      'release',
      'withhold',
      'release',
    ]);
  });

  test('is not the program’s, nor what those who take part open, nor whose it is unknown', () => {
    const from = (actor: string) => ({
      facts: { labelInputs: { type: 'Observation', own: [], codings: [], actors: [actor], actorIdentifiers: [] } },
      ...part2,
    });
    const program: Wish = {
      organizations: ['Organization/a'],
      roles: ['counselor'],
      settings: { programs: programsNamed('Organization/a') },
      policy: { cleared: [{ role: 'counselor', topic: '42CFRPart2' }] },
      resources: [from('Organization/a'), from('Organization/b')],
    };
    expect(reasonsOf(program).map(([outcome]) => outcome)).toEqual(['release', 'withhold']);
    const appointment = (...participants: string[]) => ({
      facts: { type: 'Appointment', patients: [], participants: participants as PatientKey[] },
    });
    const wish: Wish = {
      consents: [consent({ type: 'permit' })],
      others: { 'Patient/p2': [] },
      resources: [appointment('Patient/p1'), appointment('Patient/p2')],
    };
    expect(reasonsOf(wish).map(([outcome]) => outcome)).toEqual(['release', 'withhold']);
    const resources = [{}, { facts: { patientUnknown: true } }];
    expect(reasonsOf({ resources, consents: [consent({ type: 'permit' })] }).map(([outcome]) => outcome)).toEqual([
      'release',
      'withhold',
    ]);
  });

  test('is one patient’s', () => {
    const hers = (patient: string) => ({ facts: { patients: [patient as PatientKey] } });
    const wish: Wish = {
      consents: [consent({ type: 'permit' })],
      others: { 'Patient/p2': [] },
      resources: [
        hers('Patient/p1'),
        hers('Patient/p2'),
        { facts: { patients: ['Patient/p1', 'Patient/p2'] as PatientKey[] } },
      ],
    };
    expect(reasonsOf(wish).map(([outcome]) => outcome)).toEqual(['release', 'withhold', 'withhold']);
  });

  test('a Consent for somebody else is not tried on any resource', () => {
    const readsOf = (wish: Wish): number => {
      let read = 0;
      const world = plainCase(wish);
      for (const { facts } of world.candidates)
        Object.defineProperty(facts, 'documentTypes', {
          get: () => {
            read += 1;
            return [];
          },
        });
      decide(world);
      return read;
    };
    const kind = [{ system: 'http://loinc.org', code: '18842-5' }];
    const actor = [named('Practitioner/ann')];
    const forAnn = [
      consent({ type: 'permit', class: kind, actor }),
      consent({ type: 'deny', class: kind, actor }, { id: 'c2' }),
      consent({ class: kind, provision: [{ type: 'permit', class: kind, actor }] }, { id: 'c3' }),
    ];
    const foreign = consent(
      { type: 'permit', class: kind },
      { id: 'c4', organization: [{ reference: 'Organization/b' }] },
    );
    const settings = { organizations: ['Organization/a'], foreignDenyBinds: false };
    expect(readsOf({ consents: [...forAnn, foreign], settings })).toBe(0);
    expect(readsOf({ consents: [consent({ type: 'permit', class: kind })] })).toBe(1);
  });
});
