import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type Issuer, startIssuer } from '../twin/issuer.ts';
import {
  type Answer,
  ask,
  errorCode,
  merged,
  publicBase,
  type Relay,
  type ServedGateway,
  serveProcess,
  startRelay,
  tokensOf,
  until,
} from './bench.ts';

/**
 * What is huge, deep or odd among Consents and organizations, through a gateway in a process of its own whose heap is
 * held to 320 MB, before a real FHIR server: it answers, and rightly, with a bounded number of requests; or nothing leaves.
 */

const many = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => one(index));
const terminology = 'http://terminology.hl7.org/CodeSystem';
const recipient = (reference: string) => ({
  role: { coding: [{ system: `${terminology}/v3-ParticipationType`, code: 'IRCP' }] },
  reference: { reference },
});
const grey = recipient('Practitioner/dr-grey');
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });

function consentOf(patient: string, id: string, provision: object): object {
  return {
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
    category: [loinc('59284-0')],
    patient: { reference: `Patient/${patient}` },
    dateTime: '2024-01-01',
    policy: [{ uri: `https://example.org/policies/${id}` }],
    provision,
  };
}

/** A patient with one observation for each code, and these Consents. */
function recordOf(id: string, codes: readonly string[], consents: readonly object[]): readonly object[] {
  const observations = codes.map((code) => ({
    resourceType: 'Observation',
    id: `${id}-${code}`,
    status: 'final',
    code: loinc(code),
    subject: { reference: `Patient/${id}` },
  }));
  return [{ resourceType: 'Patient', id }, ...observations, ...consents];
}

function nested(depth: number): object {
  let provision: object = { type: 'permit' };
  for (let level = 0; level < depth; level++) provision = { type: 'permit', provision: [provision] };
  return provision;
}

const others = (patient: string, count: number): object[] =>
  many(count, (index) =>
    consentOf(patient, `${patient}-c${index}`, { type: 'permit', actor: [recipient(`Practitioner/p${index}`)] }),
  );

/** Above Mercy stand 300 organizations, and above the last of them Mercy again. */
const organizations = ['mercy-hospital', ...many(300, (index) => `above-${index + 1}`)].map((id, index, all) => ({
  resourceType: 'Organization',
  id,
  partOf: { reference: `Organization/${all[(index + 1) % all.length]}` },
}));

const wide = many(1_000, (index) => ({
  type: 'deny',
  code: [loinc(`${index}-1`)],
  provision: [{ type: 'permit', actor: [recipient(`Practitioner/p${index}`)] }],
}));
const megabyte = {
  type: 'permit',
  actor: [...many(8_000, (index) => recipient(`Practitioner/of-a-very-large-network-${index}`)), grey],
  code: [...many(2_000, (index) => loinc(`${index}-1`)), loinc('last')],
};

const permitsGrey = (patient: string) => consentOf(patient, `${patient}-grey`, { type: 'permit', actor: [grey] });
const resources = [
  ...organizations,
  { resourceType: 'Practitioner', id: 'dr-grey' },
  ...recordOf(
    'crowd',
    ['1-1', 'denied'],
    [
      ...others('crowd', 5_000),
      consentOf('crowd', 'crowd-denies', { type: 'deny', actor: [grey], code: [loinc('denied')] }),
      ...others('crowd-too', 4_998).map((one) => ({ ...one, patient: { reference: 'Patient/crowd' } })),
      permitsGrey('crowd'),
    ],
  ),
  ...recordOf('multitude', ['1-1'], [...others('multitude', 10_000), permitsGrey('multitude')]),
  ...recordOf('deep', ['1-1'], [consentOf('deep', 'deep-c', nested(1_000)), permitsGrey('deep')]),
  ...recordOf(
    'wide',
    ['7-1', 'free'],
    [consentOf('wide', 'wide-c', { type: 'permit', actor: [grey], provision: wide })],
  ),
  ...recordOf('large', ['last', 'other'], [consentOf('large', 'large-c', megabyte)]),
  ...recordOf(
    'near',
    ['1-1'],
    [consentOf('near', 'near-c', { type: 'permit', actor: [recipient('Organization/above-3')] })],
  ),
  ...recordOf(
    'far',
    ['1-1'],
    [consentOf('far', 'far-c', { type: 'permit', actor: [recipient('Organization/above-200')] })],
  ),
  ...recordOf('plain', ['1-1'], [permitsGrey('plain')]),
];

let relay: Relay;
let audit: EmbeddedServer;
let issuer: Issuer;
let gateway: ServedGateway;
let folder: string;
let tokens: ReadonlyMap<string, string>;

beforeAll(async () => {
  relay = await startRelay(resources.map((one) => JSON.stringify(one)));
  audit = await startEmbeddedServer();
  issuer = await startIssuer(publicBase);
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-bounds-'));
  const place = {
    port: 0,
    publicBaseUrl: publicBase,
    upstreamUrl: relay.url,
    paging: 'offset' as const,
    issuer: issuer.url,
    auditUrl: audit.url,
    folder,
  };
  const config = merged(gatewayConfig(place), {
    answers: { negativeGridMs: 0 },
    upstream: { answerTimeoutMs: 300_000 },
    listener: { requestTimeoutMs: 300_000 },
    decision: { implicitPolicy: 'deny' },
    services: {
      publicBaseUrl: 'http://127.0.0.1:8081',
      port: 0,
      requestTimeoutMs: 300_000,
      grants: { explain: ['clinician'], 'in-force': ['clinician'] },
    },
  });
  gateway = await serveProcess(config, join(folder, 'config.json'), { nodeOptions: ['--max-old-space-size=320'] });
  tokens = await tokensOf(issuer);
}, 120_000);

afterAll(async () => {
  gateway.kill('SIGTERM');
  await gateway.ended;
  for (const one of [relay, audit, issuer]) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  relay.calls.length = 0;
});

const patience = 240_000;
const get = (path: string): Promise<Answer> => ask(`${gateway.url}/${path}`, tokens.get('dr-grey'));
const asked = (type: string): number => relay.calls.filter((call) => call.type === type).length;

function idsIn({ body }: Answer): readonly string[] {
  const { entry = [] } = JSON.parse(body) as { entry?: { resource: { id: string } }[] };
  return entry.map(({ resource }) => resource.id);
}

test(
  'a patient with 10,000 Consents is answered for by all of them, within a bound on requests',
  async () => {
    const answer = await get('Observation?patient=crowd');
    expect(answer.status).toBe(200);
    expect(idsIn(answer)).toEqual(['crowd-1-1']);
    // Pages are read twice over, so that none is missed; and, where that took long, again before the record and before the answer leaves.
    expect(asked('Consent')).toBeLessThanOrEqual(3 * 2 * 52);
    expect(relay.calls.length).toBeLessThan(3 * 2 * 52 + 40);
  },
  patience,
);

test(
  'of a patient with more Consents than are read nothing leaves, and of others it does',
  async () => {
    const answer = await get('Observation?patient=multitude');
    expect(answer.status).toBe(503);
    expect(errorCode(answer.body)).toBe('consent-unavailable');
    expect(idsIn(await get('Observation?patient=plain'))).toEqual(['plain-1-1']);
  },
  patience,
);

test(
  'a Consent nested 1,000 deep is not read, and nothing of its patient leaves',
  async () => {
    const answer = await get('Observation?patient=deep');
    expect(answer.status).toBe(503);
    expect(errorCode(answer.body)).toBe('consent-unavailable');
    expect(idsIn(await get('Observation?patient=plain'))).toEqual(['plain-1-1']);
  },
  patience,
);

test(
  'a Consent with 1,000 provisions, each with its exception, is heard to the last',
  async () => {
    expect(idsIn(await get('Observation?patient=wide'))).toEqual(['wide-free']);
  },
  patience,
);

test(
  'a Consent of a megabyte is heard to its last word',
  async () => {
    expect(JSON.stringify(megabyte).length).toBeGreaterThan(1_000_000);
    expect(idsIn(await get('Observation?patient=large'))).toEqual(['large-last']);
  },
  patience,
);

test(
  'organizations in a circle and hundreds above each other are followed so far and no further',
  async () => {
    expect(idsIn(await get('Observation?patient=near'))).toEqual(['near-1-1']);
    expect(idsIn(await get('Observation?patient=far'))).toEqual([]);
    expect(asked('Organization')).toBeLessThanOrEqual(2 * 8);
  },
  patience,
);

/** What is asked of the services about a patient: whether a resource would leave, and what is in force. */
async function explained(patient: string, ...ids: readonly string[]) {
  const body = {
    requester: { roles: ['clinician'], user: 'Practitioner/dr-grey', purposes: ['TREAT'] },
    resources: ids.map((id) => `Observation/${id}`),
  };
  const answer = await fetch(`${gateway.servicesOrigin}/patients/${patient}/explain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.get('dr-grey')}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.status !== 200) return { status: answer.status, said: errorCode(text) };
  const { resources: told } = JSON.parse(text) as { resources: readonly { verdict: string }[] };
  return { status: 200, said: told.map(({ verdict }) => verdict).join(' ') };
}

async function inForce(patient: string) {
  const answer = await ask(
    `${gateway.servicesOrigin}/patients/${patient}/in-force?_format=text`,
    tokens.get('dr-grey'),
  );
  return { status: answer.status, body: answer.body, code: answer.status === 200 ? undefined : errorCode(answer.body) };
}

test.each([
  ['1,000 provisions', 'wide', { 'wide-free': 'released', 'wide-7-1': 'withheld' }],
  ['a Consent of a megabyte', 'large', { 'large-last': 'released', 'large-other': 'withheld' }],
  ['more Consents than are read', 'multitude', { 'multitude-1-1': 'consent-unavailable' }],
  ['a Consent nested 1,000 deep', 'deep', { 'deep-1-1': 'consent-unavailable' }],
])(
  'of a patient with %s it is explained as it is answered',
  async (_what, patient, expected) => {
    for (const [resource, said] of Object.entries(expected)) {
      const status = said === 'consent-unavailable' ? 503 : 200;
      expect([resource, await explained(patient, resource)]).toEqual([resource, { status, said }]);
    }
    expect(await explained('plain', 'plain-1-1')).toEqual({ status: 200, said: 'released' });
  },
  patience,
);

test(
  'what is in force is told as far as it can be put into words, and not where it cannot be read whole',
  async () => {
    const wide = await inForce('wide');
    expect(wide).toMatchObject({ status: 200 });
    expect(wide.body).toContain('There is more in this consent than is put into words here.');
    const large = await inForce('large');
    expect(large).toMatchObject({ status: 200 });
    expect(large.body).toContain('of-a-very-large-network-7999');
    for (const patient of ['multitude', 'deep'])
      expect(await inForce(patient)).toMatchObject({ status: 503, code: 'consent-unavailable' });
    expect(await inForce('plain')).toMatchObject({ status: 200 });
  },
  patience,
);

test(
  'of a patient with 10,000 Consents the services answer by all of them',
  async () => {
    expect(await explained('crowd', 'crowd-1-1', 'crowd-denied')).toEqual({ status: 200, said: 'released withheld' });
    const told = await inForce('crowd');
    expect(told.status).toBe(200);
    expect(told.body.match(/^Consent\/crowd/gm)).toHaveLength(10_000);
    expect(await explained('plain', 'plain-1-1')).toEqual({ status: 200, said: 'released' });
  },
  patience,
);

test(
  'after all of that it still answers',
  async () => {
    await until('a plain answer', async () => (await get('Observation?patient=plain')).status === 200);
  },
  patience,
);
