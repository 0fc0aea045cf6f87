import { createServer, request as open, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.ts';
import { type Bench, merged, type ServedGateway, serveProcess, startBench } from '../failure/bench.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** Gateways in processes of their own behind one balancer, with one Redis, FHIR server, issuer and audit repository. */
export interface Fleet {
  readonly bench: Bench;
  readonly redis: RedisServer;
  /** FHIR base at the balancer. */
  readonly url: string;
  readonly replicas: readonly (ServedGateway | undefined)[];
  /** Starts one (again), with changes to its configuration; it keeps its outbox. */
  start(index: number, changes?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends one, and waits until it has ended. */
  end(index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  close(): Promise<void>;
}

export async function startFleet(count: number, changes: Readonly<Record<string, unknown>> = {}): Promise<Fleet> {
  const redis = await startRedis();
  const bench = await startBench();
  const replicas: (ServedGateway | undefined)[] = Array.from({ length: count }, () => undefined);
  let turn = 0;
  const balancer = createServer((request, response) => {
    const living = replicas.filter((replica) => replica !== undefined);
    const tryNext = (attempts: number): void => {
      turn++;
      const replica = living[turn % Math.max(1, living.length)];
      if (replica === undefined || attempts === 0) return void response.writeHead(503).end('nobody answers');
      const target = new URL(request.url ?? '', replica.url);
      const passed = open(
        target,
        { method: request.method, headers: { ...request.headers, host: target.host } },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
          answer.on('error', () => response.destroy());
        },
      );
      // One that is gone has not taken the request: the next one gets it. What broke off later is the client's to repeat.
      passed.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNREFUSED' && !response.headersSent ? tryNext(attempts - 1) : response.destroy(),
      );
      passed.end();
    };
    tryNext(living.length);
  });
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  const configOf = (index: number, more: Readonly<Record<string, unknown>>): Config =>
    merged(
      merged(
        merged(bench.config, {
          listener: { port: 0 },
          redis: {
            servers: { kind: 'single', host: '127.0.0.1', port: redis.port },
            prefix: 'fleet',
            commandTimeoutMs: 100,
            connectTimeoutMs: 500,
          },
          audit: { outboxFile: join(bench.folder, `outbox-${index}.db`) },
          sealing: { keyFile: join(bench.folder, 'fleet.key') },
        }),
        changes,
      ),
      more,
    );
  const fleet: Fleet = {
    bench,
    redis,
    url: `http://127.0.0.1:${(balancer.address() as AddressInfo).port}/fhir`,
    replicas,
    async start(index, more = {}) {
      replicas[index] = await serveProcess(configOf(index, more), join(bench.folder, `replica-${index}.json`));
    },
    async end(index, signal) {
      const replica = replicas[index];
      if (replica === undefined) return null;
      replicas[index] = undefined;
      replica.kill(signal);
      return (await replica.ended).code;
    },
    async close() {
      await Promise.all(replicas.map((_replica, index) => fleet.end(index, 'SIGTERM')));
      await closed(balancer);
      await bench.close();
      await redis.close();
    },
  };
  for (const index of replicas.keys()) await fleet.start(index); // the first one makes the key that all share
  return fleet;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
