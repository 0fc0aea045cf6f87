import { describe, expect, test } from '@jest/globals';
import { type FhirVersion, type ParseOptions, parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent, Provision } from '../../src/consent/parsed.ts';
import { timeReader } from '../../src/fhir/dates.ts';

/** How Consents are read, to the last word: every element, what stands for nothing, and what is not understood. */

const hl7 = 'http://terminology.hl7.org/CodeSystem';
const code = (system: string, value: string) => ({ system: `${hl7}/${system}`, code: value });
const concept = (...coding: object[]) => ({ coding });
const act = (value: string) => code('v3-ActCode', value);
const category = (value: string) => code('consentcategorycodes', value);
const scope = (value: string) => code('consentscope', value);
const loinc = (value: string) => ({ system: 'http://loinc.org', code: value });
const reference = (to: string) => ({ reference: to });
const recipient = (to: string) => ({ role: concept(code('v3-ParticipationType', 'IRCP')), reference: reference(to) });
const many = <T>(count: number, one: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => one(n));

const options = (fhirVersion: FhirVersion): ParseOptions => ({
  fhirVersion,
  time: timeReader('UTC'),
  localBases: ['https://fhir.example'],
  harmlessExtensions: [],
  part2PolicyUris: ['https://law.example/part-2'],
});
const plain = {
  R4: {
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    scope: concept(scope('patient-privacy')),
    category: [concept(loinc('59284-0'))],
    patient: reference('Patient/p'),
  },
  R5: {
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    category: [concept(loinc('59284-0'))],
    subject: reference('Patient/p'),
  },
};
type Version = keyof typeof plain;
const versions: readonly Version[] = ['R4', 'R5'];

function read(version: Version, more: object): ParsedConsent {
  const parsed = parseConsent({ ...plain[version], ...more }, options(version));
  if (!parsed.readable) throw new Error('not readable');
  return parsed;
}
const findings = (version: Version, more: object) => read(version, more).findings;
const says = (effect: Provision['effect'], path: string, ...children: Provision[]): Provision => {
  return { path, effect, elements: { notUnderstood: false }, children };
};
const notUnderstood = (path: string): Provision => ({
  ...says('deny', path),
  elements: { notUnderstood: true },
});

describe.each(versions)('what %s has as no Consent', (version) => {
  const { id: _id, ...nameless } = plain[version];
  const { status: _status, ...withoutStatus } = plain[version];
  test.each([
    ['a word', 'Consent'],
    ['nothing', null],
    ['a list', [plain[version]]],
    ['another resource', { ...plain[version], resourceType: 'Contract' }],
    ['one without an id', nameless],
    ['one whose id is no id', { ...plain[version], id: 'c/_history/1' }],
    ['one whose id is a number', { ...plain[version], id: 7 }],
    ['one without a status', withoutStatus],
    ['one of nobody', { ...plain[version], [version === 'R4' ? 'patient' : 'subject']: undefined }],
    ['one whose patient is a word', { ...plain[version], [version === 'R4' ? 'patient' : 'subject']: 'Patient/p' }],
  ])('%s cannot be read', (_what, json) => {
    expect(parseConsent(json, options(version))).toEqual({ readable: false, findings: ['Consent'] });
  });
});

describe('elements that say nothing about the rules are no reason to doubt a Consent', () => {
  const both = ['meta', 'language', 'text', 'contained', 'identifier', 'sourceAttachment', 'sourceReference'];
  const of: Readonly<Record<Version, readonly string[]>> = {
    R4: [...both, 'performer', 'organization', 'verification', 'policy'],
    R5: [...both, 'grantor', 'grantee', 'manager', 'controller', 'verification', 'policyText', 'policyBasis'],
  };
  test.each(versions.flatMap((version) => of[version].map((name) => [version, name] as const)))(
    '%s %s, nor an extension of it',
    (version, name) => {
      for (const more of [{ [name]: {} }, { [`_${name}`]: {} }])
        expect(read(version, more)).toMatchObject({ findings: [], denyOnly: false });
    },
  );

  test.each(versions)('in %s what changes everything is named once, as what it is', (version) => {
    expect(findings(version, { implicitRules: 'urn:rules' })).toEqual(['Consent.implicitRules']);
    expect(findings(version, { modifierExtension: [{ url: 'urn:m' }] })).toEqual(['Consent.modifierExtension']);
    expect(findings(version, { surprise: true })).toEqual(['Consent.member']);
  });
});

const written = {
  hasOrganization: false,
  hasPolicyText: false,
  hasSource: false,
  hasDateTime: false,
  isVerified: false,
  hasEnd: false,
};
const never = Number.NEGATIVE_INFINITY;
/** Of a Consent that states what it must, and nothing else. */
const least = {
  readable: true,
  ref: 'Consent/c',
  subject: { key: 'Patient/p', names: ['Patient/p'] },
  status: 'active',
  scope: 'patient-privacy',
  denyOnly: false,
  categories: ['http://loinc.org|59284-0'],
  isNotice: false,
  period: undefined,
  dateTime: undefined,
  recency: [never, never, -1, '', 'c'],
  organizations: [],
  family: JSON.stringify(['patient-privacy', [], [[], ['http://loinc.org|59284-0']]]),
  rootStatement: '',
  root: undefined,
  nested: [],
  isPart2: false,
  isGrantedRestriction: false,
  written,
  basicNormalCeiling: false,
  allPurposes: [],
  findings: [],
};

test.each(versions)('a Consent of %s that states what it must, and nothing else', (version) => {
  expect(read(version, {})).toEqual(least);
});

test('an R4 Consent with all there is', () => {
  const consent = read('R4', {
    meta: { versionId: '3' },
    status: 'inactive',
    scope: concept(scope('research')),
    category: [concept(act('B'), act('A'))],
    patient: { reference: 'Patient/p', identifier: { system: 'urn:mrn', value: '7' } },
    dateTime: '2026-01-02',
    organization: [reference('Organization/z'), reference('Organization/a')],
    sourceReference: reference('DocumentReference/d'),
    policy: [{ uri: 'urn:z' }, { authority: 'urn:x' }, { uri: 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal' }],
    policyRule: concept(code('consentpolicycodes', 'hipaa-restrictions'), act('42CFRPart2')),
    verification: [{ verified: false }, { verified: true }],
    provision: {
      type: 'permit',
      period: { start: '2026-01-01', end: '2026-12-31' },
      purpose: [code('v3-ActReason', 'TREAT'), code('v3-ActReason', 'HPAYMT')],
    },
  });
  expect(consent).toEqual({
    ...least,
    ref: 'Consent/c/_history/3',
    status: 'inactive',
    scope: 'research',
    subject: { key: 'Patient/p', names: ['Patient/p', 'urn:mrn|7'] },
    categories: [`${hl7}/v3-ActCode|B`, `${hl7}/v3-ActCode|A`],
    period: { start: Date.UTC(2026, 0, 1), end: expect.any(Number) },
    dateTime: Date.UTC(2026, 0, 2),
    recency: [Date.UTC(2026, 0, 2), never, 3, '3', 'c'],
    organizations: ['Organization/a', 'Organization/z'],
    family: JSON.stringify([
      'research',
      ['Organization/a', 'Organization/z'],
      ['https://profiles.ihe.net/ITI/PCF/Policy-basic-normal', 'urn:z'],
    ]),
    rootStatement: expect.stringContaining('TREAT'),
    root: {
      ...says('permit', 'provision'),
      elements: {
        notUnderstood: false,
        period: { start: Date.UTC(2026, 0, 1), end: expect.any(Number) },
        purposes: { codes: ['TREAT', 'HPAYMT'], unknown: false },
      },
    },
    isPart2: true,
    isGrantedRestriction: true,
    written: {
      hasOrganization: true,
      hasPolicyText: true,
      hasSource: true,
      hasDateTime: true,
      isVerified: true,
      hasEnd: true,
    },
    basicNormalCeiling: true,
    allPurposes: ['HPAYMT', 'TREAT'],
  });
});

test('an R5 Consent with all there is', () => {
  const consent = read('R5', {
    meta: { versionId: '3' },
    date: '2026-01-02',
    period: { start: '2026-01-01', end: '2026-12-31' },
    manager: [reference('Organization/m')],
    controller: [reference('Organization/z'), reference('Organization/a')],
    sourceReference: [reference('DocumentReference/d')],
    regulatoryBasis: [concept(code('consentpolicycodes', 'hipaa-restrictions'))],
    policyBasis: { url: 'urn:z', reference: { identifier: { system: 'urn:a', value: 'policy' } } },
    verification: [{ verified: true }],
    decision: 'deny',
    provision: [{ purpose: [code('v3-ActReason', 'TREAT'), code('v3-ActReason', 'HPAYMT')] }],
  });
  expect(consent).toEqual({
    ...least,
    ref: 'Consent/c/_history/3',
    period: { start: Date.UTC(2026, 0, 1), end: expect.any(Number) },
    dateTime: Date.UTC(2026, 0, 2),
    recency: [Date.UTC(2026, 0, 2), never, 3, '3', 'c'],
    organizations: ['Organization/a', 'Organization/z'],
    family: JSON.stringify(['patient-privacy', ['Organization/a', 'Organization/z'], ['urn:a|policy', 'urn:z']]),
    root: says('deny', 'base'),
    nested: [
      {
        ...says('permit', 'provision[0]'),
        elements: { notUnderstood: false, purposes: { codes: ['TREAT', 'HPAYMT'], unknown: false } },
      },
    ],
    isGrantedRestriction: true,
    written: {
      hasOrganization: true,
      hasPolicyText: true,
      hasSource: true,
      hasDateTime: true,
      isVerified: true,
      hasEnd: true,
    },
    allPurposes: ['HPAYMT', 'TREAT'],
  });
});

describe('what a written consent must have is told apart', () => {
  test.each<[Version, object, Partial<typeof written>]>([
    ['R4', { policy: [{ uri: 'urn:p' }] }, { hasPolicyText: true }],
    ['R4', { policyRule: { text: 'as agreed' } }, { hasPolicyText: true }],
    ['R4', { policyRule: {} }, {}],
    ['R4', { sourceAttachment: { title: 'form' } }, { hasSource: true }],
    ['R4', { provision: { period: { start: '2026' } } }, {}],
    ['R4', { provision: { period: { end: '2026' } } }, { hasEnd: true }],
    ['R4', { verification: [{ verified: 'true' }] }, {}],
    ['R5', { policyBasis: { url: 'urn:p' } }, { hasPolicyText: true }],
    ['R5', { policyText: [reference('DocumentReference/p')] }, { hasPolicyText: true }],
    ['R5', { regulatoryBasis: [{ text: 'as agreed' }] }, { hasPolicyText: true }],
    ['R5', { regulatoryBasis: [{}] }, {}],
    ['R5', { sourceAttachment: [{ title: 'form' }] }, { hasSource: true }],
    ['R5', { sourceReference: [reference('DocumentReference/p')] }, { hasSource: true }],
    ['R5', { period: { end: '2026' } }, { hasEnd: true }],
  ])('%s %j', (version, more, has) => {
    expect(read(version, more).written).toEqual({ ...written, ...has });
  });
});

describe('what it is about', () => {
  const r4 = (...codings: object[]) => read('R4', { scope: concept(...codings) });
  test.each([
    ['patient-privacy', 'patient-privacy'],
    ['research', 'research'],
    ['treatment', 'other'],
    ['adr', 'other'],
  ])('R4 says in its scope: %s', (value, expected) => {
    expect(r4(scope(value))).toMatchObject({ scope: expected, denyOnly: false, findings: [] });
  });
  test.each([
    ['a scope nobody knows', [scope('marketing')]],
    ['a scope of another code system', [{ system: 'urn:other', code: 'patient-privacy' }]],
    ['two that contradict each other', [scope('patient-privacy'), scope('research')]],
    ['none', []],
  ])('R4 with %s may deny only', (_what, codings) => {
    expect(r4(...codings)).toMatchObject({ scope: 'unknown', denyOnly: true, findings: ['Consent.scope'] });
  });
  test('R4 may say it in two ways, and beside codes of others', () => {
    expect(r4({ system: 'urn:other', code: 'x' }, scope('treatment'), scope('adr')).scope).toBe('other');
  });

  const of = (...codings: object[]) => read('R5', { category: [concept(...codings)] });
  const privacy = [
    ...['IDSCL', 'INFA', 'INFAO', 'INFASO', 'ICOL', 'IRDSCL', '42CFRPart2CD'].map(act),
    ...['HIPAAAuthCD', 'HIPAAConsentCD', 'HIPAAROAD'].map(act),
    ...['57016-8', '57017-6', '64292-6', '59284-0'].map(loinc),
    category('npp'),
    scope('patient-privacy'),
  ];
  const research = [
    ...['RESEARCH', 'RSDID', 'RSREID', 'HIPAAResearchAuthCD'].map(act),
    ...['research', 'rsdid', 'rsreid'].map(category),
    scope('research'),
  ];
  const directives = [...['acd', 'dnr', 'hcd', 'polst'].map(category), scope('treatment'), scope('adr')];
  test.each([
    ...privacy.map((one) => [one.code, 'patient-privacy', one] as const),
    ...research.map((one) => [one.code, 'research', one] as const),
    ...directives.map((one) => [one.code, 'other', one] as const),
  ])('R5 says in its category %s: %s', (_code, expected, coding) => {
    expect(of(coding)).toMatchObject({ scope: expected, denyOnly: false, findings: [] });
    expect(of({ ...coding, system: 'urn:other' })).toMatchObject({
      scope: 'unknown',
      denyOnly: true,
      findings: ['Consent.category'],
    });
  });
  test('R5 for emergencies alone is about privacy, and cannot say so in one decision: it may deny only', () => {
    expect(of(category('emrgonly'))).toMatchObject({
      scope: 'patient-privacy',
      denyOnly: true,
      findings: ['Consent.category'],
    });
  });
  test('R5 beside a treatment directive has to be about privacy, or nobody knows', () => {
    expect(of(category('dnr'), loinc('59284-0')).scope).toBe('other');
    expect(of(category('dnr'), act('IDSCL')).scope).toBe('patient-privacy');
    expect(of(category('dnr'), act('SOMETHING')).scope).toBe('unknown');
  });
});

/** The base that R4 states twice, in policyRule and in its root provision, and what is left of each. */
describe('R4: policyRule and the type of the root', () => {
  const emergency = (...children: Provision[]): Provision => ({
    ...says('permit', 'provision', ...children),
    elements: { notUnderstood: false, purposes: { codes: ['ETREAT'], unknown: false } },
  });
  const rule = (value: string) => ({ policyRule: concept(act(value)) });
  const only = { category: [concept(category('emrgonly'))] };
  const rows: readonly (readonly [string, object, Provision | undefined, readonly Provision[]])[] = [
    ['nothing', {}, undefined, []],
    ['permit', { provision: { type: 'permit' } }, says('permit', 'provision'), []],
    ['deny', { provision: { type: 'deny' } }, says('deny', 'provision'), []],
    ['a root without a type', { provision: {} }, undefined, []],
    ['OPTIN', rule('OPTIN'), says('permit', 'base'), []],
    ['OPTOUT', rule('OPTOUT'), says('deny', 'base'), []],
    ['EMRGONLY', rule('EMRGONLY'), says('deny', 'base'), [emergency()]],
    ['OPTIN, permit', { ...rule('OPTIN'), provision: { type: 'permit' } }, says('permit', 'provision'), []],
    ['OPTIN, no type', { ...rule('OPTIN'), provision: {} }, says('permit', 'provision'), []],
    [
      'OPTIN, deny',
      { ...rule('OPTIN'), provision: { type: 'deny' } },
      says('permit', 'base'),
      [says('deny', 'provision')],
    ],
    ['OPTOUT, deny', { ...rule('OPTOUT'), provision: { type: 'deny' } }, says('deny', 'provision'), []],
    [
      'OPTOUT, permit',
      { ...rule('OPTOUT'), provision: { type: 'permit' } },
      says('deny', 'base'),
      [says('permit', 'provision')],
    ],
    ['EMRGONLY, permit', { ...rule('EMRGONLY'), provision: { type: 'permit' } }, says('deny', 'base'), [emergency()]],
    ['EMRGONLY, deny', { ...rule('EMRGONLY'), provision: { type: 'deny' } }, says('deny', 'base'), [emergency()]],
    ['for emergencies', only, says('deny', 'base'), [emergency()]],
    ['for emergencies, permit', { ...only, provision: { type: 'permit' } }, says('deny', 'base'), [emergency()]],
    ['for emergencies, deny', { ...only, provision: { type: 'deny' } }, says('deny', 'provision'), []],
    ['for emergencies, OPTIN', { ...only, ...rule('OPTIN') }, says('deny', 'base'), [emergency()]],
    ['for emergencies, OPTOUT', { ...only, ...rule('OPTOUT') }, says('deny', 'base'), []],
    [
      'an exception to an exception',
      { ...rule('OPTOUT'), provision: { type: 'permit', provision: [{ type: 'deny' }] } },
      says('deny', 'base'),
      [says('permit', 'provision', says('deny', 'provision.provision[0]'))],
    ],
    [
      'permit, then exceptions',
      {
        provision: { type: 'permit', provision: [{ type: 'deny', provision: [{ type: 'permit' }] }, { type: 'deny' }] },
      },
      says('permit', 'provision'),
      [
        says('deny', 'provision.provision[0]', says('permit', 'provision.provision[0].provision[0]')),
        says('deny', 'provision.provision[1]'),
      ],
    ],
    [
      'no type, with provisions',
      { provision: { provision: [{ type: 'permit' }] } },
      undefined,
      [says('permit', 'provision.provision[0]')],
    ],
    [
      'EMRGONLY, with an exception',
      { ...rule('EMRGONLY'), provision: { provision: [{ type: 'deny' }] } },
      says('deny', 'base'),
      [
        emergency({
          ...says('deny', 'provision.provision[0]'),
          elements: { notUnderstood: false, purposes: { codes: ['ETREAT'], unknown: false } },
        }),
      ],
    ],
  ];
  test.each(rows)('%s', (_what, more, root, nested) => {
    expect(read('R4', more)).toMatchObject({ findings: [], denyOnly: false });
    const { root: readRoot, nested: readNested } = read('R4', more);
    expect({ root: readRoot, nested: readNested }).toEqual({ root, nested });
  });

  test.each([
    ['a type nobody knows', { provision: { type: 'maybe' } }, undefined, [], 'Consent.provision.type'],
    ['a root that is a word', { provision: 'permit' }, undefined, [], 'Consent.provision'],
    [
      'OPTIN beside a root that is a word',
      { ...rule('OPTIN'), provision: 'permit' },
      { ...says('permit', 'base'), elements: { notUnderstood: true } },
      [],
      'Consent.provision',
    ],
    [
      'a provision that is a word',
      { provision: { type: 'permit', provision: ['deny'] } },
      says('permit', 'provision'),
      [notUnderstood('provision.provision[0]')],
      'Consent.provision',
    ],
    [
      'a provision without a type, which is the opposite of what it is an exception to',
      { provision: { type: 'permit', provision: [{ provision: [{}] }] } },
      says('permit', 'provision'),
      [says('deny', 'provision.provision[0]', says('permit', 'provision.provision[0].provision[0]'))],
      'Consent.provision.type',
    ],
    [
      'below a root without a type, which could permit, a provision without one',
      { provision: { provision: [{}] } },
      undefined,
      [says('permit', 'provision.provision[0]')],
      'Consent.provision.type',
    ],
  ] as const)('%s', (_what, more, root, nested, finding) => {
    const consent = read('R4', more);
    expect({ root: consent.root, nested: consent.nested }).toEqual({ root, nested });
    expect(consent.findings).toEqual([finding]);
  });
});

/** Exceptions within exceptions, so many below each other. */
function nestedR4(depth: number): object {
  let provision: object = { type: 'permit' };
  for (let level = 0; level < depth; level++) provision = { type: 'permit', provision: [provision] };
  return { provision };
}
function nestedR5(depth: number): object {
  let provision: object[] = [];
  for (let level = 0; level < depth; level++) provision = [{ provision }];
  return { decision: 'permit', provision };
}
function deepest(provisions: readonly Provision[]): Provision | undefined {
  const [first] = provisions;
  return first === undefined || first.children.length === 0 ? first : deepest(first.children);
}

describe('provisions are read 64 deep, and what is deeper denies', () => {
  test.each([
    ['R4', nestedR4, 'provision.provision[0]'],
    ['R5', nestedR5, 'provision[0]'],
  ] as const)('in %s', (version, nested, first) => {
    const path = [first, ...many(63, () => 'provision[0]')].join('.');
    const bound = read(version, nested(64));
    expect(bound.findings).toEqual([]);
    expect(deepest(bound.nested)?.path).toBe(path);
    const beyond = read(version, nested(65));
    expect(beyond.findings).toEqual(['Consent.provision.depth']);
    expect(deepest(beyond.nested)).toEqual(notUnderstood(`${path}.provision`));
  });
});

describe('R5: decision and provisions', () => {
  test.each([
    ['permit', says('permit', 'base'), 'deny', 'permit'],
    ['deny', says('deny', 'base'), 'permit', 'deny'],
    [undefined, undefined, 'deny', 'deny'],
  ] as const)('%s', (decision, root, first, second) => {
    const consent = read('R5', { decision, provision: [{ provision: [{}] }, {}] });
    expect(consent.root).toEqual(root);
    expect(consent.nested).toEqual([
      says(first, 'provision[0]', says(second, 'provision[0].provision[0]')),
      says(first, 'provision[1]'),
    ]);
    expect(consent.findings).toEqual([]);
  });

  test('a provision that is a word denies, and is told', () => {
    const consent = read('R5', { decision: 'deny', provision: ['permit'] });
    expect(consent.nested).toEqual([notUnderstood('provision[0]')]);
    expect(consent.findings).toEqual(['Consent.provision']);
  });

  test.each([
    ['OPTIN', 'permit', true],
    ['OPTIN', 'deny', false],
    ['OPTIN', undefined, false],
    ['OPTOUT', 'deny', true],
    ['OPTOUT', 'permit', false],
    ['EMRGONLY', 'deny', false],
    ['EMRGONLY', 'permit', false],
    ['HIPAAAuth', 'permit', true],
  ] as const)('a regulatory basis %s beside the decision %s agrees: %s', (basis, decision, agrees) => {
    const consent = read('R5', { decision, regulatoryBasis: [concept(act(basis))] });
    expect(consent).toMatchObject({ denyOnly: !agrees, findings: agrees ? [] : ['Consent.regulatoryBasis'] });
  });

  test('a notice is one as long as nothing is decided', () => {
    const notice = { category: [concept(category('npp'))] };
    expect(read('R5', notice).isNotice).toBe(true);
    expect(read('R5', { ...notice, decision: 'permit' }).isNotice).toBe(false);
    expect(read('R4', notice).isNotice).toBe(true);
    expect(read('R4', { ...notice, provision: { type: 'permit' } }).isNotice).toBe(false);
  });
});

test('what several things say that nobody understands is told once each, in the order of the alphabet', () => {
  const odd = { type: 'maybe', purpose: [{ system: 'urn:x', code: 'y' }], surprise: 1 };
  expect(findings('R4', { dateTime: 'soon', provision: odd })).toEqual([
    'Consent.dateTime',
    'Consent.provision.member',
    'Consent.provision.purpose',
    'Consent.provision.type',
  ]);
  const { type: _type, ...oddR5 } = odd;
  expect(findings('R5', { provision: [oddR5], period: { start: 'soon' }, date: 'soon', decision: 'maybe' })).toEqual([
    'Consent.date',
    'Consent.decision',
    'Consent.period',
    'Consent.provision.member',
    'Consent.provision.purpose',
  ]);
  expect(read('R4', { provision: { period: { start: 'soon' } } })).toMatchObject({ denyOnly: true, period: undefined });
  expect(read('R4', { dateTime: 'soon' })).toMatchObject({ denyOnly: true, dateTime: 'unreadable' });
});

/** FHIR R4: a later Consent of the same family replaces the statement of an earlier one. */
describe('two roots say the same', () => {
  const statement = (provision: object) => read('R4', { provision }).rootStatement;
  const treat = code('v3-ActReason', 'TREAT');
  const pay = code('v3-ActReason', 'HPAYMT');
  test.each([
    [
      'whatever their type, period, id and exceptions',
      { purpose: [treat], type: 'permit', id: 'a', period: {} },
      { purpose: [treat], type: 'deny', provision: [{}] },
    ],
    ['in whatever order', { purpose: [treat, pay] }, { purpose: [pay, treat] }],
    [
      'in whatever order of their elements',
      { purpose: [treat], action: [concept(act('x'))] },
      { action: [concept(act('x'))], purpose: [treat] },
    ],
    ['said twice', { purpose: [treat, treat] }, { purpose: [treat] }],
    ['whatever a code is displayed as', { purpose: [{ ...treat, display: 'Treatment' }] }, { purpose: [treat] }],
    [
      'of whatever version of a code system',
      { purpose: [{ ...treat, version: '3', userSelected: true }] },
      { purpose: [treat] },
    ],
    [
      'under either name of a code system',
      { purpose: [{ system: 'http://hl7.org/fhir/v3/ActReason', code: 'TREAT' }] },
      { purpose: [treat] },
    ],
    [
      'whatever text stands beside codes',
      { code: [{ text: 'x', ...concept(loinc('1')) }] },
      { code: [concept(loinc('1'))] },
    ],
    [
      'in whatever order of codings',
      { code: [concept(loinc('1'), loinc('2'))] },
      { code: [concept(loinc('2'), loinc('1'))] },
    ],
    [
      'whatever a reference is displayed as',
      { actor: [{ reference: { ...reference('Practitioner/a'), display: 'Ann' } }] },
      { actor: [{ reference: reference('Practitioner/a') }] },
    ],
    [
      'whatever an identifier is displayed as',
      { actor: [{ reference: { identifier: { value: '1' }, display: 'Ann' } }] },
      { actor: [{ reference: { identifier: { value: '1' } } }] },
    ],
    ['where one states nothing and one is not there', {}, { type: 'permit' }],
  ])('%s', (_what, one, other) => {
    expect(statement(one)).toBe(statement(other));
  });
  test.each([
    ['one more purpose', { purpose: [treat, pay] }, { purpose: [treat] }],
    ['another code system', { purpose: [{ system: 'urn:x', code: 'TREAT' }] }, { purpose: [treat] }],
    ['no code system', { purpose: [{ code: 'TREAT' }] }, { purpose: [treat] }],
    ['another element', { code: [concept(loinc('1'))] }, { securityLabel: [concept(loinc('1'))] }],
    ['text where there is no code', { code: [{ text: 'x' }] }, { code: [{ text: 'y' }] }],
    [
      'a name where nothing else names',
      { actor: [{ reference: { display: 'Ann' } }] },
      { actor: [{ reference: { display: 'Bob' } }] },
    ],
    [
      'two items, and one of both',
      { code: [concept(loinc('1')), concept(loinc('2'))] },
      { code: [concept(loinc('1'), loinc('2'))] },
    ],
    ['nothing, and null', { code: [null] }, { code: [] }],
  ])('but not with %s', (_what, one, other) => {
    expect(statement(one)).not.toBe(statement(other));
  });
  test('nested beyond what a provision can say, it says what no other says', () => {
    const deep = (levels: number): object => {
      let value: object = {};
      for (let level = 0; level < levels; level++) value = { extension: [value] };
      return value;
    };
    const statementAt = (levels: number) => statement({ actor: [deep(levels)] });
    expect(statementAt(31)).toBe(statementAt(31));
    expect(statementAt(31)).not.toContain('Consent/c');
    expect(statementAt(32)).toBe('Consent/c');
  });
  test('a list without order is written in one', () => {
    expect(statement({ code: [concept(loinc('1')), 7, 'x'], purpose: [] })).toBe(
      '[["code",["\\"x\\"","7","{\\"coding\\":[{\\"code\\":\\"1\\",\\"system\\":\\"http://loinc.org\\"}]}"]],["purpose",[]]]',
    );
  });
});

/** One provision with these elements: the root in R4, an exception in R5. */
function saying(version: Version, elements: object): object {
  return version === 'R4'
    ? { provision: { type: 'permit', ...elements } }
    : { decision: 'permit', provision: [elements] };
}

describe('an actor', () => {
  const actors = (version: Version, actor: unknown) => {
    const consent = read(version, saying(version, { actor: [actor] }));
    return [(consent.root?.elements.actors ?? consent.nested[0]?.elements.actors)?.[0], consent.findings] as const;
  };
  const named = { part: 'recipient', names: ['Practitioner/ann'], roles: [], unresolved: false };
  const role = (...codings: object[]) => ({ role: concept(...codings) });
  const odd = ['Consent.provision.actor'];
  test('is a recipient by role and reference', () => {
    expect(actors('R4', recipient('Practitioner/ann'))).toEqual([named, []]);
    expect(actors('R5', recipient('Practitioner/ann'))).toEqual([named, []]);
  });
  test('by reference alone is a recipient in R5, and nobody knows what in R4', () => {
    const actor = { reference: reference('Practitioner/ann') };
    expect(actors('R5', actor)).toEqual([named, []]);
    expect(actors('R4', actor)).toEqual([{ ...named, part: 'unknown' }, odd]);
  });
  test('by role alone is whoever has it in R5, and nobody who can be named in R4', () => {
    const actor = role(code('practitioner-role', 'doctor'));
    const roles = [{ system: `${hl7}/practitioner-role`, code: 'doctor' }];
    expect(actors('R5', actor)).toEqual([{ part: 'recipient', names: [], roles, unresolved: false }, []]);
    expect(actors('R4', actor)).toEqual([{ part: 'unknown', names: [], roles: [], unresolved: true }, odd]);
  });
  test('with a role that can be compared and a reference is who it names, in a part nobody knows', () => {
    const actor = { ...role(code('practitioner-role', 'doctor')), reference: reference('Practitioner/ann') };
    expect(actors('R5', actor)).toEqual([{ ...named, part: 'unknown' }, odd]);
  });
  test.each([
    ['one coding without a system', [code('practitioner-role', 'doctor'), { code: 'x' }]],
    ['one coding without a code', [code('practitioner-role', 'doctor'), { system: 'urn:x' }]],
  ])('by a role with %s is nobody who can be compared', (_what, codings) => {
    expect(actors('R5', role(...codings))).toEqual([{ part: 'unknown', names: [], roles: [], unresolved: true }, odd]);
  });
  test('by the role of a recipient alone is nobody who can be named', () => {
    const unnamed = { part: 'recipient', names: [], roles: [], unresolved: true };
    for (const version of versions)
      expect(actors(version, role(code('v3-ParticipationType', 'IRCP')))).toEqual([unnamed, odd]);
  });
  const extension = [{ url: 'urn:who-knows' }];
  test.each([
    ['itself', { ...recipient('Practitioner/ann'), extension }],
    ['its role', { ...recipient('Practitioner/ann'), role: { ...recipient('').role, extension } }],
    [
      'a coding of its role',
      { ...recipient('Practitioner/ann'), ...role({ ...code('v3-ParticipationType', 'IRCP'), extension }) },
    ],
    ['its reference', { ...recipient(''), reference: { ...reference('Practitioner/ann'), extension } }],
    [
      'its identifier',
      { ...recipient(''), reference: { ...reference('Practitioner/ann'), identifier: { value: '1', extension } } },
    ],
  ])('with an extension nobody understands on %s is nobody', (_what, actor) => {
    for (const version of versions)
      expect(actors(version, actor)).toEqual([
        { part: 'recipient', names: [], roles: [], unresolved: true },
        [...odd, 'Consent.provision.extension'],
      ]);
  });
  test('by a role alone with an extension nobody understands is nobody either', () => {
    expect(actors('R5', { ...role(code('practitioner-role', 'doctor')), extension })).toEqual([
      { part: 'unknown', names: [], roles: [], unresolved: true },
      [...odd, 'Consent.provision.extension'],
    ]);
  });
  test.each([
    ['v3-ParticipationType', 'IRCP', 'recipient'],
    ['v3-ParticipationType', 'PRCP', 'recipient'],
    ['v3-RoleCode', 'GRANTEE', 'recipient'],
    ['v3-RoleCode', 'DELEGATEE', 'recipient'],
    ['v3-RoleCode', 'GRANTOR', 'grantor'],
    ['v3-RoleCode', 'DELEGATOR', 'grantor'],
    ['v3-RoleCode', 'CONSENTER', 'grantor'],
    ['v3-ParticipationType', 'CST', 'custodian'],
    ['v3-ParticipationType', 'AUT', 'author'],
    ['provenance-participant-type', 'custodian', 'custodian'],
    ['provenance-participant-type', 'author', 'author'],
    ['v3-RoleCode', 'IRCP', 'unknown'],
  ])('of %s %s is a %s', (system, value, part) => {
    expect(actors('R4', { ...recipient('Practitioner/ann'), ...role(code(system, value)) })[0]?.part).toBe(part);
  });
  test('that is a group is whoever belongs to it', () => {
    for (const collective of ['Group/g', 'CareTeam/t', 'PractitionerRole/r'])
      expect(actors('R4', recipient(collective))[0]).toEqual({ ...named, names: [collective], collective });
  });
});

describe('what a provision is about', () => {
  const elements = (version: Version, more: object) => {
    const consent = read(version, saying(version, more));
    const [first] = consent.nested;
    return [consent.root?.path === 'provision' ? consent.root.elements : first?.elements, consent.findings] as const;
  };
  const fine = { notUnderstood: false };
  const types = 'http://hl7.org/fhir/resource-types';
  const file = 'urn:ietf:rfc:3986';
  test('classes: types, profiles without their version, kinds of files, kinds of documents', () => {
    const coding = (system: string, value: string) => ({ system, code: value });
    expect(
      elements('R4', {
        class: [
          coding(types, 'Observation'),
          coding(file, 'urn:p|1.0|x'),
          coding('urn:ietf:bcp:13', 'a/b'),
          loinc('1'),
        ],
      }),
    ).toEqual([
      {
        ...fine,
        classes: {
          codes: [
            { kind: 'type', code: 'Observation' },
            { kind: 'profile', code: 'urn:p' },
            { kind: 'mime', code: 'a/b' },
            { kind: 'document', coding: loinc('1') },
          ],
          unknown: false,
        },
      },
      [],
    ]);
  });
  test.each([
    ['R4', 'class', { system: types, code: 'Surprise' }],
    ['R4', 'class', { code: 'Observation' }],
    ['R5', 'documentType', { system: types, code: 'Observation' }],
    ['R5', 'documentType', { code: 'Observation' }],
    ['R5', 'resourceType', { code: 'Observation' }],
    ['R5', 'resourceType', { system: file, code: 'urn:p' }],
    ['R5', 'resourceType', loinc('1')],
    ['R4', 'class', { system: 'http://loinc.org' }],
  ] as const)('in %s a %s of %j is not understood', (version, name, coding) => {
    const [read, found] = elements(version, { [name]: [coding] });
    expect(read?.[name === 'documentType' ? 'documents' : 'classes']).toEqual({ codes: [], unknown: true });
    expect(found).toEqual([`Consent.provision.${name}`]);
  });
  test('R5: kinds of resources and of documents', () => {
    expect(
      elements('R5', { resourceType: [{ system: types, code: 'Observation' }], documentType: [loinc('1')] }),
    ).toEqual([
      {
        ...fine,
        classes: { codes: [{ kind: 'type', code: 'Observation' }], unknown: false },
        documents: { codes: [{ kind: 'document', coding: loinc('1') }], unknown: false },
      },
      [],
    ]);
  });
  test('codes, labels, actions, data, periods', () => {
    const action = (value: string) => concept(code('consentaction', value));
    const shown = elements('R4', {
      code: [concept(loinc('1'), loinc('2'))],
      action: [action('access'), action('disclose')],
      securityLabel: [act('HIV'), code('v3-Confidentiality', 'R'), code('v3-ActReason', 'TREAT')],
      data: [{ meaning: 'instance', reference: reference('Observation/1') }],
      dataPeriod: { start: '2026-01-02' },
    });
    expect(shown).toEqual([
      {
        ...fine,
        codes: { codes: [loinc('1'), loinc('2')], unknown: false },
        actions: { codes: ['access', 'disclose'], unknown: false },
        labels: { confidentiality: ['R'], topics: ['HIV'], purposes: ['TREAT'], unknown: false },
        data: { codes: [{ meaning: 'instance', key: 'Observation/1', names: ['Observation/1'] }], unknown: false },
        dataPeriod: { start: Date.UTC(2026, 0, 2), end: Number.POSITIVE_INFINITY },
      },
      [],
    ]);
  });
  const extension = [{ url: 'urn:who-knows' }];
  test.each([
    ['code', {}, 'codes'],
    ['code', concept({ code: '1' }), 'codes'],
    ['code', concept({ system: 'urn:x' }), 'codes'],
    ['action', concept({ code: 'access' }), 'actions'],
    ['action', concept({ system: `${hl7}/consentaction` }), 'actions'],
    ['action', concept(code('consentaction', 'destroy')), 'actions'],
    ['purpose', { system: `${hl7}/v3-ActReason` }, 'purposes'],
    ['purpose', { code: 'TREAT' }, 'purposes'],
    ['securityLabel', { system: `${hl7}/v3-ActCode` }, 'labels'],
    ['securityLabel', { code: 'HIV' }, 'labels'],
    ['data', { reference: reference('Observation/1') }, 'data'],
    ['data', { meaning: 'instance' }, 'data'],
    ['data', { meaning: 'instance', reference: 'Observation/1' }, 'data'],
    ['data', { meaning: 'everything', reference: reference('Observation/1') }, 'data'],
  ] as const)('a %s of %j is not understood', (name, value, element) => {
    const [read, found] = elements('R4', { [name]: [value] });
    expect(read?.[element]).toMatchObject({ unknown: true });
    expect(found).toEqual([`Consent.provision.${name}`]);
  });
  test.each([
    ['code', { ...concept(loinc('1')), extension }],
    ['code', concept({ ...loinc('1'), extension })],
    ['action', { ...concept(code('consentaction', 'access')), extension }],
    ['action', concept({ ...code('consentaction', 'access'), extension })],
    ['purpose', { ...code('v3-ActReason', 'TREAT'), extension }],
    ['securityLabel', { ...act('HIV'), extension }],
    ['securityLabel', { ...code('v3-Confidentiality', 'R'), extension }],
    ['securityLabel', { ...code('v3-ActReason', 'TREAT'), extension }],
    ['data', { meaning: 'instance', reference: reference('Observation/1'), extension }],
    ['data', { meaning: 'instance', reference: { ...reference('Observation/1'), extension } }],
    ['data', { meaning: 'instance', reference: { ...reference('Observation/1'), identifier: { extension } } }],
  ])('a %s with an extension nobody understands: %j', (name, value) => {
    const [read, found] = elements('R4', { [name]: [value] });
    expect(Object.values(read ?? {})).toContainEqual(expect.objectContaining({ unknown: true }));
    expect(found).toEqual([`Consent.provision.${name}`, 'Consent.provision.extension'].sort());
  });
  test('data by something that is nobody’s key here names it all the same', () => {
    const far = 'https://elsewhere.example/Observation/1';
    expect(elements('R4', { data: [{ meaning: 'authoredby', reference: reference(far) }] })).toEqual([
      { ...fine, data: { codes: [{ meaning: 'authoredby', key: undefined, names: [far] }], unknown: false } },
      ['Consent.provision.data'],
    ]);
  });
  test.each(['actor', 'purpose', 'action', 'securityLabel', 'class', 'code', 'data', 'dataPeriod'] as const)(
    'a %s that is null is stated, and not understood',
    (name) => {
      const [read, found] = elements('R4', { [name]: null });
      expect(Object.keys(read ?? {})).toHaveLength(2);
      expect(found).toEqual([`Consent.provision.${name}`]);
    },
  );
  test('provisions that are null deny', () => {
    expect(read('R4', { provision: { type: 'permit', provision: null } }).nested).toEqual([
      notUnderstood('provision.provision[0]'),
    ]);
    expect(read('R5', { decision: 'permit', provision: null }).nested).toEqual([notUnderstood('provision[0]')]);
  });
  test('a period whose bound is no text cannot be read', () => {
    for (const period of ['2026', { start: 2026 }, { end: [2026] }, { start: '2026', extension }])
      expect(elements('R4', { dataPeriod: period })[0]?.dataPeriod).toBe('unreadable');
  });
  test('an extension without a URL is one nobody understands', () => {
    expect(elements('R4', { extension: [{}] })).toEqual([{ notUnderstood: true }, ['Consent.provision.extension']]);
  });
  test.each([
    ['R4', 'resourceType'],
    ['R4', 'documentType'],
    ['R4', 'surprise'],
    ['R5', 'class'],
    ['R5', 'type'],
    ['R5', 'surprise'],
  ] as const)('a provision of %s has no %s', (version, name) => {
    const [read, found] = elements(version, { [name]: name === 'type' ? 'permit' : 1 });
    expect(read?.notUnderstood).toBe(true);
    expect(found).toContain('Consent.provision.member');
  });
  test.each([
    ['R4', ['modifierExtension']],
    ['R5', ['modifierExtension', 'expression']],
  ] as const)('in %s what changes a provision is told once, as what it is: %j', (version, names) => {
    for (const name of names) expect(elements(version, { [name]: [] })[1]).toEqual([`Consent.provision.${name}`]);
  });
});

/** FHIR R4 Consent.provision: what is nested is within what it is nested in. */
describe('what a nested provision takes from what is above it', () => {
  const above = {
    actor: [recipient('Practitioner/ann')],
    purpose: [code('v3-ActReason', 'TREAT')],
    action: [concept(code('consentaction', 'access'))],
    period: { start: '2026-01-02' },
    code: [concept(loinc('1'))],
  };
  const below = (type: string, own: object = {}, between: object = above) =>
    read('R4', { provision: { provision: [{ type: 'permit', ...between, provision: [{ type, ...own }] }] } }).nested[0]
      ?.children[0]?.elements;
  const all = read('R4', { provision: { type: 'permit', ...above } }).root?.elements;
  const { codes: _codes, ...askers } = all ?? { notUnderstood: false };
  test('a permit: all that it does not state itself', () => {
    expect(below('permit')).toEqual(all);
    expect(below('permit', { code: [concept(loinc('2'))] })).toEqual({
      ...all,
      codes: { codes: [loinc('2')], unknown: false },
    });
  });
  test('a deny: who asks, for what, how and when, and no data', () => {
    expect(below('deny')).toEqual(askers);
  });
  test.each(['actor', 'purpose', 'action', 'period'] as const)('nothing of a %s that is not stated', (name) => {
    const { [name]: _left, ...others } = above;
    const without = read('R4', { provision: { type: 'permit', ...others } }).root?.elements ?? {};
    const { codes: _none, ...expected } = without as Record<string, unknown>;
    expect(Object.keys(below('deny', {}, others) ?? {}).sort()).toEqual(Object.keys(expected).sort());
  });
});
