import { escapeValue, split, unescapeValue } from '../escape.ts';
import type { SearchParameter } from '../registry.ts';
import { type Found, isObject, items, text } from './extract.ts';
import type { Rejected, Test } from './test.ts';

/** A coded value reduced to what tokens compare; `system` undefined when it has none. */
interface Token {
  readonly system: string | undefined;
  readonly code: string | undefined;
}

/** Datatypes whose values carry a system of their own. */
const withSystem = new Set(['Coding', 'CodeableConcept', 'Identifier']);

/**
 * A token value (FHIR R4 Search, "token"): `code`, `system|code`, `|code`, `system|`. Compared case-sensitively.
 * Forms with `|` are served only where every element has a system of its own: that of a `code` follows from its
 * binding, which servers treat differently.
 */
export function parseToken(raw: string, parameter: SearchParameter): Test | Rejected {
  const systems = parameter.elements.every(({ datatype }) => withSystem.has(datatype));
  const wanted = parseParts(raw);
  if (typeof wanted === 'string') return wanted;
  if (wanted.parts === 2 && !systems) return 'unsupported';
  if (parameter.name === '_id' && !/^[A-Za-z0-9\-.]{1,64}$/.test(wanted.code ?? '')) return 'malformed';
  const boolean = parameter.form === 'exists' || parameter.elements.every(({ datatype }) => datatype === 'boolean');
  if (boolean && wanted.code !== 'true' && wanted.code !== 'false') return 'malformed';
  return {
    canonical: wanted.canonical,
    negative: false,
    holds: (found) => tokens(found).some((token) => agrees(wanted, token)),
  };
}

/** The value of `:identifier` on a reference, compared with `Reference.identifier`. */
export function parseIdentifier(raw: string): Test | Rejected {
  const wanted = parseParts(raw);
  if (typeof wanted === 'string') return wanted;
  return {
    canonical: wanted.canonical,
    negative: false,
    holds: ({ datatype, value }) =>
      datatype === 'Reference' &&
      isObject(value) &&
      items(value, 'identifier').some((identifier) =>
        tokens({ datatype: 'Identifier', value: identifier }).some((token) => agrees(wanted, token)),
      ),
  };
}

interface Wanted {
  readonly parts: 1 | 2;
  readonly system: string;
  readonly code: string;
  readonly canonical: string;
}

function parseParts(raw: string): Wanted | Rejected {
  const parts = split(raw, '|').map(unescapeValue);
  const [first, second] = parts;
  if (parts.length > 2 || parts.includes(undefined) || first === undefined) return 'malformed';
  if (second === undefined) {
    return first === '' ? 'malformed' : { parts: 1, system: '', code: first, canonical: escapeValue(first) };
  }
  if (first === '' && second === '') return 'malformed';
  return { parts: 2, system: first, code: second, canonical: `${escapeValue(first)}|${escapeValue(second)}` };
}

function agrees(wanted: Wanted, token: Token): boolean {
  if (wanted.parts === 1) return token.code === wanted.code;
  if (wanted.system === '') return token.system === undefined && token.code === wanted.code;
  return token.system === wanted.system && (wanted.code === '' || token.code === wanted.code);
}

function tokens({ datatype, value }: Found): readonly Token[] {
  switch (datatype) {
    case 'CodeableConcept':
      return items(value, 'coding').map(coding);
    case 'Coding':
      return [coding(value)];
    case 'Identifier':
    case 'ContactPoint':
      return [{ system: text(value, 'system'), code: text(value, 'value') }];
    default:
      return typeof value === 'string' || typeof value === 'boolean'
        ? [{ system: undefined, code: String(value) }]
        : [];
  }
}

function coding(value: unknown): Token {
  return { system: text(value, 'system'), code: text(value, 'code') };
}
