import type { PatientKey } from '../fhir/ids.ts';
import { recipientOf, versionOf } from './accounting.ts';
import { isPart2 } from './answer-groups.ts';
import { type KeptRecord, mayHaveLeft } from './ledger.ts';

/** What one client received in a period: for a breach investigation (45 CFR 164.402, 164.404). */
export interface Received {
  readonly client: string;
  /** Patients of whom something left, each with the versions, Part 2 among them or not, and the times (epoch milliseconds). */
  readonly patients: readonly ReceivedOf[];
  /** Resources about nobody. */
  readonly others: readonly string[];
  readonly requesters: readonly string[];
  readonly addresses: readonly string[];
  readonly answers: number;
  /** Answers of which it is not known that they arrived whole. */
  readonly uncertain: number;
  /** Refusals, answers that held nothing, and those that were held back. */
  readonly empty: number;
  /** True when the period holds more than was looked at. */
  readonly isCut: boolean;
}

export interface ReceivedOf {
  readonly patient: PatientKey;
  readonly resources: readonly string[];
  readonly holdsPart2: boolean;
  readonly first: number;
  readonly last: number;
}

interface Collected {
  readonly resources: Set<string>;
  holdsPart2: boolean;
  readonly first: number;
  last: number;
}

/** @param limit Answers that are looked at. */
export function receivedBy(client: string, records: Iterable<KeptRecord>, limit: number): Received {
  const patients = new Map<PatientKey, Collected>();
  const others = new Set<string>();
  const requesters = new Set<string>();
  const addresses = new Set<string>();
  const counts = { answers: 0, uncertain: 0, empty: 0 };
  let isCut = false;
  for (const { at, record, completion } of records) {
    if (record.kind === 'activity') continue;
    if (counts.answers + counts.empty === limit) {
      isCut = true;
      break;
    }
    if (record.kind === 'refusal' || record.outcome !== 'released' || !mayHaveLeft({ completion })) {
      counts.empty++;
      continue;
    }
    counts.answers++;
    if (completion === undefined || completion.aborted) counts.uncertain++;
    const { name, organization } = recipientOf(record);
    requesters.add(organization === undefined || organization === name ? name : `${name}, ${organization}`);
    addresses.add(record.request.remoteAddress);
    for (const resource of record.released) {
      if (resource.patients.length === 0) others.add(versionOf(resource));
      for (const patient of resource.patients) collect(patients, patient, versionOf(resource), isPart2(resource), at);
    }
    for (const { patient } of record.service?.patients ?? []) {
      if (patient === undefined) continue;
      collect(patients, patient, `an answer of the service ${record.service?.name}`, false, at);
    }
  }
  return {
    client,
    patients: [...patients].map(([patient, { resources, ...rest }]) => ({
      patient,
      resources: [...resources],
      ...rest,
    })),
    others: [...others],
    requesters: [...requesters],
    addresses: [...addresses],
    ...counts,
    isCut,
  };
}

function collect(
  patients: Map<PatientKey, Collected>,
  patient: PatientKey,
  resource: string,
  holdsPart2: boolean,
  at: number,
): void {
  const known = patients.get(patient) ?? { resources: new Set(), holdsPart2: false, first: at, last: at };
  known.resources.add(resource);
  known.holdsPart2 ||= holdsPart2;
  known.last = at;
  patients.set(patient, known);
}
