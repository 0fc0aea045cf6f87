import { parseRelativeReference, type ResourceKey } from '../fhir/ids.ts';

/** The local key of a relative reference, or of a URL below one of the bases; undefined for anything else. */
export function localKey(name: string, bases: readonly string[]): ResourceKey | undefined {
  const base = bases.find((candidate) => name.startsWith(`${candidate}/`));
  return parseRelativeReference(base === undefined ? name : name.slice(base.length + 1));
}
