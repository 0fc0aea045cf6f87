import type { ResourceKey } from '../fhir/ids.ts';
import type { Parameter } from '../fhir/request.ts';
import { divide, parseCondition } from './conditions.ts';
import { parameterUnder } from './context.ts';
import { refersTo } from './criterion.ts';
import { parseInclude, parseReverseInclude } from './includes.ts';
import { upstreamPageSize } from './page-size.ts';
import type { Include, PlanSettings, SearchPlan } from './plan.ts';
import { Refused } from './refused.ts';
import { compartmentParameters } from './registry.ts';
import {
  isResultParameter,
  parseCount,
  parseProjection,
  parseSort,
  parseTotal,
  resultParameters,
  single,
} from './result-parameters.ts';

/** A search as it was asked: merged parameters, and how strictly they are to be taken. */
export interface SearchQuestion {
  readonly type: string;
  readonly parameters: readonly Parameter[];
  /** Parameters that are not served are left out instead of refused. */
  readonly lenient: boolean;
  readonly compartment?: ResourceKey;
}

/** Handled at the door to every route; they do not belong to the search. */
const representation = new Set(['_format', '_pretty']);

/** @throws {Refused} */
export function planSearch(question: SearchQuestion, settings: PlanSettings): SearchPlan {
  const { type } = question;
  const given = question.parameters.filter(([name]) => !representation.has(name));
  guardSize(given, settings);
  const results = given.filter(([name]) => isResultParameter(name));
  const includes = given.filter(([name]) => isInclude(name));
  const conditions = given.filter(([name]) => !isResultParameter(name) && !isInclude(name));
  if (includes.length > settings.maximumIncludes) throw new Refused('too-costly', '_include');

  const tolerate = question.lenient ? orNothing : <T>(read: () => T): T => read();
  const parsed = canonical(
    conditions.flatMap((parameter) => tolerate(() => parseCondition(type, parameter, settings)) ?? []),
  );
  const included = canonical(
    includes.flatMap((parameter) => tolerate(() => readInclude(type, parameter, settings)) ?? []),
  );
  const compartment = question.compartment && compartmentOf(question.compartment, type, settings);

  const sort = tolerate(() => readSort(type, results, (compartment?.criteria.length ?? 1) > 1, settings)) ?? [];
  const count = single('_count', results);
  const limit = count === undefined ? settings.defaultPageSize : parseCount(count, settings);
  const summary = single('_summary', results);
  const projection = parseProjection(summary, single('_elements', results));
  const countOnly = summary === 'count' || limit === 0;
  const total = parseTotal(single('_total', results), countOnly, settings);
  const pageSize = limit === 0 ? settings.defaultPageSize : limit;

  const honoured = new Map([
    ...results.filter(([name]) => name !== '_sort' || sort.length > 0),
    ...(count === undefined ? [] : [['_count', String(limit)] as const]),
  ]);
  return {
    outcome: 'search',
    type,
    ...(compartment === undefined ? {} : { compartment }),
    ...divide(parsed),
    sort,
    pageSize,
    // Enumerating costs one upstream page after the other, so it takes the largest ones.
    upstreamPageSize: upstreamPageSize(total === 'accurate' ? settings.maximumPageSize : pageSize, settings),
    includes: included.filter(({ name }) => name === '_include').map(({ include }) => include),
    reverseIncludes: included.filter(({ name }) => name === '_revinclude').map(({ include }) => include),
    total,
    countOnly,
    projection,
    self: [
      ...parsed.map(({ self }) => self),
      ...included.map(({ self }) => self),
      ...resultParameters.flatMap((name): Parameter[] => {
        const value = honoured.get(name);
        return value === undefined ? [] : [[name, value]];
      }),
    ],
    scanBudget: settings.scanBudget,
  };
}

function guardSize(given: readonly Parameter[], settings: PlanSettings): void {
  if (given.length > settings.maximumParameters) throw new Refused('too-costly');
  const characters = given.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (characters > settings.maximumQueryCharacters) throw new Refused('too-costly');
}

/** Lenient handling: what is not served is left out; what is malformed is still refused. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused && error.refusal.code === 'parameter-not-supported') return undefined;
    throw error;
  }
}

/** In one order whatever order they came in, each once: it has no meaning, since conditions are ANDed. */
function canonical<T extends { readonly self: Parameter }>(parts: readonly T[]): readonly T[] {
  const byText = new Map(parts.map((part) => [part.self.join('\u0000'), part]));
  return [...byText.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}

function isInclude(name: string): boolean {
  return /^_(rev)?include(:|$)/.test(name);
}

interface ReadInclude {
  readonly name: '_include' | '_revinclude';
  readonly self: Parameter;
  readonly include: Include;
}

function readInclude(type: string, self: Parameter, settings: PlanSettings): ReadInclude {
  const [given, value] = self;
  const [plain, modifier] = given.split(':', 2);
  const name = plain === '_include' ? '_include' : '_revinclude';
  if (modifier !== undefined && given !== `${name}:iterate`) throw new Refused('parameter-not-supported', name);
  const read = name === '_include' ? parseInclude : parseReverseInclude;
  return { name, self, include: read(type, value, modifier !== undefined, settings) };
}

function readSort(
  type: string,
  results: readonly Parameter[],
  merged: boolean,
  settings: PlanSettings,
): SearchPlan['sort'] {
  const value = single('_sort', results);
  if (value === undefined) return [];
  // Several upstream searches are merged; they have no common order.
  if (merged) throw new Refused('parameter-not-supported', '_sort');
  return parseSort(type, value, settings);
}

/** @throws {Refused} `unknown-route` when the type is no member of the compartment */
function compartmentOf(
  root: ResourceKey,
  type: string,
  settings: PlanSettings,
): NonNullable<SearchPlan['compartment']> {
  const parameters = compartmentParameters(root.slice(0, root.indexOf('/')), type);
  if (parameters === undefined) throw new Refused('unknown-route');
  const criteria = parameters.map((name) => refersTo(parameterUnder(settings, type, name), [root], settings));
  return { root, parameters, criteria, earlier: (index) => criteria.slice(0, index) };
}
