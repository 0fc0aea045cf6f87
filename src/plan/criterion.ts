import { idOf, type ResourceKey, typeOf } from '../fhir/ids.ts';
import type { Parameter } from '../fhir/request.ts';
import { comparisonUnder } from './context.ts';
import { split } from './escape.ts';
import { parseDate } from './matching/date.ts';
import { found } from './matching/extract.ts';
import { parseNumber, parseQuantity } from './matching/number.ts';
import { keyOf, parseReference, toKeys } from './matching/reference.ts';
import { parseString, parseUri } from './matching/string.ts';
import type { Rejected, Test } from './matching/test.ts';
import { parseIdentifier, parseToken } from './matching/token.ts';
import type { Criterion, PlanSettings } from './plan.ts';
import { Refused } from './refused.ts';
import type { SearchParameter } from './registry.ts';

/** A criterion and where it may be evaluated. */
export interface Placed {
  readonly criterion: Criterion;
  /** As it was asked, in canonical form. */
  readonly self: Parameter;
  /** Which ends of a range it bounds, for dates: servers take one lower and one upper bound of a parameter. */
  readonly bounds: readonly string[];
  /** True when it holds in a view only if it holds upstream: then it is sent. */
  readonly sendable: boolean;
}

/**
 * Reads one parameter of a search; every value is fully checked, so that nothing upstream can object to it.
 * @param raw the comma-separated value list, escaped as it came
 * @throws {Refused} `parameter-not-supported` for a modifier or value form that is not served, `invalid-request` for
 *   what is no value of this kind
 */
export function parseCriterion(
  parameter: SearchParameter,
  modifier: string | undefined,
  raw: string,
  settings: PlanSettings,
): Placed {
  if (modifier === 'missing') return missing(parameter, raw);
  const values = split(raw, ',');
  if (values.length > settings.maximumValues) throw new Refused('too-costly', parameter.name);
  const tests = values.map((value) => accepted(parseValue(parameter, modifier, value, settings), parameter));
  const negated = modifier === 'not';
  const placed = criterion(parameter, modifier, tests, negated);
  return {
    criterion: placed,
    self: [named(parameter, modifier), tests.map(({ canonical }) => canonical).join(',')],
    bounds: tests.flatMap(({ bounds = [] }) => bounds.map((end) => `${parameter.name} ${end}`)),
    sendable: !negated && !parameter.local && isUnderstood(parameter, modifier, tests, settings),
  };
}

/** Parameters whose lists servers do not agree on. */
const singly: ReadonlySet<string> = new Set<SearchParameter['kind']>(['date', 'number', 'quantity']);

/** Whether servers agree on it, so that it neither fails nor narrows the answer when it is sent. */
function isUnderstood(
  { kind, form }: SearchParameter,
  modifier: string | undefined,
  tests: readonly Test[],
  { forwardedModifiers }: PlanSettings,
): boolean {
  if (form === 'exists' || tests.some(({ negative }) => negative)) return false;
  if (tests.length > 1 && (singly.has(kind) || modifier === 'identifier')) return false;
  const isOwn = modifier === 'exact' || modifier === 'contains' || modifier === 'identifier';
  return !isOwn || forwardedModifiers.includes(modifier);
}

function accepted(test: Test | Rejected, parameter: SearchParameter): Test {
  if (test === 'unsupported') throw new Refused('parameter-not-supported', parameter.name);
  if (test === 'malformed') throw new Refused('invalid-request', parameter.name);
  return test;
}

function parseValue(
  parameter: SearchParameter,
  modifier: string | undefined,
  raw: string,
  settings: PlanSettings,
): Test | Rejected {
  switch (parameter.kind) {
    case 'token':
      return modifier === undefined || modifier === 'not' ? parseToken(raw, parameter) : 'unsupported';
    case 'string':
      if (modifier !== undefined && modifier !== 'exact' && modifier !== 'contains') return 'unsupported';
      return parseString(raw, modifier);
    case 'reference':
      if (modifier === 'identifier') return parseIdentifier(raw);
      if (modifier !== undefined && !parameter.targets.includes(modifier)) return 'unsupported';
      return parseReference(raw, parameter, comparisonUnder(settings), modifier);
    case 'date':
      return modifier === undefined
        ? parseDate(raw, comparisonUnder(settings), parameter.name === '_lastUpdated')
        : 'unsupported';
    case 'number':
      return modifier === undefined ? parseNumber(raw) : 'unsupported';
    case 'quantity':
      return modifier === undefined ? parseQuantity(raw) : 'unsupported';
    case 'uri':
      return modifier === undefined ? parseUri(raw) : 'unsupported';
    default:
      return parameter.kind satisfies never;
  }
}

function criterion(
  parameter: SearchParameter,
  modifier: string | undefined,
  tests: readonly Test[],
  negated: boolean,
): Criterion {
  // The values of a `[Type]` modifier are sent with their type, so that the modifier is not needed.
  const sent = modifier !== undefined && parameter.targets.includes(modifier) ? undefined : modifier;
  return {
    parameter: parameter.name,
    ...(modifier === undefined ? {} : { modifier }),
    forward: [named(parameter, sent), listed(tests)],
    paths: pathsOf(parameter),
    matches: (view) => found(parameter, view).some((value) => tests.some((test) => test.holds(value))) !== negated,
  };
}

function missing(parameter: SearchParameter, raw: string): Placed {
  if (parameter.form === 'exists') throw new Refused('parameter-not-supported', parameter.name);
  if (raw !== 'true' && raw !== 'false') throw new Refused('invalid-request', parameter.name);
  const wanted = raw === 'true';
  return {
    sendable: false,
    self: [`${parameter.name}:missing`, raw],
    bounds: [],
    criterion: {
      parameter: parameter.name,
      modifier: 'missing',
      forward: [`${parameter.name}:missing`, raw],
      paths: pathsOf(parameter),
      matches: (view) => (found(parameter, view).length === 0) === wanted,
    },
  };
}

function named({ name }: SearchParameter, modifier: string | undefined): string {
  return modifier === undefined ? name : `${name}:${modifier}`;
}

/** The values as they are sent, each once. */
function listed(tests: readonly Test[]): string {
  return [...new Set(tests.flatMap(({ sent, canonical }) => split(sent ?? canonical, ',')))].join(',');
}

function pathsOf({ elements }: SearchParameter): readonly string[] {
  return elements.map(({ path }) => path);
}

/** An id that no server assigns: the nil UUID. */
const unmatchableId = '00000000-0000-0000-0000-000000000000';

/** Matches nothing, here and upstream: an empty list of ids must never become "no restriction". */
export function nothing(type: string): Criterion {
  return { parameter: '_id', forward: ['_id', unmatchableId], paths: [`${type}.id`], matches: () => false };
}

/** Refers to any of these keys; the keys of types that the parameter cannot lead to are left out. */
export function refersTo(parameter: SearchParameter, keys: readonly ResourceKey[], settings: PlanSettings): Criterion {
  const { targets } = parameter;
  const possible = targets.length === 0 ? keys : keys.filter((key) => targets.includes(typeOf(key)));
  if (possible.length === 0) return nothing(parameter.type);
  return criterion(parameter, undefined, [toKeys(possible, comparisonUnder(settings))], false);
}

/** Is one of these resources. */
export function isOneOf(type: string, keys: readonly ResourceKey[]): Criterion {
  const ids = new Set(keys.filter((key) => typeOf(key) === type).map(idOf));
  if (ids.size === 0) return nothing(type);
  return {
    parameter: '_id',
    forward: ['_id', [...ids].join(',')],
    paths: [`${type}.id`],
    matches: ({ id }) => typeof id === 'string' && ids.has(id),
  };
}

/** The keys that a view refers to by a parameter, each once, in document order. */
export function referencesBy(
  parameter: SearchParameter,
  types: readonly string[],
  settings: PlanSettings,
): (view: Readonly<Record<string, unknown>>) => readonly ResourceKey[] {
  const comparison = comparisonUnder(settings);
  return (view) => {
    const keys = found(parameter, view).map((value) => keyOf(value, comparison));
    return [...new Set(keys.filter((key) => key !== undefined && types.includes(typeOf(key))))] as ResourceKey[];
  };
}
