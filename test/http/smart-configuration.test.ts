import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import smart from 'fhirclient';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { appClientId } from '../../examples/demo/requesters.ts';
import { smartConfiguration } from '../../src/authenticate/smart.ts';
import { ask, type Place, startPlace } from '../authenticate/place.ts';

const app = 'https://app.example';
let provider: IdentityProvider;
let place: Place;
/** Only one origin, behind TLS, and its issuer is not there. */
let strict: Place;

beforeAll(async () => {
  redirectUri = await startApp();
  place = await startPlace(async (base) => {
    provider = await startIdentityProvider({ fhirBase: base, redirectUris: [redirectUri] });
    return {
      issuers: [{ issuer: provider.url, allowInsecureHttp: true, roles: { patient: 'patient' } }],
      smartCapabilities: ['context-banner'],
    };
  });
  strict = await startPlace(
    async () => ({ issuers: [{ issuer: 'http://127.0.0.1:9', allowInsecureHttp: true }] }),
    (base) => ({
      listener: { publicBaseUrl: base, port: Number(new URL(base).port), allowedOrigins: [app], behindTls: true },
    }),
  );
});

afterAll(async () => {
  await Promise.all([place.close(), strict.close()]);
  await provider.close();
  appServer.closeAllConnections();
  await new Promise((resolve) => appServer.close(resolve));
});

const wellKnown = '.well-known/smart-configuration';

describe('/.well-known/smart-configuration', () => {
  it('tells apps without a token where to sign in', async () => {
    const before = place.reached();
    const answer = await ask(`${place.base}/${wellKnown}`);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
    expect(JSON.parse(answer.body)).toMatchObject({
      issuer: provider.url,
      jwks_uri: `${provider.url}/jwks`,
      authorization_endpoint: `${provider.url}/auth`,
      token_endpoint: `${provider.url}/token`,
      code_challenge_methods_supported: ['S256'],
      grant_types_supported: expect.arrayContaining(['authorization_code']),
      scopes_supported: expect.arrayContaining(['openid', 'fhirUser', 'launch/patient', 'patient/*.rs']),
      capabilities: expect.arrayContaining([
        'launch-standalone',
        'client-public',
        'sso-openid-connect',
        'context-standalone-patient',
        'context-banner',
        'permission-patient',
        'permission-user',
        'permission-v1',
        'permission-v2',
      ]),
    });
    expect(place.reached()).toBe(before);
  });

  it.each(['application/fhir+json', 'text/html', 'application/xml', '*/*;q=0'])(
    'is JSON whatever is accepted: %s',
    async (accept) => {
      const answer = await ask(`${place.base}/${wellKnown}`, [['Accept', accept]]);
      expect([answer.status, answer.headers['content-type']]).toEqual([
        200,
        expect.stringMatching(/^application\/json\b/),
      ]);
    },
  );

  it.each([
    ['an invalid token', [['Authorization', 'Bearer nonsense']]],
    ['another scheme', [['Authorization', 'Basic x']]],
  ] as const)('looks at no credentials: %s', async (_name, headers) => {
    expect((await ask(`${place.base}/${wellKnown}`, headers)).status).toBe(200);
  });

  it('answers HEAD without a body', async () => {
    const answer = await ask(`${place.base}/${wellKnown}`, [], { method: 'HEAD' });
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
  });

  it.each([
    `${wellKnown}/`,
    `${wellKnown}?x=1`,
    '.well-known/SMART-configuration',
    '.Well-known/smart-configuration',
    '.well-known/openid-configuration',
    '.well-known',
    `x/../${wellKnown}`,
    '.well-known%2fsmart-configuration',
    '%2ewell-known/smart-configuration',
  ])('is at this one address: %s', async (path) => {
    const answer = await ask(`${place.base}/`, [], { target: `/fhir/${path}` });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain('token_endpoint');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('is not there for %s', async (method) => {
    const answer = await ask(`${place.base}/${wellKnown}`, [], { method });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain('token_endpoint');
  });

  it('is no success and no word about why while the issuer cannot be reached', async () => {
    const answer = await ask(`${strict.base}/${wellKnown}`);
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ resourceType: 'OperationOutcome' });
    expect(answer.body).not.toMatch(/ECONN|127\.0\.0\.1|fetch|at /);
  });
});

describe('/metadata', () => {
  it.each([
    ['no credentials', []],
    ['an invalid token', [['Authorization', 'Bearer nonsense']]],
  ] as const)('is there with %s', async (_name, headers) => {
    const before = place.reached();
    const answer = await ask(`${place.base}/metadata`, headers);
    expect([answer.status, answer.headers['content-type']]).toEqual([
      200,
      expect.stringMatching(/^application\/fhir\+json\b/),
    ]);
    expect(JSON.parse(answer.body)).toMatchObject({
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      implementation: { url: place.base },
    });
    expect(answer.body).not.toContain(new URL(place.upstreamUrl).host);
    expect(place.reached()).toBe(before);
  });

  it('says that SMART secures it', async () => {
    const { rest } = JSON.parse((await ask(`${place.base}/metadata`)).body) as { rest: { security: unknown }[] };
    expect(JSON.stringify(rest[0]?.security)).toContain('SMART-on-FHIR');
  });

  it('answers HEAD with the length of GET and no body', async () => {
    const get = await ask(`${place.base}/metadata`);
    const head = await ask(`${place.base}/metadata`, [], { method: 'HEAD' });
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', get.headers['content-length']]);
  });

  it('is the same bytes for everybody', async () => {
    const plain = await ask(`${place.base}/metadata`);
    const withToken = await ask(`${place.base}/metadata`, [
      ['Authorization', `Bearer ${await provider.tokenFor('ada')}`],
    ]);
    expect(withToken.body).toBe(plain.body);
  });
});

describe('an app in a browser', () => {
  const preflight = (base: string, path: string, origin: string) =>
    ask(
      `${base}/${path}`,
      [
        ['Origin', origin],
        ['Access-Control-Request-Method', 'GET'],
        ['Access-Control-Request-Headers', 'authorization'],
      ],
      { method: 'OPTIONS' },
    );

  it.each(['Patient/ada', 'Patient/_search', 'metadata', wellKnown])(
    'may ask for %s from a listed origin',
    async (path) => {
      const answer = await preflight(strict.base, path, app);
      expect([answer.status, answer.body]).toEqual([204, '']);
      expect(answer.headers['access-control-allow-origin']).toBe(app);
      expect(answer.headers['access-control-allow-methods']).toBe('GET, HEAD, POST, OPTIONS');
      expect(answer.headers['access-control-allow-headers']?.toLowerCase().split(', ')).toEqual(
        expect.arrayContaining([
          'authorization',
          'accept',
          'content-type',
          'prefer',
          'if-none-match',
          'x-purpose-of-use',
        ]),
      );
      expect(answer.headers.vary).toContain('Origin');
    },
  );

  it.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'http://app.example',
    'https://APP.example',
    'https://app.example:8443',
    'null',
    '',
  ])('may not from another: %j', async (origin) => {
    for (const answer of [
      await preflight(strict.base, 'Patient/ada', origin),
      await ask(`${strict.base}/metadata`, [['Origin', origin]]),
    ])
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    ['metadata', 200],
    [wellKnown, 200],
    ['Patient/ada', 401],
    ['Nothing/1', 401],
  ])('may read the answer of %s, errors included', async (path, status) => {
    const answer = await ask(`${place.base}/${path}`, [['Origin', app]]);
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBe(app);
    expect(answer.headers['access-control-expose-headers']).toBe(
      'ETag, Last-Modified, Retry-After, WWW-Authenticate, X-Consent-Enforcement, X-Request-Id',
    );
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('is told the same by OPTIONS with and without a token, for what is there and what is not', async () => {
    const seen = new Set<string>();
    const before = place.reached();
    for (const path of ['Patient/ada', 'Patient/nobody', 'Nothing'])
      for (const headers of [[], [['Authorization', 'Bearer x']]] as const) {
        const {
          status,
          body,
          headers: { date: _date, ...rest },
        } = await ask(`${place.base}/${path}`, [['Origin', app], ...headers], { method: 'OPTIONS' });
        seen.add(JSON.stringify([status, body, rest]));
      }
    expect(seen.size).toBe(1);
    expect(place.reached()).toBe(before);
  });
});

describe('every answer', () => {
  it.each([
    ['GET', 'metadata'],
    ['GET', wellKnown],
    ['GET', 'Patient/ada'],
    ['HEAD', 'Patient/ada'],
    ['GET', 'a//b'],
    ['PUT', 'Patient/ada'],
    ['TRACE', 'Patient/ada'],
    ['OPTIONS', 'Patient/ada'],
  ])('bears the security headers: %s %s', async (method, path) => {
    const { headers } = await ask(`${strict.base}/${path}`, [], { method });
    expect(headers).toMatchObject({
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      vary: 'Authorization, Accept, Prefer, Origin',
    });
    for (const name of ['server', 'x-powered-by', 'etag', 'set-cookie']) expect(headers).not.toHaveProperty(name);
  });

  it('speaks of transport security only where there is TLS', async () => {
    expect((await ask(`${place.base}/metadata`)).headers).not.toHaveProperty('strict-transport-security');
  });

  it('to HEAD has the status and length of GET, and no body', async () => {
    const token = [['Authorization', `Bearer ${await provider.tokenFor('ada')}`]] as const;
    for (const [path, headers] of [
      ['Patient/ada', token],
      ['Patient/nobody', token],
      ['Patient/ada', []],
    ] as const) {
      const get = await ask(`${place.base}/${path}`, headers);
      const head = await ask(`${place.base}/${path}`, headers, { method: 'HEAD' });
      expect([head.status, head.headers['content-length'], head.body]).toEqual([
        get.status,
        get.headers['content-length'],
        '',
      ]);
    }
  });
});

describe('what smart-configuration says of an issuer', () => {
  const about = (metadata: object, smartCapabilities: never[] = []) =>
    smartConfiguration(metadata, { smartCapabilities }) as Record<string, readonly string[]>;

  it('never offers PKCE without a hash', () => {
    expect(about({ code_challenge_methods_supported: ['plain', 'S256'] }).code_challenge_methods_supported).toEqual([
      'S256',
    ]);
    expect(about({}).code_challenge_methods_supported).toEqual(['S256']);
  });

  it('passes on no member that SMART does not know', () => {
    const found = about({
      userinfo_endpoint: 'https://x.example',
      mtls_endpoint_aliases: {},
      jwks_uri: 'https://x.example/k',
    });
    expect(Object.keys(found).sort()).toEqual(
      [
        'capabilities',
        'code_challenge_methods_supported',
        'grant_types_supported',
        'jwks_uri',
        'scopes_supported',
      ].sort(),
    );
  });

  it('claims only capabilities that the metadata bears out', () => {
    expect(about({ token_endpoint_auth_methods_supported: ['private_key_jwt'] }).capabilities).toEqual([
      'client-confidential-asymmetric',
      'permission-patient',
      'permission-user',
      'permission-v1',
      'permission-v2',
    ]);
    expect(about({ scopes_supported: ['openid'] }).capabilities).not.toContain('sso-openid-connect');
    expect(about({ authorization_endpoint: 'https://x.example' }).capabilities).toContain('launch-standalone');
  });
});

let redirectUri = '';
let appServer: ReturnType<typeof createServer>;
const launched = new Map<string, unknown>();
const storage = {
  get: async (key: string) => launched.get(key),
  set: async (key: string, value: unknown) => {
    launched.set(key, value);
    return value;
  },
  unset: async (key: string) => launched.delete(key),
};

/** A SMART app on a web server (fhirclient): signs in at /launch, reads the patient at /app. */
async function startApp(): Promise<string> {
  appServer = createServer((request, response) => {
    const fhir = smart(request, response, storage as never);
    const failed = (error: unknown): void => void response.writeHead(500).end(String(error));
    if (request.url?.startsWith('/launch'))
      void fhir
        .authorize({
          iss: place.base,
          clientId: appClientId,
          scope: 'openid fhirUser launch/patient patient/*.rs',
          redirectUri,
          pkceMode: 'required',
        })
        .catch(failed);
    else
      void fhir
        .ready()
        .then((client) => client.patient.read())
        .then((patient) => response.end(JSON.stringify(patient)))
        .catch(failed);
  });
  await new Promise<void>((resolve) => appServer.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(appServer.address() as AddressInfo).port}/app`;
}

it('a SMART app finds its way from the FHIR base alone, signs in and reads its patient', async () => {
  const cookies = new Map<string, string>();
  let location = redirectUri.replace('/app', '/launch');
  let body = '';
  const visited: string[] = [];
  for (let step = 0; step < 12; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(location, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    visited.push(location);
    body = await answer.text();
    const next = answer.headers.get('location');
    if (next !== null) location = new URL(next, location).href;
    else if (location.includes('/demo/sign-in/') && !location.includes('user=')) location = `${location}?user=ada`;
    else break;
  }
  const authorization = new URL(visited[1] ?? '');
  expect(`${authorization.origin}${authorization.pathname}`).toBe(`${provider.url}/auth`);
  expect(authorization.searchParams.get('aud')).toBe(place.base);
  expect(authorization.searchParams.get('code_challenge_method')).toBe('S256');
  expect(JSON.parse(body)).toMatchObject({ resourceType: 'Patient', id: 'ada' });
});
