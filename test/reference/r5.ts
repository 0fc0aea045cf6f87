import type { R4Coding, R4Concept, R4Extension, R4Period, R4Provision, R4Reference } from './r4.ts';

/** FHIR R5 Consent as far as the reference reads it. */
export interface R5Provision extends Omit<R4Provision, 'type' | 'class' | 'provision'> {
  readonly documentType?: readonly R4Coding[];
  readonly resourceType?: readonly R4Coding[];
  readonly expression?: { readonly language: string; readonly expression: string };
  readonly provision?: readonly R5Provision[];
}

export interface R5Consent {
  readonly resourceType: 'Consent';
  readonly id: string;
  readonly meta: { readonly versionId: string; readonly lastUpdated: string };
  readonly modifierExtension?: readonly R4Extension[];
  readonly status?: string;
  readonly category?: readonly R4Concept[];
  readonly subject?: R4Reference;
  readonly date?: string;
  readonly period?: R4Period;
  readonly controller?: readonly R4Reference[];
  readonly manager?: readonly R4Reference[];
  readonly sourceReference?: readonly R4Reference[];
  readonly regulatoryBasis?: readonly R4Concept[];
  readonly policyBasis?: { readonly url?: string; readonly reference?: R4Reference };
  readonly policyText?: readonly R4Reference[];
  readonly verification?: readonly { readonly verified: boolean }[];
  readonly decision?: string;
  readonly provision?: readonly R5Provision[];
}

/** What a Consent's actor may be besides a person or an organization (FHIR R4 Group, CareTeam, PractitionerRole). */
export interface DirectoryResource {
  readonly resourceType: 'Group' | 'CareTeam' | 'PractitionerRole';
  readonly id: string;
  readonly active?: boolean;
  readonly status?: string;
  readonly period?: R4Period;
  readonly type?: string;
  readonly actual?: boolean;
  readonly member?: readonly {
    readonly entity: R4Reference;
    readonly inactive?: boolean;
    readonly period?: R4Period;
  }[];
  readonly characteristic?: readonly {
    readonly code: R4Concept;
    readonly valueCodeableConcept?: R4Concept;
    readonly valueReference?: R4Reference;
    readonly valueBoolean?: boolean;
    readonly exclude: boolean;
    readonly period?: R4Period;
  }[];
  readonly participant?: readonly { readonly member: R4Reference; readonly period?: R4Period }[];
  readonly practitioner?: R4Reference;
  readonly organization?: R4Reference;
}
