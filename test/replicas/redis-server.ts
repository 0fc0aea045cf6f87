import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../examples/demo/ports.ts';
import { until } from '../failure/bench.ts';

/** A redis-server of the test's own, on a free port, that keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  /** A connection of the test's own. */
  readonly client: Redis;
  /** kill -9. */
  kill(): Promise<void>;
  /** The same server stopped in its tracks (SIGSTOP): connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Again, on the same port, empty. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface RedisOptions {
  /** Arguments beside those that every test needs. */
  readonly extra?: readonly string[];
  readonly port?: number;
  /** Runs as a sentinel, by this configuration. */
  readonly sentinelFile?: string;
}

export async function startRedis({ extra = [], port: wanted, sentinelFile }: RedisOptions = {}): Promise<RedisServer> {
  const port = wanted ?? (await freePort(0));
  const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-redis-'));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    const args =
      sentinelFile === undefined
        ? [...place, '--save', '', '--appendonly', 'no', ...extra]
        : [sentinelFile, '--sentinel', ...place];
    child = spawn('redis-server', args, { stdio: 'ignore' });
    await once(child, 'spawn');
    await until('redis-server listens', () => isListening(port));
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  const client = new Redis({
    port,
    host: '127.0.0.1',
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  client.on('error', () => undefined);
  return {
    port,
    client,
    kill,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    start,
    close: async () => {
      client.disconnect();
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy(resolve(true) as undefined));
    socket.once('error', () => resolve(false));
  });
}
