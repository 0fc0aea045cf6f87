import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { appClientId, requesters } from '../../examples/demo/requesters.ts';

const fhirBase = 'http://127.0.0.1:8090/fhir';
const redirectUri = 'http://127.0.0.1:8099/app';
let provider: IdentityProvider;

beforeAll(async () => {
  provider = await startIdentityProvider({ fhirBase, redirectUris: [redirectUri], tokenLifetimeSeconds: 300 });
});

afterAll(() => provider.close());

async function verified(token: string) {
  const discovery = await fetch(`${provider.url}/.well-known/openid-configuration`);
  const { issuer, jwks_uri: keys } = (await discovery.json()) as { issuer: string; jwks_uri: string };
  return jwtVerify(token, createRemoteJWKSet(new URL(keys)), { issuer, audience: fhirBase, typ: 'at+jwt' });
}

describe('the embedded OpenID provider', () => {
  it.each(requesters.map(({ id }) => id))('%s gets a token that discovery and JWKS verify', async (id) => {
    const { payload } = await verified(await provider.tokenFor(id));
    const requester = requesters.find((candidate) => candidate.id === id);
    expect(payload).toMatchObject({ ...requester?.claims(fhirBase), sub: id });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    for (const scope of String(payload.scope).split(' ')) expect(requester?.scope.split(' ')).toContain(scope);
  });

  it('a system without its secret gets no token', async () => {
    const answer = await fetch(`${provider.url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('harbor:wrong').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.rs', resource: fhirBase }),
    });
    expect(answer.status).toBe(401);
  });

  it('a person signs in to the app by authorization code and PKCE, and the patient in context comes along', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const code = await authorize('ada', 'openid fhirUser launch/patient patient/*.rs', verifier);
    const answer = await fetch(`${provider.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: code ?? '',
        client_id: appClientId,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      }),
    });
    const body = (await answer.json()) as { access_token: string; id_token: string; patient: string };
    expect(body.patient).toBe('ada');
    const { payload } = await verified(body.access_token);
    expect(payload).toMatchObject({ sub: 'ada', fhirUser: 'Patient/ada', patient: 'ada', scope: 'patient/*.rs' });
  });

  it('a person gets no scope that is not hers', async () => {
    expect(await authorize('ada', 'openid user/*.rs', randomBytes(32).toString('base64url'))).toBeUndefined();
  });
});

/** Follows the redirects of the authorization endpoint as a browser would. */
async function authorize(user: string, scope: string, verifier: string): Promise<string | undefined> {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: appClientId,
    redirect_uri: redirectUri,
    scope,
    aud: fhirBase,
    state: 'state',
    login_hint: user,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const cookies = new Map<string, string>();
  let location = `${provider.url}/auth?${query}`;
  for (let step = 0; step < 10 && !location.startsWith(redirectUri); step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(location, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    location = new URL(answer.headers.get('location') ?? '', location).href;
  }
  return new URL(location).searchParams.get('code') ?? undefined;
}
