import { describe, expect, test } from '@jest/globals';
import { own } from '../../src/consent/json.ts';
import { parseConsent } from '../../src/consent/parse.ts';
import {
  act,
  category,
  code,
  concept,
  findings,
  hl7,
  loinc,
  options,
  plain,
  read,
  reference,
  says,
  scope,
  type Version,
  versions,
} from './written.ts';

/** How a Consent is read as a whole, to the last word: what is none, what says nothing, and what is not understood. */

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
  forms: [] as string[],
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

test('whose it is may be said by an identifier of no system; one without a value names nobody', () => {
  const of = (...identifier: object[]) => read('R4', { patient: { identifier } }).subject.names;
  expect(of({ value: '7' })).toEqual(['|7']);
  expect(of({ system: 'urn:mrn' })).toEqual([]);
  expect(of({ system: 'urn:mrn' }, { system: 'urn:mrn', value: '7' })).toEqual(['urn:mrn|7']);
});

test('what every object of JavaScript has is no member of a Consent', () => {
  expect(own({}, 'toString')).toBeUndefined();
  expect(own({ toString: 'x' }, 'toString')).toBe('x');
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
      forms: ['urn:z', 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal'],
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
      forms: ['urn:z', 'urn:a|policy'],
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
    ['R4', { policy: [{ uri: 'urn:p' }] }, { hasPolicyText: true, forms: ['urn:p'] }],
    ['R4', { policyRule: { text: 'as agreed' } }, { hasPolicyText: true }],
    ['R4', { policyRule: {} }, {}],
    ['R4', { sourceAttachment: { title: 'form' } }, { hasSource: true }],
    ['R4', { provision: { period: { start: '2026' } } }, {}],
    ['R4', { provision: { period: { end: '2026' } } }, { hasEnd: true }],
    ['R4', { verification: [{ verified: 'true' }] }, {}],
    ['R5', { policyBasis: { url: 'urn:p' } }, { hasPolicyText: true, forms: ['urn:p'] }],
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
    expect(r4(scope('marketing'), scope('patient-privacy')).scope).toBe('patient-privacy');
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
