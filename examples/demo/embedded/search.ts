import { asText, BadSearch, matcherFor, rangeOf, textsOf } from './match.ts';
import type { Parameters, SearchParameter } from './parameters.ts';
import { isObject } from './path.ts';
import type { Json, Store, Version } from './store.ts';

/** Where a search looks, and what it may ask by. */
export interface Searched {
  readonly store: Store;
  readonly known: Parameters;
}

export interface SearchResult {
  /** One page of matches. */
  readonly matches: readonly Version[];
  readonly included: readonly Version[];
  /** How many match in all. */
  readonly total: number;
}

type Test = (candidate: Version) => boolean;
type SortKey = { readonly parameter: SearchParameter; readonly descending: boolean };

const defaultCount = 50;
const maximumCount = 1_000;
/** Ask for nothing that this server would answer differently. */
const presentation = new Set(['_format', '_pretty', '_total']);

/**
 * Runs one search. What is not understood is refused, never ignored.
 * @throws {BadSearch}
 */
export function search(at: Searched, type: string, parameters: Iterable<readonly [string, string]>): SearchResult {
  const { store, known } = at;
  const tests: Test[] = [];
  const sort: SortKey[] = [];
  const includes: ((match: Version) => Iterable<Version>)[] = [];
  let count = defaultCount;
  let offset = 0;
  for (const [name, value] of parameters) {
    if (name === '_sort') sort.push(...value.split(',').map((key) => sortKey(known, type, key)));
    else if (name === '_count') count = Math.min(wholeNumber(name, value), maximumCount);
    else if (name === '_offset') offset = wholeNumber(name, value);
    else if (name === '_summary' && value === 'count') count = 0;
    else if (name === '_include') includes.push(include(at, type, value));
    else if (name === '_revinclude') includes.push(reverseInclude(at, type, value));
    else if (!presentation.has(name)) tests.push(criterion(at, type, name, value));
  }
  const found = [...store.all(type)].filter((candidate) => tests.every((test) => test(candidate)));
  if (sort.length > 0) sortBy(found, sort);
  const matches = found.slice(offset, offset + count);
  const keys = new Set(matches.map(keyOf));
  const included = new Map<string, Version>();
  for (const match of matches) {
    for (const give of includes) {
      for (const version of give(match)) if (!keys.has(keyOf(version))) included.set(keyOf(version), version);
    }
  }
  return { matches, included: [...included.values()], total: found.length };
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new BadSearch(`${name} takes a whole number.`);
  return Number(value);
}

function required(known: Parameters, type: string, name: string): SearchParameter {
  const parameter = known.find(type, name);
  if (parameter === undefined) throw new BadSearch(`Search parameter ${name} is not supported for ${type}.`);
  return parameter;
}

function criterion(at: Searched, type: string, name: string, value: string): Test {
  if (name.startsWith('_has:')) return reverseChain(at, name, value);
  const dot = name.indexOf('.');
  if (dot > 0) return chain(at, type, name.slice(0, dot), name.slice(dot + 1), value);
  const [base = '', modifier] = name.split(':', 2);
  const parameter = required(at.known, type, base);
  const matches = matcherFor(parameter, modifier, value);
  return ({ resource }) => matches(valuesOf(parameter, resource));
}

function valuesOf(parameter: SearchParameter, resource: Version['resource']): readonly Json[] {
  return resource === undefined ? [] : parameter.values(resource);
}

/** `patient.name=x`, `subject:Patient.name=x`. */
function chain(at: Searched, type: string, link: string, rest: string, value: string): Test {
  const { store, known } = at;
  const [name = '', targetType] = link.split(':', 2);
  const parameter = required(known, type, name);
  const last = rest.split(/[:.]/, 1)[0] ?? '';
  const targets = (targetType === undefined ? parameter.targets : [targetType]).filter(
    (target) => known.find(target, last) !== undefined,
  );
  if (targets.length === 0) throw new BadSearch(`Search parameter ${link}.${rest} is not supported for ${type}.`);
  const tests = new Map(targets.map((target) => [target, criterion(at, target, rest, value)]));
  return ({ resource }) =>
    targetsOf(store, valuesOf(parameter, resource)).some((target) => tests.get(target.type)?.(target) === true);
}

/** `_has:Observation:patient:code=x`. */
function reverseChain(at: Searched, name: string, value: string): Test {
  const { store, known } = at;
  const [, source = '', link = '', ...rest] = name.split(':');
  const parameter = required(known, source, link);
  const test = criterion(at, source, rest.join(':'), value);
  const keys = new Set(
    [...store.all(source)]
      .filter(test)
      .flatMap(({ resource }) => targetsOf(store, valuesOf(parameter, resource)))
      .map(keyOf),
  );
  return (candidate) => keys.has(keyOf(candidate));
}

/** `Observation:encounter[:Encounter]`. */
function include({ store, known }: Searched, type: string, text: string): (match: Version) => Iterable<Version> {
  const [source = '', name = '', targetType] = text.split(':');
  const parameter = required(known, source, name);
  if (source !== type) throw new BadSearch('_include starts from the searched type.');
  return ({ resource }) =>
    targetsOf(store, valuesOf(parameter, resource)).filter(
      (target) => targetType === undefined || target.type === targetType,
    );
}

/** `Provenance:target`. */
function reverseInclude({ store, known }: Searched, type: string, text: string): (match: Version) => Iterable<Version> {
  const [source = '', name = '', targetType] = text.split(':');
  const parameter = required(known, source, name);
  return (match) => {
    if (targetType !== undefined && targetType !== type) return [];
    const wanted = keyOf(match);
    return [...store.all(source)].filter(({ resource }) =>
      valuesOf(parameter, resource).some((value) => isObject(value) && asText(value.reference) === wanted),
    );
  };
}

function targetsOf(store: Store, values: readonly Json[]): Version[] {
  return values.flatMap((value) => {
    const [type, id] = (isObject(value) ? (asText(value.reference) ?? '') : '').split('/');
    const target = type === undefined || id === undefined ? undefined : store.current(type, id);
    return target?.text === undefined ? [] : [target];
  });
}

function keyOf({ type, id }: Version): string {
  return `${type}/${id}`;
}

function sortKey(known: Parameters, type: string, text: string): SortKey {
  const descending = text.startsWith('-');
  return { parameter: required(known, type, descending ? text.slice(1) : text), descending };
}

/** Stable; what has no value comes last, whichever the direction. */
function sortBy(versions: Version[], keys: readonly SortKey[]): void {
  const values = new Map(
    versions.map((version) => [
      version,
      keys.map(({ parameter, descending }) => sortValue(parameter, descending, version)),
    ]),
  );
  versions.sort((left, right) => {
    for (const [index, { descending }] of keys.entries()) {
      const [a, b] = [values.get(left)?.[index], values.get(right)?.[index]];
      if (a === b) continue;
      if (a === undefined) return 1;
      if (b === undefined) return -1;
      return (a < b ? -1 : 1) * (descending ? -1 : 1);
    }
    return 0;
  });
}

function sortValue(parameter: SearchParameter, descending: boolean, version: Version): string | number | undefined {
  const values = valuesOf(parameter, version.resource).flatMap((value): (string | number)[] => {
    if (parameter.type === 'date' || parameter.type === 'number' || parameter.type === 'quantity') {
      const range = rangeOf(value);
      return range === undefined ? [] : [descending ? range.high : range.low];
    }
    if (parameter.type === 'reference' && isObject(value)) return [asText(value.reference) ?? ''];
    return textsOf(value).map((text) => (parameter.type === 'string' ? text.toLowerCase() : text));
  });
  return values.sort((a, b) => (a < b ? -1 : 1)).at(descending ? -1 : 0);
}
