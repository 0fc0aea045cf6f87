import fc from 'fast-check';
import type { Emergency } from '../../src/context/emergency.ts';
import type { RequesterContext } from '../../src/context/requester-context.ts';
import type { Agreement } from '../../src/decide/agreements.ts';
import type { Candidate, DecisionSettings, NamedData, Standing } from '../../src/decide/question.ts';
import type { Coding, Interval } from '../../src/fhir/coding.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Facts } from '../../src/label/facts.ts';
import type { Labels } from '../../src/label/labels.ts';
import { isR5, type StoredConsent } from './either.ts';
import { type Case, gatewayLabels, type PatientRecord, type PolicyTable } from './evaluate.ts';
import type { R4Actor, R4Coding, R4Concept, R4Consent, R4Data, R4Period, R4Provision, R4Reference } from './r4.ts';
import type { DirectoryResource, R5Consent, R5Provision } from './r5.ts';
import { harmlessExtension, localBase } from './words.ts';

/** Cases over a vocabulary small enough that provisions, requesters and resources meet often. */

const v3 = (name: string): string => `http://terminology.hl7.org/CodeSystem/v3-${name}`;
const reason = (code: string): R4Coding => ({ system: v3('ActReason'), code });
const act = (code: string): R4Coding => ({ system: v3('ActCode'), code });
const level = (code: string): R4Coding => ({ system: v3('Confidentiality'), code });
const concept = (coding: R4Coding): R4Concept => ({ coding: [coding] });

/** Mostly nothing, which matches everything; `weight` times in ten the value. Shrinks to nothing. */
function maybe<T>(weight: number, value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 10 - weight, arbitrary: fc.constant(undefined) },
    { weight, arbitrary: value },
  );
}

/** One to `most` of these. */
function few<T>(values: fc.Arbitrary<T>, most = 2): fc.Arbitrary<T[]> {
  return fc.array(values, { minLength: 1, maxLength: most });
}

/** Some of these, each at most once. */
function some<T>(...values: T[]): fc.Arbitrary<T[]> {
  return fc.subarray(values, { maxLength: Math.min(2, values.length) });
}

/** `usual` nine times in ten. */
function usually<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ withCrossShrink: true }, { weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

type Stated<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/** Members that are there; undefined ones are left out, as JSON does. */
function record<T extends object>(
  members: { [Name in keyof T]-?: fc.Arbitrary<T[Name] | undefined> },
): fc.Arbitrary<T> {
  return fc
    .record(members as Record<string, fc.Arbitrary<unknown>>)
    .map(
      (made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as Stated<T> as T,
    );
}

// ---------------------------------------------------------------------------------------------------------------------
// Consents

/** The instant of every request: noon, 15 June 2026. */
const at = Date.UTC(2026, 5, 15, 12);
const dates = [
  '2025-01-01',
  '2026-06-14',
  '2026-06-15',
  '2026-06-16',
  '2027-01-01',
  '2026-06-15T11:59:59Z',
  '2026-06-15T12:00:01Z',
];
const date = usually(fc.constantFrom(...dates), fc.constant('soon'));
const period = record<R4Period>({ start: maybe(4, date), end: maybe(4, date) });
/** Around the clinical times of the resources. */
const dataPeriod = usually(
  record<R4Period>({
    start: maybe(6, fc.constantFrom('2026-01-01', '2026-03-01', '2026-03-15')),
    end: maybe(6, fc.constantFrom('2026-02-28', '2026-03-01', '2026-12-31')),
  }),
  fc.constant({ start: '2026-13-01' }),
);

const actorReference = usually<R4Reference>(
  fc.constantFrom<R4Reference>(
    { reference: 'Practitioner/bob' },
    { reference: 'Practitioner/ann' },
    { reference: `${localBase}/Practitioner/bob` },
    { identifier: { system: 'urn:users', value: 'bob' } },
    { reference: 'Organization/hosp' },
    { reference: 'Organization/clinic' },
    { identifier: { system: 'urn:orgs', value: 'hosp' } },
    { reference: 'RelatedPerson/guardian' },
    { reference: 'https://elsewhere.example/fhir/Practitioner/bob' },
    { reference: 'Group/nurses' },
    { reference: 'Group/cardiologists' },
    { reference: 'CareTeam/one' },
    { reference: 'PractitionerRole/here' },
  ),
  fc.constantFrom<R4Reference>(
    { reference: 'Group/unknown' },
    { reference: 'Device/pump' },
    { reference: 'Practitioner/ann', identifier: { system: 'urn:users', value: 'bob' } },
    { identifier: { system: 'urn:badges', value: '7' } },
    {},
  ),
);
const actorRole = usually<R4Coding>(
  fc.constantFrom({ system: v3('ParticipationType'), code: 'IRCP' }, { system: v3('RoleCode'), code: 'GRANTEE' }),
  fc.constantFrom(
    { system: v3('ParticipationType'), code: 'CST' },
    { system: v3('ParticipationType'), code: 'AUT' },
    { system: v3('ParticipationType'), code: 'XYZ' },
    { system: v3('RoleCode'), code: 'DELEGATEE' },
    { system: v3('RoleCode'), code: 'GRANTOR' },
    { system: 'urn:other', code: 'IRCP' },
  ),
);
/** Two words for one role: where they say different things nobody can tell. */
const actorRoles = usually<R4Concept>(
  actorRole.map(concept),
  fc.tuple(actorRole, actorRole).map((coding) => ({ coding })),
);
const strangeExtension = [{ url: 'https://example.org/fhir/strange', valueString: 'x' }];
const extension = fc.constantFrom([{ url: harmlessExtension, valueString: 'x' }], strangeExtension);
const actor = record<R4Actor>({
  role: actorRoles,
  reference: actorReference,
  extension: fc.oneof({ weight: 40, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: extension }),
});

const purposes = ['TREAT', 'ETREAT', 'BTG', 'HPAYMT', 'HOPERAT', 'HRESCH', 'HLEGAL', 'CAREMGT', 'COC', 'CLINTRCH'];
const purpose = usually(
  fc.constantFrom(...['TREAT', 'TREAT', 'TREAT', 'HPAYMT', ...purposes].map(reason)),
  fc.constantFrom({ system: 'http://hl7.org/fhir/v3/ActReason', code: 'TREAT' }, reason('XPURPOSE')),
);
const action = usually(
  fc.constantFrom(
    ...['access', 'disclose', 'use', 'collect'].map((code) => concept({ system: consentAction(), code })),
  ),
  fc.constantFrom(concept({ system: 'urn:actions', code: 'peek' }), { text: 'peek' }),
);
function consentAction(): string {
  return 'http://terminology.hl7.org/CodeSystem/consentaction';
}
const securityLabel = usually(
  fc.constantFrom(
    ...['N', 'N', 'R', 'V'].map(level),
    ...['42CFRPart2', '42CFRPart2', 'ETH', 'SUD', 'ETHUD', 'OPIOIDUD', 'HIV', 'HIV', 'PSY', 'SPI', 'PSYTHPN'].map(act),
    { system: gatewayLabels, code: 'SUDCN' },
    { system: v3('ActUSPrivacyLaw'), code: '42CFRPart2' },
  ),
  fc.constantFrom(act('XLABEL'), { system: 'urn:labels', code: 'odd' }),
);
const profile = 'http://hl7.org/fhir/StructureDefinition/vitalsigns';
const contentClass = usually(
  fc.constantFrom(
    ...['Observation', 'Condition', 'DocumentReference'].map((code) => ({
      system: 'http://hl7.org/fhir/resource-types',
      code,
    })),
    { system: 'urn:ietf:rfc:3986', code: profile },
    { system: 'urn:ietf:bcp:13', code: 'application/pdf' },
    { system: 'http://loinc.org', code: '18842-5' },
  ),
  fc.constant({ system: 'urn:classes', code: 'odd' }),
);
const clinicalCodes: readonly Coding[] = [
  { system: 'http://loinc.org', code: '8867-4' },
  { system: 'http://snomed.info/sct', code: '38341003' },
];
const code = usually(fc.constantFrom(...clinicalCodes.map(concept)), fc.constant({ text: 'something' }));
const targets = ['Observation/1', 'Condition/1', 'Encounter/1', 'Encounter/2', 'Patient/p1'];
const data = usually(
  fc.oneof(
    record<R4Data>({
      meaning: fc.constantFrom('instance', 'related', 'dependents'),
      reference: fc.constantFrom(...targets).map((reference) => ({ reference })),
    }),
    record<R4Data>({ meaning: fc.constant('authoredby'), reference: actorReference }),
  ),
  fc.constantFrom<R4Data>(
    { meaning: 'beside', reference: { reference: 'Observation/1' } },
    { meaning: 'instance', reference: { identifier: { system: 'urn:things', value: '1' } } },
  ),
);

/** What a provision says besides type, period and nested provisions. */
type Statement = Omit<R4Provision, 'type' | 'period' | 'provision'>;
function statement(weight: number): fc.Arbitrary<Statement> {
  return record<Statement>({
    actor: maybe(weight + 1, few(actor)),
    action: maybe(1, few(action)),
    securityLabel: maybe(weight + 1, few(securityLabel, 3)),
    purpose: maybe(weight + 2, few(purpose, 3)),
    class: maybe(1, few(contentClass)),
    code: maybe(1, few(code)),
    dataPeriod: maybe(1, dataPeriod),
    data: maybe(2, few(data)),
    extension: fc.oneof({ weight: 40, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: extension }),
    modifierExtension: fc.oneof(
      { weight: 60, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constant(strangeExtension) },
    ),
  });
}

function nested(depth: number): fc.Arbitrary<R4Provision[]> {
  const provision = fc
    .record({
      said: statement(2),
      type: usually<string | undefined>(fc.constantFrom('permit', 'deny'), fc.constant(undefined)),
      period: maybe(1, period),
      provision: depth === 1 ? fc.constant(undefined) : maybe(3, nested(depth - 1)),
    })
    .map(({ said, ...rest }) => present<R4Provision>({ ...said, ...rest }));
  return few(provision);
}

function present<T extends object>(members: object): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

const consentScope = 'http://terminology.hl7.org/CodeSystem/consentscope';

/** A root and a policy that several Consents share, so that families are met. */
interface Template {
  readonly root: Statement;
  readonly organization: readonly R4Reference[] | undefined;
  readonly policy: readonly { uri: string }[] | undefined;
  readonly policyRule: R4Concept | undefined;
  readonly category: readonly R4Concept[];
}
const part2Policy = 'https://www.ecfr.gov/current/title-42/part-2';
/** Written consents under 42 CFR 2.31, most of them complete. */
const written: fc.Arbitrary<Template> = fc.record({
  root: record<Statement>({
    purpose: usually(
      fc.constantFrom(
        [reason('TREAT')],
        ['TREAT', 'HPAYMT', 'HOPERAT'].map(reason),
        [reason('HLEGAL')],
        ['HLEGAL', 'CAREMGT'].map(reason),
        ['TREAT', 'COC'].map(reason),
      ),
      few(purpose, 3),
    ),
    actor: maybe(
      5,
      fc.constant([
        {
          role: concept({ system: v3('ParticipationType'), code: 'IRCP' }),
          reference: { reference: 'Practitioner/bob' },
        },
      ]),
    ),
    securityLabel: fc.constantFrom(
      undefined,
      [act('42CFRPart2')],
      [act('42CFRPart2'), act('ETHUD')],
      [act('SUD')],
      [{ system: gatewayLabels, code: 'SUDCN' }],
      [{ system: gatewayLabels, code: 'SUDCN' }, act('42CFRPart2')],
      [act('PSYTHPN')],
    ),
    action: fc.constant(undefined),
    class: maybe(1, few(contentClass)),
    code: maybe(1, few(code)),
    dataPeriod: fc.constant(undefined),
    data: maybe(1, few(data)),
    extension: fc.constant(undefined),
    modifierExtension: fc.constant(undefined),
  }),
  organization: maybe(9, fc.constant([{ reference: 'Organization/hosp' }])),
  policy: maybe(6, fc.constantFrom([{ uri: part2Policy }], [{ uri: 'https://example.org/policy' }])),
  policyRule: maybe(4, fc.constant(concept(act('42CFRPart2')))),
  category: usually(
    fc.constant([concept(act('42CFRPart2CD'))]),
    fc.constant([concept({ system: 'http://loinc.org', code: '64292-6' })]),
  ),
});
const ordinary: fc.Arbitrary<Template> = fc.record({
  root: statement(1),
  organization: maybe(
    6,
    fc.constantFrom<R4Reference[]>(
      [{ reference: 'Organization/hosp' }],
      [{ reference: 'Organization/clinic' }],
      [{ identifier: { system: 'urn:orgs', value: 'hosp' } }],
    ),
  ),
  policy: maybe(
    4,
    fc.constantFrom(
      [{ uri: 'https://example.org/policy' }],
      [{ uri: part2Policy }],
      [{ uri: 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal' }],
    ),
  ),
  policyRule: maybe(
    5,
    fc
      .constantFrom(
        ...['OPTIN', 'OPTOUT', 'OPTINR', 'OPTOUTE', '42CFRPart2', '42CFRPart2', 'NOPP', 'EMRGONLY', 'HIPAAAuth'],
      )
      .map((one) => concept(act(one))),
  ),
  category: fc.constantFrom(
    [concept({ system: 'http://loinc.org', code: '59284-0' })],
    [concept(act('42CFRPart2CD'))],
    [concept({ system: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes', code: 'npp' })],
  ),
});

/** Whom a Consent names besides people and organizations, and nothing else. */
const naming: fc.Arbitrary<Template> = fc.record({
  root: record<Statement>({
    actor: few(
      record<R4Actor>({
        role: fc.constantFrom(
          ...[
            { system: v3('ParticipationType'), code: 'IRCP' },
            { system: v3('ParticipationType'), code: 'IRCP' },
            { system: v3('RoleCode'), code: 'GRANTOR' },
          ].map(concept),
        ),
        reference: fc.constantFrom<R4Reference>(
          ...[
            'Group/nurses',
            'Group/cardiologists',
            'CareTeam/one',
            'PractitionerRole/here',
            'Organization/clinic',
          ].map((reference) => ({ reference })),
          { identifier: { system: 'urn:users', value: 'ann' } },
        ),
        extension: fc.constant(undefined),
      }),
    ),
    ...nothingElse(),
  }),
  organization: fc.constant(undefined),
  policy: fc.constant(undefined),
  policyRule: maybe(
    5,
    fc.constantFrom('OPTIN', 'OPTOUT').map((one) => concept(act(one))),
  ),
  category: fc.constant([concept({ system: 'http://loinc.org', code: '59284-0' })]),
});
function nothingElse() {
  const none = fc.constant(undefined);
  return {
    purpose: none,
    securityLabel: none,
    action: none,
    class: none,
    code: none,
    dataPeriod: none,
    data: none,
    extension: none,
    modifierExtension: none,
  };
}

const template = fc.oneof({ weight: 1, arbitrary: ordinary }, { weight: 1, arbitrary: written });

interface Variation {
  readonly template: number;
  readonly status: string;
  readonly scope: string;
  readonly patient: R4Reference | undefined;
  readonly dateTime: string | undefined;
  readonly lastUpdated: string;
  readonly version: number;
  readonly source: R4Reference | undefined;
  readonly verified: boolean | undefined;
  readonly modifierExtension: boolean;
  readonly provision:
    | {
        readonly type: string | undefined;
        readonly period: R4Period | undefined;
        readonly provision: readonly R4Provision[] | undefined;
      }
    | undefined;
}
const consentDates = ['2026-01-01', '2026-02-01T10:00:00Z', '2026-03-01', '2026-06-15T12:00:01Z'];
function variation(patient: string): fc.Arbitrary<Variation> {
  return fc.record({
    template: fc.nat(2),
    status: fc.oneof(
      { weight: 8, arbitrary: fc.constant('active') },
      { weight: 2, arbitrary: fc.constant('inactive') },
      { weight: 1, arbitrary: fc.constantFrom('draft', 'proposed', 'rejected', 'entered-in-error') },
    ),
    scope: fc.oneof(
      { weight: 20, arbitrary: fc.constant('patient-privacy') },
      { weight: 1, arbitrary: fc.constantFrom('research', 'treatment', 'adr', 'odd') },
    ),
    patient: fc.oneof(
      { weight: 50, arbitrary: fc.constant<R4Reference | undefined>({ reference: patient }) },
      { weight: 1, arbitrary: fc.constant(undefined) },
    ),
    dateTime: maybe(
      8,
      usually(fc.constantFrom(...consentDates.slice(0, 3)), fc.constantFrom(consentDates[3] as string, 'recently')),
    ),
    lastUpdated: fc.constantFrom('2026-04-01T00:00:00Z', '2026-05-01T00:00:00Z'),
    version: fc.integer({ min: 1, max: 3 }),
    source: maybe(7, fc.constant({ reference: 'DocumentReference/signed' })),
    verified: maybe(4, fc.boolean()),
    modifierExtension: fc.oneof(
      { weight: 60, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    provision: maybe(
      9,
      fc.record({
        type: fc.oneof(
          { weight: 5, arbitrary: fc.constant<string | undefined>('permit') },
          { weight: 2, arbitrary: fc.constant('deny') },
          { weight: 1, arbitrary: fc.constant(undefined) },
        ),
        period: maybe(
          4,
          fc.oneof({ weight: 2, arbitrary: fc.constant({ end: '2027-01-01' }) }, { weight: 1, arbitrary: period }),
        ),
        provision: maybe(5, nested(3)),
      }),
    ),
  });
}

function toConsent(templates: readonly Template[], one: Variation, id: string): R4Consent {
  const { root, ...shared } = templates[one.template % templates.length] as Template;
  return present<R4Consent>({
    resourceType: 'Consent',
    id,
    meta: { versionId: String(one.version), lastUpdated: one.lastUpdated },
    modifierExtension: one.modifierExtension ? strangeExtension : undefined,
    status: one.status,
    scope: concept({ system: consentScope, code: one.scope }),
    patient: one.patient,
    dateTime: one.dateTime,
    sourceReference: one.source,
    verification: one.verified === undefined ? undefined : [{ verified: one.verified }],
    ...shared,
    provision: one.provision === undefined ? undefined : present<R4Provision>({ ...root, ...one.provision }),
  });
}

/** The same in R5: what the R4 root states became the first exception, or went with nothing else under the decision. */
function toR5Consent(templates: readonly Template[], one: Variation, more: R5Variation, id: string): R5Consent {
  const { root, organization, policy, policyRule, category } = templates[one.template % templates.length] as Template;
  const nested = (one.provision?.provision ?? []).map((provision) => toR5Provision(provision, more));
  const first = toR5Provision({ ...root, ...(nested.length > 0 ? { provision: [] } : {}) }, more);
  const isListed = more.form === 'list';
  return present<R5Consent>({
    resourceType: 'Consent',
    id,
    meta: { versionId: String(one.version), lastUpdated: one.lastUpdated },
    modifierExtension: one.modifierExtension ? strangeExtension : undefined,
    status: one.status,
    category: [...category.filter(() => more.category === undefined), ...(more.category ?? [])],
    subject: one.patient,
    date: one.dateTime,
    period: one.provision?.period,
    ...(more.isManaged ? { manager: organization } : { controller: organization }),
    ...(more.isManaged && more.hasBoth ? { controller: [{ reference: 'Organization/clinic' }] } : {}),
    sourceReference: one.source === undefined ? undefined : [one.source],
    regulatoryBasis: policyRule === undefined ? undefined : [policyRule],
    policyBasis: policy === undefined ? undefined : { url: policy[0]?.uri },
    policyText: more.hasPolicyText ? [{ reference: 'DocumentReference/policy' }] : undefined,
    verification: one.verified === undefined ? undefined : [{ verified: one.verified }],
    decision: more.decision,
    provision: isListed ? [present({ ...first, provision: nested.length > 0 ? nested : undefined })] : nested,
  });
}

function toR5Provision({ type: _type, class: kinds, provision, ...rest }: R4Provision, more: R5Variation): R5Provision {
  const isType = ({ system = '' }: R4Coding): boolean => system === 'http://hl7.org/fhir/resource-types';
  const types = kinds?.filter(isType).map((one) => ({ ...one, system: more.typeSystem }));
  const documents = kinds?.filter((one) => !isType(one) || more.isConfused);
  return present<R5Provision>({
    ...rest,
    actor: rest.actor?.map((actor, index) => (index === 0 ? r5Actor(actor, more) : actor)),
    resourceType: types === undefined || types.length === 0 ? undefined : types,
    documentType: documents === undefined || documents.length === 0 ? undefined : documents,
    expression: more.hasExpression ? { language: 'text/fhirpath', expression: 'true' } : undefined,
    provision:
      provision === undefined || provision.length === 0
        ? undefined
        : provision.map((one) => toR5Provision(one, { ...more, hasExpression: false })),
  });
}

/** An actor by role alone or by reference alone, as R5 allows. */
function r5Actor({ role, reference, extension }: R4Actor, { actorForm, functionalRole }: R5Variation): R4Actor {
  if (actorForm === 'role') return present<R4Actor>({ role: functionalRole, extension });
  if (actorForm === 'reference') return present<R4Actor>({ reference, extension });
  return present<R4Actor>({ role, reference, extension });
}

interface R5Variation {
  readonly decision: string | undefined;
  readonly form: 'list' | 'bare';
  readonly category: readonly R4Concept[] | undefined;
  readonly isManaged: boolean;
  readonly hasBoth: boolean;
  readonly hasPolicyText: boolean;
  readonly typeSystem: string;
  readonly isConfused: boolean;
  readonly hasExpression: boolean;
  readonly actorForm: 'both' | 'role' | 'reference';
  readonly functionalRole: R4Concept;
}
const rarely = usually(fc.constant(false), fc.constant(true));
const roles: readonly R4Coding[] = [
  { system: 'urn:roles', code: 'nurse' },
  { system: 'urn:roles', code: 'cardiologist' },
  { system: 'http://snomed.info/sct', code: '17561000' },
  { system: 'urn:jobs', code: 'porter' },
];
const r5Variation: fc.Arbitrary<R5Variation> = fc.record({
  decision: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom<string | undefined>('permit', 'deny') },
    { weight: 1, arbitrary: fc.constantFrom(undefined, 'maybe') },
  ),
  form: fc.constantFrom('list', 'bare'),
  category: usually<readonly R4Concept[] | undefined>(
    fc.constant(undefined),
    fc.constantFrom<readonly R4Concept[]>(
      [],
      [concept(act('RESEARCH'))],
      [concept({ system: 'http://loinc.org', code: '59284-0' }), concept(act('RSDID'))],
      [concept({ system: consentScope, code: 'patient-privacy' }), concept(act('RESEARCH'))],
      [concept({ system: consentScope, code: 'treatment' })],
      [
        concept({ system: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes', code: 'dnr' }),
        concept({ system: 'urn:c', code: 'x' }),
      ],
      [concept({ system: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes', code: 'emrgonly' })],
      [concept({ system: 'urn:c', code: 'x' })],
    ),
  ),
  isManaged: rarely,
  hasBoth: fc.boolean(),
  hasPolicyText: rarely,
  typeSystem: fc.constantFrom('http://hl7.org/fhir/fhir-types', 'http://hl7.org/fhir/resource-types'),
  isConfused: rarely,
  hasExpression: rarely,
  actorForm: fc.constantFrom('both', 'both', 'role', 'reference'),
  functionalRole: usually<R4Concept>(
    fc.constantFrom(...roles).map(concept),
    fc.constantFrom<R4Concept>({ text: 'nurse' }, { coding: [{ code: 'nurse' }] }, { coding: [...roles.slice(0, 2)] }),
  ),
});

function consentsOf(
  patient: string,
  prefix: string,
  templates: fc.Arbitrary<Template> = template,
  inR5 = 4,
): fc.Arbitrary<StoredConsent[]> {
  const one = fc.tuple(variation(patient), maybe(inR5, r5Variation));
  return fc
    .tuple(fc.array(templates, { minLength: 1, maxLength: 3 }), fc.array(one, { maxLength: 4 }))
    .map(([roots, list]) =>
      list.map(([consent, r5], index) =>
        r5 === undefined
          ? toConsent(roots, consent, `${prefix}${index}`)
          : toR5Consent(roots, consent, r5, `${prefix}${index}`),
      ),
    );
}

// ---------------------------------------------------------------------------------------------------------------------
// The resource

const topicSets = [
  '42CFRPart2',
  '42CFRPart2',
  '42CFRPart2',
  'SUD',
  'ETHUD',
  'HIV',
  'HIV',
  'OPIOIDUD',
  'PSY',
  'PSYTHPN',
  'SUD',
  'SUDCN',
];
/** Effective labels: sorted, the substance class reduced to its most specific members. */
const labels: fc.Arbitrary<Labels> = fc
  .record({
    stated: maybe(5, fc.constantFrom('N' as const, 'R' as const, 'R' as const, 'V' as const, 'L' as const)),
    topics: fc.oneof(
      { weight: 2, arbitrary: fc.constant<string[]>([]) },
      { weight: 5, arbitrary: few(fc.constantFrom(...topicSets), 2) },
    ),
    caveats: maybe(
      2,
      fc.constantFrom('NOPAT', 'TBOO', 'ADOL', 'NORDSCLCD').map((one) => [`${v3('ActCode')}|${one}`]),
    ),
  })
  .map(({ stated, topics, caveats = [] }) => {
    const found = new Set(topics);
    if (found.has('ETHUD') || found.has('OPIOIDUD')) found.delete('SUD');
    const sorted = [...found].sort();
    return {
      ...(stated === undefined ? {} : { stated }),
      topics: sorted,
      caveats,
      origins: [],
      key: JSON.stringify([stated, sorted, caveats]),
    };
  });

const clinicalTimes: readonly Interval[] = [
  { start: Date.UTC(2026, 1, 1), end: Date.UTC(2026, 1, 2) - 1 },
  { start: Date.UTC(2026, 2, 1), end: Date.UTC(2026, 2, 2) - 1 },
  { start: Date.UTC(2026, 1, 20), end: Date.UTC(2026, 2, 10) },
];
const keyOf = (key: string): ResourceKey => key as ResourceKey;
const keys = (...all: string[]): fc.Arbitrary<ResourceKey[]> => some(...all.map(keyOf));

const facts: fc.Arbitrary<Facts> = fc
  .record({
    key: fc.constantFrom(
      ...['Observation/1', 'Observation/2', 'Condition/1', 'Encounter/1', 'Claim/1', 'DocumentReference/1'],
      ...['Patient/p1', 'Medication/1', 'Observation/3', 'Condition/2'],
    ),
    patients: fc.oneof(
      { weight: 12, arbitrary: fc.constant(['Patient/p1']) },
      { weight: 1, arbitrary: fc.constantFrom(['Patient/p1', 'Patient/p2'], ['Patient/p2'], []) },
    ),
    patientUnknown: fc.oneof(
      { weight: 40, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    lastUpdated: maybe(7, fc.constantFrom('2026-02-01T00:00:00Z', '2026-03-05T08:00:00Z')),
    profiles: some(profile, `${profile}|4.0.1`, 'http://hl7.org/fhir/StructureDefinition/bmi'),
    primary: fc.subarray([...clinicalCodes]),
    secondary: fc.subarray([...clinicalCodes]),
    documentTypes: some<Coding>({ system: 'http://loinc.org', code: '18842-5' }),
    mimeTypes: some('application/pdf', 'text/plain'),
    clinicalTime: maybe(7, fc.constantFrom(...clinicalTimes)),
    authors: some('Practitioner/bob', 'Practitioner/ann', 'Organization/hosp', 'urn:users|bob'),
    references: keys('Patient/p1', 'Encounter/1', 'Encounter/2', 'Condition/1', 'Observation/1'),
    partOf: keys('Encounter/1', 'Encounter/2'),
    actors: fc.constantFrom<string[]>(['Organization/program'], ['Organization/hosp'], []),
    actorIdentifiers: some('urn:orgs|program'),
  })
  .map(({ key, patients, primary, secondary, references, partOf, actors, actorIdentifiers, ...rest }): Facts => {
    const type = key.split('/')[0] as string;
    const about = type === 'Patient' ? [key] : type === 'Medication' ? [] : patients;
    const codings = [...primary, ...secondary.filter((one) => !primary.includes(one))];
    return {
      ...rest,
      key: keyOf(key),
      type,
      versionId: '1',
      patients: about as PatientKey[],
      primaryCodings: primary,
      codings,
      references: [...new Set([...references, ...partOf])],
      partOf,
      labelInputs: { type, own: [], codings, actors, actorIdentifiers },
    };
  });

/** What the Consents name and could be fetched. */
const named: fc.Arbitrary<Map<ResourceKey, NamedData>> = fc
  .array(
    fc.tuple(
      fc.constantFrom(...targets.map(keyOf)),
      fc.record({ references: keys('Observation/1', 'Observation/2', 'Condition/1', 'Encounter/1', 'Claim/1') }),
    ),
    { maxLength: 5 },
  )
  .map((entries) => new Map(entries));

/** One program by two names, and another. */
const programs: ReadonlyMap<string, string> = new Map([
  ['Organization/program', 'Organization/program'],
  ['urn:orgs|program', 'Organization/program'],
  ['Organization/hosp', 'Organization/hosp'],
]);
const sources = fc.oneof(
  { weight: 3, arbitrary: fc.constant(['Organization/program']) },
  { weight: 2, arbitrary: fc.subarray(['Organization/hosp', 'Organization/program', 'unstated']) },
);

const set = <T>(values: readonly T[]): fc.Arbitrary<ReadonlySet<T>> =>
  fc.subarray([...values], { minLength: 1 }).map((some) => new Set(some));
const agreement: fc.Arbitrary<Omit<Agreement, 'id'>> = fc.record({
  kind: fc.constantFrom('qso', 'research', 'audit', 'fda', 'order'),
  programs: fc.option(set(['Organization/hosp', 'Organization/program']), { nil: undefined }),
  recipients: some('Organization/hosp', 'Organization/program', 'Practitioner/bob', 'urn:users|bob'),
  purposes: some('TREAT', 'HPAYMT', 'HOPERAT', 'HRESCH', 'HLEGAL'),
  types: maybe(3, set(['Observation', 'Condition', 'MedicationRequest', 'Patient'])),
  resources: maybe(6, set(['Observation/1', 'Condition/1', 'Patient/p1'])),
  patients: maybe(4, set(['Patient/p1', 'Patient/p2'])),
  listsPatients: fc.boolean(),
  topics: fc.subarray(['HIV', 'PSY', 'SDV']).map((topics) => new Set(topics)),
  period: fc.constantFrom(
    ...[
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
      [at, at],
      [at + 1, Number.POSITIVE_INFINITY],
      [Number.NEGATIVE_INFINITY, at - 1],
    ].map(([start = 0, end = 0]) => ({ start, end })),
  ),
});
const agreements: fc.Arbitrary<readonly Agreement[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  {
    weight: 3,
    arbitrary: few(agreement, 3).map((some) => some.map((one, index) => ({ id: `agreement-${index}`, ...one }))),
  },
);

const asTarget = fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
/** One to three resources of one request; often with the same labels, as answers that are remembered would need. */
const candidates: fc.Arbitrary<Candidate[]> = fc
  .record({ labels: few(labels), resources: few(fc.record({ facts, asTarget, label: fc.nat(1), sources }), 3), named })
  .map(({ labels, resources, named }) =>
    resources.map(({ label, ...rest }) => ({ ...rest, labels: labels[label % labels.length] as Labels, named })),
  );

// ---------------------------------------------------------------------------------------------------------------------
// The request

const who = fc.oneof(
  { weight: 12, arbitrary: fc.constant('staff' as const) },
  { weight: 2, arbitrary: fc.constant('guardian' as const) },
  { weight: 1, arbitrary: fc.constant('patient' as const) },
);

const asserted = purposes.filter((one) => one !== 'BTG' && one !== 'ETREAT');

/** Emergencies that were accepted, now and then for another patient than the one the resource is about. */
const emergency: fc.Arbitrary<Emergency | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({
      purpose: fc.constantFrom('BTG', 'ETREAT', 'ERTREAT'),
      patient: fc.constantFrom(...(['Patient/p1', 'Patient/p1', 'Patient/p1', 'Patient/p2'] as PatientKey[])),
      reason: fc.constant('unconscious'),
      overridesDenies: fc.constantFrom(false, false, true),
      includesNotes: fc.constantFrom(false, false, true),
    }),
  },
);

const context: fc.Arbitrary<RequesterContext> = fc
  .record({
    who,
    identities: usually<string[]>(
      fc.constantFrom(['Practitioner/bob'], ['Practitioner/bob', 'urn:users|bob']),
      some(
        'urn:users|bob',
        'urn:users|ann',
        'https://elsewhere.example/fhir/Practitioner/ann',
        'PractitionerRole/here',
        'Device/pump',
      ),
    ),
    organizations: some('Organization/hosp', 'urn:orgs|hosp', 'Organization/program', 'Organization/program'),
    roleCodes: maybe(3, few(fc.constantFrom(...roles, { code: 'nurse' }))),
    isSystem: rarely,
    roles: some('clinician', 'counselor', 'billing', 'researcher'),
    purposes: fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom<string[]>(
          ...[...asserted, 'TREAT', 'TREAT', 'TREAT', 'TREAT', 'TREAT', 'TREAT', 'HPAYMT', 'HLEGAL'].map((one) => [
            one,
          ]),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom<string[]>([], ['TREAT', 'HPAYMT'], ['HRESCH', 'HOPERAT']),
      },
    ),
    emergency,
    unrestricted: fc.oneof({ weight: 60, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  })
  .map(
    ({
      who,
      identities,
      organizations,
      roleCodes = [],
      isSystem,
      roles,
      purposes: usual,
      emergency,
      unrestricted,
    }): RequesterContext => {
      const stated = who === 'staff' ? emergency : undefined;
      const purposes = stated === undefined ? usual : [stated.purpose];
      const person = { staff: identities, guardian: ['RelatedPerson/guardian'], patient: ['Patient/p1'] }[who];
      return {
        requester: {
          issuer: 'https://issuer.example',
          subject: 'someone',
          clientId: 'client',
          tokenId: 'token',
          tokenHash: 'hash',
          expiresAt: at + 60_000,
          clientKind: isSystem ? 'system' : 'app',
          scopes: [],
          ...(person[0] === undefined ? {} : { fhirUser: person[0] }),
          identities: person,
          organizations: who === 'staff' ? organizations : [],
          roles: who === 'staff' ? roles : [],
          roleCodes: roleCodes as RequesterContext['requester']['roleCodes'],
          purposes: purposes.map((code) => ({ code, assigned: false })),
          amr: [],
        },
        purposes,
        purposeAssigned: false,
        ...(stated === undefined ? {} : { emergency: stated }),
        ...(who === 'patient' ? { self: 'Patient/p1' as PatientKey } : {}),
        ...(who === 'guardian' ? { relatedPerson: 'RelatedPerson/guardian' } : {}),
        unrestricted,
        at,
      };
    },
  );

function standingOf({ self, relatedPerson }: RequesterContext, key: string, patientIsMinor: boolean): Standing {
  if (self === key) return { kind: 'self', patientIsMinor };
  if (relatedPerson !== undefined && key === 'Patient/p1')
    return { kind: 'representative', patientIsMinor, relatedPerson: keyOf(relatedPerson) };
  return { kind: 'none', patientIsMinor };
}

const settings: fc.Arbitrary<DecisionSettings> = fc.record({
  implicitPolicy: fc.constantFrom('basic-normal', 'all-normal', 'break-glass-only', 'deny'),
  clinicianRoles: fc.constant(['clinician', 'counselor']),
  billingRoles: fc.constant(['billing']),
  billingTypes: fc.constant(['Claim', 'Patient']),
  conflictStrategy: fc.oneof(
    { weight: 6, arbitrary: fc.constant('deny-overrides' as const) },
    { weight: 2, arbitrary: fc.constant('most-recent' as const) },
    { weight: 1, arbitrary: fc.constant('most-specific' as const) },
  ),
  withholdFromPatient: fc.boolean(),
  representativesSeeNotes: fc.boolean(),
  sudIsPart2: fc.boolean(),
  organizations: fc.oneof(
    { weight: 1, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.constant(['Organization/hosp', 'urn:orgs|hosp']) },
  ),
  foreignDenyBinds: fc.boolean(),
  part2PolicyUris: fc.constant([part2Policy]),
  part2RequiresVerification: fc.boolean(),
  handling: fc.constant({ handlers: new Map(), isEncrypted: true }),
  part2: fc.record({
    agreements,
    coveredEntities: fc.constant([]),
    intermediaries: fc.constant([]),
    lawEnforcement: fc.oneof(
      { weight: 5, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: some('Organization/hosp', 'urn:users|bob') },
    ),
    forms: fc.oneof(
      { weight: 5, arbitrary: fc.constant({ accepted: [], withdrawn: [] }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          { accepted: [part2Policy], withdrawn: [] },
          { accepted: [], withdrawn: ['https://example.org/policy'] },
        ),
      },
    ),
  }),
  instantOf: fc.constant(instantOf),
  programs: maybe(7, fc.constant(programs)).map((some) => some ?? new Map()),
});

function instantOf(text: string | undefined): Interval | undefined {
  const instant = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(instant) ? undefined : { start: instant, end: instant };
}

const policy: fc.Arbitrary<PolicyTable> = fc.record({
  kindsNotReceived: maybe(1, some('Claim', 'Medication')).map((kinds) => kinds ?? []),
  forbidden: maybe(
    1,
    few(
      record<PolicyTable['forbidden'][number]>({
        type: maybe(7, fc.constantFrom('Observation', 'Condition')),
        label: maybe(7, fc.constantFrom('HIV', 'R', 'V')),
      }),
    ),
  ).map((rows) => rows ?? []),
  cleared: maybe(
    5,
    few(
      fc.record({
        role: fc.constantFrom('clinician', 'counselor'),
        topic: fc.constantFrom('HIV', 'PSY', 'SUD', 'ETHUD', '42CFRPart2', '42CFRPart2', 'SUDCN'),
      }),
      4,
    ),
  ).map((rows) => rows ?? []),
});

// ---------------------------------------------------------------------------------------------------------------------
// Whom Consents name besides people and organizations

const memberReference = fc.constantFrom<R4Reference>(
  { reference: 'Practitioner/bob' },
  { reference: 'Practitioner/ann' },
  { reference: 'Organization/hosp' },
  { identifier: { system: 'urn:users', value: 'bob' } },
  { identifier: { system: 'urn:badges', value: '7' } },
  { reference: 'PractitionerRole/elsewhere' },
);
const rare = <T>(value: T): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(value) });
const trait = record<NonNullable<DirectoryResource['characteristic']>[number]>({
  code: fc.constant({ text: 'what they are' }),
  valueCodeableConcept: maybe(
    8,
    few(fc.constantFrom(...roles)).map((coding) => ({ coding })),
  ),
  valueReference: maybe(2, memberReference),
  valueBoolean: maybe(1, fc.boolean()),
  exclude: usually(fc.constant(false), fc.constant(true)),
  period: maybe(1, period),
});
/** Some of what Consents name is there; what it says is as often as not about the one who asks. */
const directory: fc.Arbitrary<DirectoryResource[]> = fc
  .tuple(
    record<Partial<Pick<DirectoryResource, 'active' | 'actual' | 'member' | 'characteristic'>>>({
      active: rare(false),
      actual: maybe(5, fc.constant(true)),
      member: maybe(
        9,
        few(
          record<NonNullable<DirectoryResource['member']>[number]>({
            entity: memberReference,
            inactive: rare(true),
            period: maybe(1, period),
          }),
        ),
      ),
      characteristic: rare([
        { code: { text: 'nurse' }, valueCodeableConcept: concept(roles[0] as R4Coding), exclude: false },
      ]),
    }),
    record<Partial<Pick<DirectoryResource, 'active' | 'type' | 'characteristic'>>>({
      active: rare(false),
      type: usually(fc.constant('practitioner'), fc.constant('person')),
      characteristic: maybe(9, few(trait)),
    }),
    record<Partial<Pick<DirectoryResource, 'status' | 'period' | 'participant'>>>({
      status: maybe(5, usually(fc.constant('active'), fc.constantFrom('inactive', 'proposed'))),
      period: maybe(1, period),
      participant: maybe(
        9,
        few(
          record<NonNullable<DirectoryResource['participant']>[number]>({
            member: memberReference,
            period: maybe(1, period),
          }),
        ),
      ),
    }),
    record<Partial<Pick<DirectoryResource, 'active' | 'period' | 'practitioner' | 'organization'>>>({
      active: rare(false),
      period: maybe(1, period),
      practitioner: maybe(9, memberReference),
      organization: maybe(7, fc.constantFrom({ reference: 'Organization/hosp' }, { reference: 'Organization/clinic' })),
    }),
  )
  .chain(([nurses, cardiologists, team, role]) =>
    fc.subarray<DirectoryResource>(
      [
        { resourceType: 'Group', id: 'nurses', ...nurses },
        { resourceType: 'Group', id: 'cardiologists', actual: false, ...cardiologists },
        { resourceType: 'CareTeam', id: 'one', ...team },
        { resourceType: 'PractitionerRole', id: 'here', ...role },
      ],
      { minLength: 2 },
    ),
  );

/** Hers alone, or nobody's, with these topics. */
function calm({ facts, labels, ...rest }: Candidate, topics: readonly string[]): Candidate {
  return {
    ...rest,
    facts: {
      ...facts,
      patientUnknown: false,
      patients: facts.patients.length === 0 ? [] : ['Patient/p1' as PatientKey],
    },
    labels: { ...labels, topics, key: JSON.stringify([labels.stated, topics, labels.caveats]) },
  };
}

/** Written consents in force, and a requester, a purpose and a resource that they are for. */
const forWritten = fc.record({
  consents: consentsOf('Patient/p1', 'w', written, 2).map((all) =>
    all.slice(0, 2).map((one): StoredConsent => {
      const hers = { reference: 'Patient/p1' };
      return isR5(one) ? { ...one, status: 'active', subject: hers } : { ...one, status: 'active', patient: hers };
    }),
  ),
  topic: fc.constantFrom('42CFRPart2', '42CFRPart2', 'SUDCN', 'SUD', 'ETHUD', 'PSYTHPN'),
  purpose: fc.constantFrom('TREAT', 'TREAT', 'TREAT', 'HPAYMT', 'HLEGAL'),
  isOfProgram: fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});

/**
 * A quarter of the cases is wild: much at once, where one thing often hides another. A quarter is calm: at most two
 * Consents, one resource of one topic at most, nothing forbidden; there every single rule shows. A quarter is about
 * written consents and 42 CFR Part 2, and one about groups, care teams and roles.
 */
export const cases: fc.Arbitrary<Case> = fc
  .record({
    first: consentsOf('Patient/p1', 'a'),
    second: consentsOf('Patient/p2', 'b'),
    minor: fc.boolean(),
    mood: fc.constantFrom('calm', 'wild', 'part 2', 'names'),
    naming: consentsOf('Patient/p1', 'n', naming, 5),
    forWritten,
    context,
    candidates,
    settings,
    policy,
    directory,
    elsewhere: some('Organization/clinic', 'PractitionerRole/elsewhere'),
    heldRoles: maybe(2, few(fc.constantFrom(...roles))).map((held) => held ?? []),
  })
  .map(({ first, second, minor, mood, naming: named, forWritten: part2, ...rest }): Case => {
    const patient = (key: string, consents: readonly StoredConsent[]): PatientRecord => ({
      key,
      consents,
      standing: standingOf(rest.context, key, minor),
    });
    const quiet = {
      ...rest,
      context: { ...rest.context, unrestricted: false },
      policy: { ...rest.policy, kindsNotReceived: [], forbidden: [] },
    };
    if (mood === 'names')
      return {
        ...quiet,
        candidates: rest.candidates.slice(0, 1).map((one) => calm(one, [])),
        patients: [patient('Patient/p1', named.slice(0, 1))],
      };
    if (mood === 'calm')
      return {
        ...quiet,
        candidates: rest.candidates.slice(0, 1).map((one) => calm(one, one.labels.topics.slice(0, 1))),
        patients: [patient('Patient/p1', first.slice(0, 2))],
      };
    if (mood === 'part 2')
      return {
        ...quiet,
        context: {
          ...quiet.context,
          requester: {
            ...quiet.context.requester,
            ...(part2.isOfProgram ? { organizations: ['Organization/program'], roles: ['counselor'] } : {}),
          },
          purposes: [part2.purpose],
        },
        candidates: rest.candidates.slice(0, 1).map((one) => calm(one, [part2.topic])),
        patients: [patient('Patient/p1', part2.consents)],
      };
    const isAboutBoth = rest.candidates.some(({ facts }) => facts.patients.some((key) => key === 'Patient/p2'));
    return { ...rest, patients: [patient('Patient/p1', first), patient('Patient/p2', isAboutBoth ? second : [])] };
  });
