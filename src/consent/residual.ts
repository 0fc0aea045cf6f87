import { readElements } from './elements.ts';
import { isObject, list, own, text } from './json.ts';
import type { ParseOptions } from './parse.ts';
import type { Effect, Elements } from './parsed.ts';

/** What a token says of the Consent it was issued under (IHE PCF, JWT extension `ihe_pcf`). */
export interface Residuals {
  /** As the token states it: an id, `Patient/id` or a URL; undefined when it states none. */
  readonly patientId: string | undefined;
  readonly rules: readonly { readonly effect: Effect; readonly elements: Elements }[];
}

/** Reads `extensions.ihe_pcf`; what cannot be read forbids. */
export function readResiduals(pcf: unknown, options: ParseOptions): Residuals {
  const rules = list(own(pcf, 'residual')).map((residual): Residuals['rules'][number] => {
    const effect: Effect = own(residual, 'type') === 'permit' ? 'permit' : 'deny'; // `forbid`, and `deny` as some write it
    if (!isObject(residual)) return { effect: 'deny', elements: { notUnderstood: false } };
    const data = list(own(residual, 'data')).map((item) => {
      const reference = own(item, 'reference');
      return { meaning: own(item, 'meaning'), reference: typeof reference === 'string' ? { reference } : reference };
    });
    const { type: _, ...rest } = residual;
    const provision = data.length > 0 ? { ...rest, data } : rest;
    return {
      effect,
      elements: readElements(provision, options, { findings: new Set(), purposes: new Set(), dialect: 'R4' }),
    };
  });
  return { patientId: text(own(pcf, 'patient_id')), rules };
}
