import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent, Provision } from '../../src/consent/parsed.ts';
import { act, concept, options } from './written.ts';

function examplesOf(version: 'r4' | 'r5'): readonly [string, Record<string, unknown>][] {
  const folder = join(import.meta.dirname, '../../fixtures/consents', version);
  return readdirSync(folder)
    .filter((name) => name.startsWith('Consent-'))
    .map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>]);
}

const purpose = (code: string) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code });
const snomed = (code: string) => ({ system: 'http://snomed.info/sct', code });

const plain = {
  resourceType: 'Consent',
  id: 'c',
  meta: { versionId: '3' },
  status: 'active',
  category: [concept({ system: 'http://loinc.org', code: '59284-0' })],
  subject: { reference: 'Patient/p' },
};

function readR5(more: object): ParsedConsent {
  const parsed = parseConsent({ ...plain, ...more }, options('R5'));
  if (!parsed.readable) throw new Error('not readable');
  return parsed;
}

/** Effect and path of every provision, the deepest last. */
function shape(provisions: readonly Provision[]): readonly [string, string][] {
  return provisions.flatMap(({ path, effect, children }): [string, string][] => [[path, effect], ...shape(children)]);
}

const permitsNothing = ({ root, nested, denyOnly }: ParsedConsent): boolean =>
  denyOnly || (root?.effect !== 'permit' && shape(nested).every(([, effect]) => effect === 'deny'));

describe('a Consent read as another version than its own', () => {
  test.each(examplesOf('r4'))('R4 %s is no R5 Consent', (_name, consent) => {
    expect(parseConsent(consent, options('R5'))).toEqual({ readable: false, findings: ['Consent'] });
    expect(parseConsent(consent, options('R4')).readable).toBe(true);
    expect(parseConsent(consent, options('R4B'))).toEqual(parseConsent(consent, options('R4')));
  });

  test.each(examplesOf('r5'))('R5 %s is no R4 Consent', (_name, consent) => {
    expect(parseConsent(consent, options('R4'))).toEqual({ readable: false, findings: ['Consent'] });
    expect(parseConsent(consent, options('R5')).readable).toBe(true);
  });

  test('with the elements of both it may deny and permits nothing, whichever version it is read as', () => {
    const r4 = fc.constantFrom(...examplesOf('r4').map(([, consent]) => consent));
    const r5 = fc.constantFrom(...examplesOf('r5').map(([, consent]) => consent));
    fc.assert(
      fc.property(r4, r5, fc.boolean(), (one, other, isR4First) => {
        const mixed = isR4First ? { ...one, ...other } : { ...other, ...one };
        for (const version of ['R4', 'R5'] as const) {
          const parsed = parseConsent(mixed, options(version));
          expect(parsed.readable && parsed.denyOnly).toBe(true);
        }
      }),
    );
  });

  test('an R4 Consent whose patient was renamed alone still permits nothing as R5', () => {
    for (const [, { patient, ...rest }] of examplesOf('r4')) {
      const parsed = parseConsent({ ...rest, subject: patient }, options('R5'));
      expect(parsed.readable && permitsNothing(parsed)).toBe(true);
    }
  });
});

describe('an R5 Consent', () => {
  test('states its default in decision, and exceptions that alternate by depth', () => {
    const provision = [{ provision: [{ provision: [{}] }, {}] }, {}];
    const permit = readR5({ decision: 'permit', provision });
    expect([permit.root?.effect, permit.root?.path]).toEqual(['permit', 'base']);
    expect(shape(permit.nested)).toEqual([
      ['provision[0]', 'deny'],
      ['provision[0].provision[0]', 'permit'],
      ['provision[0].provision[0].provision[0]', 'deny'],
      ['provision[0].provision[1]', 'permit'],
      ['provision[1]', 'deny'],
    ]);
    const deny = readR5({ decision: 'deny', provision });
    expect(deny.root?.effect).toBe('deny');
    expect(shape(deny.nested).map(([, effect]) => effect)).toEqual(['permit', 'deny', 'permit', 'deny', 'permit']);
  });

  test('without a decision has no base, and its provisions deny at every depth', () => {
    const parsed = readR5({ provision: [{ provision: [{}] }] });
    expect(parsed.root).toBeUndefined();
    expect(shape(parsed.nested).map(([, effect]) => effect)).toEqual(['deny', 'deny']);
  });

  test('with a decision that nobody knows may deny only', () => {
    const parsed = readR5({ decision: 'maybe' });
    expect([parsed.root, parsed.denyOnly, parsed.findings]).toEqual([undefined, true, ['Consent.decision']]);
  });

  test('does not take an effect from R4’s provision.type', () => {
    const parsed = readR5({ decision: 'deny', provision: [{ type: 'permit' }] });
    expect(parsed.nested[0]?.elements.notUnderstood).toBe(true);
    expect(parsed.findings).toEqual(['Consent.provision.member']);
  });

  test('nests without end and is read to a bound, behind which it denies', () => {
    let provision: object = {};
    for (let depth = 0; depth < 3_000; depth++) provision = { provision: [provision] };
    const parsed = readR5({ decision: 'deny', provision: [provision] });
    const effects = shape(parsed.nested);
    expect(effects.length).toBeLessThan(100);
    expect(effects.at(-1)?.[1]).toBe('deny');
    expect(parsed.findings).toEqual(['Consent.provision.depth']);
  });

  test.each([
    ['the patient', { reference: 'Patient/p' }, 'Patient/p'],
    ['an absolute name of the patient', { reference: 'https://fhir.example/Patient/p' }, 'Patient/p'],
    ['a group', { reference: 'Group/g' }, 'Group/g'],
    ['a practitioner', { reference: 'Practitioner/d' }, 'Practitioner/d'],
    ['somebody of another server', { reference: 'https://elsewhere.example/Patient/p' }, undefined],
  ])('says whose it is: %s', (_who, subject, key) => {
    expect(readR5({ subject }).subject.key).toBe(key);
  });

  test.each([
    [
      'its controllers',
      { controller: [{ reference: 'Organization/b' }, { reference: 'Organization/a' }] },
      ['Organization/a', 'Organization/b'],
    ],
    [
      'its controller before its manager',
      { controller: [{ reference: 'Organization/a' }], manager: [{ reference: 'Organization/m' }] },
      ['Organization/a'],
    ],
    ['its manager where nobody else is named', { manager: [{ reference: 'Organization/m' }] }, ['Organization/m']],
  ])('is of %s', (_what, more, organizations) => {
    expect(readR5(more).organizations).toEqual(organizations);
  });

  test('is in force in its own period, to the end of the last day', () => {
    const { period, written } = readR5({ period: { start: '2026-01-01', end: '2026-01-31' } });
    expect(period).toEqual({ start: Date.UTC(2026, 0, 1), end: Date.UTC(2026, 1, 1) - 1 });
    expect(written.hasEnd).toBe(true);
  });

  test.each([
    [{ period: 'always' }, 'Consent.period'],
    [{ period: { start: 'soon' } }, 'Consent.period'],
    [{ date: 'yesterday' }, 'Consent.date'],
    [{ category: undefined }, 'Consent.category'],
    [{ category: [concept({ system: 'https://codes.example', code: 'surgery' })] }, 'Consent.category'],
    [{ implicitRules: 'https://rules.example' }, 'Consent.implicitRules'],
    [{ modifierExtension: [{ url: 'https://e.example' }] }, 'Consent.modifierExtension'],
    [{ extension: [{ url: 'https://e.example' }] }, 'Consent.extension'],
    [{ policyRule: concept(act('OPTIN')) }, 'Consent.member'],
    [{ regulatoryBasis: [concept(act('OPTOUT'))] }, 'Consent.regulatoryBasis'],
    [{ regulatoryBasis: [concept(act('EMRGONLY'))] }, 'Consent.regulatoryBasis'],
  ])('may deny and not permit with %j', (more, finding) => {
    const parsed = readR5({ decision: 'permit', ...more });
    expect([parsed.denyOnly, parsed.findings]).toEqual([true, [finding]]);
  });

  test.each([
    ['patient-privacy', [{ system: 'http://loinc.org', code: '59284-0' }]],
    ['patient-privacy', [act('IDSCL')]],
    [
      'patient-privacy',
      [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }, act('RESEARCH')],
    ],
    ['research', [{ system: 'http://loinc.org', code: '59284-0' }, act('RESEARCH')]],
    ['other', [{ system: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes', code: 'dnr' }]],
    [
      'other',
      [
        { system: 'http://loinc.org', code: '59284-0' },
        { system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'treatment' },
      ],
    ],
    [
      'unknown',
      [
        { system: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes', code: 'dnr' },
        { system: 'https://codes.example', code: 'x' },
      ],
    ],
  ])('is about %s by its category', (scope, codings) => {
    expect(readR5({ category: codings.map((one) => concept(one)) }).scope).toBe(scope);
  });

  test('is a Part 2 consent by its regulatory basis, category or policy', () => {
    expect(readR5({ regulatoryBasis: [concept(act('42CFRPart2'))] }).isPart2).toBe(true);
    expect(readR5({ category: [concept(act('42CFRPart2CD'))] }).isPart2).toBe(true);
    expect(readR5({ policyBasis: { url: 'https://law.example/part-2' } }).isPart2).toBe(true);
    expect(readR5({}).isPart2).toBe(false);
  });

  test('states what 42 CFR 2.31 asks for in the elements of R5', () => {
    const { written } = readR5({
      date: '2026-01-01',
      period: { end: '2026-12-31' },
      controller: [{ reference: 'Organization/a' }],
      policyText: [{ reference: 'DocumentReference/policy' }],
      sourceAttachment: [{ title: 'Signed' }],
      verification: [{ verified: true }],
    });
    const { forms, ...has } = written;
    expect([forms, ...Object.values(has)]).toEqual([[], true, true, true, true, true, true]);
    const { forms: none, ...hasNot } = readR5({}).written;
    expect([none, ...Object.values(hasNot)]).toEqual([[], false, false, false, false, false, false]);
  });

  test('with a policy text alone is not of another policy than without', () => {
    expect(readR5({ policyText: [{ reference: 'DocumentReference/x' }] }).family).toBe(readR5({}).family);
    expect(readR5({ policyBasis: { url: 'https://p.example' } }).family).not.toBe(readR5({}).family);
  });

  test('tells kinds of resources from kinds of documents, and both count', () => {
    const { elements } = readR5({
      decision: 'deny',
      provision: [
        {
          resourceType: [{ system: 'http://hl7.org/fhir/fhir-types', code: 'Composition' }],
          documentType: [{ system: 'http://loinc.org', code: '11488-4' }],
        },
      ],
    }).nested[0] as Provision;
    expect(elements.classes).toEqual({ codes: [{ kind: 'type', code: 'Composition' }], unknown: false });
    expect(elements.documents).toEqual({
      codes: [{ kind: 'document', coding: { system: 'http://loinc.org', code: '11488-4' } }],
      unknown: false,
    });
  });

  test('names an actor by role alone, by reference alone, or by both', () => {
    const { elements } = readR5({
      decision: 'deny',
      provision: [
        {
          actor: [
            { role: concept(snomed('768820003')) },
            { reference: { reference: 'Practitioner/d' } },
            { role: concept(snomed('768820003')), reference: { reference: 'Practitioner/d' } },
            { role: concept({ code: 'nurse' }) },
            {},
          ],
        },
      ],
    }).nested[0] as Provision;
    expect(elements.actors).toEqual([
      { part: 'recipient', names: [], roles: [snomed('768820003')], unresolved: false },
      { part: 'recipient', names: ['Practitioner/d'], roles: [], unresolved: false },
      { part: 'unknown', names: ['Practitioner/d'], roles: [], unresolved: false },
      { part: 'unknown', names: [], roles: [], unresolved: true },
      { part: 'recipient', names: [], roles: [], unresolved: true },
    ]);
  });

  test('with an expression on a provision is not understood there', () => {
    const parsed = readR5({
      decision: 'deny',
      provision: [{ purpose: [purpose('TREAT')], expression: { language: 'text/fhirpath', expression: 'true' } }],
    });
    expect(parsed.nested[0]?.elements.notUnderstood).toBe(true);
    expect(parsed.findings).toEqual(['Consent.provision.expression']);
  });
});

describe('an R4 Consent of US Consent Management (FAST)', () => {
  const fast = (which: string, reference: string) => ({
    url: `http://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.${which}`,
    valueReference: { reference },
  });
  const read = (...extension: object[]): ParsedConsent =>
    parseConsent(
      {
        resourceType: 'Consent',
        id: 'c',
        status: 'active',
        patient: { reference: 'Patient/p' },
        scope: concept({ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }),
        extension,
      },
      options('R4'),
    ) as ParsedConsent;

  test('names its controller and its manager in extensions, which are understood', () => {
    const parsed = read(fast('manager', 'Organization/m'), fast('controller', 'Organization/c'));
    expect([parsed.organizations, parsed.denyOnly]).toEqual([['Organization/c'], false]);
    expect(read(fast('manager', 'Organization/m')).organizations).toEqual(['Organization/m']);
  });

  test('whose controller is no reference is not understood', () => {
    const { url } = fast('controller', '');
    expect(read({ url, valueString: 'x' }).findings).toContain('Consent.extension');
  });
});

test('what is not understood is named from a fixed list, never by what stands there', () => {
  const secret = 'ada-has-hiv';
  const codings = [{ system: `https://${secret}.example`, code: secret }];
  const item = {
    [secret]: secret,
    extension: [{ url: `https://e.example/${secret}`, valueString: secret }],
    modifierExtension: [{ url: secret }],
    actor: [{ role: { coding: codings }, reference: { reference: secret } }],
    purpose: codings,
    action: [{ coding: codings }, secret],
    securityLabel: codings,
    class: codings,
    documentType: [{ code: secret }],
    resourceType: codings,
    code: [{ text: secret }],
    data: [{ meaning: secret }],
    period: secret,
    dataPeriod: { start: secret },
    expression: { expression: secret },
    type: secret,
  };
  const consent = {
    ...plain,
    patient: { reference: secret },
    status: secret,
    decision: secret,
    date: secret,
    dateTime: secret,
    period: secret,
    category: [{ coding: codings }],
    scope: { coding: codings },
    implicitRules: secret,
    extension: [{ url: secret }, { url: 'http://hl7.org/fhir/StructureDefinition/consent-location' }],
    [secret]: secret,
    provision: [item, secret],
  };
  for (const parsed of [
    parseConsent(consent, options('R5')),
    parseConsent({ ...consent, provision: { ...item, provision: [item, secret] } }, options('R4')),
  ]) {
    expect(parsed.findings.length).toBeGreaterThan(12);
    expect(parsed.findings.filter((finding) => finding.includes(secret))).toEqual([]);
    expect(parsed.findings).toContain('Consent.extension(consent-location)');
  }
});
