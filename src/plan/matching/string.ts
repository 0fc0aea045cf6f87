import { escapeValue, unescapeValue } from '../escape.ts';
import { type Found, items } from './extract.ts';
import type { Rejected, Test } from './test.ts';

export type StringModifier = 'exact' | 'contains' | undefined;

/** String members of the datatypes that are searched as a whole (FHIR R4 Search, "string"). */
const members: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
  Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
};

/**
 * A string value: by default the start of an element, without regard to case and accents; `:contains` any part of it;
 * `:exact` the whole, as it stands.
 */
export function parseString(raw: string, modifier: StringModifier): Test | Rejected {
  const wanted = unescapeValue(raw);
  if (wanted === undefined || wanted === '') return 'malformed';
  const folded = fold(wanted);
  if (folded === '' && modifier !== 'exact') return 'malformed';
  return {
    canonical: escapeValue(wanted),
    negative: false,
    holds: (found) =>
      strings(found).some((value) => {
        if (modifier === 'exact') return value === wanted;
        return modifier === 'contains' ? fold(value).includes(folded) : fold(value).startsWith(folded);
      }),
  };
}

/** Upper case without combining marks. */
export function fold(value: string): string {
  return value.normalize('NFD').replaceAll(/\p{M}/gu, '').toUpperCase();
}

function strings({ datatype, value }: Found): readonly string[] {
  if (typeof value === 'string') return [value];
  return (members[datatype] ?? []).flatMap((name) =>
    items(value, name).filter((item): item is string => typeof item === 'string'),
  );
}

/** A uri value: equal as it stands (FHIR R4 Search, "uri"). */
export function parseUri(raw: string): Test | Rejected {
  const wanted = unescapeValue(raw);
  if (wanted === undefined || wanted === '') return 'malformed';
  return { canonical: escapeValue(wanted), negative: false, holds: ({ value }) => value === wanted };
}
