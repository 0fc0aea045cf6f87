import type { RequesterContext } from '../context/requester-context.ts';
import type { Reason } from '../decide/decision.ts';
import type { ErrorCode } from '../errors/errors.ts';
import type { Coding } from '../fhir/coding.ts';
import type { PatientKey } from '../fhir/ids.ts';
import type { FhirRequest, Interaction } from '../fhir/request.ts';
import type { RecordedNotice } from './fda-notices.ts';

/** One resource version that leaves, or was withheld. Content is not in it. */
export interface DisclosedResource {
  readonly type: string;
  readonly id: string;
  /** The upstream's version id. */
  readonly versionId: string | undefined;
  readonly patients: readonly PatientKey[];
  /** Labels the decision rested on. */
  readonly labels: readonly Coding[];
  readonly reasons: readonly Reason[];
}

/** What an answer beside FHIR told: a decision, a list, an explanation. */
export interface ServiceDisclosure {
  /** Name of the service, as configuration grants it. */
  readonly name: string;
  /** Whom the answer is about; an event for each. */
  readonly patients: readonly ServiceSubject[];
  /** Resource versions whose content stayed here, while the answer tells that they may be known. */
  readonly judged: readonly DisclosedResource[];
  /** What was asked and answered as a whole, in every event of it. */
  readonly details: readonly ServiceDetail[];
}

export interface ServiceSubject {
  /** Undefined: nobody that the answer tells of. */
  readonly patient: PatientKey | undefined;
  /** The Consent versions (`Consent/id/_history/v`) that governed what was said of her. */
  readonly consents: readonly string[];
  /** What was asked and answered about her; in her event alone. */
  readonly details?: readonly ServiceDetail[];
}

/** In names and codes, short. */
export type ServiceDetail = readonly [type: string, value: string];

/** What one answer discloses, complete before the first byte leaves. */
export interface Disclosure {
  readonly request: FhirRequest;
  readonly context: RequesterContext;
  /** `operation`: an answer of a service beside FHIR. */
  readonly interaction: Interaction | 'operation';
  readonly service?: ServiceDisclosure;
  /** Search parameters as asked (canonical `name=value&...`), for AuditEvent.entity.query; undefined for reads. */
  readonly query: string | undefined;
  readonly resourceType: string;
  /** HTTP status of the answer. */
  readonly status: number;
  readonly outcome: 'released' | 'not-found' | 'refused' | 'failed';
  readonly refusal?: ErrorCode;
  readonly released: readonly DisclosedResource[];
  /** Kept where only the security office reads it. */
  readonly withheld: readonly DisclosedResource[];
  /** Every Consent version that governed a released resource: `Consent/id/_history/v`. */
  readonly governing: readonly string[];
  /** Notices of the FDA that something was released by (42 CFR 2.51(b)); unset: none. */
  readonly fdaNotices?: readonly RecordedNotice[];
  /** Of whom the answer said that something was withheld; unset: of nobody. */
  readonly announced?: PatientKey;
  readonly policyHash: string;
  /** SHA-256 of the answer's body, hex. */
  readonly digest: string;
  /** Bytes of the answer's body. */
  readonly length: number;
}

/** A durable record of one disclosure; completing it is best effort. */
export interface RecordedIntent {
  /** After the socket finished or broke (threat: over-reporting is possible, under-reporting is not). */
  complete(bytesSent: number, aborted: boolean): void;
}

/**
 * The last look at what is recorded, before its first byte leaves: where it may not leave, or that cannot be told, its
 * record says that nothing of it was sent.
 */
export async function lastLook(intent: RecordedIntent | undefined, mayLeave: () => Promise<boolean>): Promise<boolean> {
  let leaves = false;
  try {
    leaves = await mayLeave();
    return leaves;
  } finally {
    if (!leaves) intent?.complete(0, true);
  }
}

export interface Recorder {
  /**
   * Resolves when the record is on durable storage, and not before.
   * @throws {GatewayError} `record-unavailable`
   */
  record(disclosure: Disclosure): Promise<RecordedIntent>;
  /** Refusals before any data access and rejected tokens: recorded best effort, never blocking. */
  note(refusal: { readonly request: FhirRequest; readonly code: ErrorCode; readonly context?: RequesterContext }): void;
  /** False when records can no longer be kept: nothing may be disclosed. */
  readonly healthy: boolean;
  close(): Promise<void>;
}
