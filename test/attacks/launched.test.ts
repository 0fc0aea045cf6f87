import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requesters } from '../../examples/demo/requesters.ts';
import { startWorld, type World } from '../../examples/demo/world.ts';

/** Dr. Grey's app, launched for Dee: what the doctor may know of others is not for this app. */
let world: World;

beforeAll(async () => {
  const grey = requesters.find(({ id }) => id === 'dr-grey') as (typeof requesters)[number];
  (requesters as (typeof grey)[]).push({
    ...grey,
    id: 'launched',
    scope: 'openid fhirUser launch/patient patient/*.rs',
    claims: (base) => ({ ...grey.claims(base), patient: 'dee' }),
  });
  world = await startWorld({ anyPorts: true });
  const ada = { reference: 'Patient/ada', display: 'Ada Sample' };
  const dee = { reference: 'Patient/dee' };
  await store({
    resourceType: 'List',
    id: 'rounds',
    status: 'current',
    mode: 'working',
    entry: [{ item: dee }, { item: { reference: 'Observation/ada-a1c', display: 'Ada’s A1c' } }],
  });
  await store({
    resourceType: 'Appointment',
    id: 'class',
    status: 'booked',
    participant: [
      { actor: dee, status: 'accepted' },
      { actor: ada, status: 'accepted' },
    ],
  });
  await store({
    resourceType: 'Coverage',
    id: 'shared',
    status: 'active',
    beneficiary: dee,
    subscriber: ada,
    payor: [{ reference: 'Organization/mercy-hospital' }],
  });
});
afterAll(async () => {
  await world.close();
});

async function store(resource: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${world.upstreamUrl}/${resource.resourceType}/${resource.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });
  expect(answer.status).toBeLessThan(300);
}

async function ask(path: string, who: string): Promise<string> {
  const answer = await fetch(`${world.gatewayUrl}/${path}`, {
    headers: { authorization: `Bearer ${world.tokens.get(who)}` },
  });
  expect(answer.status).toBe(200);
  return answer.text();
}

test.each(['List/rounds', 'Appointment/class', 'Coverage/shared'])(
  '%s names nobody but the patient of the launch',
  async (path) => {
    expect(await ask(path, 'launched')).toContain('Patient/dee');
    expect(await ask(path, 'launched')).not.toMatch(/ada/i);
    expect(await ask(path, 'dr-grey')).toMatch(/ada/i);
  },
);

test.each(['Appointment?actor=Patient/ada', 'Coverage?subscriber=Patient/ada'])('%s finds nothing', async (path) => {
  expect(JSON.parse(await ask(path, 'launched'))).toMatchObject({ total: 0 });
  expect(JSON.parse(await ask(path, 'dr-grey')).total).toBeGreaterThan(0);
});
