import type { Some } from '../fhir/coding.ts';

/** One reason: a stable code, and where it came from. Never content. */
export interface Reason {
  /** Stable machine code, e.g. `consent-permit`, `consent-deny`, `no-applicable-consent`, `policy-forbid`. Catalogue in decide/reasons.ts. */
  readonly code: string;
  /** Step of the composition table, 1 to 8. */
  readonly step: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
  /** `Consent/id/_history/version` of a contributing Consent. */
  readonly consent?: string;
  /** `provision`, `provision.provision[1]` ... inside that Consent; `base` for its base effect. */
  readonly provision?: string;
  /** Cedar policy id, implicit policy name, table version. */
  readonly rule?: string;
  /** Topic or level in question; `rest` for what bears no topic. */
  readonly label?: string;
}

export type Decision = Release | Withhold;

export interface Release {
  readonly outcome: 'release';
  readonly reasons: Some<Reason>;
  readonly obligations: readonly string[];
}

export interface Withhold {
  readonly outcome: 'withhold';
  readonly reasons: Some<Reason>;
}

/** What one Consent says to one question. */
export type Answer = 'permit' | 'deny' | 'uncovered' | 'not-applicable';
