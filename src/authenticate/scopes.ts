import type { Scope } from './requester.ts';

/** `(patient|user|system)/(Type|*).(read|write|*|cruds)[?query]`; the scope may be written as a URI (SMART App Launch 2.2, §Scopes). */
const grammar =
  /^(?:http:\/\/smarthealthit\.org\/fhir\/scopes\/)?(patient|user|system)\/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?$/;
/** Search parameters of all resources that a scope may use; `_filter`, `_has` and result parameters are none. */
const commonParameters = new Set(['_id', '_lastUpdated', '_profile', '_security', '_source', '_tag']);
const maximumScopes = 500;

/**
 * The FHIR scopes in a token's `scope` that grant reading or searching; everything else grants nothing.
 * v1 `.read` is `.rs`, `.*` is `.cruds`; letters must stand in the order c r u d s.
 * @param scope space-separated (RFC 6749 §3.3), or a list as some issuers' `scp`
 */
export function parseScopes(scope: unknown): readonly Scope[] {
  return textsOf(scope)
    .slice(0, maximumScopes)
    .map(parseScope)
    .filter((parsed) => parsed !== undefined);
}

/** Undefined when it does not follow the grammar or grants neither reading nor searching. */
export function parseScope(text: string): Scope | undefined {
  const [, context, resourceType, permissions, query] = grammar.exec(text) ?? [];
  if (context === undefined || resourceType === undefined || permissions === undefined) return undefined;
  const isVersion1 = permissions === 'read' || permissions === 'write' || permissions === '*';
  const letters = isVersion1 ? { read: 'rs', write: 'cud', '*': 'cruds' }[permissions] : permissions;
  const [read, search] = [letters.includes('r'), letters.includes('s')];
  if (!read && !search) return undefined;
  if (query === undefined) {
    return text.includes('?')
      ? undefined
      : { context: context as Scope['context'], resourceType, read, search, query: [] };
  }
  const parsed = isVersion1 ? undefined : parseQuery(query);
  return parsed && { context: context as Scope['context'], resourceType, read, search, query: parsed };
}

/** Undefined, so that the scope grants nothing, when any part uses a modifier, a chain or what is no plain search parameter. */
function parseQuery(query: string): Scope['query'] | undefined {
  const parameters: (readonly [string, string])[] = [];
  for (const pair of query.split('&')) {
    const cut = pair.indexOf('=');
    const name = cut < 0 ? undefined : decoded(pair.slice(0, cut));
    const value = cut < 0 ? undefined : decoded(pair.slice(cut + 1));
    if (name === undefined || value === undefined || value === '') return undefined;
    if (!/^_?[A-Za-z][A-Za-z0-9-]*$/.test(name)) return undefined;
    if (name.startsWith('_') && !commonParameters.has(name)) return undefined;
    parameters.push([name, value]);
  }
  return parameters;
}

/** A raw `+` reads as a space here and as itself there: ambiguous, so not understood. */
function decoded(text: string): string | undefined {
  if (text.includes('+')) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function textsOf(scope: unknown): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(scope) ? scope : [scope];
  return texts.flatMap((text) => (typeof text === 'string' ? text.split(' ').filter((one) => one !== '') : []));
}
