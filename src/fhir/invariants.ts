import { byVersion, fhirVersion } from './version.ts';

/**
 * Invariants of FHIR R4 and R5 (ElementDefinition.constraint of severity error) that an element which goes, or a mask in its
 * place, could break. By type or backbone path, as in the model; choice elements are spelled out.
 */

const anyOf = (name: string, ...types: readonly string[]): readonly string[] => types.map((type) => `${name}${type}`);

/** One of these has to be there: ait-1, app-1, apr-1, cmp-1, con-1, con-2, imm-1, imr-1, mad-1, msq-6, obs-3, org-1, pat-1, ppc-1. */
const oneOfInBoth: Readonly<Record<string, readonly string[]>> = {
  'Appointment.participant': ['type', 'actor'],
  AppointmentResponse: ['participantType', 'actor'],
  'Composition.section': ['text', 'entry', 'section'],
  'Condition.stage': ['summary', 'assessment'],
  'Condition.evidence': ['code', 'detail'],
  Consent: ['policy', 'policyRule'],
  'Immunization.education': ['documentType', 'reference'],
  'ImmunizationRecommendation.recommendation': ['vaccineCode', 'targetDisease'],
  'MolecularSequence.referenceSeq': ['genomeBuild', 'referenceSeqId', 'referenceSeqPointer', 'referenceSeqString'],
  'MedicationAdministration.dosage': ['dose', ...anyOf('rate', 'Ratio', 'Quantity')],
  'Observation.referenceRange': ['low', 'high', 'text'],
  Organization: ['identifier', 'name'],
  'Patient.contact': ['name', 'telecom', 'address', 'organization'],
  // Not R4's own words, but what its either-or comes to once one of the two is stored: ces-1, rqg-1.
  'CoverageEligibilityResponse.insurance.item': ['category', 'productOrService'],
  'RequestGroup.action': ['resource', 'action'],
};

/** R5's own: enc-1, mad-1, msq-6, pld-0, pld-1, ratrng-1, ref-2, rqg-1, sdd-1. */
const oneOfInR5: Readonly<Record<string, readonly string[]>> = {
  'Encounter.participant': ['type', 'actor'],
  'MedicationAdministration.dosage': ['text', 'dose', ...anyOf('rate', 'Ratio', 'Quantity')],
  'MolecularSequence.relative.startingSequence': [
    'genomeAssembly',
    ...anyOf('sequence', 'CodeableConcept', 'String', 'Reference'),
  ],
  RatioRange: ['lowNumerator', 'highNumerator'],
  Reference: ['reference', 'identifier', 'display'],
  'RequestOrchestration.action': ['resource', 'action'],
  'RequestOrchestration.action.input': ['requirement', 'relatedData'],
  'RequestOrchestration.action.output': ['requirement', 'relatedData'],
  SampledData: ['interval', 'offsets'],
};
const oneOf = byVersion((version) => (version === 'R4' ? oneOfInBoth : { ...oneOfInBoth, ...oneOfInR5 }));

/** Stated only if something else is not, and then needed: ait-1 and ait-2, app-2 and app-3; and what a Coding is for. */
const needed: ReadonlySet<string> = new Set([
  'AllergyIntolerance.clinicalStatus',
  'AllergyIntolerance.verificationStatus',
  'Appointment.start',
  'Appointment.end',
  'Coding.code',
]);

/** What cannot stand without an element: age-1, att-1, con-4, cpt-2, fhs-2, gol-1, msq-5, prr-1, qty-3, rat-1, tim-1 to tim-9, trd-2. */
const dependentsInBoth: Readonly<Record<string, readonly string[]>> = {
  'Age.code': ['value'],
  'Age.system': ['code', 'value'],
  'Attachment.contentType': ['data'],
  'Condition.clinicalStatus': anyOf('abatement', 'DateTime', 'Age', 'Period', 'Range', 'String'),
  'ContactPoint.system': ['value'],
  ...Object.fromEntries(
    anyOf('FamilyMemberHistory.age', 'Age', 'Range', 'String').map((name) => [name, ['estimatedAge']]),
  ),
  'Goal.target.measure': anyOf(
    'detail',
    'Quantity',
    'Range',
    'CodeableConcept',
    'String',
    'Boolean',
    'Integer',
    'Ratio',
  ),
  'MolecularSequence.referenceSeq.chromosome': ['genomeBuild'],
  'MolecularSequence.referenceSeq.genomeBuild': ['chromosome'],
  'Quantity.system': ['code'],
  'Ratio.numerator': ['denominator'],
  'Ratio.denominator': ['numerator'],
  'ServiceRequest.code': ['orderDetail'],
  'Timing.repeat.count': ['countMax'],
  'Timing.repeat.duration': ['durationMax'],
  'Timing.repeat.durationUnit': ['duration', 'durationMax'],
  'Timing.repeat.period': ['periodMax'],
  'Timing.repeat.periodUnit': ['period', 'periodMax'],
  'Timing.repeat.when': ['offset'],
  'TriggerDefinition.data': ['condition'],
};

/** R5's own: msq-5, ratrng-1, tsk-1. */
const dependentsInR5: Readonly<Record<string, readonly string[]>> = {
  'MolecularSequence.relative.startingSequence.chromosome': ['genomeAssembly'],
  'MolecularSequence.relative.startingSequence.genomeAssembly': ['chromosome'],
  'RatioRange.denominator': ['lowNumerator', 'highNumerator'],
  'Task.code': ['restriction'],
  'Task.focus': ['restriction'],
};
const dependents = byVersion((version) =>
  version === 'R4' ? dependentsInBoth : { ...dependentsInBoth, ...dependentsInR5 },
);

/** Something is said of their values, which a mask has none of: age-1, con-4, con-5, mdd-1, ras-1, ras-2, rng-2, tim-4, tim-5, tim-9. */
const unmaskable: ReadonlySet<string> = new Set([
  ...anyOf('Age.', 'value', 'code', 'system'),
  ...needed,
  ...anyOf('Condition.', 'clinicalStatus', 'verificationStatus'),
  ...anyOf('MedicationDispense.', 'whenPrepared', 'whenHandedOver'),
  ...anyOf('Range.', 'low', 'high'),
  ...anyOf('RiskAssessment.prediction.probability', 'Decimal', 'Range'),
  ...anyOf('Timing.repeat.', 'duration', 'period', 'offset', 'when'),
]);

/** R5's own: dos-1, ratrng-2, tsk-1. */
const unmaskableInR5: ReadonlySet<string> = new Set([
  'Dosage.asNeeded',
  ...anyOf('RatioRange.', 'lowNumerator', 'highNumerator'),
  'Task.code',
]);

/** Whether what it stands in cannot do without an element. */
export function isNeeded(owner: string, name: string): boolean {
  return needed.has(`${owner}.${name}`);
}

/** Of which one has to be there, if what goes is among them. */
export function alternativesOf(owner: string, gone: readonly string[]): readonly string[] | undefined {
  const names = oneOf()[owner];
  return names?.some((name) => gone.includes(name)) === true ? names : undefined;
}

/** What goes with an element of the same owner. */
export function dependentsOf(owner: string, name: string): readonly string[] {
  return dependents()[`${owner}.${name}`] ?? none;
}

const none: readonly string[] = [];

/** Whether a mask in its place may be valid. */
export function takesMask(owner: string, name: string): boolean {
  const element = `${owner}.${name}`;
  return !unmaskable.has(element) && !(fhirVersion() === 'R5' && unmaskableInR5.has(element));
}
