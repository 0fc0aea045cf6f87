import type { Parameter } from '../fhir/request.ts';
import { parameterUnder } from './context.ts';
import type { PlanSettings, Projection, SearchPlan } from './plan.ts';
import { Refused } from './refused.ts';

/** Parameters that shape the answer instead of choosing resources (FHIR R4 Search, "Managing Returned Resources"). */
export const resultParameters = ['_sort', '_count', '_total', '_summary', '_elements'] as const;
export type ResultParameter = (typeof resultParameters)[number];

export function isResultParameter(name: string): name is ResultParameter {
  return (resultParameters as readonly string[]).includes(name);
}

/**
 * The one value of a parameter that may be given once.
 * @throws {Refused} `invalid-request` when it is given twice with different values
 */
export function single(name: string, parameters: readonly Parameter[]): string | undefined {
  const [value, ...others] = new Set(parameters.filter(([given]) => given === name).map(([, given]) => given));
  if (others.length > 0) throw new Refused('invalid-request', name);
  return value;
}

/** `_count`: 0 asks for the count alone; too large is reduced to the maximum. */
export function parseCount(value: string, settings: PlanSettings): number {
  if (!/^\d{1,9}$/.test(value)) throw new Refused('invalid-request', '_count');
  return Math.min(Number(value), settings.maximumPageSize);
}

const maximumSortKeys = 3;
const orderable = new Set(['date', 'string', 'token', 'number', 'uri']);

/** What no element's own label can stand on. */
const neverLeftOut = new Set(['_id', '_lastUpdated']);

/**
 * `_sort`: up to three keys. Only what no cut can reach: an order by a hidden value would tell it; nor what has no order.
 * @throws {Refused}
 */
export function parseSort(type: string, value: string, settings: PlanSettings): SearchPlan['sort'] {
  const keys = value.split(',').map((key) => {
    const descending = key.startsWith('-');
    const parameter = parameterUnder(settings, type, descending ? key.slice(1) : key);
    const mayBeCut = parameter.removable || (settings.leavesOutElements && !neverLeftOut.has(parameter.name));
    if (mayBeCut || !orderable.has(parameter.kind)) throw new Refused('parameter-not-supported', '_sort');
    return { parameter: parameter.name, descending };
  });
  const names = new Set(keys.map(({ parameter }) => parameter));
  if (keys.length > maximumSortKeys) throw new Refused('parameter-not-supported', '_sort');
  if (names.size < keys.length) throw new Refused('invalid-request', '_sort');
  return keys;
}

/**
 * When the total is given. An estimate is never made, since upstream's would count what is hidden: `_total=estimate` is
 * answered like no `_total` at all.
 * @throws {Refused} `parameter-not-supported` for an exact total where the deployment gives none
 */
export function parseTotal(value: string | undefined, countOnly: boolean, settings: PlanSettings): SearchPlan['total'] {
  if (value !== undefined && !['none', 'accurate', 'estimate'].includes(value)) {
    throw new Refused('invalid-request', '_total');
  }
  if (settings.totals === 'none') {
    if (countOnly) throw new Refused('parameter-not-supported', '_summary');
    if (value === 'accurate') throw new Refused('parameter-not-supported', '_total');
    return 'none';
  }
  if (countOnly || value === 'accurate') return 'accurate';
  return value === 'none' ? 'none' : 'first-page';
}

/** @throws {Refused} `invalid-request` for values outside the standard's, or both parameters together */
export function parseProjection(summary: string | undefined, elements: string | undefined): Projection {
  if (summary !== undefined && !['true', 'text', 'data', 'count', 'false'].includes(summary)) {
    throw new Refused('invalid-request', '_summary');
  }
  const asked = summary === 'true' || summary === 'text' || summary === 'data' ? summary : undefined;
  if (elements === undefined) return asked === undefined ? { kind: 'whole' } : { kind: 'summary', summary: asked };
  if (summary !== undefined && summary !== 'false') throw new Refused('invalid-request', '_elements');
  const names = [...new Set(elements.split(',').map((name) => name.trim()))];
  if (!names.every((name) => /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(name)))
    throw new Refused('invalid-request', '_elements');
  return { kind: 'elements', elements: names };
}
