import { describe, expect, test } from '@jest/globals';
import type { Emergency } from '../../src/context/emergency.ts';
import type { Decision } from '../../src/decide/decision.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Labels } from '../../src/label/labels.ts';
import { gatewayLabels } from '../reference/evaluate.ts';
import {
  act,
  consent,
  emergency,
  participation,
  plainCase,
  programsNamed,
  purpose,
  type Wish,
  writtenConsent,
} from '../reference/plain.ts';
import { decide } from '../reference/production.ts';

/** The steps of the composition table, each by the reason that it gives: code, step and label are what a record is searched by. */

const recipient = (reference: string) => ({ role: { coding: [participation('IRCP')] }, reference: { reference } });
const bob = recipient('Practitioner/bob');
const caveat = (code: string): string => `http://terminology.hl7.org/CodeSystem/v3-ActCode|${code}`;
const law = (code: string): string => `http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw|${code}`;
const labelled = (labels: Partial<Labels>): Wish => ({ resources: [{ labels }] });
const both = { 'Patient/p2': [consent({ type: 'permit' }, { id: 'c2', patient: { reference: 'Patient/p2' } })] };
const of = (...patients: string[]) => ({ patients: patients as PatientKey[] });

function decided(wish: Wish, emergency?: Emergency): Decision {
  const world = plainCase(wish);
  const context = emergency === undefined ? world.context : { ...world.context, emergency };
  const [decision] = decide({ ...world, context });
  if (decision === undefined) throw new Error('nothing was decided');
  return decision;
}
const withheld = (...reasons: object[]) => ({ outcome: 'withhold', reasons });
const permits = consent({ type: 'permit' });

describe('handling that a label asks for', () => {
  const asked = (code: string, wish: Wish = {}) =>
    decided({ consents: [permits], ...labelled({ caveats: [code] }), ...wish });
  const notMet = (label: string) => withheld({ code: 'handling-not-met', step: 5, label });
  const needed = (label: string) => withheld({ code: 'consent-needed', step: 8, label });
  const implicit: Wish = { consents: [], settings: { implicitPolicy: 'all-normal' } };

  test('nobody keeps: what is refused', () => {
    expect(asked(caveat('NODSCLCDS'))).toEqual(notMet('NODSCLCDS'));
  });
  test('its recipients keep: as the deployment says', () => {
    expect(asked(caveat('NOREUSE'))).toEqual(notMet('NOREUSE'));
    const settings = { handling: { handlers: new Map([['NOREUSE', ['Practitioner/bob']]]), isEncrypted: true } };
    expect(asked(caveat('NOREUSE'), { settings }).outcome).toBe('release');
    expect(asked(caveat('NORELINK'), { settings })).toEqual(notMet('NORELINK'));
  });
  test('what has its name in another code system is none', () => {
    expect(asked('urn:labels|NOREUSE').outcome).toBe('release');
    expect(asked('urn:labels|NODSCLCDS').outcome).toBe('release');
  });
  test('encryption: TLS', () => {
    const settings = { handling: { handlers: new Map(), isEncrypted: false } };
    expect(asked(caveat('ENCRYPT')).outcome).toBe('release');
    expect(asked(caveat('ENCRYPT'), { settings })).toEqual(notMet('ENCRYPT'));
  });
  test('a Consent: no implicit policy serves', () => {
    expect(asked(caveat('NODSCLCD'), implicit)).toEqual(needed('NODSCLCD'));
    expect(asked(law('Title38Section7332'), implicit)).toEqual(needed('Title38Section7332'));
    expect(asked(caveat('NODSCLCD')).outcome).toBe('release');
    expect(asked(caveat('NORDSCLCD'), implicit).outcome).toBe('release');
  });
  test('a Consent that names the recipient, where it is asked for', () => {
    expect(asked(caveat('NOLIST'))).toEqual(needed('NOLIST'));
    expect(asked(caveat('NOLIST'), { consents: [consent({ type: 'permit', actor: [bob] })] }).outcome).toBe('release');
  });
  test('the strictest of several', () => {
    const caveats = [caveat('NODSCLCD'), caveat('NOLIST')];
    expect(decided({ consents: [permits], ...labelled({ caveats }) })).toEqual(needed('NOLIST'));
  });
  test('what she paid herself is not told to who pays, nor to operations, without her Consent', () => {
    const paid = (asks: string) => asked(law('HIPAASelfPay'), { ...implicit, purposes: [asks] });
    expect(paid('HPAYMT')).toEqual(needed('HIPAASelfPay'));
    expect(paid('HOPERAT')).toEqual(needed('HIPAASelfPay'));
    expect(paid('TREAT').outcome).toBe('release');
    // Whoever states no purpose asks for neither; no implicit policy serves her.
    expect(asked(law('HIPAASelfPay'), { ...implicit, purposes: [] })).toEqual(
      withheld({ code: 'no-applicable-consent', step: 8, label: 'rest' }),
    );
  });
});

describe('what is about nobody', () => {
  const program = 'Organization/program';
  const labelInputs = { type: 'Observation', own: [], codings: [], actors: [program], actorIdentifiers: [] };
  const asked = (labels: Partial<Labels>, wish: Wish = {}) =>
    decided({ resources: [{ labels, facts: { ...of(), labelInputs } }], ...wish });
  const released = { outcome: 'release', reasons: [{ code: 'not-about-a-patient', step: 7 }], obligations: [] };
  const cleared = (topic: string): Wish => ({
    roles: ['counselor'],
    policy: { cleared: [{ role: 'counselor', topic }] },
  });
  const member = { organizations: [program], settings: { programs: programsNamed(program) } };

  test('leaves where nothing is sensitive', () => {
    expect(asked({})).toEqual(released);
  });
  test('leaves to who is cleared for its topic', () => {
    expect(asked({ topics: ['HIV'] })).toEqual(withheld({ code: 'no-permit-for-topic', step: 7, label: 'HIV' }));
    expect(asked({ topics: ['HIV'] }, cleared('HIV'))).toEqual(released);
  });
  test('leaves within the program that it is of, for a purpose, to who is cleared', () => {
    const no = withheld({ code: 'no-qualifying-permit', step: 6, label: '42CFRPart2' });
    const part2 = { topics: ['42CFRPart2'] };
    expect(asked(part2, { ...member, ...cleared('42CFRPart2') })).toEqual(released);
    expect(asked(part2, { ...member, ...cleared('42CFRPart2'), purposes: [] })).toEqual(no);
    expect(asked(part2, member)).toEqual(no);
    expect(asked(part2, cleared('42CFRPart2'))).toEqual(no);
    const both = { settings: { programs: programsNamed(program, 'Organization/other') }, ...cleared('42CFRPart2') };
    const ofBoth = [{ labels: part2, facts: of(), sources: ['Organization/other', program] }];
    expect(decided({ ...both, resources: ofBoth, organizations: [program] })).toEqual(no);
    expect(decided({ ...both, resources: ofBoth, organizations: [program, 'Organization/other'] })).toEqual(released);
    const names = new Map([...programsNamed(program), ['urn:npi|1', program]]);
    const byNumber = { ...both, organizations: ['urn:npi|1'], settings: { programs: names } };
    expect(decided({ ...byNumber, resources: [{ labels: part2, facts: of(), sources: [program] }] })).toEqual(released);
    expect(decided({ ...byNumber, resources: [{ labels: part2, facts: of(), sources: [] }] })).toEqual(no);
  });
  test('is no notes, whoever asks', () => {
    expect(asked({ topics: ['SUDCN'] }, { ...member, ...cleared('SUDCN') })).toEqual(
      withheld({ code: 'no-qualifying-permit', step: 6, label: 'SUDCN' }),
    );
  });
  test('is handled as its labels ask', () => {
    const caveats = [caveat('NOREUSE')];
    expect(asked({ caveats })).toEqual(withheld({ code: 'handling-not-met', step: 5, label: 'NOREUSE' }));
    for (const keeper of ['Practitioner/bob', 'Organization/lab']) {
      const handling = { handlers: new Map([['NOREUSE', [keeper]]]), isEncrypted: true };
      expect(asked({ caveats }, { organizations: ['Organization/lab'], settings: { handling } })).toEqual(released);
    }
  });
});

test('notes do not leave within a program, whoever is cleared for them', () => {
  const program = 'Organization/program';
  const labelInputs = { type: 'Observation', own: [], codings: [], actors: [program], actorIdentifiers: [] };
  const within = (topic: string) =>
    decided({
      organizations: [program],
      roles: ['counselor'],
      settings: { programs: programsNamed(program) },
      policy: { cleared: [{ role: 'counselor', topic }] },
      resources: [{ labels: { topics: [topic] }, facts: { labelInputs } }],
    });
  expect(within('42CFRPart2').outcome).toBe('release');
  for (const topic of ['SUDCN', 'PSYTHPN'])
    expect(within(topic)).toEqual(withheld({ code: 'no-qualifying-permit', step: 6, label: topic }));
});

describe('a minor’s substance use and her representative (42 CFR 2.14)', () => {
  const guardian = recipient('RelatedPerson/guardian');
  const standing = { kind: 'representative', patientIsMinor: true } as const;
  const asked = (topics: readonly string[], ...consents: NonNullable<Wish['consents']>) =>
    decided({ standing, identities: ['RelatedPerson/guardian'], consents, ...labelled({ topics }) });
  const written = (provision: Parameters<typeof writtenConsent>[0]) =>
    writtenConsent({ actor: [guardian], ...provision }, { id: 'written' });

  test('a release in writing gives it to him; what else it is about takes no such form', () => {
    const substance = written({ securityLabel: [act('SUD')] });
    const hiv = consent({ type: 'permit', securityLabel: [act('HIV')] }, { id: 'plain' });
    expect(asked(['SUD'], substance).outcome).toBe('release');
    expect(asked(['HIV', 'SUD'], substance, hiv).reasons).toMatchObject([
      { code: 'consent-permit', step: 7, consent: 'Consent/plain/_history/1', label: 'HIV' },
      { code: 'qualifying-permit', step: 6, consent: 'Consent/written/_history/1', label: 'SUD' },
      { step: 8 },
      { step: 8 },
    ]);
    expect(asked(['HIV', 'SUD'], substance)).toEqual(withheld({ code: 'no-permit-for-topic', step: 7, label: 'HIV' }));
  });

  test('a release in writing of something else does not', () => {
    const conditions = [{ system: 'http://hl7.org/fhir/resource-types', code: 'Condition' }];
    const no = withheld({ code: 'no-qualifying-permit', step: 6, label: 'SUD' });
    expect(asked(['SUD'], written({ class: conditions }))).toEqual(no);
    expect(asked(['SUD'], permits)).toEqual(no);
  });

  test('of several provisions of one that permit it, one in writing is enough', () => {
    const of = (...provision: NonNullable<Parameters<typeof writtenConsent>[0]['provision']>) => {
      const { purpose: _, ...whole } = writtenConsent({ type: 'deny', provision }).provision ?? {};
      return asked(['SUD'], { ...writtenConsent({}), provision: whole });
    };
    const inWriting = { type: 'permit', securityLabel: [act('SUD')], actor: [guardian], purpose: [purpose('TREAT')] };
    const plain = { type: 'permit', securityLabel: [act('SUD')] };
    expect(of(plain, inWriting).outcome).toBe('release');
    expect(of(inWriting).outcome).toBe('release');
    expect(of(plain).outcome).toBe('withhold');
  });
});

describe('the implicit policy', () => {
  const asked = (implicitPolicy: 'all-normal' | 'basic-normal', wish: Wish) =>
    decided({ roles: ['clinician'], ...wish, settings: { implicitPolicy } });
  const by = (rule: string) => ({
    outcome: 'release',
    reasons: [{ code: 'implicit-policy', step: 8, rule, label: 'rest' }],
    obligations: [],
  });
  const silent = withheld({ code: 'no-applicable-consent', step: 8, label: 'rest' });

  test('all-normal: what is not restricted, for any purpose', () => {
    expect(asked('all-normal', { purposes: ['HRESCH'] })).toEqual(by('all-normal'));
    expect(asked('all-normal', { purposes: [] })).toEqual(silent);
    expect(asked('all-normal', labelled({ stated: 'R' }))).toEqual(silent);
  });
  test('basic-normal: clinicians for treatment, and emergencies are not that', () => {
    expect(asked('basic-normal', {})).toEqual(by('basic-normal'));
    expect(asked('basic-normal', { purposes: ['ETREAT'] })).toEqual(silent);
    expect(asked('basic-normal', { purposes: ['HPAYMT'] })).toEqual(silent);
    expect(asked('basic-normal', { roles: ['cook'] })).toEqual(silent);
  });
  test('basic-normal: billing for payment, and of the rest that it exists', () => {
    const bills: Wish = { roles: ['billing'], purposes: ['HPAYMT'] };
    const claim = { type: 'Claim', key: 'Claim/1' as ResourceKey };
    expect(asked('basic-normal', { ...bills, resources: [{ facts: claim }] })).toEqual(by('basic-normal'));
    expect(asked('basic-normal', bills)).toEqual(silent);
    expect(asked('basic-normal', { ...bills, resources: [{ asTarget: true }] })).toEqual(by('basic-normal'));
    expect(asked('basic-normal', { resources: [{ asTarget: true }], roles: ['cook'], purposes: ['HPAYMT'] })).toEqual(
      silent,
    );
  });
});

describe('several patients and several purposes', () => {
  const shared: Wish = {
    consents: [permits],
    others: both,
    resources: [{ facts: of('Patient/p1', 'Patient/p2') }],
  };
  const named = (id: string) => ({
    code: 'consent-permit',
    step: 8,
    consent: `Consent/${id}/_history/1`,
    provision: 'provision',
    label: 'rest',
  });
  test('each patient releases it for reasons of her own', () => {
    expect(decided(shared)).toEqual({ outcome: 'release', reasons: [named('c1'), named('c2')], obligations: [] });
  });
  test('of those who take part, each that releases it', () => {
    const facts = { patients: [], participants: ['Patient/p1', 'Patient/p2'] as PatientKey[] };
    const asked = (consents: Wish['consents']) =>
      decided({ ...shared, consents: consents ?? [], resources: [{ facts }] });
    expect(asked([permits])).toMatchObject({ reasons: [named('c1'), named('c2')] });
    expect(asked([])).toMatchObject({ outcome: 'release', reasons: [named('c2')] });
  });
  test('each purpose has its reasons and its obligations', () => {
    const written = writtenConsent({ actor: [bob], purpose: [purpose('TREAT'), purpose('HPAYMT')] });
    const decision = decided({
      consents: [written],
      purposes: ['TREAT', 'HPAYMT'],
      ...labelled({ topics: ['42CFRPart2'] }),
    });
    expect(decision.reasons).toHaveLength(4);
    expect(decision.outcome === 'release' ? decision.obligations : []).toHaveLength(2);
  });
  test('one is not remembered for the other', () => {
    const world = plainCase({
      ...shared,
      consents: [consent({ type: 'deny' })],
      resources: [
        { facts: of('Patient/p2') },
        { facts: of('Patient/p1') },
        { facts: of('Patient/p2', 'Patient/p1') },
        { facts: of('Patient/p2') },
      ],
    });
    expect(decide(world).map(({ outcome }) => outcome)).toEqual(['release', 'withhold', 'withhold', 'release']);
  });
  test('nor what is allowed as a target for what is read', () => {
    const world = plainCase({
      consents: [permits],
      policy: { kindsNotReceived: ['Observation'] },
      resources: [{ asTarget: true }, {}, { asTarget: true }],
    });
    expect(decide(world).map(({ outcome }) => outcome)).toEqual(['release', 'withhold', 'release']);
  });
});

describe('Consents that cannot be read', () => {
  const broken = { ...permits, id: 'broken', status: undefined } as unknown as typeof permits;
  test('leave nothing to a Consent', () => {
    expect(decided({ consents: [permits, broken] })).toEqual(withheld({ code: 'consent-unreadable', step: 8 }));
    expect(
      decided({ consents: [writtenConsent({ actor: [bob] }), broken], ...labelled({ topics: ['42CFRPart2'] }) }),
    ).toEqual(withheld({ code: 'no-qualifying-permit', step: 6, label: '42CFRPart2' }));
    expect(
      decided({
        consents: [consent({ type: 'permit', securityLabel: [act('HIV')] }), broken],
        ...labelled({ topics: ['HIV'] }),
      }),
    ).toEqual(withheld({ code: 'no-permit-for-topic', step: 7, label: 'HIV' }));
  });
  test('leave what a program knows within it', () => {
    const program = 'Organization/program';
    const labelInputs = { type: 'Observation', own: [], codings: [], actors: [program], actorIdentifiers: [] };
    const decision = decided({
      consents: [broken],
      organizations: [program],
      roles: ['counselor'],
      settings: { programs: programsNamed(program) },
      policy: { cleared: [{ role: 'counselor', topic: '42CFRPart2' }] },
      resources: [{ labels: { topics: ['42CFRPart2'] }, facts: { labelInputs } }],
    });
    expect(decision).toMatchObject({
      outcome: 'release',
      reasons: [{ step: 6 }, { code: 'within-program', step: 8, label: 'rest' }],
    });
  });
});

describe('a Consent is itself a record', () => {
  const asked = (labels: Partial<Labels>) =>
    decided({
      consents: [permits],
      resources: [{ labels, facts: { type: 'Consent', key: 'Consent/c1' as ResourceKey } }],
    });
  test('that leaves like others, unless it is sensitive', () => {
    expect(asked({}).outcome).toBe('release');
    const names = withheld({ code: 'consent-names-sensitive', step: 5 });
    expect(asked({ topics: ['HIV'] })).toEqual(names);
    expect(asked({ stated: 'R' })).toEqual(names);
  });
});

describe('in an emergency', () => {
  const obligations = (...topics: string[]) => {
    const decision = decided(labelled({ topics }), emergency);
    return decision.outcome === 'release' ? decision.obligations : decision.outcome;
  };
  const one = [{ kind: 'part2', basis: 'emergency', redisclosable: false }];
  test('Part 2 records leave under that name, and no others (42 CFR 2.51)', () => {
    expect(obligations('42CFRPart2')).toEqual(one);
    expect(obligations('HIV', '42CFRPart2')).toEqual(one);
    expect(obligations('SUD')).toEqual(one);
    expect(obligations('HIV')).toEqual([]);
    expect(obligations()).toEqual([]);
  });
  const inEmergency = (wish: Wish, change: Partial<Emergency> = {}) => decided(wish, { ...emergency, ...change });
  const hiv = labelled({ topics: ['HIV'] });
  const opened = { code: 'emergency', step: 6, rule: 'ETREAT' };
  const broken = { ...permits, id: 'broken', status: undefined } as unknown as typeof permits;
  /** Denies, and permits for emergencies. */
  const excepting = consent({ type: 'deny', provision: [{ type: 'permit', purpose: [purpose('ETREAT')] }] });

  test('what a Consent denies stays hidden, unless it excepts emergencies itself or the policies let them override', () => {
    const denies = consent({ type: 'deny' });
    expect(inEmergency({ consents: [denies] }).outcome).toBe('withhold');
    expect(inEmergency({ consents: [denies] }, { overridesDenies: true })).toMatchObject({ reasons: [opened] });
    expect(inEmergency({ consents: [excepting] }).reasons).toEqual([
      opened,
      {
        code: 'consent-permit',
        step: 6,
        consent: 'Consent/c1/_history/1',
        provision: 'provision.provision[0]',
        label: 'rest',
      },
    ]);
    expect(inEmergency({ consents: [excepting, consent({ type: 'deny' }, { id: 'c2' })] }).outcome).toBe('withhold');
  });
  test('the reasons tell for which topic a Consent permits', () => {
    const forHiv = consent({ type: 'permit', purpose: [purpose('ETREAT')], securityLabel: [act('HIV')] });
    const { reasons } = inEmergency({ consents: [forHiv], ...hiv });
    expect(reasons.map(({ label }) => label)).toEqual([undefined, 'HIV']);
  });
  test.each([
    ['data for another purpose', 'http://terminology.hl7.org/CodeSystem/v3-ActReason|HRESCH'],
    ['data that nobody can handle so', caveat('NODSCLCDS')],
  ])('%s stays hidden, unless the policies let emergencies override', (_what, label) => {
    const data = labelled({ caveats: [label] });
    expect(inEmergency(data).outcome).toBe('withhold');
    expect(inEmergency(data, { overridesDenies: true }).outcome).toBe('release');
  });
  describe('while Consents cannot be read', () => {
    test('what leaves, leaves by the emergency alone', () => {
      const ahead = consent({ type: 'permit', purpose: [purpose('ETREAT')] });
      expect(inEmergency({ consents: [ahead, broken] }).reasons).toEqual([opened]);
    });
    test('no exception counts against a deny', () => {
      expect(inEmergency({ consents: [excepting, broken] }).outcome).toBe('withhold');
    });
    test('nobody gave notes', () => {
      const notes = labelled({ topics: ['SUDCN'] });
      const given = writtenConsent({
        actor: [bob],
        securityLabel: [{ system: gatewayLabels, code: 'SUDCN' }],
        purpose: [purpose('ETREAT')],
        period: { end: '2026-12-31' },
      });
      expect(inEmergency({ consents: [given], ...notes }).outcome).toBe('release');
      expect(inEmergency({ consents: [given, broken], ...notes }).outcome).toBe('withhold');
      expect(inEmergency({ consents: [broken], ...notes }, { includesNotes: true }).outcome).toBe('release');
    });
  });
  test('of its one patient alone', () => {
    const facts = of('Patient/p2');
    expect(decided({ others: { 'Patient/p2': [] }, resources: [{ facts }] }, emergency)).toEqual(
      withheld({ code: 'no-applicable-consent', step: 8, label: 'rest' }),
    );
  });
});
