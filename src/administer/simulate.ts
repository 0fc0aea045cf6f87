import type { Requester } from '../authenticate/requester.ts';
import type { SearchWorld } from '../discover/search.ts';
import type { PatientKey, ResourceKey } from '../fhir/ids.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { allHold } from './current.ts';
import type { AdministerEdges } from './edges.ts';
import { type Explained, type Explanation, explainSample, sampleOf } from './explain.ts';

/** What a change does to one resource for one requester. */
export interface Difference {
  readonly key: ResourceKey;
  readonly before: Explained;
  readonly after: Explained;
}

export interface RequesterDifference {
  readonly name: string;
  readonly before: Explanation;
  readonly after: Explanation;
  readonly gained: readonly Difference[];
  readonly lost: readonly Difference[];
}

export interface Simulation {
  readonly patient: PatientKey;
  readonly requesters: readonly RequesterDifference[];
  readonly hasChanges: boolean;
  readonly notRead: readonly string[];
  readonly isSample: boolean;
  /** Asked before it is told: whether all of it rests on what is still in force. */
  readonly stillHolds: () => Promise<boolean>;
}

export interface SimulateAsked {
  readonly patient: PatientKey;
  /** By name; each as he is under the rules before and after. */
  readonly requesters: readonly { readonly name: string; readonly before: Requester; readonly after: Requester }[];
  readonly keys: readonly ResourceKey[] | undefined;
  readonly maximum: number;
  readonly within?: () => SearchWorld;
  readonly request: FhirRequest;
  readonly signal: AbortSignal;
}

/**
 * Who would gain and lose what of a patient's record by a change: the same versions of the same resources, explained
 * under both.
 * @throws {GatewayError} as requests would
 */
export async function simulate(
  asked: SimulateAsked,
  before: AdministerEdges,
  after: AdministerEdges,
): Promise<Simulation> {
  const { patient, keys, request, signal, within } = asked;
  const sample = await sampleOf(asked, before);
  const shared = { patient, keys, request, signal, ...(within === undefined ? {} : { within }) };
  const requesters: RequesterDifference[] = [];
  for (const { name, ...requester } of asked.requesters) {
    const was = await explainSample({ ...shared, requester: requester.before }, sample, before);
    const is = await explainSample({ ...shared, requester: requester.after }, sample, after);
    requesters.push({ name, before: was, after: is, ...differences(was, is) });
  }
  return {
    patient,
    requesters,
    hasChanges: requesters.some(({ gained, lost }) => gained.length > 0 || lost.length > 0),
    notRead: sample.notRead,
    isSample: sample.isSample,
    stillHolds: () => allHold(requesters.flatMap(({ before: was, after: is }) => [was.stillHolds, is.stillHolds])),
  };
}

function differences(before: Explanation, after: Explanation): Pick<RequesterDifference, 'gained' | 'lost'> {
  const then = new Map(before.resources.map((one) => [one.key, one]));
  const gained: Difference[] = [];
  const lost: Difference[] = [];
  for (const now of after.resources) {
    const was = then.get(now.key);
    if (was === undefined || was.verdict === now.verdict) continue;
    const difference = { key: now.key, before: was, after: now };
    if (now.verdict === 'released') gained.push(difference);
    else if (was.verdict === 'released') lost.push(difference);
  }
  return { gained, lost };
}
