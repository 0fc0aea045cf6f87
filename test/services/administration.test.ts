import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../examples/demo/ports.ts';
import { requesters } from '../../examples/demo/requesters.ts';
import { detailsOf, type Place, startGateway } from './place.ts';

/** Administration on a listener of its own (`services.administration`): the same tokens, grants and record, reached by others. */

const wrong = {
  resourceType: 'Observation',
  id: 'labelled-wrongly',
  meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' }] },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/ada' },
};
const review = { resources: ['Observation/labelled-wrongly'] };
const proposal = { resource: 'Observation/labelled-wrongly', label: wrong.meta.security[0], reason: 'mixed up, 4711' };

describe('administration on a listener of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'administration-'));
  const writeAuthorizationFile = join(folder, 'writer');
  let place: Place;
  let port: number;
  beforeAll(async () => {
    const steward = requesters.find(({ id }) => id === 'steward') as (typeof requesters)[number];
    (requesters as (typeof steward)[]).push({ ...steward, id: 'second-steward' });
    writeFileSync(writeAuthorizationFile, 'Bearer may-write\n');
    port = await freePort(0);
    place = await startGateway({
      resources: [wrong],
      services: { administration: { publicBaseUrl: `http://127.0.0.1:${port}/steward`, port } },
      changes: { labels: { writeAuthorizationFile }, answers: { negativeGridMs: 0 } },
    });
  }, 60_000);
  afterAll(async () => {
    await place.close();
    rmSync(folder, { recursive: true });
  });
  const ask = (path: string, as: string | undefined, body?: object) =>
    place.ask(`${place.administrationUrl}${path}`, { ...(as && { as }), ...(body && { body }) });

  it('is where it was configured, and not where probes and metrics are', async () => {
    expect(place.administrationUrl).toBe(`http://127.0.0.1:${port}/steward`);
    for (const path of ['/live', '/ready', '/metrics']) expect((await ask(path, 'steward')).status).toBe(404);
  });

  it('takes labels away there, by two stewards with tokens of a configured issuer, each recorded', async () => {
    const { result: told, events } = await place.eventsOf(() => ask('/labels/review', 'steward', review));
    expect([told.status, JSON.parse(told.text).resources[0].resource]).toEqual([200, 'Observation/labelled-wrongly']);
    expect(events.flatMap(detailsOf).join()).toContain('Observation/labelled-wrongly');
    const proposed = await ask('/labels/downgrades', 'steward', proposal);
    expect(proposed.status).toBe(200);
    const confirmed = await place.eventsOf(() =>
      ask('/labels/downgrades/confirm', 'second-steward', { proposal: JSON.parse(proposed.text).proposal }),
    );
    expect(confirmed.result.status).toBe(200);
    expect(confirmed.events.flatMap(detailsOf).join()).toContain('mixed up, 4711');
    expect(place.relay.origin.repo.current('Observation', 'labelled-wrongly')?.text).not.toContain('HIV');
  });

  it.each(['/labels/review', '/labels/downgrades'])(
    'refuses %s without a token, and without the grant',
    async (path) => {
      const body = path.endsWith('review') ? review : proposal;
      expect((await ask(path, undefined, body)).status).toBe(401);
      for (const as of ['dr-grey', 'harbor', 'ada'])
        expect([as, (await ask(path, as, body)).status]).toEqual([as, 403]);
    },
  );

  it('offers labels on the services listener no more', async () => {
    for (const path of ['/labels/review', '/labels/downgrades', '/labels/downgrades/confirm'])
      expect([path, (await place.ask(path, { as: 'steward', body: review })).status]).toEqual([path, 404]);
  });

  it('offers what patients may ask of their own on both, and decisions for other systems on the other alone', async () => {
    const own = '/patients/ada/in-force';
    expect((await ask(own, 'ada')).status).toBe(200);
    expect((await place.ask(own, { as: 'ada' })).status).toBe(200);
    const consult = '/cds-services';
    expect((await place.ask(consult)).status).toBe(200);
    expect((await ask(consult, 'steward')).status).toBe(404);
  });
});

it('without one, labels are on the services listener', async () => {
  const place = await startGateway({ resources: [wrong] });
  expect(place.administrationUrl).toBeUndefined();
  expect((await place.ask('/labels/review', { as: 'steward', body: review })).status).toBe(200);
  await place.close();
}, 60_000);
