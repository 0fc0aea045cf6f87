import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { freePort } from '../../examples/demo/ports.ts';
import { type Place, startGateway } from '../services/place.ts';

/** A token counts at the listener that it is for, and at no other: data, services and administration have audiences of their own. */

interface Issuer {
  readonly url: string;
  steward(audience: string | readonly string[] | undefined, as?: string): Promise<string>;
  close(): void;
}

async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(publicKey)), use: 'sig', alg: 'ES256', kid: 'one' };
  const server = createServer((request, response) => {
    const about = request.url === '/jwks' ? { keys: [key] } : { issuer: url, jwks_uri: `${url}/jwks` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(about));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    steward(audience, as = url) {
      const claims = { roles: ['steward'], purpose_of_use: ['RECORDMGT'], client_id: 'app', scope: 'user/*.rs' };
      const token = new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'one' })
        .setIssuer(as)
        .setSubject('steward')
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('1h');
      if (audience !== undefined) token.setAudience(audience as string | string[]);
      return token.sign(privateKey);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let place: Place;
let hospital: Issuer;
let partner: Issuer;
let stranger: Issuer;
beforeAll(async () => {
  [hospital, partner, stranger] = await Promise.all([startIssuer(), startIssuer(), startIssuer()]);
  const port = await freePort(0);
  const issuerOf = ({ url }: Issuer) => ({
    issuer: url,
    allowInsecureHttp: true,
    presets: ['plain' as const],
    roles: { steward: 'steward' },
  });
  place = await startGateway({
    services: {
      audiences: ['urn:services'],
      administration: { publicBaseUrl: `http://127.0.0.1:${port}/steward`, port },
    },
    changes: {
      identity: { issuers: [issuerOf(hospital), { ...issuerOf(partner), audiences: ['urn:partner'] }] },
      limits: { failedTokensPerMinute: 0 },
    },
  });
}, 60_000);
afterAll(async () => {
  await place.close();
  for (const issuer of [hospital, partner, stranger]) issuer.close();
});

/** At the data, at the services and at the administration; twice, as a token that was taken once is remembered. */
async function taken(token: string): Promise<readonly number[]> {
  const review = { resources: ['Observation/ada-a1c'] };
  const statuses: number[][] = [];
  for (let time = 0; time < 2; time++)
    statuses.push([
      (await place.ask(`${place.fhirUrl}/Patient/ada`, { token })).status,
      (await place.ask('/patients/ada/in-force', { token })).status,
      (await place.ask(`${place.administrationUrl}/labels/review`, { token, body: review })).status,
    ]);
  expect(statuses[1]).toEqual(statuses[0]);
  return statuses[0] as number[];
}

describe('a token', () => {
  const fhir = () => place.config.listener.publicBaseUrl;
  it.each<[string, () => Promise<string>, readonly number[]]>([
    ['for the data', () => hospital.steward(fhir()), [200, 401, 401]],
    ['for the services', () => hospital.steward('urn:services'), [401, 200, 200]],
    ['for both', () => hospital.steward([fhir(), 'urn:services']), [200, 200, 200]],
    ['for the base of the services', () => hospital.steward(place.servicesUrl), [401, 401, 401]],
    ['for a part of the audience’s name', () => hospital.steward(['urn:service', 'urn:services/x']), [401, 401, 401]],
    ['for another issuer’s audience', () => hospital.steward('urn:partner'), [401, 401, 401]],
    ['for nobody in particular', () => hospital.steward(undefined), [401, 401, 401]],
    ['of the partner, for his audience', () => partner.steward('urn:partner'), [200, 401, 401]],
    ['of the partner, for the base of the data', () => partner.steward(fhir()), [401, 401, 401]],
    ['of the partner, for the services', () => partner.steward('urn:services'), [401, 200, 200]],
    ['of a stranger', () => stranger.steward([fhir(), 'urn:services']), [401, 401, 401]],
    [
      'of the partner in the hospital’s name',
      () => partner.steward([fhir(), 'urn:services'], hospital.url),
      [401, 401, 401],
    ],
  ])('%s', async (_what, token, expected) => {
    expect(await taken(await token())).toEqual(expected);
  });

  it('for all of them opens at each what is offered there, and nothing else', async () => {
    const url = place.fhirUrl.replace(/\/fhir$/, '');
    const token = await hospital.steward([fhir(), 'urn:services']);
    for (const path of ['/patients/ada/in-force', '/labels/review', '/access/v1/evaluation', '/steward/labels/review'])
      expect([path, (await place.ask(`${url}${path}`, { token })).status]).toEqual([path, 404]);
    const review = { resources: ['Observation/ada-a1c'] };
    expect((await place.ask('/labels/review', { token, body: review })).status).toBe(404);
    const fhirThere = `${place.administrationUrl}/Patient/ada`;
    expect((await place.ask(fhirThere, { token })).status).toBe(404);
  });
});
