import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { freePort } from '../../examples/demo/ports.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { serve } from '../../src/serve.ts';

export interface Listening {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** An HTTP server on loopback, on any free port. */
export async function listening(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface KeyServer extends Listening {
  /** What stands at `/jwks`. */
  keys: object;
  /** Stands in for whatever the server would answer, until it is unset. */
  instead: RequestListener | undefined;
  /** Added to its metadata. */
  metadata: object;
  /** Requests so far, by path. */
  readonly requests: Map<string, number>;
}

/** An issuer as far as a resource server sees it: metadata and keys, or whatever a test puts in their place. */
export async function startKeyServer(keys: readonly object[]): Promise<KeyServer> {
  const requests = new Map<string, number>();
  const state = await listening((request, response) => {
    const path = request.url ?? '';
    requests.set(path, (requests.get(path) ?? 0) + 1);
    if (server.instead !== undefined) {
      server.instead(request, response);
      return;
    }
    const about = { issuer: server.url, jwks_uri: `${server.url}/jwks`, token_endpoint: `${server.url}/token` };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(path === '/jwks' ? server.keys : { ...about, ...server.metadata }));
  });
  const server: KeyServer = { ...state, keys: { keys }, instead: undefined, metadata: {}, requests };
  return server;
}

export interface Place {
  /** FHIR base of the gateway, as tokens name it. */
  readonly base: string;
  readonly upstreamUrl: string;
  /** Of the services beside FHIR, where they are configured. */
  readonly servicesUrl: string | undefined;
  readonly adminUrl: string;
  readonly audit: EmbeddedServer;
  /** Requests that have reached the server behind the gateway. */
  readonly reached: () => number;
  readonly close: () => Promise<void>;
}

/** A gateway before a server that holds a few resources and counts who comes through. */
export async function startPlace(
  identity: (base: string) => Promise<ConfigInput['identity']>,
  changes: (base: string) => Partial<ConfigInput> = () => ({}),
): Promise<Place> {
  let count = 0;
  const upstream = await startEmbeddedServer({ resources: resources.map((one) => JSON.stringify(one)) });
  const counter = await listening((incoming, response) => {
    count++;
    const { method, headers } = incoming;
    incoming.pipe(
      send(`${new URL(upstream.url).origin}${incoming.url}`, { ...(method && { method }), headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  const audit = await startEmbeddedServer();
  const folder = mkdtempSync(join(tmpdir(), 'who-asks-'));
  const port = await freePort(0);
  const base = `http://127.0.0.1:${port}/fhir`;
  const upstreamUrl = `${counter.url}/fhir`;
  const gateway = await serve(
    gatewayConfig(
      { port, publicBaseUrl: base, upstreamUrl, paging: 'offset', issuer: base, auditUrl: audit.url, folder },
      { identity: await identity(base), limits: { failedTokensPerMinute: 0 }, ...changes(base) },
    ),
  );
  return {
    base,
    upstreamUrl,
    servicesUrl: gateway.servicesUrl,
    adminUrl: gateway.adminUrl,
    audit,
    reached: () => count,
    close: async () => {
      await gateway.close();
      await Promise.all([counter.close(), upstream.close(), audit.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const resources = [
  { resourceType: 'Patient', id: 'ada', active: true },
  { resourceType: 'Practitioner', id: 'dr-grey', active: true },
  { resourceType: 'Organization', id: 'mercy-hospital', name: 'Mercy' },
];

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Sending {
  readonly method?: string;
  readonly body?: string;
  /** Request target, sent as it stands in place of the URL's own. */
  readonly target?: string;
}

/** Sends headers as they are listed, twice if they are listed twice, and reads the whole answer. */
export function ask(
  url: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
  { method = 'GET', body, target }: Sending = {},
): Promise<Received> {
  const raw = [['Host', new URL(url).host] as const, ...headers].flat();
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      { method, headers: raw, agent: false, ...(target !== undefined && { path: target }) },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

export const bearer = (token: string) => [['Authorization', `Bearer ${token}`]] as const;
