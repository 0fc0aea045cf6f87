import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type Gateway, serve } from '../../src/serve.ts';

let gateway: Gateway;
const folder = mkdtempSync(join(tmpdir(), 'writes-'));

beforeAll(async () => {
  const nobody = 'http://127.0.0.1:9'; // these requests are refused before anything is asked of anybody
  const place = { port: 0, upstreamUrl: `${nobody}/fhir`, issuer: nobody, auditUrl: `${nobody}/audit`, folder };
  gateway = await serve(gatewayConfig({ ...place, publicBaseUrl: 'http://127.0.0.1/fhir', paging: 'links' }));
});

afterAll(async () => {
  await gateway?.close();
  rmSync(folder, { recursive: true });
});

const json = { 'content-type': 'application/fhir+json' };

it.each([
  ['PUT', '/Patient/one', '{"resourceType":"Patient","id":"one"}'],
  ['PATCH', '/Patient/one', '[]'],
  ['DELETE', '/Patient/one', undefined],
  ['POST', '/Patient', '{"resourceType":"Patient"}'],
  ['POST', '', '{"resourceType":"Bundle","type":"batch"}'],
])('%s %s with what such a write brings is 405, not a complaint about its body', async (method, path, body) => {
  const answer = await fetch(`${gateway.url}${path}`, {
    method,
    headers: json,
    ...(body === undefined ? {} : { body }),
  });
  const { issue } = (await answer.json()) as { issue: [{ details: { coding: [{ code: string }] } }] };
  expect([answer.status, issue[0].details.coding[0].code]).toEqual([405, 'method-not-allowed']);
});

it('a search by POST in another form is 415', async () => {
  const answer = await fetch(`${gateway.url}/Patient/_search`, { method: 'POST', headers: json, body: '{}' });
  expect(answer.status).toBe(415);
});
