import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TracesConfig, tracesConfig } from '../../src/config/traces.ts';
import { keepTold } from './told.ts';

/** A span as OTLP tells it in JSON. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly events?: readonly unknown[];
}

export interface Collector {
  readonly url: string;
  /** Everything that was sent, as it was sent: paths, headers and bodies. */
  readonly received: () => string;
  readonly spans: () => readonly CollectedSpan[];
  readonly authorizations: () => readonly (string | undefined)[];
  close(): Promise<void>;
}

/**
 * A collector that takes traces by OTLP over HTTP, in JSON.
 * @param answer instead of taking them
 */
export async function startCollector(
  answer: (response: ServerResponse) => void = (response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
): Promise<Collector> {
  const requests: { readonly request: IncomingMessage; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    requests.push({ request, body });
    keepTold('trace', `${request.method} ${request.url} ${request.rawHeaders.join(' ')} ${body}`);
    answer(response);
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    received: () =>
      requests
        .map(({ request, body }) => `${request.method} ${request.url} ${request.rawHeaders.join(' ')} ${body}`)
        .join('\n'),
    spans: () => requests.flatMap(({ body }) => spansIn(body)),
    authorizations: () => requests.map(({ request }) => request.headers.authorization),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let ofRun: Promise<Collector> | undefined;

/** Has a gateway trace every request where the traces of the whole test run are searched, and not otherwise. */
export async function tracesOfRun(): Promise<{ readonly traces?: TracesConfig }> {
  if (process.env.TOLD_DIR === undefined) return {};
  ofRun ??= startCollector();
  return { traces: tracesConfig.parse({ endpoint: (await ofRun).url, share: 1 }) };
}

interface Export {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
  }[];
}

function spansIn(body: string): readonly CollectedSpan[] {
  const { resourceSpans = [] } = JSON.parse(body) as Export;
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}
