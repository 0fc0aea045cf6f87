import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { part2, systems } from '../../src/fhir/vocabulary.ts';
import { type KeyServer, startKeyServer } from '../authenticate/place.ts';
import { claimsOf, es256, jws, type Pair, pairFor, publicJwk } from '../authenticate/sign.ts';
import { detailsOf, type Place, patientsOf, type Received, startGateway } from '../services/place.ts';

/** An emergency of Ada's, and every way from her record to that of others. */

const meta = { security: [{ system: systems.actCode, code: part2 }] };
const of = (id: string) => ({ reference: `Patient/${id}` });
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'screen' }, meta };
const resources = [
  ...['ada', 'ben'].flatMap((id) => [
    { ...observation, id: `${id}-screen`, subject: of(id) },
    {
      resourceType: 'Condition',
      id: `${id}-hidden`,
      meta,
      subject: of(id),
      code: { text: 'hidden' },
      evidence: [{ detail: [{ reference: `Observation/${id}-screen` }] }],
    },
  ]),
  // From her record to his, and back.
  { ...observation, id: 'ada-panel', subject: of('ada'), hasMember: [{ reference: 'Observation/ben-screen' }] },
  { ...observation, id: 'ben-panel', subject: of('ben'), hasMember: [{ reference: 'Observation/ada-screen' }] },
  { resourceType: 'Account', id: 'ben-and-ada', status: 'active', meta, subject: [of('ada'), of('ben')] },
];

let place: Place;
let issuer: KeyServer;
let pair: Pair;
const acr = 'urn:example:acr:two-factors';
beforeAll(async () => {
  pair = await pairFor('ES256');
  issuer = await startKeyServer([await publicJwk(pair, { kid: 'ec', alg: 'ES256' })]);
  place = await startGateway({
    resources,
    changes: {
      identity: { issuers: [{ issuer: issuer.url, allowInsecureHttp: true, roles: { clinician: 'clinician' } }] },
      emergency: { acrValues: [acr], disclosedBy: 'Health information desk' },
    },
  });
}, 60_000);
afterAll(() => Promise.all([place.close(), issuer.close()]));

function ask(path: string, purpose: string, options: Parameters<Place['ask']>[1] = {}): Promise<Received> {
  const claims = {
    ...claimsOf(issuer.url, place.config.listener.publicBaseUrl),
    acr,
    auth_time: Math.floor(Date.now() / 1_000) - 60,
    name: 'Dr Ann Lee',
    organization: 'Organization/mercy-hospital',
    roles: ['clinician'],
    purpose_of_use: [purpose],
  };
  const token = jws({ alg: 'ES256', kid: 'ec', typ: 'at+jwt' }, claims, es256(pair));
  const stated = { 'x-emergency-patient': 'Patient/ada', 'x-emergency-reason': 'unconscious in the street' };
  const headers = { ...(purpose === 'TREAT' ? {} : stated), ...options.headers };
  return place.ask(`${place.fhirUrl}/${path}`, { ...options, token, headers });
}

interface Page {
  readonly entry?: readonly { readonly fullUrl?: string }[]; // the notice has none
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
}

/** Everything that a search gives, over all its pages. */
async function found(path: string, purpose: string): Promise<readonly string[]> {
  const [target = '', form] = path.split(' ');
  const post = { body: form, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const all: string[] = [];
  let answer = await ask(target, purpose, form === undefined ? {} : post);
  for (let pages = 0; pages < 20; pages++) {
    expect([path, answer.status]).toEqual([path, 200]);
    const { entry = [], link = [] } = JSON.parse(answer.text) as Page;
    all.push(...entry.flatMap(({ fullUrl }) => fullUrl?.split('/').slice(-2).join('/') ?? []));
    const next = link.find(({ relation }) => relation === 'next')?.url;
    if (next === undefined) return all;
    answer = await ask(next.slice(place.fhirUrl.length + 1), purpose);
  }
  throw new Error(`${path} has no end`);
}

const isHers = (key: string): boolean => /^\w+\/ada\b/.test(key);

describe('an emergency of Ada’s', () => {
  it.each([
    'Observation',
    'Observation?_count=2',
    'Observation/_search _count=2',
    'Observation/_search patient=ben,ada',
    'Condition',
    'Account',
    'Patient',
    'Patient/ben/Observation',
    'Patient/ada/Observation',
    'Observation?patient=ben',
    'Observation?patient=ada&_include=Observation:has-member',
    'Observation?patient=ben&_include=Observation:has-member',
    'Observation?patient=ada&_revinclude=Observation:has-member',
    'Observation?has-member.patient=ben',
    'Observation?has-member.patient=ada',
    'Observation?has-member:Observation.status=final',
    'Patient?_has:Condition:patient:evidence-detail=Observation/ben-screen',
    'Patient?_has:Observation:patient:status=final',
    'Condition?evidence-detail=Observation/ben-screen',
    'Observation?patient=ben&_revinclude=Condition:evidence-detail',
    'Patient?_revinclude=Condition:patient&_revinclude=Observation:patient&_revinclude=Account:subject',
  ])('adds what is hers alone: %s', async (path) => {
    const before = await found(path, 'TREAT');
    const after = await found(path, 'ETREAT');
    expect(after.filter((key) => !before.includes(key) && !isHers(key))).toEqual([]);
    expect(before.filter((key) => !after.includes(key))).toEqual([]);
  });

  it('adds something, and references to nothing of his', async () => {
    const [before, after] = [await found('Observation', 'TREAT'), await found('Observation', 'ETREAT')];
    expect(before).not.toContain('Observation/ada-panel');
    expect(after).toEqual(expect.arrayContaining(['Observation/ada-panel', 'Observation/ada-screen']));
    const { text } = await ask('Observation/ada-panel', 'ETREAT');
    expect(text).toContain('ada-panel');
    expect(text).not.toContain('ben');
  });

  it.each(['Observation/ben-screen', 'Observation/ben-screen/_history', 'Account/ben-and-ada', 'Condition/ben-hidden'])(
    'finds %s as little as what never was',
    async (path) => {
      const never = await ask(path.replace(/ben-\w+(?:-ada)?/, 'never-was'), 'ETREAT');
      const hidden = await ask(path, 'ETREAT');
      expect([hidden.status, hidden.text]).toEqual([404, never.text]);
    },
  );

  it('is accepted and refused alike for whoever is there and whoever is not', async () => {
    const of = (patient: string, reason: string) =>
      ask('Observation/never-was', 'ETREAT', {
        headers: { 'x-emergency-patient': patient, 'x-emergency-reason': reason },
      });
    for (const [reason, status] of [
      ['unconscious in the street', 404],
      ['no', 403],
    ] as const) {
      const answers = await Promise.all(['Patient/ben', 'Patient/nobody-here'].map((one) => of(one, reason)));
      expect(answers.map((one) => one.status)).toEqual([status, status]);
      expect(answers[0]?.text).toBe(answers[1]?.text);
    }
  });

  it('is recorded with all that 42 CFR 2.51(c) asks for', async () => {
    const before = Date.now();
    const { result, events } = await place.eventsOf(() => ask('Observation/ada-screen', 'ETREAT'));
    expect(result.status).toBe(200);
    const [one] = events.filter(({ event }) => event.subtype?.some(({ code }) => code === '110127'));
    if (one === undefined) throw new Error('the emergency is not in the record');
    const { event } = one;
    expect(patientsOf(one)).toEqual(['Patient/ada']);
    expect(event.agent.find(({ requestor }) => requestor)?.name).toBe('Dr Ann Lee');
    expect(JSON.stringify(event.agent)).toContain('Organization/mercy-hospital');
    expect(detailsOf(one)).toEqual(
      expect.arrayContaining(['emergency-nature=unconscious in the street', 'disclosed-by=Health information desk']),
    );
    expect(new Date(event.recorded).getTime()).toBeGreaterThanOrEqual(before);
  });
});
