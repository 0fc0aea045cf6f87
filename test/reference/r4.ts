/** FHIR R4 Consent as far as the reference reads it. Everything is optional: what is missing is the point of many cases. */
export interface R4Coding {
  readonly system?: string;
  readonly code?: string;
}

export interface R4Concept {
  readonly coding?: readonly R4Coding[];
  readonly text?: string;
}

export interface R4Reference {
  readonly reference?: string;
  readonly identifier?: { readonly system: string; readonly value: string };
}

export interface R4Period {
  readonly start?: string;
  readonly end?: string;
}

export interface R4Extension {
  readonly url: string;
  readonly valueString?: string;
}

export interface R4Actor {
  readonly role?: R4Concept;
  readonly reference?: R4Reference;
  readonly extension?: readonly R4Extension[];
}

export interface R4Data {
  readonly meaning?: string;
  readonly reference?: R4Reference;
}

export interface R4Provision {
  readonly type?: string;
  readonly period?: R4Period;
  readonly actor?: readonly R4Actor[];
  readonly action?: readonly R4Concept[];
  readonly securityLabel?: readonly R4Coding[];
  readonly purpose?: readonly R4Coding[];
  readonly class?: readonly R4Coding[];
  readonly code?: readonly R4Concept[];
  readonly dataPeriod?: R4Period;
  readonly data?: readonly R4Data[];
  readonly extension?: readonly R4Extension[];
  readonly modifierExtension?: readonly R4Extension[];
  readonly provision?: readonly R4Provision[];
}

export interface R4Consent {
  readonly resourceType: 'Consent';
  readonly id: string;
  readonly meta: { readonly versionId: string; readonly lastUpdated: string };
  readonly modifierExtension?: readonly R4Extension[];
  readonly status?: string;
  readonly scope?: R4Concept;
  readonly category?: readonly R4Concept[];
  readonly patient?: R4Reference;
  readonly dateTime?: string;
  readonly organization?: readonly R4Reference[];
  readonly sourceReference?: R4Reference;
  readonly policy?: readonly { readonly uri: string }[];
  readonly policyRule?: R4Concept;
  readonly verification?: readonly { readonly verified: boolean }[];
  readonly provision?: R4Provision;
}
