import { createHmac } from 'node:crypto';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Requester } from '../authenticate/requester.ts';
import type { LimitsConfig } from '../config/listener.ts';
import type { RedisConfig } from '../config/redis.ts';
import { connectRedis } from '../consent/redis.ts';

type Kind = Requester['clientKind'];

/** What clients asked within the last minute, by kind of client; their names are keyed hashes. */
export interface Limiters {
  readonly requests: Readonly<Record<Kind, RateLimiterAbstract>>;
  readonly negatives: Readonly<Record<Kind, RateLimiterAbstract>>;
  /** How a requester is called here. */
  nameOf(requester: Requester): string;
  /** Connects to Redis, if there is one; nobody waits for it. */
  start(): void;
  close(): void;
}

const minuteSeconds = 60;
/** Without Redis nobody knows how many replicas share a client's requests: each allows this part of them. */
const aloneAllows = 1 / 4;

/**
 * Counted in Redis for all replicas together, where one is configured. While it does not answer, each replica counts for
 * itself, and allows less: being without Redis never allows more than being with it, as long as there are four replicas
 * at most.
 * @param key secret that names are made with
 */
export function createLimiters(limits: LimitsConfig, redis: RedisConfig | undefined, key: Uint8Array): Limiters {
  const client = redis === undefined ? undefined : connectRedis(redis);
  client?.on('error', () => undefined); // it connects again by itself
  const limiter = (name: string, points: number): RateLimiterAbstract => {
    if (client === undefined || redis === undefined) return new RateLimiterMemory({ points, duration: minuteSeconds });
    return new RateLimiterRedis({
      storeClient: client,
      keyPrefix: `${redis.prefix}:${name}`,
      points,
      duration: minuteSeconds,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory({
        points: Math.max(1, Math.floor(points * aloneAllows)),
        duration: minuteSeconds,
      }),
    });
  };
  /** A requester is one object for as long as its token is remembered. */
  const names = new WeakMap<Requester, string>();
  const nameOf = (requester: Requester): string => {
    const known = names.get(requester);
    if (known !== undefined) return known;
    const { issuer, subject, clientId } = requester;
    const name = createHmac('sha256', key)
      .update(JSON.stringify([issuer, subject, clientId]))
      .digest('base64url');
    names.set(requester, name);
    return name;
  };
  return {
    requests: {
      app: limiter('requests-app', limits.app.requestsPerMinute),
      system: limiter('requests-system', limits.system.requestsPerMinute),
    },
    negatives: {
      app: limiter('negatives-app', limits.app.negativesPerMinute),
      system: limiter('negatives-system', limits.system.negativesPerMinute),
    },
    nameOf,
    start: () => void client?.connect().catch(() => undefined),
    close: () => client?.disconnect(),
  };
}
