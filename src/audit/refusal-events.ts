import { isResourceType } from '../fhir/model.ts';
import type { EventSource } from './agents.ts';
import { namedPatients, namedResource, patientEntity, queryEntity, requestIdEntity, textDetail } from './entities.ts';
import type { EventDraft } from './events.ts';
import type { RecordedRequest, RefusalRecord } from './record.ts';
import { actionOf, failureOutcome, restAgents } from './rest-events.ts';
import { eventTypes, ownProfile, restInteraction } from './terms.ts';

/** A refusal before any data access: the shape of a REST event with its real outcome, or of a failed authentication. */
export function refusalEvents(record: RefusalRecord, sequence: number, source: EventSource): EventDraft[] {
  const { request, requester, code, status } = record;
  const interaction = interactionOf(request);
  const [patient] = requester === undefined ? [] : namedPatients(request, undefined);
  return [
    {
      streams: ['primary'],
      name: 'refusal',
      profile: ownProfile(requester === undefined ? 'rejected-token' : 'unsuccessful-answer'),
      type: requester === undefined ? eventTypes.userAuthentication : eventTypes.rest,
      subtype: interaction === undefined ? [] : [restInteraction(interaction)],
      action: interaction === undefined ? 'E' : actionOf(interaction),
      outcome: failureOutcome(status),
      outcomeDesc: code,
      agent: restAgents(interaction, requester, request, source),
      entity: [
        namedResource(request) ?? queryEntity(request, source.publicBaseUrl, request.path[0] ?? '', undefined),
        ...(patient === undefined ? [] : [patientEntity(patient)]),
        requestIdEntity(request.id, [
          textDetail('sequence', String(sequence)),
          textDetail('status', String(status)),
          ...(record.uncounted === 0 ? [] : [textDetail('refusals-not-recorded', String(record.uncounted))]),
        ]),
      ],
      sourceType: requester === undefined ? '6' : '4',
      about: undefined,
    },
  ];
}

/** As far as the path shows it; undefined where it does not. */
function interactionOf({ path, method }: RecordedRequest): string | undefined {
  const [type, second, third, fourth] = path;
  if (type === undefined || !isResourceType(type)) return undefined;
  if (method === 'POST') return second === '_search' || path.at(-1) === '_search' ? 'search-type' : undefined;
  if (second === undefined) return 'search-type';
  if (third === undefined) return 'read';
  if (third === '_history') return fourth === undefined ? 'history-instance' : 'vread';
  return 'search-type';
}
