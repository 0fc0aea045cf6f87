/**
 * Which R4 resource types this gateway serves, and why it does not serve the others. Both lists are written out, so that
 * a type is served because somebody decided it; a test holds that together they are all of R4.
 */

/** Types that hold patient or directory data. */
export const servedTypes: readonly string[] = [
  ...['Account', 'AdverseEvent', 'AllergyIntolerance', 'Appointment', 'AppointmentResponse', 'Basic'],
  ...['BiologicallyDerivedProduct', 'BodyStructure', 'CarePlan', 'CareTeam', 'ChargeItem', 'Claim', 'ClaimResponse'],
  ...['ClinicalImpression', 'Communication', 'CommunicationRequest', 'Composition', 'Condition', 'Consent', 'Contract'],
  ...['Coverage', 'CoverageEligibilityRequest', 'CoverageEligibilityResponse', 'DetectedIssue', 'Device'],
  ...['DeviceMetric', 'DeviceRequest', 'DeviceUseStatement', 'DiagnosticReport', 'DocumentManifest'],
  ...['DocumentReference', 'Encounter', 'Endpoint', 'EnrollmentRequest', 'EnrollmentResponse', 'EpisodeOfCare'],
  ...['ExplanationOfBenefit', 'FamilyMemberHistory', 'Flag', 'Goal', 'Group', 'GuidanceResponse'],
  ...['HealthcareService', 'ImagingStudy', 'Immunization', 'ImmunizationEvaluation', 'ImmunizationRecommendation'],
  ...['InsurancePlan', 'Invoice', 'Linkage', 'List', 'Location', 'Media', 'Medication', 'MedicationAdministration'],
  ...['MedicationDispense', 'MedicationKnowledge', 'MedicationRequest', 'MedicationStatement', 'MolecularSequence'],
  ...['NutritionOrder', 'Observation', 'Organization', 'OrganizationAffiliation', 'Patient', 'PaymentNotice'],
  ...['PaymentReconciliation', 'Person', 'Practitioner', 'PractitionerRole', 'Procedure', 'Provenance'],
  ...['QuestionnaireResponse', 'RelatedPerson', 'RequestGroup', 'ResearchStudy', 'ResearchSubject', 'RiskAssessment'],
  ...['Schedule', 'ServiceRequest', 'Slot', 'Specimen', 'Substance', 'SupplyDelivery', 'SupplyRequest', 'Task'],
  ...['VerificationResult', 'VisionPrescription'],
];

/** Reasons, each with the types it holds for. */
export const refusedTypes: readonly { readonly reason: string; readonly types: readonly string[] }[] = [
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
  },
  {
    reason: 'Conformance and terminology resources hold no patient data and are not served here.',
    types: [
      ...['CapabilityStatement', 'CodeSystem', 'CompartmentDefinition', 'ConceptMap', 'ExampleScenario'],
      ...['GraphDefinition', 'ImplementationGuide', 'NamingSystem', 'OperationDefinition', 'SearchParameter'],
      ...['StructureDefinition', 'StructureMap', 'TerminologyCapabilities', 'TestReport', 'TestScript', 'ValueSet'],
    ],
  },
  {
    reason: 'Definitions and knowledge artefacts hold no patient data and are not served here.',
    types: [
      ...['ActivityDefinition', 'CatalogEntry', 'ChargeItemDefinition', 'DeviceDefinition', 'EffectEvidenceSynthesis'],
      ...['EventDefinition', 'Evidence', 'EvidenceVariable', 'Library', 'Measure', 'MedicinalProduct'],
      ...['MedicinalProductAuthorization', 'MedicinalProductContraindication', 'MedicinalProductIndication'],
      ...['MedicinalProductIngredient', 'MedicinalProductInteraction', 'MedicinalProductManufactured'],
      ...['MedicinalProductPackaged', 'MedicinalProductPharmaceutical', 'MedicinalProductUndesirableEffect'],
      ...['ObservationDefinition', 'PlanDefinition', 'Questionnaire', 'ResearchDefinition'],
      ...['ResearchElementDefinition', 'RiskEvidenceSynthesis', 'SpecimenDefinition', 'SubstanceNucleicAcid'],
      ...['SubstancePolymer', 'SubstanceProtein', 'SubstanceReferenceInformation', 'SubstanceSourceMaterial'],
      ...['SubstanceSpecification'],
    ],
  },
];

const served = new Set(servedTypes);

/** True for a resource type with routes of its own. */
export function isServed(type: string): boolean {
  return served.has(type);
}
