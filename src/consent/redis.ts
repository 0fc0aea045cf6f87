import { readFileSync } from 'node:fs';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { ConfigError } from '../config/load.ts';
import type { RedisConfig } from '../config/redis.ts';

/** Longest pause between two attempts to connect again, in milliseconds. */
const longestPauseMs = 1_000;

/**
 * A connection to Redis that is not made yet, and made again whenever it is lost. Commands that cannot be sent at once fail at once: nobody
 * waits for Redis.
 * @throws {ConfigError} when a file that it names cannot be read
 */
export function connectRedis(config: RedisConfig): Redis | Cluster {
  const { servers } = config;
  const options = {
    ...credentials(config),
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
      return new Redis({ ...options, host: servers.host, port: servers.port });
    case 'socket':
      return new Redis({ ...options, path: servers.path });
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: servers.sentinels,
        name: servers.master,
        sentinelRetryStrategy: pauseAfter,
        ...(servers.sentinelUsername === undefined ? {} : { sentinelUsername: servers.sentinelUsername }),
        ...(servers.sentinelPasswordFile === undefined
          ? {}
          : { sentinelPassword: secretIn(servers.sentinelPasswordFile) }),
        ...(options.tls === undefined ? {} : { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
      });
    case 'cluster': {
      const { enableOfflineQueue: _queue, retryStrategy: _retry, lazyConnect: _lazy, ...redisOptions } = options;
      return new Cluster([...servers.nodes], {
        redisOptions,
        enableOfflineQueue: false,
        lazyConnect: true,
        clusterRetryStrategy: pauseAfter,
        slotsRefreshTimeout: config.connectTimeoutMs,
      });
    }
    default:
      return servers satisfies never;
  }
}

function pauseAfter(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 10), longestPauseMs);
}

function credentials({
  username,
  passwordFile,
  tls,
}: RedisConfig): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  return {
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: secretIn(passwordFile) }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.caFile === undefined ? {} : { ca: secretIn(tls.caFile) }),
            ...(tls.certificateFile === undefined ? {} : { cert: secretIn(tls.certificateFile) }),
            ...(tls.keyFile === undefined ? {} : { key: secretIn(tls.keyFile) }),
          },
        }),
  };
}

function secretIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new ConfigError(`${path} cannot be read.`);
  }
}
