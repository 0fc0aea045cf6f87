import { isIP } from 'node:net';
import type { AuditEventAgent, AuditEventAgentNetwork, CodeableConcept, Coding, Reference } from '@medplum/fhirtypes';
import { parseRelativeReference, typeOf } from '../fhir/ids.ts';
import type { RecordedRequester } from './record.ts';
import { actReasonSystem, agentTypes, assuranceLevel, concept } from './terms.ts';

/** This gateway, as the record names it. */
export interface EventSource {
  /** Identifier of the outbox; with the sequence number it makes every event id unique. */
  readonly outboxId: string;
  /** FHIR base URL as clients know it. */
  readonly publicBaseUrl: string;
  /** Identifier of the gateway as a device. */
  readonly device: string;
  readonly consentDecisions: 'denials' | 'always';
}

type Who = NonNullable<AuditEventAgent['who']>;

/** AuditEvent.source.observer, and the agent that is the gateway: BALP asks for them to be equal. */
export function gatewayReference(source: EventSource): Who {
  return { type: 'Device', identifier: { value: source.device } };
}

export function gatewayAgent(type: Coding, source: EventSource): AuditEventAgent {
  return {
    type: concept(type),
    who: gatewayReference(source),
    requestor: false,
    network: { address: source.publicBaseUrl, type: '5' },
  };
}

/** Decides for the gateway itself; has no network (IHE BALP AuthZconsent). */
export function authorizerAgent(source: EventSource): AuditEventAgent {
  return { type: concept(agentTypes.authorizer), who: gatewayReference(source), requestor: false };
}

/**
 * The client application. It is the requestor only where it acts for nobody.
 * @param requester Undefined when no token was accepted.
 */
export function clientAgent(
  type: Coding,
  requester: RecordedRequester | undefined,
  remoteAddress: string,
): AuditEventAgent {
  const alone = requester === undefined || !hasUser(requester);
  return {
    type: concept(type),
    ...(requester === undefined ? {} : { who: { identifier: { value: requester.clientId } } }),
    requestor: alone,
    ...(requester === undefined || !alone ? {} : { policy: [requester.tokenId] }),
    network: networkOf(remoteAddress),
  };
}

export function hasUser(requester: RecordedRequester): boolean {
  return requester.clientKind === 'app';
}

/** The person a token stands for (IHE BALP, OAuth token mapping). */
export function userAgent(requester: RecordedRequester): AuditEventAgent {
  const { name, acr } = requester;
  return {
    ...(acr === undefined ? {} : { extension: [{ url: assuranceLevel, valueCodeableConcept: { text: acr } }] }),
    type: concept(agentTypes.user, agentTypes.oauthUser),
    ...(requester.roleCodes.length === 0 ? {} : { role: requester.roleCodes.map((role) => concept({ ...role })) }),
    who: userReference(requester),
    ...(name === undefined ? {} : { name }),
    requestor: true,
    policy: [requester.tokenId],
    ...purposesOf(requester),
  };
}

/** Undefined when the token names none. */
export function organizationAgent(requester: RecordedRequester): AuditEventAgent | undefined {
  const who = organizationReference(requester);
  return who && { type: concept(agentTypes.organization), who, requestor: false };
}

/** PrivacyDisclosure.Source: who received it, with the address it went to. */
export function recipientAgent(requester: RecordedRequester, remoteAddress: string): AuditEventAgent {
  const { organizationName, name } = requester;
  const who = hasUser(requester)
    ? userReference(requester)
    : (organizationReference(requester) ?? { identifier: { value: requester.clientId } });
  const display = name ?? organizationName;
  return {
    type: concept(agentTypes.destination),
    who,
    ...(display === undefined ? {} : { name: display }),
    requestor: true,
    policy: [requester.tokenId],
    network: networkOf(remoteAddress),
    ...purposesOf(requester),
  };
}

/** The purposes of this request as CodeableConcepts; one that configuration assigned says so. */
export function purposeConcepts({ purposes }: RecordedRequester): CodeableConcept[] {
  return purposes.map(({ code, assigned }) => ({
    ...concept({ system: actReasonSystem, code }),
    ...(assigned ? { text: 'assigned by configuration, not asserted by the token' } : {}),
  }));
}

function purposesOf(requester: RecordedRequester): Pick<AuditEventAgent, 'purposeOfUse'> {
  return requester.purposes.length === 0 ? {} : { purposeOfUse: purposeConcepts(requester) };
}

const agentWhoTypes = ['PractitionerRole', 'Practitioner', 'Organization', 'Device', 'Patient', 'RelatedPerson'];

function userReference({ issuer, subject, name, fhirUser }: RecordedRequester): Who {
  const local = fhirUser === undefined ? undefined : parseRelativeReference(fhirUser);
  return {
    ...(local !== undefined && agentWhoTypes.includes(typeOf(local)) ? { reference: local } : {}),
    identifier: { system: issuer, value: subject },
    ...(name === undefined ? {} : { display: name }),
  };
}

/** The organization's local reference and its identifier, as far as the token has them, in one Reference. */
function organizationReference({ organizations, organizationName }: RecordedRequester): Who | undefined {
  const local = organizations.find((name) => parseRelativeReference(name)?.startsWith('Organization/'));
  const other = organizations.find((name) => parseRelativeReference(name) === undefined);
  if (local === undefined && other === undefined) return undefined;
  const bar = other?.indexOf('|') ?? -1;
  const reference: Reference = {
    ...(local === undefined ? {} : { reference: local }),
    ...(other === undefined
      ? {}
      : {
          identifier:
            bar > 0 ? { system: other.slice(0, bar), value: other.slice(bar + 1) } : { value: other.slice(bar + 1) },
        }),
    ...(organizationName === undefined ? {} : { display: organizationName }),
  };
  return reference as Who;
}

/** AuditEvent.agent.network.type: 1 machine name, 2 IP address. */
function networkOf(remoteAddress: string): AuditEventAgentNetwork {
  if (remoteAddress === '') return { address: 'unknown', type: '1' };
  return { address: remoteAddress, type: isIP(remoteAddress) === 0 ? '1' : '2' };
}
