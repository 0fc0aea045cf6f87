import type { Json, JsonObject } from './store.ts';

/** What a step of a path reads from the values before it. */
export type Step = (values: readonly Json[]) => Json[];

/** Branches of a union, split at the bars that are outside parentheses. */
export function splitUnion(expression: string): string[] {
  return expression.match(/(?:[^|(]|\((?:[^()]|\([^()]*\))*\))+/g)?.map((branch) => branch.trim()) ?? [];
}

/**
 * One branch of a search parameter's FHIRPath. R4 needs no more than paths, `ofType`, `where(resolve() is T)`,
 * `where(name='value')`, `[0]`, `exists()`; R5 has `extension('url')` and `(a | b).first()` besides.
 * @returns undefined when the branch belongs to another type or is of another shape
 */
export function compile(branch: string, resourceType: string): Step | undefined {
  const first = /^\(([a-z][\w.]*) \| ([a-z][\w.]*)\)\.first\(\)$/.exec(branch); // R5's date of an Appointment
  if (first !== null) {
    const read = [first[1], first[2]].map((path) => compile(`${resourceType}.${path}`, resourceType));
    return (values) => read.flatMap((step) => step?.(values) ?? []).slice(0, 1);
  }
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
  const url = /^extension\('([^']+)'\)$/.exec(segment)?.[1];
  if (url !== undefined) return (values) => values.flatMap((value) => extensionsOf(value, url));
  const marked = /^where\(extension\('([^']+)'\)\.exists\(\)\)$/.exec(segment)?.[1];
  if (marked !== undefined) return (values) => values.filter((value) => extensionsOf(value, marked).length > 0);
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
  'CodeableReference',
  'Coding',
  'Date',
  'DateTime',
  'Decimal',
  'Duration',
  'Id',
  'Identifier',
  'Instant',
  'Integer',
  'Integer64',
  'Markdown',
  'Money',
  'Oid',
  'Period',
  'PositiveInt',
  'Quantity',
  'Range',
  'Ratio',
  'RatioRange',
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

function extensionsOf(value: Json, url: string): Json[] {
  const extensions = isObject(value) && Array.isArray(value.extension) ? value.extension : [];
  return extensions.filter((extension) => isObject(extension) && extension.url === url);
}

function refersTo(value: Json, type: string): boolean {
  return (
    isObject(value) && typeof value.reference === 'string' && new RegExp(`(^|/)${type}/[^/]+`).test(value.reference)
  );
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
