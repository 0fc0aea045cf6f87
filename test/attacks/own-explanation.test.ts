import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type KeyServer, startKeyServer } from '../authenticate/place.ts';
import { claimsOf, es256, jws, type Pair, pairFor, publicJwk } from '../authenticate/sign.ts';
import { type Place, type Received, startGateway } from '../services/place.ts';

/** A patient asks why others see what, and tries to learn by it what she cannot read herself. */

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const denying = {
  resourceType: 'Consent',
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  dateTime: '2026-03-02',
  policyRule: { coding: [{ system: actCode, code: 'OPTOUT' }] },
  provision: { type: 'deny' },
};
const resources = [
  // Kept from her by her clinician.
  {
    ...denying,
    id: 'ada-consent-kept',
    meta: { security: [{ system: actCode, code: 'NOPAT' }] },
    patient: { reference: 'Patient/ada' },
  },
  { ...denying, id: 'ben-consent-alone', patient: { reference: 'Patient/ben' } },
  {
    resourceType: 'Appointment',
    id: 'group-session',
    status: 'booked',
    participant: ['ada', 'ben'].map((id) => ({ actor: { reference: `Patient/${id}` }, status: 'accepted' })),
  },
];

let place: Place;
let issuer: KeyServer;
let pair: Pair;
beforeAll(async () => {
  pair = await pairFor('ES256');
  issuer = await startKeyServer([await publicJwk(pair, { kid: 'ec', alg: 'ES256' })]);
  place = await startGateway({
    resources,
    changes: {
      answers: { negativeGridMs: 1_000 },
      identity: { issuers: [{ issuer: issuer.url, allowInsecureHttp: true, roles: { patient: 'patient' } }] },
      decision: {
        withholdFromPatient: true,
        organizations: ['Organization/mercy-hospital', 'Organization/lakeside-recovery'],
      },
    },
  });
}, 60_000);
afterAll(() => Promise.all([place.close(), issuer.close()]));

/** Ada by an app that she gave these scopes. */
function adaBy(scope: string): string {
  const claims = {
    ...claimsOf(issuer.url, place.config.listener.publicBaseUrl),
    sub: 'ada',
    fhirUser: 'Patient/ada',
    patient: 'ada',
    roles: ['patient'],
    purpose_of_use: ['PATRQT'],
    scope,
  };
  return jws({ alg: 'ES256', kid: 'ec', typ: 'at+jwt' }, claims, es256(pair));
}

const clinician = { roles: ['clinician'], purposes: ['TREAT'] };

function explained(scope: string, more: object = {}): Promise<Received> {
  return place.ask('/patients/ada/explain', { token: adaBy(scope), body: { requester: clinician, ...more } });
}

function simulated(scope: string, more: object = {}): Promise<Received> {
  const requesters = { clinician, herself: { ...clinician, roles: ['patient'], user: 'Patient/ada' } };
  const consents = [{ ...denying, patient: { reference: 'Patient/ada' } }];
  return place.ask('/patients/ada/simulate', { token: adaBy(scope), body: { requesters, consents, ...more } });
}

describe('what others see of her, asked by the patient', () => {
  it('is no way to Consents for an app that may not read them', async () => {
    for (const ask of [explained, simulated]) {
      const { status, text } = await ask('patient/Observation.rs patient/Patient.rs');
      expect([status, text.includes('Consent/')]).toEqual([403, false]);
    }
  });

  it('nor who looked at her record for an app that may not read that', async () => {
    const seen = (scope: string) => place.ask('/record/patients/ada/seen', { token: adaBy(scope) });
    expect((await seen('patient/Observation.rs patient/Consent.rs')).status).toBe(403);
    expect((await seen('patient/AuditEvent.rs')).status).toBe(200);
  });

  it.each(['json', 'text'])('as %s, names no Consent of hers that is kept from her', async (format) => {
    const { status, text } = await explained('patient/*.rs', { format });
    expect(status).toBe(200);
    expect(text).toContain('Observation/ada-a1c');
    expect(text).toContain('Consent/ada-consent-exchange');
    expect(text).not.toContain('ada-consent-kept');
    const other = await simulated('patient/*.rs', { format });
    expect(other.status).toBe(200);
    expect(other.text).not.toContain('ada-consent-kept');
  });

  it.each(['json', 'text'])('as %s, names nobody whom she meets there, and no Consent of theirs', async (format) => {
    expect(
      (await place.ask(`${place.fhirUrl}/Appointment/group-session`, { token: adaBy('patient/*.rs') })).text,
    ).not.toContain('ben');
    const { status, text } = await explained('patient/*.rs', { format, resources: ['Appointment/group-session'] });
    expect(status).toBe(200);
    expect(text).toContain('Appointment/group-session');
    expect(text).not.toMatch(/\bben\b|ben-consent/);
  });

  it.each(['Consent/ada-consent-kept', 'Consent/never-was'])('says that %s is absent on the grid', async (key) => {
    for (const ask of [explained, simulated]) {
      const before = performance.now();
      const { status } = await ask('patient/*.rs', { resources: [key] });
      expect([status, performance.now() - before > 900]).toEqual([200, true]);
    }
  });
});
