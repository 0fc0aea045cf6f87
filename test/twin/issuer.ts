import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { appClientId, requesters } from '../../examples/demo/requesters.ts';

/** Class of the sign-ins from which an emergency is accepted, where one is. */
export const emergencyAcr = 'urn:example:acr:two-factors';

/** One who asks: an access token's client, scope and further claims. */
export interface Asker {
  readonly id: string;
  /** Whose token it is, where that is not `id`. */
  readonly subject?: string;
  readonly client: string;
  readonly scope: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Issuer {
  readonly url: string;
  tokenFor(asker: Asker): Promise<string>;
  close(): Promise<void>;
}

const lifetimeSeconds = 3_600;

/** Signs JWT access tokens (RFC 9068) for whomever it is told to: discovery and keys over HTTP, on loopback. */
export async function startIssuer(audience: string): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(publicKey)), use: 'sig', alg: 'ES256', kid: 'twin' };
  const server = createServer((request, response) => {
    const about =
      request.url === '/jwks'
        ? { keys: [key] }
        : { issuer: url, jwks_uri: `${url}/jwks`, token_endpoint: `${url}/token` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(about));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    tokenFor: ({ id, subject, client, scope, claims }) =>
      new SignJWT({ ...claims, client_id: client, scope })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'twin' })
        .setIssuer(url)
        .setAudience(audience)
        .setSubject(subject ?? id)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(privateKey),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The demonstration's requesters, and people whose tokens are narrower than their roles. */
export function askers(fhirBase: string): readonly Asker[] {
  const known = requesters.map(
    ({ id, kind, scope, claims }): Asker => ({
      id,
      client: kind === 'system' ? id : appClientId,
      scope,
      claims: claims(fhirBase),
    }),
  );
  const like = (id: string, name: string, scope: string): Asker => {
    const asker = known.find((one) => one.id === id) as Asker;
    return { ...asker, id: name, subject: id, scope };
  };
  return [
    ...known,
    like('dr-grey', 'dr-grey-vitals', 'openid user/Observation.rs?category=vital-signs user/Patient.rs'),
    like('dr-grey', 'dr-grey-no-encounters', 'openid user/Observation.rs user/Patient.rs user/Condition.rs'),
    {
      ...like('dr-grey', 'dr-grey-of-ada', 'openid launch/patient patient/*.rs'),
      claims: { ...known.find(({ id }) => id === 'dr-grey')?.claims, patient: 'ada' },
    },
    {
      ...like('dr-grey', 'dr-grey-elsewhere', 'openid fhirUser user/*.rs'),
      claims: { ...known.find(({ id }) => id === 'dr-grey')?.claims, organization: 'Organization/summit' },
    },
    {
      ...like('dr-grey', 'dr-grey-at-the-desk', 'openid fhirUser user/*.rs'),
      claims: { ...known.find(({ id }) => id === 'dr-grey')?.claims, roles: ['front-desk'] },
    },
    {
      ...like('dr-grey', 'dr-grey-in-an-emergency', 'openid fhirUser user/*.rs'),
      claims: {
        ...known.find(({ id }) => id === 'dr-grey')?.claims,
        ...{ purpose_of_use: ['ETREAT'], acr: emergencyAcr, auth_time: Math.floor(Date.now() / 1_000) - 60 },
      },
    },
    like('ada', 'ada-observations', 'openid launch/patient patient/Observation.rs patient/Patient.rs'),
  ];
}
