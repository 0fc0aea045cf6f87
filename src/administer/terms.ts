import type { Confidentiality } from '../label/labels.ts';

/** Codes in words that somebody can follow who has never seen them. What has no entry is shown as its code. */

/** Purposes of use (HL7 v3-ActReason), as they follow "for". */
export const purposeWords: Readonly<Record<string, string>> = {
  PurposeOfUse: 'any purpose',
  TREAT: 'treatment',
  CLINTRL: 'treatment in a clinical trial',
  COC: 'coordination of care',
  ETREAT: 'treatment in an emergency',
  BTG: 'emergencies in which access is overridden',
  ERTREAT: 'treatment in an emergency room',
  POPHLTH: 'the health of a population',
  TREATDS: 'treatment after a disaster',
  HPAYMT: 'payment',
  CLMATTCH: 'attachments to claims',
  COVAUTH: 'authorization of coverage',
  COVERAGE: 'coverage',
  ELIGDTRM: 'deciding who is eligible for coverage',
  ELIGVER: 'verifying who is eligible for coverage',
  ENROLLM: 'enrolment in coverage',
  MILDCRG: 'discharge from military service',
  REMITADV: 'remittance advice',
  PMTDS: 'payment for care after a disaster',
  HOPERAT: 'health care operations',
  CAREMGT: 'care management',
  DONAT: 'donation',
  FRAUD: 'detection of fraud',
  GOV: 'government',
  HACCRED: 'accreditation',
  HCOMPL: 'compliance',
  HDECD: 'records of the deceased',
  HDIRECT: 'directories',
  HDM: 'health care data management',
  HLEGAL: 'legal proceedings',
  HOUTCOMS: 'measuring outcomes',
  HPRGRP: 'program reporting',
  HQUALIMP: 'improvement of quality',
  HSYSADMIN: 'administration of systems',
  LABELING: 'labelling of records',
  METAMGT: 'management of metadata',
  MEMADMIN: 'administration of members',
  MILCDM: 'military command',
  PATADMIN: 'administration of patients',
  PATSFTY: 'safety of patients',
  PERFMSR: 'measuring performance',
  RECORDMGT: 'management of records',
  SYSDEV: 'development of systems',
  HTEST: 'testing',
  TRAIN: 'training',
  MLTRAINING: 'training of machines',
  HMARKT: 'marketing',
  HRESCH: 'research',
  BIORCH: 'biomedical research',
  CLINTRCH: 'clinical trials',
  CLINTRCHNPC: 'clinical trials without care of the patient',
  CLINTRCHPC: 'clinical trials with care of the patient',
  PRECLINTRCH: 'research before clinical trials',
  DSRCH: 'research on diseases',
  POARCH: 'research on ancestry and populations',
  TRANSRCH: 'translational research',
  PATRQT: 'the patient’s own request',
  FAMRQT: 'a request of the family',
  PWATRNY: 'a request under a power of attorney',
  SUPNWK: 'the patient’s support network',
  PUBHLTH: 'public health',
  DISASTER: 'disasters',
  THREAT: 'threats to public health',
};

/** Topics of sensitivity labels (HL7 v3-ActCode, 42 CFR Part 2), as they follow "about". */
export const topicWords: Readonly<Record<string, string>> = {
  '42CFRPart2': 'treatment in a substance use program (42 CFR Part 2)',
  SUDCN: 'substance use counseling sessions, in notes kept apart',
  PSYTHPN: 'psychotherapy sessions, in notes kept apart',
  ETH: 'substance use',
  SUD: 'substance use',
  ETHUD: 'alcohol use disorder',
  OPIOIDUD: 'opioid use disorder',
  HIV: 'HIV',
  STD: 'sexually transmitted diseases',
  SEX: 'sexuality and reproductive health',
  PREGNANT: 'pregnancy',
  GDIS: 'genetic diseases',
  SCA: 'sickle cell anemia',
  SICKLE: 'sickle cell anemia',
  SDV: 'sexual assault, abuse and domestic violence',
  VIO: 'violence',
  MST: 'military sexual trauma',
  SPI: 'specially protected matters',
  BH: 'behavioral health',
  MH: 'mental health',
  PSY: 'psychiatry',
  COGN: 'cognitive disability',
  DVD: 'developmental disability',
  EMOTDIS: 'emotional disturbance',
  TBOO: 'what is not to be told before a clinician has spoken with the patient',
  IDS: 'infectious diseases',
  DEMO: 'demographics',
  DOB: 'the date of birth',
  GENDER: 'gender',
  LIVARG: 'living arrangements',
  MARST: 'marital status',
  PATLOC: 'where the patient is',
  RACE: 'race',
  REL: 'religion',
  B: 'business',
  EMPL: 'employment',
  EMP: 'an employee',
  LOCIS: 'a location',
  SSP: 'a sensitive service provider',
  ADOL: 'what an adolescent keeps from parents',
  CEL: 'a person in the public eye',
  VIP: 'a person in the public eye',
  DIA: 'a diagnosis',
  DRGIS: 'medicines',
  PDS: 'what the patient asked to be kept',
  PHY: 'what a physician asked to be kept',
  PRS: 'what the patient asked to be kept',
};

/** Levels of HL7 v3-Confidentiality. */
export const levelWords: Readonly<Record<Confidentiality, string>> = {
  U: 'unrestricted',
  L: 'low',
  M: 'moderate',
  N: 'ordinary',
  R: 'restricted',
  V: 'very restricted',
};

/** Actions of a Consent (HL7 consentaction), after "to". */
export const actionWords: Readonly<Record<string, string>> = {
  collect: 'collect',
  access: 'see',
  use: 'use',
  disclose: 'pass on',
  correct: 'correct',
};

const typeWords: Readonly<Record<string, string>> = {
  AllergyIntolerance: 'allergies',
  Appointment: 'appointments',
  CarePlan: 'care plans',
  Claim: 'claims',
  Communication: 'messages',
  Composition: 'documents',
  Condition: 'diagnoses and problems',
  Coverage: 'insurance coverage',
  DiagnosticReport: 'diagnostic reports',
  DocumentReference: 'documents',
  Encounter: 'visits',
  EpisodeOfCare: 'episodes of care',
  ExplanationOfBenefit: 'explanations of benefit',
  Immunization: 'immunizations',
  MedicationAdministration: 'medicines given',
  MedicationDispense: 'medicines dispensed',
  MedicationRequest: 'prescriptions',
  MedicationStatement: 'medicines taken',
  Observation: 'test results and measurements',
  Patient: 'name, address and other demographics',
  Procedure: 'procedures',
  QuestionnaireResponse: 'answered questionnaires',
  ServiceRequest: 'orders and referrals',
};

/** A kind of resource in words; FHIR's own name where there are none. */
export function typeWord(type: string): string {
  return Object.hasOwn(typeWords, type) ? (typeWords[type] as string) : `${type} records`;
}

const systemWords: Readonly<Record<string, string>> = {
  'http://loinc.org': 'LOINC',
  'http://snomed.info/sct': 'SNOMED CT',
  'http://www.nlm.nih.gov/research/umls/rxnorm': 'RxNorm',
  'http://hl7.org/fhir/sid/icd-10-cm': 'ICD-10-CM',
  'http://hl7.org/fhir/sid/icd-10': 'ICD-10',
  'http://hl7.org/fhir/sid/ndc': 'NDC',
  'http://hl7.org/fhir/sid/cvx': 'CVX',
  'http://www.ama-assn.org/go/cpt': 'CPT',
};

export function codingWord({ system, code }: { readonly system: string; readonly code: string }): string {
  return `${Object.hasOwn(systemWords, system) ? systemWords[system] : system} ${code}`.trim();
}

/** The words of one code from one of the tables above; the code itself where it has none. */
export function wordOf(table: Readonly<Record<string, string>>, code: string): string {
  return Object.hasOwn(table, code) ? (table[code] as string) : code;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[], word: 'and' | 'or' = 'and'): string {
  const [last, ...before] = items.toReversed();
  if (last === undefined) return '';
  return before.length === 0 ? last : `${before.toReversed().join(', ')} ${word} ${last}`;
}

/**
 * Text of others made safe to stand in a sentence: one line, no control or direction marks, of bounded length.
 */
export function displaySafe(text: string): string {
  const plain = text
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return plain.length > 120 ? `${plain.slice(0, 119)}…` : plain;
}
