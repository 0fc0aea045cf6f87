import { describe, expect, test } from '@jest/globals';
import {
  act,
  code,
  concept,
  hl7,
  loinc,
  notUnderstood,
  read,
  recipient,
  reference,
  saying,
  type Version,
  versions,
} from './written.ts';

/** How the elements of a provision are read, to the last word. */

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
