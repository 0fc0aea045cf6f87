import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { topicNamed } from '../../src/fhir/vocabulary.ts';
import { createClassifier, type LabelTable, type Strength } from '../../src/label/classify.ts';
import { actorName } from '../../src/label/effective.ts';
import { parseTable, shippedTable } from '../../src/label/tables.ts';
import { labelsOf, localBases, sampleTable } from './sample.ts';

const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm';
const topics = (
  system: string,
  code: string,
  strengths: readonly Strength[] = ['core'],
  table = sampleTable,
): string[] =>
  createClassifier([table], strengths)
    .classify(system, code)
    .map(({ topic }) => topic);
const tableOf = (rows: LabelTable['systems'][string]): LabelTable => ({
  id: 't',
  version: '1',
  systems: { [icd10]: rows },
});

describe('a code shows the topic of', () => {
  it.each([
    ['an exact row', 'B20', ['HIV']],
    ['an exact row, written without dots', 'T405X1A', ['SUD']],
    ['an exact row, in lower case', 't40.5x1a', ['SUD']],
    ['a prefix', 'F14.20', ['SUD']],
    ['a prefix, written without dots', 'F1420', ['SUD']],
    ['a prefix, in lower case', 'f14.20', ['SUD']],
    ['a prefix that is the whole code', 'F14', ['SUD']],
    ['a prefix of two characters', 'F32.9', ['PSY']],
    ['the most specific member of the class', 'F11.20', ['OPIOIDUD']],
    ['no row', 'J45.909', []],
    ['no row: what an exact row is a prefix of', 'B20.1', []],
    ['no row: shorter than a prefix', 'F1', []],
    ['no row: nothing', '', []],
  ])('%s', (_, code, expected) => {
    expect(topics(icd10, code)).toEqual(expected);
  });

  it('and of no other system', () => {
    expect(topics('http://loinc.org', 'F14.20')).toEqual([]);
    expect(topics('urn:nobody', 'B20')).toEqual([]);
    expect(topics('', 'B20')).toEqual([]);
    expect(topics('__proto__', 'constructor')).toEqual([]);
  });

  it.each([
    'urn:oid:2.16.840.1.113883.6.90',
    'http://hl7.org/fhir/sid/icd-10',
    'http://hl7.org/fhir/sid/icd-10-us',
    'https://hl7.org/fhir/sid/icd-10-cm',
    'http://hl7.org/fhir/sid/icd-10-cm/',
    'HTTP://HL7.ORG/FHIR/SID/ICD-10-CM',
    'http://HL7.org/fhir/sid/icd-10-cm',
    'URN:OID:2.16.840.1.113883.6.90',
    ' http://hl7.org/fhir/sid/icd-10-cm ',
  ])('under another name of its system: %s', (system) => {
    expect(topics(system, 'B20')).toEqual(['HIV']);
  });

  it('where the table itself names the system otherwise', () => {
    const table = {
      id: 't',
      version: '1',
      systems: { 'urn:oid:2.16.840.1.113883.6.90': { 'HIV core': { exact: ['B20'] } } },
    };
    expect(topics(icd10, 'B20', ['core'], table)).toEqual(['HIV']);
  });
});

describe('rows of one topic', () => {
  it('an ambiguous exact row takes a code out of a core prefix', () => {
    expect(topics(icd10, 'F17.21')).toEqual([]);
    expect(topics(icd10, 'F17.9')).toEqual(['SUD']);
  });

  it('an ambiguous exact row does so however the code is written', () => {
    expect(topics(icd10, 'F1721')).toEqual([]);
    expect(topics(icd10, 'f17.21')).toEqual([]);
  });

  it('a longer ambiguous prefix takes its codes out of a core prefix', () => {
    expect(topics(icd10, 'F17.200')).toEqual([]);
  });

  it('a core row is not taken out by a shorter one', () => {
    const table = tableOf({ 'SUD ambiguous': { prefix: ['F1'] }, 'SUD core': { prefix: ['F14'] } });
    expect(topics(icd10, 'F14.1', ['core'], table)).toEqual(['SUD']);
    expect(topics(icd10, 'F15.1', ['core'], table)).toEqual([]);
  });

  it('at equal length the stronger row counts, in whatever order they stand', () => {
    for (const [one, other] of [
      ['core', 'ambiguous'],
      ['core', 'supporting'],
      ['supporting', 'ambiguous'],
    ] as const) {
      const rows = [{ [`SUD ${one}`]: { exact: ['X1'] } }, { [`SUD ${other}`]: { exact: ['X1'] } }];
      for (const [first, second] of [rows, [...rows].reverse()])
        expect(topics(icd10, 'X1', [one], tableOf({ ...first, ...second }))).toEqual(['SUD']);
    }
  });

  it('compete within the substance class, not across topics', () => {
    expect(topics(icd10, 'F11.99')).toEqual([]);
    const table = tableOf({ 'HIV ambiguous': { exact: ['F11.99'] }, 'OPIOIDUD core': { prefix: ['F11'] } });
    expect(topics(icd10, 'F11.99', ['core'], table)).toEqual(['OPIOIDUD']);
  });

  it('of two substances on one code both count', () => {
    const table = tableOf({ 'ETHUD core': { exact: ['7243'] }, 'OPIOIDUD core': { exact: ['7243'] } });
    expect(topics(icd10, '7243', ['core'], table).sort()).toEqual(['ETHUD', 'OPIOIDUD']);
  });
});

describe('strengths', () => {
  it('that are not wanted give no topic', () => {
    expect(topics(icd10, 'B21')).toEqual([]);
    expect(topics(icd10, 'B21', ['core', 'supporting'])).toEqual(['HIV']);
    expect(topics('http://loinc.org', '3426-4')).toEqual([]);
    expect(topics('http://loinc.org', '3426-4', ['core', 'supporting'])).toEqual(['SUD']);
    expect(topics(icd10, 'F17.21', ['core', 'supporting', 'ambiguous'])).toEqual(['SUD']);
    expect(topics(icd10, 'B20', [])).toEqual([]);
  });

  it('added never take a topic away', () => {
    const table = shippedTable();
    const codes = Object.entries(table.systems).flatMap(([system, rows]) =>
      Object.values(rows).flatMap(({ exact = [], prefix = [] }) =>
        [...exact, ...prefix].map((code) => [system, code] as const),
      ),
    );
    const levels: readonly (readonly Strength[])[] = [
      ['core'],
      ['core', 'supporting'],
      ['core', 'supporting', 'ambiguous'],
    ];
    const classifiers = levels.map((strengths) => createClassifier([table], strengths));
    for (const [system, code] of codes) {
      const [core = [], hints = [], all = []] = classifiers.map((one) =>
        one.classify(system, code).map(({ topic }) => topic),
      );
      if (core.some((topic) => !hints.includes(topic)) || hints.some((topic) => !all.includes(topic)))
        throw new Error(`${system}|${code}: ${core} ${hints} ${all}`);
    }
    expect(codes.length).toBeGreaterThan(10_000);
  });
});

describe('several tables', () => {
  it('count together, each under its own version', () => {
    const own: LabelTable = { id: 'own', version: '7', systems: { 'urn:lab': { 'HIV core': { exact: ['A'] } } } };
    const classifier = createClassifier([sampleTable, own], ['core']);
    expect(classifier.versions).toEqual(['sample@1', 'own@7']);
    expect(classifier.classify('urn:lab', 'A')).toEqual([{ topic: 'HIV', rule: 'own@7' }]);
    expect(classifier.classify(icd10, 'B20')).toEqual([{ topic: 'HIV', rule: 'sample@1' }]);
  });

  it('are refused when they say what no table may say', () => {
    const table = (rows: object): object => ({ id: 't', version: '1', systems: { 'urn:x': rows } });
    expect(() => parseTable(table({ 'HIV core': { exact: ['a'] } }))).not.toThrow();
    expect(() => parseTable(table({ 'PSYC core': { exact: ['a'] } }))).toThrow();
    expect(() => parseTable(table({ HIV: { exact: ['a'] } }))).toThrow();
    expect(() => parseTable(table({ 'HIV strong': { exact: ['a'] } }))).toThrow();
    expect(() => parseTable(table({ 'HIV core': { prefix: ['F10.2'] } }))).toThrow();
    expect(() => parseTable(table({ 'HIV core': { prefix: [''] } }))).toThrow();
    expect(() => parseTable(table({ 'HIV core': { regex: ['.*'] } }))).toThrow();
    expect(() => parseTable({ id: 't', systems: {} })).toThrow();
    // Both stand in each label that the table gives, as `id@version`.
    for (const text of ['', 'a@b', 'a b', 'a#b', 'a|b']) {
      expect(() => parseTable({ id: text, version: '1', systems: {} })).toThrow();
      expect(() => parseTable({ id: 't', version: text, systems: {} })).toThrow();
    }
    expect(() => parseTable({ id: 't-1.a', version: '2026-11+b', systems: {} })).not.toThrow();
  });
});

describe('looking up', () => {
  it('is a function: what was asked before changes no answer', () => {
    const shared = createClassifier([sampleTable], ['core']);
    const code = fc.oneof(fc.constantFrom('F17.21', 'F1721', 'B20', 'b20', 'F14', 'F3', '66214007'), fc.string());
    const system = fc.oneof(fc.constantFrom(icd10, 'http://snomed.info/sct', 'http://loinc.org'), fc.string());
    fc.assert(
      fc.property(system, code, (one, other) => {
        expect(shared.classify(one, other)).toEqual(createClassifier([sampleTable], ['core']).classify(one, other));
      }),
    );
  });

  it('finds codes wherever they stand in a resource', () => {
    const hiv = { coding: [{ system: icd10, code: 'B20' }] };
    for (const elements of [
      { code: hiv },
      { component: [{ code: hiv }] },
      { extension: [{ url: 'urn:x', valueCodeableConcept: hiv }] },
      { contained: [{ resourceType: 'Condition', code: hiv }] },
      { _status: { extension: [{ url: 'urn:x', valueCoding: hiv.coding[0] }] } },
      { unknownElement: [[hiv]] },
    ])
      expect(labelsOf({ resourceType: 'Observation', id: 'o', ...elements })).toMatchObject({
        topics: ['HIV'],
        origins: [{ label: 'HIV', by: 'code', rule: 'sample@1' }],
      });
  });
});

describe('what a configuration names', () => {
  it.each([
    ['HIV', 'HIV'],
    ['hiv', 'HIV'],
    ['SICKLE', 'SCA'],
    ['42cfrpart2', '42CFRPart2'],
    ['SUDCN', 'SUDCN'],
    ['PSYC', undefined],
    ['NOPAT', undefined],
    ['R', undefined],
    ['_InformationSensitivityPolicy', undefined],
    ['', undefined],
  ])('%s as a topic is %s', (code, topic) => {
    expect(topicNamed(code)).toBe(topic);
  });

  it.each([
    ['Organization/p', 'Organization/p'],
    ['http://upstream:8080/r4/Organization/p', 'Organization/p'],
    ['https://gateway.example/fhir/Organization/p/_history/2', 'Organization/p'],
    ['https://elsewhere.example/fhir/Organization/p', 'https://elsewhere.example/fhir/Organization/p'],
    ['http://hl7.org/fhir/sid/us-npi|1', 'http://hl7.org/fhir/sid/us-npi|1'],
  ])('%s as an actor is %s', (entry, name) => {
    expect(actorName(entry, localBases)).toBe(name);
  });
});
