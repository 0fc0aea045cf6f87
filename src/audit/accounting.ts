import type { AuditEvent, Bundle } from '@medplum/fhirtypes';
import type { PatientKey } from '../fhir/ids.ts';
import type { EventSource } from './agents.ts';
import { consentsOf, isPart2 } from './answer-groups.ts';
import { distinct } from './entities.ts';
import { noticesBehind } from './fda-notices.ts';
import { type KeptRecord, mayHaveLeft } from './ledger.ts';
import { needsAccounting } from './purposes.ts';
import type { DisclosureRecord } from './record.ts';
import type { DisclosedResource } from './recorder.ts';
import { keptEvents } from './stored-events.ts';
import { eventTypes } from './terms.ts';

/**
 * `hipaa`: 45 CFR 164.528, everything but treatment, payment, operations and what went to the patient. `part2`: 42 CFR
 * 2.25, Part 2 records disclosed with consent. `intermediary`: 42 CFR 2.24, the same by the intermediary's recipients.
 */
export type AccountingLaw = 'hipaa' | 'part2' | 'intermediary';

/** Years back that each law gives the patient. */
export const lookBackYears: Readonly<Record<AccountingLaw, number>> = { hipaa: 6, part2: 3, intermediary: 3 };

/** Disclosures to one recipient for one purpose: the first in full, how many, and the last (45 CFR 164.528(b)(3)). */
export interface AccountingRow {
  /** Epoch milliseconds. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly recipient: Recipient;
  readonly purposes: readonly string[];
  /** Consent versions, and exceptions, that the first rested on. */
  readonly basis: readonly string[];
  /** What the first one was of: kinds of resources, each with its number. */
  readonly what: readonly string[];
  /** The versions of the first one. */
  readonly resources: readonly string[];
  /** How many are not known to have arrived: counted, as they may have. */
  readonly uncertain: number;
}

export interface Recipient {
  readonly name: string;
  readonly organization: string | undefined;
  readonly client: string;
  /** Network address: no other is in the record. */
  readonly address: string;
}

/** @param records About the patient, of the period. */
export function accountingOf(patient: PatientKey, law: AccountingLaw, records: Iterable<KeptRecord>): AccountingRow[] {
  const rows = new Map<string, AccountingRow>();
  for (const kept of records) {
    const disclosed = accountable(patient, law, kept);
    if (disclosed === undefined) continue;
    const { record, resources } = disclosed;
    const recipient = recipientOf(record);
    const purposes = record.requester.purposes.map(({ code }) => code).sort();
    const key = JSON.stringify([recipient.name, recipient.organization, recipient.client, purposes]);
    const uncertain = kept.completion === undefined || kept.completion.aborted ? 1 : 0;
    const before = rows.get(key);
    rows.set(
      key,
      before === undefined
        ? {
            first: kept.at,
            last: kept.at,
            count: 1,
            recipient,
            purposes,
            basis: basisOf(record, resources),
            what: kindsOf(resources, record),
            resources: resources.map(versionOf),
            uncertain,
          }
        : { ...before, last: kept.at, count: before.count + 1, uncertain: before.uncertain + uncertain },
    );
  }
  return [...rows.values()].sort((one, other) => one.first - other.first);
}

/** The same as FHIR: the PrivacyDisclosure.Source events themselves, with the ids they have in the sinks. */
export function accountingBundle(
  patient: PatientKey,
  law: AccountingLaw,
  records: Iterable<KeptRecord>,
  source: Omit<EventSource, 'outboxId'>,
): Bundle<AuditEvent> {
  const events: AuditEvent[] = [];
  for (const kept of records) {
    if (accountable(patient, law, kept) === undefined) continue;
    const made = keptEvents(kept, source).map(({ event }) => event);
    events.push(...made.filter((event) => isDisclosureOf(patient, event)));
  }
  return { resourceType: 'Bundle', type: 'collection', entry: events.map((resource) => ({ resource })) };
}

function isDisclosureOf(patient: PatientKey, { type, entity }: AuditEvent): boolean {
  return type.code === eventTypes.export.code && entity?.some(({ what }) => what?.reference === patient) === true;
}

function accountable(
  patient: PatientKey,
  law: AccountingLaw,
  { record, completion }: KeptRecord,
): { readonly record: DisclosureRecord; readonly resources: readonly DisclosedResource[] } | undefined {
  if (record.kind !== 'disclosure' || record.outcome !== 'released' || !mayHaveLeft({ completion })) return undefined;
  const hers = record.released.filter(({ patients }) => patients.includes(patient));
  if (law === 'hipaa') {
    const isExempt = !needsAccounting(record.requester.purposes) || isHerself(patient, record);
    return isExempt || hers.length === 0 ? undefined : { record, resources: hers };
  }
  const resources = hers.filter((one) => isPart2(one) && consentsOf([one]).length > 0);
  return resources.length === 0 || isHerself(patient, record) ? undefined : { record, resources };
}

/** 45 CFR 164.528(a)(1)(ii): disclosures to the individual are not accounted for. */
export function isHerself(patient: PatientKey, { requester }: DisclosureRecord): boolean {
  return requester.fhirUser === patient;
}

export function recipientOf({ requester, request }: DisclosureRecord): Recipient {
  return {
    name: requester.name ?? requester.organizationName ?? requester.fhirUser ?? requester.subject,
    organization: requester.organizationName ?? requester.organizations[0],
    client: requester.clientId,
    address: request.remoteAddress,
  };
}

function basisOf(
  { emergency, service, fdaNotices = [] }: DisclosureRecord,
  resources: readonly DisclosedResource[],
): string[] {
  const rules = distinct(resources.flatMap(({ reasons }) => reasons.filter(({ consent }) => consent === undefined)));
  return [
    ...(emergency === undefined ? [] : [`emergency: ${emergency.reason}`]),
    ...noticesBehind(resources, fdaNotices).map(({ reference }) => `FDA notice ${reference}`),
    ...(service === undefined ? [] : [`service ${service.name}`]),
    ...consentsOf(resources),
    ...distinct(rules.map(({ code }) => code)),
  ];
}

/** `Observation (3)`: kinds, not contents. */
export function kindsOf(resources: readonly DisclosedResource[], { service }: DisclosureRecord): string[] {
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1);
  const kinds = [...counts].sort().map(([type, count]) => (count === 1 ? type : `${type} (${count})`));
  return service === undefined ? kinds : [...kinds, `an answer of the service ${service.name}`];
}

export function versionOf({ type, id, versionId }: DisclosedResource): string {
  return versionId === undefined ? `${type}/${id}` : `${type}/${id}/_history/${versionId}`;
}

/** The same day, years earlier. */
export function yearsBefore(at: number, years: number): number {
  const date = new Date(at);
  date.setUTCFullYear(date.getUTCFullYear() - years);
  return date.getTime();
}
