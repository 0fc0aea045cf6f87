/** Codes of FHIR R4 AuditEvent, DICOM and IHE BALP that the events are made of. */
import type { CodeableConcept, Coding } from '@medplum/fhirtypes';

export const balpProfile = (name: string): string =>
  `https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.${name}`;
/** Profiles of our own (fhir-profiles/gateway), where BALP has none that fits. */
export const ownProfile = (name: string): string => `urn:fhir-consent-gateway:profile:${name}`;
export const assuranceLevel = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/ihe-assuranceLevel';
/**
 * Extension of an AuditEvent: the identifier by which a repository tells a repeated delivery from a new event. FHIR R4
 * gives AuditEvent no identifier element, and a create loses `id`.
 */
export const eventIdentifier = 'urn:fhir-consent-gateway:audit-event-identifier';

export const confidentialitySystem = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
export const actCodeSystem = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
export const actReasonSystem = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

const dicom = (code: string): Coding => ({ system: 'http://dicom.nema.org/resources/ontology/DCM', code });
const entityType = (code: string): Coding => ({
  system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type',
  code,
});
const objectRole = (code: string): Coding => ({ system: 'http://terminology.hl7.org/CodeSystem/object-role', code });

export const eventTypes = {
  rest: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
  export: dicom('110106'),
  securityAlert: dicom('110113'),
  userAuthentication: dicom('110114'),
  applicationActivity: dicom('110100'),
  auditLogUsed: dicom('110101'),
} as const;

export const subtypes = {
  disclose: { system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'disclose' },
  byConsent: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType', code: 'AuthZ-Consent' },
  applicationStart: dicom('110120'),
  applicationStop: dicom('110121'),
  emergencyOverride: dicom('110127'),
  securityConfiguration: dicom('110129'),
  byRole: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType', code: 'AuthZ-Role' },
} as const;

export const restInteraction = (code: string): Coding => ({
  system: 'http://hl7.org/fhir/restful-interaction',
  code,
});

export const agentTypes = {
  application: dicom('110150'),
  destination: dicom('110152'),
  source: dicom('110153'),
  user: { system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' },
  oauthUser: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes', code: 'UserOauthAgent' },
  organization: { system: 'http://terminology.hl7.org/CodeSystem/v3-RoleClass', code: 'PROV' },
  authorizer: { system: 'http://terminology.hl7.org/CodeSystem/extra-security-role-type', code: 'authserver' },
} as const;

export const entityTypes = {
  person: entityType('1'),
  systemObject: entityType('2'),
  requestId: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType', code: 'XrequestId' },
} as const;

/** Types of FHIR R5 that R4 does not have. An AuditEvent is R4's: they are no codes of its code system. */
export const typesOfR5Alone: ReadonlySet<string> = new Set([
  ...['ActorDefinition', 'AdministrableProductDefinition', 'ArtifactAssessment', 'BiologicallyDerivedProductDispense'],
  ...['Citation', 'ClinicalUseDefinition', 'ConditionDefinition', 'DeviceAssociation', 'DeviceDispense', 'DeviceUsage'],
  ...['EncounterHistory', 'EvidenceReport', 'FormularyItem', 'GenomicStudy', 'ImagingSelection', 'Ingredient'],
  ...['InventoryItem', 'InventoryReport', 'ManufacturedItemDefinition', 'MedicinalProductDefinition'],
  ...['NutritionIntake', 'NutritionProduct', 'PackagedProductDefinition', 'Permission', 'RegulatedAuthorization'],
  ...['RequestOrchestration', 'Requirements', 'SubscriptionTopic', 'SubstanceDefinition', 'TestPlan', 'Transport'],
]);

/** AuditEvent.entity.type may be the type of the resource (FHIR R4 value set audit-entity-type, extensible). */
export const resourceTypeCoding = (code: string): Coding => ({
  system: typesOfR5Alone.has(code) ? 'http://hl7.org/fhir/fhir-types' : 'http://hl7.org/fhir/resource-types',
  code,
});

export const entityRoles = {
  patient: objectRole('1'),
  domainResource: objectRole('4'),
  securityResource: objectRole('13'),
  query: objectRole('24'),
} as const;

/** 4: application server; 6: security server. */
export const sourceType = (code: '4' | '6'): Coding => ({
  system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
  code,
});

export function concept(...coding: Coding[]): CodeableConcept {
  return { coding };
}
