import { type FhirVersion, type ParseOptions, parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent, Provision } from '../../src/consent/parsed.ts';
import { timeReader } from '../../src/fhir/dates.ts';

/** Consents as tests write them, and what they are read as. */

export const hl7 = 'http://terminology.hl7.org/CodeSystem';
export const code = (system: string, value: string) => ({ system: `${hl7}/${system}`, code: value });
export const concept = (...coding: object[]) => ({ coding });
export const act = (value: string) => code('v3-ActCode', value);
export const category = (value: string) => code('consentcategorycodes', value);
export const scope = (value: string) => code('consentscope', value);
export const loinc = (value: string) => ({ system: 'http://loinc.org', code: value });
export const reference = (to: string) => ({ reference: to });
export const recipient = (to: string) => ({
  role: concept(code('v3-ParticipationType', 'IRCP')),
  reference: reference(to),
});

export const options = (fhirVersion: FhirVersion): ParseOptions => ({
  fhirVersion,
  time: timeReader('UTC'),
  localBases: ['https://fhir.example'],
  harmlessExtensions: [],
  part2PolicyUris: ['https://law.example/part-2'],
});
export const plain = {
  R4: {
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    scope: concept(scope('patient-privacy')),
    category: [concept(loinc('59284-0'))],
    patient: reference('Patient/p'),
  },
  R5: {
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    category: [concept(loinc('59284-0'))],
    subject: reference('Patient/p'),
  },
};
export type Version = keyof typeof plain;
export const versions: readonly Version[] = ['R4', 'R5'];

export function read(version: Version, more: object): ParsedConsent {
  const parsed = parseConsent({ ...plain[version], ...more }, options(version));
  if (!parsed.readable) throw new Error('not readable');
  return parsed;
}
export const findings = (version: Version, more: object) => read(version, more).findings;
export const says = (effect: Provision['effect'], path: string, ...children: Provision[]): Provision => {
  return { path, effect, elements: { notUnderstood: false }, children };
};
export const notUnderstood = (path: string): Provision => ({
  ...says('deny', path),
  elements: { notUnderstood: true },
});

/** One provision with these elements: the root in R4, an exception in R5. */
export function saying(version: Version, elements: object): object {
  return version === 'R4'
    ? { provision: { type: 'permit', ...elements } }
    : { decision: 'permit', provision: [elements] };
}
