import { canonicalSystem, isKnownPurpose, systems } from '../fhir/vocabulary.ts';
import { type Code, codesOf } from './codes.ts';

const tefcaSystem = 'urn:oid:2.16.840.1.113883.3.7204.1.5.2.1';
const nhinSystems = new Set(['http://healthit.gov/nhin/purposeofuse', 'urn:oid:2.16.840.1.113883.3.18.7.1']);

/** TEFCA Exchange Purpose codes (SOP: Exchange Purposes) and the v3-ActReason code that says no more than they do. */
const tefca: Readonly<Record<string, string>> = {
  'T-TREAT': 'TREAT',
  'T-TRTMNT': 'TREAT',
  'T-PYMNT': 'HPAYMT',
  'T-HCO': 'HOPERAT',
  'T-HCO-CC': 'CAREMGT',
  'T-HCO-HED': 'PERFMSR',
  'T-HCO-QAI': 'HQUALIMP',
  'T-HCO-POP': 'HOPERAT',
  'T-HCO-PTSAFETY': 'PATSFTY',
  'T-HCO-PERF': 'PERFMSR',
  'T-PH': 'PUBHLTH',
  'T-PH-ECR': 'PUBHLTH',
  'T-PH-ELR': 'PUBHLTH',
  'T-IAS': 'PATRQT',
  'T-GOVDTRM': 'ELIGDTRM',
};

/** Purposes of the former NHIN list that v3-ActReason has too. Psychotherapy, abuse, law and the like have none and give none. */
const nhin: Readonly<Record<string, string>> = {
  TREATMENT: 'TREAT',
  PAYMENT: 'HPAYMT',
  OPERATIONS: 'HOPERAT',
  SYSADMIN: 'HSYSADMIN',
  FRAUD: 'FRAUD',
  TRAINING: 'TRAIN',
  LEGAL: 'HLEGAL',
  MARKETING: 'HMARKT',
  DIRECTORY: 'HDIRECT',
  FAMILY: 'FAMRQT',
  DISASTER: 'DISASTER',
  PUBLICHEALTH: 'PUBHLTH',
  RESEARCH: 'HRESCH',
  EMERGENCY: 'ETREAT',
  REQUEST: 'PATRQT',
  COVERAGE: 'COVERAGE',
  THREAT: 'THREAT',
  DONATION: 'DONAT',
};

/**
 * Purposes of use in a claim, as v3-ActReason codes without repetition: plain codes, `system#code`, `system|code`, Codings,
 * CodeableConcepts, alone or in lists. What is not understood gives no purpose.
 */
export function purposesOf(claim: unknown): readonly string[] {
  return [
    ...new Set(
      codesOf(claim)
        .map(purposeOf)
        .filter((code) => code !== undefined),
    ),
  ];
}

/** The v3-ActReason code one code stands for. */
export function purposeOf({ system, code }: Code): string | undefined {
  if (system === undefined) return actReason(code) ?? ownOf(tefca, code) ?? ownOf(nhin, code);
  if (canonicalSystem(system) === systems.actReason) return actReason(code);
  if (system === tefcaSystem) return ownOf(tefca, code);
  if (nhinSystems.has(system)) return ownOf(nhin, code);
  if (system === 'http://hl7.org/fhir/security-label' && code === 'break-the-glass') return 'BTG';
  return undefined;
}

/** The root of the purposes is none: it would say everything and nothing. */
function actReason(code: string): string | undefined {
  return isKnownPurpose(code) && code !== 'PurposeOfUse' ? code : undefined;
}

function ownOf(table: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}
