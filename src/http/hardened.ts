import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { RecordedIntent } from '../audit/recorder.ts';
import type { ListenerConfig } from '../config/listener.ts';
import { bytesOf, type Reply } from '../enforce/assemble.ts';
import { keepFresh, type Tls } from './tls.ts';

/** What every listener for clients is configured with. */
export type DoorConfig = Pick<
  ListenerConfig,
  | 'behindTls'
  | 'allowedOrigins'
  | 'headersTimeoutMs'
  | 'requestTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'writeTimeoutMs'
  | 'minimumBytesPerSecond'
>;

/** What slowness costs nobody anything: a pause of a network. */
const graceMs = 5_000;

/** How long so many bytes may take, at the least speed. */
export function patienceMs(bytes: number, minimumBytesPerSecond: number): number {
  return minimumBytesPerSecond === 0 ? Number.POSITIVE_INFINITY : graceMs + (bytes / minimumBytesPerSecond) * 1_000;
}

/** A server for clients: HTTP/1.1 read strictly, bounded heads and times, nothing to upgrade to. */
export function hardenedServer(config: DoorConfig, tls: Tls | undefined, app: RequestListener): Server {
  const options = {
    maxHeaderSize: 16_384,
    headersTimeout: Math.min(config.headersTimeoutMs, config.requestTimeoutMs), // the head is part of the request
    requestTimeout: config.requestTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, config.headersTimeoutMs), // by default Node looks every 30 seconds only
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
  };
  const server = tls === undefined ? createServer(options, inTurn(app)) : tlsServer(options, tls, inTurn(app));
  server.maxHeadersCount = 64;
  server.on('upgrade', (_request, socket) =>
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  );
  return server as Server;
}

/**
 * Requests that were sent ahead on a connection (RFC 9112 section 9.3.2) wait until the answers before theirs have been
 * written: an answer that is made leaves, and does not wait in memory for whoever reads slowly.
 */
function inTurn(app: RequestListener): RequestListener {
  return (request, response) => {
    if (response.socket !== null) app(request, response);
    else response.once('socket', () => app(request, response)); // never, where the connection ends before
  };
}

function tlsServer(options: ServerOptions, tls: Tls, app: RequestListener): TlsServer {
  const server = createTlsServer({ ...options, ...tls() }, app);
  keepFresh(server, tls);
  return server;
}

/** Methods and request headers that browser apps of an allowed origin may use. */
export interface Cors {
  readonly methods: string;
  readonly requestHeaders: string;
}

export function setSecurityHeaders(
  request: IncomingMessage,
  response: ServerResponse,
  config: DoorConfig,
  isTls: boolean,
  cors: Cors,
): void {
  response.setHeader('Cache-Control', 'private, no-store');
  response.setHeader('Vary', 'Authorization, Accept, Prefer, Origin');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  response.setHeader('Referrer-Policy', 'no-referrer');
  if (isTls || config.behindTls) response.setHeader('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
  const origin = request.headers.origin;
  if (origin === undefined || !(config.allowedOrigins.includes('*') || config.allowedOrigins.includes(origin))) return;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader(
    'Access-Control-Expose-Headers',
    'ETag, Last-Modified, Retry-After, WWW-Authenticate, X-Consent-Enforcement, X-Request-Id',
  );
  if (request.method !== 'OPTIONS') return;
  response.setHeader('Access-Control-Allow-Methods', cors.methods);
  response.setHeader('Access-Control-Allow-Headers', cors.requestHeaders);
  response.setHeader('Access-Control-Max-Age', '600');
}

/** An answer that may be sent: complete, recorded, with the hand that completes its record. */
interface Complete {
  readonly reply: Reply;
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  readonly sent?: () => void;
  readonly intent: RecordedIntent | undefined;
}

/** Writes what was recorded, whole or not at all from the client's point of view: the length is stated first. */
export async function send(
  result: Complete,
  method: string | undefined,
  response: ServerResponse,
  { writeTimeoutMs, minimumBytesPerSecond }: Pick<DoorConfig, 'writeTimeoutMs' | 'minimumBytesPerSecond'>,
): Promise<void> {
  if (response.destroyed) {
    result.intent?.complete(0, true);
    return;
  }
  response.writeHead(result.reply.status, {
    ...result.reply.headers,
    ...(result.reply.status === 304 ? {} : { 'Content-Length': result.length }),
  });
  if (method === 'HEAD' || result.length === 0) {
    response.end();
    result.sent?.();
    result.intent?.complete(0, false);
    return;
  }
  const patience = Math.min(writeTimeoutMs, patienceMs(result.length, minimumBytesPerSecond));
  const deadline = setTimeout(() => response.destroy(), patience);
  try {
    response.end(result.chunks.length === 1 ? result.chunks[0] : Buffer.concat(result.chunks, result.length));
    await finished(response);
    result.sent?.();
    result.intent?.complete(result.length, false);
  } catch {
    // The client left: the record stays a disclosure, whatever is known of how much he got.
    result.intent?.complete(Math.max(1, response.socket?.bytesWritten ?? 0), true);
  } finally {
    clearTimeout(deadline);
  }
}

function finished(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    response.once('finish', resolve);
    response.once('close', () => (response.writableFinished ? resolve() : reject(new Error('closed'))));
  });
}

export function sendReply(response: ServerResponse, request: IncomingMessage, reply: Reply): void {
  const body = Buffer.concat([...bytesOf(reply.body)]);
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}
