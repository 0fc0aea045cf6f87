import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { appClientId, type DemoRequester, requesters } from '../../examples/demo/requesters.ts';
import { keepForValidation } from '../audit/disclosures.ts';
import {
  evaluationRequest,
  evaluationResponse,
  evaluationsRequest,
  evaluationsResponse,
  metadata,
} from './authzen-forms.ts';
import { type Asking, detailsOf, type Place, patientsOf, type Received, referencesOf, startGateway } from './place.ts';

const resources = [...textsOf(peopleBundles())].map((text) => JSON.parse(text) as { resourceType: string; id: string });

const authzen = (issuer: string) => ({
  subjects: { user: { issuer, kind: 'person' as const }, client: { issuer, kind: 'client' as const } },
  ignoredContext: ['ip'],
});
const plenty = { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 };

async function start(changes: object = {}, grants: object = {}): Promise<Place> {
  const place = await startGateway({
    services: { grants: { authzen: ['system-client', 'counselor'], 'authzen-reasons': ['counselor'], ...grants } },
    changes: {
      limits: { app: { ...plenty, inFlight: 32 }, system: plenty },
      answers: { negativeGridMs: 0 },
      consent: { maximumAgeMs: 60_000 },
      ...changes,
    },
    authzen,
  });
  return { ...place, ask: async (path, asking) => inForm(path, asking, await place.ask(path, asking)) };
}

/** What is answered was asked in a form of the specification, and has one itself. */
function inForm(path: string, { body }: Asking = {}, answer: Received): Received {
  const [request, response] =
    path === '/access/v1/evaluation'
      ? [evaluationRequest, evaluationResponse]
      : path === '/access/v1/evaluations'
        ? [evaluationsRequest, evaluationsResponse]
        : [undefined, undefined];
  if (request === undefined || answer.status !== 200) return answer;
  expect(answer.headers.get('content-type')).toBe('application/json');
  const asked = typeof body === 'string' ? JSON.parse(body) : body;
  expect(request.safeParse(asked).error?.issues ?? []).toEqual([]);
  expect(response.safeParse(JSON.parse(answer.text)).error?.issues ?? []).toEqual([]);
  return answer;
}

/** A demo requester as an API that trusts the gateway would describe him. */
function described({ id, kind, scope, claims }: DemoRequester, fhirBase: string) {
  const { extensions, ...plain } = claims(fhirBase) as Record<string, unknown> & {
    extensions?: { 'hl7-b2b': { organization_id: string; purpose_of_use: string[] } };
  };
  const b2b = extensions?.['hl7-b2b'];
  const system = b2b && { organization: b2b.organization_id, purpose_of_use: b2b.purpose_of_use };
  return {
    type: kind === 'system' ? 'client' : 'user',
    id,
    properties: { ...plain, ...system, scope, ...(kind === 'person' ? { client_id: appClientId } : {}) },
  };
}

const grey = {
  type: 'user',
  id: 'dr-grey',
  properties: {
    roles: ['clinician'],
    organization: 'Organization/mercy-hospital',
    purpose_of_use: ['TREAT'],
    fhirUser: 'Practitioner/dr-grey',
  },
};
/** What the configuration understands of a subject, by default. */
const propertiesKnown = {
  ...{
    roles: 0,
    purpose_of_use: 0,
    organization: 0,
    fhirUser: 0,
    npi: 0,
    client_id: 0,
    patient: 0,
    scope: 0,
    acr: 0,
    name: 0,
  },
  ...{ type: 0, id: 0, properties: 0, securityLabel: 0, code: 0 },
};
const reading = { name: 'read' };
const a1c = { type: 'Observation', id: 'ada-a1c' };
const oud = { type: 'Condition', id: 'ada-oud' };

describe('AuthZEN', () => {
  let place: Place;
  beforeAll(async () => {
    place = await start();
  });
  afterAll(() => place.close());

  const evaluate = async (body: object, as = 'harbor') => {
    const answer = await place.ask('/access/v1/evaluation', { as, body });
    return answer.status === 200 ? JSON.parse(answer.text) : answer.status;
  };

  it('says where it is', async () => {
    const { status, text, headers } = await place.ask('/.well-known/authzen-configuration');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(metadata.safeParse(JSON.parse(text)).error?.issues ?? []).toEqual([]);
    expect(JSON.parse(text)).toEqual({
      policy_decision_point: place.servicesUrl,
      access_evaluation_endpoint: `${place.servicesUrl}/access/v1/evaluation`,
      access_evaluations_endpoint: `${place.servicesUrl}/access/v1/evaluations`,
    });
  });

  it.each(requesters.map((one) => [one.id, one] as const))(
    'decides for %s as the gateway answers that requester, resource by resource',
    async (id, requester) => {
      const subject = described(requester, place.config.listener.publicBaseUrl);
      const statuses: number[] = [];
      for (let from = 0; from < resources.length; from += 20) {
        const asked = resources.slice(from, from + 20).map(async ({ resourceType, id: one }) => {
          const { status } = await place.ask(`${place.fhirUrl}/${resourceType}/${one}`, { as: id });
          return status;
        });
        statuses.push(...(await Promise.all(asked)));
      }
      const seen = resources.filter((_one, at) => statuses[at] === 200).map((one) => `${one.resourceType}/${one.id}`);
      const allowed: string[] = [];
      for (let from = 0; from < resources.length; from += 50) {
        const part = resources.slice(from, from + 50);
        const evaluations = part.map(({ resourceType, id: one }) => ({ resource: { type: resourceType, id: one } }));
        const { status, text } = await place.ask('/access/v1/evaluations', {
          as: 'harbor',
          body: { subject, action: reading, evaluations },
        });
        expect(status).toBe(200);
        const decisions = JSON.parse(text).evaluations as { decision: boolean }[];
        expect(decisions).toHaveLength(part.length);
        for (const [index, { decision }] of decisions.entries()) {
          const { resourceType, id: one } = part[index] as (typeof part)[number];
          if (decision) allowed.push(`${resourceType}/${one}`);
        }
      }
      expect(allowed).toEqual(seen);
      if (id !== 'meridian') expect(seen.length).toBeGreaterThan(0);
      if (id !== 'steward') expect(seen.length).toBeLessThan(resources.length);
    },
  );

  it('says the same of what is hidden and of what is not there, byte for byte', async () => {
    const ask = (resource: object) =>
      place.ask('/access/v1/evaluation', { as: 'harbor', body: { subject: grey, action: reading, resource } });
    const [hidden, absent] = [await ask(oud), await ask({ type: 'Condition', id: 'nobody' })];
    expect([hidden.status, hidden.text]).toEqual([200, '{"decision":false}']);
    expect([absent.status, absent.text]).toEqual([hidden.status, hidden.text]);
    const names = (headers: Headers) => [...headers.keys()].sort();
    expect(names(absent.headers)).toEqual(names(hidden.headers));
  });

  it('says why to those alone who are granted the reasons', async () => {
    const body = { subject: grey, action: reading, resource: oud };
    expect(await evaluate(body, 'harbor')).toEqual({ decision: false });
    expect(await evaluate(body, 'sam-nwosu')).toEqual({
      decision: false,
      context: { reasons: ['no-qualifying-permit'] },
    });
    expect(await evaluate({ ...body, resource: a1c }, 'sam-nwosu')).toMatchObject({
      decision: true,
      context: { reasons: [expect.any(String)] },
    });
    expect(await evaluate({ ...body, resource: { type: 'Condition', id: 'nobody' } }, 'sam-nwosu')).toEqual({
      decision: false,
      context: { reasons: ['not-there'] },
    });
  });

  it.each([
    ['a type of subject', { subject: { ...grey, type: 'robot' } }],
    ['a property of the subject', { subject: { ...grey, properties: { ...grey.properties, clearance: 'top' } } }],
    [
      'a property of the subject that says nothing',
      { subject: { ...grey, properties: { ...grey.properties, scope: null } } },
    ],
    ['an action', { action: { name: 'delete' } }],
    ['a property of the action', { action: { name: 'read', properties: { method: 'GET' } } }],
    ['a member of the context', { context: { time: '2026-01-01' } }],
    ['a type of resource', { resource: { type: 'todo', id: '1' } }],
    ['a datatype', { resource: { type: 'Patient.contact', id: '1' } }],
    ['an id', { resource: { type: 'Observation', id: 'ada/a1c' } }],
    ['a property of the resource', { resource: { ...a1c, properties: { owner: 'x' } } }],
    ['an emergency', { context: { purpose_of_use: ['ETREAT'] } }],
    ['scopes that are none', { subject: { ...grey, properties: { ...grey.properties, scope: 'everything' } } }],
    ['a purpose that is none', { context: { purpose_of_use: 'CURIOSITY' } }],
  ])('does not permit what it does not understand: %s', async (_name, change) => {
    expect(await evaluate({ subject: grey, action: reading, resource: a1c })).toEqual({ decision: true });
    expect(await evaluate({ subject: grey, action: reading, resource: a1c, ...change })).toEqual({ decision: false });
  });

  it('never permits by a request with one member more than it understands, wherever it stands', async () => {
    const whole = {
      subject: grey,
      action: { ...reading, properties: {} },
      resource: { ...a1c, properties: {} },
      context: {},
    };
    expect(await evaluate(whole)).toEqual({ decision: true });
    const places: readonly (readonly string[])[] = [
      [],
      ['subject'],
      ['subject', 'properties'],
      ['action'],
      ['action', 'properties'],
      ['resource'],
      ['resource', 'properties'],
      ['context'],
    ];
    const names = fc.oneof(
      fc.constantFrom(
        'toString',
        'constructor',
        '__proto__',
        'hasOwnProperty',
        'decision',
        'type',
        'tenant',
        'ip ',
        'Scope',
      ),
      fc.string({ minLength: 1, maxLength: 12 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), names, fc.jsonValue({ maxDepth: 1 }), async (at, name, value) => {
        const holder = at.reduce<unknown>((inner, step) => (inner as Record<string, unknown>)[step], whole) as object;
        fc.pre(!Object.hasOwn(holder, name) && !['ip', ...Object.keys(propertiesKnown)].includes(name));
        const text = JSON.stringify(whole, (_key, one) => (one === holder ? 'HOLDER' : one)) ?? '';
        const more = `${JSON.stringify(holder).slice(0, -1)}${Object.keys(holder).length === 0 ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}}`;
        const answer = await place.ask('/access/v1/evaluation', {
          as: 'harbor',
          body: at.length === 0 ? more : text.replace('"HOLDER"', () => more),
        });
        expect(answer.status === 400 || answer.text === '{"decision":false}').toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('passes over the members of context that configuration names', async () => {
    expect(
      await evaluate({ subject: grey, action: { name: 'can_read' }, resource: a1c, context: { ip: '::1' } }),
    ).toEqual({ decision: true });
  });

  it.each([
    ['no subject', { action: reading, resource: a1c }],
    ['no id', { subject: { type: 'user' }, action: reading, resource: a1c }],
    ['an empty type', { subject: grey, action: reading, resource: { type: '', id: 'x' } }],
    ['another member', { subject: grey, action: reading, resource: a1c, tenant: 'x' }],
    ['properties that are a list', { subject: { ...grey, properties: [] }, action: reading, resource: a1c }],
    ['a list', [1]],
  ])('refuses a request with %s by one constant sentence', async (_name, body) => {
    const { status, text, headers } = await place.ask('/access/v1/evaluation', { as: 'harbor', body });
    expect([status, text, headers.get('content-type')]).toEqual([
      400,
      'The request is not what this service takes.',
      'text/plain; charset=utf-8',
    ]);
  });

  describe('several evaluations', () => {
    const evaluations = [{ resource: a1c }, { resource: oud }, { resource: { type: 'Patient', id: 'ada' } }];
    const ask = async (body: object) => {
      const { status, text } = await place.ask('/access/v1/evaluations', { as: 'harbor', body });
      return status === 200 ? JSON.parse(text) : status;
    };

    it.each([
      [undefined, [true, false, true]],
      ['execute_all', [true, false, true]],
      ['deny_on_first_deny', [true, false]],
      ['permit_on_first_permit', [true]],
    ] as const)('end as asked: %s', async (semantic, decisions) => {
      const options = semantic === undefined ? {} : { options: { evaluations_semantic: semantic } };
      expect(await ask({ subject: grey, action: reading, evaluations, ...options })).toEqual({
        evaluations: decisions.map((decision) => ({ decision })),
      });
    });

    it('take what each says before what stands beside them', async () => {
      const other = { action: { name: 'delete' }, resource: a1c };
      expect(await ask({ subject: grey, action: reading, evaluations: [{ resource: a1c }, other] })).toEqual({
        evaluations: [{ decision: true }, { decision: false }],
      });
    });

    it('are one, where there is no list of them', async () => {
      expect(await ask({ subject: grey, action: reading, resource: a1c })).toEqual({ decision: true });
      expect(await ask({ subject: grey, action: reading, resource: a1c, evaluations: [] })).toEqual({ decision: true });
    });

    it('are no more than configured, each whole, by known semantics', async () => {
      expect(await ask({ subject: grey, action: reading, evaluations: Array(51).fill({ resource: a1c }) })).toBe(400);
      expect(await ask({ subject: grey, evaluations: [{ resource: a1c }] })).toBe(400);
      expect(await ask({ subject: grey, action: reading, evaluations: [5] })).toBe(400);
      expect(
        await ask({ subject: grey, action: reading, evaluations, options: { evaluations_semantic: 'majority' } }),
      ).toBe(400);
    });
  });

  describe('a resource kept elsewhere', () => {
    const about = (properties: object, type = 'Observation') => ({
      subject: grey,
      action: reading,
      resource: { type, id: 'elsewhere-1', properties },
    });
    const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

    it.each([
      ['ordinary data of Ada', { patient: 'Patient/ada' }, 'Observation', true],
      [
        'Ada’s, labelled as of a Part 2 program',
        { patient: 'Patient/ada', securityLabel: [{ system: actCode, code: '42CFRPart2' }] },
        'Observation',
        false,
      ],
      [
        'Ada’s, by an opioid’s code',
        { patient: 'Patient/ada', code: [{ system: 'http://snomed.info/sct', code: '75544000' }] },
        'Condition',
        false,
      ],
      ['of a patient who is not there', { patient: 'Patient/nobody' }, 'Observation', false],
      ['of nobody, as no Observation is', { securityLabel: [] }, 'Observation', false],
      ['about a patient in a type that is about none', { patient: 'Patient/ada' }, 'Organization', false],
      ['one that is stored, said to bear no label', { patient: 'Patient/ada', secret: 'x' }, 'Observation', false],
    ])('is judged by its description: %s', async (_name, properties, type, decision) => {
      expect(await evaluate(about(properties, type))).toEqual({ decision });
    });
  });

  it.each([
    ['her own', 'patient/*.rs', 'ada', true],
    ['another’s', 'patient/*.rs', 'ben', false],
    ['of a code that the scope names', 'user/Observation.rs?code=http://loinc.org|4548-4', undefined, true],
    ['of another', 'user/Observation.rs?code=http://loinc.org|1-8', undefined, false],
    ['of another type', 'user/Condition.rs', undefined, false],
  ])('keeps a described resource to the scopes of the app: %s', async (_name, scope, patient, decision) => {
    const subject = {
      ...grey,
      properties: { ...grey.properties, scope, ...(patient === undefined ? {} : { patient }) },
    };
    const properties = { patient: 'Patient/ada', code: [{ system: 'http://loinc.org', code: '4548-4' }] };
    const resource = { type: 'Observation', id: 'elsewhere-1', properties };
    expect(await evaluate({ subject, action: reading, resource })).toEqual({ decision });
  });

  it('says what has to go with Part 2 data, as the gateway’s own answer bears it', async () => {
    const harbor = described(
      requesters.find(({ id }) => id === 'harbor') as DemoRequester,
      place.config.listener.publicBaseUrl,
    );
    const resource = { type: 'Encounter', id: 'ada-enc-lakeside' };
    const answer = await evaluate({ subject: harbor, action: reading, resource }, 'summit');
    const own = JSON.parse((await place.ask(`${place.fhirUrl}/Encounter/ada-enc-lakeside`, { as: 'harbor' })).text);
    const [obligation, ...others] = answer.context.obligations;
    expect([answer.decision, obligation.id, others]).toEqual([true, 'part2', []]);
    for (const { system, code } of obligation.labels)
      expect(own.meta.security).toContainEqual(expect.objectContaining({ system, code }));
    const texts = own.meta.extension.map((one: { valueAnnotation?: { text: string } }) => one.valueAnnotation?.text);
    expect(texts).toEqual(expect.arrayContaining(obligation.texts));
    expect(obligation.texts.join()).toContain('42 CFR part 2');
    expect(answer.context.reasons).toBeUndefined();
  });

  describe('who may ask', () => {
    const body = { subject: grey, action: reading, resource: a1c };
    it('is granted by role, whatever he may see himself', async () => {
      expect(
        await Promise.all(['dr-grey', 'ada', 'steward', 'harbor', 'sam-nwosu'].map((as) => evaluate(body, as))),
      ).toEqual([403, 403, 403, { decision: true }, { decision: true, context: { reasons: ['implicit-policy'] } }]);
    });

    it('needs a token that was made for this place', async () => {
      expect((await place.ask('/access/v1/evaluation', { body })).status).toBe(401);
      const token = await place.identity.tokenFor('harbor');
      const [head, claims, signature] = token.split('.') as [string, string, string];
      const changed = JSON.parse(Buffer.from(claims, 'base64url').toString());
      const forged = Buffer.from(JSON.stringify({ ...changed, sub: 'steward' })).toString('base64url');
      for (const bad of [`${head}.${forged}.${signature}`, `${head}.${claims}.`, 'x'])
        expect((await place.ask('/access/v1/evaluation', { token: bad, body })).status).toBe(401);
    });
  });

  describe('the record', () => {
    it('has who asked, for whom, about what, by which Consent, in the patient’s own event', async () => {
      const subject = described(
        requesters.find(({ id }) => id === 'harbor') as DemoRequester,
        place.config.listener.publicBaseUrl,
      );
      const { result, events } = await place.eventsOf(() =>
        evaluate({ subject, action: reading, resource: { type: 'Encounter', id: 'ada-enc-lakeside' } }, 'summit'),
      );
      expect(result.decision).toBe(true);
      keepForValidation(
        'a decision for another',
        events.map(({ event }) => event),
      );
      expect(events.map(patientsOf)).toEqual([['Patient/ada']]);
      const [event] = events;
      if (event === undefined) throw new Error('no event');
      expect(event.streams).toEqual(['primary', 'part2']);
      expect(detailsOf(event)).toEqual(
        expect.arrayContaining([
          'service=authzen',
          'subject=client harbor',
          'subject-organization=Organization/harbor-clinic',
          'subject-purpose=TREAT',
          'decision=read Encounter/ada-enc-lakeside: true',
        ]),
      );
      expect(referencesOf(event, 'Consent/').length).toBeGreaterThan(0);
      expect(referencesOf(event, 'Encounter/ada-enc-lakeside')).toHaveLength(1);
      expect(event.event.agent.find(({ requestor }) => requestor)?.who?.identifier?.value).toBe('summit');
    });

    it('tells of a hidden resource on the common trail what it tells of an absent one', async () => {
      const common = async (id: string) => {
        const { events } = await place.eventsOf(() =>
          evaluate({ subject: grey, action: reading, resource: { type: 'Condition', id } }),
        );
        const primary = events.filter(({ streams }) => streams.includes('primary')).map(({ event }) => event);
        const text = JSON.stringify(primary).replaceAll(id, 'ID');
        return {
          text: text.replace(
            /[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24}|"sequence","valueString":"\d+"|\d{4}-\d\d-\d\dT[\d:.]+Z/g,
            '*',
          ),
          events,
        };
      };
      const [hidden, absent] = [await common('ada-oud'), await common('nobody')];
      expect(hidden.text).toBe(absent.text);
      const forSecurity = hidden.events.filter(({ streams }) => streams.includes('securityOffice'));
      expect(JSON.stringify(forSecurity)).toContain('Condition/ada-oud');
      expect(absent.events.some(({ streams }) => streams.includes('securityOffice'))).toBe(false);
    });

    it('keeps one patient’s decisions out of another’s event', async () => {
      const evaluations = [{ resource: a1c }, { resource: { type: 'Patient', id: 'ben' } }];
      const { events } = await place.eventsOf(() =>
        place.ask('/access/v1/evaluations', { as: 'harbor', body: { subject: grey, action: reading, evaluations } }),
      );
      const ofAda = events.filter((one) => patientsOf(one).includes('Patient/ada'));
      expect(ofAda).toHaveLength(1);
      expect(JSON.stringify(ofAda)).not.toContain('Patient/ben');
      expect(events.filter((one) => patientsOf(one).includes('Patient/ben'))).toHaveLength(1);
    });
  });
});

describe('AuthZEN below a path', () => {
  it('is found before it, as RFC 8615 has it', async () => {
    const place = await startGateway({ services: { publicBaseUrl: 'http://services.example/pdp' }, authzen });
    const { status, text } = await place.ask(new URL('/.well-known/authzen-configuration/pdp', place.servicesUrl).href);
    expect([status, JSON.parse(text).access_evaluation_endpoint]).toEqual([
      200,
      'http://services.example/pdp/access/v1/evaluation',
    ]);
    await place.close();
  });
});

describe('a negative decision', () => {
  it('leaves on the grid, hidden or absent', async () => {
    const place = await start({ answers: { negativeGridMs: 200 } });
    for (const id of ['ada-oud', 'nobody']) {
      const before = performance.now();
      await place.ask('/access/v1/evaluation', {
        as: 'harbor',
        body: { subject: grey, action: reading, resource: { type: 'Condition', id } },
      });
      expect(performance.now() - before).toBeGreaterThan(150);
    }
    await place.close();
  });
});
