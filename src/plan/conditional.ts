import type { FhirRequest } from '../fhir/request.ts';
import type { ReadPlan } from './plan.ts';

/**
 * The conditions of a conditional read (RFC 9110, 13.1.2 and 13.1.3). What cannot be read is no condition;
 * `If-Modified-Since` does not count beside `If-None-Match`.
 */
export function conditionalOf(headers: FhirRequest['headers']): ReadPlan['conditional'] {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) return { ifNoneMatch: tagsIn(noneMatch) };
  const since = headers['if-modified-since'];
  const at = since === undefined ? undefined : httpDate(since);
  return at === undefined ? { ifNoneMatch: [] } : { ifNoneMatch: [], ifModifiedSince: at };
}

function tagsIn(header: string): readonly string[] {
  if (header.trim() === '*') return ['*'];
  const tags = header.split(',').map((tag) => /^\s*(?:W\/)?"([\x21\x23-\x7e]{0,128})"\s*$/.exec(tag)?.[1]);
  return tags.every((tag) => tag !== undefined) ? tags : [];
}

/** An IMF-fixdate as epoch milliseconds. */
function httpDate(value: string): number | undefined {
  if (!/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(value.trim())) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}
