import type { Coding } from '../fhir/coding.ts';
import { effectiveConfidentiality, type Labels } from './labels.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
/** The gateway's own code system: HL7 has no code for SUD counseling notes (42 CFR 2.11). */
export const gatewayLabelSystem = 'urn:fhir-consent-gateway:label';

/** Effective labels as Codings, for the record (AuditEvent.entity.securityLabel). */
export function labelCodings(labels: Labels): readonly Coding[] {
  let codings = known.get(labels);
  if (codings === undefined) {
    codings = [
      { system: confidentiality, code: effectiveConfidentiality(labels) },
      ...(labels.caveats.includes(accountable) ? [{ system: actCode, code: 'AOD' }] : []),
      ...labels.topics.map((code) => ({ system: code === 'SUDCN' ? gatewayLabelSystem : actCode, code })),
    ];
    known.set(labels, codings);
  }
  return codings;
}

/** An obligation that the record meets: the disclosure is accounted for, whatever its purpose. */
const accountable = `${actCode}|AOD`;

/** Equal labels are mostly one object. */
const known = new WeakMap<Labels, readonly Coding[]>();
