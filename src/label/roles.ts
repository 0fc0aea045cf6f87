import { nameNumber } from '../document/names.ts';

/** Which elements play which part; FHIR R4 and R5 resource definitions. What only one of them has says nothing in the other. */

/** Top-level elements that say whom a resource is about. `for` is Task's, `individual` ResearchSubject's, `candidate` EnrollmentRequest's, `deliverFor` R5 SupplyRequest's. */
export const aboutElements = [
  ...['subject', 'patient', 'beneficiary', 'for', 'individual', 'candidate', 'deliverFor'],
] as const;

/** Elements whose target's labels are inherited: what happened in an encounter, an episode, as part of or derived from something, is about a product, or answers a request, a prescription or a claim. */
export const parentElements = [
  'encounter',
  'context',
  'episodeOfCare',
  'partOf',
  'hasMember',
  'derivedFrom',
  'result',
  'medicationReference',
  'medication',
  'itemReference',
  'authorizingPrescription',
  'prescription',
  'request',
  'claim',
] as const;

/** Of those, what a resource was made in: whose encounter, episode or larger act that was, his record it is. */
const madeIn: ReadonlySet<number> = new Set(
  ['encounter', 'context', 'episodeOfCare', 'partOf'].map((name) => nameNumber(name)),
);

/** @param name of an element that refers to something (as `nameNumber` numbers it) */
export function isMadeIn(name: number): boolean {
  return madeIn.has(name);
}

/** Types that are about a patient by nature: without a readable subject nobody's Consent covers them, so they are withheld. */
export const subjectRequired: ReadonlySet<string> = new Set([
  'AdverseEvent',
  'AllergyIntolerance',
  'BodyStructure',
  'CarePlan',
  'CareTeam',
  'ChargeItem',
  'Claim',
  'ClaimResponse',
  'ClinicalImpression',
  'Communication',
  'CommunicationRequest',
  'Composition',
  'Condition',
  'Consent',
  'Coverage',
  'CoverageEligibilityRequest',
  'CoverageEligibilityResponse',
  'DetectedIssue',
  'DeviceRequest',
  'DeviceUseStatement',
  // R5
  'BiologicallyDerivedProductDispense',
  'DeviceAssociation',
  'DeviceDispense',
  'DeviceUsage',
  'EncounterHistory',
  'GenomicStudy',
  'ImagingSelection',
  'NutritionIntake',
  'RequestOrchestration',
  'Transport',
  'DiagnosticReport',
  'DocumentManifest',
  'DocumentReference',
  'Encounter',
  'EpisodeOfCare',
  'ExplanationOfBenefit',
  'FamilyMemberHistory',
  'Flag',
  'Goal',
  'GuidanceResponse',
  'ImagingStudy',
  'Immunization',
  'ImmunizationEvaluation',
  'ImmunizationRecommendation',
  'Media',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
  'MolecularSequence',
  'NutritionOrder',
  'Observation',
  'Procedure',
  'QuestionnaireResponse',
  'RelatedPerson',
  'RequestGroup',
  'ResearchSubject',
  'RiskAssessment',
  'ServiceRequest',
  'Specimen',
  'SupplyDelivery',
  'SupplyRequest',
  'VisionPrescription',
]);

/** Types about those who take part, and the element that names them: an Appointment without its patients tells of them still. */
export const participantElement: Readonly<Record<string, string>> = {
  Appointment: 'actor',
  AppointmentResponse: 'actor',
  BiologicallyDerivedProduct: 'source',
  InventoryItem: 'subject',
  Person: 'target',
  VerificationResult: 'target',
};

/** Directory and catalogue types: a reference to one that is not in this store says nothing, so it stays. */
export const directoryTypes: ReadonlySet<string> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'OrganizationAffiliation',
  'Location',
  'HealthcareService',
  'Endpoint',
  'Medication',
  'MedicationKnowledge',
  'Substance',
  'Device',
  'DeviceDefinition',
  'PlanDefinition',
  'ActivityDefinition',
  'Questionnaire',
  'InsurancePlan',
  'ResearchStudy',
  'Schedule',
  'Slot',
  'ObservationDefinition',
  'SpecimenDefinition',
  'Library',
  'Measure',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'StructureDefinition',
  'NamingSystem',
  'CatalogEntry',
  // R5
  'FormularyItem',
  'NutritionProduct',
  'SubstanceDefinition',
]);

/** Any part withheld withholds the whole: what is left of a sum, of an attested text or of a permission would tell or mislead. */
export const allOrNothingTypes: ReadonlySet<string> = new Set([
  'Claim',
  'ClaimResponse',
  'ExplanationOfBenefit',
  'Invoice',
  'Account',
  'ChargeItem',
  'PaymentNotice',
  'PaymentReconciliation',
  'Composition',
  'Consent',
  'DocumentManifest',
  'MeasureReport',
  // Two things that are one, two that do not go together: with one of them left out it tells that there is another.
  'Linkage',
  'DetectedIssue',
]);

/** Elements that name people, organizations, places and products. What they name by identifier alone is no clinical data. */
const directoryElements: ReadonlySet<number> = new Set(
  [
    ...[
      'actor',
      'agent',
      'asserter',
      'assigner',
      'author',
      'careManager',
      'caregiver',
      'collector',
      'custodian',
      'destination',
    ],
    ...[
      'device',
      'enterer',
      'facility',
      'generalPractitioner',
      'individual',
      'informationSource',
      'insurer',
      'interpreter',
    ],
    ...['location', 'managingOrganization', 'manufacturer', 'medicationReference', 'member', 'onBehalfOf', 'operator'],
    ...[
      'organization',
      'origin',
      'owner',
      'participatingOrganization',
      'payee',
      'party',
      'payor',
      'performer',
      'practitioner',
    ],
    ...['prescriber', 'primaryOrganization', 'provider', 'receiver', 'recipient', 'recorder', 'requester', 'requestor'],
    ...['responsibleParty', 'responsibleProvider', 'sender', 'serviceProvider', 'sourceDevice', 'supplier', 'verifier'],
    ...['who', 'witness'],
    // R5
    ...['controller', 'dispenser', 'grantee', 'grantor', 'informationProvider', 'manager', 'medication'],
    ...['reportedReference', 'requestedPerformer'],
  ].map(nameNumber),
);

/** @param name number of the name of the member that holds a Reference */
export function namesDirectory(name: number): boolean {
  return name !== 0 && directoryElements.has(name);
}
