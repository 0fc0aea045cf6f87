import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type Gateway, serve } from '../../src/serve.ts';
import { scenarioFiles } from '../scenarios/format.ts';
import { askerOf } from '../scenarios/requesters.ts';
import { audience, configOf } from '../scenarios/settings.ts';
import { worldOf } from '../scenarios/world.ts';
import { type Issuer, startIssuer } from '../twin/issuer.ts';

const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-inline-'));
const label = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'SDV' },
    },
  ],
};
const patient = (address: object): string =>
  JSON.stringify({ resourceType: 'Patient', id: 'moved', address: [address] });

let upstream: EmbeddedServer;
let issuer: Issuer;
let gateway: Gateway;

describe('versions of a resource with an element that was labelled later', () => {
  beforeAll(async () => {
    upstream = await startEmbeddedServer({ resources: [patient({ city: 'Shelbyville' })] });
    upstream.repo.put(patient({ ...label, city: 'Shelbyville' }));
    issuer = await startIssuer(audience);
    const port = await freePort(0);
    const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
    const place = {
      port,
      publicBaseUrl,
      upstreamUrl: upstream.url,
      issuer: issuer.url,
      auditUrl: upstream.url,
      folder,
    };
    gateway = await serve(configOf('elements-apart', place));
  });
  afterAll(async () => {
    await gateway?.close();
    await issuer?.close();
    await upstream?.close();
    rmSync(folder, { recursive: true });
  });

  const ask = async (path: string): Promise<{ status: number; text: string }> => {
    const [named] = scenarioFiles.flatMap(({ scenarios }) => scenarios);
    if (named === undefined) throw new Error('there are no scenarios');
    const { scenario } = named;
    const asker = askerOf({ ...scenario, when: { requester: 'dr-grey', request: '' } }, worldOf(named, 0), 0);
    const headers = { authorization: `Bearer ${await issuer.tokenFor(asker)}` };
    const answer = await fetch(`${gateway.url}/${path}`, { headers });
    return { status: answer.status, text: await answer.text() };
  };

  it('the current one is given without the element', async () => {
    const { status, text } = await ask('Patient/moved');
    expect(status).toBe(200);
    expect(text).not.toContain('Shelbyville');
  });

  it('none of them tells what the element says, although the first has no label', async () => {
    const { status, text } = await ask('Patient/moved/_history');
    expect(status).toBe(200);
    expect(text).not.toContain('Shelbyville');
    expect((JSON.parse(text) as { total: number }).total).toBe(1);
  });
});
