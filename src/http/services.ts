import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { ServicesConfig } from '../config/services.ts';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { answerCall, refusal, type ServiceEdges, type ServiceRoutes, type Way, wayTo } from '../services/services.ts';
import { hasBody, leaveUnread, readBody } from './body.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { hardenedServer, send, sendReply, setSecurityHeaders } from './hardened.ts';
import { parseRequest } from './parse.ts';
import type { Pressure } from './pressure.ts';
import type { Tls } from './tls.ts';
import { type DoorTelemetry, Visit } from './visit.ts';

export interface ServicesDependencies extends DoorTelemetry {
  readonly edges: ServiceEdges;
  readonly routes: ServiceRoutes;
  readonly tls: Tls | undefined;
  readonly pressure: Pressure;
  readonly part: 'services' | 'administration';
}

const cors = {
  methods: 'GET, POST, OPTIONS',
  requestHeaders: 'Authorization, Content-Type, Accept, X-Purpose-Of-Use, Category, X-Request-Id',
};
const longestRequestId = 256;

/** A listener for services: HTTP/1.1, strict, one request to one answer. */
export function createServicesListener(config: ServicesConfig, deps: ServicesDependencies): Server {
  return hardenedServer(config, deps.tls, (request, response) => {
    setSecurityHeaders(request, response, config, deps.tls !== undefined, cors);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    answer(request, response, config, deps).catch((error: unknown) => {
      const name = error instanceof Error ? error.name : 'unknown';
      deps.log.error('a request failed outside its own handling', { part: deps.part, code: 'internal', name });
      if (response.headersSent) response.destroy();
      else sendReply(response, request, refusal('internal', undefined, deps.edges));
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  config: ServicesConfig,
  deps: ServicesDependencies,
): Promise<void> {
  const { edges } = deps;
  const { requestTimeoutMs } = config;
  const visit = new Visit(request, response, { ...deps, listener: deps.part, requestTimeoutMs });
  const { id, receivedAt, signal, watch } = visit;
  const asked = request.headers['x-request-id'];
  const isLong = typeof asked === 'string' && asked.length > longestRequestId;
  // Who names his request gets it named so (AuthZEN, Request Identification in a Response).
  response.setHeader('X-Request-Id', typeof asked === 'string' && !isLong ? asked : id);
  let way: Way | undefined;
  let status = 0;
  try {
    if (deps.pressure.isHigh) throw new GatewayError('overloaded');
    if (isLong) throw new GatewayError('invalid-request');
    const parsed = parsedRequest(request, { id, receivedAt, base: new URL(config.publicBaseUrl).origin });
    way = wayOf(parsed, response, deps.routes);
    if (way.kind === 'document') {
      const { contentType, body } = way.document;
      status = 200;
      response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body);
      return;
    }
    const body = () => bodyOf(request, config).catch((error) => leftUnread(error, request, response));
    const result = await answerCall({ request: parsed, ...way, body }, edges, signal, watch);
    request.resume(); // of who was refused before his body was read it is dropped
    visit.answered();
    status = result.reply.status;
    await watch.timed('send', () => send(result, request.method, response, config));
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'internal';
    const reply = refusal(code, way?.kind === 'service' ? way.service : undefined, edges);
    status = reply.status;
    leaveUnread(request, response, code);
    sendReply(response, request, reply);
  } finally {
    visit.end({ interaction: way?.kind === 'service' ? way.service.name : 'none', status });
  }
}

/** The same reading as at the door of the data, with this listener's own words for what it does not take. */
function parsedRequest(
  request: IncomingMessage,
  { id, receivedAt, base }: { readonly id: string; readonly receivedAt: number; readonly base: string },
): FhirRequest {
  const raw = {
    id,
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    body: '',
    receivedAt,
    remoteAddress: request.socket.remoteAddress ?? '',
    clientCertificate: clientCertificateOf(request),
  };
  try {
    return { ...parseRequest(raw, ''), base };
  } catch (error) {
    throw new GatewayError(ownWord(error instanceof GatewayError ? error.code : 'invalid-request'));
  }
}

function ownWord(code: ErrorCode): ErrorCode {
  if (code === 'unknown-route') return 'service-unknown';
  return code === 'method-not-allowed' ? 'service-method-not-allowed' : code;
}

function wayOf(parsed: FhirRequest, response: ServerResponse, routes: ServiceRoutes): Exclude<Way, { kind: 'method' }> {
  const way = wayTo(parsed.method, parsed.path, routes);
  if (way === undefined) throw new GatewayError('service-unknown');
  if (way.kind === 'method') {
    response.setHeader('Allow', [...way.allowed, 'OPTIONS'].join(', ')); // RFC 9110 section 10.2.1
    throw new GatewayError('service-method-not-allowed');
  }
  if (way.kind === 'document' && parsed.query.length > 0) throw new GatewayError('service-unknown');
  return way;
}

function leftUnread(error: unknown, request: IncomingMessage, response: ServerResponse): never {
  leaveUnread(request, response, error instanceof GatewayError ? error.code : 'internal');
  throw error;
}

/** The JSON body of a POST; a GET has none. */
async function bodyOf(
  request: IncomingMessage,
  { maximumBodyBytes, minimumBytesPerSecond }: ServicesConfig,
): Promise<Uint8Array> {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  if (request.method !== 'POST') {
    if (hasBody(request)) throw new GatewayError('invalid-request');
    return new Uint8Array();
  }
  if (encoding !== undefined || type === undefined || !/^application\/json\s*(?:;\s*charset=utf-8\s*)?$/i.test(type))
    throw new GatewayError('service-media-type');
  return readBody(request, maximumBodyBytes, minimumBytesPerSecond);
}
