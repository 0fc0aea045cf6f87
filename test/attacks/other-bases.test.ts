import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type Gateway, serve } from '../../src/serve.ts';

const former = 'https://former.example/fhir';
const stored = [
  {
    resourceType: 'Observation',
    id: 'weight-then',
    status: 'final',
    code: { text: 'weight' },
    subject: { reference: `${former}/Patient/ada` },
    encounter: { reference: `${former}/Encounter/ada-enc-lakeside` },
  },
  {
    resourceType: 'RelatedPerson',
    id: 'other-guardian',
    active: true,
    patient: { reference: `${former}/Patient/cy` },
    relationship: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'GUARD' }] }],
  },
];
const folder = mkdtempSync(join(tmpdir(), 'other-bases-'));
const closers: (() => Promise<unknown>)[] = [];
let upstream: EmbeddedServer;
let identity: IdentityProvider;

beforeAll(async () => {
  upstream = await startEmbeddedServer({
    resources: [...textsOf(peopleBundles()), ...stored.map((one) => JSON.stringify(one))],
  });
  closers.push(upstream.close);
});

afterAll(async () => {
  for (const close of closers.reverse()) await close();
  rmSync(folder, { recursive: true });
});

async function gatewayKnowing(otherBaseUrls: readonly string[], name: string): Promise<Gateway> {
  const port = await freePort(0);
  const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
  identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
  const place = { port, publicBaseUrl, upstreamUrl: upstream.url, paging: 'offset', folder } as const;
  const gateway = await serve(
    gatewayConfig(
      { ...place, folder: join(folder, name), issuer: identity.url, auditUrl: upstream.url },
      { upstream: { baseUrl: upstream.url, paging: 'offset', otherBaseUrls: [...otherBaseUrls] } },
    ),
  );
  closers.push(identity.close, () => gateway.close());
  return gateway;
}

it('a reference below a former name of the FHIR server leads to what is labelled there', async () => {
  const read = async (gateway: Gateway, requester: string): Promise<number> => {
    const headers = { authorization: `Bearer ${await identity.tokenFor(requester)}` };
    return (await fetch(`${gateway.url}/Observation/weight-then`, { headers })).status;
  };
  const knowing = await gatewayKnowing([former], 'knowing');
  expect([await read(knowing, 'dr-grey'), await read(knowing, 'harbor'), await read(knowing, 'ada')]).toEqual([
    404, 200, 200,
  ]);
  // Not told of it, the gateway cannot say whose it is: then it is nobody's.
  const unaware = await gatewayKnowing([], 'unaware');
  expect([await read(unaware, 'dr-grey'), await read(unaware, 'harbor'), await read(unaware, 'ada')]).toEqual([
    404, 404, 404,
  ]);
});
