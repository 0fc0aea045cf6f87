import { intervalOf } from '../fhir/dates.ts';
import { isId, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import type { FhirRequest, Parameter } from '../fhir/request.ts';
import { conditionalOf } from './conditional.ts';
import { comparisonUnder } from './context.ts';
import { isLenient, negotiate } from './negotiate.ts';
import type { HistoryPlan, PagePlan, Plan, PlanSettings, Projection, Refusal, SearchPlan } from './plan.ts';
import { Refused } from './refused.ts';
import { isCompartment } from './registry.ts';
import { parseCount, parseProjection, single } from './result-parameters.ts';
import { planSearch } from './search.ts';
import { isServed } from './served.ts';

/** The routes there are; everything else is one constant refusal. */
type Route =
  | { readonly name: 'base' }
  | { readonly name: 'metadata' }
  | { readonly name: 'type'; readonly type: string }
  | { readonly name: 'type-search'; readonly type: string }
  | { readonly name: 'instance'; readonly type: string; readonly id: string }
  | { readonly name: 'history'; readonly type: string; readonly id: string }
  | { readonly name: 'version'; readonly type: string; readonly id: string; readonly version: string }
  | { readonly name: 'compartment'; readonly root: string; readonly id: string; readonly type: string }
  | { readonly name: 'compartment-search'; readonly root: string; readonly id: string; readonly type: string };

const posted: ReadonlySet<Route['name']> = new Set(['type-search', 'compartment-search']);

/**
 * What will be done for a request: a function of its shape and the configuration, decided before anything is read.
 * Checked in this order: route, method, representation, id, parameters.
 */
export function planFor(request: FhirRequest, settings: PlanSettings): Plan | Refusal {
  try {
    const route = routeOf(request.path);
    if (route === undefined) throw new Refused('unknown-route');
    if (!methodsOf(route).includes(request.method)) throw new Refused('method-not-allowed');
    const parameters = [...request.query, ...request.form];
    negotiate(request, parameters);
    return planRoute(route, request, parameters, settings);
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

/** Methods of a path's route, for `Allow` and CORS: alike for every id, known or not. [] when there is no such route. */
export function methodsFor(path: readonly string[]): readonly string[] {
  const route = routeOf(path);
  return route === undefined ? [] : methodsOf(route);
}

function methodsOf(route: Route): readonly string[] {
  return posted.has(route.name) ? ['POST'] : ['GET', 'HEAD'];
}

function routeOf(path: readonly string[]): Route | undefined {
  const [first, second, third, fourth, ...more] = path;
  if (first === undefined) return { name: 'base' };
  if (first === 'metadata') return second === undefined ? { name: 'metadata' } : undefined;
  if (!isServed(first) || more.length > 0) return undefined;
  if (second === undefined) return { name: 'type', type: first };
  if (second === '_search') return third === undefined ? { name: 'type-search', type: first } : undefined;
  if (second.startsWith('_') || second.startsWith('$')) return undefined;
  if (third === undefined) return { name: 'instance', type: first, id: second };
  if (third === '_history') {
    if (fourth === undefined) return { name: 'history', type: first, id: second };
    return { name: 'version', type: first, id: second, version: fourth };
  }
  if (!isCompartment(first) || !isServed(third)) return undefined;
  if (fourth === undefined) return { name: 'compartment', root: first, id: second, type: third };
  return fourth === '_search' ? { name: 'compartment-search', root: first, id: second, type: third } : undefined;
}

function planRoute(route: Route, request: FhirRequest, parameters: readonly Parameter[], settings: PlanSettings): Plan {
  const lenient = isLenient(request);
  switch (route.name) {
    case 'base': {
      const page = pageOf(parameters);
      if (page === undefined) throw new Refused('unknown-route');
      return page;
    }
    case 'metadata': {
      onlyThese(['mode'], parameters, lenient);
      if ((single('mode', parameters) ?? 'full') !== 'full') throw new Refused('parameter-not-supported', 'mode');
      return { outcome: 'capabilities' };
    }
    case 'type':
      return pageOf(parameters) ?? planSearch({ type: route.type, parameters, lenient }, settings);
    case 'type-search':
      return planSearch({ type: route.type, parameters, lenient }, settings);
    case 'compartment':
    case 'compartment-search':
      return planSearch(
        { type: route.type, parameters, lenient, compartment: keyOf(route.root, route.id) },
        settings,
      ) satisfies SearchPlan;
    case 'instance': {
      const { type } = route;
      const key = keyOf(type, route.id);
      return { outcome: 'read', key, type, projection: projectionOf(parameters, lenient), ...conditional(request) };
    }
    case 'version': {
      const { type, version } = route;
      const key = keyOf(type, route.id);
      if (!isId(version)) throw new Refused('not-found');
      return { outcome: 'vread', key, type, version, projection: projectionOf(parameters, lenient) };
    }
    case 'history':
      return pageOf(parameters) ?? planHistory(keyOf(route.type, route.id), route.type, parameters, lenient, settings);
    default:
      return route satisfies never;
  }
}

function conditional(request: FhirRequest): { readonly conditional: ReturnType<typeof conditionalOf> } {
  return { conditional: conditionalOf(request.headers) };
}

/** An id that breaks FHIR's grammar is answered like one that is absent. */
function keyOf(type: string, id: string): ResourceKey {
  if (!isId(id)) throw new Refused('not-found');
  return resourceKey(type, id);
}

/** `?_page=TOKEN` and nothing else: what is asked is sealed in the token. */
function pageOf(parameters: readonly Parameter[]): PagePlan | undefined {
  const token = single('_page', parameters);
  if (token === undefined) return undefined;
  if (parameters.some(([name]) => name !== '_page' && name !== '_format' && name !== '_pretty')) {
    throw new Refused('invalid-request', '_page');
  }
  if (!/^[A-Za-z0-9_-]{1,4096}$/.test(token)) throw new Refused('page-not-found');
  return { outcome: 'page', token };
}

function projectionOf(parameters: readonly Parameter[], lenient: boolean): Projection {
  onlyThese(['_summary', '_elements'], parameters, lenient);
  const summary = single('_summary', parameters);
  if (summary === 'count') throw new Refused('invalid-request', '_summary');
  return parseProjection(summary, single('_elements', parameters));
}

function planHistory(
  key: ResourceKey,
  type: string,
  parameters: readonly Parameter[],
  lenient: boolean,
  settings: PlanSettings,
): HistoryPlan {
  onlyThese(['_count', '_since'], parameters, lenient);
  const count = single('_count', parameters);
  const since = single('_since', parameters);
  const limit = count === undefined ? settings.defaultPageSize : parseCount(count, settings);
  if (limit === 0) throw new Refused('parameter-not-supported', '_count');
  const instant = since === undefined ? undefined : instantOf(since, settings);
  return {
    outcome: 'history',
    key,
    type,
    pageSize: limit,
    ...(instant === undefined ? {} : { since: instant }),
    self: [
      ...(count === undefined ? [] : [['_count', String(limit)] as const]),
      ...(since === undefined ? [] : [['_since', since] as const]),
    ],
  };
}

/** A FHIR `instant`: to the second or finer, with its offset. */
function instantOf(value: string, settings: PlanSettings): number {
  const written = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(value);
  const interval = written ? intervalOf(value, comparisonUnder(settings).time) : undefined;
  if (interval === undefined) throw new Refused('invalid-request', '_since');
  return interval.start;
}

const everywhere: readonly string[] = ['_format', '_pretty'];

function onlyThese(known: readonly string[], parameters: readonly Parameter[], lenient: boolean): void {
  if (!lenient && parameters.some(([name]) => !known.includes(name) && !everywhere.includes(name))) {
    throw new Refused('parameter-not-supported');
  }
}
