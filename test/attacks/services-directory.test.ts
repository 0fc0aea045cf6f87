import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requesters } from '../../examples/demo/requesters.ts';
import { type Place, startGateway } from '../services/place.ts';

/** Who is who (`identity.organizations`), and for what a token is: the services go by the same as the data. */

const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const recipient = (reference: string) => ({
  role: { coding: [{ system: participation, code: 'IRCP' }] },
  reference: { reference },
});
const consentOf = (id: string, whose: string, provision: object) => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: `Patient/${whose}` },
  dateTime: '2024-01-01',
  policy: [{ uri: `https://policies.example/${id}` }],
  provision,
});
const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Sample' }] });

const ada = requesters.find(({ id }) => id === 'ada') as (typeof requesters)[number];
(requesters as (typeof ada)[]).push({
  ...ada,
  id: 'ada-consents-alone',
  scope: 'openid fhirUser launch/patient patient/Consent.rs patient/Patient.rs',
});

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources: [
      patient('pia'),
      patient('quin'),
      consentOf('pia-permits', 'pia', { type: 'permit' }),
      consentOf('pia-denies', 'pia', { type: 'deny', actor: [recipient('Organization/north')] }),
      consentOf('quin-permits', 'quin', { type: 'permit' }),
      consentOf('quin-denies', 'quin', { type: 'deny', actor: [recipient('Organization/north-group')] }),
      consentOf('ada-names', 'ada', {
        type: 'deny',
        actor: [recipient('Organization/north'), recipient('Practitioner/dr-north')],
      }),
      { resourceType: 'Organization', id: 'north', name: 'North Clinic' },
      { resourceType: 'Practitioner', id: 'dr-north', name: [{ text: 'Dr. North' }] },
    ],
    services: {
      grants: Object.fromEntries(['patient-consent-consult', 'explain', 'authzen'].map((n) => [n, ['steward']])),
    },
    authzen: (issuer) => ({ subjects: { user: { issuer, kind: 'person' } } }),
    changes: (issuer) => ({
      answers: { negativeGridMs: 0 },
      identity: {
        issuers: [
          {
            issuer,
            allowInsecureHttp: true,
            presets: ['plain'],
            roles: { clinician: 'clinician', steward: 'steward', patient: 'patient' },
          },
        ],
        organizations: [
          { id: 'Organization/north-group' },
          { id: 'Organization/north', identifiers: ['urn:registry|4711'], partOf: 'Organization/north-group' },
        ],
      },
    }),
  });
}, 60_000);
afterAll(() => place.close());

describe('an organization that is denied by the name that the Consent has for it', () => {
  const names = ['urn:registry|4711', 'Organization/north'];
  const cases = ['pia', 'quin'].flatMap((whose) => names.map((name) => [whose, name] as const));

  it.each(cases)('AuthZEN and explain: %s, of %s', async (whose, name) => {
    const properties = { roles: ['clinician'], organization: name, purpose_of_use: ['TREAT'] };
    const subject = { type: 'user', id: 'dr-north', properties };
    const evaluation = { subject, action: { name: 'read' }, resource: { type: 'Patient', id: whose } };
    const decided = await place.ask('/access/v1/evaluation', { as: 'steward', body: evaluation });
    expect(JSON.parse(decided.text).decision).toBe(false);
    const requester = { roles: ['clinician'], purposes: ['TREAT'], organization: name };
    const body = { requester, resources: [`Patient/${whose}`] };
    const explained = await place.ask(`/patients/${whose}/explain`, { as: 'steward', body });
    expect(JSON.parse(explained.text).resources[0].verdict).toBe('withheld');
  });

  it.each(cases)('patient-consent-consult: %s, of %s', async (whose, name) => {
    const [system, value] = name.split('|');
    const context = {
      actor: [value === undefined ? { value: system } : { system, value }],
      patientId: [{ value: `Patient/${whose}` }],
      purposeOfUse: ['TREAT'],
    };
    const body = { hook: 'patient-consent-consult', hookInstance: 'one', context };
    const { text } = await place.ask('/cds-services/patient-consent-consult', { as: 'steward', body });
    expect(JSON.parse(text).cards[0].extension.decision).toBe('CONSENT_DENY');
  });
});

describe('names of whom a Consent names', () => {
  it.each(['in-force', 'explain'])('are not for an app that has no scope for them: %s', async (service) => {
    const ask = (as: string) =>
      service === 'in-force'
        ? place.ask('/patients/ada/in-force?_format=text', { as })
        : place.ask('/patients/ada/explain', {
            as,
            body: {
              requester: { roles: ['clinician'], purposes: ['TREAT'], organization: 'Organization/north' },
              resources: ['Patient/ada'],
            },
          });
    for (const key of ['Organization/north', 'Practitioner/dr-north'])
      expect((await place.ask(`${place.fhirUrl}/${key}`, { as: 'ada-consents-alone' })).status).toBe(403);
    expect((await ask('ada')).text).toMatch(/North Clinic.*Dr\. North/s);
    const { status, text } = await ask('ada-consents-alone');
    expect([status, text.match(/North Clinic|Dr\. North/g)]).toEqual([200, null]);
  });
});
