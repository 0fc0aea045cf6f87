import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, patientsOf, startGateway } from '../services/place.ts';

/** An explanation calls those whom a Consent names by their names. What is about a patient has a name that is hers. */

const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const consentOf = (id: string, whose: string, provision: object) => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: `Patient/${whose}` },
  dateTime: '2024-01-01',
  policy: [{ uri: 'https://policies.example/one' }],
  provision,
});
const team = {
  resourceType: 'CareTeam',
  id: 'of-quin',
  status: 'active',
  name: 'Quin in recovery',
  subject: { reference: 'Patient/quin' },
};
const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Sample' }] });
const weight = {
  resourceType: 'Observation',
  id: 'pia-weight',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/pia' },
};
const requester = { roles: ['clinician'], purposes: ['TREAT'], organization: 'Organization/mercy-hospital' };
const draft = {
  ...consentOf('draft', 'pia', { type: 'permit' }),
  status: 'draft',
  policy: [{ uri: 'https://policies.example/two' }],
};

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources: [
      patient('pia'),
      patient('quin'),
      team,
      weight,
      consentOf('pia-permits', 'pia', {
        type: 'permit',
        actor: [
          {
            role: { coding: [{ system: participation, code: 'IRCP' }] },
            reference: { reference: 'CareTeam/of-quin' },
          },
        ],
      }),
      consentOf('quin-says', 'quin', { type: 'permit' }),
    ],
    services: { grants: { explain: ['clinician'], simulate: ['clinician'], 'in-force': ['clinician'] } },
    changes: { answers: { negativeGridMs: 0 } },
  });
}, 60_000);
afterAll(() => place.close());

describe('a name that is about somebody else', () => {
  it('is given by the data to whom she permits it', async () => {
    const { text } = await place.ask(`${place.fhirUrl}/CareTeam/of-quin`, { as: 'dr-grey' });
    expect(text).toContain('Quin in recovery');
  });

  it.each<[string, object | undefined]>([
    ['explain', { requester, resources: ['Observation/pia-weight'] }],
    ['simulate', { requesters: { grey: requester }, consents: [draft], resources: ['Observation/pia-weight'] }],
    ['in-force?_format=text', undefined],
  ])('is in nobody else’s answer: %s', async (path, body) => {
    const { result, events } = await place.eventsOf(() =>
      place.ask(`/patients/pia/${path}`, { as: 'dr-grey', ...(body && { body }) }),
    );
    expect(result.status).toBe(200);
    expect(result.text).not.toContain('Quin');
    expect([...new Set(events.flatMap(patientsOf))]).toEqual(['Patient/pia']);
  });
});
