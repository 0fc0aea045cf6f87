import { authorizerAgent, clientAgent, type EventSource, hasUser, organizationAgent, userAgent } from './agents.ts';
import { byPatient, consentsOf, type Group, isPart2 } from './answer-groups.ts';
import { consentEntity, distinct, patientEntity, reasonText, textDetail, tokenEntity } from './entities.ts';
import type { EventDraft } from './events.ts';
import type { DisclosureRecord } from './record.ts';
import { agentTypes, balpProfile, eventTypes, ownProfile, subtypes } from './terms.ts';

/** Reasons named in one event; the record of what was withheld has them all. */
const maximumReasons = 20;

/**
 * Decisions on consent, per patient (IHE BALP AuthZconsent): a denial where nothing of hers left, a permit where the
 * deployment asks for it. A denial tells that there is something, so it goes to the security office alone.
 */
export function decisionEvents(record: DisclosureRecord, source: EventSource): EventDraft[] {
  const permits = byPatient(record.released).filter(({ patient }) => patient !== undefined);
  const released = new Set(permits.map(({ patient }) => patient));
  const denials = byPatient(record.withheld).filter(({ patient }) => patient !== undefined && !released.has(patient));
  return [
    ...(source.consentDecisions === 'always'
      ? permits
          .filter(({ resources }) => consentsOf(resources).length > 0)
          .map((group) => decisionEvent('permit', group, record, source))
      : []),
    ...denials.map((group) => decisionEvent('deny', group, record, source)),
  ];
}

/** The profile asks for a person, an organization and a Consent; without one of them the event has its shape, and a profile of our own. */
function decisionEvent(
  effect: 'permit' | 'deny',
  { patient, resources }: Group,
  { request, requester }: DisclosureRecord,
  source: EventSource,
): EventDraft {
  const consents = consentsOf(resources);
  const organization = organizationAgent(requester);
  const person = hasUser(requester) ? userAgent(requester) : undefined;
  const claimed = person !== undefined && organization !== undefined && consents.length > 0 && patient !== undefined;
  const reasons = distinct(resources.flatMap((resource) => resource.reasons.map(reasonText)));
  const trail =
    resources.some(isPart2) && effect === 'permit' ? (['primary', 'part2'] as const) : (['primary'] as const);
  return {
    streams: effect === 'deny' ? ['securityOffice'] : trail,
    name: `${effect} ${patient ?? ''}`,
    profile: claimed ? balpProfile('AuthZconsent') : ownProfile('decision'),
    type: eventTypes.securityAlert,
    subtype: [consents.length > 0 ? subtypes.byConsent : subtypes.byRole],
    action: 'E',
    outcome: effect === 'permit' ? '0' : '8',
    outcomeDesc: `${effect}: ${reasons.slice(0, maximumReasons).join('; ')}`,
    agent: [
      clientAgent(agentTypes.application, requester, request.remoteAddress),
      ...(person === undefined ? [] : [person]),
      ...(organization === undefined ? [] : [organization]),
      authorizerAgent(source),
    ],
    entity: [
      // The profile closes the list of entity types, so the request id stands with the patient.
      ...(patient === undefined ? [] : [patientEntity(patient, [textDetail('request-id', request.id)])]),
      ...consents.map(consentEntity),
      tokenEntity(requester.tokenId, agentTypes.oauthUser),
    ],
    sourceType: '6',
    about: resources,
  };
}
