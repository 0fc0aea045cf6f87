import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { consent } from '../consent/registry.ts';
import { merged, pause, publicBase, type ServedGateway, serveProcess, tokensOf } from '../failure/bench.ts';
import { startIssuer } from '../twin/issuer.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** 50 in the tests; `npm run prove` sets more. */
const revocations = Number(process.env.REVOCATIONS ?? 50);
const boundMs = 3_000;
/** Patients whose Consents are revoked at the same time. */
const atOnce = 10;
const patients = 40;
const timeoutMs = Math.max(120_000, revocations * 2_000);

const names = Array.from({ length: patients }, (_, index) => `rev-${index}`);

function stored(): string[] {
  return names.flatMap((id) => [
    JSON.stringify({ resourceType: 'Patient', id, birthDate: '1980-01-01' }),
    JSON.stringify({
      resourceType: 'Observation',
      id: `o-${id}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: `Patient/${id}` },
      valueQuantity: { value: 72, unit: '/min' },
    }),
    JSON.stringify(consentOf(id, 'active')),
  ]);
}

function consentOf(id: string, status: string) {
  const parties = { recipient: 'Organization/summit-clinic', of: 'Organization/mercy-hospital' };
  return consent({ id: `c-${id}`, whose: `Patient/${id}`, status, ...parties });
}

/** Two gateways in processes of their own, which share Redis, the sealing key and the store, and nothing else. */
interface Pair {
  readonly gateways: readonly [ServedGateway, ServedGateway];
  readonly store: EmbeddedServer;
  readonly redis: RedisServer;
  readonly token: string;
  close(): Promise<void>;
}

async function startPair(changes: 'discover' | 'none'): Promise<Pair> {
  const store = await startEmbeddedServer({ resources: [...textsOf(peopleBundles()), ...stored()] });
  const audit = await startEmbeddedServer();
  const issuer = await startIssuer(publicBase);
  const redis = await startRedis();
  const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-replicas-'));
  const place = { port: 0, publicBaseUrl: publicBase, upstreamUrl: store.url, paging: 'offset' as const };
  const replica = (name: string) =>
    serveProcess(
      merged(gatewayConfig({ ...place, issuer: issuer.url, auditUrl: audit.url, folder }), {
        consent: { maximumAgeMs: boundMs, changesEveryMs: 500, dataServer: { changes } },
        redis: {
          servers: { kind: 'single', host: '127.0.0.1', port: redis.port },
          prefix: 'replicas',
          commandTimeoutMs: 100,
          connectTimeoutMs: 2_000,
        },
        audit: { outboxFile: join(folder, `${name}.db`) },
        answers: { negativeGridMs: 0 },
        limits: { system: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 } },
      }),
      join(folder, `${name}.json`),
    );
  const gateways = [await replica('one'), await replica('other')] as const;
  return {
    gateways,
    store,
    redis,
    token: (await tokensOf(issuer)).get('summit') as string,
    close: async () => {
      for (const gateway of gateways) gateway.kill('SIGTERM');
      for (const gateway of gateways) await gateway.ended;
      await redis.close();
      for (const server of [store, audit, issuer]) await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const put = ({ store }: Pair, id: string, status: string): void =>
  void store.repo.put(JSON.stringify(consentOf(id, status)));

/** Status of one read, and when its head had come. */
async function read({ url }: ServedGateway, { token }: Pair, id: string): Promise<{ status: number; at: number }> {
  const answer = await fetch(`${url}/Observation/o-${id}`, { headers: { authorization: `Bearer ${token}` } });
  const at = performance.now();
  await answer.arrayBuffer();
  return { status: answer.status, at };
}

async function untilStatus(gateway: ServedGateway, pair: Pair, id: string, status: number): Promise<void> {
  const deadline = performance.now() + 10 * boundMs;
  while ((await read(gateway, pair, id)).status !== status) {
    if (performance.now() > deadline) throw new Error(`never ${status}`);
    await pause(50);
  }
}

/** Milliseconds from the commit of a revocation until the last answer that still released had come, at each gateway. */
async function revoke(pair: Pair, id: string): Promise<readonly number[]> {
  put(pair, id, 'active');
  await Promise.all(pair.gateways.map((gateway) => untilStatus(gateway, pair, id, 200)));
  await pause(Math.random() * 500); // remembered, each a while ago
  await Promise.all(pair.gateways.map((gateway) => read(gateway, pair, id)));
  const committed = performance.now();
  put(pair, id, 'inactive');
  return Promise.all(
    pair.gateways.map(async (gateway) => {
      let last = committed;
      // It must stay revoked: several in a row, over some time, at each.
      for (let refused = 0; refused < 5; ) {
        const { status, at } = await read(gateway, pair, id);
        if (status === 200) last = at;
        refused = status === 404 ? refused + 1 : 0;
        if (performance.now() - committed > 10 * boundMs) return Number.POSITIVE_INFINITY;
        await pause(20);
      }
      return last - committed;
    }),
  );
}

/** Reads and searches of everybody, all the time. */
function load(pair: Pair): () => Promise<number> {
  let isOver = false;
  const workers = Array.from({ length: 4 }, async (_, worker) => {
    let count = 0;
    for (; !isOver; count++) {
      const gateway = pair.gateways[(worker + count) % 2] as ServedGateway;
      const id = names[Math.floor(Math.random() * names.length)] as string;
      const path = count % 3 === 0 ? `Observation?patient=${id}` : `Observation/o-${id}`;
      const answer = await fetch(`${gateway.url}/${path}`, { headers: { authorization: `Bearer ${pair.token}` } });
      await answer.arrayBuffer();
      await pause(5);
    }
    return count;
  });
  return async () => {
    isOver = true;
    return (await Promise.all(workers)).reduce((sum, count) => sum + count, 0);
  };
}

function told(what: string, times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  return `${times.length} answers stopped after revocations, ${what}: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, max ${Math.round(sorted.at(-1) ?? 0)} ms; bound ${boundMs} ms`;
}

describe.each([
  ['the store tells what changed', 'discover'],
  ['the store tells nothing', 'none'],
] as const)('revocations under load, two replicas, %s', (what, changes) => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(changes);
  });
  afterAll(() => pair.close());

  it(
    'none counts later than the bound, nor with Redis killed halfway',
    async () => {
      const stop = load(pair);
      const shared: number[] = [];
      const alone: number[] = [];
      let next = 0;
      let isKilled = false;
      const free = [...names];
      const worker = async (): Promise<void> => {
        while (next < revocations) {
          const index = next++;
          if (index >= revocations / 2 && !isKilled) {
            isKilled = true;
            await pair.redis.kill();
          }
          const wasKilled = isKilled;
          const id = free.shift() as string;
          const times = await revoke(pair, id);
          // What was begun with Redis and ended without it counts as without.
          (wasKilled || isKilled ? alone : shared).push(...times);
          free.push(id);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      const requests = await stop();
      console.log(
        [
          told(`${what}, Redis up`, shared),
          told(`${what}, Redis killed`, alone),
          `${requests} other requests meanwhile`,
        ].join('\n'),
      );
      expect(shared.length + alone.length).toBe(2 * revocations);
      expect(Math.min(shared.length, alone.length)).toBeGreaterThan(0);
      expect([...shared, ...alone].filter((time) => time > boundMs)).toEqual([]);
      // It can see something: what is remembered does serve for a while after.
      expect([...shared, ...alone].filter((time) => time > 0).length).toBeGreaterThan(revocations / 4);
      for (const { adminUrl } of pair.gateways) {
        const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
        expect(metrics).toContain('gateway_redis_up 0');
        if (changes === 'discover')
          expect(metrics).toMatch(/gateway_consent_change_delay_seconds_count\{store="data"\} [1-9]/);
      }
    },
    timeoutMs,
  );
});
