import { typeOf } from '../fhir/ids.ts';
import { referenceUnder, searchFor } from './conditions.ts';
import { referencesBy, refersTo } from './criterion.ts';
import type { Include, PlanSettings } from './plan.ts';
import { Refused } from './refused.ts';
import { type SearchParameter, servedTargets } from './registry.ts';
import { isServed } from './served.ts';

/**
 * Reads `_include`: `Source:parameter[:Target]`. Wildcards are not served.
 * @param type the searched type
 * @throws {Refused} `parameter-not-supported`
 */
export function parseInclude(type: string, raw: string, iterate: boolean, settings: PlanSettings): Include {
  const { include } = parse(raw, '_include', iterate, settings);
  if (!iterate && include.sourceType !== type) throw new Refused('parameter-not-supported', '_include');
  return include;
}

/** Reads `_revinclude`: `Source:parameter[:Target]`, where Source refers to what was found. */
export function parseReverseInclude(type: string, raw: string, iterate: boolean, settings: PlanSettings): Include {
  const { include, parameter, targets } = parse(raw, '_revinclude', iterate, settings);
  if (!iterate && !targets.includes(type)) throw new Refused('parameter-not-supported', '_revinclude');
  return {
    ...include,
    search: (keys) => {
      const wanted = keys.filter((key) => targets.includes(typeOf(key)));
      const criterion = refersTo(parameter, wanted, settings);
      return searchFor(
        include.sourceType,
        [{ self: criterion.forward, criterion, bounds: [], sendable: true }],
        settings,
      );
    },
  };
}

interface Parsed {
  readonly include: Include;
  readonly parameter: SearchParameter;
  readonly targets: readonly string[];
}

function parse(raw: string, about: string, iterate: boolean, settings: PlanSettings): Parsed {
  const [sourceType = '', name = '', targetType, ...more] = raw.split(':');
  if (more.length > 0 || !isServed(sourceType)) throw new Refused('parameter-not-supported', about);
  const parameter = referenceUnder(settings, sourceType, name);
  const possible = servedTargets(parameter);
  if (targetType !== undefined && !possible.includes(targetType)) throw new Refused('parameter-not-supported', about);
  const targets = targetType === undefined ? possible : [targetType];
  const references = referencesBy(parameter, targets, settings);
  const include = { sourceType, parameter: name, iterate, references };
  return { include: targetType === undefined ? include : { ...include, targetType }, parameter, targets };
}
