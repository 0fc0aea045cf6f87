import { isId, parseLocalReference, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import { readElements } from './elements.ts';
import { isObject, list, own, text } from './json.ts';
import type { ParseOptions } from './parse.ts';
import type { Effect, Elements } from './parsed.ts';

/** What a token says of the Consent it was issued under (IHE PCF, JWT extension `ihe_pcf`). */
export interface Residuals {
  /** Whom the token is about; undefined when that is nobody of this server, or cannot be read: then it opens nobody's data. */
  readonly patient: ResourceKey | undefined;
  /** The Consents it was issued under: `Consent/id`, or the absolute URL of one elsewhere; undefined for what is neither. */
  readonly documents: readonly (string | undefined)[];
  readonly rules: readonly { readonly effect: Effect; readonly elements: Elements }[];
}

/** Reads `extensions.ihe_pcf`; what cannot be read forbids. Policies that were considered (`acp`) add nothing to enforce. */
export function readResiduals(pcf: unknown, options: ParseOptions): Residuals {
  const rules = list(own(pcf, 'residual')).map((residual): Residuals['rules'][number] => {
    const effect: Effect = own(residual, 'type') === 'permit' ? 'permit' : 'deny'; // `forbid`, and `deny` as some write it
    if (!isObject(residual)) return { effect: 'deny', elements: { notUnderstood: false } };
    const data = list(own(residual, 'data')).map((item) => {
      const reference = own(item, 'reference');
      return { meaning: own(item, 'meaning'), reference: typeof reference === 'string' ? { reference } : reference };
    });
    const { type: _, ...rest } = residual;
    return {
      effect,
      elements: readElements({ ...rest, data }, options, {
        findings: new Set(),
        purposes: new Set(),
        dialect: 'residual',
      }),
    };
  });
  return {
    patient: patientIn(text(own(pcf, 'patient_id')), options.localBases),
    documents: list(own(pcf, 'doc_id')).map((document) => documentIn(text(document), options.localBases)),
    rules,
  };
}

/** An id, a relative reference or a URL of this server. */
function patientIn(stated: string | undefined, localBases: readonly string[]): ResourceKey | undefined {
  if (stated === undefined) return undefined;
  if (isId(stated)) return resourceKey('Patient', stated);
  const key = parseLocalReference(stated, localBases);
  return key?.startsWith('Patient/') ? key : undefined;
}

function documentIn(stated: string | undefined, localBases: readonly string[]): string | undefined {
  if (stated === undefined) return undefined;
  if (isId(stated)) return `Consent/${stated}`;
  const key = parseLocalReference(stated, localBases);
  if (key !== undefined) return key.startsWith('Consent/') ? key : undefined;
  return /^https?:\/\/\S+\/Consent\/[A-Za-z0-9\-.]{1,64}$/.test(stated) ? stated : undefined;
}

/** Resources that its rules name by what they are related to. */
export function namedByToken({ rules }: Residuals): readonly ResourceKey[] {
  return rules.flatMap(({ elements }) =>
    (elements.data?.codes ?? []).flatMap(({ meaning, key }) =>
      meaning === 'related' && key !== undefined ? [key] : [],
    ),
  );
}
