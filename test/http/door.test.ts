import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type Gateway, serve } from '../../src/serve.ts';

describe('the door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'door-'));
  let upstream: EmbeddedServer;
  let identity: IdentityProvider;
  let gateway: Gateway;
  let steward: string;

  beforeAll(async () => {
    upstream = await startEmbeddedServer({ resources: ['{"resourceType":"Patient","id":"one"}'] });
    const port = await freePort(0);
    const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
    identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
    const place = { port, publicBaseUrl, upstreamUrl: upstream.url, paging: 'offset', folder } as const;
    gateway = await serve(gatewayConfig({ ...place, issuer: identity.url, auditUrl: upstream.url }));
    steward = await identity.tokenFor('steward');
  });

  afterAll(async () => {
    await gateway?.close();
    await identity?.close();
    await upstream?.close();
    rmSync(folder, { recursive: true });
  });

  it('tells without a token what it serves', async () => {
    const { body } = await request(gateway.url)
      .get('/metadata')
      .expect(200)
      .expect('content-type', /application\/fhir\+json/);
    expect(body).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1', kind: 'instance' });
    expect(body.rest[0].resource.map(({ type }: { type: string }) => type)).not.toContain('Binary');
  });

  it('answers HEAD as GET, without the body', async () => {
    const get = await request(gateway.url).get('/Patient/one').auth(steward, { type: 'bearer' }).expect(200);
    const head = await request(gateway.url).head('/Patient/one').auth(steward, { type: 'bearer' }).expect(200);
    for (const header of ['etag', 'content-length', 'content-type', 'last-modified'])
      expect(head.headers[header]).toBe(get.headers[header]);
    expect(head.text ?? '').toBe('');
  });

  it('keeps answers out of caches and frames, on success and on refusal', async () => {
    for (const path of ['/Patient/one', '/Patient/nobody', '/nowhere', '/metadata']) {
      const { headers } = await request(gateway.url).get(path).auth(steward, { type: 'bearer' });
      expect(headers).toMatchObject({ 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  it('refuses writes, operations and batches by one constant answer each, and never passes them on', async () => {
    const before = [...upstream.repo.all('Patient')].length;
    for (const [method, path] of [
      ['post', '/Patient'],
      ['put', '/Patient/one'],
      ['patch', '/Patient/one'],
      ['delete', '/Patient/one'],
      ['post', '/'],
      ['get', '/Patient/one/$everything'],
      ['post', '/$graphql'],
    ] as const) {
      const { status, body } = await request(gateway.url)[method](path).auth(steward, { type: 'bearer' });
      expect([method, path, status >= 400 && status < 500, body.resourceType]).toEqual([
        method,
        path,
        true,
        'OperationOutcome',
      ]);
    }
    expect([...upstream.repo.all('Patient')].length).toBe(before);
  });

  it('is live, ready and measurable on its own listener, and nothing of that is on the data listener', async () => {
    await request(gateway.adminUrl).get('/live').expect(200, 'live\n');
    await request(gateway.adminUrl).get('/ready').expect(200, 'ready\n');
    const { text } = await request(gateway.adminUrl).get('/metrics').expect(200);
    expect(text).toContain('gateway_requests_total');
    expect(text).toContain('gateway_outbox_bytes');
    for (const path of ['/metrics', '/ready', '/live'])
      await request(new URL(gateway.url).origin).get(path).expect(404);
  });
});
