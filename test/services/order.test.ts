import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requesters } from '../../examples/demo/requesters.ts';
import { type Place, startGateway } from './place.ts';

const part2 = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' };
const observation = (id: string) => ({
  resourceType: 'Observation',
  id,
  meta: { security: [part2] },
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/ada' },
});

describe('an order under subpart E of 42 CFR Part 2, over HTTP', () => {
  let place: Place;
  beforeAll(async () => {
    const meridian = requesters.find(({ id }) => id === 'meridian') as (typeof requesters)[number];
    const { claims } = meridian;
    // The system of a court, for these tests.
    Object.assign(meridian, {
      claims: (fhirBase: string) => JSON.parse(JSON.stringify(claims(fhirBase)).replaceAll('HRESCH', 'HLEGAL')),
    });
    const recipients = ['Organization/meridian-institute'];
    const approved = ['Observation/ordered'];
    place = await startGateway({
      changes: {
        part2: {
          orders: [
            { id: 'order-12', section: '2.64', instrument: 'subpoena 12', recipients, approved, until: '2090-12-31' },
          ],
        },
        answers: { negativeGridMs: 0 },
      },
      resources: [observation('ordered'), observation('not-ordered')],
    });
  });
  afterAll(() => place.close());

  const read = (path: string, as: string) => place.ask(`${place.fhirUrl}/${path}`, { as });

  it('opens what was approved, by name in the record, and nothing beside it', async () => {
    const { result, events } = await place.eventsOf(() => read('Observation/ordered', 'meridian'));
    expect(result.status).toBe(200);
    expect(JSON.stringify(events)).toContain('order-12');
    for (const path of ['Observation/not-ordered', 'Patient/ada', 'Observation/ada-drug-screen'])
      expect((await read(path, 'meridian')).status).toBe(404);
    const found = JSON.parse((await read('Observation?patient=ada', 'meridian')).text) as {
      entry: { resource: { id: string; resourceType: string } }[];
    };
    const ids = found.entry
      .filter(({ resource }) => resource.resourceType === 'Observation')
      .map(({ resource }) => resource.id);
    expect(ids).toEqual(['ordered']);
  });

  it('opens it to nobody else', async () => {
    for (const as of ['summit', 'dr-grey']) expect((await read('Observation/ordered', as)).status).toBe(404);
  });
});
