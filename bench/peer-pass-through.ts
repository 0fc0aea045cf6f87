/** http-proxy-middleware, nothing else. Usage: node peer-pass-through.ts PORT UPSTREAM */
import { Agent } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';

const [port, upstream] = process.argv.slice(2);
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.use(createProxyMiddleware({ target: upstream as string, agent: new Agent({ keepAlive: true }) }));
app.listen(Number(port), '127.0.0.1', () => console.log('ready'));
