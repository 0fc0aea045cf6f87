import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import express from 'express';
import type { ListenerConfig } from '../config/listener.ts';
import type { Edges } from '../edges.ts';
import { errorReply } from '../enforce/assemble.ts';
import { GatewayError } from '../errors/errors.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { type Answer, handle } from '../gateway.ts';
import { methodsFor } from '../plan/plan.ts';
import { hasBody, leaveUnread, readBody } from './body.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { hardenedServer, send, sendReply, setSecurityHeaders } from './hardened.ts';
import { parseRequest } from './parse.ts';
import type { Pressure } from './pressure.ts';
import type { Tls } from './tls.ts';
import { type DoorTelemetry, type Ending, Visit } from './visit.ts';

export interface DoorDependencies extends DoorTelemetry {
  readonly edges: Edges;
  /** Body of `/.well-known/smart-configuration`. */
  readonly smartConfiguration: () => Promise<Readonly<Record<string, unknown>>>;
  readonly tls: Tls | undefined;
  readonly pressure: Pressure;
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
  const { requestTimeoutMs } = config;
  const visit = new Visit(request, response, { ...deps, listener: 'data', requestTimeoutMs });
  response.setHeader('X-Request-Id', visit.id);
  let ending: Ending = { interaction: 'none', status: 500 };
  try {
    if (deps.pressure.isHigh) throw new UnreadableRequest('overloaded');
    const parsed = await parsedRequest(request, visit, basePath, config);
    const result = await handle(parsed, deps.edges, visit.signal, visit.watch);
    visit.answered();
    const { interaction, reply } = result;
    ending = { interaction, status: reply.status };
    if (reply.status === 405) response.setHeader('Allow', allowedAt(request, basePath));
    await visit.watch.timed('send', () => send(result, parsed.method, response, config));
    tell(result, visit.id, deps);
  } catch (error) {
    if (!(error instanceof UnreadableRequest)) throw error;
    const { code } = error;
    const reply = errorReply(code, undefined, deps.edges.challenge(code));
    ending = { interaction: 'none', status: reply.status };
    leaveUnread(request, response, code);
    if (code === 'method-not-allowed') response.setHeader('Allow', allowedAt(request, basePath));
    sendReply(response, request, reply);
  } finally {
    visit.end(ending);
  }
}

/** A request that is refused by its shape, before anybody is asked. */
class UnreadableRequest extends GatewayError {}

async function parsedRequest(
  request: IncomingMessage,
  { id, receivedAt }: Visit,
  basePath: string,
  config: ListenerConfig,
): Promise<FhirRequest> {
  try {
    const body = await bodyOf(request, config);
    const raw = {
      id,
      method: request.method ?? '',
      target: (request as IncomingMessage & { originalUrl?: string }).originalUrl ?? request.url ?? '',
      rawHeaders: request.rawHeaders,
      body,
      receivedAt,
      remoteAddress: request.socket.remoteAddress ?? '',
      clientCertificate: clientCertificateOf(request),
    };
    return parseRequest(raw, basePath);
  } catch (error) {
    throw new UnreadableRequest(error instanceof GatewayError ? error.code : 'invalid-request');
  }
}

/** What is told of an answer that was given, in sums. */
function tell(
  { interaction, released, withheld, labels, shadow, emergency }: Answer,
  requestId: string,
  { metrics, log }: DoorDependencies,
): void {
  metrics.released.inc(released);
  metrics.withheld.inc(withheld);
  for (const [kind, count] of Object.entries(labels)) metrics.candidates.inc({ labels: kind }, count);
  if (shadow !== undefined) {
    metrics.shadowAnswers.inc({ name: shadow.name });
    metrics.shadowWouldWithhold.inc({ name: shadow.name }, shadow.wouldWithhold);
  }
  if (!emergency) return;
  metrics.emergencies.inc();
  log.warn('an answer was given in an emergency', { requestId, interaction });
}

/** RFC 9110 section 10.2.1: alike for every id, known or not. */
function allowedAt(request: IncomingMessage, basePath: string): string {
  const target = (request as IncomingMessage & { originalUrl?: string }).originalUrl ?? request.url ?? '';
  const path = (target.split('?')[0] ?? '').slice(basePath.length + 1).split('/');
  return [...methodsFor(path.filter((part) => part !== '')), 'OPTIONS'].join(', ');
}

/** The form of a POST search; any other body is refused by its shape. */
async function bodyOf(
  request: IncomingMessage,
  { maximumFormBytes, minimumBytesPerSecond }: ListenerConfig,
): Promise<string> {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  const isSearch = request.method === 'POST' && /\/_search(?:\?|$)/.test(request.url ?? '');
  if (hasBody(request) && !isSearch)
    throw new GatewayError(
      request.method === 'GET' || request.method === 'HEAD' ? 'invalid-request' : 'method-not-allowed',
    );
  if (request.method !== 'POST') return '';
  if (encoding !== undefined) throw new GatewayError('unsupported-media-type');
  if (!hasBody(request)) return '';
  if (type === undefined || !/^application\/x-www-form-urlencoded\s*(?:;\s*charset=utf-8\s*)?$/i.test(type)) {
    throw new GatewayError('unsupported-media-type');
  }
  return (await readBody(request, maximumFormBytes, minimumBytesPerSecond)).toString('latin1');
}
