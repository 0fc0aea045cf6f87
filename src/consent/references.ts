import { parseLocalReference, type ResourceKey } from '../fhir/ids.ts';
import { list, own, text } from './json.ts';

/** A Reference reduced to what comparing needs. */
export interface ReferenceNames {
  /** The local key, if it is a local literal. */
  readonly key: ResourceKey | undefined;
  /** Local key, absolute URL, `system|value`: any one is enough to be the same. */
  readonly names: readonly string[];
}

export function referenceNames(reference: unknown, localBases: readonly string[]): ReferenceNames {
  const literal = text(own(reference, 'reference'));
  const names: string[] = [];
  const key = literal === undefined ? undefined : parseLocalReference(literal, localBases);
  if (key !== undefined) names.push(key);
  else if (literal?.includes('://')) names.push(literal);
  // One, as FHIR has it; in a Consent of another store as many as that store gives (translate.ts).
  for (const identifier of list(own(reference, 'identifier'))) {
    const [system = '', value] = [text(own(identifier, 'system')), text(own(identifier, 'value'))];
    if (value !== undefined) names.push(`${system}|${value}`);
  }
  return { key, names };
}
