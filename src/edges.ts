import type { RecordedNotice } from './audit/fda-notices.ts';
import type { Recorder } from './audit/recorder.ts';
import type { Requester } from './authenticate/requester.ts';
import type { Grant, RequesterContext } from './context/requester-context.ts';
import type { ShadowPermit } from './decide/shadow.ts';
import type { PageTokens } from './discover/page-token.ts';
import type { SearchWorld } from './discover/search.ts';
import type { Memory, MemoryPool } from './document/memory.ts';
import type { Reply } from './enforce/assemble.ts';
import type { ErrorCode } from './errors/errors.ts';
import type { FhirRequest, Interaction } from './fhir/request.ts';
import type { Plan, Refusal } from './plan/plan.ts';
import type { Watch } from './telemetry/watch.ts';

/** Everything one request may reach: made once in house.ts. */
export interface Edges {
  readonly authenticate: (request: FhirRequest) => Promise<Requester>;
  /** Takes a place for this requester, or throws `rate-limited` / `overloaded`; static: it never sees data. */
  readonly admit: (requester: Requester) => Promise<Admission>;
  readonly contextOf: (requester: Requester, request: FhirRequest) => RequesterContext;
  readonly planFor: (request: FhirRequest) => Plan | Refusal;
  /** Scopes and role rules on the request's shape: throws `scope-insufficient` or `policy-refused`. */
  readonly authorize: (plan: Plan, context: RequesterContext) => void;
  readonly grantFor: (context: RequesterContext, interaction: Interaction, type: string) => Grant;
  readonly worldFor: (
    context: RequesterContext,
    request: FhirRequest,
    signal: AbortSignal,
    interaction: Interaction,
    shadow?: ShadowPermit,
    means?: Means,
  ) => SearchWorld;
  /** Where large answers of the FHIR server, and those made of them, live while they are needed. */
  readonly memory: MemoryPool;
  /** Static: the permission to let pass what would be withheld, where the deployment tries the gateway out. */
  readonly shadowFor: (context: RequesterContext, type: string) => ShadowPermit | undefined;
  readonly capabilities: () => Reply;
  readonly challenge: (code: ErrorCode) => Readonly<Record<string, string>>;
  readonly pageTokens: PageTokens;
  readonly recorder: Recorder;
  readonly publicBase: string;
  readonly policyHash: string;
  /** Which statement of 42 CFR 2.32(a) accompanies Part 2 records. */
  readonly statement: 'short' | 'full';
  /** Notices of the FDA that agreements rest on; each goes into the record of what it opened. */
  readonly fdaNotices: readonly RecordedNotice[];
  /** Negative reads leave on a grid of this many milliseconds; 0: at once. */
  readonly negativeGridMs: number;
  /** Searches too, when the deployment's timing is strict. */
  readonly searchGridMs: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** What one request works with, and what is told of its work. */
export interface Means {
  readonly memory?: Memory;
  readonly watch?: Watch;
}

export interface Admission {
  /** Gives the place back; a negative answer counts against the requester's own limit of those. */
  leave(negative: boolean): void;
}
