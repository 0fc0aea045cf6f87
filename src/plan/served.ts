import { byVersion, type FhirVersion, fhirVersion } from '../fhir/version.ts';

/**
 * Which resource types this gateway serves, and why it does not serve the others. All lists are written out, so that
 * a type is served because somebody decided it; a test holds that together they are all of R4, and all of R5.
 */

/** Types that hold patient or directory data, in R4 and in R5. */
const inBoth: readonly string[] = [
  ...['Account', 'AdverseEvent', 'AllergyIntolerance', 'Appointment', 'AppointmentResponse', 'Basic'],
  ...['BiologicallyDerivedProduct', 'BodyStructure', 'CarePlan', 'CareTeam', 'ChargeItem', 'Claim'],
  ...['ClaimResponse', 'ClinicalImpression', 'Communication', 'CommunicationRequest', 'Composition'],
  ...['Condition', 'Consent', 'Contract', 'Coverage', 'CoverageEligibilityRequest'],
  ...['CoverageEligibilityResponse', 'DetectedIssue', 'Device', 'DeviceMetric', 'DeviceRequest'],
  ...['DiagnosticReport', 'DocumentReference', 'Encounter', 'Endpoint', 'EnrollmentRequest'],
  ...['EnrollmentResponse', 'EpisodeOfCare', 'ExplanationOfBenefit', 'FamilyMemberHistory', 'Flag', 'Goal'],
  ...['Group', 'GuidanceResponse', 'HealthcareService', 'ImagingStudy', 'Immunization'],
  ...['ImmunizationEvaluation', 'ImmunizationRecommendation', 'InsurancePlan', 'Invoice', 'Linkage', 'List'],
  ...['Location', 'Medication', 'MedicationAdministration', 'MedicationDispense', 'MedicationKnowledge'],
  ...['MedicationRequest', 'MedicationStatement', 'MolecularSequence', 'NutritionOrder', 'Observation'],
  ...['Organization', 'OrganizationAffiliation', 'Patient', 'PaymentNotice', 'PaymentReconciliation', 'Person'],
  ...['Practitioner', 'PractitionerRole', 'Procedure', 'Provenance', 'QuestionnaireResponse', 'RelatedPerson'],
  ...['ResearchStudy', 'ResearchSubject', 'RiskAssessment', 'Schedule', 'ServiceRequest', 'Slot', 'Specimen'],
  ...['Substance', 'SupplyDelivery', 'SupplyRequest', 'Task', 'VerificationResult', 'VisionPrescription'],
];
const inOne: Readonly<Record<FhirVersion, readonly string[]>> = {
  R4: ['DeviceUseStatement', 'DocumentManifest', 'Media', 'RequestGroup'],
  R5: [
    ...['BiologicallyDerivedProductDispense', 'DeviceAssociation', 'DeviceDispense', 'DeviceUsage'],
    ...['EncounterHistory', 'GenomicStudy', 'ImagingSelection', 'InventoryItem', 'NutritionIntake'],
    ...['NutritionProduct', 'RequestOrchestration', 'Transport'],
  ],
};

/** Types with routes of their own, by version of the data. */
export function servedTypesOf(version: FhirVersion): readonly string[] {
  return [...inBoth, ...inOne[version]].sort();
}

/** A reason, and the types it holds for. */
interface RefusedTypes {
  readonly reason: string;
  readonly types: readonly string[];
}

const refused: readonly (RefusedTypes & Partial<Record<FhirVersion, readonly string[]>>)[] = [
  {
    reason: 'Content without labels or elements of its own: it may be released only through the resources that own it.',
    types: ['Binary'],
  },
  {
    reason:
      'A stored container of other resources, each of which has its own rules; no route of its own leads to them.',
    types: ['Bundle', 'Parameters'],
  },
  {
    reason: 'The record of who saw what is for auditors and has its own permission.',
    types: ['AuditEvent'],
  },
  {
    reason: 'Population counts would count what the requester may not know.',
    types: ['MeasureReport'],
  },
  {
    reason: 'Messaging and standing queries tell that something happened; they are not served.',
    types: ['MessageDefinition', 'MessageHeader', 'OperationOutcome', 'Subscription'],
    R5: ['SubscriptionStatus', 'SubscriptionTopic'],
  },
  {
    reason: 'Conformance and terminology resources hold no patient data and are not served here.',
    types: [
      ...['CapabilityStatement', 'CodeSystem', 'CompartmentDefinition', 'ConceptMap', 'ExampleScenario'],
      ...['GraphDefinition', 'ImplementationGuide', 'NamingSystem', 'OperationDefinition', 'SearchParameter'],
      ...['StructureDefinition', 'StructureMap', 'TerminologyCapabilities', 'TestReport', 'TestScript', 'ValueSet'],
    ],
    R5: ['ActorDefinition', 'Requirements', 'TestPlan'],
  },
  {
    reason: 'Definitions and knowledge artefacts hold no patient data and are not served here.',
    types: [
      ...['ActivityDefinition', 'ChargeItemDefinition', 'DeviceDefinition', 'EventDefinition', 'Evidence'],
      ...['EvidenceVariable', 'Library', 'Measure', 'ObservationDefinition', 'PlanDefinition', 'Questionnaire'],
      ...['SpecimenDefinition', 'SubstanceNucleicAcid', 'SubstancePolymer', 'SubstanceProtein'],
      ...['SubstanceReferenceInformation', 'SubstanceSourceMaterial'],
    ],
    R4: [
      ...['CatalogEntry', 'EffectEvidenceSynthesis', 'MedicinalProduct', 'MedicinalProductAuthorization'],
      ...['MedicinalProductContraindication', 'MedicinalProductIndication', 'MedicinalProductIngredient'],
      ...['MedicinalProductInteraction', 'MedicinalProductManufactured', 'MedicinalProductPackaged'],
      ...['MedicinalProductPharmaceutical', 'MedicinalProductUndesirableEffect', 'ResearchDefinition'],
      ...['ResearchElementDefinition', 'RiskEvidenceSynthesis', 'SubstanceSpecification'],
    ],
    R5: [
      ...['AdministrableProductDefinition', 'Citation', 'ClinicalUseDefinition', 'ConditionDefinition'],
      ...['EvidenceReport', 'FormularyItem', 'Ingredient', 'ManufacturedItemDefinition'],
      ...['MedicinalProductDefinition', 'PackagedProductDefinition', 'RegulatedAuthorization'],
      ...['SubstanceDefinition'],
    ],
  },
  {
    reason: 'They speak of other resources, whatever these are, and name them.',
    types: [],
    R5: ['ArtifactAssessment', 'InventoryReport', 'Permission'],
  },
];

/** Why a type is not served, of the version of the data. */
export function refusedTypes(): readonly RefusedTypes[] {
  const version = fhirVersion();
  return refused
    .map(({ reason, types, ...own }) => ({ reason, types: [...types, ...(own[version] ?? [])].sort() }))
    .filter(({ types }) => types.length > 0);
}

/** Types with routes of their own. */
export const servedTypeSet = byVersion((version): ReadonlySet<string> => new Set(servedTypesOf(version)));

/** Types with routes of their own, in order of name. */
export function servedTypes(): readonly string[] {
  return [...servedTypeSet()];
}

/** True for a resource type with routes of its own. */
export function isServed(type: string): boolean {
  return servedTypeSet().has(type);
}
