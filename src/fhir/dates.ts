import type { Interval } from './coding.ts';

/** Reads FHIR date, dateTime and instant values; values without an offset are read in one fixed zone. */
export interface TimeReader {
  /** Offset in milliseconds of the configured zone at a local wall-clock time given as if it were UTC. */
  readonly offsetAt: (wallClock: number) => number;
}

/** A reader for an IANA zone. */
export function timeReader(timeZone: string): TimeReader {
  if (timeZone === 'UTC') return { offsetAt: () => 0 };
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offset = (instant: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second = 0 } = part;
    return utc(year, month - 1, date, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  };
  return {
    offsetAt: (wallClock) => {
      const before = offset(wallClock - dayLength);
      const after = offset(wallClock + dayLength);
      // Where the clock goes back, the first coming of a time counts; where it goes forward, a time left out is read on
      // the old clock, so that it falls behind the change. Either way the clock before the change is the one.
      return before === after || offset(wallClock - before) === before || offset(wallClock - after) !== after
        ? before
        : after;
    },
  };
}

const dayLength = 86_400_000;
const pattern =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?$/;

/**
 * The closed interval a FHIR date, dateTime or instant stands for, at its own precision (FHIR R4 datatypes: dateTime).
 * @returns undefined for anything that is none of these
 */
export function intervalOf(text: string, reader: TimeReader): Interval | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = found;
  const y = Number(year);
  const mo = month === undefined ? 0 : Number(month) - 1;
  const d = day === undefined ? 1 : Number(day);
  const h = Number(hour ?? 0);
  const mi = Number(minute ?? 0);
  const s = Number(second ?? 0);
  if (mo < 0 || mo > 11 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || s > 60) return undefined;
  const from = utc(y, mo, d, h, mi, s);
  const to =
    month === undefined
      ? utc(y + 1, 0, 1, 0, 0, 0)
      : day === undefined
        ? utc(y, mo + 1, 1, 0, 0, 0)
        : hour === undefined
          ? utc(y, mo, d + 1, 0, 0, 0)
          : second === undefined
            ? from + 60_000
            : from + 1000;
  if (fraction !== undefined) {
    const at = from + Math.floor(Number(`0${fraction}`) * 1000) - shift(zone, from, reader);
    return { start: at, end: at };
  }
  return { start: from - shift(zone, from, reader), end: to - shift(zone, to, reader) - 1 };
}

function shift(zone: string | undefined, wallClock: number, reader: TimeReader): number {
  if (zone === undefined) return reader.offsetAt(wallClock);
  if (zone === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * 60_000;
}

function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  date.setUTCHours(hour, minute, second, 0);
  return date.getTime();
}

function daysIn(year: number, month: number): number {
  return new Date(utc(year, month + 1, 0, 0, 0, 0)).getUTCDate();
}
