import type { SearchParameter } from './parameters.ts';
import { isObject } from './path.ts';
import type { Json, JsonObject } from './store.ts';

export class BadSearch extends Error {}

type Matcher = (values: readonly Json[]) => boolean;

/**
 * What one parameter of a search asks of the values it reads (FHIR R4 Search, 3.1.1.4).
 * @param text comma-separated alternatives, `\,` `\|` `\\` escaped
 * @throws {BadSearch} for modifiers and values that are not understood: they are never ignored
 */
export function matcherFor(parameter: SearchParameter, modifier: string | undefined, text: string): Matcher {
  if (text === '') throw new BadSearch(`Empty value for ${parameter.name}.`);
  if (modifier === 'missing') {
    if (text !== 'true' && text !== 'false') throw new BadSearch(':missing takes true or false.');
    return (values) => (values.length === 0) === (text === 'true');
  }
  if (parameter.name === '_id' && modifier === undefined && !/[|\\]/.test(text)) {
    const ids = new Set(text.split(',')); // many are asked for at once
    return (values) => values.some((value) => typeof value === 'string' && ids.has(value));
  }
  const alternatives = split(text, ',').map((alternative) => valueMatcher(parameter, modifier, alternative));
  const any: Matcher = (values) => values.some((value) => alternatives.some((matches) => matches(value)));
  return parameter.type === 'token' && modifier === 'not' ? (values) => !any(values) : any;
}

function valueMatcher(
  parameter: SearchParameter,
  modifier: string | undefined,
  text: string,
): (value: Json) => boolean {
  const unknown = () => new BadSearch(`Modifier :${modifier} of ${parameter.name} is not supported.`);
  switch (parameter.type) {
    case 'token':
      if (modifier !== undefined && modifier !== 'not') throw unknown();
      return token(text);
    case 'reference':
      if (modifier === 'identifier') {
        const matches = token(text);
        return (value) => isObject(value) && matches(value.identifier ?? null);
      }
      if (modifier !== undefined && !/^[A-Z][A-Za-z]+$/.test(modifier)) throw unknown();
      return reference(modifier === undefined ? unescaped(text) : `${modifier}/${unescaped(text)}`);
    case 'string':
      return string(modifier, unescaped(text), unknown);
    case 'uri':
      if (modifier !== undefined) throw unknown();
      return (value) => value === unescaped(text);
    case 'date':
    case 'number':
    case 'quantity': {
      if (modifier !== undefined) throw unknown();
      return ordered(parameter, text);
    }
    default:
      throw parameter.type satisfies never;
  }
}

function token(text: string): (value: Json) => boolean {
  const parts = split(text, '|').map(unescaped);
  if (parts.length > 2) throw new BadSearch('A token is [system|]code.');
  const system = parts.length === 2 ? parts[0] : undefined;
  const code = parts.at(-1) ?? '';
  return (value) =>
    codesOf(value).some(
      (found) =>
        (code === '' || found.code === code) &&
        (system === undefined ||
          found.implied ||
          (system === '' ? found.system === undefined : found.system === system)),
    );
}

interface Code {
  readonly system: string | undefined;
  readonly code: string | undefined;
  /** A plain code, whose system its element's binding gives. */
  readonly implied: boolean;
}

function codesOf(value: Json): Code[] {
  if (typeof value === 'string' || typeof value === 'boolean')
    return [{ system: undefined, code: String(value), implied: true }];
  if (!isObject(value)) return [];
  if (Array.isArray(value.coding)) return value.coding.flatMap(codesOf);
  const code = value.code ?? value.value;
  return [{ system: asText(value.system), code: asText(code), implied: false }];
}

function reference(wanted: string): (value: Json) => boolean {
  const bare = !wanted.includes('/') && !wanted.includes(':');
  return (value) => {
    const target =
      typeof value === 'string' ? value.replace(/\|.*$/, '') : isObject(value) ? asText(value.reference) : undefined;
    if (target === undefined) return false;
    const unversioned = target.replace(/\/_history\/[^/]+$/, '');
    return unversioned === wanted || (bare && /^[A-Z]/.test(unversioned) && unversioned.endsWith(`/${wanted}`));
  };
}

function string(modifier: string | undefined, wanted: string, unknown: () => Error): (value: Json) => boolean {
  const plain = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  switch (modifier) {
    case undefined:
      return (value) => textsOf(value).some((text) => plain(text).startsWith(plain(wanted)));
    case 'contains':
      return (value) => textsOf(value).some((text) => plain(text).includes(plain(wanted)));
    case 'exact':
      return (value) => textsOf(value).includes(wanted);
    default:
      throw unknown();
  }
}

/** A string, or the strings of a HumanName or an Address. */
export function textsOf(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (!isObject(value)) return [];
  const { use: _use, period: _period, type: _type, extension: _extension, ...parts } = value;
  return Object.values(parts).flatMap(textsOf);
}

/** Half-open for dates (epoch milliseconds), closed for numbers. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

function ordered(parameter: SearchParameter, text: string): (value: Json) => boolean {
  const [, prefix = 'eq', rest = ''] = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)$/s.exec(text) ?? [];
  const [number = '', system, unit] = parameter.type === 'quantity' ? split(rest, '|').map(unescaped) : [rest];
  const wanted = parameter.type === 'date' ? dateRange(number) : numberRange(number);
  if (wanted === undefined) throw new BadSearch(`Not a value for ${parameter.name}.`);
  const inUnit = (value: Json) =>
    unit === undefined ||
    (isObject(value) &&
      (system === '' || value.system === system) &&
      (value.code === unit || (system === '' && value.unit === unit)));
  return (value) => {
    const found = rangeOf(value);
    return found !== undefined && inUnit(value) && compare(prefix, found, wanted);
  };
}

/** FHIR R4 Search, 3.1.1.4.5, prefixes. */
function compare(prefix: string, found: Range, wanted: Range): boolean {
  const within = found.low >= wanted.low && found.high <= wanted.high;
  switch (prefix) {
    case 'eq':
      return within;
    case 'ne':
      return !within;
    case 'gt':
      return found.high > wanted.high;
    case 'lt':
      return found.low < wanted.low;
    case 'ge':
      return found.high > wanted.high || within;
    case 'le':
      return found.low < wanted.low || within;
    case 'sa':
      return found.low >= wanted.high;
    case 'eb':
      return found.high <= wanted.low;
    default: // ap
      return found.low < wanted.high && found.high > wanted.low;
  }
}

export function rangeOf(value: Json): Range | undefined {
  if (typeof value === 'number') return { low: value, high: value };
  if (typeof value === 'string') return dateRange(value);
  if (!isObject(value)) return undefined;
  if (typeof value.value === 'number') return { low: value.value, high: value.value };
  if (value.start !== undefined || value.end !== undefined) return periodRange(value);
  if (Array.isArray(value.event)) {
    const ranges = value.event.map(rangeOf).filter((range) => range !== undefined);
    return { low: Math.min(...ranges.map(({ low }) => low)), high: Math.max(...ranges.map(({ high }) => high)) };
  }
  return undefined;
}

function periodRange(period: JsonObject): Range | undefined {
  const start = dateRange(asText(period.start) ?? '');
  const end = dateRange(asText(period.end) ?? '');
  return { low: start?.low ?? Number.NEGATIVE_INFINITY, high: end?.high ?? Number.POSITIVE_INFINITY };
}

/** The time that a date of any precision covers; without a zone, UTC. */
function dateRange(text: string): Range | undefined {
  const parts = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?)?)?)?$/.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, minutes, seconds, fraction, zone] = parts;
  const low = Date.parse(
    `${year}-${month ?? '01'}-${day ?? '01'}T${minutes ?? '00:00'}${seconds ?? ':00'}${(fraction ?? '').slice(0, 4)}${zone ?? 'Z'}`,
  );
  if (Number.isNaN(low)) return undefined;
  const next = new Date(low);
  if (month === undefined) next.setUTCFullYear(next.getUTCFullYear() + 1);
  else if (day === undefined) next.setUTCMonth(next.getUTCMonth() + 1);
  else if (minutes === undefined) next.setUTCDate(next.getUTCDate() + 1);
  else next.setTime(low + (seconds === undefined ? 60_000 : fraction === undefined ? 1_000 : 1));
  return { low, high: next.getTime() };
}

/** A number stands for all that round to it: 5.4 is 5.35 to 5.45. */
function numberRange(text: string): Range | undefined {
  const parts = /^-?\d+(?:\.(\d+))?(?:e(-?\d+))?$/i.exec(text);
  if (parts === null) return undefined;
  const half = 0.5 * 10 ** (Number(parts[2] ?? 0) - (parts[1]?.length ?? 0));
  return { low: Number(text) - half, high: Number(text) + half };
}

/** Splits at a separator that no backslash stands before. */
function split(text: string, separator: string): string[] {
  return text.split(new RegExp(`(?<!\\\\)${separator === '|' ? '\\|' : separator}`));
}

function unescaped(text: string): string {
  return text.replace(/\\([,|$\\])/g, '$1');
}

export function asText(value: Json | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
