import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../examples/demo/ports.ts';
import { answering, type Bench, type Call, pause, startBench, until } from '../failure/bench.ts';

const secret = 'a secret of the subscription, 32 characters and more';

/** A store that is asked for changes hardly ever, but calls. */
describe('a store that calls when a Consent changed', () => {
  let bench: Bench;
  let folder: string;
  let endpoint: string;
  const isFeed = ({ type, parameters }: Call): boolean => type === 'Consent' && !parameters.has('patient');
  const questions = (): number => bench.relay.calls.filter(isFeed).length;
  const subscriptions = (): readonly Record<string, unknown>[] =>
    [...bench.relay.origin.repo.all('Subscription')].map(({ text }) => JSON.parse(text as string));
  const call = (authorization: string | undefined, method = 'POST', path = '') =>
    fetch(`${endpoint}${path}`, { method, headers: authorization === undefined ? {} : { authorization } });
  const setConsent = (status: string): void => {
    const text = bench.relay.origin.repo.current('Consent', 'ada-consent-exchange')?.text as string;
    bench.relay.origin.repo.put(text.replace(/"status":"[a-z]+"/, `"status":"${status}"`));
  };
  const asked = async (): Promise<number> => (await bench.ask('Observation/ada-a1c', { as: 'summit' })).status;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'consent-gateway-subscription-'));
    writeFileSync(join(folder, 'secret'), `${secret}\n`);
    writeFileSync(join(folder, 'registrar'), 'Bearer may-write');
    const port = await freePort(0);
    endpoint = `http://127.0.0.1:${port}/consent-changes/data`;
    bench = await startBench({
      changes: {
        admin: { port },
        consent: {
          maximumAgeMs: 300_000,
          changesEveryMs: 60_000,
          dataServer: {
            subscription: {
              endpoint,
              secretFile: join(folder, 'secret'),
              authorizationFile: join(folder, 'registrar'),
              renewMs: 1_000,
            },
          },
        },
      },
    });
    await until('the subscription is registered', () => subscriptions().length > 0);
    await until('the store was asked where it stands', () => questions() > 0);
    await pause(150);
  });
  beforeEach(() => setConsent('active'));
  afterAll(async () => {
    await bench.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is asked once to call: a rest-hook without content, with the secret in a header, by the registrar', () => {
    expect(subscriptions()).toEqual([
      expect.objectContaining({
        status: 'requested',
        criteria: 'Consent?',
        channel: { type: 'rest-hook', endpoint, header: [`Authorization: Bearer ${secret}`] },
      }),
    ]);
    const written = bench.relay.calls.filter(({ type, method }) => type === 'Subscription' && method === 'POST');
    expect(written.map(({ headers }) => headers.authorization)).toContain('Bearer may-write');
  });

  it('makes a revocation count long before the bound', async () => {
    expect((await call(`Bearer ${secret}`)).status).toBe(204);
    await pause(300);
    expect(await asked()).toBe(200);
    setConsent('inactive');
    await pause(300);
    expect(await asked()).toBe(200); // nobody was told
    expect((await call(`Bearer ${secret}`)).status).toBe(204);
    await until('the revocation counts', async () => (await asked()) === 404, 10_000);
  });

  it('that is forged changes nothing: no secret, another, a body, another method, another path', async () => {
    await pause(300);
    const before = questions();
    for (const authorization of [undefined, '', 'Bearer ', secret, `Bearer ${secret} `, `Bearer ${secret.slice(1)}`])
      expect([authorization, (await call(authorization)).status]).toEqual([
        authorization,
        authorization === `Bearer ${secret} ` ? 204 : 401, // white space at the end of a header is none of it
      ]);
    expect((await call(`Bearer ${secret}`, 'PUT')).status).toBe(405);
    expect((await call(`Bearer ${secret}`, 'GET')).status).toBe(405);
    expect((await call(`Bearer ${secret}`, 'POST', '/Consent/1')).status).not.toBe(204);
    expect((await fetch(endpoint.replace('/data', '/other'), { method: 'POST' })).status).toBe(401);
    await pause(300);
    expect(questions()).toBeLessThanOrEqual(before + 1);
  });

  it('without the secret, five hundred times at once, makes the store be asked nothing', async () => {
    await pause(300);
    const before = questions();
    const all = Array.from({ length: 500 }, (_, index) => call(index % 2 === 0 ? undefined : `Bearer ${index}`));
    expect(new Set((await Promise.all(all)).map(({ status }) => status))).toEqual(new Set([401]));
    await pause(300);
    expect(questions()).toBe(before);
  });

  it('a thousand times a second makes the store be asked ten times at most', async () => {
    await pause(300);
    const before = questions();
    const started = performance.now();
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 50 }, () => call(`Bearer ${secret}`)));
    const seconds = (performance.now() - started) / 1_000;
    expect(questions() - before).toBeLessThanOrEqual(Math.ceil(seconds * 10) + 1);
    await pause(300);
    expect(await asked()).toBe(200);
  });

  it('and sends a body, however long, has it left unread', async () => {
    const { port } = new URL(endpoint);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(
      `POST /consent-changes/data HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nContent-Length: 1000000000\r\n\r\n`,
    );
    socket.write('x'.repeat(100_000));
    await closed;
  });

  it('is asked again when it has turned the subscription off, or lost it', async () => {
    const [mine] = subscriptions();
    bench.relay.origin.repo.put(JSON.stringify({ ...mine, meta: undefined, status: 'off' }));
    await until('it is asked again', () => subscriptions()[0]?.status === 'requested', 5_000);
    expect(subscriptions()).toHaveLength(1);
    bench.relay.origin.repo.delete('Subscription', String(mine?.id));
    await until('it is registered anew', () => subscriptions().length === 1, 5_000);
  });

  it('but does not tell what changed makes everything of it be read again', async () => {
    setConsent('active');
    await call(`Bearer ${secret}`);
    await pause(300);
    expect(await asked()).toBe(200);
    bench.relay.fault = (one) => (isFeed(one) ? answering('{}', { status: 400 }) : undefined);
    setConsent('inactive');
    await call(`Bearer ${secret}`);
    await until('the revocation counts', async () => (await asked()) === 404, 10_000);
    bench.relay.fault = () => undefined;
  });
});
