/** One request as it stood at the door, already reduced to what the gateway reads of it. */
export interface FhirRequest {
  /** Random, fixed length; goes into logs, the record and `X-Request-Id`. */
  readonly id: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Path segments below the FHIR base, already checked to be canonical; `[]` is the base itself. */
  readonly path: readonly string[];
  /** Query parameters in the order they came; names and values decoded. */
  readonly query: readonly Parameter[];
  /** Form parameters of POST `_search`, in order; empty otherwise. */
  readonly form: readonly Parameter[];
  /** Lower-case names; only those the gateway reads: authorization, accept, prefer, if-none-match, if-modified-since, x-purpose-of-use, category, x-emergency-reason, x-emergency-patient, x-request-id, dpop. */
  readonly headers: Readonly<Partial<Record<string, string>>>;
  /** Epoch milliseconds. */
  /** Public base URL that the path is below, without trailing slash; unset: the FHIR base. */
  readonly base?: string;
  readonly receivedAt: number;
  /** Thumbprint of the certificate that the client's connection was made with (RFC 8705 section 3.1); unset without mutual TLS. */
  readonly clientCertificate?: string;
  readonly remoteAddress: string;
}

export type Parameter = readonly [name: string, value: string];

/** FHIR R4 restful-interaction codes that this gateway serves. */
export type Interaction = 'read' | 'vread' | 'history-instance' | 'search-type' | 'capabilities';
