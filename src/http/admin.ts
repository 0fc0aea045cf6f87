import { createServer, type Server } from 'node:http';
import type { Metrics } from '../telemetry/metrics.ts';

/** Live, ready and metrics, on a listener of their own: none of it depends on a patient's data. */
export function createAdminListener(metrics: Metrics, isReady: () => boolean): Server {
  return createServer(async (request, response) => {
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
}
