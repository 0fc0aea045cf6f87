/**
 * What is kept of one answer: everything its AuditEvents need, and nothing else of the request. No body, no token, no
 * header but Accept and X-Request-Id. Plain JSON: it is made on the gateway's thread and read back by the worker.
 */
import type { AssertedPurpose, Requester } from '../authenticate/requester.ts';
import type { Emergency } from '../context/emergency.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { type ErrorCode, errorKinds } from '../errors/errors.ts';
import type { FhirRequest, Parameter } from '../fhir/request.ts';
import type { Alert } from './alerts.ts';
import type { CheckpointText } from './checkpoint.ts';
import { type Packed, pack, unpack } from './packed.ts';
import type { Disclosure, Recorder } from './recorder.ts';

export type AuditRecord = DisclosureRecord | RefusalRecord | ActivityRecord;

/** What the gateway or its operator did, not an answer. Nothing in it names a patient. */
export interface ActivityRecord {
  readonly kind: 'activity';
  /** Epoch milliseconds. */
  readonly at: number;
  readonly activity: Activity;
}

export type Activity =
  | {
      readonly what: 'started';
      readonly version: string;
      readonly policy: string;
      readonly policyHash: string;
      /** SHA-256 of the whole configuration, hex. */
      readonly configurationHash: string;
    }
  | { readonly what: 'stopped' }
  | { readonly what: 'checkpoint'; readonly checkpoint: CheckpointText }
  | ({ readonly what: 'alert' } & Alert)
  | { readonly what: 'retention'; readonly removedThrough: CheckpointText };

export interface DisclosureRecord
  extends Pick<
    Disclosure,
    | 'interaction'
    | 'service'
    | 'query'
    | 'resourceType'
    | 'status'
    | 'outcome'
    | 'refusal'
    | 'released'
    | 'withheld'
    | 'governing'
    | 'fdaNotices'
    | 'announced'
    | 'policyHash'
    | 'digest'
    | 'length'
  > {
  readonly kind: 'disclosure';
  /** Epoch milliseconds. */
  readonly at: number;
  readonly request: RecordedRequest;
  readonly requester: RecordedRequester;
  /** Set when the answer was given in an emergency. */
  readonly emergency?: RecordedEmergency;
}

/** What 42 CFR 2.51(c) asks to be documented beside recipient, affiliation and time. */
export type RecordedEmergency = Pick<Emergency, 'patient' | 'reason' | 'overrideReason' | 'disclosedBy'>;

export interface RefusalRecord {
  readonly kind: 'refusal';
  readonly at: number;
  readonly request: RecordedRequest;
  /** Undefined when no token was accepted. */
  readonly requester: RecordedRequester | undefined;
  readonly code: ErrorCode;
  readonly status: number;
  /** Refusals since the last recorded one that were counted only. */
  readonly uncounted: number;
}

export interface RecordedRequest {
  readonly id: string;
  /** Public base URL that the path is below; unset: the FHIR base. */
  readonly base?: string;
  readonly method: string;
  readonly path: readonly string[];
  readonly query: readonly Parameter[];
  readonly form: readonly Parameter[];
  readonly accept: string | undefined;
  /** The client's own X-Request-Id. */
  readonly clientRequestId: string | undefined;
  readonly remoteAddress: string;
}

export interface RecordedRequester
  extends Pick<
    Requester,
    | 'issuer'
    | 'subject'
    | 'clientId'
    | 'tokenId'
    | 'name'
    | 'clientKind'
    | 'fhirUser'
    | 'organizations'
    | 'organizationName'
    | 'roleCodes'
    | 'acr'
  > {
  /** The purposes of this request, each with whether configuration assigned it. */
  readonly purposes: readonly AssertedPurpose[];
}

/** A disclosure as it is stored: resources packed. */
type StoredDisclosure = Omit<DisclosureRecord, 'released' | 'withheld'> & {
  readonly released: Packed;
  readonly withheld: Packed;
};

/**
 * The text that is stored.
 * @param at Epoch milliseconds of the record.
 */
export function disclosureText(disclosure: Disclosure, at: number): string {
  const stored: StoredDisclosure = {
    kind: 'disclosure',
    at,
    request: recordedRequest(disclosure.request),
    requester: recordedRequester(disclosure.context),
    ...emergencyOf(disclosure.context),
    interaction: disclosure.interaction,
    ...(disclosure.service === undefined ? {} : { service: disclosure.service }),
    query: disclosure.query,
    resourceType: disclosure.resourceType,
    status: disclosure.status,
    outcome: disclosure.outcome,
    ...(disclosure.refusal === undefined ? {} : { refusal: disclosure.refusal }),
    released: pack(disclosure.released),
    withheld: pack(disclosure.withheld),
    governing: disclosure.governing,
    ...(disclosure.fdaNotices === undefined ? {} : { fdaNotices: disclosure.fdaNotices }),
    ...(disclosure.announced === undefined ? {} : { announced: disclosure.announced }),
    policyHash: disclosure.policyHash,
    digest: disclosure.digest,
    length: disclosure.length,
  };
  return JSON.stringify(stored);
}

function emergencyOf({ emergency }: RequesterContext): Pick<DisclosureRecord, 'emergency'> {
  if (emergency === undefined) return {};
  const { patient, reason, overrideReason, disclosedBy } = emergency;
  return {
    emergency: {
      patient,
      reason,
      ...(overrideReason === undefined ? {} : { overrideReason }),
      ...(disclosedBy === undefined ? {} : { disclosedBy }),
    },
  };
}

/** Reads back what `disclosureText` or `refusalText` made. */
export function readRecord(text: string): AuditRecord {
  const stored = JSON.parse(text) as StoredDisclosure | RefusalRecord | ActivityRecord; // opened with our key, so made by us
  if (stored.kind !== 'disclosure') return stored;
  return { ...stored, released: unpack(stored.released), withheld: unpack(stored.withheld) };
}

export function activityText(activity: Activity, at: number): string {
  return JSON.stringify({ kind: 'activity', at, activity } satisfies ActivityRecord);
}

/**
 * Without an accepted token, parameters are left out: nobody vouches for them, and one of them may be a token.
 * @param uncounted Refusals since the last recorded one that were counted only.
 */
export function refusalText(
  { request, code, context }: Parameters<Recorder['note']>[0],
  at: number,
  uncounted: number,
): string {
  const recorded = recordedRequest(request);
  const stored: RefusalRecord = {
    kind: 'refusal',
    at,
    request: context === undefined ? { ...recorded, query: [], form: [] } : recorded,
    requester: context === undefined ? undefined : recordedRequester(context),
    code,
    status: errorKinds[code].status,
    uncounted,
  };
  return JSON.stringify(stored);
}

function recordedRequest(request: FhirRequest): RecordedRequest {
  return {
    id: request.id,
    ...(request.base === undefined ? {} : { base: request.base }),
    method: request.method,
    path: request.path,
    query: request.query.filter(isNoCredential),
    form: request.form.filter(isNoCredential),
    accept: request.headers.accept,
    clientRequestId: request.headers['x-request-id'],
    remoteAddress: request.remoteAddress,
  };
}

/** RFC 6750 section 2 allows tokens in the query and the form; a page token is of use to its owner only, but says nothing. */
function isNoCredential([name]: Parameter): boolean {
  return name !== 'access_token' && name !== '_page';
}

function recordedRequester({ requester, purposes }: RequesterContext): RecordedRequester {
  const { name, fhirUser, organizationName, acr } = requester;
  return {
    issuer: requester.issuer,
    subject: requester.subject,
    clientId: requester.clientId,
    tokenId: requester.tokenId,
    clientKind: requester.clientKind,
    organizations: requester.organizations,
    roleCodes: requester.roleCodes,
    ...(name === undefined ? {} : { name }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(organizationName === undefined ? {} : { organizationName }),
    ...(acr === undefined ? {} : { acr }),
    purposes: purposes.map((code) => ({
      code,
      assigned: requester.purposes.some((purpose) => purpose.code === code && purpose.assigned),
    })),
  };
}
