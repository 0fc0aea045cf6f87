import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { loadInto, peopleBundles, resourcesOf, syntheaBundles, textsOf } from '../../examples/demo/load.ts';
import { type Found, realClients } from '../contract/real-clients.ts';
import { type Searched, searchAll } from '../contract/walk.ts';
import { type Hapi, startHapi } from './hapi.ts';

const bundles = [...peopleBundles(), ...syntheaBundles()];
const resources = resourcesOf(bundles) as unknown as Found[];
const types = [...new Set(resources.map(({ resourceType }) => resourceType))].sort();
const idsOf = (type: string) => resources.filter(({ resourceType }) => resourceType === type).map(({ id }) => id);

describe('the embedded server and HAPI hold the same data and find it alike', () => {
  let hapi: Hapi;
  let embedded: EmbeddedServer;
  let both: readonly [Searched, Searched];

  beforeAll(async () => {
    hapi = await startHapi();
    await loadInto(hapi.url, bundles);
    embedded = await startEmbeddedServer({ resources: textsOf(bundles) });
    both = [
      { url: hapi.url, paging: 'link' },
      { url: embedded.url, paging: 'offset' },
    ];
  });

  afterAll(async () => {
    await hapi?.close();
    await embedded?.close();
  });

  it.each(types)('every %s', async (type) => {
    const [inHapi, inEmbedded] = await Promise.all(both.map((server) => searchAll(server, `${type}?_sort=_id`)));
    expect(inHapi?.map(unstamped)).toEqual(inEmbedded?.map(unstamped));
    expect(inHapi?.map(({ id }) => id)).toEqual(idsOf(type).sort());
  });

  it.each(idsOf('Patient'))('what is about patient %s', async (id) => {
    for (const type of ['Observation', 'Encounter', 'Condition', 'Claim', 'Consent', 'Provenance', 'Procedure']) {
      await expectAlike(`${type}?patient=Patient/${id}`);
    }
  });

  it('what belongs to an encounter', async () => {
    for (const id of idsOf('Encounter').slice(0, 30)) {
      for (const search of ['Observation?encounter', 'Claim?encounter', 'Condition?encounter', 'Provenance?target']) {
        await expectAlike(`${search}=Encounter/${id}`);
      }
    }
  });

  it.each(realClients)('$name follows the links of HAPI to the end', async (client) => {
    const { resources: found, pages } = await client.searchAll(hapi.url, undefined, 'Encounter', {
      _sort: '_id',
      _count: '40',
    });
    expect(found.map(({ id }) => id)).toEqual(idsOf('Encounter').sort());
    expect(pages).toBe(Math.ceil(found.length / 40));
    expect(await client.read(hapi.url, undefined, 'Patient', 'ada')).toMatchObject({ id: 'ada' });
  });

  async function expectAlike(query: string): Promise<void> {
    const [inHapi, inEmbedded] = await Promise.all(both.map((server) => searchAll(server, query)));
    expect({ query, ids: keysOf(inHapi) }).toEqual({ query, ids: keysOf(inEmbedded) });
  }
});

function keysOf(found: readonly Found[] | undefined): string[] {
  return (found ?? []).map(({ id }) => id).sort();
}

/** Without what each server stamps on what it stores; profiles and labels are sets (FHIR R4 Resource, Meta). */
function unstamped({ meta, ...resource }: Found): unknown {
  const { versionId, lastUpdated, source, ...kept } = (meta ?? {}) as Record<string, unknown>;
  const sets = Object.entries(kept).map(([name, items]) => [name, asSet(items)]);
  return { ...resource, meta: Object.fromEntries(sets) };
}

function asSet(items: unknown): unknown {
  return Array.isArray(items)
    ? items.map((item) => (typeof item === 'string' ? item : JSON.stringify(Object.entries(item).sort()))).sort()
    : items;
}
