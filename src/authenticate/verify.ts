import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import type { IdentityConfig } from '../config/identity.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Issuer } from './issuer.ts';

export interface VerifiedToken {
  readonly issuer: Issuer;
  readonly claims: JWTPayload;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** Thumbprint of the certificate that it is bound to, if any. */
  readonly boundTo?: string | undefined;
}

/** Claims that only an ID token or a logout token bears (OpenID Connect Core 3.1.3.6, Back-Channel Logout 2.4). */
const notOfAccessTokens = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'];

/**
 * Verifies a JWT access token (RFC 9068 section 4, RFC 8725): issuer, signature by that issuer's own keys and algorithms,
 * type, audience, times, lifetime, required claims. What the token says about its keys is not looked at.
 * @throws {GatewayError} `token-invalid`, whatever is wrong with it
 */
export async function verifyToken(
  token: string,
  issuers: ReadonlyMap<string, Issuer>,
  { clockSkewMs, publicBaseUrl }: Pick<IdentityConfig, 'clockSkewMs'> & { readonly publicBaseUrl: string },
  now: number,
): Promise<VerifiedToken> {
  try {
    const issuer = issuers.get(decodeJwt(token).iss ?? '');
    if (issuer === undefined) throw new Error('issuer');
    const { config } = issuer;
    const { typ } = decodeProtectedHeader(token);
    if (!isAccessTokenType(typ, config.tokenTypes)) throw new Error('typ');
    const { payload } = await jwtVerify(token, await issuer.keys(), {
      issuer: config.issuer,
      audience: config.audiences.length > 0 ? config.audiences : publicBaseUrl,
      algorithms: config.algorithms,
      clockTolerance: clockSkewMs / 1000,
      currentDate: new Date(now),
      requiredClaims: ['iss', 'aud', 'exp', 'iat'],
    });
    const { exp, iat } = payload as { exp: number; iat: number }; // required, and numbers, as jose has checked
    if (!(iat * 1000 <= now + clockSkewMs)) throw new Error('iat');
    if (!(exp > iat && (exp - iat) * 1000 <= config.maximumLifetimeMs)) throw new Error('lifetime');
    if (notOfAccessTokens.some((name) => Object.hasOwn(payload, name))) throw new Error('not an access token');
    if (payload.typ !== undefined && payload.typ !== 'Bearer') throw new Error('not an access token'); // Keycloak says it here
    const boundTo = certificateOf(payload.cnf);
    if (boundTo === undefined && config.boundTokens === 'required') throw new Error('not bound');
    for (const name of config.requiredClaims) if (!hasText(payload, name)) throw new Error(name);
    return { issuer, claims: payload, expiresAt: exp * 1000, boundTo };
  } catch (error) {
    throw new GatewayError('token-invalid', { cause: error });
  }
}

/**
 * The certificate that a token is bound to (RFC 8705 section 3.1). A confirmation of any other kind, or one more, has a
 * proof that is not checked here: such a token is no bearer token.
 */
function certificateOf(confirmation: unknown): string | undefined {
  if (confirmation === undefined) return undefined;
  const [[name, thumbprint] = [], ...others] =
    typeof confirmation === 'object' && confirmation !== null ? Object.entries(confirmation) : [];
  if (name !== 'x5t#S256' || others.length > 0 || typeof thumbprint !== 'string') throw new Error('bound otherwise');
  if (!/^[\w-]{43}$/.test(thumbprint)) throw new Error('no thumbprint');
  return thumbprint;
}

function isAccessTokenType(typ: unknown, accepted: readonly string[]): boolean {
  return typeof typ === 'string' && accepted.includes(typ.toLowerCase().replace(/^application\//, ''));
}

function hasText(payload: JWTPayload, name: string): boolean {
  const value = name === 'client_id' ? (payload.client_id ?? payload.azp) : payload[name];
  return typeof value === 'string' && value !== '' && value.length <= 1_000;
}
