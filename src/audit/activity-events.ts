import type { AuditEventAgent, AuditEventEntity } from '@medplum/fhirtypes';
import { authorizerAgent, type EventSource } from './agents.ts';
import { textDetail } from './entities.ts';
import type { EventDraft, Stream } from './events.ts';
import type { Activity, ActivityRecord } from './record.ts';
import { agentTypes, concept, entityRoles, entityTypes, eventTypes, ownProfile, subtypes } from './terms.ts';

/** What the gateway did that is no answer: its start, with the rules it goes by; its stop; signatures; alerts; retention. */
export function activityEvents({ activity }: ActivityRecord, sequence: number, source: EventSource): EventDraft[] {
  const started = activity.what === 'started';
  const drafts: EventDraft[] = [draft(activity, sequence, source, activity.what)];
  // What the gateway decides by is a security configuration, and an auditor looks for it as such.
  if (started) drafts.push({ ...draft(activity, sequence, source, 'rules'), ...rulesLoaded });
  return drafts;
}

const rulesLoaded = { type: eventTypes.securityAlert, subtype: [subtypes.securityConfiguration] } as const;

function draft(activity: Activity, sequence: number, source: EventSource, name: string): EventDraft {
  return {
    streams: streamsOf(activity),
    name,
    profile: ownProfile('activity'),
    ...kindOf(activity),
    action: 'E',
    outcome: '0',
    outcomeDesc: activity.what,
    agent: [
      { ...authorizerAgent(source), requestor: true },
      ...(activity.what === 'alert' ? [subjectOf(activity)] : []),
    ],
    entity: [entityOf(activity, sequence)],
    sourceType: '6',
    about: [],
  };
}

/** A watched patient, or who was denied what, is for the security office; a signature is for every trail. */
function streamsOf({ what }: Activity): readonly Stream[] {
  if (what === 'checkpoint') return ['primary', 'part2', 'securityOffice'];
  return what === 'alert' ? ['securityOffice'] : ['primary'];
}

/** Whose requests gave the alert. */
function subjectOf({ who }: Extract<Activity, { what: 'alert' }>): AuditEventAgent {
  return {
    type: concept(agentTypes.user),
    who: { identifier: { system: who.issuer, value: who.subject } },
    altId: who.clientId,
    requestor: false,
  };
}

function kindOf({ what }: Activity): Pick<EventDraft, 'type' | 'subtype'> {
  switch (what) {
    case 'started':
      return { type: eventTypes.applicationActivity, subtype: [subtypes.applicationStart] };
    case 'stopped':
      return { type: eventTypes.applicationActivity, subtype: [subtypes.applicationStop] };
    case 'checkpoint':
    case 'retention':
      return { type: eventTypes.auditLogUsed, subtype: [] };
    case 'alert':
      return { type: eventTypes.securityAlert, subtype: [] };
    default:
      return what satisfies never;
  }
}

function entityOf(activity: Activity, sequence: number): AuditEventEntity {
  const number = textDetail('sequence', String(sequence));
  return {
    type: entityTypes.systemObject,
    role: entityRoles.securityResource,
    ...detailsOf(activity, number),
  };
}

function detailsOf(
  activity: Activity,
  number: ReturnType<typeof textDetail>,
): Pick<AuditEventEntity, 'name' | 'detail'> {
  switch (activity.what) {
    case 'started': {
      const { version, policy, policyHash, configurationHash } = activity;
      return {
        name: `policy set ${policy}`,
        detail: [
          number,
          textDetail('version', version),
          textDetail('policy', policyHash),
          textDetail('configuration-sha256', configurationHash),
        ],
      };
    }
    case 'stopped':
      return { name: 'record', detail: [number] };
    case 'checkpoint':
      return {
        name: 'chain of records',
        detail: [number, textDetail('checkpoint', JSON.stringify(activity.checkpoint))],
      };
    case 'retention':
      return {
        name: 'kept records at the end of their time',
        detail: [number, textDetail('removed-through', JSON.stringify(activity.removedThrough))],
      };
    case 'alert':
      return {
        name: `alert ${activity.rule}`,
        detail: [
          number,
          textDetail('count', String(activity.count)),
          textDetail('window-minutes', String(activity.windowMinutes)),
          textDetail('record', String(activity.sequence)),
        ],
      };
    default:
      return activity satisfies never;
  }
}
