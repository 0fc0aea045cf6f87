import type { Requester } from '../authenticate/requester.ts';
import type { EmergencyConfig } from '../config/emergency.ts';
import { GatewayError } from '../errors/errors.ts';
import { isId, isPatientKey, type PatientKey, parseRelativeReference, resourceKey } from '../fhir/ids.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { purposeCovers } from '../fhir/vocabulary.ts';
import type { Policy } from '../policy/policy.ts';

/** An emergency that was accepted: it is for one patient, and only ever adds to what treatment would see. */
export interface Emergency {
  /** As the token states it: BTG, ETREAT or what is below it. */
  readonly purpose: string;
  /** The one patient. */
  readonly patient: PatientKey;
  /** The nature of the emergency in the requester's words (42 CFR 2.51(c)). For the record alone. */
  readonly reason: string;
  /** Override reason of v3-ActReason, where one was given. */
  readonly overrideReason?: string;
  /** Who discloses, as the deployment names itself (42 CFR 2.51(c)). */
  readonly disclosedBy?: string;
  /** The policies let it override another Consent's deny. */
  readonly overridesDenies: boolean;
  /** The policies let it reach SUD counseling and psychotherapy notes. */
  readonly includesNotes: boolean;
}

/** None is accepted. */
export const noEmergencies: EmergencyConfig = { acrValues: [], maximumAgeMs: 0 };

/** Reasons for overriding consent of v3-ActReason (_ActConsentInformationAccessOverrideReason). */
const overrideReasons = new Set(['OVRER', 'OVRINCOMP', 'OVRPJ', 'OVRPS', 'OVRTPS']);
/** Printable, and enough to be one. */
const reasonShape = /^[\x20-\x7e\xa0-\xff]{8,300}$/;

export function isEmergency(purpose: string): boolean {
  return purposeCovers('ETREAT', purpose);
}

/**
 * The emergency that a request states, when it states one alone. Static: token, headers and configuration decide.
 * `X-Emergency-Reason: OVRER; unconscious, overdose suspected` gives its nature, after an override reason of
 * v3-ActReason or none; the patient is the launch context's, else `X-Emergency-Patient: Patient/123` names her.
 * @throws {GatewayError} `emergency-not-accepted`, for whatever is missing
 */
export function emergencyOf(
  requester: Requester,
  purposes: readonly string[],
  request: FhirRequest,
  policy: Policy,
  config: EmergencyConfig,
): Emergency | undefined {
  if (!purposes.some(isEmergency)) return undefined;
  const [purpose, ...others] = purposes;
  const patient = patientOf(requester, request);
  const reason = reasonOf(request);
  // Beside another purpose it would add nothing: what every purpose releases is released.
  if (purpose === undefined || others.length > 0 || patient === undefined || reason === undefined) throw refused();
  // A person states an emergency, at the time; no configuration does for everybody.
  if (requester.purposes.some(({ code, assigned }) => code === purpose && assigned)) throw refused();
  if (requester.clientKind !== 'app' || !isFresh(requester, request, config)) throw refused();
  const asker = { requester, purposes, purposeAssigned: false, emergency: { purpose } };
  if (!policy.breaksGlass(asker, 'hidden').allowed) throw refused();
  return {
    purpose,
    patient,
    ...reason,
    ...(config.disclosedBy === undefined ? {} : { disclosedBy: config.disclosedBy }),
    overridesDenies: policy.breaksGlass(asker, 'denied').allowed,
    includesNotes: policy.breaksGlass(asker, 'notes').allowed,
  };
}

function refused(): GatewayError {
  return new GatewayError('emergency-not-accepted');
}

/** How far the issuer's clock may be ahead. A sign-in later than that has no age: it would stay recent for good. */
const clockSkewMs = 60_000;

/** A recent sign-in of a class that is strong enough (RFC 9470 names the claims). */
function isFresh({ acr, authenticatedAt }: Requester, { receivedAt }: FhirRequest, config: EmergencyConfig): boolean {
  if (acr === undefined || !config.acrValues.includes(acr) || authenticatedAt === undefined) return false;
  const age = receivedAt - authenticatedAt;
  return -clockSkewMs <= age && age <= config.maximumAgeMs;
}

function patientOf({ patient }: Requester, { headers }: FhirRequest): PatientKey | undefined {
  const named = headers['x-emergency-patient']?.trim();
  const launched = patient === undefined ? undefined : (`Patient/${patient}` as PatientKey);
  if (named === undefined) return launched;
  const key = isId(named) ? resourceKey('Patient', named) : parseRelativeReference(named);
  if (key === undefined || !isPatientKey(key)) return undefined;
  return launched === undefined || launched === key ? key : undefined;
}

function reasonOf({ headers }: FhirRequest): Pick<Emergency, 'reason' | 'overrideReason'> | undefined {
  const text = headers['x-emergency-reason']?.trim() ?? '';
  const [, code, rest = ''] = /^([A-Z]+)\s*;\s*(.*)$/.exec(text) ?? [];
  if (code !== undefined && overrideReasons.has(code))
    return reasonShape.test(rest) ? { reason: rest, overrideReason: code } : undefined;
  return reasonShape.test(text) ? { reason: text } : undefined;
}
