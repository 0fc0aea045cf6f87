import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sensitivityCovers } from '../../src/fhir/vocabulary.ts';
import { inherit, withLabel } from '../../src/label/effective.ts';
import { atMost, type Labels } from '../../src/label/labels.ts';
import { labelled, labelsOf, noSettings, settled } from './sample.ts';

const hl7 = 'http://terminology.hl7.org/CodeSystem';
const coding = (code: string): { system: string; code: string } => ({
  system: /^[ULMNRV]$/.test(code)
    ? `${hl7}/v3-Confidentiality`
    : ['REDACTED', 'PATAST', 'MASKED'].includes(code)
      ? `${hl7}/v3-ObservationValue`
      : `${hl7}/v3-ActCode`,
  code,
});
const bearing = (...codes: string[]): Labels => labelled(codes.map(coding));
const program = 'Organization/addiction-clinic';

describe('sources of labels', () => {
  const encounter = (serviceProvider: object): object => ({ resourceType: 'Encounter', id: 'e', serviceProvider });
  const npi = 'http://hl7.org/fhir/sid/us-npi|1234567893';
  const identifier = { system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567893' };

  it.each<[string, object, string]>([
    ['a relative reference', { reference: program }, program],
    ['a versioned reference', { reference: `${program}/_history/4` }, program],
    ['a URL below a local base', { reference: `http://upstream:8080/r4/${program}` }, program],
    ['a URL below another local base', { reference: `https://gateway.example/fhir/${program}/_history/1` }, program],
    [
      'a URL elsewhere',
      { reference: 'https://clinic.example/fhir/Organization/1' },
      'https://clinic.example/fhir/Organization/1',
    ],
    ['an identifier only', { identifier }, npi],
    ['an identifier and a type', { type: 'Organization', identifier, display: 'x' }, npi],
    ['an identifier besides a reference', { reference: 'Organization/other', identifier }, npi],
  ])('a program is found by %s', (_, reference, entry) => {
    const programs = new Set([entry]);
    expect(labelsOf(encounter(reference), { programs })).toMatchObject({
      topics: ['42CFRPart2'],
      origins: [{ label: '42CFRPart2', by: 'source', rule: 'program' }],
    });
    expect(labelsOf(encounter({ reference: 'Organization/none' }), { programs }).topics).toEqual([]);
  });

  it('a program that is contained is found by its identifier', () => {
    const contained = [{ resourceType: 'Organization', id: 'o', identifier: [identifier] }];
    const resource = { ...encounter({ reference: '#o' }), contained };
    expect(labelsOf(resource, { programs: new Set([npi]) }).topics).toEqual(['42CFRPart2']);
  });

  it('an identifier of the resource itself names nobody', () => {
    const resource = { resourceType: 'Encounter', id: 'e', identifier: [identifier] };
    expect(labelsOf(resource, { programs: new Set([npi]) }).topics).toEqual([]);
  });

  it.each([
    ['an extension', { extension: [{ url: 'urn:x', valueReference: { reference: program } }] }],
    [
      'a contained resource',
      { contained: [{ resourceType: 'PractitionerRole', organization: { reference: program } }] },
    ],
    [
      'the sibling of a primitive',
      { _status: { extension: [{ url: 'urn:x', valueReference: { reference: program } }] } },
    ],
    ['a backbone element', { location: [{ location: { reference: program } }] }],
  ])('a program is found in %s', (_, elements) => {
    const resource = { resourceType: 'Encounter', id: 'e', ...elements };
    expect(labelsOf(resource, { programs: new Set([program]) }).topics).toEqual(['42CFRPart2']);
  });

  it('sensitive actors give every topic they stand for', () => {
    const sensitiveActors = new Map([
      ['Location/hiv-clinic', ['HIV', 'STD']],
      [npi, ['PSY']],
    ]);
    const settings = { sensitiveActors };
    expect(
      labelsOf(
        { resourceType: 'Encounter', id: 'e', location: [{ location: { reference: 'Location/hiv-clinic' } }] },
        settings,
      ).topics,
    ).toEqual(['HIV', 'STD']);
    expect(labelsOf(encounter({ identifier }), settings).topics).toEqual(['PSY']);
  });

  it('the directory entry of a program is not secret, what names it is', () => {
    const settings = {
      programs: new Set([program]),
      part2Source: true,
      sensitiveActors: new Map([[program, ['SUD']]]),
    };
    expect(labelsOf({ resourceType: 'Organization', id: 'addiction-clinic', name: 'x' }, settings).topics).toEqual([]);
    expect(
      labelsOf({ resourceType: 'PractitionerRole', id: 'r', organization: { reference: program } }, settings).topics,
    ).toEqual([]);
    expect(
      labelsOf({ resourceType: 'Patient', id: 'p', managingOrganization: { reference: program } }, settings).topics,
    ).toEqual(['42CFRPart2', 'SUD']);
  });

  it('a server of a program makes everything about patients Part 2, the Patient too', () => {
    for (const resourceType of [
      'Patient',
      'Observation',
      'Appointment',
      'RelatedPerson',
      'Basic',
      'Provenance',
      'Group',
      'Binary',
    ])
      expect(labelsOf({ resourceType, id: 'x' }, { part2Source: true })).toMatchObject({
        topics: ['42CFRPart2'],
        origins: [{ by: 'source', rule: 'whole server' }],
      });
    for (const resourceType of ['Practitioner', 'Organization', 'Location', 'ValueSet'])
      expect(labelsOf({ resourceType, id: 'x' }, { part2Source: true }).topics).toEqual([]);
  });
});

describe('inheriting', () => {
  it('takes the level, topics and caveats of a parent', () => {
    expect(inherit(bearing('U'), [{ key: 'Encounter/e', labels: bearing('V', 'HIV', 'NOPAT') }])).toMatchObject({
      stated: 'V',
      topics: ['HIV'],
      caveats: [`${hl7}/v3-ActCode|NOPAT`],
      origins: [{ label: 'HIV', by: 'inherited', rule: 'Encounter/e' }],
    });
  });

  it('keeps where a label of its own came from', () => {
    const labels = inherit(bearing('HIV'), [{ key: 'Encounter/e', labels: bearing('HIV', 'PSY') }]);
    expect(labels.origins).toEqual([
      { label: 'HIV', by: 'own', rule: 'meta.security' },
      { label: 'PSY', by: 'inherited', rule: 'Encounter/e' },
    ]);
  });

  it.each(['REDACTED', 'MASKED', 'PATAST'])('leaves %s where it stands: it tells of that resource alone', (mark) => {
    expect(inherit(bearing(), [{ key: 'Encounter/e', labels: bearing(mark, 'NOPAT') }]).caveats).toEqual([
      `${hl7}/v3-ActCode|NOPAT`,
    ]);
    expect(inherit(bearing(mark), [{ key: 'Encounter/e', labels: bearing('HIV') }]).caveats).toEqual([
      `${hl7}/v3-ObservationValue|${mark}`,
    ]);
  });

  it('keeps another substance beside a specific one: a cocaine record of an alcohol programme is not about alcohol alone', () => {
    expect(inherit(bearing('SUD'), [{ key: 'Encounter/e', labels: bearing('ETHUD') }]).topics).toEqual([
      'ETHUD',
      'SUD',
    ]);
    expect(inherit(bearing('ETHUD'), [{ key: 'Encounter/e', labels: bearing('ETH') }]).topics).toEqual([
      'ETHUD',
      'SUD',
    ]);
    expect(bearing('ETHUD', 'SUD').topics).toEqual(['ETHUD']);
  });

  it('of nothing changes nothing', () => {
    const labels = bearing('HIV', 'REDACTED');
    expect(inherit(labels, [])).toBe(labels);
    expect(inherit(labels, [{ key: 'Encounter/e', labels: bearing() }])).toBe(labels);
  });
});

const codes = [
  'U',
  'N',
  'R',
  'V',
  'HIV',
  'PSY',
  'SUD',
  'ETH',
  'ETHUD',
  'OPIOIDUD',
  '42CFRPart2',
  'NOPAT',
  'REDACTED',
  'NOSUCH',
];
const anyLabels = fc.subarray(codes, { maxLength: 5 }).map((some) => bearing(...some));
const key = (labels: Labels): { key: string; labels: Labels } => ({ key: 'Encounter/e', labels });
/** Nothing that held before is lost: a generic substance label may only give way to a more specific one. */
function hold(after: Labels, before: Labels): boolean {
  return (
    (before.stated === undefined || (after.stated !== undefined && atMost(before.stated, after.stated))) &&
    before.topics.every((topic) => after.topics.some((one) => sensitivityCovers(topic, one))) &&
    before.caveats.every((caveat) => after.caveats.includes(caveat))
  );
}

describe('inheriting, whatever the labels', () => {
  it('only adds', () => {
    fc.assert(
      fc.property(anyLabels, fc.array(anyLabels, { maxLength: 3 }), (own, parents) => {
        expect(hold(inherit(own, parents.map(key)), own)).toBe(true);
      }),
    );
  });

  it('twice is inheriting once', () => {
    fc.assert(
      fc.property(anyLabels, fc.array(anyLabels, { maxLength: 3 }), (own, parents) => {
        const once = inherit(own, parents.map(key));
        expect(inherit(once, parents.map(key)).key).toBe(once.key);
      }),
    );
  });

  it('is the same in any order of parents, and one after the other', () => {
    fc.assert(
      fc.property(anyLabels, anyLabels, anyLabels, (own, one, other) => {
        const together = inherit(own, [key(one), key(other)]).key;
        expect(inherit(own, [key(other), key(one)]).key).toBe(together);
        expect(inherit(inherit(own, [key(one)]), [key(other)]).key).toBe(together);
        expect(inherit(inherit(own, [key(other)]), [key(one)]).key).toBe(together);
      }),
    );
  });
});

describe('labels flow down any graph of parents', () => {
  const names = ['A/1', 'B/2', 'C/3', 'D/4', 'E/5'];
  const graph = fc.record({
    own: fc.array(anyLabels, { minLength: 5, maxLength: 5 }),
    parents: fc.array(fc.subarray(names), { minLength: 5, maxLength: 5 }),
  });
  const pairs = <Value>(values: readonly Value[]): (readonly [string, Value])[] =>
    names.map((name, index) => [name, values[index] as Value] as const);

  it('to an end, cycles included, and whatever comes first', () => {
    fc.assert(
      fc.property(graph, ({ own, parents }) => {
        const edges = new Map(pairs(parents));
        const forth = settled(new Map(pairs(own)), edges);
        const back = settled(new Map(pairs(own).reverse()), edges);
        for (const name of names) expect(back.get(name)?.key).toBe(forth.get(name)?.key);
        for (const [name, before] of pairs(own)) expect(hold(forth.get(name) as Labels, before)).toBe(true);
      }),
    );
  });

  it('so that whoever has another above it bears what that one bears', () => {
    fc.assert(
      fc.property(graph, ({ own, parents }) => {
        const edges = new Map(pairs(parents));
        const labels = settled(new Map(pairs(own)), edges);
        for (const [child, above] of edges)
          for (const parent of above) {
            const { topics } = labels.get(child) as Labels;
            for (const topic of labels.get(parent)?.topics ?? [])
              expect(topics.some((one) => sensitivityCovers(topic, one))).toBe(true);
          }
      }),
    );
  });

  it('around a ring of encounters', () => {
    const own = new Map([
      ['Encounter/a', bearing('HIV')],
      ['Encounter/b', bearing()],
      ['Encounter/c', bearing('V')],
    ]);
    const ring = new Map([
      ['Encounter/a', ['Encounter/b']],
      ['Encounter/b', ['Encounter/c']],
      ['Encounter/c', ['Encounter/a']],
    ]);
    for (const labels of settled(own, ring).values()) expect(labels).toMatchObject({ stated: 'V', topics: ['HIV'] });
  });

  it('not past an encounter to what is only named beside it', () => {
    const own = new Map([
      ['Encounter/a', bearing('HIV')],
      ['Observation/o', bearing()],
    ]);
    expect(settled(own, new Map([['Encounter/a', ['Observation/o']]])).get('Observation/o')?.topics).toEqual([]);
  });
});

describe('what a Consent names', () => {
  const act = (code: string) => ({ system: `${hl7}/v3-ActCode`, code });
  const level = (code: string) => ({ system: `${hl7}/v3-Confidentiality`, code });
  const consent = (...securityLabel: object[]): object => ({
    resourceType: 'Consent',
    id: 'c',
    provision: { securityLabel },
  });

  it('is as sensitive as what it is about', () => {
    expect(labelsOf(consent(act('ETH')))).toMatchObject({
      topics: ['SUD'],
      origins: [{ label: 'SUD', by: 'code', rule: 'named in a Consent' }],
    });
    expect(labelsOf(consent(act('HIV'))).topics).toEqual(['HIV']);
    expect(labelsOf(consent())).toMatchObject({ topics: [], origins: [] });
  });

  it('a Part 2 consent directive stands for Part 2 records, no other code of its kind does', () => {
    expect(labelsOf(consent(act('42CFRPart2CD')))).toMatchObject({
      topics: ['42CFRPart2'],
      caveats: [],
      origins: [{ label: '42CFRPart2', by: 'code', rule: 'named in a Consent' }],
    });
    expect(labelsOf(consent(act('NOAUTH'))).topics).toEqual([]);
    expect(labelsOf(consent(act('DELAU'))).topics).toEqual([]);
  });

  it.each([
    ['U', undefined],
    ['N', undefined],
    ['R', 'R'],
    ['V', 'V'],
  ])('of the level %s leaves it %s', (code, stated) => {
    expect(labelsOf(consent(level(code))).stated).toBe(stated);
  });

  it('says nothing where another resource names it', () => {
    const other = { ...consent(act('HIV'), act('42CFRPart2CD'), level('V')), resourceType: 'Observation' };
    expect(labelsOf(other)).toMatchObject({ topics: [], caveats: [] });
    expect(labelsOf(other).stated).toBeUndefined();
  });
});

describe('why a label is there', () => {
  const encounter = (serviceProvider: string): object => ({
    resourceType: 'Encounter',
    id: 'e',
    serviceProvider: { reference: serviceProvider },
  });

  it('a program, and an actor whose mention tells', () => {
    const settings = {
      programs: new Set([program]),
      sensitiveActors: new Map([['Organization/hiv-clinic', ['HIV']]]),
    };
    expect(labelsOf(encounter(program), settings).origins).toEqual([
      { label: '42CFRPart2', by: 'source', rule: 'program' },
    ]);
    expect(labelsOf(encounter('Organization/hiv-clinic'), settings).origins).toEqual([
      { label: 'HIV', by: 'source', rule: 'sensitive actor' },
    ]);
    expect(labelsOf(encounter('Organization/other'), settings).origins).toEqual([]);
  });

  it('a label that nobody knows restricts, unless somebody said what it means, under either name of its system', () => {
    const alias = 'https://hl7.org/fhir/v3/ActCode';
    const unknown = { system: alias, code: 'LOCAL' };
    const canonical = `${hl7}/v3-ActCode`;
    expect(labelled([unknown])).toMatchObject({
      stated: 'R',
      topics: [],
      origins: [{ label: 'R', by: 'unknown-code', rule: canonical }],
    });
    for (const system of [alias, canonical]) {
      expect(labelled([unknown], { mappedLabels: new Map([[`${system}|LOCAL`, 'PSY']]) })).toMatchObject({
        topics: ['PSY'],
        origins: [{ label: 'PSY', by: 'own', rule: 'mapped label' }],
      });
      const ignored = labelled([unknown], { ignoredLabelSystems: new Set([system]) });
      expect([ignored.stated, ignored.topics, ignored.origins]).toEqual([undefined, [], []]);
    }
    expect(labelled([unknown], { mappedLabels: new Map([[`${canonical}|OTHER`, 'PSY']]) }).topics).toEqual([]);
    expect(labelled([unknown], { ignoredLabelSystems: new Set(['urn:other']) }).stated).toBe('R');
  });
});

describe('an element with a label of its own', () => {
  it('bears it beside those of its resource', () => {
    expect(withLabel(bearing(), coding('HIV'), noSettings).topics).toEqual(['HIV']);
    expect(withLabel(bearing('PSY', 'N'), coding('HIV'), noSettings)).toMatchObject({
      stated: 'N',
      topics: ['HIV', 'PSY'],
    });
    expect(withLabel(bearing('N'), coding('V'), noSettings).stated).toBe('V');
    expect(withLabel(bearing('R'), coding('L'), noSettings).stated).toBe('R');
  });

  it('has the others from its resource', () => {
    const { origins } = withLabel(bearing('PSY'), coding('HIV'), noSettings);
    expect(origins).toEqual([
      { label: 'HIV', by: 'own', rule: 'meta.security' },
      { label: 'PSY', by: 'inherited', rule: 'resource' },
    ]);
  });
});
