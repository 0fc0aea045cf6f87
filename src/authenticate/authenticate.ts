import { LRUCache } from 'lru-cache';
import type { IdentityConfig } from '../config/identity.ts';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { hashOf, identify } from './identify.ts';
import { createIssuer, type Issuer } from './issuer.ts';
import { directoryOf } from './organizations.ts';
import type { Requester } from './requester.ts';
import { smartConfiguration } from './smart.ts';
import { verifyToken } from './verify.ts';

export { type DescribedRequester, describedRequester, requesterOf } from './described.ts';
export { assignedOrganization, type Directory, directoryOf } from './organizations.ts';
export { parseScopes } from './scopes.ts';

export interface Authenticator {
  /**
   * Who asks, by the one bearer token in the Authorization header (RFC 6750 section 2.1).
   * @throws {GatewayError} `token-missing`, `token-invalid`, `token-ambiguous`
   */
  authenticate(request: FhirRequest): Promise<Requester>;
  /** Whether the token of a request was verified before and still counts: cheap, and says nothing about the request. */
  remembers(request: FhirRequest): boolean;
  /**
   * Who somebody is whom a trusted caller describes: claims read by the rules of one configured issuer, as its token with
   * them would be. Nothing is verified: who calls this vouches for them.
   * @returns undefined when there is no such issuer
   */
  describe(issuer: string, claims: Readonly<Record<string, unknown>>): Requester | undefined;
  /** Body of `/.well-known/smart-configuration`. @throws {Error} when the first issuer cannot be reached */
  smartConfiguration(): Promise<Readonly<Record<string, unknown>>>;
}

export interface AuthenticatorParts {
  /** Public FHIR base, without trailing slash: the audience of tokens where none is configured. */
  readonly publicBaseUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Bearer tokens of the configured issuers; a verified one is remembered by its hash, never beyond its expiry. */
export function createAuthenticator(config: IdentityConfig, { publicBaseUrl, now }: AuthenticatorParts): Authenticator {
  const issuers = new Map<string, Issuer>(
    config.issuers.map((one) => [one.issuer, createIssuer(one, config.keys, now)]),
  );
  const directory = directoryOf(config);
  const known =
    config.rememberedTokens === 0
      ? undefined
      : new LRUCache<string, { readonly requester: Requester; readonly until: number }>({
          max: config.rememberedTokens,
        });
  return {
    async authenticate(request) {
      const token = tokenOf(request, config.maximumTokenBytes);
      const hash = hashOf(token);
      const at = now();
      const remembered = known?.get(hash);
      if (remembered !== undefined && at < remembered.until) return proven(remembered.requester, request);
      const verified = await verifyToken(token, issuers, { clockSkewMs: config.clockSkewMs, publicBaseUrl }, at);
      const requester = identify(token, verified, { publicBaseUrl, directory });
      known?.set(hash, { requester, until: Math.min(at + config.rememberTokenMs, verified.expiresAt) });
      return proven(requester, request);
    },
    remembers({ headers: { authorization = '' } }) {
      const remembered = known?.peek(hashOf(authorization.replace(/^Bearer /i, '')));
      return remembered !== undefined && now() < remembered.until;
    },
    describe(name, claims) {
      const issuer = issuers.get(name);
      if (issuer === undefined) return undefined;
      const plain: Issuer = { ...issuer, config: { ...issuer.config, presets: ['plain'], claims: {} } };
      const requester = identify('', { issuer: plain, claims, expiresAt: now() }, { publicBaseUrl, directory });
      return { ...requester, identities: requester.identities.filter((one) => one !== `${name}|`) };
    },
    async smartConfiguration() {
      const [first] = config.issuers;
      const issuer = issuers.get(first?.issuer ?? '');
      return smartConfiguration((await issuer?.metadata()) ?? {}, config);
    },
  };
}

/** A token that is bound to a certificate counts on connections made with it alone (RFC 8705 section 3). */
function proven(requester: Requester, { clientCertificate }: FhirRequest): Requester {
  if (requester.boundTo !== undefined && requester.boundTo !== clientCertificate)
    throw new GatewayError('token-invalid');
  return requester;
}

/** RFC 6750 allows tokens in the query and the form too; there they end up in logs, so they are refused here. */
function tokenOf({ query, form, headers }: FhirRequest, maximumBytes: number): string {
  if ([...query, ...form].some(([name]) => name === 'access_token')) throw new GatewayError('token-ambiguous');
  const { authorization } = headers;
  if (authorization === undefined) throw new GatewayError('token-missing');
  const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined || token.length > maximumBytes) throw new GatewayError('token-invalid');
  return token;
}

/** The challenge that goes with a refusal (RFC 6750 section 3); constant for each kind. */
export function challenge(code: ErrorCode): Readonly<Record<string, string>> {
  switch (code) {
    case 'token-missing':
      return { 'WWW-Authenticate': 'Bearer realm="fhir"' };
    case 'token-invalid':
      return { 'WWW-Authenticate': 'Bearer realm="fhir", error="invalid_token"' };
    case 'token-ambiguous':
      return { 'WWW-Authenticate': 'Bearer realm="fhir", error="invalid_request"' };
    case 'scope-insufficient':
      return { 'WWW-Authenticate': 'Bearer realm="fhir", error="insufficient_scope"' };
    case 'rate-limited':
      return { 'Retry-After': '60' };
    case 'overloaded':
    case 'upstream-unavailable':
    case 'upstream-timeout':
    case 'issuer-unavailable':
    case 'consent-unavailable':
    case 'record-unavailable':
      return { 'Retry-After': '5' };
    default:
      return {};
  }
}
