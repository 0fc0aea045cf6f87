import { describe, expect, test } from '@jest/globals';
import { act, consent, participation, plainCase, purpose, type Wish } from '../reference/plain.ts';
import { decide, parsed } from '../reference/production.ts';
import type { R4Provision } from '../reference/r4.ts';
import { harmlessExtension } from '../reference/words.ts';

/**
 * What is not understood of one element: a permit that states it permits nothing, and a deny that states it denies, although
 * what is understood of it would match in the permit and would not match in the deny.
 */
const loinc = { system: 'http://loinc.org', code: '18842-5' };
const other = { system: 'http://loinc.org', code: '99999-9' };
const action = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code }],
});
const recipient = (reference: string) => ({ role: { coding: [participation('IRCP')] }, reference: { reference } });
const level = (code: string) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code });
const kind = (code: string) => ({ system: 'http://hl7.org/fhir/resource-types', code });

interface Row {
  readonly element: string;
  readonly matching: object;
  readonly failing: object;
}
const rows: readonly Row[] = [
  { element: 'actor', matching: recipient('Practitioner/bob'), failing: recipient('Practitioner/ann') },
  { element: 'purpose', matching: purpose('TREAT'), failing: purpose('HPAYMT') },
  { element: 'action', matching: action('access'), failing: action('collect') },
  { element: 'securityLabel', matching: level('R'), failing: level('V') },
  { element: 'class', matching: kind('Observation'), failing: kind('Condition') },
  { element: 'code', matching: { coding: [loinc] }, failing: { coding: [other] } },
  {
    element: 'data',
    matching: { meaning: 'instance', reference: { reference: 'Observation/1' } },
    failing: { meaning: 'instance', reference: { reference: 'Observation/2' } },
  },
];
const periods: readonly Row[] = [
  { element: 'period', matching: { start: '2026-01-01' }, failing: { end: '2026-01-01' } },
  { element: 'dataPeriod', matching: { start: '2026-01-01' }, failing: { end: '2026-01-01' } },
];

const resource = {
  facts: {
    codings: [loinc],
    primaryCodings: [loinc],
    clinicalTime: { start: Date.UTC(2026, 1, 1), end: Date.UTC(2026, 1, 2) },
  },
};
const outcome = (wish: Wish) => decide(plainCase({ resources: [resource], ...wish }))[0]?.outcome;
const general = consent({ type: 'permit' }, { id: 'general', policy: [{ uri: 'urn:general' }] });

/** With these elements on a permit, and on a deny beside a general permit. Nested, so that no period is the whole Consent's. */
function answers(
  element: string,
  permitted: unknown,
  denied: unknown,
): readonly [string | undefined, string | undefined] {
  const nested = (type: string, value: unknown): R4Provision => ({ type, [element]: value }) as R4Provision;
  return [
    outcome({ consents: [consent({ type: 'deny', provision: [nested('permit', permitted)] })] }),
    outcome({ consents: [consent({ type: 'permit', provision: [nested('deny', denied)] }), general] }),
  ];
}
const asUnderstood = ['release', 'release'];
const asUnknown = ['withhold', 'withhold'];
const list = ({ element }: Row, ...values: readonly unknown[]): unknown =>
  element.endsWith('eriod') ? values[0] : values;
const strange = [{ url: 'https://example.org/strange' }];
const harmless = [{ url: harmlessExtension, valueString: 'x' }];

/** The value with an extension at every object in it, one at a time. */
function decorated(value: unknown, extension: object): readonly unknown[] {
  if (Array.isArray(value))
    return value.flatMap((one, index) => decorated(one, extension).map((it) => value.with(index, it)));
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([name, one]) =>
    decorated(one, extension).map((it) => ({ ...value, [name]: it })),
  );
  return [{ ...value, ...extension }, ...inner];
}

describe.each([...rows, ...periods])('$element', (row) => {
  const { element, matching, failing } = row;

  test('is understood as it stands, and with an extension that changes nothing', () => {
    expect(answers(element, list(row, matching), list(row, failing))).toEqual(asUnderstood);
    for (const [index, permitted] of decorated(matching, { extension: harmless }).entries())
      expect(
        answers(element, list(row, permitted), list(row, decorated(failing, { extension: harmless })[index])),
      ).toEqual(asUnderstood);
  });

  test('is not understood with an extension or modifierExtension that nobody knows, wherever it stands', () => {
    for (const extension of [{ extension: strange }, { modifierExtension: strange }, { extension: [{}] }]) {
      const denied = decorated(failing, extension);
      for (const [index, permitted] of decorated(matching, extension).entries())
        expect([permitted, answers(element, list(row, permitted), list(row, denied[index]))]).toEqual([
          permitted,
          asUnknown,
        ]);
    }
  });

  test('is named where it is not understood, and an extension besides', () => {
    const found = (value: unknown): readonly string[] => {
      const nested = { type: 'permit', [element]: list(row, value) } as R4Provision;
      return parsed([consent({ type: 'deny', provision: [nested] })], []).consents.flatMap(({ findings }) => findings);
    };
    expect(found(matching)).toEqual([]);
    expect(found({ ...matching, extension: strange })).toEqual(
      [`Consent.provision.${element}`, 'Consent.provision.extension'].sort(),
    );
  });

  if (!element.endsWith('eriod'))
    test('counts any of several, and for a deny one that is not understood too', () => {
      expect(answers(element, [failing, matching], [failing, failing])).toEqual(asUnderstood);
      const odd =
        element === 'action' || element === 'code' ? { text: 'odd' } : element === 'actor' ? {} : { code: 'odd' };
      expect(answers(element, [odd], [failing, odd])).toEqual(asUnknown);
    });
});

test.each([
  ['code', { coding: [{ code: loinc.code }] }],
  ['code', { coding: [{ system: loinc.system }] }],
  ['code', { coding: [{ ...loinc, extension: strange }] }],
  ['code', { coding: [{ ...loinc, code: 7 }] }],
  ['code', { coding: [] }],
  ['purpose', { code: 'TREAT' }],
  ['purpose', { system: purpose('TREAT').system }],
  ['purpose', { ...purpose('TREAT'), system: 'urn:other' }],
  ['action', { coding: [{ code: 'access' }] }],
  ['action', action('publish')],
  ['class', { code: 'Observation' }],
  ['class', kind('Observations')],
  ['class', { system: 'urn:ietf:bcp:13' }],
  ['securityLabel', { code: 'HIV' }],
  ['securityLabel', act('NOT-A-CODE')],
  ['data', { meaning: 'instance', reference: 'Observation/1' }],
  ['data', { meaning: 'instance' }],
  ['data', { meaning: 'about', reference: { reference: 'Observation/1' } }],
  ['data', { reference: { reference: 'Observation/1' } }],
  ['data', { meaning: 'instance', reference: { reference: 'https://elsewhere.example/Observation/1' } }],
  ['actor', { role: { coding: [participation('IRCP')] } }],
  ['actor', { role: { coding: [participation('IRCP')] }, reference: { display: 'Bob' } }],
  ['actor', { role: { coding: [participation('IRCP')] }, reference: { reference: 'Group/1' } }],
  ['actor', { role: { coding: [participation('IRCP')] }, reference: { reference: 'CareTeam/1' } }],
  ['actor', { ...recipient('Practitioner/bob'), role: { coding: [participation('IRCP')], extension: strange } }],
  ['actor', { ...recipient('Practitioner/bob'), reference: { reference: 'Practitioner/bob', extension: strange } }],
] as const)('%s %j is not understood', (element, value) => {
  expect(answers(element, [value], [value])).toEqual(asUnknown);
});

test.each([
  ['period', { start: 'soon' }],
  ['period', { end: 7 }],
  ['period', '2026'],
  ['dataPeriod', { start: '2026-13-01' }],
  ['dataPeriod', { end: 'later' }],
  ['dataPeriod', ['2026']],
] as const)('%s %j is not understood', (element, value) => {
  expect(answers(element, value, value)).toEqual(asUnknown);
});

test.each([
  ['a member nobody knows', { audience: 'everybody' }],
  ['a decorated primitive', { _type: { extension: strange } }],
  ['an extension', { extension: strange }],
  ['an extension without a URL', { extension: [{ valueString: 'x' }] }],
  ['a modifierExtension', { modifierExtension: strange }],
  ['a modifierExtension that elsewhere changes nothing', { modifierExtension: harmless }],
  ['an expression, which is of R5', { expression: { language: 'text/cql' } }],
])('%s on a provision makes it not understood', (_what, more) => {
  const permit = { type: 'permit', ...more } as R4Provision;
  expect(outcome({ consents: [consent({ type: 'deny', provision: [permit] })] })).toBe('withhold');
  const deny = { type: 'deny', code: [{ coding: [loinc] }], ...more } as R4Provision;
  const inner = { type: 'permit', provision: [{ type: 'permit' }] } as R4Provision;
  expect(outcome({ consents: [consent({ type: 'permit', provision: [deny] }), general] })).toBe('withhold');
  expect(outcome({ consents: [consent({ type: 'deny', provision: [{ ...inner, ...more } as R4Provision] })] })).toBe(
    'withhold',
  );
});

test.each([
  ['an extension that changes nothing', { extension: harmless }],
  ['a primitive that is decorated with it', { _type: { extension: harmless } }],
  ['an id', { id: 'a' }],
])('%s on a provision leaves it as it is', (_what, more) => {
  const permit = { type: 'permit', ...more } as R4Provision;
  expect(outcome({ consents: [consent({ type: 'deny', provision: [permit] })] })).toBe('release');
});

test('who receives may be named by each code for it, and who discloses or wrote it by theirs', () => {
  const v3 = (name: string): string => `http://terminology.hl7.org/CodeSystem/v3-${name}`;
  const by = (system: string, code: string, reference: string): Wish => {
    const actor = [{ role: { coding: [{ system, code }] }, reference: { reference } }];
    return { consents: [consent({ type: 'deny', provision: [{ type: 'permit', actor }] })] };
  };
  const kinds = { participation: v3('ParticipationType'), role: v3('RoleCode'), other: 'urn:roles' };
  const participant = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
  for (const [system, code] of [
    [kinds.participation, 'IRCP'],
    [kinds.participation, 'PRCP'],
    [kinds.role, 'GRANTEE'],
    [kinds.role, 'DELEGATEE'],
  ] as const) {
    expect(outcome(by(system, code, 'Practitioner/bob'))).toBe('release');
    expect(outcome(by(system, code, 'Practitioner/ann'))).toBe('withhold');
    expect(outcome(by(kinds.other, code, 'Practitioner/bob'))).toBe('withhold');
  }
  const settings = { organizations: ['Organization/a'] };
  for (const [system, code] of [
    [kinds.participation, 'CST'],
    [participant, 'custodian'],
  ] as const) {
    expect(outcome({ ...by(system, code, 'Organization/a'), settings })).toBe('release');
    expect(outcome({ ...by(system, code, 'Organization/b'), settings })).toBe('withhold');
  }
  const facts = { ...resource.facts, authors: ['Practitioner/ann'] };
  for (const [system, code] of [
    [kinds.participation, 'AUT'],
    [participant, 'author'],
  ] as const) {
    expect(outcome({ ...by(system, code, 'Practitioner/ann'), resources: [{ facts }] })).toBe('release');
    expect(outcome({ ...by(system, code, 'Practitioner/bob'), resources: [{ facts }] })).toBe('withhold');
  }
});
