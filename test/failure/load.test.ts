import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { patienceMs } from '../../src/http/hardened.ts';
import { createClockWatch } from '../../src/upstream/clock.ts';
import { answering, ask, type Bench, errorCode, exchange, startBench, startRelay, until } from './bench.ts';

const figure = async ({ gateway }: Bench, name: string): Promise<number> => {
  const { body } = await ask(`${gateway.adminUrl}/metrics`, undefined);
  return Number(
    body
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
};

describe('a client that is too slow', () => {
  it('may take five seconds, and what its bytes take at the least speed', () => {
    expect(patienceMs(0, 1_024)).toBe(5_000);
    expect(patienceMs(10_240, 1_024)).toBe(15_000);
    expect(patienceMs(10_240, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('in sending a form is answered 408, and its connection closed; nothing was read for it', async () => {
    const bench = await startBench({ changes: { listener: { minimumBytesPerSecond: 1_000_000 } } });
    const head = [
      'POST /fhir/Observation/_search HTTP/1.1',
      'Host: gateway.example',
      'Content-Type: application/x-www-form-urlencoded',
      'Content-Length: 500',
      `Authorization: Bearer ${bench.tokens.get('dr-grey')}`,
    ].join('\r\n');
    const heard = await exchange(bench.gateway.url, [`${head}\r\n\r\n`, 'code=a'], { quietMs: 20_000 });
    expect(heard).toMatch(/^HTTP\/1\.1 408 /);
    expect(errorCode(heard.split('\r\n\r\n')[1] ?? '')).toBe('request-too-slow');
    expect(bench.relay.calls).toEqual([]);
    await bench.close();
  });

  it('in reading an answer is cut off, long before the time that any answer may take', async () => {
    const size = 24_000_000;
    const large = { resourceType: 'Patient', id: 'large', photo: [{ data: 'QUFB'.repeat(size / 4) }] };
    const bench = await startBench({
      relay: await startRelay([JSON.stringify(large)]),
      changes: { listener: { minimumBytesPerSecond: 100_000_000, writeTimeoutMs: 300_000 } },
    });
    const { hostname, port } = new URL(bench.gateway.url);
    const socket = connect(Number(port), hostname);
    let received = 0;
    let isOver = false;
    socket.on('data', (chunk) => (received += chunk.length));
    socket.on('close', () => (isOver = true)).on('error', () => undefined);
    socket.write(
      `GET /fhir/Patient/large HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${bench.tokens.get('steward')}\r\n\r\n`,
    );
    await until('the answer begins', () => received > 0, 60_000);
    socket.pause();
    await until('it is cut off', async () => (await figure(bench, 'gateway_in_flight_requests')) === 0, 60_000);
    socket.resume();
    await until('the connection is closed', () => isOver);
    expect(received).toBeLessThan(size);
    await bench.close();
  });
});

describe('tokens that are not valid', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ changes: { limits: { failedTokensPerMinute: 5 } } });
  });
  afterAll(() => bench.close());

  const sent = async (token: string | undefined) => (await ask(`${bench.gateway.url}/Patient/ada`, token)).status;

  it('are counted by address: from then on only tokens that are known are taken, and others are not looked at', async () => {
    expect(await sent(bench.tokens.get('dr-grey'))).toBe(200);
    const statuses: number[] = [];
    for (let time = 0; time < 8; time++) statuses.push(await sent(`not.a.token${time}`));
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect(await sent(undefined)).toBe(401); // a token that is missing costs nothing
    expect(await sent(bench.tokens.get('sam-nwosu'))).toBe(429); // valid, and never seen before
    expect(await sent(bench.tokens.get('dr-grey'))).toBe(200);
  });

  it('are not counted where a proxy stands in front, whose address is everybody’s', async () => {
    const behind = await startBench({
      changes: { listener: { behindTls: true }, limits: { failedTokensPerMinute: 2 } },
    });
    const statuses: number[] = [];
    for (let time = 0; time < 5; time++)
      statuses.push((await ask(`${behind.gateway.url}/Patient/ada`, 'not.a.token')).status);
    expect(new Set(statuses)).toEqual(new Set([401]));
    await behind.close();
  });
});

describe('a process that comes too late to what it has to do', () => {
  it('refuses new requests before anything is done for them, and takes them again', async () => {
    const bench = await startBench({ changes: { limits: { maximumLoopDelayMs: 300 } } });
    await until('it answers', async () => (await bench.ask('Patient/ada')).status === 200);
    const calls = bench.relay.calls.length;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000); // the gateway shares this process
    const refused = await bench.ask('Patient/ada');
    expect([refused.status, errorCode(refused.body), refused.headers['retry-after']]).toEqual([503, 'overloaded', '5']);
    expect(bench.relay.calls).toHaveLength(calls);
    await until('it answers again', async () => (await bench.ask('Patient/ada')).status === 200);
    await bench.close();
  });
});

describe('a clock that differs from the FHIR server’s', () => {
  it('ends readiness, and readiness is back when they agree, though nobody asks', async () => {
    const bench = await startBench();
    const isReady = async () => (await ask(`${bench.gateway.adminUrl}/ready`, undefined)).status === 200;
    expect(await isReady()).toBe(true);
    const date = new Date(Date.now() - 300_000).toUTCString();
    bench.relay.fault = () => answering('{"resourceType":"Patient","id":"ada"}', { headers: { date } });
    await until('it is not ready', async () => {
      await bench.ask('Patient/ada', { as: 'steward' });
      return !(await isReady());
    });
    expect(await figure(bench, 'gateway_upstream_clock_difference_seconds')).toBeLessThan(-200);
    bench.relay.fault = () => undefined;
    await until('it is ready again', isReady, 30_000);
    await bench.close();
  });

  it.each([
    ['a minute and more ahead', 61_000, false],
    ['a minute and more behind', -61_000, false],
    ['within a minute', 59_000, true],
  ])('%s', (_name, differenceMs, isRight) => {
    const changes: boolean[] = [];
    const watch = createClockWatch(60_000, {
      now: () => 1_000_000_000_000,
      ask: async () => undefined,
      onChange: (right) => void changes.push(right),
    });
    watch.seen(new Date(1_000_000_000_000 + differenceMs).toUTCString());
    expect([watch.isRight, watch.differenceMs]).toEqual([isRight, differenceMs]);
    expect(changes).toEqual(isRight ? [] : [false]);
    watch.stop();
  });

  it('is nothing to end readiness for where no bound is set, nor a Date that cannot be read', () => {
    const parts = { now: () => 0, ask: async () => undefined, onChange: () => undefined };
    const any = createClockWatch(0, parts);
    any.seen(new Date(900_000).toUTCString());
    const unread = createClockWatch(60_000, parts);
    unread.seen('yesterday');
    expect([any.isRight, unread.isRight, unread.differenceMs]).toEqual([true, true, undefined]);
    any.stop();
    unread.stop();
  });
});
