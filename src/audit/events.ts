/**
 * The AuditEvents of one record (FHIR R4 AuditEvent, IHE BALP): one REST event per answer and patient; for Part 2 data
 * and purposes outside treatment, payment and operations a PrivacyDisclosure.Source too; for consent decisions an
 * AuthZconsent. Pure: the same record, sequence number and delivery give the same events, ids included.
 *
 * A hidden resource and one that does not exist give the same events on the primary trail, which name what the
 * requester named and nothing else. What was withheld, and whose consent denied it, goes to the security office alone.
 */
import { createHash } from 'node:crypto';
import type { AuditEvent, AuditEventEntity, Coding } from '@medplum/fhirtypes';
import { activityEvents } from './activity-events.ts';
import { type EventSource, gatewayReference, purposeConcepts } from './agents.ts';
import { confidentialityOf } from './answer-groups.ts';
import { decisionEvents } from './decision-events.ts';
import { disclosureEvents } from './disclosure-events.ts';
import type { AuditRecord } from './record.ts';
import type { DisclosedResource } from './recorder.ts';
import { refusalEvents } from './refusal-events.ts';
import { answerEvents } from './rest-events.ts';
import { confidentialitySystem, eventIdentifier, sourceType } from './terms.ts';
import { withheldEvents } from './withheld-events.ts';

export type Stream = 'primary' | 'part2' | 'securityOffice';

/** What became of an answer after it was recorded. `unknown`: the gateway ended before it could tell; it may have left. */
export type Delivery =
  | { readonly state: 'complete' | 'aborted'; readonly bytesSent: number }
  | { readonly state: 'unknown' };

export interface StreamedEvent {
  readonly streams: readonly Stream[];
  readonly event: AuditEvent;
}

/** One event before what all have in common is added. */
export interface EventDraft {
  readonly streams: readonly Stream[];
  /** Distinct among the events of one record: kind, and the patient it is about. */
  readonly name: string;
  readonly profile: string;
  readonly type: Coding;
  readonly subtype: readonly Coding[];
  readonly action: NonNullable<AuditEvent['action']>;
  readonly outcome: NonNullable<AuditEvent['outcome']>;
  readonly outcomeDesc?: string;
  readonly agent: AuditEvent['agent'];
  readonly entity: readonly AuditEventEntity[];
  /** `6` where the gateway decides, `4` where it answers. */
  readonly sourceType: '4' | '6';
  /** Their labels mark the event itself; undefined where nothing may be told of what there is. */
  readonly about: readonly DisclosedResource[] | undefined;
}

/** @param sequence Position of the record in its outbox. */
export function eventsOf(
  record: AuditRecord,
  sequence: number,
  delivery: Delivery,
  source: EventSource,
): StreamedEvent[] {
  return draftsOf(record, sequence, delivery, source).map((draft) => ({
    streams: draft.streams,
    event: complete(draft, record, sequence, source),
  }));
}

function draftsOf(record: AuditRecord, sequence: number, delivery: Delivery, source: EventSource): EventDraft[] {
  if (record.kind === 'refusal') return refusalEvents(record, sequence, source);
  if (record.kind === 'activity') return activityEvents(record, sequence, source);
  return [
    ...answerEvents(record, sequence, delivery, source),
    ...disclosureEvents(record, sequence, delivery, source),
    ...decisionEvents(record, source),
    ...withheldEvents(record, sequence, source),
  ];
}

function complete(draft: EventDraft, record: AuditRecord, sequence: number, source: EventSource): AuditEvent {
  const id = eventId(source.outboxId, sequence, draft.name);
  const purposeOfEvent =
    record.kind === 'activity' || record.requester === undefined ? [] : purposeConcepts(record.requester);
  return {
    resourceType: 'AuditEvent',
    id,
    meta: {
      profile: [draft.profile],
      security: highWaterMark(draft.about),
    },
    extension: [{ url: eventIdentifier, valueIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` } }],
    type: draft.type,
    ...(draft.subtype.length === 0 ? {} : { subtype: [...draft.subtype] }),
    action: draft.action,
    recorded: new Date(record.at).toISOString(),
    outcome: draft.outcome,
    ...(draft.outcomeDesc === undefined ? {} : { outcomeDesc: draft.outcomeDesc }),
    ...(purposeOfEvent.length === 0 ? {} : { purposeOfEvent }),
    agent: draft.agent,
    source: {
      site: new URL(source.publicBaseUrl).host,
      observer: gatewayReference(source),
      type: [sourceType(draft.sourceType)],
    },
    entity: [...draft.entity],
  };
}

/** A UUID (version 8, RFC 9562) that a repeated delivery has again and no other event has. */
function eventId(outboxId: string, sequence: number, name: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([outboxId, sequence, name]))
    .digest('hex');
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

/**
 * Labels of the event itself: the highest confidentiality of what it is about, and every other label (HL7 HCS). Events
 * that may not tell what there is are all restricted alike.
 */
function highWaterMark(about: readonly DisclosedResource[] | undefined): Coding[] {
  if (about === undefined) return [{ system: confidentialitySystem, code: 'R' }];
  const labels = about.flatMap((resource) => resource.labels);
  const others = labels.filter(({ system }) => system !== confidentialitySystem);
  const distinct = new Map(others.map(({ system, code }) => [`${system}|${code}`, { system, code }]));
  return [{ system: confidentialitySystem, code: confidentialityOf(labels) }, ...distinct.values()];
}
