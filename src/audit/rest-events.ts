import type { AuditEvent, AuditEventEntityDetail, Coding } from '@medplum/fhirtypes';
import { clientAgent, type EventSource, gatewayAgent, hasUser, organizationAgent, userAgent } from './agents.ts';
import { answerGroups, consentsOf, type Group, isPart2 } from './answer-groups.ts';
import {
  consentEntity,
  distinct,
  namedResource,
  patientEntity,
  queryEntity,
  requestIdEntity,
  resourceEntity,
  textDetail,
} from './entities.ts';
import type { Delivery, EventDraft } from './events.ts';
import { noticeDetails, noticesBehind } from './fda-notices.ts';
import type { DisclosureRecord, RecordedRequest, RecordedRequester } from './record.ts';
import type { ServiceDisclosure } from './recorder.ts';
import {
  agentTypes,
  balpProfile,
  entityTypes,
  eventTypes,
  ownProfile,
  resourceTypeCoding,
  restInteraction,
  subtypes,
} from './terms.ts';

/** The REST events of an answer, one per patient: IHE BALP PatientRead, PatientQuery, Read or Query where it succeeded. */
export function answerEvents(
  record: DisclosureRecord,
  sequence: number,
  delivery: Delivery,
  source: EventSource,
): EventDraft[] {
  const groups = answerGroups(record);
  const attributed = new Set(groups.flatMap(consentsOfGroup));
  const unattributed = record.governing.filter((consent) => !attributed.has(consent));
  return groups.map((group) => {
    const released = record.outcome === 'released';
    const profile = released ? profileOf(record, group) : ownProfile('unsuccessful-answer');
    const emergency = emergencyDetails(record, group);
    const notices = noticesBehind(group.resources, record.fdaNotices ?? []).flatMap(noticeDetails);
    return {
      streams: [
        'primary',
        ...(group.resources.some(isPart2) ? (['part2'] as const) : []),
        // Whoever broke the glass is looked at afterwards.
        ...(emergency.length > 0 ? (['securityOffice'] as const) : []),
      ],
      name: `rest ${group.patient ?? ''}`,
      profile,
      type: eventTypes.rest,
      subtype: [restInteraction(record.interaction), ...(emergency.length > 0 ? [subtypes.emergencyOverride] : [])],
      action: actionOf(record.interaction),
      outcome: released ? '0' : failureOutcome(record.status),
      ...(released ? {} : { outcomeDesc: record.refusal ?? record.outcome }),
      agent: restAgents(record.interaction, record.requester, record.request, source),
      entity: [
        ...contentEntities(record, group, source),
        ...(group.patient === undefined ? [] : [patientEntity(group.patient, [...emergency, ...notices])]),
        ...distinct([...consentsOfGroup(group), ...unattributed]).map(consentEntity),
        requestIdEntity(record.request.id, answerDetails(record, group, sequence, delivery)),
      ],
      sourceType: '4',
      about: released && !(record.service !== undefined && group.resources.length === 0) ? group.resources : undefined,
    };
  });
}

/** For the one patient of an emergency: its nature, and who disclosed (42 CFR 2.51(c)); recipient and time are the event's own. */
function emergencyDetails({ emergency }: DisclosureRecord, { patient }: Group): AuditEventEntityDetail[] {
  if (emergency === undefined || emergency.patient !== patient) return [];
  const { reason, overrideReason, disclosedBy } = emergency;
  return [
    textDetail('emergency-nature', reason),
    ...(overrideReason === undefined ? [] : [textDetail('override-reason', overrideReason)]),
    ...(disclosedBy === undefined ? [] : [textDetail('disclosed-by', disclosedBy)]),
  ];
}

/** Client, gateway, person and organization: data flows to the client in a read, the query to the gateway in a search. */
export function restAgents(
  interaction: string | undefined,
  requester: RecordedRequester | undefined,
  { remoteAddress }: RecordedRequest,
  source: EventSource,
): AuditEvent['agent'] {
  const reads = interaction !== undefined && actionOf(interaction) === 'R';
  const [client, gateway]: [Coding, Coding] = reads
    ? [agentTypes.destination, agentTypes.source]
    : [agentTypes.source, agentTypes.destination];
  const organization = requester && organizationAgent(requester);
  return [
    clientAgent(client, requester, remoteAddress),
    gatewayAgent(gateway, source),
    ...(requester !== undefined && hasUser(requester) ? [userAgent(requester)] : []),
    ...(organization === undefined ? [] : [organization]),
  ];
}

export function actionOf(interaction: string): 'R' | 'E' {
  return interaction === 'read' || interaction === 'vread' || interaction === 'history-instance' ? 'R' : 'E';
}

function consentsOfGroup({ resources, consents = [] }: Group): string[] {
  return distinct([...consentsOf(resources), ...consents]).sort();
}

/** FHIR R4 AuditEvent.outcome: 4 for what is like HTTP 4xx, 8 for 5xx. */
export function failureOutcome(status: number): '4' | '8' {
  return status >= 500 ? '8' : '4';
}

/** BALP profiles search, and read and vread of exactly one resource; other answers claim one of our own. */
function profileOf({ interaction, service }: DisclosureRecord, { patient, resources }: Group): string {
  const about = patient === undefined ? '' : 'Patient';
  if (interaction === 'search-type' && service === undefined) return balpProfile(`${about}Query`);
  const isRead = interaction === 'read' || interaction === 'vread';
  return isRead && resources.length === 1 ? balpProfile(`${about}Read`) : ownProfile('other-answer');
}

function contentEntities(record: DisclosureRecord, group: Group, source: EventSource) {
  if (record.interaction === 'search-type' || record.service !== undefined) {
    return [
      queryEntity(record.request, source.publicBaseUrl, record.resourceType, record.query),
      // Entities of type "system object" are query entities in BALP Query, so what it found bears its own type.
      ...group.resources.map((resource) => resourceEntity(resource, resourceTypeCoding(resource.type))),
    ];
  }
  if (group.resources.length > 0) {
    return group.resources.map((resource) => resourceEntity(resource, entityTypes.systemObject));
  }
  return [
    namedResource(record.request) ??
      queryEntity(record.request, source.publicBaseUrl, record.resourceType, record.query),
  ];
}

function answerDetails(
  record: DisclosureRecord,
  group: Group,
  sequence: number,
  delivery: Delivery,
): AuditEventEntityDetail[] {
  const rules = group.resources.flatMap(({ reasons }) => reasons.flatMap(({ rule }) => rule ?? []));
  return [
    textDetail('sequence', String(sequence)),
    textDetail('status', String(record.status)),
    textDetail('policy', record.policyHash),
    textDetail('digest-sha256', record.digest),
    textDetail('length-bytes', String(record.length)),
    ...(record.announced !== undefined && record.announced === group.patient
      ? [textDetail('announced', 'something was withheld')]
      : []),
    ...(record.service === undefined ? [] : serviceDetails(record.service, group)),
    ...deliveryDetails(delivery),
    ...distinct(rules).map((rule) => textDetail('rule', rule)),
  ];
}

function serviceDetails({ name, details }: ServiceDisclosure, group: Group): AuditEventEntityDetail[] {
  return [
    textDetail('service', name),
    ...[...details, ...(group.details ?? [])].map(([type, value]) => textDetail(type, value)),
  ];
}

export function deliveryDetails(delivery: Delivery): AuditEventEntityDetail[] {
  const state = textDetail('delivery', delivery.state);
  return delivery.state === 'unknown' ? [state] : [state, textDetail('bytes-sent', String(delivery.bytesSent))];
}
