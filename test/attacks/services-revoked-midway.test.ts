import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answering, type Call, type Fault, hang, pause, type Relay, raw, reset, startRelay } from '../failure/bench.ts';
import { type Place, startGateway } from '../services/place.ts';

/**
 * A Consent is revoked, or its store begins to fail, at each of the moments at which one request of a service reads it: the answer that
 * leaves says nothing of what held a moment ago.
 */

const permitted = { reference: 'Patient/pia' };
const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const harbor = { system: 'https://demo.example/organizations', value: 'harbor-clinic' };
const recipient = {
  role: { coding: [{ system: participation, code: 'IRCP' }] },
  reference: { reference: 'Organization/harbor-clinic' },
};
const r4 = (status: string) => ({
  resourceType: 'Consent',
  id: 'pia-permits',
  status,
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: permitted,
  dateTime: '2024-01-01',
  policy: [{ uri: 'https://policies.example/one' }],
  provision: { type: 'permit', actor: [recipient] },
});
/** Of a registry with organizations of its own. */
const r5 = (status: string) => ({
  resourceType: 'Consent',
  id: 'pia-permits',
  status,
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  subject: permitted,
  date: '2024-01-01',
  policyBasis: { url: 'https://policies.example/one' },
  decision: 'deny',
  provision: [{ actor: [{ ...recipient, reference: { identifier: harbor } }] }],
});
const pia = { resourceType: 'Patient', id: 'pia', name: [{ family: 'Sample' }] };
const weight = {
  resourceType: 'Observation',
  id: 'pia-weight',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: permitted,
};

const requester = {
  roles: ['system-client'],
  purposes: ['TREAT'],
  organization: 'Organization/harbor-clinic',
  client: 'harbor',
  clientKind: 'system',
  scope: 'system/*.rs',
};
const subject = {
  type: 'client',
  id: 'harbor',
  properties: { organization: 'Organization/harbor-clinic', purpose_of_use: ['TREAT'] },
};
const evaluation = { subject, action: { name: 'read' }, resource: { type: 'Observation', id: 'pia-weight' } };
const resources = ['Observation/pia-weight'];
const described = { type: 'Observation', id: 'elsewhere', properties: { patient: 'Patient/pia' } };
const draft = { ...r4('draft'), id: 'draft', policy: [{ uri: 'https://policies.example/draft' }] };

/** Each asks as its name says; `says` is what it says of the permit while that is in force. */
type Question = readonly [name: string, path: string, body: object | undefined, says: RegExp];
const questions: readonly Question[] = [
  ['AuthZEN', '/access/v1/evaluation', evaluation, /"decision":true/],
  [
    'AuthZEN, several',
    '/access/v1/evaluations',
    { ...evaluation, evaluations: [{}, { resource: { type: 'Patient', id: 'pia' } }, { resource: described }] },
    /"decision":true/,
  ],
  [
    'patient-consent-consult',
    '/cds-services/patient-consent-consult',
    {
      hook: 'patient-consent-consult',
      hookInstance: 'one',
      context: {
        actor: [{ value: 'Organization/harbor-clinic' }, harbor],
        patientId: [{ value: 'Patient/pia' }],
        purposeOfUse: ['TREAT'],
      },
    },
    /CONSENT_PERMIT/,
  ],
  ['explain', '/patients/pia/explain', { requester, resources }, /"verdict":"released"/],
  [
    'simulate',
    '/patients/pia/simulate',
    { requesters: { harbor: requester }, consents: [draft], resources },
    /"gained":\[\]/,
  ],
  ['in-force', '/patients/pia/in-force?_format=text', undefined, /It counts\./],
];

const refusing = answering('', { status: 503 });
const failures: readonly [string, Fault][] = [
  ['says 503', refusing],
  ['says 401', answering('', { status: 401 })],
  ['cuts the connection', reset],
  ['stalls', hang],
  ['answers something else', answering('{"resourceType":"Patient","id":"pia"}')],
  ['answers half a Bundle', answering('{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resour')],
  ['answers no HTTP', raw('garbage\r\n\r\n')],
];

type Moment = (call: Call) => Fault | undefined;

describe.each(['R4', 'R5'] as const)('a Consent of FHIR %s', (version) => {
  let place: Place;
  /** The store that holds it. */
  let store: Relay;
  let registry: Relay;
  let status = 'active';
  let versionId = 0;
  let moment: Moment = () => undefined;

  function become(now: string): void {
    status = now;
    versionId++;
    if (version === 'R4') place.relay.origin.repo.put(JSON.stringify(r4(now)));
  }
  const registryNow = (): string =>
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'searchset',
      entry: version === 'R4' ? [] : [{ resource: { ...r5(status), meta: { versionId: `${versionId}` } } }],
    });

  beforeAll(async () => {
    registry = await startRelay([JSON.stringify(pia)]);
    place = await startGateway({
      resources: [pia, weight],
      services: {
        headersTimeoutMs: 1_000,
        requestTimeoutMs: 1_500,
        grants: Object.fromEntries(
          ['authzen', 'patient-consent-consult', 'explain', 'simulate', 'in-force'].map((name) => [name, ['steward']]),
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
      },
    });
    store = version === 'R4' ? place.relay : registry;
    registry.fault = (call) =>
      call.type !== 'Consent'
        ? undefined
        : ((store === registry ? moment(call) : undefined) ?? answering(registryNow()));
    place.relay.fault = (call) => (call.type === 'Consent' && store === place.relay ? moment(call) : undefined);
  }, 60_000);
  afterAll(async () => {
    await place.close();
    await registry.close();
  });

  /** What is told, and how often her Consents were searched for it, with something done to one of these searches. */
  async function told(
    [, path, body]: Question,
    then: (call: Call, search: number) => Fault | undefined = () => undefined,
  ) {
    become('active');
    let searches = 0;
    moment = (call) => (call.interaction === 'search' ? then(call, ++searches) : undefined);
    const answer = await place.ask(path, { as: 'steward', ...(body && { body }) });
    moment = () => undefined;
    return { ...answer, searches };
  }

  /** Answers what is so now, when it has been so for longer than a second: the gateway has to look again. */
  const late =
    (meanwhile: () => void): Fault =>
    async (call) => {
      const { origin } = store;
      const honest =
        version === 'R5'
          ? registryNow()
          : await fetch(new URL(call.target, origin.url), {
              method: call.method,
              headers: { 'content-type': String(call.headers['content-type'] ?? 'application/fhir+json') },
              ...(call.body === '' ? {} : { body: call.body }),
            }).then((answer) => answer.text());
      meanwhile();
      await pause(1_050);
      answering(honest)(call);
    };

  /** Searches of one such request while nothing happens; others that were given up may still be under way. */
  async function searchesOf(question: Question): Promise<number> {
    const counts: number[] = [];
    for (let time = 0; time < 2; time++) {
      const { status: code, text, searches } = await told(question);
      expect([code, question[3].test(text)]).toEqual([200, true]);
      counts.push(searches);
    }
    return Math.min(...counts);
  }

  it.each([...questions])('that is revoked when it was read counts no more: %s', async (...question) => {
    const searches = await searchesOf(question);
    const revoked = await told(question, (_call, search) =>
      search === searches ? late(() => become('inactive')) : undefined,
    );
    expect([revoked.status, question[3].test(revoked.text)]).toEqual([200, false]);
  });

  if (version === 'R4') return;

  it.each([...questions])('whose store fails at any moment tells nothing: %s', async (...question) => {
    const searches = await searchesOf(question);
    for (let at = 1; at <= searches; at++) {
      const [fault, fails] = failures[at % failures.length] as (typeof failures)[number];
      const after = await told(question, (_call, search) => (search >= at ? fails : undefined));
      expect([at, fault, after.status, after.text.includes('pia-permits')]).toEqual([at, fault, 503, false]);
    }
  });

  it.each([...questions])('whose store fails when it is looked at last tells nothing: %s', async (...question) => {
    const searches = await searchesOf(question);
    const after = await told(question, (_call, search) =>
      search < searches ? undefined : search === searches ? late(() => undefined) : refusing,
    );
    expect([after.status, after.text.includes('pia-permits')]).toEqual([503, false]);
  });

  it.each([...failures])('whose store %s fails alike for what is there and what is not', async (_what, fails) => {
    const texts = new Set<string>();
    for (const id of ['pia-weight', 'nobody-has']) {
      const asked = { ...evaluation, resource: { type: 'Observation', id } };
      const { status: code, text } = await told(['', '/access/v1/evaluation', asked, /./], () => fails);
      expect(code).toBe(503);
      texts.add(text);
    }
    expect(texts.size).toBe(1);
  });

  const besides = { id: 'other', policyBasis: { url: 'https://policies.example/two' } };
  it.each<[string, object]>([
    ['provisions that cannot be read', { ...r5('active'), ...besides, provision: 'none' }],
    ['a decision that nobody knows', { ...r5('active'), ...besides, decision: 42 }],
    ['what FHIR R4 calls a Consent', { ...r4('active'), id: 'other' }],
    ['a permit of somebody else', { ...r5('active'), subject: { reference: 'Patient/quin' } }],
    ['a permit of nobody', { ...r5('active'), subject: undefined }],
    ['a permit without an id', { ...r5('active'), id: undefined }],
  ])('whose store gives %s permits nothing', async (_what, resource) => {
    const both = [resource, ...('id' in resource && resource.id === 'other' ? [r5('active')] : [])];
    const entry = both.map((one) => ({ resource: { ...one, meta: { versionId: `${versionId}` } } }));
    const bundle = answering(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry }));
    for (const [name, path, body, says] of questions) {
      if (name === 'in-force' || name === 'simulate') continue;
      const { status: code, text } = await told([name, path, body, says], () => bundle);
      expect([name, code === 200 || code === 503, says.test(text)]).toEqual([name, true, false]);
    }
  });
});
