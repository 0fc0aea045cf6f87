import { createRemoteJWKSet, customFetch as jwksFetch, type RemoteJWKSet } from 'jose';
import {
  allowInsecureRequests,
  discovery,
  customFetch as metadataFetch,
  None,
  type ServerMetadata,
} from 'openid-client';
import { type IdentityConfig, type IssuerConfig, isReachable } from '../config/identity.ts';
import { isRecord } from './codes.ts';

/** One trusted issuer: its metadata and signing keys, read when they are first needed. */
export interface Issuer {
  readonly config: IssuerConfig;
  /** @throws {Error} when neither the issuer nor a recent copy is there */
  keys(): Promise<RemoteJWKSet>;
  /** @throws {Error} as `keys` */
  metadata(): Promise<Partial<ServerMetadata>>;
}

type Limits = IdentityConfig['keys'];

/**
 * Keys are read again at a configured age and when a token names an unknown one, no more often than the cooldown allows.
 * While they cannot be read, known ones serve up to a maximum age.
 * @param now epoch milliseconds
 */
export function createIssuer(config: IssuerConfig, limits: Limits, now: () => number): Issuer {
  let known: { readonly at: number; readonly metadata: Promise<Partial<ServerMetadata>> } | undefined;
  let found: Promise<KeySet> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  const refuseTooSoon = (): void => {
    if (now() - failedAt < limits.retryMs) throw new Error('metadata or keys could not be read a moment ago');
  };

  const discover = async (): Promise<Partial<ServerMetadata>> => {
    if (config.discovery === 'none') return { issuer: config.issuer };
    const found = await discovery(new URL(config.issuer), 'fhir-consent-gateway', undefined, None(), {
      algorithm: config.discovery,
      timeout: limits.timeoutMs / 1000,
      [metadataFetch]: (url, options) => boundedFetch(url, options as RequestInit, limits),
      execute: config.allowInsecureHttp ? [allowInsecureRequests] : [],
    });
    return found.serverMetadata();
  };
  const metadata = async (): Promise<Partial<ServerMetadata>> => {
    if (known !== undefined && now() - known.at < limits.refreshMs) return known.metadata;
    if (known === undefined) refuseTooSoon();
    const before = known?.metadata;
    const reading = discover();
    const settled = before === undefined ? reading : reading.catch(() => before); // the last copy serves on
    known = { at: now(), metadata: settled };
    settled.catch(() => {
      if (known?.metadata === settled) known = undefined;
      failedAt = now();
    });
    return settled;
  };
  const find = async (): Promise<KeySet> => {
    const url = config.jwksUri ?? (await metadata()).jwks_uri;
    if (url === undefined || !isReachable(url, config.allowInsecureHttp)) throw new Error('no usable jwks_uri');
    return keySetAt(new URL(url), limits, now);
  };
  const keys = async (): Promise<RemoteJWKSet> => {
    if (found === undefined) {
      refuseTooSoon();
      found = find(); // one for all who ask meanwhile
    }
    const finding = found;
    try {
      return await (await finding).current();
    } catch (error) {
      if (found === finding) found = undefined; // the keys may have moved: metadata tells
      failedAt = now();
      throw error;
    }
  };
  return { config, keys, metadata };
}

interface KeySet {
  /** @throws {Error} when keys cannot be read and there are none below the maximum age */
  current(): Promise<RemoteJWKSet>;
}

/** Reads keys, and gives the last good ones while that fails; failures are not repeated at once. */
function keySetAt(address: URL, limits: Limits, now: () => number): KeySet {
  let good: { readonly at: number; readonly body: string } | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  const isTooOld = (): boolean => good === undefined || now() - good.at > limits.maximumAgeMs;
  const read = async (url: string, options: RequestInit): Promise<Response> => {
    try {
      if (now() - failedAt < limits.retryMs) throw new Error('keys could not be read a moment ago');
      const response = await boundedFetch(url, options, limits);
      const body = await response.text();
      if (response.status !== 200 || !isKeySet(JSON.parse(body), limits)) throw new Error('no key set');
      good = { at: now(), body };
      return Response.json(JSON.parse(body));
    } catch (error) {
      if (now() - failedAt >= limits.retryMs) failedAt = now();
      if (good === undefined || isTooOld()) throw error;
      return Response.json(JSON.parse(good.body));
    }
  };
  const set = createRemoteJWKSet(address, {
    timeoutDuration: limits.timeoutMs,
    cooldownDuration: limits.cooldownMs,
    cacheMaxAge: limits.refreshMs,
    [jwksFetch]: read,
  });
  return {
    async current() {
      if (isTooOld()) await set.reload(); // what the set still thinks fresh may be a good copy given again
      return set;
    },
  };
}

function isKeySet(document: unknown, { maximumKeys }: Limits): boolean {
  if (typeof document !== 'object' || document === null || !('keys' in document)) return false;
  return Array.isArray(document.keys) && document.keys.length <= maximumKeys && document.keys.every(isRecord);
}

/** Never follows a redirect, never reads more than the limit. */
async function boundedFetch(url: string, options: RequestInit, { maximumBytes, timeoutMs }: Limits): Promise<Response> {
  const signal = options.signal ?? AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { ...options, redirect: 'manual', signal });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maximumBytes) throw new Error('answer too large');
    chunks.push(chunk);
  }
  const body = response.status === 204 || response.status === 304 ? null : Buffer.concat(chunks, size);
  return new Response(body, { status: response.status, headers: response.headers });
}
