import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createAuthenticator } from '../../src/authenticate/authenticate.ts';
import { identityConfig } from '../../src/config/identity.ts';
import { GatewayError } from '../../src/errors/errors.ts';
import { type KeyServer, type Listening, listening, startKeyServer } from './place.ts';
import { requestOf } from './requests.ts';
import { claimsOf, es256, jws, type Pair, pairFor, publicJwk } from './sign.ts';

const base = 'https://gateway.example/fhir';
const keys = {
  refreshMs: 1_000,
  maximumAgeMs: 2_000,
  cooldownMs: 400,
  retryMs: 200,
  timeoutMs: 300,
  maximumBytes: 4_096,
  maximumKeys: 5,
};
const opened: Listening[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

/** An issuer with one key, and a way in that answers `in`, or the code of its refusal. */
async function start(identity: object = {}, issuerChanges: object = {}) {
  const pair = await pairFor('ES256');
  const server = await startKeyServer([await publicJwk(pair, { kid: 'first' })]);
  opened.push(server);
  const config = identityConfig.parse({
    issuers: [{ issuer: server.url, allowInsecureHttp: true, ...issuerChanges }],
    keys,
    rememberedTokens: 0,
    ...identity,
  });
  const authenticator = createAuthenticator(config, { publicBaseUrl: base, now: Date.now });
  const enter = (token: string): Promise<string> =>
    authenticator.authenticate(requestOf(token)).then(
      () => 'in',
      (error: unknown) => (error instanceof GatewayError ? error.code : 'another error'),
    );
  const token = (signer: Pair = pair, kid = 'first') =>
    jws({ alg: 'ES256', typ: 'at+jwt', kid }, claimsOf(server.url, base), es256(signer));
  return { server, pair, enter, token, authenticator };
}

const keyReadings = ({ requests }: KeyServer) => requests.get('/jwks') ?? 0;
const send =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };

/** Ways in which keys are not to be had. */
const failures: Readonly<Record<string, RequestListener>> = {
  'status 500': send(500, '{}'),
  'status 404': send(404, '{"keys":[]}'),
  'closed connection': (request) => request.socket.destroy(),
  'no answer': () => undefined,
  'half an answer': (_request, response) => response.writeHead(200).write('{"keys":['),
  'no JSON': send(200, '<html>'),
  'no key set': send(200, '{"keys":{}}'),
  'an answer that is null': send(200, 'null'),
  'keys that are none': send(200, '{"keys":["first"]}'),
  'too many keys': send(200, JSON.stringify({ keys: Array.from({ length: 6 }, () => ({ kty: 'EC' })) })),
  'too many bytes': send(200, JSON.stringify({ keys: [], filler: 'f'.repeat(5_000) })),
};

describe("an issuer's keys", () => {
  it('are read once for many requests at once', async () => {
    const { server, enter, token } = await start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => enter(token())));
    expect(new Set(answers)).toEqual(new Set(['in']));
    expect(Object.fromEntries(server.requests)).toEqual({ '/.well-known/openid-configuration': 1, '/jwks': 1 });
  });

  it('are not read for a token of nobody known', async () => {
    const { server, pair, enter } = await start();
    const stranger = jws(
      { alg: 'ES256', typ: 'at+jwt', kid: 'first' },
      claimsOf('https://evil.example', base),
      es256(pair),
    );
    expect(await enter(stranger)).toBe('token-invalid');
    expect(server.requests.size).toBe(0);
  });

  it('that are new are picked up when the cooldown is over, not before', async () => {
    const { server, pair, enter, token } = await start();
    expect(await enter(token())).toBe('in');
    const next = await pairFor('ES256');
    server.keys = { keys: [await publicJwk(pair, { kid: 'first' }), await publicJwk(next, { kid: 'second' })] };
    expect(await enter(token(next, 'second'))).toBe('token-invalid');
    expect(keyReadings(server)).toBe(1);
    await sleep(keys.cooldownMs + 50);
    expect(await enter(token(next, 'second'))).toBe('in');
    expect(await enter(token())).toBe('in');
    expect(keyReadings(server)).toBe(2);
  });

  it('that are withdrawn stop at the next reading', async () => {
    const { server, enter, token } = await start();
    expect(await enter(token())).toBe('in');
    server.keys = { keys: [] };
    await sleep(keys.refreshMs + 50);
    expect(await enter(token())).toBe('token-invalid');
  });

  it('that are withdrawn and replaced under the same kid stop at the next reading', async () => {
    const { server, enter, token } = await start();
    expect(await enter(token())).toBe('in');
    const next = await pairFor('ES256');
    server.keys = { keys: [await publicJwk(next, { kid: 'first' })] };
    await sleep(keys.refreshMs + 50);
    expect(await enter(token())).toBe('token-invalid');
    expect(await enter(token(next))).toBe('in');
  });

  it('that are withdrawn bear remembered tokens no longer than tokens are remembered', async () => {
    const { server, enter, token } = await start({ rememberedTokens: 10, rememberTokenMs: 1_500 });
    const remembered = token();
    expect(await enter(remembered)).toBe('in');
    server.keys = { keys: [] };
    await sleep(keys.refreshMs + 50);
    expect(await enter(remembered)).toBe('in');
    expect(await enter(token())).toBe('token-invalid');
    await sleep(500);
    expect(await enter(remembered)).toBe('token-invalid');
  });

  it('that cannot be read again serve up to their maximum age, and then no more', async () => {
    const results = await Promise.all(
      Object.entries(failures).map(async ([name, listener]) => {
        const { server, enter, token } = await start();
        const answers = [await enter(token())];
        server.instead = listener;
        await sleep(keys.refreshMs + 500);
        answers.push(await enter(token()));
        await sleep(keys.maximumAgeMs - keys.refreshMs - 300);
        answers.push(await enter(token()));
        server.instead = undefined;
        await sleep(keys.retryMs + 50);
        answers.push(await enter(token()));
        return [name, answers];
      }),
    );
    const expected = ['in', 'in', 'token-invalid', 'in'];
    expect(Object.fromEntries(results)).toEqual(
      Object.fromEntries(Object.keys(failures).map((name) => [name, expected])),
    );
  });

  it('that could never be read open nothing, and are asked for again when the retry time is over', async () => {
    const results = await Promise.all(
      Object.entries(failures).map(async ([name, listener]) => {
        const { server, enter, token } = await start();
        server.instead = (request, response) => {
          if (request.url === '/jwks') listener(request, response);
          else send(200, JSON.stringify({ issuer: server.url, jwks_uri: `${server.url}/jwks` }))(request, response);
        };
        const answers = [await enter(token())];
        server.instead = undefined;
        await sleep(keys.retryMs + 50);
        answers.push(await enter(token()));
        return [name, answers];
      }),
    );
    expect(Object.fromEntries(results)).toEqual(
      Object.fromEntries(Object.keys(failures).map((name) => [name, ['token-invalid', 'in']])),
    );
  });

  it('that cannot be read leave an unknown kid unknown', async () => {
    const { server, enter, token } = await start();
    expect(await enter(token())).toBe('in');
    server.instead = failures['status 500'];
    await sleep(keys.cooldownMs + 50);
    expect(await enter(token(await pairFor('ES256'), 'second'))).toBe('token-invalid');
    expect(await enter(token())).toBe('in');
  });

  it('are found at another address once the known ones are too old', async () => {
    const { server, enter, token } = await start();
    expect(await enter(token())).toBe('in');
    const { keys: known } = server;
    const moved = await listening(send(200, JSON.stringify(known)));
    opened.push(moved);
    server.metadata = { jwks_uri: `${moved.url}/jwks` };
    server.keys = { gone: true };
    await sleep(keys.maximumAgeMs + 100);
    await enter(token());
    await sleep(keys.retryMs + 50);
    expect(await enter(token())).toBe('in');
  });

  it('are not looked for behind a redirect', async () => {
    let followed = 0;
    const elsewhere = await listening((_request, response) => {
      followed++;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(known));
    });
    opened.push(elsewhere);
    const { server, enter, token } = await start();
    const { keys: known } = server;
    server.instead = (request, response) => {
      if (request.url === '/jwks') send(302, '', { location: `${elsewhere.url}/jwks` })(request, response);
      else send(200, JSON.stringify({ issuer: server.url, jwks_uri: `${server.url}/jwks` }))(request, response);
    };
    expect(await enter(token())).toBe('token-invalid');
    expect(followed).toBe(0);
  });

  it.each(['no answer', 'half an answer'])(
    'that do not come keep nobody waiting beyond the time for them: %s',
    async (name) => {
      const { server, enter, token } = await start();
      server.instead = failures[name];
      const begun = Date.now();
      expect(await enter(token())).toBe('token-invalid');
      expect(Date.now() - begun).toBeLessThan(keys.timeoutMs + 700);
    },
  );
});

describe('a flood of garbage', () => {
  it('with unknown keys causes no more readings than the cooldown allows', async () => {
    const { server, enter, token } = await start();
    const forger = await pairFor('ES256');
    expect(await enter(token())).toBe('in');
    const begun = Date.now();
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => enter(token(forger, `k${round}-${n}`))));
      expect(new Set(answers)).toEqual(new Set(['token-invalid']));
      await sleep(30);
    }
    expect(keyReadings(server)).toBeLessThanOrEqual(1 + Math.ceil((Date.now() - begun) / keys.cooldownMs));
    expect(await enter(token())).toBe('in');
  });

  it('while keys cannot be read causes no more readings than the retry time allows', async () => {
    const { server, enter, token } = await start();
    expect(await enter(token())).toBe('in');
    const forger = await pairFor('ES256');
    server.instead = failures['status 500'];
    await sleep(keys.cooldownMs);
    const begun = Date.now();
    for (let round = 0; round < 15; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => enter(token(forger, `k${round}-${n}`))));
      await sleep(30);
    }
    expect(keyReadings(server)).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - begun) / keys.retryMs));
  });

  it('while keys cannot be read causes no more readings than the retry time allows, however short the cooldown', async () => {
    const { server, enter, token } = await start({ keys: { ...keys, cooldownMs: 100, retryMs: 1_000 } });
    expect(await enter(token())).toBe('in');
    const forger = await pairFor('ES256');
    server.instead = failures['status 500'];
    const begun = Date.now();
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 5 }, (_, n) => enter(token(forger, `k${round}-${n}`))));
      await sleep(30);
    }
    expect(keyReadings(server)).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - begun) / 1_000));
  });

  it.each([
    ['neither metadata nor keys come', '/'],
    ['only keys do not come', '/jwks'],
  ])('before keys were ever read causes no more readings than the retry time allows: %s', async (_name, failing) => {
    const { server, enter, token } = await start();
    const about = send(200, JSON.stringify({ issuer: server.url, jwks_uri: `${server.url}/jwks` }));
    const fail = send(500, '{}');
    server.instead = (request, response) => (request.url?.startsWith(failing) ? fail : about)(request, response);
    const begun = Date.now();
    for (let round = 0; round < 15; round++) {
      await Promise.all(Array.from({ length: 20 }, () => enter(token())));
      await sleep(30);
    }
    const readings = [...server.requests.values()].reduce((sum, one) => sum + one, 0);
    expect(readings).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - begun) / keys.retryMs));
  });

  it('of questions for smart-configuration, which needs no token, asks an issuer that fails no more often', async () => {
    const { server, authenticator } = await start();
    server.instead = failures['status 500'];
    const begun = Date.now();
    for (let round = 0; round < 15; round++) {
      const asked = Array.from({ length: 20 }, () => authenticator.smartConfiguration().catch(() => 'failed'));
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['failed']));
      await sleep(30);
    }
    const readings = [...server.requests.values()].reduce((sum, one) => sum + one, 0);
    expect(readings).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - begun) / keys.retryMs));
  });

  it('that is remembered nowhere: a refused token is looked at each time', async () => {
    const { server, enter, token, pair } = await start({ rememberedTokens: 10 });
    server.keys = { keys: [] };
    const early = token();
    expect(await enter(early)).toBe('token-invalid');
    server.keys = { keys: [await publicJwk(pair, { kid: 'first' })] };
    await sleep(keys.cooldownMs + 50);
    expect(await enter(early)).toBe('in');
  });
});

describe("an issuer's metadata", () => {
  const metadataOf = (about: (server: KeyServer) => unknown) => async () => {
    const { server, enter, token } = await start();
    const { keys: known } = server;
    server.instead = (request, response) =>
      send(200, JSON.stringify(request.url === '/jwks' ? known : about(server)))(request, response);
    return { answer: await enter(token()), readings: keyReadings(server) };
  };
  const refused = { answer: 'token-invalid', readings: 0 };

  it.each([
    ['of another issuer', ({ url }: KeyServer) => ({ issuer: 'https://evil.example', jwks_uri: `${url}/jwks` })],
    ['of an issuer below it', ({ url }: KeyServer) => ({ issuer: `${url}/x`, jwks_uri: `${url}/jwks` })],
    ['without issuer', ({ url }: KeyServer) => ({ jwks_uri: `${url}/jwks` })],
    ['without keys', ({ url }: KeyServer) => ({ issuer: url })],
    ['with keys by plain http elsewhere', ({ url }: KeyServer) => ({ issuer: url, jwks_uri: 'http://192.0.2.1/jwks' })],
    ['with keys in a file', ({ url }: KeyServer) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
    ['with keys behind a password', ({ url }: KeyServer) => ({ issuer: url, jwks_uri: url.replace('://', '://a:b@') })],
    ['with keys at no address', ({ url }: KeyServer) => ({ issuer: url, jwks_uri: '/jwks' })],
    ['of too many bytes', ({ url }: KeyServer) => ({ issuer: url, jwks_uri: `${url}/jwks`, f: 'f'.repeat(5_000) })],
  ])('opens nothing: %s', async (_name, about) => {
    expect(await metadataOf(about)()).toEqual(refused);
  });

  it('opens the door when it is right', async () => {
    expect(await metadataOf(({ url }) => ({ issuer: url, jwks_uri: `${url}/jwks` }))()).toEqual({
      answer: 'in',
      readings: 1,
    });
  });

  it('is not looked for behind a redirect', async () => {
    const { server, enter, token } = await start();
    server.instead = (request, response) => {
      if (request.url === '/moved')
        send(200, JSON.stringify({ issuer: server.url, jwks_uri: `${server.url}/jwks` }))(request, response);
      else send(302, '', { location: `${server.url}/moved` })(request, response);
    };
    expect(await enter(token())).toBe('token-invalid');
    expect(server.requests.get('/moved')).toBeUndefined();
  });

  it('of the authorization server (RFC 8414) serves where it is configured', async () => {
    const { server, enter, token } = await start({}, { discovery: 'oauth2' });
    expect(await enter(token())).toBe('in');
    expect([...server.requests.keys()]).toEqual(['/.well-known/oauth-authorization-server', '/jwks']);
  });
});
