import { timeReader } from '../fhir/dates.ts';
import type { Comparison } from './matching/test.ts';
import type { PlanSettings } from './plan.ts';
import { Refused } from './refused.ts';
import { parameterOf, type SearchParameter } from './registry.ts';

const comparisons = new WeakMap<PlanSettings, Comparison>();

/** How values are compared under these settings; made once per settings object. */
export function comparisonUnder(settings: PlanSettings): Comparison {
  const known = comparisons.get(settings);
  if (known !== undefined) return known;
  const comparison = {
    time: timeReader(settings.timeZone),
    localBases: [settings.publicBase, ...settings.otherBases],
  };
  comparisons.set(settings, comparison);
  return comparison;
}

/**
 * The registry's parameter, unless the configuration refuses it.
 * @throws {Refused} `parameter-not-supported`
 */
export function parameterUnder(settings: PlanSettings, type: string, name: string): SearchParameter {
  const parameter = parameterOf(type, name);
  if (parameter === undefined) throw new Refused('parameter-not-supported');
  const { refusedParameters } = settings;
  if (refusedParameters.includes(name) || refusedParameters.includes(`${type}.${name}`)) {
    throw new Refused('parameter-not-supported', name);
  }
  return parameter;
}
