import { typeOf } from '../fhir/ids.ts';
import type { Parameter } from '../fhir/request.ts';
import { parameterUnder } from './context.ts';
import { isOneOf, type Placed, parseCriterion, referencesBy, refersTo } from './criterion.ts';
import { upstreamPageSize } from './page-size.ts';
import type { Criterion, Hop, PlanSettings, SearchPlan } from './plan.ts';
import { Refused } from './refused.ts';
import { type SearchParameter, servedTargets } from './registry.ts';
import { isServed } from './served.ts';

/** One condition of a search: a criterion of its own elements, or a hop to other resources. */
export type Condition = Placed | { readonly self: Parameter; readonly hop: Hop };

/** Most types an untyped chain may fan out to; beyond, the client has to name the type. */
const maximumFan = 4;

/**
 * Reads one condition: `name[:modifier]`, a chain `name[:Type].condition`, or `_has:Type:name:condition`.
 * @param depth hops still allowed
 * @throws {Refused}
 */
export function parseCondition(
  type: string,
  [name, value]: Parameter,
  settings: PlanSettings,
  depth: number = settings.maximumChainDepth,
): Condition {
  const has = /^_has:([^:.]+):([^:.]+):(.+)$/s.exec(name);
  if (has !== null) {
    const [, source = '', reference = '', rest = ''] = has;
    return { self: [name, value], hop: parseHas(type, source, reference, [rest, value], settings, deeper(depth)) };
  }
  const dot = name.indexOf('.');
  if (dot >= 0) {
    const [link = '', target, ...more] = name.slice(0, dot).split(':');
    if (more.length > 0) throw new Refused('parameter-not-supported');
    const parameter = referenceUnder(settings, type, link);
    const rest: Parameter = [name.slice(dot + 1), value];
    return { self: [name, value], hop: parseChain(parameter, target, rest, settings, deeper(depth)) };
  }
  const [plain = '', modifier, ...more] = name.split(':');
  const parameter = parameterUnder(settings, type, plain);
  if (more.length > 0) throw new Refused('parameter-not-supported', plain);
  const placed = parseCriterion(parameter, modifier, value, settings);
  return placed;
}

function deeper(depth: number): number {
  if (depth === 0) throw new Refused('parameter-not-supported');
  return depth - 1;
}

/** @throws {Refused} when it is no reference parameter that is served */
export function referenceUnder(settings: PlanSettings, type: string, name: string): SearchParameter {
  const parameter = parameterUnder(settings, type, name);
  if (parameter.kind !== 'reference') throw new Refused('parameter-not-supported', name);
  return parameter;
}

function parseChain(
  parameter: SearchParameter,
  target: string | undefined,
  rest: Parameter,
  settings: PlanSettings,
  depth: number,
): Hop {
  const possible = servedTargets(parameter);
  if (target !== undefined && !possible.includes(target)) throw new Refused('parameter-not-supported', parameter.name);
  const types = target === undefined ? possible : [target];
  const refusals: Refused[] = [];
  const targets = types.flatMap((type) => {
    try {
      return [searchFor(type, [parseCondition(type, rest, settings, depth)], settings)];
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refusals.push(error);
      return [];
    }
  });
  // A type that does not have the parameter cannot match; a value that one of the others refuses is refused.
  const [malformed] = refusals.filter(({ refusal }) => refusal.code !== 'parameter-not-supported');
  if (malformed !== undefined) throw malformed;
  if (targets.length === 0 || targets.length > maximumFan) throw new Refused('parameter-not-supported', parameter.name);
  return {
    kind: 'chain',
    parameter: parameter.name,
    targets,
    resolve: (keys) =>
      checked(
        refersTo(
          parameter,
          keys.filter((key) => types.includes(typeOf(key))),
          settings,
        ),
      ),
  };
}

function parseHas(
  type: string,
  sourceType: string,
  reference: string,
  rest: Parameter,
  settings: PlanSettings,
  depth: number,
): Hop {
  if (!isServed(sourceType)) throw new Refused('parameter-not-supported', '_has');
  const parameter = referenceUnder(settings, sourceType, reference);
  if (!servedTargets(parameter).includes(type)) throw new Refused('parameter-not-supported', '_has');
  return {
    kind: 'has',
    source: searchFor(sourceType, [parseCondition(sourceType, rest, settings, depth)], settings),
    reference: referencesBy(parameter, [type], settings),
    resolve: (keys) => checked(isOneOf(type, keys)),
  };
}

/** Sent and also evaluated on every view: an upstream that drops part of a long list must not widen the answer. */
function checked(criterion: Criterion): {
  readonly forwarded: readonly Criterion[];
  readonly local: readonly Criterion[];
} {
  return { forwarded: [criterion], local: [criterion] };
}

/** Divides conditions into what is sent, what is evaluated here and what needs other searches first. */
export function divide(conditions: readonly Condition[]): Pick<SearchPlan, 'forwarded' | 'local' | 'hops'> {
  const forwarded: Criterion[] = [];
  const local: Criterion[] = [];
  const bounded = new Set<string>();
  for (const condition of conditions) {
    if (!('criterion' in condition)) continue;
    const { criterion, sendable, bounds } = condition;
    const isOwn = sendable && !bounds.some((bound) => bounded.has(bound));
    (isOwn ? forwarded : local).push(criterion);
    if (isOwn) for (const bound of bounds) bounded.add(bound);
  }
  return {
    forwarded,
    local,
    hops: conditions.flatMap((condition) => ('hop' in condition ? [condition.hop] : [])),
  };
}

/** A search that the gateway runs for a hop or a reverse include: all its matches, as far as the limit on ids goes. */
export function searchFor(type: string, conditions: readonly Condition[], settings: PlanSettings): SearchPlan {
  return {
    outcome: 'search',
    type,
    ...divide(conditions),
    sort: [],
    pageSize: settings.maximumHopIds,
    upstreamPageSize: upstreamPageSize(settings.maximumHopIds, settings),
    includes: [],
    reverseIncludes: [],
    total: 'none',
    countOnly: false,
    projection: { kind: 'whole' },
    self: conditions.map(({ self }) => self),
    scanBudget: settings.scanBudget,
  };
}
