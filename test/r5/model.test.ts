import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import fhirpath from 'fhirpath';
import r5 from 'fhirpath/fhir-context/r5';
import { definitions, structures } from '../../scripts/definitions.ts';
import { documentsOfVersion } from '../../scripts/documents/by-version.ts';
import { resourceTypeCoding, typesOfR5Alone } from '../../src/audit/terms.ts';
import { fillNames, nameNumber, nameNumberOfVersion } from '../../src/document/names.ts';
import { carriedReferences, childrenOf, isResourceType } from '../../src/fhir/model.ts';
import { chooseFhirVersion } from '../../src/fhir/version.ts';
import { found } from '../../src/plan/matching/extract.ts';
import { capabilityStatement } from '../../src/plan/plan.ts';
import { compartmentParameters, parameterOf, patientParameterOf } from '../../src/plan/registry.ts';
import { isServed, refusedTypes, servedTypes } from '../../src/plan/served.ts';
import { settings } from '../plan/requests.ts';
import { resourceWith } from '../plan/samples.ts';

// A process reads one version; this file has a process's modules of its own.
chooseFhirVersion('R5');

interface SearchParameter {
  readonly resourceType: string;
  readonly version: string;
  readonly code: string;
  readonly base: readonly string[];
  readonly expression?: string;
}

const typesOf = (version: 'R4' | 'R5'): readonly string[] =>
  structures(version)
    .filter(({ kind, abstract }) => kind === 'resource' && !abstract)
    .map(({ type }) => type);

describe('a process that reads FHIR R5', () => {
  it('names types that R4 does not have in its records by the code system that has them', () => {
    const ofR4 = new Set(typesOf('R4'));
    expect([...typesOfR5Alone].sort()).toEqual(
      typesOf('R5')
        .filter((type) => !ofR4.has(type))
        .sort(),
    );
    expect(resourceTypeCoding('NutritionIntake').system).toBe('http://hl7.org/fhir/fhir-types');
    expect(resourceTypeCoding('Observation').system).toBe('http://hl7.org/fhir/resource-types');
  });

  it('takes a stand on every R5 resource type, once', () => {
    const all = [...typesOf('R5')];
    const refused = refusedTypes().flatMap(({ types }) => types);
    expect([...servedTypes(), ...refused].sort()).toEqual(all.sort());
    expect(all.filter((type) => !isResourceType(type))).toEqual([]);
    for (const type of ['Resource', 'DomainResource', 'CanonicalResource', 'MetadataResource', 'Media', 'RequestGroup'])
      expect(isResourceType(type)).toBe(false);
  });

  it('reads no other version any more', () => {
    expect(childrenOf('Encounter')?.has('actualPeriod')).toBe(true);
    expect(() => chooseFhirVersion('R5')).not.toThrow();
    expect(() => chooseFhirVersion('R4')).toThrow(/R5/);
  });

  it('finds the names of R5, and those of R4 alone nowhere', () => {
    fillNames();
    for (const name of ['actualPeriod', 'concept', 'subject', 'entry'])
      expect(nameNumberOfVersion(name)).toBe(nameNumber(name));
    for (const name of ['hospitalization', 'medicationReference']) {
      expect(nameNumber(name)).not.toBe(0);
      expect(nameNumberOfVersion(name)).toBe(0);
    }
  });

  it('reads by search parameters exactly what R5’s FHIRPath expressions read', () => {
    let compared = 0;
    for (const { version, code, base, expression = '' } of definitions<SearchParameter>('R5', 'SearchParameter')) {
      if (version !== '5.0.0') continue;
      for (const type of base.filter(isServed)) {
        const parameter = parameterOf(type, code);
        if (parameter === undefined || parameter.form === 'exists') continue;
        const own = expression.split('|').filter((branch) => branch.includes(`${type}.`));
        const plain = own.join(' | ').replaceAll(/\.where\(resolve\(\) is \w+\)/g, '');
        const evaluate = fhirpath.compile(plain, r5);
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

  it('reads R5’s own elements', () => {
    const paths = (type: string, name: string) => parameterOf(type, name)?.elements.map(({ path }) => path);
    expect(paths('Encounter', 'date')).toEqual(['Encounter.actualPeriod']);
    expect(paths('MedicationRequest', 'medication')).toEqual(['MedicationRequest.medication.reference']);
    expect(paths('MedicationRequest', 'code')).toEqual(['MedicationRequest.medication.concept']);
    expect(parameterOf('MedicationRequest', 'medication')?.removable).toBe(true);
    expect(parameterOf('Encounter', 'participant-type')?.removable).toBe(true);
    expect(parameterOf('DeviceUseStatement', 'patient')).toBeUndefined();
    expect(compartmentParameters('Patient', 'Condition')).toEqual(['patient', 'participant-actor']);
    expect(patientParameterOf('DeviceUsage')).toBe('patient');
    expect(patientParameterOf('DeviceAssociation')).toBe('patient');
  });

  it('every compartment parameter is one that is served', () => {
    for (const root of ['Patient', 'Encounter', 'Practitioner', 'RelatedPerson', 'Device'])
      for (const type of servedTypes())
        for (const name of compartmentParameters(root, type) ?? []) {
          const targets = parameterOf(type, name)?.targets;
          expect([type, name, targets?.length === 0 || targets?.includes(root)]).toEqual([type, name, true]);
        }
  });

  it('knows carried references that are elements of one of the versions', () => {
    const known = (['R4', 'R5'] as const).flatMap((version) =>
      structures(version).flatMap(({ snapshot }) =>
        snapshot.element.flatMap(({ path, type = [] }) =>
          path.endsWith('[x]') ? type.map(({ code }) => path.replace('[x]', code)) : [path],
        ),
      ),
    );
    expect([...carriedReferences].filter((path) => !known.includes(path))).toEqual([]);
  });

  it('says so in its own statement', () => {
    const statement = capabilityStatement(settings, { version: '1', date: '2026-01-01' });
    expect(statement.fhirVersion).toBe('5.0.0');
    const [rest] = statement.rest as { resource: { type: string }[] }[];
    expect(rest?.resource.map(({ type }) => type)).toEqual(servedTypes());
  });

  it.each([...documentsOfVersion()])('%s is what `npm run generate` writes', (path, text) => {
    expect(readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')).toBe(text);
  });
});
