import type { Requester } from '../authenticate/requester.ts';
import type { ParsedConsent, UnreadableConsent } from '../consent/parsed.ts';
import type { ConsentSource } from '../consent/source.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { DecisionSettings } from '../decide/question.ts';
import type { SearchWorld } from '../discover/search.ts';
import type { ResourceKey } from '../fhir/ids.ts';
import type { FhirRequest, Interaction } from '../fhir/request.ts';
import type { Plan, Refusal } from '../plan/plan.ts';
import type { Watch } from '../telemetry/watch.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Calendar } from './calendar.ts';

/** What administration may reach of the house: the same worlds, plans and rules as requests have. */
export interface AdministerEdges {
  readonly consents: ConsentSource;
  /** Reads a Consent of the data store; never throws. */
  readonly parse: (json: unknown) => ParsedConsent | UnreadableConsent;
  readonly settings: DecisionSettings;
  readonly calendar: Calendar;
  /** What one request sees of the world. */
  readonly worldFor: (
    context: RequesterContext,
    request: FhirRequest,
    signal: AbortSignal,
    interaction: Interaction,
    means?: { readonly watch?: Watch },
  ) => SearchWorld;
  readonly contextOf: (requester: Requester, request: FhirRequest) => RequesterContext;
  readonly planFor: (request: FhirRequest) => Plan | Refusal;
  /** Step 1. @throws {GatewayError} `scope-insufficient`, `policy-refused` */
  readonly authorize: (plan: Plan, context: RequesterContext) => void;
  readonly upstream: Upstream;
  /** Resource of the FHIR server that a reference means, by whichever of its URLs. */
  readonly keyOf: (reference: string) => ResourceKey | undefined;
  /** Search parameter by which a type refers to its patient. */
  readonly patientParameter: (type: string) => string | undefined;
  /** Kinds of resources that a patient's record is read from. */
  readonly servedTypes: readonly string[];
}
