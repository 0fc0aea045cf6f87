import type { Interval } from '../fhir/coding.ts';
import type { ResourceKey } from '../fhir/ids.ts';
import type { Facts } from '../label/facts.ts';
import type { Labels } from '../label/labels.ts';
import type { Agreement } from './agreements.ts';

/** One resource to be ruled on. */
export interface Candidate {
  readonly facts: Facts;
  readonly labels: Labels;
  /**
   * The target of a reference is judged as if its kind were allowed: what scope, role or implicit policy exclude by kind
   * alone is a static limit; labels and Consents still count.
   */
  readonly asTarget: boolean;
  /** Facts of other resources that Consents of this patient name in `provision.data`, by key; a key that is missing here could not be resolved. */
  readonly named: ReadonlyMap<ResourceKey, NamedData>;
  /**
   * Of 42 CFR Part 2 data: the programs whose records it holds, each by its first configured name, and `unstated` where nobody
   * can say whose. An exception that rests on the program has to hold for every one of them.
   */
  readonly sources: readonly string[];
}

/** What matching reads of a candidate besides its labels. */
export type CandidateData = Pick<Candidate, 'facts' | 'named'>;

/** What `provision.data` needs to know of a resource that a Consent names. */
export interface NamedData {
  /** Local references that go out of it (meaning `related`). */
  readonly references: readonly ResourceKey[];
}

/** The facts about the requester that hold for one patient, established with the data (decision 17). */
export interface Standing {
  /** `self`: the requester is the patient; `representative`: an active relation that the configuration names as legal authority. */
  readonly kind: 'self' | 'representative' | 'none';
  /** True while the patient is under the configured age. */
  readonly patientIsMinor: boolean;
  /** The RelatedPerson's key, when representative. */
  readonly relatedPerson?: ResourceKey;
}

/** Implicit policies of IHE PCF (ITI Privacy Consent on FHIR, Appendix P). */
export type ImplicitPolicy = 'deny' | 'break-glass-only' | 'basic-normal' | 'all-normal';

/** What the deployment decided; static. */
export interface DecisionSettings {
  readonly implicitPolicy: ImplicitPolicy;
  /** Roles that count as clinicians and as billing for `basic-normal`. */
  readonly clinicianRoles: readonly string[];
  readonly billingRoles: readonly string[];
  readonly billingTypes: readonly string[];
  readonly conflictStrategy: 'deny-overrides' | 'most-recent' | 'most-specific';
  readonly withholdFromPatient: boolean;
  /** SUDCN and PSYTHPN reach representatives only when true. */
  readonly representativesSeeNotes: boolean;
  /** A SUD topic counts as 42CFRPart2 too (strict; on in us-part2). */
  readonly sudIsPart2: boolean;
  /** Organizations this gateway acts for, as local references, URIs or `system|value`; empty: any Consent.organization may permit. */
  readonly organizations: readonly string[];
  /** A deny of another organization's Consent binds. */
  readonly foreignDenyBinds: boolean;
  readonly part2PolicyUris: readonly string[];
  /** Part 2 permits need a verified Consent (Consent.verification). */
  readonly part2RequiresVerification: boolean;
  /** Reads an instant such as `meta.lastUpdated`; undefined when it is none. */
  readonly instantOf: (text: string | undefined) => Interval | undefined;
  /** Part 2 programs: every name of one (same forms as above) to its first, for communication within the program (42 CFR 2.12(c)(3)). */
  readonly programs: ReadonlyMap<string, string>;
  readonly part2: {
    /** Registered agreements, approvals and orders. */
    readonly agreements: readonly Agreement[];
    /** Organizations, in the forms above, to whom HIPAA applies. */
    readonly coveredEntities: readonly string[];
    /** Organizations that receive records for their participants (42 CFR 2.11). */
    readonly intermediaries: readonly string[];
    /** Organizations and clients of law enforcement; unset: nobody. */
    readonly lawEnforcement?: readonly string[];
    /** Organizations that are lawful holders without being covered entities, with contracts as 42 CFR 2.33(c) asks; unset: none. */
    readonly lawfulHolders?: readonly string[];
    /** Forms of written consents, by the URIs of their policies; unset: any. */
    readonly forms?: { readonly accepted: readonly string[]; readonly withdrawn: readonly string[] };
  };
  /** Refrains and obligations among labels: who keeps them, and whether answers leave by TLS. */
  readonly handling: { readonly handlers: ReadonlyMap<string, readonly string[]>; readonly isEncrypted: boolean };
}
