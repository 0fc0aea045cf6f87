import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import express from 'express';
import type { ListenerConfig } from '../config/listener.ts';
import { errorReply } from '../enforce/assemble.ts';
import { GatewayError } from '../errors/errors.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { type Edges, handle } from '../gateway.ts';
import { methodsFor } from '../plan/plan.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { hardenedServer, send, sendReply, setSecurityHeaders } from './hardened.ts';
import { parseRequest } from './parse.ts';
import type { Tls } from './tls.ts';

export interface DoorDependencies {
  readonly edges: Edges;
  /** Body of `/.well-known/smart-configuration`. */
  readonly smartConfiguration: () => Promise<Readonly<Record<string, unknown>>>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly tls: Tls | undefined;
}

const cors = {
  methods: 'GET, HEAD, POST, OPTIONS',
  requestHeaders:
    'Authorization, Content-Type, Accept, Prefer, If-None-Match, If-Modified-Since, X-Purpose-Of-Use, Category, X-Emergency-Reason, X-Emergency-Patient',
};

/** The data listener: HTTP/1.1, strict, one request to one answer. */
export function createDataListener(config: ListenerConfig, basePath: string, deps: DoorDependencies): Server {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((request, response, next) => {
    setSecurityHeaders(request, response, config, deps.tls !== undefined, cors);
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  });
  app.get(`${basePath}/.well-known/smart-configuration`, async (request, response) => {
    if (request.originalUrl !== `${basePath}/.well-known/smart-configuration`)
      return sendReply(response, request, errorReply('unknown-route', undefined));
    try {
      response.type('application/json').send(JSON.stringify(await deps.smartConfiguration()));
    } catch {
      const code = 'issuer-unavailable';
      sendReply(response, request, errorReply(code, undefined, deps.edges.challenge(code)));
    }
  });
  app.use(async (request, response) => {
    await answer(request, response, basePath, config, deps);
  });
  app.use((_error: unknown, request: express.Request, response: express.Response, _next: express.NextFunction) => {
    deps.log.error('a request failed outside its own handling', {
      code: 'internal',
      name: _error instanceof Error ? _error.name : 'unknown',
    });
    if (response.headersSent) response.destroy();
    else sendReply(response, request, errorReply('internal', undefined));
  });
  return hardenedServer(config, deps.tls, app);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  basePath: string,
  config: ListenerConfig,
  deps: DoorDependencies,
): Promise<void> {
  const id = randomBytes(12).toString('hex');
  const receivedAt = deps.now();
  response.setHeader('X-Request-Id', id);
  const left = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) left.abort();
  });
  let parsed: FhirRequest;
  try {
    const body = await bodyOf(request, config.maximumFormBytes);
    parsed = parseRequest(
      {
        id,
        method: request.method ?? '',
        target: (request as IncomingMessage & { originalUrl?: string }).originalUrl ?? request.url ?? '',
        rawHeaders: request.rawHeaders,
        body,
        receivedAt,
        remoteAddress: request.socket.remoteAddress ?? '',
        clientCertificate: clientCertificateOf(request),
      },
      basePath,
    );
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'invalid-request';
    deps.metrics.requests.inc({ interaction: 'none', status: String(errorReply(code, undefined).status) });
    request.resume();
    if (code === 'method-not-allowed') response.setHeader('Allow', allowedAt(request, basePath));
    return sendReply(response, request, errorReply(code, undefined, deps.edges.challenge(code)));
  }
  deps.metrics.inFlight.inc();
  const deadline = setTimeout(() => left.abort(new GatewayError('upstream-timeout')), config.requestTimeoutMs);
  try {
    const result = await handle(parsed, deps.edges, left.signal);
    clearTimeout(deadline);
    if (result.reply.status === 405) response.setHeader('Allow', allowedAt(request, basePath));
    await send(result, parsed.method, response, config.writeTimeoutMs);
    const durationMs = deps.now() - receivedAt;
    deps.metrics.requests.inc({ interaction: result.interaction, status: String(result.reply.status) });
    deps.metrics.released.inc(result.released);
    deps.metrics.withheld.inc(result.withheld);
    if (result.shadow !== undefined) {
      const { name, wouldWithhold } = result.shadow;
      deps.metrics.shadowAnswers.inc({ name });
      deps.metrics.shadowWouldWithhold.inc({ name }, wouldWithhold);
    }
    if (result.emergency) {
      deps.metrics.emergencies.inc();
      deps.log.warn('an answer was given in an emergency', { requestId: id, interaction: result.interaction });
    }
    deps.metrics.duration.observe({ interaction: result.interaction }, durationMs / 1000);
    deps.log.info('answered', {
      requestId: id,
      method: parsed.method,
      interaction: result.interaction,
      status: result.reply.status,
      durationMs,
    });
  } finally {
    clearTimeout(deadline);
    deps.metrics.inFlight.dec();
  }
}

/** RFC 9110 section 10.2.1: alike for every id, known or not. */
function allowedAt(request: IncomingMessage, basePath: string): string {
  const target = (request as IncomingMessage & { originalUrl?: string }).originalUrl ?? request.url ?? '';
  const path = (target.split('?')[0] ?? '').slice(basePath.length + 1).split('/');
  return [...methodsFor(path.filter((part) => part !== '')), 'OPTIONS'].join(', ');
}

/** The form of a POST search; any other body is refused by its shape. */
async function bodyOf(request: IncomingMessage, limit: number): Promise<string> {
  const {
    'content-length': length,
    'content-type': type,
    'content-encoding': encoding,
    'transfer-encoding': transfer,
  } = request.headers;
  const hasBody = transfer !== undefined || (length !== undefined && length !== '0');
  const isSearch = request.method === 'POST' && /\/_search(?:\?|$)/.test(request.url ?? '');
  if (hasBody && !isSearch)
    throw new GatewayError(
      request.method === 'GET' || request.method === 'HEAD' ? 'invalid-request' : 'method-not-allowed',
    );
  if (request.method !== 'POST') return '';
  if (encoding !== undefined) throw new GatewayError('unsupported-media-type');
  if (!hasBody) return '';
  if (type === undefined || !/^application\/x-www-form-urlencoded\s*(?:;\s*charset=utf-8\s*)?$/i.test(type)) {
    throw new GatewayError('unsupported-media-type');
  }
  if (Number(length ?? 0) > limit) throw new GatewayError('payload-too-large');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new GatewayError('payload-too-large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('latin1');
}
