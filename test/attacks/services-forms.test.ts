import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answering, type Relay, startRelay } from '../failure/bench.ts';
import { type Place, startGateway } from '../services/place.ts';

/** Forms of written consents (`part2.forms`): what is told of them is what is done by them, in FHIR R4 and R5. */

const v3 = (system: string, code: string) => ({ system: `http://terminology.hl7.org/CodeSystem/v3-${system}`, code });
const part2 = v3('ActCode', '42CFRPart2');
const recipient = {
  role: { coding: [v3('ParticipationType', 'IRCP')] },
  reference: {
    reference: 'Organization/harbor-clinic',
    identifier: { system: 'https://demo.example/organizations', value: 'harbor-clinic' },
  },
};
const payment = v3('ActReason', 'HPAYMT');
const base = {
  resourceType: 'Consent',
  id: 'written',
  status: 'active',
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
};
type Terms = { readonly form: string };
const r4 = ({ form }: Terms) => ({
  ...base,
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  patient: { reference: 'Patient/pia' },
  dateTime: '2024-01-01',
  organization: [{ reference: 'Organization/mercy-hospital' }],
  policy: [{ uri: form }],
  policyRule: { coding: [part2] },
  sourceReference: { reference: 'DocumentReference/signed' },
  provision: {
    type: 'permit',
    actor: [recipient],
    purpose: [payment],
    securityLabel: [part2],
    period: { end: '2099-12-31' },
  },
});
const r5 = ({ form }: Terms) => ({
  ...base,
  subject: { reference: 'Patient/pia' },
  date: '2024-01-01',
  controller: [
    {
      reference: 'Organization/mercy-hospital',
      identifier: { system: 'https://demo.example/organizations', value: 'mercy-hospital' },
    },
  ],
  regulatoryBasis: [{ coding: [part2] }],
  policyBasis: { url: form },
  sourceReference: [{ reference: 'DocumentReference/signed' }],
  period: { end: '2099-12-31' },
  decision: 'deny',
  provision: [{ actor: [recipient], purpose: [payment], securityLabel: [part2] }],
});
const pia = { resourceType: 'Patient', id: 'pia', name: [{ family: 'Sample' }] };
const record = {
  resourceType: 'Observation',
  id: 'of-the-program',
  meta: { security: [part2] },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/pia' },
};

let place: Place;
let registry: Relay;
let kept: object | undefined;
beforeAll(async () => {
  registry = await startRelay([JSON.stringify(pia)]);
  registry.fault = ({ type }) =>
    type === 'Consent'
      ? answering(
          JSON.stringify({
            resourceType: 'Bundle',
            type: 'searchset',
            entry: kept === undefined ? [] : [{ resource: kept }],
          }),
        )
      : undefined;
  place = await startGateway({
    resources: [pia, record],
    services: {
      grants: Object.fromEntries(
        ['authzen', 'patient-consent-consult', 'explain', 'in-force'].map((name) => [name, ['steward']]),
      ),
    },
    authzen: (issuer) => ({ subjects: { client: { issuer, kind: 'client' } } }),
    changes: {
      answers: { negativeGridMs: 0 },
      consent: {
        maximumAgeMs: 0,
        stores: [
          { name: 'registry', baseUrl: registry.url, fhirVersion: 'R5', paging: 'offset', patients: { by: 'id' } },
        ],
      },
      part2: {
        forms: {
          accepted: ['https://forms.example/good', 'https://forms.example/good|2', 'https://forms.example/old|1'],
          withdrawn: ['https://forms.example/old', 'https://forms.example/good|1'],
        },
      },
    },
  });
}, 60_000);
afterAll(async () => {
  await place.close();
  await registry.close();
});

let versions = 0;
function keep(version: 'R4' | 'R5', terms: Terms): void {
  kept = version === 'R5' ? { ...r5(terms), meta: { versionId: `${++versions}` } } : undefined;
  if (version === 'R4') place.relay.origin.repo.put(JSON.stringify(r4(terms)));
  else place.relay.origin.repo.put(JSON.stringify({ ...r4(terms), status: 'entered-in-error' }));
}
const ask = async (path: string, body?: object) => {
  const { status, text } = await place.ask(path, { as: 'steward', ...(body && { body }) });
  expect(status).toBe(200);
  return text;
};
const organization = 'Organization/harbor-clinic';
async function told() {
  const resource = { type: 'Observation', id: 'of-the-program' };
  const subject = { type: 'client', id: 'harbor', properties: { organization, purpose_of_use: ['HPAYMT'] } };
  const decided = await ask('/access/v1/evaluation', { subject, action: { name: 'read' }, resource });
  const requester = {
    roles: ['system-client'],
    purposes: ['HPAYMT'],
    organization,
    client: 'harbor',
    clientKind: 'system',
    scope: 'system/*.rs',
  };
  const explained = await ask('/patients/pia/explain', { requester, resources: ['Observation/of-the-program'] });
  const context = {
    actor: [{ value: organization }],
    patientId: [{ value: 'Patient/pia' }],
    purposeOfUse: ['HPAYMT'],
  };
  const consulted = await ask('/cds-services/patient-consent-consult', {
    hook: 'patient-consent-consult',
    hookInstance: 'one',
    context,
  });
  return {
    decided: JSON.parse(decided).decision,
    verdict: JSON.parse(explained).resources[0].verdict,
    consulted: JSON.parse(consulted).cards[0].extension.decision,
    inForce: await ask('/patients/pia/in-force?_format=text'),
  };
}

describe.each(['R4', 'R5'] as const)('a written consent of FHIR %s', (version) => {
  it.each([
    ['https://forms.example/good', true],
    ['https://forms.example/good|2', true],
    ['https://forms.example/good|1', false],
    ['https://forms.example/good|3', false],
    ['https://forms.example/other', false],
    ['https://forms.example/old', false],
    ['https://forms.example/old|1', false],
  ])('on the form %s is one: %s', async (form, isOne) => {
    keep(version, { form });
    const { decided, verdict, consulted, inForce } = await told();
    expect([decided, verdict]).toEqual(isOne ? [true, 'released'] : [false, 'withheld']);
    expect(consulted === 'CONSENT_PERMIT').toBe(isOne);
    expect(inForce.includes('It is not on a form that this deployment accepts')).toBe(!isOne);
  });
});
