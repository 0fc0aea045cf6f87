import type { PatientKey } from '../fhir/ids.ts';
import { isHerself, kindsOf, recipientOf } from './accounting.ts';
import { type KeptRecord, mayHaveLeft } from './ledger.ts';
import type { DisclosedResource } from './recorder.ts';
import { actCodeSystem } from './terms.ts';

/** What a patient may know of who looked at her record. */
export interface SeenBy {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly who: string;
  readonly organization: string | undefined;
  readonly purposes: readonly string[];
  readonly what: readonly string[];
  readonly inEmergency: boolean;
  readonly byHerself: boolean;
}

export interface SeenSettings {
  /** What labels keep from the patient is kept from her here too. */
  readonly withholdFromPatient: boolean;
  /** The latest that are shown. */
  readonly limit: number;
}

/**
 * Who received something of hers, the latest first. Nothing that was withheld from others is in it, no id, no Consent, no
 * reason, and nobody else; and where the deployment keeps something from her, no answer that held nothing else.
 */
export function seenOf(patient: PatientKey, records: Iterable<KeptRecord>, settings: SeenSettings): SeenBy[] {
  const seen: SeenBy[] = [];
  for (const { at, record, completion } of records) {
    if (record.kind !== 'disclosure' || record.outcome !== 'released' || !mayHaveLeft({ completion })) continue;
    const hers = record.released.filter(({ patients }) => patients.includes(patient));
    const shown = hers.filter((resource) => !settings.withholdFromPatient || !isKeptFromHer(resource));
    const isAnswered = record.service?.patients.some((one) => one.patient === patient) === true;
    if (shown.length === 0 && !isAnswered) continue;
    const { name, organization } = recipientOf(record);
    seen.push({
      at,
      who: name,
      organization,
      purposes: record.requester.purposes.map(({ code }) => code),
      what: kindsOf(shown, record),
      inEmergency: record.emergency !== undefined && record.emergency.patient === patient,
      byHerself: isHerself(patient, record),
    });
  }
  return seen.sort((one, other) => other.at - one.at).slice(0, settings.limit);
}

/** HL7 v3-ActCode NOPAT, TBOO: not to be disclosed to the patient. */
function isKeptFromHer({ labels }: DisclosedResource): boolean {
  return labels.some(({ system, code }) => system === actCodeSystem && (code === 'NOPAT' || code === 'TBOO'));
}
