import type { TimeReader } from '../../fhir/dates.ts';
import type { Found } from './extract.ts';

/** One parsed search value. */
export interface Test {
  /** As it is printed into a query: canonical and escaped. */
  readonly canonical: string;
  /** What is sent upstream when that is not `canonical`: the same meaning in a form that servers agree on. */
  readonly sent?: string;
  /** Which ends of a range it bounds, for dates. */
  readonly bounds?: readonly ('lower' | 'upper')[];
  /** True for `ne`: it may hold on a part where it does not hold on the whole, so it is never sent upstream. */
  readonly negative: boolean;
  /** Whether one found element satisfies it. */
  holds(found: Found): boolean;
}

/** Why a value was not taken: its form is not served, or it is no value of this kind at all. */
export type Rejected = 'unsupported' | 'malformed';

/** What the comparison of values depends on besides the value. */
export interface Comparison {
  /** Reads dates without an offset in the deployment's zone. */
  readonly time: TimeReader;
  /** Bases under which an absolute URL is a local reference, without trailing slash; the public base is the first. */
  readonly localBases: readonly string[];
}

/** Search prefixes (FHIR R4 Search, "Prefixes"). */
export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

/** Takes a prefix off a value; no prefix is `eq`. */
export function prefixed(value: string): { readonly prefix: Prefix; readonly rest: string } {
  const match = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(.*)$/s.exec(value);
  return match === null ? { prefix: 'eq', rest: value } : { prefix: match[1] as Prefix, rest: match[2] ?? '' };
}

/** The prefix as it is printed: `eq` is the default and left out. */
export function printed(prefix: Prefix): string {
  return prefix === 'eq' ? '' : prefix;
}
