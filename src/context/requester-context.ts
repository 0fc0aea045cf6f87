import type { Requester } from '../authenticate/requester.ts';
import type { PatientKey } from '../fhir/ids.ts';
import type { Emergency } from './emergency.ts';

/** Requester and request together: everything static that a decision may rest on. */
export interface RequesterContext {
  readonly requester: Requester;
  /** Purposes of this request after an optional narrowing header; each is asked, and only what every one releases is released. */
  readonly purposes: readonly string[];
  /** True when any of them was assigned by configuration. */
  readonly purposeAssigned: boolean;
  /** Set when the one purpose is an emergency that was accepted: the table runs as for TREAT, and then this adds. */
  readonly emergency?: Emergency;
  /** Set when the verified fhirUser is this Patient: the requester is the patient herself. */
  readonly self?: PatientKey;
  /** Set when the verified fhirUser is a RelatedPerson: its record decides, later, whether he represents anybody. */
  readonly relatedPerson?: string;
  /** Roles with the policy's `unrestricted` grant: statically cleared for everything. */
  readonly unrestricted: boolean;
  /** Epoch milliseconds: the instant of the request; the decision has no clock. */
  readonly at: number;
}

/** What the token's scopes allow for one type and interaction. `undefined` patient: not bound to one. */
export type Grant =
  | { readonly granted: false }
  | {
      readonly granted: true;
      /** Any one of these must hold for a resource: bound to a patient's compartment or not, with further query restrictions or none. */
      readonly alternatives: readonly {
        readonly patient?: PatientKey;
        readonly query: readonly (readonly [string, string])[];
      }[];
    };
