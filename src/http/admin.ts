import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Metrics } from '../telemetry/metrics.ts';

export interface AdminParts {
  readonly metrics: Metrics;
  readonly isReady: () => boolean;
  /**
   * A consent store says that something changed.
   * @param authorization header of the notification
   * @returns false when it is not believed
   */
  readonly notified: (store: string, authorization: string | undefined) => boolean;
}

const notification = /^\/consent-changes\/([a-z][a-z0-9-]{0,31})$/;

/** Live, ready, metrics and notifications of consent stores, on a listener of their own: none of it tells of a patient's data. */
export function createAdminListener({ metrics, isReady, notified }: AdminParts): Server {
  return createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, async (request, response) => {
    const store = notification.exec(request.url ?? '')?.[1];
    if (store !== undefined) return receive(store, request, response);
    if (request.method !== 'GET') return void response.writeHead(405).end();
    switch (request.url) {
      case '/live':
        return void response.writeHead(200, { 'content-type': 'text/plain' }).end('live\n');
      case '/ready':
        return void response
          .writeHead(isReady() ? 200 : 503, { 'content-type': 'text/plain' })
          .end(isReady() ? 'ready\n' : 'not ready\n');
      case '/metrics':
        return void response
          .writeHead(200, { 'content-type': metrics.registry.contentType })
          .end(await metrics.registry.metrics());
      default:
        return void response.writeHead(404).end();
    }
  });

  /** A rest-hook (FHIR R4 Subscription.channel): POST without a body. Nothing of a body is read. */
  function receive(store: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const isBelieved = notified(store, request.headers.authorization);
    response.writeHead(isBelieved ? 204 : 401, { connection: 'close' }).end(() => request.destroy());
  }
}
