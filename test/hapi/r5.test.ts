import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { search } from '../../examples/demo/ask.ts';
import { writeExact } from '../../examples/demo/embedded/exact.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type Gateway, serve } from '../../src/serve.ts';
import { keepEventsOf } from '../support/keep-events.ts';
import { askers, type Issuer, startIssuer } from '../twin/issuer.ts';
import { publicBase } from '../twin/messages.ts';
import { expectedOf, r5Full, r5Plain } from '../twin/r5-worlds.ts';
import { type Hapi, startHapi } from './hapi.ts';

type Json = Record<string, unknown> & { resourceType: string; id: string };

/** HAPI in R5 holds the worlds of R5's own elements: what was visible first, and what is hidden after it. */
describe('the gateway before HAPI FHIR JPA in R5', () => {
  let hapi: Hapi;
  let gateway: Gateway;
  let issuer: Issuer;
  let audit: EmbeddedServer;
  const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-hapi-r5-'));
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    hapi = await startHapi({ fhirVersion: 'R5' });
    // HAPI indexes a reference under what stands there at the time: a Consent before its patient is found by nobody.
    const all = [...r5Plain.resources, ...r5Full.resources];
    const isPatient = (text: string): boolean => (JSON.parse(text) as Json).resourceType === 'Patient';
    for (const text of [...all.filter(isPatient), ...all.filter((text) => !isPatient(text))]) await put(text);
    issuer = await startIssuer(publicBase);
    for (const asker of askers(publicBase)) tokens.set(asker.id, await issuer.tokenFor(asker));
    audit = await startEmbeddedServer();
    const place = { port: 0, publicBaseUrl: publicBase, upstreamUrl: hapi.url, paging: 'links', folder } as const;
    gateway = await serve(
      gatewayConfig(
        { ...place, issuer: issuer.url, auditUrl: audit.url },
        { upstream: { baseUrl: hapi.url, paging: 'links', fhirVersion: 'R5' } },
      ),
    );
  });

  afterAll(async () => {
    await gateway?.close();
    if (audit !== undefined) keepEventsOf('hapi-r5', audit);
    await audit?.close();
    await issuer?.close();
    await hapi?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function put(text: string): Promise<void> {
    const { resourceType, id } = JSON.parse(text) as Json;
    const answer = await fetch(`${hapi.url}/${resourceType}/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: text,
    });
    if (!answer.ok) throw new Error(`PUT ${resourceType}/${id}: ${answer.status} ${await answer.text()}`);
  }
  const bearer = (asker: string) => ({ authorization: `Bearer ${tokens.get(asker)}` });
  const ask = async (asker: string, path: string): Promise<{ status: number; body: Json & { entry?: unknown[] } }> => {
    const answer = await fetch(`${gateway.url}/${path}`, { headers: bearer(asker) });
    return { status: answer.status, body: (await answer.json()) as Json };
  };
  const keys = async (asker: string, path: string): Promise<string[]> => {
    const { status, body } = await ask(asker, path);
    expect({ path, status }).toEqual({ path, status: 200 });
    const entries = (body.entry ?? []) as { resource: Json }[];
    return entries.map(({ resource }) => `${resource.resourceType}/${resource.id}`).sort();
  };

  it.each([
    ...['Encounter', 'Observation', 'Condition', 'MedicationRequest', 'MedicationAdministration', 'Procedure'],
    ...['DeviceUsage', 'EncounterHistory', 'NutritionIntake', 'RequestOrchestration', 'Appointment'],
  ])('gives Dr. Grey every %s that she may know of, and no other', async (type) => {
    expect(await keys('dr-grey', `${type}?_count=200`)).toEqual([...expectedOf('dr-grey', type)].sort());
  });

  it('gives a page and a total of what she may know of', async () => {
    const expected = expectedOf('dr-grey', 'Observation').length;
    const { body } = await ask('dr-grey', 'Observation?_count=1&_total=accurate');
    expect({ total: body.total, entries: body.entry?.length }).toEqual({ total: expected, entries: 1 });
  });

  it('hides what names a hidden medication, and what a Consent keeps by its label', async () => {
    for (const id of ['med-ref', 'med-code', 'med-why', 'gil-antiviral'])
      expect((await ask('dr-grey', `MedicationRequest/${id}`)).status).toBe(404);
    expect((await ask('dr-grey', 'Medication/antiviral')).status).toBe(200);
    expect(await keys('dr-grey', 'MedicationRequest?medication=Medication/antiviral')).toEqual([]);
  });

  it('searches by the parameters of R5', async () => {
    expect(await keys('dr-grey', 'Encounter?date=2025-05&_id=v,w')).toEqual(['Encounter/v']);
    expect(await keys('dr-grey', 'Encounter?reason-reference=Condition/w-c')).toEqual([]);
    expect(await keys('dr-grey', 'Procedure?date=2025-05')).toEqual(['Procedure/done']);
  });

  it('includes over a CodeableReference what is visible, forwards and back', async () => {
    expect(
      await keys('dr-grey', 'MedicationRequest?_id=med-shown,med-ref&_include=MedicationRequest:medication'),
    ).toEqual(['Medication/amlodipine', 'MedicationRequest/med-shown']);
    expect(await keys('dr-grey', 'Medication?_id=antiviral&_revinclude=MedicationRequest:medication')).toEqual([
      'Medication/antiviral',
    ]);
  });

  it('shows of a resource’s history what each version may tell', async () => {
    const { status, body } = await ask('dr-grey', 'Encounter/speaks-visit/_history');
    expect(status).toBe(200);
    const versions = (body.entry as { resource: Json }[]).map(({ resource }) => resource);
    expect(versions.length).toBeGreaterThan(0);
    expect(JSON.stringify(versions)).not.toContain('w-c');
    expect((await ask('dr-grey', 'Encounter/w/_history')).status).toBe(404);
  });

  it('permits a partner what an R5 Consent permits, of its period alone, and hides who decided to deny', async () => {
    expect(await keys('harbor', 'Encounter?patient=dora')).toEqual(['Encounter/dora-e2025']);
    expect(await keys('harbor', 'Procedure?patient=dora')).toEqual(['Procedure/dora-p2025', 'Procedure/dora-q2025']);
    expect(await keys('harbor', 'Encounter?patient=ada')).toEqual([]);
    for (const path of ['Patient/eve', 'Appointment/ap-secret', 'BiologicallyDerivedProductDispense/bd-secret'])
      expect((await ask('dr-grey', path)).status).toBe(404);
  });

  it('gives a cleared requester what HAPI holds, member for member', async () => {
    const query = 'Encounter?patient=ada&_sort=_id&_count=100';
    const upstream = await search(`${hapi.url}/${query}`, {});
    const found = await search(`${gateway.url}/${query}`, bearer('steward'));
    expect(found.ids).toEqual(upstream.ids);
    expect(found.ids).toContain('w');
    for (const [index, resource] of found.resources.entries())
      expect(writeExact(resource)).toBe(writeExact(upstream.resources[index] ?? {}));
  });

  it('has recorded what it disclosed', async () => {
    await ask('dr-grey', 'Encounter/v');
    let events: readonly string[] = [];
    for (let tries = 0; tries < 100 && events.length === 0; tries++) {
      const found = await search(`${audit.url}/AuditEvent?entity=Encounter/v&_count=1000`, {});
      events = found.ids;
      if (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(events.length).toBeGreaterThan(0);
  });

  it('says that it speaks R5', async () => {
    const { body } = await ask('dr-grey', 'metadata');
    expect(body.fhirVersion).toBe('5.0.0');
  });
});
