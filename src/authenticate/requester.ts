/** Who asks: the verified claims of one access token, in the gateway's own words. Nothing here comes from a header. */
export interface Requester {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  /** `urn:ietf:params:oauth:jti:...`, or the last 32 characters of an opaque token (IHE BALP OAUTHaccessTokenUse). */
  readonly tokenId: string;
  /** SHA-256 of the token, base64url; the cache key, and what page tokens are bound to. Never logged. */
  readonly tokenHash: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** Thumbprint of the certificate without which the token is none (RFC 8705 section 3.1). */
  readonly boundTo?: string;
  /** Person's or system's display name, for the record. */
  readonly name?: string;
  /** `app` acts for a person; `system` is a backend service (SMART Backend Services, UDAP B2B). Limits differ. */
  readonly clientKind: 'app' | 'system';
  readonly scopes: readonly Scope[];
  /** `Practitioner/x`, `Patient/y`, `RelatedPerson/z`... relative to this gateway's base, or an absolute URL elsewhere. */
  readonly fhirUser?: string;
  /** Every way a Consent actor may name this requester: local references, absolute URLs, and `system|value` identifiers (user, role resource, device/client). */
  readonly identities: readonly string[];
  /** The verified organization(s): local references, URIs and `system|value` identifiers. */
  readonly organizations: readonly string[];
  readonly organizationName?: string;
  /** Role names of the policy: clinician, counselor, billing ... mapped from claims. */
  readonly roles: readonly string[];
  /** Role codes as the token stated them, for the record. */
  readonly roleCodes: readonly { readonly system?: string; readonly code: string }[];
  readonly purposes: readonly AssertedPurpose[];
  /** Patient in the launch context (SMART `patient`): what the token is about, never who the requester is. */
  readonly patient?: string;
  readonly acr?: string;
  /** Epoch milliseconds. */
  readonly authenticatedAt?: number;
  readonly amr: readonly string[];
  /** Topics' residual rules of IHE PCF `extensions.ihe_pcf`, verbatim; undefined when the token has none. */
  readonly pcf?: unknown;
}

/** v3-ActReason code; `assigned` when an issuer's or client's configuration entry gave it rather than the token. */
export interface AssertedPurpose {
  readonly code: string;
  readonly assigned: boolean;
}

/** One granted SMART scope (SMART App Launch 2.2, scopes v1 and v2). */
export interface Scope {
  readonly context: 'patient' | 'user' | 'system';
  /** A resource type, or `*`. */
  readonly resourceType: string;
  readonly read: boolean;
  readonly search: boolean;
  /** Granular query restriction, in order; empty when there is none. */
  readonly query: readonly (readonly [name: string, value: string])[];
}
