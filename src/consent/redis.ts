import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisConfig } from '../config/redis.ts';
import { reread } from '../config/reread.ts';

/** Longest pause between two attempts to connect again, in milliseconds. */
const longestPauseMs = 1_000;

/**
 * A connection to Redis that is not made yet, and made again whenever it is lost. Commands that cannot be sent at once fail at once: nobody
 * waits for Redis.
 * @throws {ConfigError} when a file that it names cannot be read
 */
export function connectRedis(config: RedisConfig): Redis | Cluster {
  const { servers } = config;
  const credentials = credentialsOf(config);
  const { sentinelPassword, ...own } = credentials();
  const options = {
    ...own,
    lazyConnect: true,
    disableClientInfo: true, // one command less that an ACL must allow
    connectTimeout: config.connectTimeoutMs,
    commandTimeout: config.commandTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false, // whoever subscribes does so each time it is connected
    maxRetriesPerRequest: 0,
    retryStrategy: pauseAfter,
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'), // a master that is none any more
  } satisfies RedisOptions;
  switch (servers.kind) {
    case 'single':
      return fresh(new Redis({ ...options, host: servers.host, port: servers.port }), credentials);
    case 'socket':
      return fresh(new Redis({ ...options, path: servers.path }), credentials);
    case 'sentinel':
      return fresh(
        new Redis({
          ...options,
          sentinels: servers.sentinels,
          name: servers.master,
          sentinelRetryStrategy: pauseAfter,
          ...(servers.sentinelUsername === undefined ? {} : { sentinelUsername: servers.sentinelUsername }),
          ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
          ...(options.tls === undefined ? {} : { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
        }),
        credentials,
      );
    case 'cluster': {
      const { enableOfflineQueue: _queue, retryStrategy: _retry, lazyConnect: _lazy, ...redisOptions } = options;
      const cluster = new Cluster([...servers.nodes], {
        redisOptions,
        enableOfflineQueue: false,
        lazyConnect: true,
        clusterRetryStrategy: pauseAfter,
        slotsRefreshTimeout: config.connectTimeoutMs,
      });
      return cluster.on('+node', (node: Redis) => fresh(node, credentials));
    }
    default:
      return servers satisfies never;
  }
}

function pauseAfter(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 10), longestPauseMs);
}

type Credentials = Pick<RedisOptions, 'username' | 'password' | 'tls' | 'sentinelPassword'>;

/** Each connection is made with what the files hold by then; those that are open go on. */
function fresh(client: Redis, credentials: () => Credentials): Redis {
  for (const name of ['password', 'tls', 'sentinelPassword'] as const) {
    if (client.options[name] === undefined || client.options[name] === null) continue;
    Object.defineProperty(client.options, name, { get: () => credentials()[name], enumerable: true });
  }
  return client;
}

/** What the gateway shows to Redis, as the files are now; what cannot be read leaves what was there. */
function credentialsOf({ username, passwordFile, tls, servers }: RedisConfig): () => Credentials {
  const named = {
    password: passwordFile,
    sentinelPassword: servers.kind === 'sentinel' ? servers.sentinelPasswordFile : undefined,
    ca: tls?.caFile,
    cert: tls?.certificateFile,
    key: tls?.keyFile,
  };
  const given = Object.entries(named).flatMap(([name, file]) => (file === undefined ? [] : [{ name, file }]));
  const texts = (contents: readonly Buffer[]): Partial<Record<keyof typeof named, string>> =>
    Object.fromEntries(given.map(({ name }, index) => [name, contents[index]?.toString('utf8').trim()]));
  const paths = given.map(({ file }) => file);
  const current = reread(
    paths,
    (contents): Credentials => {
      const { password, sentinelPassword, ...pem } = texts(contents);
      return {
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
        ...(tls === undefined ? {} : { tls: pem }),
      };
    },
    { now: Date.now },
  );
  return () => current();
}
