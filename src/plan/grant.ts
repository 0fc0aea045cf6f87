import type { Parameter } from '../fhir/request.ts';
import { parameterUnder } from './context.ts';
import { parseCriterion } from './criterion.ts';
import type { Criterion, PlanSettings } from './plan.ts';
import { Refused } from './refused.ts';

/**
 * The criteria of a granular scope's query (SMART App Launch 2, "Finer-grained resource constraints using search
 * parameters"); all must hold.
 * @returns undefined when it asks for something that is not served: such a scope grants nothing
 */
export function grantCriteria(
  query: readonly Parameter[],
  type: string,
  settings: PlanSettings,
): readonly Criterion[] | undefined {
  try {
    return query.map(([given, value]) => {
      const [name = '', modifier, ...more] = given.split(':');
      if (more.length > 0) throw new Refused('parameter-not-supported');
      return parseCriterion(parameterUnder(settings, type, name), modifier, value, settings).criterion;
    });
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
