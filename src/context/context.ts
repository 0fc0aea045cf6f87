import type { Requester } from '../authenticate/requester.ts';
import type { EmergencyConfig } from '../config/emergency.ts';
import { GatewayError } from '../errors/errors.ts';
import { isPatientKey, type PatientKey, parseRelativeReference, type ResourceKey } from '../fhir/ids.ts';
import type { FhirRequest, Interaction } from '../fhir/request.ts';
import { canonicalSystem, isKnownPurpose, systems } from '../fhir/vocabulary.ts';
import type { Policy } from '../policy/policy.ts';
import { emergencyOf, noEmergencies } from './emergency.ts';
import type { Grant, RequesterContext } from './requester-context.ts';

/**
 * Requester and request together. Static: nothing of it depends on data.
 * @param emergencies when a stated emergency is accepted; without it, never
 * @throws {GatewayError} `purpose-not-accepted` for a purpose that the token does not state; `emergency-not-accepted`
 */
export function buildContext(
  requester: Requester,
  request: FhirRequest,
  policy: Policy,
  emergencies: EmergencyConfig = noEmergencies,
): RequesterContext {
  const stated = requester.purposes.map(({ code }) => code);
  const chosen = chosenPurposes(request);
  if (chosen.some((code) => !stated.includes(code))) throw new GatewayError('purpose-not-accepted');
  const purposes = chosen.length > 0 ? chosen : stated;
  const emergency = emergencyOf(requester, purposes, request, policy, emergencies);
  const purposeAssigned = requester.purposes.some(({ code, assigned }) => assigned && purposes.includes(code));
  const user = requester.fhirUser === undefined ? undefined : parseRelativeReference(requester.fhirUser);
  return {
    requester,
    purposes,
    purposeAssigned,
    ...whose(user),
    ...(emergency === undefined ? {} : { emergency }),
    unrestricted: policy.unrestricted({
      requester,
      purposes,
      purposeAssigned,
      ...(emergency === undefined ? {} : { emergency }),
    }),
    at: request.receivedAt,
  };
}

function whose(user: ResourceKey | undefined): Pick<RequesterContext, 'self' | 'relatedPerson'> {
  if (user === undefined) return {};
  if (isPatientKey(user)) return { self: user };
  return user.startsWith('RelatedPerson/') ? { relatedPerson: user } : {};
}

/**
 * The purposes a header chooses: `X-Purpose-Of-Use: TREAT`, or `Category: [v3-ActReason]#TREAT; scheme="..."` (FHIR R4
 * Security Labels, break-the-glass). It narrows what the token states and never adds to it.
 */
function chosenPurposes({ headers }: FhirRequest): readonly string[] {
  const chosen: string[] = [];
  for (const value of (headers['x-purpose-of-use'] ?? '').split(',').map((one) => one.trim())) {
    if (value !== '') chosen.push(purposeIn(value));
  }
  for (const value of (headers.category ?? '').split(',').map((one) => one.split(';')[0]?.trim() ?? '')) {
    if (value !== '') chosen.push(purposeIn(value));
  }
  return [...new Set(chosen)];
}

function purposeIn(text: string): string {
  const cut = Math.max(text.lastIndexOf('#'), text.lastIndexOf('|'));
  const code = text.slice(cut + 1);
  const isReason = cut < 0 || canonicalSystem(text.slice(0, cut)) === systems.actReason;
  if (!isReason || !isKnownPurpose(code)) throw new GatewayError('purpose-not-accepted');
  return code;
}

/** SMART's interactions: `r` covers read, vread and instance history; `s` covers search (SMART App Launch 2.2). */
const readInteractions: ReadonlySet<Interaction> = new Set(['read', 'vread', 'history-instance']);

/** What the token's scopes allow for one type and interaction; scopes add up. */
export function grantFor({ requester }: RequesterContext, interaction: Interaction, type: string): Grant {
  const alternatives: { patient?: PatientKey; query: readonly (readonly [string, string])[] }[] = [];
  for (const scope of requester.scopes) {
    if (scope.resourceType !== '*' && scope.resourceType !== type) continue;
    if (!(readInteractions.has(interaction) ? scope.read : scope.search)) continue;
    if (scope.context !== 'patient') alternatives.push({ query: scope.query });
    else if (requester.patient !== undefined)
      alternatives.push({ patient: `Patient/${requester.patient}` as PatientKey, query: scope.query });
  }
  return alternatives.length === 0 ? { granted: false } : { granted: true, alternatives };
}
