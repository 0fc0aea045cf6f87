/**
 * The obvious design: http-proxy-middleware's responseInterceptor, JSON.parse, filter by meta.security, JSON.stringify.
 * No token, no Consents, no references, no record. Usage: node peer-obvious.ts PORT UPSTREAM
 */
import { Agent } from 'node:http';
import express from 'express';
import { createProxyMiddleware, responseInterceptor } from 'http-proxy-middleware';

interface Resource {
  meta?: { security?: { code?: string }[] };
}

const [port, upstream] = process.argv.slice(2);
const hidden = new Set(['42CFRPart2', 'ETH', 'SUD', 'HIV', 'PSY']);
const isHidden = (resource: Resource): boolean =>
  resource.meta?.security?.some(({ code }) => hidden.has(code ?? '')) === true;
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.use(
  createProxyMiddleware({
    target: upstream as string,
    agent: new Agent({ keepAlive: true }),
    selfHandleResponse: true,
    on: {
      proxyRes: responseInterceptor(async (body, _proxy, _request, response) => {
        const resource = JSON.parse(body.toString('utf8')) as {
          resourceType: string;
          total?: number;
          entry?: { resource: Resource }[];
        } & Resource;
        if (resource.resourceType === 'Bundle' && resource.entry) {
          resource.entry = resource.entry.filter((entry) => !isHidden(entry.resource));
          resource.total = resource.entry.length;
        } else if (isHidden(resource)) {
          response.statusCode = 404;
          return '{}';
        }
        return JSON.stringify(resource);
      }),
    },
  }),
);
app.listen(Number(port), '127.0.0.1', () => console.log('ready'));
