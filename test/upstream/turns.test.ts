import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { upstreamConfig } from '../../src/config/upstream.ts';
import { Exchange } from '../../src/upstream/exchange.ts';

const together = 6;
const workMs = 30;
const waiting: ServerResponse[] = [];
const body = JSON.stringify({ resourceType: 'Bundle', text: 'x'.repeat(100_000) });

/** Answers all at once, when all have asked. */
const server = createServer((request, response) => {
  request.resume();
  waiting.push(response);
  if (waiting.length < together) return;
  for (const one of waiting.splice(0)) one.writeHead(200, { 'content-type': 'application/fhir+json' }).end(body);
});
let exchange: Exchange;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  exchange = new Exchange(upstreamConfig.parse({ baseUrl: `http://127.0.0.1:${port}/fhir` }), Date.now);
});

afterAll(async () => {
  await exchange.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('large answers that come together are worked on one by one: timers are served between any two', async () => {
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  const seenAt: number[] = [];
  const one = async (): Promise<void> => {
    const answer = await exchange.send({ method: 'GET', path: '/fhir/x', authorization: undefined, signal: undefined });
    expect(answer.body.toString()).toBe(body);
    seenAt.push(ticks);
    const until = performance.now() + workMs;
    while (performance.now() < until); // what reading and deciding on many resources takes
  };
  await Promise.all(Array.from({ length: together }, one));
  clearInterval(ticking);
  expect(new Set(seenAt).size).toBe(together);
});

test('what waits for its turn is heard of when the client has left meanwhile too', async () => {
  const left = new AbortController();
  const asked = Array.from({ length: together }, (_, place) =>
    exchange.send({
      method: 'GET',
      path: '/fhir/x',
      authorization: undefined,
      signal: place === together - 1 ? left.signal : undefined,
    }),
  );
  const first = asked[0] as Promise<unknown>;
  void first.then(() => left.abort());
  const ends = await Promise.allSettled(asked);
  expect(ends).toHaveLength(together);
  expect(exchange.running).toBe(0);
});
