import { expect, test } from '@jest/globals';
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
import type { R4Coding, R4Provision } from '../reference/r4.ts';

/** Faults that the reference evaluator found, one test each. */

function outcomes(wish: Wish): readonly string[] {
  return decide(plainCase(wish)).map(({ outcome }) => outcome);
}
const release = ['release'];
const withhold = ['withhold'];
const hiv = [{ labels: { topics: ['HIV'] } }];
const notes = [{ labels: { topics: ['SUDCN'] } }];
const notesLabel = { system: gatewayLabels, code: 'SUDCN' };
const guardian = (patientIsMinor: boolean): Wish => ({
  identities: ['RelatedPerson/g'],
  standing: { kind: 'representative', patientIsMinor, relatedPerson: 'RelatedPerson/g' as ResourceKey },
});
const consentScope = 'http://terminology.hl7.org/CodeSystem/consentscope';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const strange = [{ url: 'https://example.org/strange' }];
const named = (reference: string, role = 'IRCP') => [
  { role: { coding: [participation(role)] }, reference: { reference } },
];

test('a permit below a deny inherits the data that the root states', () => {
  const provision = {
    type: 'permit',
    code: [{ coding: [{ system: 'http://loinc.org', code: '1-8' }] }],
    provision: [{ type: 'deny', provision: [{ type: 'permit' }] }],
  };
  expect(outcomes({ consents: [consent(provision)] })).toEqual(withhold);
});

test('a Consent with an unknown modifier keeps its deny, whatever it permits below', () => {
  const odd = consent({ type: 'deny', provision: [{ type: 'permit' }] }, { modifierExtension: strange });
  const permit = consent(
    { type: 'permit', class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }] },
    { id: 'c2' },
  );
  expect(outcomes({ consents: [odd, permit] })).toEqual(withhold);
  expect(outcomes({ consents: [permit] })).toEqual(release);
});

test('a category of privacy notices does not silence a root that denies', () => {
  const category = [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes', code: 'npp' }] },
  ];
  const settings = { implicitPolicy: 'all-normal' } as const;
  expect(outcomes({ consents: [consent({ type: 'deny' }, { category })], settings })).toEqual(withhold);
  expect(outcomes({ consents: [consent({}, { category })], settings })).toEqual(release);
});

test('counseling notes need a qualifying consent for nothing else', () => {
  expect(outcomes({ resources: notes, consents: [writtenConsent({ securityLabel: [notesLabel] })] })).toEqual(release);
  const unsigned = consent({ type: 'permit', securityLabel: [notesLabel], purpose: [purpose('TREAT')] });
  expect(outcomes({ resources: notes, consents: [unsigned] })).toEqual(withhold);
  const general = writtenConsent({ provision: [{ type: 'permit', securityLabel: [notesLabel] }] });
  expect(outcomes({ resources: notes, consents: [general] })).toEqual(withhold);
});

test('a minor’s substance use reaches her representative by a qualifying permit alone', () => {
  const resources = [{ labels: { topics: ['ETHUD'] } }];
  expect(outcomes({ ...guardian(true), resources })).toEqual(withhold);
  expect(outcomes({ ...guardian(true), resources, consents: [consent({ type: 'permit' })] })).toEqual(withhold);
  expect(outcomes({ ...guardian(true), resources, consents: [writtenConsent({})] })).toEqual(release);
  expect(outcomes({ ...guardian(false), resources })).toEqual(release);
});

test('a minor’s counseling notes stay hers where representatives see notes', () => {
  const settings = { representativesSeeNotes: true };
  expect(outcomes({ ...guardian(true), resources: notes, settings })).toEqual(withhold);
  expect(outcomes({ ...guardian(false), resources: notes, settings })).toEqual(release);
});

test('a representative is kept out by any deny that names him, not by the first alone', () => {
  const denies = [{ type: 'deny' }, { type: 'deny', actor: named('RelatedPerson/g') }];
  expect(outcomes({ ...guardian(false), consents: [consent({ type: 'permit', provision: denies })] })).toEqual(
    withhold,
  );
  expect(
    outcomes({ ...guardian(false), consents: [consent({ type: 'permit', provision: [{ type: 'deny' }] })] }),
  ).toEqual(release);
});

test('a deny that names the representative in an unknown role counts', () => {
  const actor = named('RelatedPerson/g', 'XYZ');
  expect(outcomes({ ...guardian(false), consents: [consent({ type: 'deny', actor })] })).toEqual(withhold);
});

test('NOPAT is withheld from representatives where it is withheld from patients', () => {
  const resources = [{ labels: { caveats: ['http://terminology.hl7.org/CodeSystem/v3-ActCode|NOPAT'] } }];
  expect(outcomes({ ...guardian(false), resources, settings: { withholdFromPatient: true } })).toEqual(withhold);
  expect(outcomes({ ...guardian(false), resources })).toEqual(release);
});

test('a rule that forbids a label cuts references to it, a rule on the kind alone does not', () => {
  const resources = [{ ...hiv[0], asTarget: true }];
  const wish = { resources, consents: [consent({ type: 'permit' })] };
  expect(outcomes({ ...wish, policy: { forbidden: [{ type: 'Observation', label: 'HIV' }] } })).toEqual(withhold);
  expect(outcomes({ ...wish, policy: { forbidden: [{ type: 'Observation' }] } })).toEqual(release);
});

test('what one program made is not remembered as released for another program', () => {
  const from = (actor: string) => ({
    facts: { labelInputs: { type: 'Observation', own: [], codings: [], actors: [actor], actorIdentifiers: [] } },
    labels: { topics: ['SUD'] },
  });
  const wish: Wish = {
    organizations: ['Organization/a'],
    roles: ['counselor'],
    settings: { sudIsPart2: true, programs: programsNamed('Organization/a', 'Organization/b') },
    policy: {
      cleared: [
        { role: 'counselor', topic: '42CFRPart2' },
        { role: 'counselor', topic: 'SUD' },
      ],
    },
    resources: [from('Organization/a'), from('Organization/b')],
  };
  expect(outcomes(wish)).toEqual(['release', 'withhold']);
});

test('within the program nothing passes without a purpose, and nothing of level V', () => {
  const wish: Wish = {
    organizations: ['Organization/a'],
    roles: ['counselor'],
    settings: { programs: programsNamed('Organization/a') },
    policy: { cleared: [{ role: 'counselor', topic: '42CFRPart2' }] },
  };
  const facts = {
    labelInputs: { type: 'Observation', own: [], codings: [], actors: ['Organization/a'], actorIdentifiers: [] },
  };
  const resources = [{ facts, labels: { topics: ['42CFRPart2'] } }];
  expect(outcomes({ ...wish, resources })).toEqual(release);
  expect(outcomes({ ...wish, resources, purposes: [] })).toEqual(withhold);
  expect(outcomes({ ...wish, resources: [{ facts, labels: { topics: ['42CFRPart2'], stated: 'V' } }] })).toEqual(
    withhold,
  );
  const medication = { ...facts, type: 'Medication', patients: [] as PatientKey[] };
  expect(outcomes({ ...wish, resources: [{ facts: medication, labels: { topics: ['42CFRPart2'] } }] })).toEqual(
    release,
  );
});

test('an actor with an extension nobody understands permits nobody', () => {
  const [actor] = named('Practitioner/bob');
  expect(outcomes({ consents: [consent({ type: 'permit', actor: [{ ...actor, extension: strange }] })] })).toEqual(
    withhold,
  );
});

test('a role nobody knows permits nobody, whatever its code means to JavaScript', () => {
  for (const code of ['XYZ', 'constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    const actor = named('Practitioner/ann', code);
    expect(outcomes({ consents: [consent({ type: 'permit', actor })] })).toEqual(withhold);
    const settings = { implicitPolicy: 'all-normal' } as const;
    expect(outcomes({ settings, consents: [consent({ type: 'deny', actor })] })).toEqual(release);
  }
});

test('of two directives, scopes or roles that contradict each other none counts for standing first', () => {
  for (const order of [(all: R4Coding[]) => all, (all: R4Coding[]) => all.toReversed()]) {
    const rule = (...codes: string[]) => ({ policyRule: { coding: order(codes.map(act)) } });
    expect(outcomes({ consents: [consent({}, rule('OPTIN', 'OPTOUT'))] })).toEqual(withhold);
    expect(outcomes({ consents: [consent({}, rule('OPTIN', 'EMRGONLY'))] })).toEqual(withhold);
    expect(outcomes({ consents: [consent({}, rule('EMRGONLY', 'OPTOUT'))], purposes: ['ETREAT'] })).toEqual(withhold);
    const scopes = ['patient-privacy', 'treatment'].map((code) => ({ system: consentScope, code }));
    expect(outcomes({ consents: [consent({ type: 'permit' }, { scope: { coding: order(scopes) } })] })).toEqual(
      withhold,
    );
    const role = { coding: order([participation('CST'), participation('IRCP')]) };
    const actor = [{ role, reference: { reference: 'Practitioner/bob' } }];
    expect(outcomes({ consents: [consent({ type: 'permit', actor })] })).toEqual(withhold);
  }
});

test('a custodian who cannot be compared permits nothing', () => {
  expect(outcomes({ consents: [consent({ type: 'permit', actor: named('Group/one', 'CST') })] })).toEqual(withhold);
  expect(outcomes({ consents: [consent({ type: 'permit', actor: named('Organization/a', 'CST') })] })).toEqual(release);
});

test('emergency only is no permit for treatment by a nested provision that names no purpose', () => {
  const policyRule = { coding: [act('EMRGONLY')] };
  const nested = { provision: [{ type: 'permit', actor: named('Practitioner/bob') }] };
  expect(outcomes({ consents: [consent(nested, { policyRule })] })).toEqual(withhold);
});

test('proceedings need a consent without any other purpose, known or not', () => {
  const resources = [{ labels: { topics: ['42CFRPart2'] } }];
  const wish: Wish = { resources, purposes: ['HLEGAL'] };
  const actor = named('Practitioner/bob');
  const period = { end: '2027-01-01' };
  const sole = writtenConsent({ purpose: [purpose('HLEGAL')], actor, period });
  const mixed = writtenConsent({ purpose: [purpose('HLEGAL'), purpose('XPURPOSE')], actor, period });
  expect(outcomes({ ...wish, consents: [sole] })).toEqual(release);
  expect(outcomes({ ...wish, consents: [mixed] })).toEqual(withhold);
});

test('a written consent with a purpose nobody knows names its recipients and its end', () => {
  const resources = [{ labels: { topics: ['42CFRPart2'] } }];
  const open = writtenConsent({ purpose: [purpose('TREAT'), purpose('XPURPOSE')] });
  expect(outcomes({ resources, consents: [open] })).toEqual(withhold);
  expect(outcomes({ resources, consents: [writtenConsent({})] })).toEqual(release);
});

test('denying what depends on the patient does not deny the patient’s own resource', () => {
  const deny = {
    type: 'permit',
    provision: [{ type: 'deny', data: [{ meaning: 'dependents', reference: { reference: 'Patient/p1' } }] }],
  };
  const patient = { type: 'Patient', key: 'Patient/p1' as ResourceKey };
  expect(outcomes({ consents: [consent(deny)], resources: [{ facts: patient }] })).toEqual(release);
  const references = ['Patient/p1' as ResourceKey];
  expect(outcomes({ consents: [consent(deny)], resources: [{ facts: { references } }] })).toEqual(withhold);
});

test('the most specific strategy ranks a person over a role over an organization', () => {
  const settings = { conflictStrategy: 'most-specific' } as const;
  const by = (id: string, type: string, reference: string, organization: string) =>
    consent({ type, actor: named(reference) }, { id, organization: [{ reference: organization }] });
  const person = by('c1', 'permit', 'Practitioner/bob', 'Organization/a');
  const role = by('c2', 'deny', 'PractitionerRole/bob', 'Organization/b');
  const identities = ['Practitioner/bob', 'PractitionerRole/bob'];
  expect(outcomes({ identities, settings, consents: [person, role] })).toEqual(release);
  expect(
    outcomes({
      identities,
      settings,
      consents: [
        { ...role, provision: { type: 'permit', actor: named('PractitionerRole/bob') } },
        by('c3', 'deny', 'Organization/h', 'Organization/c'),
      ],
      organizations: ['Organization/h'],
    }),
  ).toEqual(release);
});

test('a release of substance use data for an unknown purpose does not cost the ordinary data', () => {
  const one = consent({ type: 'permit', securityLabel: [act('SUD')], purpose: [purpose('XPURPOSE')] });
  expect(outcomes({ consents: [one], settings: { implicitPolicy: 'all-normal' } })).toEqual(release);
});

test('a newer root that says one thing twice supersedes the older that says it once', () => {
  const code = { coding: [{ system: 'http://loinc.org', code: '1-8' }] };
  const older = consent({ type: 'deny', code: [code, code] }, { dateTime: '2026-01-01' });
  const newer = consent({ type: 'permit', code: [code] }, { id: 'c2', dateTime: '2026-02-01' });
  const resources = [{ facts: { codings: code.coding, primaryCodings: code.coding } }];
  expect(outcomes({ resources, consents: [older, newer] })).toEqual(release);
});

test('a permit for a topic that holds something nobody understands is uncovered for the rest, not silent', () => {
  const settings = { implicitPolicy: 'all-normal' } as const;
  const securityLabel = [act('HIV')];
  expect(outcomes({ settings, consents: [consent({ type: 'permit', securityLabel })] })).toEqual(release);
  for (const odd of [
    consent({ type: 'permit', securityLabel }, { modifierExtension: strange }),
    consent({ type: 'permit', securityLabel, extension: strange }),
    consent({ type: 'permit', securityLabel: [...securityLabel, act('XLABEL')] }),
  ])
    expect(outcomes({ settings, consents: [odd] })).toEqual(withhold);
});

test('a permit that anything but topics narrows is uncovered for the rest', () => {
  const settings = { implicitPolicy: 'all-normal' } as const;
  const hiv = act('HIV');
  const loinc = { system: 'http://loinc.org', code: '18842-5' };
  const narrower: readonly R4Provision[] = [
    { securityLabel: [hiv, { system: confidentiality, code: 'N' }] },
    { securityLabel: [hiv, purpose('HPAYMT')] },
    { securityLabel: [hiv, purpose('TREAT')] },
    { class: [loinc] },
    { code: [{ coding: [loinc] }] },
    { dataPeriod: { start: '2020-01-01' } },
    { data: [{ meaning: 'instance', reference: { reference: 'Observation/9' } }] },
    { actor: named('Practitioner/ann', 'AUT') },
  ];
  for (const more of narrower)
    expect(outcomes({ settings, consents: [consent({ type: 'permit', securityLabel: [hiv], ...more })] })).toEqual(
      withhold,
    );
});

test('roots that say the same in another order are the same root', () => {
  const codes = ['1-8', '2-8', '3-8'].map((code) => ({ coding: [{ system: 'http://loinc.org', code }] }));
  const older = consent({ type: 'deny', code: codes }, { dateTime: '2026-01-01' });
  const newer = consent({ type: 'permit', code: codes.toReversed() }, { id: 'c2', dateTime: '2026-02-01' });
  const coding = [{ system: 'http://loinc.org', code: '1-8' }];
  const resources = [{ facts: { codings: coding, primaryCodings: coding } }];
  expect(outcomes({ resources, consents: [older, newer] })).toEqual(release);
});

test('a deny of substance use is none of anything else, and one of alcohol is one of substance use', () => {
  const general = consent({ type: 'permit' }, { id: 'c2', policy: [{ uri: 'urn:general' }] });
  const denied = (code: string, topic: string) =>
    outcomes({
      consents: [consent({ type: 'deny', securityLabel: [act(code)] }), general],
      resources: [{ labels: { topics: [topic] } }],
    });
  for (const code of ['ETH', 'SUD', 'ETHUD', 'OPIOIDUD']) {
    expect(denied(code, 'HIV')).toEqual(release);
    for (const topic of ['SUD', 'ETHUD', 'OPIOIDUD']) expect(denied(code, topic)).toEqual(withhold);
  }
  expect(denied('HIV', 'SUD')).toEqual(release);
});

test('a deny of the law’s code is one of substance use, unless it names a finer code beside it', () => {
  const general = consent({ type: 'permit' }, { id: 'c2', policy: [{ uri: 'urn:general' }] });
  const denied = (codes: readonly string[], topic: string) =>
    outcomes({
      consents: [consent({ type: 'deny', securityLabel: codes.map(act) }), general],
      resources: [{ labels: { topics: [topic] } }],
    });
  expect(denied(['42CFRPart2'], 'SUD')).toEqual(withhold);
  expect(denied(['42CFRPart2'], 'HIV')).toEqual(release);
  const written = writtenConsent({}, { id: 'c3', policy: [{ uri: 'urn:written' }] });
  const part2 = [{ labels: { topics: ['42CFRPart2'] } }];
  const label = { securityLabel: [act('SUD')] };
  const law = { policyRule: { coding: [act('42CFRPart2')] } };
  expect(outcomes({ resources: part2, consents: [written, consent({ type: 'deny', ...label }, law)] })).toEqual(
    withhold,
  );
  expect(outcomes({ resources: part2, consents: [written, consent({ type: 'deny', ...label })] })).toEqual(release);
  const finer = { securityLabel: [act('SUD'), act('ETHUD')] };
  expect(outcomes({ resources: part2, consents: [written, consent({ type: 'deny', ...finer }, law)] })).toEqual(
    release,
  );
});

test('a written consent that names the law, or is recognised by it, covers substance use; others do not stand for it', () => {
  const asked = (topic: string, codes: readonly string[], isRecognised: boolean) => {
    const { policyRule: _, ...unrecognised } = writtenConsent({ securityLabel: codes.map(act) });
    const one = isRecognised ? writtenConsent({ securityLabel: codes.map(act) }) : unrecognised;
    return outcomes({ resources: [{ labels: { topics: [topic] } }], consents: [one] })[0];
  };
  expect(asked('SUD', ['42CFRPart2'], false)).toBe('release');
  expect(asked('SUD', ['42CFRPart2'], true)).toBe('release');
  expect(asked('HIV', ['42CFRPart2'], true)).toBe('withhold');
  expect(asked('42CFRPart2', ['SUD'], true)).toBe('release');
  expect(asked('42CFRPart2', ['ETH'], true)).toBe('release');
  expect(asked('42CFRPart2', ['SUD'], false)).toBe('withhold');
  expect(asked('42CFRPart2', ['HIV'], true)).toBe('withhold');
  expect(asked('42CFRPart2', ['SUD', 'ETHUD'], true)).toBe('withhold');
  expect(asked('OPIOIDUD', ['ETHUD'], true)).toBe('withhold');
});

test('where a root says something in words alone, other words are another root', () => {
  const older = consent({ type: 'deny', code: [{ text: 'HIV tests' }] }, { dateTime: '2026-01-01' });
  const newer = (text: string) =>
    consent({ type: 'permit', code: [{ text }] }, { id: 'c2', dateTime: '2026-02-01', policy: [] });
  const general = consent({ type: 'permit' }, { id: 'c3', policy: [{ uri: 'urn:general' }] });
  expect(outcomes({ consents: [older, general, newer('flu shots')] })).toEqual(withhold);
  expect(outcomes({ consents: [older, general, newer('HIV tests')] })).toEqual(release);
  const spelled = { coding: [{ system: 'http://loinc.org', code: '1-8' }] };
  const told = (type: string, id: string, dateTime: string, text: string) =>
    consent({ type, code: [{ ...spelled, text }] }, { id, dateTime });
  const resources = [{ facts: { codings: spelled.coding, primaryCodings: spelled.coding } }];
  const explained = [told('deny', 'c1', '2026-01-01', 'one way'), told('permit', 'c2', '2026-02-01', 'another')];
  expect(outcomes({ resources, consents: explained })).toEqual(release);
});

test('a permit for a topic that may not be meant for him costs nobody the ordinary Patient', () => {
  const securityLabel = [act('HIV')];
  const settings = { implicitPolicy: 'all-normal' } as const;
  const resources = [{ facts: { type: 'Patient' } }, {}];
  const unclear = consent({ type: 'permit', securityLabel, actor: named('Practitioner/bob', 'STRANGE') });
  expect(outcomes({ consents: [unclear], settings, resources })).toEqual(['release', 'release']);
});
