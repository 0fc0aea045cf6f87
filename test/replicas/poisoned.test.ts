import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Bench, pause, startBench, until } from '../failure/bench.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const boundMs = 1_500;

/** Somebody else writes to the Redis of the gateway whatever he likes, for as long as he likes. */
describe('epochs that another writer forges', () => {
  let redis: RedisServer;
  let bench: Bench;

  beforeAll(async () => {
    redis = await startRedis();
    bench = await startBench({
      changes: {
        redis: { servers: { kind: 'single', host: '127.0.0.1', port: redis.port } },
        consent: { maximumAgeMs: boundMs, dataServer: { changes: 'none' } },
        answers: { negativeGridMs: 0 },
      },
    });
    await pause(200);
  });
  afterAll(async () => {
    await bench.close();
    await redis.close();
  });

  const setConsent = (status: string): void => {
    const text = bench.relay.origin.repo.current('Consent', 'ada-consent-exchange')?.text as string;
    bench.relay.origin.repo.put(text.replace(/"status":"[a-z]+"/, `"status":"${status}"`));
  };
  const asked = async (): Promise<number> => (await bench.ask('Observation/ada-a1c', { as: 'summit' })).status;
  const searches = (): number =>
    bench.relay.calls.filter(({ type, parameters }) => type === 'Consent' && parameters.has('patient')).length;
  const epochs = () => redis.client.keys('*:epoch:*');

  type Poison = (keys: readonly string[], first: readonly string[]) => Promise<unknown>;
  const each = (keys: readonly string[], value: (index: number) => string): readonly string[] =>
    keys.flatMap((key, index) => [key, value(index)]);
  const poisons: readonly [string, Poison][] = [
    ['set back to what they were', (keys, first) => redis.client.mset(...each(keys, (index) => first[index] ?? ''))],
    ['set forward each time', (keys) => redis.client.mset(...each(keys, () => String(Math.random())))],
    ['all alike', (keys) => redis.client.mset(...each(keys, () => 'x'))],
    ['empty', (keys) => redis.client.mset(...each(keys, () => ''))],
    ['a megabyte each', (keys) => redis.client.mset(...each(keys, () => 'x'.repeat(1_000_000)))],
    ['each the one of another', (keys, first) => redis.client.mset(...each(keys, (at) => first.at(at - 1) ?? ''))],
    [
      'no text',
      // In one transaction: between the two the gateway may write its own.
      (keys) => Promise.all(keys.map((key) => redis.client.multi().del(key).lpush(key, '1').exec())),
    ],
    ['gone', (keys) => (keys.length === 0 ? Promise.resolve() : redis.client.del(...keys))],
    [
      'raised by messages without end',
      (keys) => {
        const marks = keys.map((key) => key.slice(key.lastIndexOf(':') + 1)).join(' ');
        return Promise.all(Array.from({ length: 50 }, () => redis.client.publish('{consent-gateway}:raised', marks)));
      },
    ],
  ];

  it.each(poisons)(
    '%s: a revocation counts within the bound, and what was revoked is not opened again',
    async (_what, poison) => {
      setConsent('active');
      await until(
        'it is permitted, and shared',
        async () => (await asked()) === 200 && (await epochs()).length > 0,
        20_000,
      );
      const keys = await epochs();
      const first = (await redis.client.mget(keys).catch(() => [])).map((value) => value ?? '');
      let isOver = false;
      const writing = (async () => {
        while (!isOver) {
          await poison(await epochs(), first);
          await pause(5);
        }
      })();
      setConsent('inactive');
      await pause(boundMs);
      expect(new Set(await Promise.all(Array.from({ length: 20 }, asked)))).toEqual(new Set([404]));
      await pause(boundMs / 2);
      expect(new Set(await Promise.all(Array.from({ length: 20 }, asked)))).toEqual(new Set([404]));
      // Nobody asks: whatever is written to Redis makes the store be asked nothing.
      const before = searches();
      await pause(200);
      expect(searches()).toBe(before);
      // And a permit that is given counts within the bound, too.
      setConsent('active');
      await pause(boundMs);
      expect(await asked()).toBe(200);
      isOver = true;
      await writing;
      await redis.client.flushall();
    },
  );
});
