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
  readonly obligations: readonly Obligation[];
}

/** 42 CFR Part 2 data leaves: it bears its label, and the notice of section 2.32 where one is due. */
export type Obligation =
  | {
      readonly kind: 'part2';
      readonly basis: 'consent';
      /** The recipient may disclose further as HIPAA permits (2.33(b)(1)). */
      readonly redisclosable: boolean;
      /** What the consent covers, as far as the recipient is concerned. */
      readonly scope: ConsentScope;
    }
  | {
      readonly kind: 'part2';
      /** `emergency` (2.51); `program` (2.12(c)(3)); or the kind of a registered agreement. */
      readonly basis: ExceptionBasis;
      readonly redisclosable: false;
    };

export type ExceptionBasis = 'emergency' | 'program' | 'qso' | 'research' | 'audit' | 'fda' | 'order';

/** One provision that permitted, in what its recipient may know of it. */
export interface ConsentScope {
  /** Purposes as the provision states them. */
  readonly purposes: readonly string[];
  /** Epoch milliseconds; undefined: it states no end. */
  readonly until: number | undefined;
  /** Epoch milliseconds of the Consent's date. */
  readonly dated: number | undefined;
  /** SUD counseling notes, rather than Part 2 records in general. */
  readonly notes: boolean;
  /** The recipient may disclose further to its contractors, subcontractors and legal representatives (42 CFR 2.33(b)(3)). */
  readonly contractors?: true;
}

export interface Withhold {
  readonly outcome: 'withhold';
  readonly reasons: Some<Reason>;
}

/** What one Consent says to one question. */
export type Answer = 'permit' | 'deny' | 'uncovered' | 'not-applicable';
