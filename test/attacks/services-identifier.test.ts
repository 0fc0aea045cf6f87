import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answering } from '../failure/bench.ts';
import { type Place, startGateway } from '../services/place.ts';

/** A patient who is asked about by an identifier is one who bears it, whatever the FHIR server finds. */

const mrn = 'https://demo.example/mrn';
const pia = { resourceType: 'Patient', id: 'pia', identifier: [{ system: mrn, value: 'ONE' }] };
const consent = {
  resourceType: 'Consent',
  id: 'pia-permits',
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: 'Patient/pia' },
  dateTime: '2024-01-01',
  policy: [{ uri: 'https://policies.example/one' }],
  provision: { type: 'permit' },
};

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources: [pia, consent],
    services: { grants: { 'patient-consent-consult': ['steward'] } },
    changes: { answers: { negativeGridMs: 0 } },
  });
}, 60_000);
afterAll(() => place.close());

async function consulted(value: string): Promise<string> {
  const context = {
    actor: [{ value: 'Organization/harbor-clinic' }],
    patientId: [{ system: mrn, value }],
    purposeOfUse: ['TREAT'],
  };
  const body = { hook: 'patient-consent-consult', hookInstance: 'one', context };
  const { status, text } = await place.ask('/cds-services/patient-consent-consult', { as: 'steward', body });
  return status === 200 ? JSON.parse(text).cards[0].extension.decision : `${status}`;
}

describe('an identifier', () => {
  it('means who bears it, and nobody else', async () => {
    expect([await consulted('ONE'), await consulted('TWO')]).toEqual(['CONSENT_PERMIT', 'NO_CONSENT']);
  });

  it('means nobody where the FHIR server passes over it and finds somebody else', async () => {
    const found = { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: pia }] };
    place.relay.fault = ({ type, parameters }) =>
      type === 'Patient' && parameters.has('identifier') ? answering(JSON.stringify(found)) : undefined;
    expect(await consulted('TWO')).not.toBe('CONSENT_PERMIT');
    place.relay.fault = () => undefined;
  });
});
