import type { ErrorCode } from '../errors/errors.ts';
import type { ResourceKey } from '../fhir/ids.ts';
import type { Parameter } from '../fhir/request.ts';

export { authorize } from './authorize.ts';
export { capabilityStatement } from './capabilities.ts';
export { grantCriteria } from './grant.ts';
export { renderRefusals } from './refusals.ts';
export { patientParameterOf } from './registry.ts';
export { methodsFor, planFor } from './route.ts';
export { servedTypeSet, servedTypes } from './served.ts';

/** What a plan depends on besides the request: configuration alone. */
export interface PlanSettings {
  /** Public FHIR base, without trailing slash. */
  readonly publicBase: string;
  /** Other bases whose absolute URLs in data are local references, such as the upstream's; without trailing slash. */
  readonly otherBases: readonly string[];
  /** Elements with labels of their own are left out of what is released (`labels.inline`). */
  readonly leavesOutElements: boolean;
  /** IANA zone in which dates without an offset are read. */
  readonly timeZone: string;
  readonly defaultPageSize: number;
  readonly maximumPageSize: number;
  /** `exact`: totals count what is visible; `none`: there are none. */
  readonly totals: 'exact' | 'none';
  /** Most upstream candidates one search may read. */
  readonly scanBudget: number;
  readonly maximumParameters: number;
  /** Comma-separated values of one parameter. */
  readonly maximumValues: number;
  readonly maximumChainDepth: number;
  readonly maximumIncludes: number;
  /** Most ids one chain, `_has` or reverse include may bring. */
  readonly maximumHopIds: number;
  /** All names and values of a search together. */
  readonly maximumQueryCharacters: number;
  /** Modifiers that the upstream understands; the others are evaluated here. */
  readonly forwardedModifiers: readonly string[];
  /** Refused besides: `name` or `Type.name`. */
  readonly refusedParameters: readonly string[];
}

/** What will be done for one request: pure, static, made from the shape of the request and the configuration alone. */
export type Plan = CapabilitiesPlan | ReadPlan | VersionReadPlan | HistoryPlan | SearchPlan | PagePlan;

export interface Refusal {
  readonly outcome: 'refuse';
  readonly code: ErrorCode;
  /** Which part of the *request* is at fault: a parameter's or header's name from the registry. Never a value. */
  readonly about?: string;
}

interface Conditional {
  /** ETags of `If-None-Match`, unquoted opaque tags; `*` as itself. */
  readonly ifNoneMatch: readonly string[];
  /** Epoch milliseconds. */
  readonly ifModifiedSince?: number;
}

export interface CapabilitiesPlan {
  readonly outcome: 'capabilities';
}

export interface ReadPlan {
  readonly outcome: 'read';
  readonly key: ResourceKey;
  readonly type: string;
  readonly projection: Projection;
  readonly conditional: Conditional;
}

export interface VersionReadPlan {
  readonly outcome: 'vread';
  readonly key: ResourceKey;
  readonly type: string;
  /** As the requester named it: a view's version id. */
  readonly version: string;
  readonly projection: Projection;
}

export interface HistoryPlan {
  readonly outcome: 'history';
  readonly key: ResourceKey;
  readonly type: string;
  readonly pageSize: number;
  /** Epoch milliseconds; versions last updated before it are left out. */
  readonly since?: number;
  readonly self: readonly Parameter[];
}

/** The next page of an earlier search: what it was is sealed in the token. */
export interface PagePlan {
  readonly outcome: 'page';
  readonly token: string;
}

export interface SearchPlan {
  readonly outcome: 'search';
  readonly type: string;
  /** Compartment search: its root must be visible, else the answer is that of an absent id. */
  readonly compartment?: {
    readonly root: ResourceKey;
    /** Parameters by which the type belongs to the compartment; one search each. */
    readonly parameters: readonly string[];
    /** One criterion for each parameter, in the same order: a resource is a member when any of them holds on its view. */
    readonly criteria: readonly Criterion[];
    /** Criteria of the parameters before the one at `index`: what they find is not found again. */
    earlier(index: number): readonly Criterion[];
  };
  /** Criteria to be sent upstream as they stand; each is true in the view only if it is true upstream. */
  readonly forwarded: readonly Criterion[];
  /** Criteria that are evaluated on every view; they are not sent: they could be true there and false upstream. */
  readonly local: readonly Criterion[];
  /** Chains and `_has`: each becomes a list of ids through the requester's own view before the search starts. */
  readonly hops: readonly Hop[];
  /** Sort keys sent upstream; `_id` is appended as tie-breaker by the upstream client. */
  readonly sort: readonly { readonly parameter: string; readonly descending: boolean }[];
  readonly pageSize: number;
  /** `_count` of each upstream page: a static function of pageSize. */
  readonly upstreamPageSize: number;
  readonly includes: readonly Include[];
  readonly reverseIncludes: readonly Include[];
  /** `accurate`: enumerate all; `first-page`: give it when the first page proves the end; `none`: never. */
  readonly total: 'accurate' | 'first-page' | 'none';
  /** `_summary=count` or `_count=0`: no entries, only the total. */
  readonly countOnly: boolean;
  readonly projection: Projection;
  /** Parameters honoured, in canonical order, for the self link and the record. */
  readonly self: readonly Parameter[];
  /** Most upstream candidates this search may read. */
  readonly scanBudget: number;
}

/** One search parameter with its values: `name:modifier=a,b`. Several of one name are ANDed, their values ORed. */
export interface Criterion {
  /** Name in the registry, e.g. `code`, `_id`, `patient`. */
  readonly parameter: string;
  readonly modifier?: string;
  /** As sent upstream: `name:modifier` and the escaped value list. */
  readonly forward: Parameter;
  /** Element paths it reads, e.g. `Observation.encounter`, for the question whether a cut meets it. */
  readonly paths: readonly string[];
  /** Evaluates it on a parsed copy of a view. Pure. */
  matches(view: Readonly<Record<string, unknown>>): boolean;
}

/** A chained parameter or `_has`, to be answered by a search of the same requester. */
export type Hop =
  | {
      readonly kind: 'chain';
      /** Reference parameter of the searched type. */
      readonly parameter: string;
      /** Searches to run, one per possible target type; their visible matches' keys become the values of `parameter`. */
      readonly targets: readonly SearchPlan[];
      /** The criterion once the keys are known, to be sent and to be checked; for no keys it matches nothing, with the same work. */
      resolve(keys: readonly ResourceKey[]): {
        readonly forwarded: readonly Criterion[];
        readonly local: readonly Criterion[];
      };
    }
  | {
      readonly kind: 'has';
      /** The search for the referring resources; `reference` reads the keys they refer to from their views. */
      readonly source: SearchPlan;
      reference(view: Readonly<Record<string, unknown>>): readonly ResourceKey[];
      resolve(keys: readonly ResourceKey[]): {
        readonly forwarded: readonly Criterion[];
        readonly local: readonly Criterion[];
      };
    };

/** `_include` or `_revinclude`. */
export interface Include {
  readonly sourceType: string;
  readonly parameter: string;
  readonly targetType?: string;
  readonly iterate: boolean;
  /** Keys that the source's view refers to by this parameter. */
  references(view: Readonly<Record<string, unknown>>): readonly ResourceKey[];
  /** For `_revinclude`: the search for resources that refer to these keys. */
  search?(keys: readonly ResourceKey[]): SearchPlan;
}

/** `_elements` and `_summary`, applied to the view, never sent upstream. */
export type Projection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'elements'; readonly elements: readonly string[] }
  | { readonly kind: 'summary'; readonly summary: 'true' | 'text' | 'data' };
