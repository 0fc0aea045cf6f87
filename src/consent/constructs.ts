/**
 * Names of what was not understood, from this list alone: they go to logs and metrics, and a name taken from a stored
 * Consent may be a text about somebody.
 */
const constructs = [
  'Consent',
  'Consent.category',
  'Consent.date',
  'Consent.dateTime',
  'Consent.decision',
  'Consent.extension',
  'Consent.implicitRules',
  'Consent.member',
  'Consent.modifierExtension',
  'Consent.period',
  'Consent.provision',
  'Consent.provision.action',
  'Consent.provision.actor',
  'Consent.provision.class',
  'Consent.provision.code',
  'Consent.provision.data',
  'Consent.provision.dataPeriod',
  'Consent.provision.depth',
  'Consent.provision.documentType',
  'Consent.provision.expression',
  'Consent.provision.extension',
  'Consent.provision.member',
  'Consent.provision.modifierExtension',
  'Consent.provision.period',
  'Consent.provision.purpose',
  'Consent.provision.resourceType',
  'Consent.provision.securityLabel',
  'Consent.provision.type',
  'Consent.regulatoryBasis',
  'Consent.scope',
  'Consent.subject',
] as const;

/** Extensions of Consent that HL7 publishes; others are `extension` and no more. */
const extensionNames = [
  'consent-location',
  'consent-NotificationEndpoint',
  'consent-ResearchStudyContext',
  'consent-Transcriber',
  'consent-Witness',
] as const;
type ExtensionName = (typeof extensionNames)[number];

export type Construct =
  | (typeof constructs)[number]
  | `Consent.extension(${ExtensionName})`
  | `Consent.provision.extension(${ExtensionName})`;

/** Part of a construct's name below `Consent.provision`. */
export type ProvisionPart = (typeof constructs)[number] extends infer Name
  ? Name extends `Consent.provision.${infer Part}`
    ? Part
    : never
  : never;

const hl7 = 'http://hl7.org/fhir/StructureDefinition/';

/** An extension by its published name, or as one of those that nobody names. */
export function extensionConstruct(at: 'Consent' | 'Consent.provision', url: string | undefined): Construct {
  const name = extensionNames.find((known) => url === `${hl7}${known}`);
  return name === undefined ? `${at}.extension` : `${at}.extension(${name})`;
}
