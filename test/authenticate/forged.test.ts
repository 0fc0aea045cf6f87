import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EncryptJWT } from 'jose';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { freePort } from '../../examples/demo/ports.ts';
import {
  ask,
  bearer,
  type KeyServer,
  type Listening,
  listening,
  type Place,
  startKeyServer,
  startPlace,
} from './place.ts';
import { claimsOf, encoded, es256, hs256, jws, type Pair, pairFor, pss, publicJwk, rsa } from './sign.ts';

type Members = Readonly<Record<string, unknown>>;

let ec: Pair;
let rsaPair: Pair;
let forEncryption: Pair;
let weak: Pair;
let attacker: Pair;
let attackerRsa: Pair;
let otherPair: Pair;
let issuer: KeyServer;
let other: KeyServer;
let provider: IdentityProvider;
let evil: Listening;
let place: Place;
let evilRequests = 0;
const secret = randomBytes(32);

beforeAll(async () => {
  [ec, rsaPair, forEncryption, attacker, attackerRsa, otherPair] = (await Promise.all(
    ['ES256', 'RS256', 'ES256', 'ES256', 'RS256', 'ES256'].map(pairFor),
  )) as [Pair, Pair, Pair, Pair, Pair, Pair];
  weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  issuer = await startKeyServer([
    await publicJwk(ec, { kid: 'ec', alg: 'ES256' }),
    await publicJwk(rsaPair, { kid: 'rsa' }),
    await publicJwk(forEncryption, { kid: 'enc', use: 'enc' }),
    { ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak', use: 'sig' },
    { kty: 'oct', kid: 'oct', k: secret.toString('base64url') },
  ]);
  other = await startKeyServer([await publicJwk(otherPair, { kid: 'ec', alg: 'ES256' })]);
  const attackersKeys = { keys: [await publicJwk(attacker, { kid: 'evil', alg: 'ES256' })] };
  evil = await listening((_request, response) => {
    evilRequests++;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(attackersKeys));
  });
  const servicesPort = await freePort(0);
  const services = {
    publicBaseUrl: `http://127.0.0.1:${servicesPort}`,
    port: servicesPort,
    grants: { 'in-force': ['clinician'], 'patient-consent-consult': ['clinician'] },
  };
  place = await startPlace(
    async (base) => {
      provider = await startIdentityProvider({ fhirBase: base });
      return {
        issuers: [issuer.url, other.url, provider.url].map((url) => ({
          issuer: url,
          allowInsecureHttp: true,
          roles: { clinician: 'clinician' },
        })),
      };
    },
    () => ({ services }),
  );
});

afterAll(async () => {
  await place.close();
  await Promise.all([issuer.close(), other.close(), provider.close(), evil.close()]);
});

const now = () => Math.floor(Date.now() / 1000);
const header = (change: Members = {}) => ({ alg: 'ES256', typ: 'at+jwt', kid: 'ec', ...change });
const payload = (change: Members = {}) => ({ ...claimsOf(issuer.url, place.base), ...change });
/** Text with a number that JSON.stringify does not write. */
const withRaw = (claim: string, raw: string) =>
  JSON.stringify(payload({ [claim]: 0 })).replace(`"${claim}":0`, `"${claim}":${raw}`);
/** Signed by the issuer's own key: unfit for another reason. */
const own = (claims: unknown, head: unknown = header()) => jws(head, claims, es256(ec));
const forged = (head: Members) => jws(header(head), payload(), es256(attacker));
const good = () => own(payload());
const parts = () => good().split('.') as [string, string, string];
const publicPem = (pair: Pair) => pair.publicKey.export({ format: 'pem', type: 'spki' });
const jwkOf = (pair: Pair) => pair.publicKey.export({ format: 'jwk' });
const unsigned = (alg: string) => jws(header({ alg }), payload(), () => Buffer.alloc(0));
const without = (claim: string) => {
  const { [claim]: _gone, ...rest } = payload() as Record<string, unknown>;
  return own(rest);
};

/** Tokens that nobody may come in with, each by what is wrong with it. */
const corpus: Readonly<Record<string, () => string | Promise<string>>> = {
  'alg none without signature': () => unsigned('none'),
  'alg None without signature': () => unsigned('None'),
  'alg NONE without signature': () => unsigned('NONE'),
  'alg nOnE under a true signature': () => own(payload(), header({ alg: 'nOnE' })),
  'alg none under a true signature': () => own(payload(), header({ alg: 'none' })),
  'no alg': () => own(payload(), { typ: 'at+jwt', kid: 'ec' }),
  'alg empty': () => own(payload(), header({ alg: '' })),
  'alg in lower case': () => own(payload(), header({ alg: 'es256' })),
  'alg a list': () => own(payload(), header({ alg: ['ES256'] })),
  'alg a number': () => own(payload(), header({ alg: 256 })),
  'HS256 with the elliptic public key as secret': () => jws(header({ alg: 'HS256' }), payload(), hs256(publicPem(ec))),
  'HS256 with the RSA public key as secret': () =>
    jws(header({ alg: 'HS256', kid: 'rsa' }), payload(), hs256(publicPem(rsaPair))),
  'HS256 with the public JWK as secret': () =>
    jws(header({ alg: 'HS256', kid: 'rsa' }), payload(), hs256(JSON.stringify(jwkOf(rsaPair)))),
  'HS256 with a symmetric key that the issuer published': () =>
    jws(header({ alg: 'HS256', kid: 'oct' }), payload(), hs256(secret)),
  'HS256 with an empty secret': () => jws(header({ alg: 'HS256' }), payload(), hs256('')),
  'RS256 under the kid of an elliptic key': () => jws(header({ alg: 'RS256' }), payload(), rsa(rsaPair)),
  'ES256 under the kid of an RSA key': () => own(payload(), header({ kid: 'rsa' })),
  'PS256, which is not configured, by the true key': () =>
    jws(header({ alg: 'PS256', kid: 'rsa' }), payload(), pss(rsaPair)),
  'RS512, which is not configured, by the true key': () =>
    jws(header({ alg: 'RS512', kid: 'rsa' }), payload(), rsa(rsaPair, 'sha512')),
  'RSA key of 1024 bits': () => jws(header({ alg: 'RS256', kid: 'weak' }), payload(), rsa(weak)),
  'key published for encryption': () => jws(header({ kid: 'enc' }), payload(), es256(forEncryption)),

  'known kid, another key': () => forged({}),
  'RSA kid, another key': () => jws(header({ alg: 'RS256', kid: 'rsa' }), payload(), rsa(attackerRsa)),
  'unknown kid, another key': () => forged({ kid: 'evil' }),
  'unknown kid, the true key': () => own(payload(), header({ kid: 'gone' })),
  'no kid, another key': () => forged({ kid: undefined }),
  'kid of another case': () => own(payload(), header({ kid: 'EC' })),
  'kid a path to an empty file': () =>
    jws(header({ alg: 'HS256', kid: '../../../../../../dev/null' }), payload(), hs256('')),
  'kid a path': () => forged({ kid: '/etc/passwd' }),
  'kid with SQL': () => forged({ kid: "ec' UNION SELECT 'key' --" }),
  'kid with a command': () => forged({ kid: 'ec;$(id)' }),
  'kid the address of other keys': () => forged({ kid: `${evil.url}/jwks` }),
  'kid of 3000 characters': () => forged({ kid: 'e'.repeat(3_000) }),
  'kid with NUL': () => forged({ kid: 'ec\0' }),
  'kid __proto__': () => forged({ kid: '__proto__' }),
  'kid constructor': () => forged({ kid: 'constructor' }),
  'kid a number': () => forged({ kid: 1 }),
  'kid an object': () => forged({ kid: { $ne: '' } }),

  'jku names other keys': () => forged({ kid: 'evil', jku: `${evil.url}/jwks` }),
  'jku names other keys, known kid': () => forged({ jku: `${evil.url}/jwks` }),
  'x5u names another certificate': () => forged({ x5u: `${evil.url}/cert.pem` }),
  'jwk brings its own key': () => forged({ kid: undefined, jwk: jwkOf(attacker) }),
  'jwk brings its own key, known kid': () => forged({ jwk: { ...jwkOf(attacker), kid: 'ec' } }),
  'x5c brings its own certificate': () =>
    forged({ x5c: [attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] }),
  'crit names an unknown extension': () => own(payload(), header({ crit: ['exp2'], exp2: 1 })),
  'crit names what is not there': () => own(payload(), header({ crit: ['exp2'] })),
  'crit empty': () => own(payload(), header({ crit: [] })),
  'crit no list': () => own(payload(), header({ crit: 'b64' })),
  'b64 false': () => {
    const input = `${encoded(header({ crit: ['b64'], b64: false }))}.${encoded(payload())}`;
    return `${input}.${es256(ec)(input).toString('base64url')}`;
  },

  'no iss': () => without('iss'),
  'iss of nobody known': () => own(payload({ iss: 'https://evil.example' })),
  'iss with a slash at its end': () => own(payload({ iss: `${issuer.url}/` })),
  'iss in upper case': () => own(payload({ iss: issuer.url.toUpperCase() })),
  'iss a prefix of the true one': () => own(payload({ iss: issuer.url.slice(0, -1) })),
  'iss longer than the true one': () => own(payload({ iss: `${issuer.url}.evil.example` })),
  'iss by another name of the same host': () => own(payload({ iss: issuer.url.replace('127.0.0.1', 'localhost') })),
  'iss a list': () => own(payload({ iss: [issuer.url] })),
  'iss null': () => own(payload({ iss: null })),
  'iss __proto__': () => own(payload({ iss: '__proto__' })),
  'iss of one issuer, key of the other': () => jws(header(), payload(), es256(otherPair)),
  'iss of the other issuer, key of this one': () => own(payload({ iss: other.url })),

  'no aud': () => without('aud'),
  'aud of somebody else': () => own(payload({ aud: 'https://other.example/fhir' })),
  'aud a list of others': () => own(payload({ aud: ['https://other.example/fhir', 'account'] })),
  'aud an empty list': () => own(payload({ aud: [] })),
  'aud a list in a list': () => own(payload({ aud: [[place.base]] })),
  'aud a prefix of the base': () => own(payload({ aud: place.base.slice(0, -1) })),
  'aud the origin alone': () => own(payload({ aud: new URL(place.base).origin })),
  'aud below the base': () => own(payload({ aud: `${place.base}/Patient` })),
  'aud with a slash at its end': () => own(payload({ aud: `${place.base}/` })),
  'aud in upper case': () => own(payload({ aud: place.base.toUpperCase() })),
  "aud the server behind the gateway's": () => own(payload({ aud: place.upstreamUrl })),
  'aud the client': () => own(payload({ aud: 'demo-app' })),
  'aud a star': () => own(payload({ aud: '*' })),
  'aud an object': () => own(payload({ aud: { [place.base]: true } })),

  'expired a minute ago': () => own(payload({ iat: now() - 300, exp: now() - 60 })),
  'expired long ago': () => own(payload({ iat: 1_600_000_000, exp: 1_600_003_600 })),
  'expired, in fractions': () => own(payload({ iat: now() - 300, exp: now() - 60.5 })),
  'no exp': () => without('exp'),
  'exp a string': () => own(payload({ exp: String(now() + 300) })),
  'exp negative': () => own(payload({ exp: -1 })),
  'exp zero': () => own(payload({ exp: 0 })),
  'exp null': () => own(payload({ exp: null })),
  'exp true': () => own(payload({ exp: true })),
  'exp a list': () => own(payload({ exp: [now() + 300] })),
  'exp in a far future': () => own(payload({ exp: 9_007_199_254_740_991 })),
  'exp beyond all numbers': () => own(withRaw('exp', '1e999')),
  'exp in milliseconds': () => own(payload({ exp: (now() + 300) * 1000 })),
  'exp before iat': () => own(payload({ iat: now() + 20, exp: now() + 10 })),
  'nbf in the future': () => own(payload({ nbf: now() + 120 })),
  'nbf a string': () => own(payload({ nbf: '0' })),
  'no iat': () => without('iat'),
  'iat in the future': () => own(payload({ iat: now() + 120, exp: now() + 400 })),
  'iat a string': () => own(payload({ iat: String(now()) })),
  'iat null': () => own(payload({ iat: null })),
  'iat before all numbers': () => own(withRaw('iat', '-1e999')),
  'iat and exp beyond all numbers': () => own(withRaw('iat', '1e999').replace(/"exp":\d+/, '"exp":1e999')),
  'living longer than an hour': () => own(payload({ exp: now() + 3_700 })),
  'issued long ago, living longer than an hour': () => own(payload({ iat: now() - 3_600, exp: now() + 300 })),

  'no sub': () => without('sub'),
  'sub empty': () => own(payload({ sub: '' })),
  'sub a number': () => own(payload({ sub: 7 })),
  'sub of 1001 characters': () => own(payload({ sub: 's'.repeat(1_001) })),
  'no client_id': () => without('client_id'),
  'client_id a list': () => own(payload({ client_id: ['demo-app'] })),
  'client_id no text, azp one': () => own(payload({ client_id: 7, azp: 'demo-app' })),
  'no jti': () => without('jti'),
  'jti a number': () => own(payload({ jti: 7 })),

  'no typ': () => own(payload(), header({ typ: undefined })),
  'typ JWT': () => own(payload(), header({ typ: 'JWT' })),
  'typ of a logout token': () => own(payload(), header({ typ: 'logout+jwt' })),
  'typ of a DPoP proof': () => own(payload(), header({ typ: 'dpop+jwt' })),
  'typ of a security event': () => own(payload(), header({ typ: 'secevent+jwt' })),
  'typ of a client assertion': () => own(payload(), header({ typ: 'client-authentication+jwt' })),
  'typ with a space': () => own(payload(), header({ typ: 'at+jwt ' })),
  'typ with a parameter': () => own(payload(), header({ typ: 'at+jwt;x=y' })),
  'typ a list': () => own(payload(), header({ typ: ['at+jwt'] })),
  'typ application/ twice': () => own(payload(), header({ typ: 'application/application/at+jwt' })),
  'an ID token with nonce': () => own(payload({ nonce: 'n' })),
  'an ID token with at_hash': () => own(payload({ at_hash: 'h' })),
  'an ID token with c_hash': () => own(payload({ c_hash: 'h' })),
  'an ID token with s_hash': () => own(payload({ s_hash: 'h' })),
  'a logout token': () => own(payload({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })),
  'an ID token as Keycloak marks it': () => own(payload({ typ: 'ID' })),
  'a refresh token as Keycloak marks it': () => own(payload({ typ: 'Refresh' })),
  'bound to a DPoP key': () => own(payload({ cnf: { jkt: 'thumbprint' } })),
  'bound to a certificate': () => own(payload({ cnf: { 'x5t#S256': 'thumbprint' } })),
  'cnf null': () => own(payload({ cnf: null })),

  'an encrypted token': () =>
    new EncryptJWT(payload()).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(new Uint8Array(secret)),
  'a token in a token': () => own(good(), header({ cty: 'JWT' })),
  'no signature': () => parts().slice(0, 2).join('.'),
  'an empty signature': () => `${parts().slice(0, 2).join('.')}.`,
  'a truncated signature': () => good().slice(0, -8),
  'one flipped bit in the signature': () => {
    const [head, body, signature] = parts();
    const bytes = Buffer.from(signature, 'base64url');
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    return `${head}.${body}.${bytes.toString('base64url')}`;
  },
  'a signature of zeros': () => jws(header(), payload(), () => Buffer.alloc(64)),
  'a signature in DER': () => jws(header(), payload(), (input) => sign('sha256', Buffer.from(input), ec.privateKey)),
  'an altered payload': () => {
    const [head, , signature] = parts();
    return `${head}.${encoded(payload({ roles: ['steward'] }))}.${signature}`;
  },
  'an altered header': () => {
    const [, body, signature] = parts();
    return `${encoded(header({ kid: 'ec', x: 1 }))}.${body}.${signature}`;
  },
  'a truncated payload': () => {
    const [head, body, signature] = parts();
    return `${head}.${body.slice(0, -4)}.${signature}`;
  },
  'parts of two tokens': () => {
    const [head, body] = own(payload({ roles: ['steward'] })).split('.');
    return `${head}.${body}.${parts()[2]}`;
  },
  'one dot more at the end': () => `${good()}.`,
  'one dot more in front': () => `.${good()}`,
  'one part more': () => `${good()}.e30`,
  'one part alone': () => parts()[0],
  'empty parts': () => '..',
  'characters outside base64url': () => good().replace('.', '+/.'),
  'padding inside': () => good().replace('.', '==.'),
  'a header that is no JSON': () => own(payload(), 'alg'),
  'a header that is a list': () => own(payload(), [header()]),
  'a header that is null': () => own(payload(), 'null'),
  'a payload that is no JSON': () => own('iss'),
  'a payload that is a list': () => own([payload()]),
  'a payload that is null': () => own('null'),
  'a payload that is no UTF-8': () =>
    own(payload()).replace(/\..*\./, `.${Buffer.from([0xff, 0xfe, 0x7b]).toString('base64url')}.`),
  'text that is no token': () => 'opaque-token',
  '9000 characters': () => own(payload({ filler: 'f'.repeat(6_000) })),
};

const patient = () => `${place.base}/Patient/ada`;

describe('a forged or unfit token', () => {
  const seen = new Set<string>();
  let before = 0;

  beforeAll(async () => {
    expect((await ask(patient(), bearer(good()))).status).toBe(200); // keys are read, the gateway works
    before = place.reached();
  });

  it.each(Object.keys(corpus))('opens nothing: %s', async (name) => {
    const answer = await ask(patient(), bearer((await corpus[name]?.()) ?? ''));
    const { 'www-authenticate': challenge, 'content-type': type, 'content-length': length } = answer.headers;
    expect(answer.status).toBe(401);
    seen.add(JSON.stringify([answer.body, challenge, type, length, Object.keys(answer.headers).sort()]));
    expect([...seen]).toHaveLength(1);
  });

  it('is answered with the one constant text, and no word about what is wrong', () => {
    const [body, challenge] = JSON.parse([...seen][0] ?? '[]') as [string, string];
    expect(JSON.parse(body)).toEqual({
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: 'login',
          details: {
            coding: [{ system: 'urn:fhir-consent-gateway:error', code: 'token-invalid' }],
            text: 'The access token is not valid here.',
          },
        },
      ],
    });
    expect(challenge).toBe('Bearer realm="fhir", error="invalid_token"');
  });

  it('reaches neither the FHIR server nor an address it names', () => {
    expect(place.reached()).toBe(before);
    expect(evilRequests).toBe(0);
  });

  it('is answered the same for a resource that is not there and for a search', async () => {
    for (const path of ['Patient/nobody', 'Encounter?patient=ada', 'Nothing/1', 'Patient/ada/_history/1']) {
      const answer = await ask(`${place.base}/${path}`, bearer(unsigned('none')));
      expect([answer.status, answer.body]).toEqual([401, (JSON.parse([...seen][0] ?? '[]') as string[])[0]]);
    }
    expect(place.reached()).toBe(before);
  });
});

describe('at the other listeners, a forged or unfit token', () => {
  const ways = (): readonly (readonly [url: string, method: string, body?: string])[] => [
    [`${place.servicesUrl}/patients/ada/in-force`, 'GET'],
    [`${place.servicesUrl}/cds-services/patient-consent-consult`, 'POST', '{}'],
    [`${place.adminUrl}/consent-changes/data`, 'POST'],
  ];
  const come = async (headers: Parameters<typeof ask>[1]): Promise<readonly number[]> =>
    Promise.all(
      ways().map(async ([url, method, body]) => {
        const sent = body === undefined ? {} : { body };
        const type = body === undefined ? [] : [['Content-Type', 'application/json'] as const];
        return (await ask(url, [...(headers ?? []), ...type], { method, ...sent })).status;
      }),
    );

  it('opens nothing, where a fit one would be heard', async () => {
    expect((await come(bearer(good()))).slice(0, 2)).toEqual([200, 400]);
    const before = place.reached();
    expect(await come([])).toEqual([401, 401, 401]);
    for (const [name, token] of Object.entries(corpus))
      expect([name, ...(await come(bearer(await token())))]).toEqual([name, 401, 401, 401]);
    expect(place.reached()).toBe(before);
    expect(evilRequests).toBe(0);
  });

  it('is not needed for what tells of nobody, and no other way is open', async () => {
    for (const path of ['/live', '/ready', '/metrics'])
      expect((await ask(`${place.adminUrl}${path}`)).status).toBe(200);
    for (const path of ['/', '/fhir/Patient/ada', '/patients/ada/in-force', '/metrics/x', '/consent-changes/'])
      expect((await ask(`${place.adminUrl}${path}`)).status).toBe(404);
    for (const path of ['/fhir/Patient/ada', '/metrics', '/live'])
      expect((await ask(`${place.servicesUrl}${path}`)).status).toBe(404);
  });
});

describe('an Authorization header that is not one bearer token', () => {
  const headers: Readonly<Record<string, (token: string) => string>> = {
    Basic: (token) => `Basic ${token}`,
    DPoP: (token) => `DPoP ${token}`,
    'two spaces': (token) => `Bearer  ${token}`,
    'a tab': (token) => `Bearer\t${token}`,
    'no space': (token) => `Bearer${token}`,
    'nothing after the scheme': () => 'Bearer',
    'no scheme': (token) => token,
    'two tokens': (token) => `Bearer ${token} ${token}`,
    'two credentials': (token) => `Bearer ${token}, Bearer ${token}`,
    quotes: (token) => `Bearer "${token}"`,
    'a parameter': (token) => `Bearer token=${token}`,
    'Latin-1': (token) => `Bearer ${token}é`,
    'UTF-8': (token) => `Bearer ${token}${Buffer.from('✓').toString('latin1')}`,
    'a dot of another script': (token) => `Bearer ${token.replace('.', Buffer.from('。').toString('latin1'))}`,
    'an empty value': () => '',
  };

  it.each(Object.keys(headers))('opens nothing: %s', async (name) => {
    const before = place.reached();
    const answer = await ask(patient(), [['Authorization', headers[name]?.(good()) ?? '']]);
    expect(answer.status).toBe(401);
    expect(answer.body).toContain('"token-invalid"');
    expect(place.reached()).toBe(before);
  });

  it('is asked for when it is missing', async () => {
    const answer = await ask(patient());
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="fhir"']);
    expect(answer.body).toContain('"token-missing"');
  });

  it('of 100 KB is not read at all', async () => {
    const before = place.reached();
    // The connection is closed while the rest still comes in, which may be all that the client sees of it.
    const answer = await ask(patient(), bearer(`${good()}${'A'.repeat(100_000)}`)).catch(() => undefined);
    expect([answer?.status ?? 431, answer?.body ?? '']).toEqual([431, '']);
    expect(place.reached()).toBe(before);
  });
});

describe('a token in more than one place, or in another than the header', () => {
  const form = [['Content-Type', 'application/x-www-form-urlencoded']] as const;

  it.each([
    ['two Authorization headers', () => ask(patient(), [...bearer(good()), ...bearer(good())])],
    [
      'two Authorization headers, the first no bearer',
      () => ask(patient(), [['Authorization', 'Basic x'], ...bearer(good())]),
    ],
    ['in the query', () => ask(`${patient()}?access_token=${good()}`)],
    ['in the query, empty', () => ask(`${patient()}?access_token`, bearer(good()))],
    ['in the query, its name escaped', () => ask(`${patient()}?access%5Ftoken=${good()}`)],
    ['in query and header', () => ask(`${patient()}?access_token=${good()}`, bearer(good()))],
    [
      'in the form',
      () => ask(`${place.base}/Patient/_search`, form, { method: 'POST', body: `access_token=${good()}` }),
    ],
    [
      'in form and header',
      () =>
        ask(`${place.base}/Patient/_search`, [...form, ...bearer(good())], {
          method: 'POST',
          body: `access_token=${good()}`,
        }),
    ],
  ])('is refused with 400: %s', async (_name, send) => {
    const before = place.reached();
    const answer = await send();
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('"token-ambiguous"');
    expect(answer.body).not.toContain('eyJ');
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="fhir", error="invalid_request"');
    expect(place.reached()).toBe(before);
  });
});

describe('a fit token', () => {
  it.each([
    ['as it should be', () => good()],
    ['of RS256', () => jws(header({ alg: 'RS256', kid: 'rsa' }), payload(), rsa(rsaPair))],
    ['typ in upper case', () => own(payload(), header({ typ: 'AT+JWT' }))],
    ['typ as a whole media type', () => own(payload(), header({ typ: 'application/at+jwt' }))],
    ['aud with others beside', () => own(payload({ aud: ['account', place.base] }))],
    ['expired within the tolerated skew', () => own(payload({ iat: now() - 300, exp: now() - 10 }))],
    ['issued by a clock a little ahead', () => own(payload({ iat: now() + 10 }))],
    ['azp in place of client_id', () => own({ ...payload({ azp: 'demo-app' }), client_id: undefined })],
    ['of another trusted issuer', () => jws(header(), payload({ iss: other.url }), es256(otherPair))],
    [
      'naming keys that nobody looks at',
      () => own(payload(), header({ jku: `${evil.url}/jwks`, jwk: jwkOf(attacker) })),
    ],
    ['of an OpenID provider', () => provider.tokenFor('dr-grey')],
  ])('opens the door: %s', async (_name, token) => {
    expect((await ask(patient(), bearer(await token()))).status).toBe(200);
    expect(evilRequests).toBe(0);
  });

  it.each(['bearer', 'BEARER', 'bEaReR'])('opens the door under the scheme %s', async (scheme) => {
    expect((await ask(patient(), [['Authorization', `${scheme} ${good()}`]])).status).toBe(200);
  });
});
