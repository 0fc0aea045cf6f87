import type { EventSource } from './agents.ts';
import { byPatient, consentsOf } from './answer-groups.ts';
import { consentEntity, patientEntity, requestIdEntity, resourceEntity, textDetail } from './entities.ts';
import type { EventDraft } from './events.ts';
import type { DisclosureRecord } from './record.ts';
import { actionOf, restAgents } from './rest-events.ts';
import { eventTypes, ownProfile, resourceTypeCoding, restInteraction } from './terms.ts';

/** What did not leave, and why, per patient: for the security office alone, as it names what the requester may not know of. */
export function withheldEvents(record: DisclosureRecord, sequence: number, source: EventSource): EventDraft[] {
  return byPatient(record.withheld).map(({ patient, resources }) => ({
    streams: ['securityOffice'],
    name: `withheld ${patient ?? ''}`,
    profile: ownProfile('withheld'),
    type: eventTypes.rest,
    subtype: [restInteraction(record.interaction)],
    action: actionOf(record.interaction),
    outcome: '4',
    outcomeDesc: 'withheld',
    agent: restAgents(record.interaction, record.requester, record.request, source),
    entity: [
      ...resources.map((resource) => resourceEntity(resource, resourceTypeCoding(resource.type))),
      ...(patient === undefined ? [] : [patientEntity(patient)]),
      ...consentsOf(resources).map(consentEntity),
      requestIdEntity(record.request.id, [
        textDetail('sequence', String(sequence)),
        textDetail('policy', record.policyHash),
        textDetail('withheld', String(resources.length)),
      ]),
    ],
    sourceType: '6',
    about: resources,
  }));
}
