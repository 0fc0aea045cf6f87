import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalSystem, labelKind, topicsOf } from '../../src/fhir/vocabulary.ts';
import { labelCodings } from '../../src/label/codings.ts';
import { actorName, isLabelled } from '../../src/label/effective.ts';
import {
  atMost,
  type Confidentiality,
  confidentialityOrder,
  effectiveConfidentiality,
  restConfidentiality,
  withoutTopics,
} from '../../src/label/labels.ts';
import { labelled, labelsOf, localBases } from './sample.ts';

const hl7 = 'http://terminology.hl7.org/CodeSystem';
const actCode = `${hl7}/v3-ActCode`;
const confidentiality = `${hl7}/v3-Confidentiality`;
const actReason = `${hl7}/v3-ActReason`;
const observationValue = `${hl7}/v3-ObservationValue`;

const oids = {
  ActCode: '2.16.840.1.113883.5.4',
  ActReason: '2.16.840.1.113883.5.8',
  Confidentiality: '2.16.840.1.113883.5.25',
  ObservationValue: '2.16.840.1.113883.5.1063',
  ActUSPrivacyLaw: '2.16.840.1.113883.5.1138',
};

describe('what would be there without some topics', () => {
  const without = (codes: readonly [system: string, code: string][], ...topics: string[]) =>
    withoutTopics(labelled(codes.map(([system, code]) => ({ system, code }))), new Set(topics));
  it('is all the rest', () => {
    const all: [string, string][] = [
      [actCode, 'HIV'],
      [actCode, 'SDV'],
      [actCode, 'NOPAT'],
      [confidentiality, 'V'],
    ];
    const before = labelled(all.map(([system, code]) => ({ system, code })));
    const after = without(all, 'SDV', 'PSY');
    expect(after).toMatchObject({ stated: 'V', topics: ['HIV'], caveats: before.caveats, origins: before.origins });
    expect(after.caveats).toEqual([`${actCode}|NOPAT`]);
    expect(JSON.parse(after.key)).toEqual(['V', ['HIV'], [`${actCode}|NOPAT`]]);
    expect(without(all)).toMatchObject({ topics: ['HIV', 'SDV'] });
    expect(without(all, 'HIV').key).not.toBe(after.key);
  });
  it('is no R that they explain', () => {
    expect(
      effectiveConfidentiality(
        without(
          [
            [actCode, 'SDV'],
            [confidentiality, 'R'],
          ],
          'SDV',
        ),
      ),
    ).toBe('N');
    expect(
      effectiveConfidentiality(
        without(
          [
            [actCode, 'SDV'],
            [confidentiality, 'V'],
          ],
          'SDV',
        ),
      ),
    ).toBe('V');
  });
});

describe('a system of labels is known under each of its names', () => {
  const spellings = Object.entries(oids).flatMap(([name, oid]) =>
    [
      `urn:oid:${oid}`,
      `${hl7}/v3-${name}`,
      `${hl7}/v3-${name}/`,
      `${hl7}/${name}`,
      `https://terminology.hl7.org/CodeSystem/v3-${name}`,
      `https://terminology.hl7.org/CodeSystem/${name}/`,
      `http://hl7.org/fhir/v3/${name}`,
      `http://hl7.org/fhir/v3/${name}/`,
      `https://hl7.org/fhir/v3/${name}`,
      `http://hl7.org/fhir/v3/v3-${name}`,
    ].map((spelling) => [spelling, `${hl7}/v3-${name}`] as const),
  );

  it.each([...spellings, [`${hl7}/v3-PurposeOfUse`, actReason], ['http://hl7.org/fhir/v3/PurposeOfUse', actReason]])(
    '%s is %s',
    (spelling, canonical) => {
      expect(canonicalSystem(spelling)).toBe(canonical);
    },
  );

  it.each([
    ['http://snomed.info/sct/', 'http://snomed.info/sct'],
    ['https://snomed.info/sct', 'http://snomed.info/sct'],
    ['urn:oid:2.16.840.1.113883.6.96', 'http://snomed.info/sct'],
    ['http://snomed.info/sct/731000124108', 'http://snomed.info/sct'],
    ['http://snomed.info/sct/900000000000207008', 'http://snomed.info/sct'],
    ['http://snomed.info/sct/731000124108/version/20250301', 'http://snomed.info/sct'],
    ['http://loinc.org/', 'http://loinc.org'],
    ['https://loinc.org', 'http://loinc.org'],
    ['urn:oid:2.16.840.1.113883.6.1', 'http://loinc.org'],
    ['https://www.nlm.nih.gov/research/umls/rxnorm', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
    ['urn:oid:2.16.840.1.113883.6.88', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
    ['http://hl7.org/fhir/sid/icd-10', 'http://hl7.org/fhir/sid/icd-10-cm'],
    ['http://hl7.org/fhir/sid/icd-10/', 'http://hl7.org/fhir/sid/icd-10-cm'],
    ['https://hl7.org/fhir/sid/icd-10-cm/', 'http://hl7.org/fhir/sid/icd-10-cm'],
    ['urn:oid:2.16.840.1.113883.6.90', 'http://hl7.org/fhir/sid/icd-10-cm'],
    ['urn:oid:2.16.840.1.113883.6.103', 'http://hl7.org/fhir/sid/icd-9-cm'],
    ['https://hcpcs.codes', 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'],
    [
      'http://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set',
      'https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set',
    ],
  ])('clinical systems have other names too: %s', (spelling, canonical) => {
    expect(canonicalSystem(spelling)).toBe(canonical);
  });

  it.each([
    'http://snomed.info/sctx',
    'http://loinc.org/vs',
    'urn:oid:2.16.840.1.113883.5.40',
    `${hl7}/v3-ActCodes`,
    '',
  ])('what only looks like one stays as it is: %j', (system) => {
    expect(canonicalSystem(system)).toBe(system);
  });

  it('naming it twice changes nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...spellings.map(([one]) => one)), fc.webUrl(), fc.string()), (system) => {
        expect(canonicalSystem(canonicalSystem(system))).toBe(canonicalSystem(system));
      }),
    );
  });

  it('gives the same label under every name', () => {
    for (const [spelling, canonical] of spellings) {
      const code = canonical === confidentiality ? 'V' : canonical === actReason ? 'TREAT' : 'REDACTED';
      expect(labelled([{ system: spelling, code }]).key).toBe(labelled([{ system: canonical, code }]).key);
    }
    for (const system of [actCode, `urn:oid:${oids.ActCode}`, 'http://hl7.org/fhir/v3/ActUSPrivacyLaw'])
      expect(labelled([{ system, code: '42CFRPart2' }]).topics).toEqual(['42CFRPart2']);
  });
});

describe('codes of former releases', () => {
  it.each([
    [confidentiality, 'ETH', ['SUD']],
    [confidentiality, 'HIV', ['HIV']],
    [confidentiality, 'PSY', ['PSY']],
    [confidentiality, 'SDV', ['SDV']],
    [confidentiality, 'T', ['TBOO']],
    [confidentiality, 'C', ['CEL']],
    [confidentiality, 'hiv', ['HIV']],
    [actCode, 'SICKLE', ['SCA']],
    [actCode, 'sickle', ['SCA']],
    [actCode, 'hiv', ['HIV']],
    [actCode, 'Psythpn', ['PSYTHPN']],
    [actCode, '42cfrpart2', ['42CFRPart2']],
    [actCode, '42CFRPART2', ['42CFRPart2']],
  ])('%s|%s means %j', (system, code, topics) => {
    expect(labelled([{ system, code }])).toMatchObject({ topics, caveats: [] });
    expect(labelled([{ system, code }]).stated).toBeUndefined();
  });

  it.each([
    ['S', 'R'],
    ['B', 'N'],
    ['D', 'N'],
    ['I', 'N'],
    ['r', 'R'],
    ['v', 'V'],
  ])('confidentiality %s is the level %s', (code, level) => {
    expect(labelled([{ system: confidentiality, code }])).toMatchObject({ stated: level, topics: [] });
  });

  it.each(['NORDSLCD', 'NORDSCLCD', 'nordsclcd'])('%s is the one refrain NORDSCLCD', (code) => {
    expect(labelled([{ system: actCode, code }]).caveats).toEqual([`${actCode}|NORDSCLCD`]);
  });

  it('break-the-glass is a purpose and limits nothing', () => {
    expect(labelKind('http://hl7.org/fhir/security-label', 'break-the-glass')).toEqual({
      kind: 'purpose',
      code: 'BTG',
    });
    expect(labelled([{ system: 'http://hl7.org/fhir/security-label', code: 'break-the-glass' }]).key).toBe('\n\n');
  });
});

describe('handling caveats', () => {
  it.each([
    'NOPAT',
    'nopat',
    'RedisclosureProhibitionMark',
    'redisclosureprohibitionmark',
    'DELAU',
    'Title38Section7332',
  ])('%s is kept under its own code, whatever its case', (code) => {
    const { stated, topics, caveats } = labelled([{ system: actCode, code }]);
    expect({ stated, topics }).toEqual({ stated: undefined, topics: [] });
    expect(caveats).toHaveLength(1);
    expect(caveats[0]?.toLowerCase()).toBe(`${actCode}|${code}`.toLowerCase());
    expect(labelled([{ system: actCode, code: code.toLowerCase() }]).caveats).toEqual(caveats);
  });

  it('of two systems that name the same are two', () => {
    expect(labelled([{ system: observationValue, code: 'REDACTED' }]).caveats).toEqual([
      `${observationValue}|REDACTED`,
    ]);
    expect(labelled([{ system: actReason, code: 'OVRER' }]).caveats).toEqual([`${actReason}|OVRER`]);
  });
});

describe('labels that nobody knows', () => {
  it.each([
    [confidentiality, 'X'],
    [confidentiality, 'NORMAL'],
    [actCode, 'QQQ'],
    [actCode, '_InformationSensitivityPolicy'],
    [actReason, 'NOSUCH'],
    [observationValue, 'NOSUCH'],
    ['http://hl7.org/fhir/security-label', 'other'],
    ['urn:fhir-consent-gateway:label', 'OTHER'],
    ['https://hospital.example/labels', 'blue'],
    ['', 'R'],
    [actCode, ''],
  ])('%s|%s restricts', (system, code) => {
    const labels = labelled([{ system, code }]);
    expect(labels).toMatchObject({ stated: 'R', topics: [], origins: [{ label: 'R', by: 'unknown-code' }] });
    expect(effectiveConfidentiality(labels)).toBe('R');
  });

  it('restrict without system, without code, and where the list is no list', () => {
    expect(labelled([{ code: 'HIV' }]).stated).toBe('R');
    expect(labelled([{ system: actCode }]).stated).toBe('R');
    expect(labelled([{}]).stated).toBe('R');
    const security = { system: actCode, code: 'HIV' };
    expect(labelsOf({ resourceType: 'Basic', id: 'b', meta: { security } }).stated).toBe('R');
    expect(labelsOf({ resourceType: 'Basic', id: 'b', meta: { security: ['HIV'] } }).stated).toBe('R');
  });

  it('do not lower what is stated', () => {
    expect(
      labelled([
        { system: confidentiality, code: 'V' },
        { system: 'urn:x', code: 'y' },
      ]).stated,
    ).toBe('V');
    expect(
      labelled([
        { system: 'urn:x', code: 'y' },
        { system: confidentiality, code: 'U' },
      ]).stated,
    ).toBe('R');
  });

  it('say nothing once their system is ignored', () => {
    const ignored = { ignoredLabelSystems: new Set(['https://hospital.example/labels']) };
    expect(labelled([{ system: 'https://hospital.example/labels', code: 'blue' }], ignored).key).toBe('\n\n');
    expect(labelled([{ system: 'https://hospital.example/other', code: 'blue' }], ignored).stated).toBe('R');
  });

  it('give the topic they are mapped to, and no level', () => {
    const mapped = { mappedLabels: new Map([['https://hospital.example/labels|blue', 'PSY']]) };
    const labels = labelled([{ system: 'https://hospital.example/labels', code: 'blue' }], mapped);
    expect(labels).toMatchObject({ topics: ['PSY'], origins: [{ label: 'PSY', by: 'own', rule: 'mapped label' }] });
    expect(labels.stated).toBeUndefined();
    expect(labelled([{ system: 'https://hospital.example/labels', code: 'red' }], mapped).stated).toBe('R');
  });

  it('are mapped even when the rest of their system is ignored', () => {
    const system = 'https://hospital.example/labels';
    const settings = { mappedLabels: new Map([[`${system}|blue`, 'PSY']]), ignoredLabelSystems: new Set([system]) };
    expect(
      labelled(
        [
          { system, code: 'blue' },
          { system, code: 'red' },
        ],
        settings,
      ),
    ).toMatchObject({ topics: ['PSY'] });
  });

  it('tell their origin once', () => {
    const one = { system: 'https://hospital.example/labels', code: 'blue' };
    expect(labelled([one, one, { ...one, code: 'red' }]).origins).toHaveLength(1);
  });
});

describe('the substance class', () => {
  it.each([
    [['ETH'], ['SUD']],
    [['SUD'], ['SUD']],
    [['ETH', 'SUD'], ['SUD']],
    [['ETHUD'], ['ETHUD']],
    [['ETH', 'ETHUD'], ['ETHUD']],
    [['SUD', 'OPIOIDUD'], ['OPIOIDUD']],
    [
      ['ETHUD', 'OPIOIDUD', 'ETH', 'SUD'],
      ['ETHUD', 'OPIOIDUD'],
    ],
    [
      ['HIV', 'ETH', '42CFRPart2'],
      ['42CFRPart2', 'HIV', 'SUD'],
    ],
    [
      ['SUDCN', 'ETH'],
      ['SUD', 'SUDCN'],
    ],
    [
      ['PSY', 'MH', 'PSYTHPN'],
      ['MH', 'PSY', 'PSYTHPN'],
    ],
    [[], []],
  ])('of %j are left %j', (codes, topics) => {
    expect(topicsOf(codes)).toEqual(topics);
    expect(
      labelled(codes.map((code) => ({ system: code === 'SUDCN' ? 'urn:fhir-consent-gateway:label' : actCode, code })))
        .topics,
    ).toEqual(topics);
  });

  it('never vanishes', () => {
    const code = fc.constantFrom('ETH', 'SUD', 'ETHUD', 'OPIOIDUD', 'HIV', 'PSY', '42CFRPart2');
    fc.assert(
      fc.property(fc.array(code), (codes) => {
        const topics = topicsOf(codes);
        expect(topicsOf(topics)).toEqual(topics);
        const isSubstance = (one: string): boolean => ['ETH', 'SUD', 'ETHUD', 'OPIOIDUD'].includes(one);
        expect(topics.some(isSubstance)).toBe(codes.some(isSubstance));
        for (const one of codes.filter((each) => each !== 'ETH' && each !== 'SUD')) expect(topics).toContain(one);
      }),
    );
  });
});

describe('confidentiality', () => {
  it('is U < L < M < N < R < V', () => {
    expect(confidentialityOrder).toEqual(['U', 'L', 'M', 'N', 'R', 'V']);
    const level = fc.constantFrom(...confidentialityOrder);
    fc.assert(
      fc.property(level, level, (one, other) => {
        expect(atMost(one, other)).toBe('ULMNRV'.indexOf(one) <= 'ULMNRV'.indexOf(other));
      }),
    );
  });

  it('is the highest of several, in whatever order they stand', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...confidentialityOrder), { minLength: 1 }), (levels) => {
        const highest = levels.reduce((one, other) => (atMost(one, other) ? other : one));
        expect(labelled(levels.map((code) => ({ system: confidentiality, code }))).stated).toBe(highest);
      }),
    );
  });

  it.each<[Confidentiality | undefined, readonly string[], Confidentiality, Confidentiality]>([
    [undefined, [], 'N', 'N'],
    ['U', [], 'U', 'U'],
    ['R', [], 'R', 'R'],
    [undefined, ['HIV'], 'R', 'N'],
    ['U', ['HIV'], 'R', 'U'],
    ['N', ['HIV'], 'R', 'N'],
    ['R', ['HIV'], 'R', 'N'],
    ['V', ['HIV'], 'V', 'V'],
    ['V', [], 'V', 'V'],
  ])('stated %s with topics %j is %s in all and %s for the rest', (stated, topics, whole, rest) => {
    const labels = labelled([
      ...(stated === undefined ? [] : [{ system: confidentiality, code: stated }]),
      ...topics.map((code) => ({ system: actCode, code })),
    ]);
    expect(effectiveConfidentiality(labels)).toBe(whole);
    expect(restConfidentiality(labels)).toBe(rest);
  });
});

describe('labels on what is inside', () => {
  it('of a contained resource are labels of the whole', () => {
    const contained = [{ resourceType: 'Condition', meta: { security: [{ system: actCode, code: 'HIV' }] } }];
    expect(labelsOf({ resourceType: 'Basic', id: 'b', contained }).topics).toEqual(['HIV']);
  });

  it('of an entry in a Bundle are labels of the whole', () => {
    const meta = { security: [{ system: actCode, code: 'SDV' }] };
    const entry = [{ resource: { resourceType: 'Condition', id: 'c', meta } }];
    expect(labelsOf({ resourceType: 'Bundle', id: 'b', type: 'document', entry }).topics).toEqual(['SDV']);
  });

  const inline = (code: string): object => ({
    url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
    valueCoding: { system: actCode, code },
  });

  it.each([
    ['on an element', { name: [{ family: 'X', extension: [inline('CEL')] }] }],
    ['on a primitive', { birthDate: '1970-01-01', _birthDate: { extension: [inline('CEL')] } }],
    [
      'on an item of a list of primitives',
      { name: [{ given: ['A', 'B'], _given: [null, { extension: [inline('CEL')] }] }] },
    ],
    ['on an extension', { extension: [{ url: 'urn:x', extension: [inline('CEL')], valueString: 'y' }] }],
    [
      'in a contained resource',
      { contained: [{ resourceType: 'Organization', _name: { extension: [inline('CEL')] } }] },
    ],
  ])('inline (HL7 DS4P) %s are labels of the whole', (_, elements) => {
    expect(labelsOf({ resourceType: 'Patient', id: 'p', ...elements }).topics).toEqual(['CEL']);
  });

  it('inline without a Coding restrict', () => {
    const { url } = inline('x') as { url: string };
    expect(labelsOf({ resourceType: 'Basic', id: 'b', extension: [{ url }] }).stated).toBe('R');
    expect(labelsOf({ resourceType: 'Basic', id: 'b', extension: [{ url, valueString: 'HIV' }] }).stated).toBe('R');
  });
});

describe('labels in the record', () => {
  it('are the effective level and the topics, SUD counseling notes in the gateway’s own system', () => {
    const labels = labelled([
      { system: actCode, code: 'ETH' },
      { system: 'urn:fhir-consent-gateway:label', code: 'SUDCN' },
      { system: actCode, code: 'NOPAT' },
    ]);
    expect(labelCodings(labels)).toEqual([
      { system: confidentiality, code: 'R' },
      { system: actCode, code: 'SUD' },
      { system: 'urn:fhir-consent-gateway:label', code: 'SUDCN' },
    ]);
    expect(labelCodings(labelled([]))).toEqual([{ system: confidentiality, code: 'N' }]);
  });
});

describe('the key of labels', () => {
  const one = fc.record({
    system: fc.constantFrom(actCode, confidentiality, observationValue, 'urn:unknown'),
    code: fc.constantFrom('HIV', 'ETH', 'ETHUD', 'NOPAT', 'R', 'V', 'REDACTED', '42CFRPart2'),
  });

  it('is equal exactly when level, topics and caveats are', () => {
    fc.assert(
      fc.property(fc.array(one, { maxLength: 4 }), fc.array(one, { maxLength: 4 }), (left, right) => {
        const [a, b] = [labelled(left), labelled(right)];
        const parts = ({ stated, topics, caveats }: typeof a): string =>
          JSON.stringify([stated ?? null, topics, caveats]);
        expect(a.key === b.key).toBe(parts(a) === parts(b));
      }),
    );
  });

  it('does not depend on the order in which labels stand', () => {
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), (labels) => {
        expect(labelled([...labels].reverse()).key).toBe(labelled(labels).key);
      }),
    );
  });
});

describe('labels gathered', () => {
  const actor = (entry: string) => actorName(entry, localBases);

  it('name local organizations and people by key, others as they are', () => {
    expect(actor('Organization/clinic')).toBe('Organization/clinic');
    expect(actor('http://upstream:8080/r4/Organization/clinic')).toBe('Organization/clinic');
    expect(actor('https://gateway.example/fhir/Organization/clinic')).toBe('Organization/clinic');
    for (const entry of [
      'https://gateway.example/fhir/about',
      'https://gateway.example/fhirs/Organization/clinic',
      'https://elsewhere.example/Organization/clinic',
      'http://hl7.org/fhir/sid/us-npi|1234567893',
    ])
      expect(actor(entry)).toBe(entry);
  });

  it('are one object where they are equal, and have one text in whatever order they stand', () => {
    const hiv = { system: actCode, code: 'HIV' };
    const [redacted, masked] = [
      { system: observationValue, code: 'REDACTED' },
      { system: observationValue, code: 'MASKED' },
    ];
    const restricted = { system: confidentiality, code: 'R' };
    const one = labelled([hiv, { system: actCode, code: 'PSY' }, redacted, masked, restricted]);
    expect(labelled([hiv, { system: actCode, code: 'PSY' }, redacted, masked, restricted])).toBe(one);
    expect(one.caveats).toEqual([`${observationValue}|MASKED`, `${observationValue}|REDACTED`]);
    expect(one.key).toBe(`R\nHIV PSY\n${observationValue}|MASKED ${observationValue}|REDACTED`);
    expect(labelled([masked, redacted, restricted, hiv, { system: actCode, code: 'PSY' }]).key).toBe(one.key);
    expect(labelled([hiv]).key).toBe('\nHIV\n');
    expect(labelled([hiv])).not.toHaveProperty('stated');
    expect(labelled([hiv])).not.toBe(
      labelsOf({ resourceType: 'Basic', id: 'b', code: { coding: [{ system: 'http://loinc.org', code: '75622-1' }] } }),
    );
  });

  it('are none where there is nothing to inherit, though a label stands there that says nothing', () => {
    expect(isLabelled(labelled([]))).toBe(false);
    expect(isLabelled(labelled([{ system: actReason, code: 'HTEST' }]))).toBe(false);
    expect(isLabelled(labelled([{ system: actCode, code: 'HIV' }]))).toBe(true);
    expect(isLabelled(labelled([{ system: confidentiality, code: 'N' }]))).toBe(true);
  });

  it('tell each system of which nobody knows a code, once', () => {
    const odd = (system: string, code: string) => ({ system, code });
    const { origins } = labelled([odd('urn:a', '1'), odd('urn:b', '1'), odd('urn:a', '2')]);
    expect(origins).toEqual([
      { label: 'R', by: 'unknown-code', rule: 'urn:a' },
      { label: 'R', by: 'unknown-code', rule: 'urn:b' },
    ]);
  });

  it('are shown by codes, and told so', () => {
    const coded = {
      resourceType: 'Condition',
      id: 'c',
      code: { coding: [{ system: 'http://loinc.org', code: '75622-1' }] },
    };
    expect(labelsOf(coded)).toMatchObject({ topics: ['HIV'], origins: [{ label: 'HIV', by: 'code' }] });
  });

  it('are named by a Consent in the systems of labels, and by nothing else', () => {
    const naming = (resourceType: string, ...coding: object[]) =>
      labelsOf({ resourceType, id: 'x', category: [{ coding }] });
    const hiv = { system: actCode, code: 'HIV' };
    expect(naming('Consent', hiv)).toMatchObject({
      topics: ['HIV'],
      origins: [{ label: 'HIV', by: 'code', rule: 'named in a Consent' }],
    });
    expect(naming('Basic', hiv).topics).toEqual([]);
    expect(naming('Consent', { system: actCode, code: '42CFRPart2CD' }).topics).toEqual(['42CFRPart2']);
    expect(naming('Consent', { system: 'urn:x', code: '42CFRPart2CD' }).topics).toEqual([]);
    for (const level of ['R', 'V']) {
      expect(naming('Consent', { system: confidentiality, code: level }).stated).toBe(level);
      expect(naming('Consent', { system: 'urn:x', code: level }).stated).toBeUndefined();
    }
    expect(naming('Consent', { system: confidentiality, code: 'N' }).stated).toBeUndefined();
  });
});
