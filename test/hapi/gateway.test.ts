import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { search } from '../../examples/demo/ask.ts';
import { writeExact } from '../../examples/demo/embedded/exact.ts';
import { tour } from '../../examples/demo/tour.ts';
import { startWorld, type World } from '../../examples/demo/world.ts';
import { realClients } from '../contract/real-clients.ts';
import { keepEventsOf } from '../support/keep-events.ts';
import { type Hapi, startHapi } from './hapi.ts';

describe('the gateway before HAPI FHIR JPA', () => {
  let hapi: Hapi;
  let world: World;

  beforeAll(async () => {
    hapi = await startHapi();
    world = await startWorld({ anyPorts: true, upstreamUrl: hapi.url, paging: 'links' });
  });

  afterAll(async () => {
    if (world !== undefined) keepEventsOf('hapi-gateway', world.audit);
    await world?.close();
    await hapi?.close();
  });

  const bearer = (requester: string) => ({ authorization: `Bearer ${world.tokens.get(requester)}` });

  it('gives every requester what expected.yaml states, recorded', async () => {
    expect(await tour(world, () => {})).toEqual([]);
  });

  it.each(realClients)('$name follows the gateway’s links to the end, as the steward', async (client) => {
    const all = await search(`${hapi.url}/Encounter?_sort=_id&_count=500`, {});
    const token = world.tokens.get('steward');
    const found = await client.searchAll(world.gatewayUrl, token, 'Encounter', { _sort: '_id', _count: '40' });
    expect(found.resources.map(({ id }) => id)).toEqual(all.ids);
    expect(found.pages).toBe(Math.ceil(all.ids.length / 40));
    expect(await client.read(world.gatewayUrl, token, 'Patient', 'ada')).toMatchObject({ id: 'ada' });
  });

  it.each(realClients)('$name gets as Ada her own Observations, and as Dr. Grey fewer', async (client) => {
    const idsFor = async (requester: string) => {
      const token = world.tokens.get(requester);
      const { resources } = await client.searchAll(world.gatewayUrl, token, 'Observation', {
        patient: 'ada',
        _count: '2',
      });
      return resources.map(({ id }) => id).sort();
    };
    const ordinary = ['ada-a1c', 'ada-bilirubin', 'ada-blood-pressure', 'ada-creatinine', 'ada-hiv-test'];
    expect(await idsFor('ada')).toEqual([...ordinary, 'ada-drug-screen', 'ada-lakeside-weight'].sort());
    expect(await idsFor('dr-grey')).toEqual(ordinary);
  });

  it('gives a cleared requester 500 Synthea resources and more exactly, digit for digit', async () => {
    let compared = 0;
    for (const type of ['Observation', 'Claim', 'Encounter', 'DiagnosticReport', 'MedicationRequest']) {
      const query = `${type}?_sort=_id&_count=200`;
      const upstream = await search(`${hapi.url}/${query}`, {});
      const found = await search(`${world.gatewayUrl}/${query}`, bearer('steward'));
      expect(found.ids).toEqual(upstream.ids);
      for (const [index, resource] of found.resources.entries()) {
        expect(writeExact(resource)).toBe(writeExact(upstream.resources[index] ?? {}));
        compared++;
      }
    }
    expect(compared).toBeGreaterThanOrEqual(500);
  });
});
