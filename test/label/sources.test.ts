import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { labelsConfig } from '../../src/config/labels.ts';
import { Content } from '../../src/document/content.ts';
import { scan } from '../../src/document/tape.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { inherit, ownLabels } from '../../src/label/effective.ts';
import type { Labels } from '../../src/label/labels.ts';
import { readResource } from '../../src/label/read.ts';
import { sourcesOf, type Traced, unstated } from '../../src/label/sources.ts';
import { noSettings } from './sample.ts';

interface Stored {
  readonly resourceType: string;
  readonly id: string;
  readonly [name: string]: unknown;
}

const house = ['Organization/lakeside', 'Location/lakeside-house'];
const names: ReadonlyMap<string, string> = new Map([
  ...house.map((name) => [name, 'Organization/lakeside'] as const),
  ['Organization/hillside', 'Organization/hillside'],
]);
const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };
const programs = {
  isPart2: ({ topics }: Labels) => topics.includes('42CFRPart2'),
  programsIn: ({ actors }: { actors: readonly string[] }) => [
    ...new Set(actors.flatMap((one) => names.get(one) ?? [])),
  ],
};

function read(resource: Stored, labelling: ReadonlySet<string> = new Set(names.keys())): Traced {
  const content = Content.received(scan(Buffer.from(JSON.stringify(resource)), limits), 0);
  const { reading } = content.examine((on) => ({
    reading: readResource(on, { localBases: [], time: timeReader('UTC') }),
  }));
  if (reading === undefined) throw new Error('unreadable');
  const own = ownLabels(reading.facts.labelInputs, { ...noSettings, programs: labelling });
  return { reading, own, labels: own };
}

/** Whose records each of these holds, by id. */
function sources(resources: readonly Stored[]): Readonly<Record<string, readonly string[]>> {
  const all = new Map(resources.map((resource) => [`${resource.resourceType}/${resource.id}`, read(resource)]));
  for (let round = 0; round < all.size; round++) {
    for (const [key, one] of all) {
      const parents = one.reading.parents.flatMap((parent) => {
        const found = all.get(parent);
        return found === undefined ? [] : [{ key: parent, labels: found.labels }];
      });
      all.set(key, { ...one, labels: inherit(one.labels, parents) });
    }
  }
  return Object.fromEntries(
    [...all.values()].map((one) => [
      one.reading.facts.key.split('/')[1],
      sourcesOf(one, one.own, (key) => all.get(key), programs),
    ]),
  );
}

const subject = { reference: 'Patient/ada' };
const to = (reference: string) => ({ reference });
const part2 = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' }] };
const observation = (id: string, more: object = {}): Stored => ({ resourceType: 'Observation', id, subject, ...more });
const encounter = (id: string, more: object = {}): Stored => ({ resourceType: 'Encounter', id, subject, ...more });
const by = (...programs: readonly string[]) => ({ performer: programs.map((one) => to(`Organization/${one}`)) });

describe('what names a program is of it, whatever kind of thing the program is', () => {
  const programNames = new Set([
    ...['Organization/lakeside', 'Location/house', 'HealthcareService/recovery', 'Practitioner/wu'],
    ...['PractitionerRole/wu-at-lakeside', 'https://programs.example/lakeside', 'http://hl7.org/fhir/sid/us-npi|123'],
  ]);
  const logical = { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '123' } };
  const appointment = (actor: object): Stored => ({
    resourceType: 'Appointment',
    id: 'a',
    participant: [{ actor: subject }, { actor }],
  });
  it.each<[string, Stored]>([
    ['an organization', encounter('e', { serviceProvider: to('Organization/lakeside') })],
    ['a location', encounter('e', { location: [{ location: to('Location/house') }] })],
    ['a service', appointment(to('HealthcareService/recovery'))],
    [
      'a service that was asked for something',
      {
        ...{ resourceType: 'ServiceRequest', id: 's', subject, performer: [to('HealthcareService/recovery')] },
      },
    ],
    ['a practitioner', observation('o', { performer: [to('Practitioner/wu')] })],
    ['a role', encounter('e', { participant: [{ individual: to('PractitionerRole/wu-at-lakeside') }] })],
    ['by its URL', observation('o', { performer: [to('https://programs.example/lakeside')] })],
    ['by its number', observation('o', { performer: [logical] })],
  ])('%s', (_what, one) => {
    expect(read(one, programNames).labels.topics).toEqual(['42CFRPart2']);
    expect(read(one, new Set(['Organization/another'])).labels.topics).toEqual([]);
  });
});

describe('programs as they are configured', () => {
  const fault = (...programs: readonly (string | string[])[]): string | undefined =>
    labelsConfig.safeParse({ programs }).error?.issues[0]?.message;

  it('have names of their own, each once', () => {
    expect(fault('Organization/a', ['Location/a', 'urn:npi|1'], 'https://b.example/c')).toBeUndefined();
    expect(fault('Organization/a', ['Location/a', 'Organization/a'])).toBe('Organization/a is named twice');
    for (const odd of ['unstated', ''])
      expect(fault(['Organization/a', odd])).toMatch(/is no Type\/id, URL or system\|value$/);
  });
});

describe('whose records a resource holds', () => {
  it('is the program that it names, by whichever of its names', () => {
    const { a, b, c } = sources([
      observation('a', by('lakeside')),
      observation('b', { performer: house.map(to) }),
      observation('c', by('lakeside', 'hillside')),
    ]);
    expect([a, b, c]).toEqual([
      ['Organization/lakeside'],
      ['Organization/lakeside'],
      ['Organization/hillside', 'Organization/lakeside'],
    ]);
  });

  it('is nobody’s where nothing is Part 2 data', () => {
    expect(sources([observation('a', { encounter: to('Encounter/e') }), encounter('e')])).toEqual({ a: [], e: [] });
  });

  it('is unstated where it is Part 2 data and names no program', () => {
    expect(sources([observation('a', { meta: part2 })])).toEqual({ a: ['unstated'] });
  });

  it('is the program of the encounter, the episode or the larger act in which it was made', () => {
    const made = (where: object) => [
      observation('a', { meta: part2, ...where }),
      encounter('e', { serviceProvider: to('Organization/lakeside') }),
      encounter('inner', { partOf: to('Encounter/e') }),
      {
        resourceType: 'EpisodeOfCare',
        id: 'episode',
        patient: subject,
        managingOrganization: to('Organization/hillside'),
      },
      encounter('of-episode', { episodeOfCare: [to('EpisodeOfCare/episode')] }),
    ];
    expect(sources(made({ encounter: to('Encounter/e') }))).toMatchObject({ a: ['Organization/lakeside'] });
    expect(sources(made({ encounter: to('Encounter/inner') }))).toMatchObject({ a: ['Organization/lakeside'] });
    expect(sources(made({ encounter: to('Encounter/of-episode') }))).toMatchObject({ a: ['Organization/hillside'] });
  });

  it('is that of the encounter and that of what the encounter is part of', () => {
    expect(
      sources([
        observation('a', { meta: part2, encounter: to('Encounter/inner') }),
        encounter('inner', { partOf: to('Encounter/outer'), serviceProvider: to('Organization/hillside') }),
        encounter('outer', { serviceProvider: to('Organization/lakeside') }),
      ]),
    ).toEqual({
      a: ['Organization/hillside', 'Organization/lakeside'],
      inner: ['Organization/hillside', 'Organization/lakeside'],
      outer: ['Organization/lakeside'],
    });
  });

  it('is not what something else was made in: what it derives from is of that program besides', () => {
    const { a, b } = sources([
      observation('a', { meta: part2, derivedFrom: [to('Observation/b')] }),
      observation('b', by('lakeside')),
    ]);
    expect([a, b]).toEqual([['Organization/lakeside', unstated], ['Organization/lakeside']]);
  });

  it('is unstated beside the program where it inherits from Part 2 data that names none', () => {
    const { a } = sources([
      observation('a', { ...by('lakeside'), derivedFrom: [to('Observation/b')] }),
      observation('b', { meta: part2 }),
    ]);
    expect(a).toEqual(['Organization/lakeside', unstated]);
  });

  it('is only theirs whose labels it inherits where it is no Part 2 data by itself', () => {
    const { a, c } = sources([
      observation('a', { derivedFrom: [to('Observation/b'), to('Observation/gone')] }),
      observation('b', by('lakeside')),
      observation('c', { medicationReference: to('Medication/m') }),
      { resourceType: 'Medication', id: 'm' },
    ]);
    expect(a).toEqual(['Organization/lakeside']);
    expect(c).toEqual([]);
  });

  it('is who is named, although the name alone gives no label', () => {
    const named = read(observation('a', by('lakeside')), new Set());
    expect(sourcesOf(named, named.own, () => undefined, programs)).toEqual(['Organization/lakeside']);
  });

  it('is not the product’s: what that tells is of whoever gave it', () => {
    const given = (more: object) => [
      { resourceType: 'MedicationRequest', id: 'a', subject, medicationReference: to('Medication/m'), ...more },
      { resourceType: 'Medication', id: 'm', meta: part2, manufacturer: to('Organization/hillside') },
    ];
    expect(sources(given({ requester: to('Organization/lakeside') }))).toMatchObject({ a: ['Organization/lakeside'] });
    expect(sources(given({}))).toMatchObject({ a: [unstated] });
  });

  it('is the program’s own where it is an entry of the directory that bears the label', () => {
    const room = {
      resourceType: 'Location',
      id: 'room',
      meta: part2,
      managingOrganization: to('Organization/lakeside'),
    };
    expect(sources([room])).toEqual({ room: ['Organization/lakeside'] });
  });

  it('is also that of work about nobody, and of a product that is somebody’s', () => {
    const task = { resourceType: 'Task', status: 'requested', intent: 'order' };
    const supply = { resourceType: 'SupplyDelivery', patient: subject, supplier: to('Organization/lakeside') };
    const { a, b } = sources([
      { ...task, id: 'a', for: subject, owner: to('Organization/lakeside'), partOf: [to('Task/nobodys')] },
      { ...task, id: 'nobodys', meta: part2 },
      { ...supply, id: 'b', suppliedItem: { itemReference: to('Device/pump') } },
      { resourceType: 'Device', id: 'pump', patient: subject, meta: part2 },
    ]);
    expect(a).toEqual(['Organization/lakeside', 'unstated']);
    expect(b).toEqual(['Organization/lakeside', 'unstated']);
  });

  it('covers a version by what came after it', () => {
    const older = read(observation('a', by('lakeside')));
    const newer = read(observation('a', by('hillside')));
    expect(sourcesOf({ ...older, later: newer }, older.own, () => undefined, programs)).toEqual([
      'Organization/hillside',
      'Organization/lakeside',
    ]);
  });

  it('of an element with a label of its own is asked as if the resource bore it', () => {
    const plain = read(observation('a'));
    const labelled = read(observation('b', { meta: part2 }));
    expect(sourcesOf(plain, labelled.own, () => undefined, programs)).toEqual([unstated]);
    expect(sourcesOf(plain, plain.own, () => undefined, programs)).toEqual([]);
  });

  it('follows each reference a few times, however many lead to each other', () => {
    const many = Array.from({ length: 40 }, (_, index) => `o${index}`);
    const partOf = many.map((id) => to(`Observation/${id}`));
    const all = new Map(
      many.map((id, index) => {
        const named = index === many.length - 1 ? by('lakeside') : {};
        return [`Observation/${id}`, read(observation(id, { meta: part2, partOf, ...named }))];
      }),
    );
    let followed = 0;
    const at = (key: string) => {
      followed++;
      return all.get(key);
    };
    const first = all.get('Observation/o0') as Traced;
    expect(sourcesOf(first, first.own, at, programs)).toEqual(['Organization/lakeside']);
    expect(followed).toBeLessThan(5 * many.length ** 2);
  });

  const ids = ['a', 'b', 'c', 'd'] as const;
  const graphs = fc.array(
    fc.record({
      named: fc.subarray(['lakeside', 'hillside']),
      isLabelled: fc.boolean(),
      derivedFrom: fc.subarray([...ids]),
      partOf: fc.subarray([...ids]),
    }),
    { minLength: ids.length, maxLength: ids.length },
  );
  type Graph = typeof graphs extends fc.Arbitrary<infer T> ? T : never;
  const stored = (graph: Graph): readonly Stored[] =>
    graph.map(({ named, isLabelled, derivedFrom, partOf }, index) =>
      observation(ids[index] as string, {
        ...by(...named),
        ...(isLabelled && { meta: part2 }),
        derivedFrom: derivedFrom.map((id) => to(`Observation/${id}`)),
        partOf: partOf.map((id) => to(`Observation/${id}`)),
      }),
    );

  it('is known for all Part 2 data, holds whatever its parents hold, and ends in cycles', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const found = sources(stored(graph));
        for (const [index, { named, isLabelled, derivedFrom, partOf }] of graph.entries()) {
          const own = found[ids[index] as string] as readonly string[];
          for (const program of named) expect(own).toContain(`Organization/${program}`);
          for (const parent of [...derivedFrom, ...partOf])
            for (const source of found[parent] as readonly string[]) expect(own).toContain(source);
          if (isLabelled) expect(own).not.toEqual([]);
        }
      }),
    );
  });

  it('is no fewer when another parent is added', () => {
    fc.assert(
      fc.property(graphs, fc.nat(3), fc.constantFrom(...ids), (graph, index, parent) => {
        const more = graph.map((one, at) =>
          at === index ? { ...one, derivedFrom: [...new Set([...one.derivedFrom, parent])] } : one,
        );
        const [before, after] = [sources(stored(graph)), sources(stored(more))];
        for (const id of ids) expect(after[id]).toEqual(expect.arrayContaining([...(before[id] ?? [])]));
      }),
    );
  });
});
