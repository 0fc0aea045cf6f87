import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../examples/demo/ports.ts';
import { consent, everybody, mrn } from '../consent/registry.ts';
import { type Bench, pause, startBench, until } from '../failure/bench.ts';
import { type Hapi, startHapi } from './hapi.ts';

/** A registry that is a real server: how it tells what changed, and whom it calls, is its own doing. */
describe('HAPI FHIR JPA as a consent store', () => {
  let hapi: Hapi;
  let bench: Bench;
  let folder: string;

  const put = async (resource: { readonly resourceType: string; readonly id: string }): Promise<void> => {
    const answer = await fetch(`${hapi.url}/${resource.resourceType}/${resource.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(resource),
    });
    if (!answer.ok)
      throw new Error(`PUT ${resource.resourceType}/${resource.id}: ${answer.status} ${await answer.text()}`);
  };
  const remove = (id: string) => fetch(`${hapi.url}/Consent/${id}`, { method: 'DELETE' });
  const asked = async (): Promise<number> => (await bench.ask('Observation/ada-a1c', { as: 'summit' })).status;
  const setConsent = (status: string) => put(consent({ whose: 'Patient/77', recipient: 'Organization/s', status }));

  const open = async (changes: string, more: Record<string, unknown> = {}): Promise<void> => {
    await bench?.close();
    bench = await startBench({
      changes: {
        ...more,
        consent: {
          maximumAgeMs: 300_000,
          changesEveryMs: 200,
          stores: [
            {
              name: 'registry',
              baseUrl: hapi.url,
              otherBaseUrls: [],
              fhirVersion: 'R4',
              paging: 'links',
              patients: { by: 'identifier', systems: [mrn] },
              changes,
              ...(more.store as object),
            },
          ],
          ...(more.consent as object),
        },
      },
    });
    bench.relay.origin.repo.delete('Consent', 'ada-consent-exchange');
  };

  beforeAll(async () => {
    hapi = await startHapi({ subscriptions: true });
    for (const one of everybody) await put(one);
    folder = mkdtempSync(join(tmpdir(), 'consent-gateway-hapi-'));
  });
  afterAll(async () => {
    await bench?.close();
    await hapi?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['history', 'lastUpdated'])(
    'is heard by its %s: a revocation and a new permit count at once',
    async (changes) => {
      await setConsent('active');
      await open(changes);
      expect(await asked()).toBe(200);
      await pause(1_000);
      await setConsent('inactive');
      await until('the revocation counts', async () => (await asked()) === 404);
      await setConsent('active');
      await until('the permit counts', async () => (await asked()) === 200);
    },
  );

  it('is heard of a deletion by its history', async () => {
    await setConsent('active');
    await open('history');
    expect(await asked()).toBe(200);
    await pause(1_000);
    await remove('c1');
    await until('the deletion counts', async () => (await asked()) === 404);
  });

  it('has its many Consents read whole, over all pages', async () => {
    for (let index = 0; index < 230; index++)
      await put(consent({ id: `many-${index}`, whose: 'Patient/77', recipient: 'Organization/x', status: 'inactive' }));
    await put(consent({ id: 'many-z', whose: 'Patient/77', recipient: 'Organization/s' }));
    await open('none');
    expect(await asked()).toBe(200);
    for (let index = 0; index < 230; index++) await remove(`many-${index}`);
    await remove('many-z');
  });

  it('takes the Subscription and calls: a revocation counts without being asked for', async () => {
    await setConsent('active');
    const port = await freePort(0);
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 'a secret of the subscription, 32 characters and more');
    const endpoint = `http://127.0.0.1:${port}/consent-changes/registry`;
    await open('history', {
      admin: { port },
      consent: { changesEveryMs: 60_000 },
      store: { subscription: { endpoint, secretFile, renewMs: 1_000 } },
    });
    const subscription = async (): Promise<string> => (await fetch(`${hapi.url}/Subscription`)).text();
    await until('HAPI has made it active', async () => /"status":\s*"active"/.test(await subscription()), 30_000);
    await pause(1_500); // its registry takes a moment
    expect(await asked()).toBe(200);
    await setConsent('inactive');
    await until('the revocation counts', async () => (await asked()) === 404, 15_000);
  });
});
