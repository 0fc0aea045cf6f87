import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appClientId } from '../../examples/demo/requesters.ts';
import { detailsOf, type Place, patientsOf, startGateway } from './place.ts';

describe('the record, asked over HTTP', () => {
  let place: Place;

  beforeAll(async () => {
    place = await startGateway({
      services: { grants: { 'record-accounting': ['counselor'], 'record-received': ['counselor'] } },
    });
    for (const as of ['dr-grey', 'ada']) {
      const found = await place.ask(`${place.fhirUrl}/Observation/ada-a1c`, { as });
      expect(found.status).toBe(200);
    }
    expect((await place.ask(`${place.fhirUrl}/Condition/ada-oud`, { as: 'dr-grey' })).status).toBe(404);
  }, 60_000);
  afterAll(() => place.close());

  it('lets a patient see who has seen her record, without any role', async () => {
    const { result, events } = await place.eventsOf(() => place.ask('/record/patients/ada/seen', { as: 'ada' }));
    expect(result.status).toBe(200);
    const seen = JSON.parse(result.text) as { who: string; byHerself: boolean; what: string[] }[];
    expect(seen.map(({ byHerself, what }) => [byHerself, what])).toEqual([
      [true, ['Observation']],
      [false, ['Observation']],
    ]);
    expect(result.text).not.toContain('ada-oud'); // what was withheld from others is no concern of this view
    expect(patientsOf(events[0] as (typeof events)[number])).toEqual(['Patient/ada']);
    expect(detailsOf(events[0] as (typeof events)[number])).toContain('asked=seen');
  });

  it("shows nobody another's", async () => {
    for (const as of ['ada', 'dr-grey']) {
      expect((await place.ask('/record/patients/ben/seen', { as })).status).toBe(403);
    }
  });

  it('accounts to whom it is granted, as JSON, text, HTML and FHIR, and records that it did', async () => {
    const types = { json: 'application/json', text: 'text/plain', html: 'text/html', fhir: 'application/fhir+json' };
    for (const [format, type] of Object.entries(types)) {
      const { result, events } = await place.eventsOf(() =>
        place.ask(`/record/patients/ada/accounting?format=${format}`, { as: 'sam-nwosu' }),
      );
      expect([result.status, result.headers.get('content-type')]).toEqual([200, `${type}; charset=utf-8`]);
      const told = events.find((one) => detailsOf(one).includes('asked=accounting'));
      expect(told && patientsOf(told)).toEqual(['Patient/ada']);
    }
    expect((await place.ask('/record/patients/ada/accounting', { as: 'dr-grey' })).status).toBe(403);
    expect((await place.ask('/record/patients/ada/accounting', { as: 'ada' })).status).toBe(403);
  });

  it('says what a client received, to whom that is granted', async () => {
    const answer = await place.ask(`/record/clients/${encodeURIComponent(appClientId)}/received`, {
      as: 'sam-nwosu',
    });
    expect(JSON.parse(answer.text)).toMatchObject({ patients: [{ patient: 'Patient/ada' }] });
  });

  it('keeps what nobody was granted to those with the unrestricted grant', async () => {
    expect((await place.ask('/record/access-review', { as: 'sam-nwosu' })).status).toBe(403);
  });

  it.each([
    'law=none',
    'format=xml',
    'from=yesterday',
    'from=2026-01-01&from=2026-01-02',
    'unknown=1',
    'dormant-days=1',
  ])('takes no %s', async (query) => {
    const answer = await place.ask(`/record/patients/ada/accounting?${query}`, { as: 'sam-nwosu' });
    expect(answer.status).toBe(400);
  });
});
