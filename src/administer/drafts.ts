import type { ParsedConsent, UnreadableConsent } from '../consent/parsed.ts';
import type { ConsentSource } from '../consent/source.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { keyOf } from './in-force.ts';

/** A draft as it would stand once it was stored. */
export interface Draft {
  /** JSON of a Consent, R4 or R5. */
  readonly json: unknown;
  readonly parse: (json: unknown) => ParsedConsent | UnreadableConsent;
}

/** Why a draft cannot be tried. */
export type DraftFault = 'unreadable' | 'of-another-patient';

/**
 * Reads a draft as if it were stored now: a draft or proposal as active, without a version or a time as the newest.
 * @param number which of several it is; names it where it has no id
 */
export function readDraft(
  { json, parse }: Draft,
  patient: PatientKey,
  number: number,
  at: number,
): ParsedConsent | DraftFault {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'unreadable';
  const { id, status, meta } = json as { readonly id?: unknown; readonly status?: unknown; readonly meta?: unknown };
  const parsed = parse({
    ...json,
    id: id ?? `draft-${number}`,
    status: status === 'draft' || status === 'proposed' ? 'active' : status,
    meta: { ...(meta as object | undefined), versionId: 'draft', lastUpdated: new Date(at).toISOString() },
  });
  if (!parsed.readable) return 'unreadable';
  return parsed.subject.key === patient ? parsed : 'of-another-patient';
}

/** A source in which drafts take the place of the Consents with their ids, or stand beside the others. */
export function withDrafts(
  source: ConsentSource,
  patient: PatientKey,
  drafts: readonly ParsedConsent[],
): ConsentSource {
  const replaced = new Set(drafts.map(keyOf));
  return {
    async of(patients, errand) {
      const found = new Map(await source.of(patients, errand));
      const held = found.get(patient);
      if (held === undefined) return found;
      const others = held.consents.filter((consent) => !replaced.has(keyOf(consent)));
      return found.set(patient, { ...held, consents: [...others, ...drafts] });
    },
    ofNobody: (errand) => source.ofNobody(errand),
    stillHold: (established, errand) => source.stillHold(established, errand),
    heard: (store, news) => source.heard(store, news),
    failed: (store, error) => source.failed(store, error),
  };
}
