import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type KeyServer, startKeyServer } from '../authenticate/place.ts';
import { claimsOf, es256, jws, type Pair, pairFor, publicJwk } from '../authenticate/sign.ts';
import { type Place, startGateway } from '../services/place.ts';

/** A patient asks about her record where more is hidden from her than one answer explains: as if it were not there. */

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const weight = (id: string, more: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/ada' },
  ...more,
});
const many = Array.from({ length: 600 }, (_, index) =>
  weight(`kept-${index}`, { meta: { security: [{ system: actCode, code: 'NOPAT' }] } }),
);
/** Concerns nobody who is asked about: it changes no verdict. */
const elsewhere = {
  resourceType: 'Consent',
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: 'Patient/ada' },
  dateTime: '2026-03-02',
  policyRule: { coding: [{ system: actCode, code: 'OPTIN' }] },
  provision: {
    type: 'permit',
    purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HRESCH' }],
  },
};
const keptConsent = { ...elsewhere, id: 'ada-kept', meta: { security: [{ system: actCode, code: 'NOPAT' }] } };

let full: Place;
let twin: Place;
let issuer: KeyServer;
let pair: Pair;
beforeAll(async () => {
  pair = await pairFor('ES256');
  issuer = await startKeyServer([await publicJwk(pair, { kid: 'ec', alg: 'ES256' })]);
  const changes = {
    identity: { issuers: [{ issuer: issuer.url, allowInsecureHttp: true, roles: { patient: 'patient' } }] },
    decision: {
      withholdFromPatient: true,
      organizations: ['Organization/mercy-hospital', 'Organization/lakeside-recovery'],
    },
  };
  full = await startGateway({ resources: [...many, keptConsent], changes });
  twin = await startGateway({ resources: [], changes });
}, 120_000);
afterAll(() => Promise.all([full.close(), twin.close(), issuer.close()]));

async function asked(place: Place, service: 'explain' | 'simulate', body: object): Promise<unknown> {
  const claims = {
    ...claimsOf(issuer.url, place.config.listener.publicBaseUrl),
    ...{ sub: 'ada', fhirUser: 'Patient/ada', patient: 'ada', roles: ['patient'] },
    ...{ purpose_of_use: ['PATRQT'], scope: 'patient/*.rs' },
  };
  const token = jws({ alg: 'ES256', kid: 'ec', typ: 'at+jwt' }, claims, es256(pair));
  const { status, text } = await place.ask(`/patients/ada/${service}`, { token, body });
  expect(`${status} ${text.slice(0, 200)}`).toMatch(/^200 /);
  const { at: _at, ...told } = JSON.parse(text) as Record<string, unknown>;
  return told;
}

const clinician = { roles: ['clinician'], purposes: ['TREAT'] };

describe('what is kept from the patient takes no place in what is explained to her', () => {
  it('not in an explanation of her record', async () => {
    const told = await asked(full, 'explain', { requester: clinician });
    expect(told).toMatchObject({ isSample: false });
    expect(told).toEqual(await asked(twin, 'explain', { requester: clinician }));
  });

  it('not in a simulation over it', async () => {
    const body = { requesters: { clinician }, consents: [{ ...elsewhere, provision: { type: 'deny' } }] };
    const told = await asked(full, 'simulate', body);
    expect(told).toMatchObject({ isSample: false });
    expect(told).toEqual(await asked(twin, 'simulate', body));
  });

  it('not in a simulation of a draft with the id of a Consent that is kept from her', async () => {
    const body = {
      requesters: { clinician, herself: { ...clinician, roles: ['patient'], user: 'Patient/ada' } },
      consents: [{ ...elsewhere, id: 'ada-kept', provision: { type: 'deny' } }],
      resources: ['Observation/ada-a1c'],
    };
    expect(await asked(full, 'simulate', body)).toEqual(await asked(twin, 'simulate', body));
  });
});
