import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type Gateway, serve } from '../../src/serve.ts';

const rxnorm = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const medication = { resourceType: 'Medication', id: 'bup', code: { coding: [{ system: rxnorm, code: '1819' }] } };
const request = {
  resourceType: 'MedicationRequest',
  id: 'by-reference',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/ada' },
  medicationReference: { reference: 'Medication/bup' },
};
const test = {
  resourceType: 'Observation',
  id: 'by-identifier',
  status: 'final',
  code: { text: 'hemoglobin' },
  subject: { reference: 'Patient/ada' },
  basedOn: [{ identifier: { system: 'urn:orders', value: 'detox-17' }, display: 'Order of the detox ward' }],
  performer: [{ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9990000101' } }],
};

type Json = { readonly [name: string]: Json } & readonly Json[];

describe('what is referred to without being about anybody, or without saying what it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'products-'));
  let upstream: EmbeddedServer;
  let identity: IdentityProvider;
  let gateway: Gateway;

  beforeAll(async () => {
    const own = [medication, request, test].map((resource) => JSON.stringify(resource));
    upstream = await startEmbeddedServer({ resources: [...textsOf(peopleBundles()), ...own] });
    const port = await freePort(0);
    const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
    identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
    const place = { port, publicBaseUrl, upstreamUrl: upstream.url, paging: 'offset', folder } as const;
    gateway = await serve(gatewayConfig({ ...place, issuer: identity.url, auditUrl: upstream.url }));
  });

  afterAll(async () => {
    await gateway?.close();
    await identity?.close();
    await upstream?.close();
    rmSync(folder, { recursive: true });
  });

  const ask = async (requester: string, path: string): Promise<{ status: number; body: Json }> => {
    const headers = { authorization: `Bearer ${await identity.tokenFor(requester)}` };
    const answer = await fetch(`${gateway.url}/${path}`, { headers });
    return { status: answer.status, body: (await answer.json()) as Json };
  };
  const keys = ({ body }: { body: Json }): unknown[] =>
    (body.entry ?? []).map(({ resource }) => `${resource?.resourceType}/${resource?.id}`);

  it('a request for a sensitive drug by reference is as sensitive as the drug', async () => {
    expect((await ask('dr-grey', 'MedicationRequest/by-reference')).status).toBe(404);
    expect((await ask('summit', 'MedicationRequest/by-reference')).status).toBe(404);
  });

  it('whoever may have the request has it with the drug it names, and the drug with it', async () => {
    const read = await ask('harbor', 'MedicationRequest/by-reference');
    expect(read.body.medicationReference).toEqual({ reference: 'Medication/bup' });
    const found = await ask('harbor', 'MedicationRequest?_id=by-reference&_include=MedicationRequest:medication');
    const [match, product, notice] = keys(found);
    expect([match, product]).toEqual(['MedicationRequest/by-reference', 'Medication/bup']);
    expect(notice).toMatch(/^OperationOutcome\//); // 42 CFR 2.32
  });

  it('the drug by itself is nobody’s, so nobody’s Consent opens it', async () => {
    expect((await ask('harbor', 'Medication/bup')).status).toBe(404);
    expect((await ask('dr-grey', 'Medication/bup')).status).toBe(404);
    expect((await ask('steward', 'Medication/bup')).status).toBe(200);
  });

  it('an identifier that may name clinical data goes, one of a performer stays, and the patient keeps both', async () => {
    const { body } = await ask('dr-grey', 'Observation/by-identifier');
    expect(body).toMatchObject({ id: 'by-identifier', performer: test.performer });
    expect(body.basedOn).toBeUndefined();
    expect((await ask('ada', 'Observation/by-identifier')).body).toMatchObject({ basedOn: test.basedOn });
  });
});
