import type { ElementPath, SearchParameter } from '../registry.ts';

/** One element found in a resource, with its FHIR datatype. */
export interface Found {
  readonly datatype: string;
  readonly value: unknown;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * What a parameter reads in a resource, in document order of each of its elements. It reads exactly the registry's
 * element paths, so that "does a cut meet what this criterion reads" has one answer.
 */
export function found(parameter: SearchParameter, resource: Json): readonly Found[] {
  const values = parameter.elements.flatMap((element) => read(element, resource));
  if (parameter.form === 'value') return values;
  return [{ datatype: 'boolean', value: values.some(({ value }) => value !== false) }];
}

function read(element: ElementPath, resource: Json): readonly Found[] {
  let level: unknown[] = [resource];
  for (const segment of element.segments) level = level.flatMap((node) => childrenOf(node, segment));
  const { where, datatype } = element;
  const kept = where === undefined ? level : level.filter((node) => isObject(node) && node[where[0]] === where[1]);
  return kept.map((value) => ({ datatype, value }));
}

/** Children by name: array items one by one; nulls stand for primitives without value. */
function childrenOf(node: unknown, name: string): readonly unknown[] {
  if (!isObject(node) || !Object.hasOwn(node, name)) return [];
  const value = node[name];
  return (Array.isArray(value) ? value : [value]).filter((item) => item !== null && item !== undefined);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member when it is a string. */
export function text(value: unknown, name: string): string | undefined {
  if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
  const member = value[name];
  return typeof member === 'string' ? member : undefined;
}

/** The members of an array-valued element; [] for anything else. */
export function items(value: unknown, name: string): readonly unknown[] {
  return childrenOf(value, name);
}
