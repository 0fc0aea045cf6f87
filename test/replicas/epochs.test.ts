import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { consent } from '../consent/registry.ts';
import { boundMs, type SourceBench, sourceBench } from '../consent/source-bench.ts';
import { pause, type Relay, startRelay, until } from '../failure/bench.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const ada = 'Patient/ada' as PatientKey;
const errand = { authorization: undefined, signal: undefined };

/** Two replicas that are not told by the store: one learns of a change by reading again, the other by Redis or its bound. */
describe('two replicas', () => {
  let relay: Relay;
  let redis: RedisServer;
  let replicas: SourceBench[] = [];

  const open = (changes: 'none' | 'history' = 'none'): SourceBench => {
    const replica = sourceBench(relay.url, {
      consent: { dataServer: { changes } },
      redis: { servers: { kind: 'single', host: '127.0.0.1', port: redis.port } },
    });
    replica.consents.start();
    replicas.push(replica);
    return replica;
  };
  const put = (status: string): void =>
    void relay.origin.repo.put(
      JSON.stringify(consent({ id: 'c1', whose: 'Patient/ada', recipient: 'Organization/summit-clinic', status })),
    );
  const statusOf = async ({ source }: SourceBench): Promise<string | undefined> => {
    const found = await source.of([ada], errand);
    return found.get(ada)?.consents.find(({ ref }) => ref.startsWith('Consent/c1/'))?.status;
  };
  const searches = (): number => relay.calls.filter(({ parameters }) => parameters.has('patient')).length;
  /** So that the replica reads again and finds out. */
  const age = (replica: SourceBench): void => {
    replica.clocks.steadyMs += boundMs;
  };

  /** Two that share Redis and remember the same. */
  const openTwo = async (): Promise<readonly [SourceBench, SourceBench]> => {
    const both = [open(), open()] as const;
    await pause(200);
    expect(await Promise.all(both.map(statusOf))).toEqual(['active', 'active']);
    return both;
  };
  /** One that remembers all the same. */
  const openWithoutRedis = async (): Promise<SourceBench> => {
    await redis.kill();
    const one = open();
    await pause(100);
    expect(await statusOf(one)).toBe('active');
    const before = searches();
    expect(await statusOf(one)).toBe('active');
    expect(searches()).toBe(before);
    return one;
  };
  const learn = async (replica: SourceBench, status: string): Promise<void> => {
    put(status);
    age(replica);
    expect(await statusOf(replica)).toBe(status);
  };

  beforeAll(async () => {
    relay = await startRelay();
    redis = await startRedis();
  });
  beforeEach(async () => {
    await redis.client.flushall();
    put('active');
  });
  afterEach(async () => {
    for (const { consents } of replicas) await consents.close();
    replicas = [];
  });
  afterAll(async () => {
    await relay.close();
    await redis.close();
  });

  it('without a shared word would each keep to its own bound', async () => {
    const [one, other] = [sourceBench(relay.url, { consent: { dataServer: { changes: 'none' } } }), open()];
    await pause(200);
    expect([await statusOf(one), await statusOf(other)]).toEqual(['active', 'active']);
    put('inactive');
    age(one);
    expect([await statusOf(one), await statusOf(other)]).toEqual(['inactive', 'active']);
    await one.consents.close();
  });

  it('what one learns, the other counts from the next request on', async () => {
    const [one, other] = await openTwo();
    const before = searches();
    expect([await statusOf(one), await statusOf(other)]).toEqual(['active', 'active']);
    expect(searches()).toBe(before);
    await learn(one, 'inactive');
    await pause(20); // the epoch is raised after the answer
    expect(await statusOf(other)).toBe('inactive');
  });

  it('also when the message is lost: the epoch is read before anything remembered is used', async () => {
    const [one, other] = await openTwo();
    // Nobody hears messages any more.
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await learn(one, 'inactive');
    await pause(20);
    expect(await statusOf(other)).toBe('inactive');
  });

  it('a message alone is enough too, and nothing in it makes anything fresh', async () => {
    const [one] = [open()];
    await pause(200);
    await statusOf(one);
    const before = searches();
    for (const message of ['', 'x', '*', `${'x '.repeat(10_000)}`, '\u0000', '{"fresh":true}'])
      await redis.client.publish('{consent-gateway}:raised', message);
    await pause(50);
    expect(await statusOf(one)).toBe('active');
    expect(searches()).toBe(before);
    await learn(one, 'inactive');
  });

  it('epochs that are gone make nothing fresh: flushed, evicted or another Redis, everything is read again', async () => {
    const [one] = [open()];
    await pause(200);
    await statusOf(one);
    put('inactive');
    await redis.client.flushall();
    expect(await statusOf(one)).toBe('inactive');
  });

  it('epochs that were changed by somebody, or went back, make nothing older than the bound', async () => {
    const one = open();
    await pause(200);
    await statusOf(one);
    const keys = await redis.client.keys('*');
    const values = await redis.client.mget(keys);
    put('inactive');
    // A failover that lost what was written: the old epochs are back for good.
    const lie = setInterval(
      () => void redis.client.mset(...keys.flatMap((key, index) => [key, values[index] ?? ''])),
      5,
    );
    try {
      expect(await statusOf(one)).toBe('active'); // within the bound
      age(one);
      expect(await statusOf(one)).toBe('inactive');
    } finally {
      clearInterval(lie);
    }
    for (const key of await redis.client.keys('*')) await redis.client.del(key);
    for (const key of keys) await redis.client.hset(key, 'wrong', 'type');
    put('active');
    expect(['active', 'inactive']).toContain(await statusOf(one));
    age(one);
    expect(await statusOf(one)).toBe('active');
  });

  it('says nothing of patients in Redis', async () => {
    const one = open();
    await pause(200);
    const heard: string[] = [];
    const connection = redis.client.duplicate();
    const monitor = await connection.monitor();
    monitor.on('monitor', (_time: string, args: string[]) => heard.push(args.join(' ')));
    await statusOf(one);
    put('inactive');
    age(one);
    await statusOf(one);
    await pause(50);
    monitor.disconnect();
    connection.disconnect();
    expect(heard.length).toBeGreaterThan(3);
    expect(heard.filter((line) => /ada|Patient|Consent\/|c1/.test(line))).toEqual([]);
  });

  it('Redis killed: each keeps to its own bound; started again, they share again', async () => {
    const [one, other] = await openTwo();
    await redis.kill();
    await learn(one, 'inactive');
    expect(await statusOf(other)).toBe('active'); // within its bound
    age(other);
    expect(await statusOf(other)).toBe('inactive');
    expect(await one.metrics()).toContain('gateway_redis_up 0');
    await redis.start();
    await until('Redis is used again', async () => {
      await statusOf(one);
      await statusOf(other);
      return (
        (await one.metrics()).includes('gateway_redis_up 1') && (await other.metrics()).includes('gateway_redis_up 1')
      );
    });
    await learn(one, 'active');
    await pause(50);
    expect(await statusOf(other)).toBe('active');
  });

  it('what was read without Redis is read again when it is back: what was raised meanwhile nobody heard', async () => {
    const one = await openWithoutRedis();
    put('inactive');
    await redis.start();
    await until('Redis is used', async () => (await one.metrics()).includes('gateway_redis_up 1'));
    await pause(1_100);
    expect(await statusOf(one)).toBe('inactive');
  });

  it('Redis frozen: a request waits for it once, and not again for a while', async () => {
    const one = open();
    await pause(200);
    await statusOf(one);
    redis.freeze();
    try {
      const started = performance.now();
      expect(await statusOf(one)).toBe('active');
      const first = performance.now() - started;
      expect(first).toBeGreaterThan(50);
      expect(first).toBeLessThan(1_000);
      const again = performance.now();
      for (let count = 0; count < 50; count++) await statusOf(one);
      expect(performance.now() - again).toBeLessThan(500);
      await learn(one, 'inactive');
    } finally {
      redis.thaw();
    }
  });

  it('Redis away when the gateway starts changes nothing but the sharing', async () => {
    const one = await openWithoutRedis();
    await redis.start();
    await until('Redis is used', async () => {
      await statusOf(one);
      return (await one.metrics()).includes('gateway_redis_up 1');
    });
  });

  it('of which one is told by the store, the other counts it at once', async () => {
    const [one, other] = [open('history'), open('none')];
    await pause(250);
    expect([await statusOf(one), await statusOf(other)]).toEqual(['active', 'active']);
    put('inactive');
    await until(
      'both count it',
      async () => (await statusOf(one)) === 'inactive' && (await statusOf(other)) === 'inactive',
      10_000,
    );
  });
});
