import { describe, expect, test } from '@jest/globals';
import type { Provision } from '../../src/consent/parsed.ts';
import { act, category, code, concept, loinc, notUnderstood, read, reference, says } from './written.ts';

/** How the base and the exceptions of a Consent are read, and when two say the same. */

const many = <T>(count: number, one: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => one(n));

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

  test.each([
    ['under a root that states no effect', {}],
    ['for emergencies', { policyRule: concept(act('EMRGONLY')) }],
  ])('in R4 %s too', (_what, more) => {
    const [bound, beyond] = [64, 65].map((depth) => {
      const { provision } = nestedR4(depth) as { provision: { type?: string } };
      const { type: _, ...stated } = provision;
      return read('R4', { ...more, provision: stated });
    });
    expect(bound?.findings).toEqual([]);
    expect(beyond?.findings).toEqual(['Consent.provision.depth']);
  });
});

test('R4: below what is for emergencies an exception without a type denies', () => {
  const { nested, findings } = read('R4', { policyRule: concept(act('EMRGONLY')), provision: { provision: [{}] } });
  expect(nested[0]?.children[0]?.effect).toBe('deny');
  expect(findings).toEqual(['Consent.provision.type']);
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

  test('what a permit is about passes through an exception to it to a permit below', () => {
    const [outer] = read('R5', {
      decision: 'deny',
      provision: [{ code: [concept(loinc('1'))], provision: [{ provision: [{}] }] }],
    }).nested;
    const [denied] = outer?.children ?? [];
    expect(outer?.elements.codes?.codes).toEqual([loinc('1')]);
    expect(denied?.elements).not.toHaveProperty('codes');
    expect(denied?.children[0]?.elements.codes?.codes).toEqual([loinc('1')]);
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
