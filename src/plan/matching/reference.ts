import { isId, parseLocalReference, type ResourceKey, resourceKey } from '../../fhir/ids.ts';
import { isResourceType } from '../../fhir/model.ts';
import { escapeValue, unescapeValue } from '../escape.ts';
import type { SearchParameter } from '../registry.ts';
import { type Found, text } from './extract.ts';
import type { Comparison, Rejected, Test } from './test.ts';

/**
 * A reference value (FHIR R4 Search, "reference"): `id` (where the type can be one of a dozen), `Type/id`, or an absolute URL below the public base. Versioned
 * references, other servers' URLs, `urn:` and canonical values are not served.
 * @param narrowed the type of a `[Type]` modifier
 */
export function parseReference(
  raw: string,
  parameter: SearchParameter,
  comparison: Comparison,
  narrowed?: string,
): Test | Rejected {
  const value = unescapeValue(raw);
  if (value === undefined || value === '') return 'malformed';
  const [base = ''] = comparison.localBases;
  const absolute = /^[a-z][a-z0-9+.-]*:/i.test(value);
  if (absolute && !value.startsWith(`${base}/`)) return 'unsupported';
  const relative = absolute ? value.slice(base.length + 1) : value;
  const allowed = narrowed === undefined ? parameter.targets : [narrowed];
  if (isId(relative) && !absolute) return byId(relative, allowed, comparison);
  const [type = '', id = '', ...more] = relative.split('/');
  if (!isResourceType(type) || !isId(id)) return 'malformed';
  if (more.length > 0) return more[0] === '_history' ? 'unsupported' : 'malformed';
  if (allowed.length > 0 && !allowed.includes(type)) return 'malformed';
  return toKeys([resourceKey(type, id)], comparison);
}

/** Holds for a reference to any of these keys. */
export function toKeys(keys: readonly ResourceKey[], comparison: Comparison): Test {
  const wanted = new Set<ResourceKey>(keys);
  return {
    canonical: keys.map((key) => escapeValue(key)).join(','),
    negative: false,
    holds: (found) => {
      const key = keyOf(found, comparison);
      return key !== undefined && wanted.has(key);
    },
  };
}

/** Most types a bare id is spelled out for. */
const maximumTypes = 12;

/** A bare id is sent with each type it may have: servers do not agree on lists that mix both forms. */
function byId(id: string, types: readonly string[], comparison: Comparison): Test | Rejected {
  if (types.length === 0 || types.length > maximumTypes) return 'unsupported';
  const keys = types.map((type) => resourceKey(type, id));
  const test = toKeys(keys, comparison);
  return keys.length === 1 ? test : { ...test, canonical: id, sent: test.canonical };
}

/** The key a Reference leads to, when it is local: relative, or absolute below one of the local bases. */
export function keyOf({ datatype, value }: Found, { localBases }: Comparison): ResourceKey | undefined {
  const reference = datatype === 'Reference' ? text(value, 'reference') : undefined;
  return reference === undefined ? undefined : parseLocalReference(reference, localBases);
}
