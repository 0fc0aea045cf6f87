import type { EventSource } from './agents.ts';
import { gatewayAgent, recipientAgent } from './agents.ts';
import { byPatient, consentsOf, isAccountable, isPart2 } from './answer-groups.ts';
import { consentEntity, patientEntity, requestIdEntity, resourceEntity, textDetail } from './entities.ts';
import type { Delivery, EventDraft } from './events.ts';
import { noticeDetails, noticesBehind } from './fda-notices.ts';
import { needsAccounting } from './purposes.ts';
import type { DisclosureRecord } from './record.ts';
import { deliveryDetails } from './rest-events.ts';
import { agentTypes, balpProfile, entityTypes, eventTypes, restInteraction, subtypes } from './terms.ts';

/**
 * IHE BALP PrivacyDisclosure.Source, one per patient: the rows of an accounting of disclosures (45 CFR 164.528, 42 CFR
 * 2.25). For purposes outside treatment, payment and operations all that left is listed, else what is Part 2 data or is labelled AOD.
 */
export function disclosureEvents(
  record: DisclosureRecord,
  sequence: number,
  delivery: Delivery,
  source: EventSource,
): EventDraft[] {
  const { requester, request } = record;
  const everything = needsAccounting(requester.purposes);
  return byPatient(record.released).flatMap((group): EventDraft[] => {
    const resources = everything ? group.resources : group.resources.filter(isAccountable);
    if (group.patient === undefined || resources.length === 0) return [];
    const notices = noticesBehind(resources, record.fdaNotices ?? []).flatMap(noticeDetails);
    return [
      {
        streams: resources.some(isPart2) ? ['primary', 'part2'] : ['primary'],
        name: `disclosure ${group.patient}`,
        profile: balpProfile('PrivacyDisclosure.Source'),
        type: eventTypes.export,
        subtype: [subtypes.disclose, restInteraction(record.interaction)],
        action: 'R',
        outcome: '0',
        agent: [gatewayAgent(agentTypes.source, source), recipientAgent(requester, request.remoteAddress)],
        entity: [
          patientEntity(group.patient, notices),
          ...resources.map((resource) => resourceEntity(resource, entityTypes.systemObject)),
          ...consentsOf(resources).map(consentEntity),
          requestIdEntity(request.id, [textDetail('sequence', String(sequence)), ...deliveryDetails(delivery)]),
        ],
        sourceType: '4',
        about: resources,
      },
    ];
  });
}
