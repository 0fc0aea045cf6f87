import { GatewayError } from '../errors/errors.ts';
import type { FhirRequest, Parameter } from '../fhir/request.ts';

/** What stood on the wire, as far as the gateway looks at it. */
export interface RawRequest {
  readonly id: string;
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  /** Alternating names and values, as node:http gives them. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly receivedAt: number;
  readonly remoteAddress: string;
  readonly clientCertificate?: string | undefined;
}

const readHeaders = new Set([
  'authorization',
  'accept',
  'prefer',
  'if-none-match',
  'if-modified-since',
  'x-purpose-of-use',
  'category',
  'x-emergency-reason',
  'x-emergency-patient',
  'x-request-id',
  'dpop',
  'content-type',
  'host', // twice is an error (RFC 9112 section 3.2)
]);
/** Characters of a request target; a longer search is to be posted. */
const maximumTarget = 8_192;
/** Nothing is normalised: a path that is not already canonical has no route. */
const canonicalPath = /^(?:\/[A-Za-z0-9\-._$]+)*\/?$/;

/**
 * Reads one request strictly. Its errors depend on its shape alone.
 * @param basePath path of the public FHIR base, without trailing slash
 * @throws {GatewayError} `uri-too-long`, `unknown-route`, `invalid-request`, `token-ambiguous`, `method-not-allowed`
 */
export function parseRequest(raw: RawRequest, basePath: string): FhirRequest {
  if (raw.target.length > maximumTarget) throw new GatewayError('uri-too-long');
  const cut = raw.target.indexOf('?');
  const path = cut < 0 ? raw.target : raw.target.slice(0, cut);
  if (!canonicalPath.test(path) || (path !== basePath && !path.startsWith(`${basePath}/`)))
    throw new GatewayError('unknown-route');
  const segments = path.slice(basePath.length + 1);
  const parts = segments === '' ? [] : segments.replace(/\/$/, '').split('/');
  if (parts.some((part) => part === '.' || part === '..') || segments.endsWith('/'))
    throw new GatewayError('unknown-route');
  if (raw.method !== 'GET' && raw.method !== 'HEAD' && raw.method !== 'POST')
    throw new GatewayError('method-not-allowed');
  return {
    id: raw.id,
    method: raw.method,
    path: parts,
    query: cut < 0 ? [] : parametersOf(raw.target.slice(cut + 1)),
    form: parametersOf(raw.body),
    headers: headersOf(raw.rawHeaders),
    receivedAt: raw.receivedAt,
    remoteAddress: raw.remoteAddress,
    ...(raw.clientCertificate === undefined ? {} : { clientCertificate: raw.clientCertificate }),
  };
}

function headersOf(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (!readHeaders.has(name)) continue;
    if (Object.hasOwn(headers, name)) {
      if (name === 'authorization') throw new GatewayError('token-ambiguous');
      throw new GatewayError('invalid-request');
    }
    headers[name] = rawHeaders[i + 1] as string;
  }
  return headers;
}

/** application/x-www-form-urlencoded, strictly: valid escapes, valid UTF-8, no NUL. */
function parametersOf(text: string): Parameter[] {
  if (text === '') return [];
  return text.split('&').map((pair) => {
    const cut = pair.indexOf('=');
    return [decoded(cut < 0 ? pair : pair.slice(0, cut)), decoded(cut < 0 ? '' : pair.slice(cut + 1))] as const;
  });
}

function decoded(text: string): string {
  try {
    const value = decodeURIComponent(text.replaceAll('+', ' '));
    if (value.includes('\0')) throw new GatewayError('invalid-request');
    return value;
  } catch {
    throw new GatewayError('invalid-request');
  }
}
