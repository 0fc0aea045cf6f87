import type { DisclosedResource, ServiceDisclosure } from '../audit/recorder.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { FhirRequest, Parameter } from '../fhir/request.ts';
import type { Watch } from '../telemetry/watch.ts';

/** One authorised service beside FHIR. What it needs of the house it was given when it was made. */
export interface Service {
  /** By which configuration grants it to roles, and by which the record names it. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** Below the services' base; a segment in braces is a parameter: `/consents/{patient}/in-force`. */
  readonly path: string;
  /** `text`: refusals are one plain sentence, as AuthZEN has them; unset: an OperationOutcome. */
  readonly refusals?: 'text';
  /** The patient may ask about herself without any role. Static: from token and path alone. */
  asksOwn?(asked: Omit<Asked, 'body'>): boolean;
  /**
   * Nothing of the answer leaves before it is recorded.
   * @throws {GatewayError} `service-body-invalid` for what it does not take; any other ends in its constant answer
   */
  answer(asked: Asked): Promise<ServiceAnswer>;
}

/** One request to a service: who asks is verified, admitted and granted the service. */
export interface Asked {
  readonly context: RequesterContext;
  readonly request: FhirRequest;
  /** What stands in the path where the service's has braces. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: readonly Parameter[];
  /** The JSON body, read strictly; undefined for GET. Its shape is for the service to check. */
  readonly body: unknown;
  readonly signal: AbortSignal;
  /** Told where its time goes. */
  readonly watch: Watch;
  /** Epoch milliseconds: the instant of the request. */
  readonly at: number;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** What the record must say of it. */
  readonly disclosed: Disclosed;
  /**
   * Whether the Consents that it rests on are still those in force: asked before it leaves, and where they are not, the
   * service is asked anew. Unset: it rests on none.
   */
  readonly stillInForce?: () => Promise<boolean>;
  /**
   * What the answer says is done: carried out when that is recorded, before the answer leaves.
   * @throws {GatewayError} when it could not be done; then that is the answer
   */
  readonly carriedOut?: () => Promise<void>;
  /** Leaves on the grid of negative answers, so that its time does not tell what is hidden from what is absent. */
  readonly negative?: boolean;
}

export interface Disclosed extends Omit<ServiceDisclosure, 'name'> {
  /** Resource versions whose content left. */
  readonly released: readonly DisclosedResource[];
  /** For the security office alone. */
  readonly withheld: readonly DisclosedResource[];
}

/** A document that is the same for everybody who asks: what a protocol says of a service before there is a token. */
export interface OpenDocument {
  /** From the root of the host: well-known locations do not follow the services' base (RFC 8615). */
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}
