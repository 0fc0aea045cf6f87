import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, startGateway } from '../services/place.ts';

/** AuthZEN, several questions at once: neither what is told nor what is done tells what is hidden from what is not there. */

const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Sample' }] });
const denying = {
  resourceType: 'Consent',
  id: 'quin-denies',
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: 'Patient/quin' },
  dateTime: '2024-01-01',
  policy: [{ uri: 'https://policies.example/one' }],
  provision: { type: 'deny' },
};
const weightOf = (who: string) => ({
  resourceType: 'Observation',
  id: `${who}-weight`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: `Patient/${who}` },
});

let place: Place;
const start = (more: object = {}) =>
  startGateway({
    resources: [patient('pia'), patient('quin'), denying, weightOf('pia'), weightOf('quin')],
    services: { grants: { authzen: ['steward'], 'authzen-reasons': [] } },
    authzen: (issuer) => ({ subjects: { user: { issuer, kind: 'person' } }, maximumEvaluations: 20 }),
    changes: { answers: { negativeGridMs: 0 }, ...more },
  });
beforeAll(async () => {
  place = await start();
}, 60_000);
afterAll(() => place.close());

const subject = {
  type: 'user',
  id: 'dr-grey',
  properties: {
    roles: ['clinician'],
    organization: 'Organization/mercy-hospital',
    purpose_of_use: ['TREAT'],
    fhirUser: 'Practitioner/dr-grey',
  },
};
const read = { name: 'read' };
const resource = (type: string, id: string, properties?: object) => ({ type, id, ...(properties && { properties }) });
const seen = resource('Observation', 'pia-weight');
const ask = (body: unknown, path = 'evaluations') => place.ask(`/access/v1/${path}`, { as: 'steward', body });
const batch = (resources: readonly object[], more: object = {}) => ({
  subject,
  action: read,
  evaluations: resources.map((one) => ({ resource: one })),
  ...more,
});

describe('what is hidden and what is not there', () => {
  const pairs: readonly [string, object, object][] = [
    ['a resource', resource('Observation', 'quin-weight'), resource('Observation', 'zzzz-weight')],
    ['a Patient', resource('Patient', 'quin'), resource('Patient', 'zzzz')],
    [
      'a resource kept elsewhere, of a patient',
      resource('Observation', 'x', { patient: 'Patient/quin' }),
      resource('Observation', 'x', { patient: 'Patient/zzzz' }),
    ],
    ['a Consent', resource('Consent', 'quin-denies'), resource('Consent', 'zzzz-denies')],
  ];

  it.each(pairs)('are one answer, made with as many looks at Consents: %s', async (_what, hidden, absent) => {
    const told = async (one: object) => {
      const answers: unknown[] = [];
      for (const semantics of ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']) {
        const before = place.relay.calls.length;
        const body = batch([one, seen, one], { options: { evaluations_semantic: semantics } });
        const { status, text, headers } = await ask(body);
        const consents = place.relay.calls.slice(before).filter(({ type }) => type === 'Consent');
        const { date: _date, 'x-request-id': _id, ...rest } = Object.fromEntries(headers);
        answers.push([status, text, rest, consents.length]);
      }
      return answers;
    };
    expect(await told(hidden)).toEqual(await told(absent));
  });

  it('leave on the grid of negative answers, whichever of several it is', async () => {
    const slow = await start({ answers: { negativeGridMs: 400 } });
    try {
      for (const id of ['quin-weight', 'zzzz-weight'])
        for (const order of [
          [seen, resource('Observation', id)],
          [resource('Observation', id), seen],
        ]) {
          const begun = performance.now();
          await slow.ask('/access/v1/evaluations', { as: 'steward', body: batch(order) });
          expect(performance.now() - begun).toBeGreaterThan(350);
        }
    } finally {
      await slow.close();
    }
  });
});

describe('a body', () => {
  const good = JSON.stringify({ subject, action: read, resource: seen });
  const evaluations = (list: unknown) => ({ subject, action: read, resource: seen, evaluations: list });

  it.each<[string, unknown, string]>([
    [
      'names the subject twice',
      good.replace('{"subject"', '{"subject":{"type":"user","id":"x"},"subject"'),
      'evaluation',
    ],
    ['names a property twice', good.replace('"roles"', '"roles":["steward"],"roles"'), 'evaluation'],
    ['names a member twice, once escaped', good.replace('"roles"', '"r\\u006fles":["steward"],"roles"'), 'evaluation'],
    ['has a second value behind it', `${good}{}`, 'evaluation'],
    ['has a member more', good.replace('{"subject"', '{"more":1,"subject"'), 'evaluation'],
    ['has a member __proto__', good.replace('{"subject"', '{"__proto__":{},"subject"'), 'evaluation'],
    ['is a list', `[${good}]`, 'evaluation'],
    ['has more evaluations than may be', evaluations(Array.from({ length: 21 }, () => ({}))), 'evaluations'],
    ['has evaluations that are no objects', evaluations([null]), 'evaluations'],
    ['has evaluations that are lists', evaluations([[]]), 'evaluations'],
    ['takes a default away', evaluations([{ subject: null }]), 'evaluations'],
    ['has evaluations within evaluations', evaluations([{ evaluations: [{}] }]), 'evaluations'],
    [
      'has a semantic that nobody knows',
      { ...evaluations([{}]), options: { evaluations_semantic: 'any' } },
      'evaluations',
    ],
    ['is larger than may be', good.replace('dr-grey', 'x'.repeat(300_000)), 'evaluation'],
  ])('that %s is refused as a whole, before anything is read', async (_what, body, path) => {
    const before = place.relay.calls.length;
    const { status, text } = await ask(body, path);
    expect([400, 413]).toContain(status);
    expect(text).not.toContain('decision');
    expect(place.relay.calls.length).toBe(before);
  });

  it.each<[string, string]>([
    ['a property __proto__', good.replace('"roles"', '"__proto__":{"a":1},"roles"')],
    ['a property constructor', good.replace('"roles"', '"constructor":"x","roles"')],
    ['a context __proto__', good.replace('{"subject"', '{"context":{"__proto__":{"a":1}},"subject"')],
    ['a context that is not configured', good.replace('{"subject"', '{"context":{"hasOwnProperty":1},"subject"')],
    ['an action with properties', good.replace('"name":"read"', '"name":"read","properties":{"soft":true}')],
    [
      'an action with a property __proto__',
      good.replace('"name":"read"', '"name":"read","properties":{"__proto__":{}}'),
    ],
    [
      'a resource with a property __proto__',
      good.replace('"id":"pia-weight"', '"id":"pia-weight","properties":{"__proto__":{}}'),
    ],
  ])('with %s, which nobody understands, permits nothing', async (_what, body) => {
    expect(JSON.parse((await ask(good, 'evaluation')).text).decision).toBe(true);
    const { status, text } = await ask(body, 'evaluation');
    expect([status, text.includes('true')]).toEqual([status === 400 ? 400 : 200, false]);
  });

  it('whose evaluation says more than its defaults goes by what it says itself', async () => {
    const nobody = { type: 'user', id: 'nobody' };
    const { text } = await ask({ ...evaluations([{}, { subject: nobody }, { action: { name: 'write' } }]) });
    expect(JSON.parse(text).evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual([
      true,
      false,
      false,
    ]);
  });
});
