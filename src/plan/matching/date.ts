import type { Interval } from '../../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../../fhir/dates.ts';
import { unescapeValue } from '../escape.ts';
import { type Found, items, text } from './extract.ts';
import { type Comparison, type Prefix, prefixed, printed, type Rejected, type Test } from './test.ts';

/**
 * A date value (FHIR R4 Search, "date"): both sides are closed intervals at their own precision. `ge` and `le` hold when
 * any instant of the element is at or after the start, at or before the end, of the value. `ap` is not served.
 * @param instants whether every element read is an instant, so that comparing with one end of the value is exact
 */
export function parseDate(raw: string, { time }: Comparison, instants: boolean): Test | Rejected {
  const value = unescapeValue(raw);
  if (value === undefined) return 'malformed';
  const { prefix, rest } = prefixed(value);
  const wanted = intervalOf(rest, time);
  if (wanted === undefined) return 'malformed';
  const compare = comparisonOf(prefix, wanted);
  if (compare === undefined) return 'unsupported';
  return {
    canonical: printed(prefix) + rest,
    sent: printed(prefix) + sentDate(prefix, rest, wanted, instants),
    bounds: prefix === 'eq' ? ['lower', 'upper'] : lowerBounds.has(prefix) ? ['lower'] : ['upper'],
    negative: prefix === 'ne',
    holds: (found) => {
      const interval = intervalIn(found, time);
      return interval !== undefined && compare(interval);
    },
  };
}

const lowerBounds: ReadonlySet<Prefix> = new Set<Prefix>(['gt', 'ge', 'sa']);

/** Prefixes that compare with the end of the value; the others compare with its start. */
const withEnd: ReadonlySet<Prefix> = new Set<Prefix>(['gt', 'le', 'sa']);

/**
 * The end of the value that a prefix compares with, as a day or an instant: `le2019` means `le2019-12-31`. Servers are
 * known to take the other end of years and months, and of days where they compare instants.
 */
function sentDate(prefix: Prefix, written: string, wanted: Interval, instants: boolean): string {
  if (prefix === 'eq' || prefix === 'ne') return written;
  const end = withEnd.has(prefix) ? wanted.end : wanted.start;
  if (instants) return new Date(end).toISOString();
  const [year = '', month, day] = written.split('-');
  if (day !== undefined) return written;
  if (!withEnd.has(prefix)) return `${year}-${month ?? '01'}-01`;
  return `${year}-${month ?? '12'}-${daysIn(Number(year), Number(month ?? '12'))}`;
}

function daysIn(year: number, month: number): number {
  const last = new Date(0);
  last.setUTCFullYear(year, month, 0);
  return last.getUTCDate();
}

function comparisonOf(prefix: Prefix, wanted: Interval): ((element: Interval) => boolean) | undefined {
  switch (prefix) {
    case 'eq':
      return ({ start, end }) => start >= wanted.start && end <= wanted.end;
    case 'ne':
      return ({ start, end }) => start < wanted.start || end > wanted.end;
    case 'gt':
      return ({ end }) => end > wanted.end;
    case 'lt':
      return ({ start }) => start < wanted.start;
    case 'ge':
      return ({ end }) => end >= wanted.start;
    case 'le':
      return ({ start }) => start <= wanted.end;
    case 'sa':
      return ({ start }) => start > wanted.end;
    case 'eb':
      return ({ end }) => end < wanted.start;
    default:
      return undefined;
  }
}

function intervalIn({ datatype, value }: Found, time: TimeReader): Interval | undefined {
  switch (datatype) {
    case 'date':
    case 'dateTime':
    case 'instant':
      return typeof value === 'string' ? intervalOf(value, time) : undefined;
    case 'Period':
      return periodOf(value, time);
    case 'Timing':
      return timingOf(value, time);
    default:
      return undefined;
  }
}

/** Open where a bound is absent; undefined when there is neither, or one that cannot be read. */
function periodOf(value: unknown, time: TimeReader): Interval | undefined {
  const start = text(value, 'start');
  const end = text(value, 'end');
  if (start === undefined && end === undefined) return undefined;
  const from = start === undefined ? Number.NEGATIVE_INFINITY : intervalOf(start, time)?.start;
  const to = end === undefined ? Number.POSITIVE_INFINITY : intervalOf(end, time)?.end;
  return from === undefined || to === undefined ? undefined : { start: from, end: to };
}

/** The outer limits of a schedule: its events and its bounds (FHIR R4 Search, "date", on Timing). */
function timingOf(value: unknown, time: TimeReader): Interval | undefined {
  const events = items(value, 'event').map((event) =>
    typeof event === 'string' ? intervalOf(event, time) : undefined,
  );
  const bounds = items(value, 'repeat').flatMap((repeat) => items(repeat, 'boundsPeriod'));
  const parts = [...events, ...bounds.map((period) => periodOf(period, time))].filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  return {
    start: Math.min(...parts.map(({ start }) => start)),
    end: Math.max(...parts.map(({ end }) => end)),
  };
}
