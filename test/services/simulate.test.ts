import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answering, pause } from '../failure/bench.ts';
import { detailsOf, type Place, startGateway } from './place.ts';

let place: Place;
beforeAll(async () => {
  place = await startGateway({ services: { grants: { simulate: ['front-desk'] } } });
});
afterAll(() => place.close());

const v3 = (name: string, code: string) => ({ system: `http://terminology.hl7.org/CodeSystem/v3-${name}`, code });
const requesters = {
  'dr-grey': {
    roles: ['clinician'],
    user: 'Practitioner/dr-grey',
    organization: 'Organization/mercy-hospital',
    purposes: ['TREAT'],
  },
  harbor: {
    roles: ['system-client'],
    organization: 'Organization/harbor-clinic',
    purposes: ['TREAT'],
    scope: 'system/*.rs',
    clientKind: 'system',
  },
};

interface Told {
  readonly hasChanges: boolean;
  readonly requesters: readonly {
    readonly requester: string;
    readonly releasedBefore: number;
    readonly releasedAfter: number;
    readonly gained: readonly {
      readonly resource: string;
      readonly after: { readonly sentences: readonly string[] };
    }[];
    readonly lost: readonly { readonly resource: string; readonly after: { readonly sentences: readonly string[] } }[];
  }[];
}

async function simulated(more: object, as = 'front-desk'): Promise<Told> {
  const { status, text } = await place.ask('/patients/ada/simulate', { as, body: { requesters, ...more } });
  expect(`${status} ${text.slice(0, 200)}`).toMatch(/^200 /);
  return JSON.parse(text) as Told;
}

const stored = async (id: string): Promise<Record<string, unknown>> =>
  (await (await fetch(`${place.config.upstream.baseUrl}/Consent/${id}`)).json()) as Record<string, unknown>;

const optOut = {
  resourceType: 'Consent',
  status: 'draft',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: 'Patient/ada' },
  policyRule: { coding: [v3('ActCode', 'OPTOUT')] },
};

describe('a draft Consent, tried out', () => {
  it('nothing changed: nobody gains or loses', async () => {
    const { hasChanges, requesters: told } = await simulated({ consents: [await stored('ada-consent-part2')] });
    expect(hasChanges).toBe(false);
    expect(told.map(({ releasedBefore, releasedAfter }) => releasedBefore - releasedAfter)).toEqual([0, 0]);
    expect(told.every(({ releasedBefore }) => releasedBefore > 5)).toBe(true);
  });

  it('a revocation: the named recipient loses what it alone gave, with the reason; others lose nothing', async () => {
    const revoked = { ...(await stored('ada-consent-part2')), status: 'inactive' };
    const { hasChanges, requesters: told } = await simulated({ consents: [revoked] });
    const [grey, harbor] = told;
    expect(hasChanges).toBe(true);
    expect([grey?.gained, grey?.lost, harbor?.gained]).toEqual([[], [], []]);
    expect(harbor?.lost.map(({ resource }) => resource)).toContain('Observation/ada-drug-screen');
    expect(harbor?.lost.map(({ resource }) => resource)).not.toContain('Observation/ada-a1c');
    expect(harbor?.lost[0]?.after.sentences[0]).toContain('The law asks for a written consent');
    expect(harbor?.releasedAfter).toBe((harbor?.releasedBefore ?? 0) - (harbor?.lost.length ?? 0));
  });

  it('a draft is taken as active: by an opt-out everybody loses everything', async () => {
    const { requesters: told } = await simulated({ consents: [optOut] });
    expect(told.map(({ releasedAfter, gained }) => [releasedAfter, gained])).toEqual([
      [0, []],
      [0, []],
    ]);
    expect(told[0]?.lost.map(({ resource }) => resource)).toContain('Patient/ada');
  });

  it('what it says comes true: once the draft is stored, reading gives what was foretold', async () => {
    const other = await startGateway({ services: { grants: { simulate: ['front-desk'] } } });
    try {
      const url = `${other.config.upstream.baseUrl}/Consent/ada-consent-part2`;
      const revoked = { ...((await (await fetch(url)).json()) as object), status: 'inactive' };
      const body = { requesters: { harbor: requesters.harbor }, consents: [revoked] };
      const { text } = await other.ask('/patients/ada/simulate', { as: 'front-desk', body });
      const lost = (JSON.parse(text) as Told).requesters[0]?.lost.map(({ resource }) => resource) ?? [];
      const statusOf = async (key: string) => (await other.ask(`${other.fhirUrl}/${key}`, { as: 'harbor' })).status;
      expect(new Set(await Promise.all(lost.map(statusOf)))).toEqual(new Set([200]));
      const headers = { 'content-type': 'application/fhir+json' };
      await fetch(url, { method: 'PUT', headers, body: JSON.stringify(revoked) });
      expect(new Set(await Promise.all(lost.map(statusOf)))).toEqual(new Set([404]));
      expect(lost.length).toBeGreaterThan(3);
    } finally {
      await other.close();
    }
  });

  it('R5 drafts too', async () => {
    const { scope: _scope, patient, policyRule: _rule, ...plain } = optOut;
    const r5 = { ...plain, subject: patient, decision: 'deny' };
    const { hasChanges } = await simulated({ consents: [r5], fhirVersion: 'R5' });
    expect(hasChanges).toBe(true);
  });

  it('as a table for people', async () => {
    const { text } = await place.ask('/patients/ada/simulate', {
      as: 'front-desk',
      body: { requesters, consents: [optOut], format: 'text', resources: ['Observation/ada-a1c'] },
    });
    expect(text).toContain(
      ['requester  released before  after  gained  lost', 'dr-grey    1                0      0       1'].join('\n'),
    );
    expect(text).toContain('After: A consent of the patient denies it. Consent/draft-1/_history/draft, base');
  });
});

describe('many requesters, drafts and resources at once', () => {
  const codes = ['HIV', 'PSY', 'SDV', undefined, undefined];
  const resources = [
    { resourceType: 'Patient', id: 'many' },
    ...Array.from({ length: 130 }, (_, index) => {
      const label = codes[index % codes.length];
      return {
        resourceType: index % 2 === 0 ? 'Observation' : 'Condition',
        id: `many-${index}`,
        status: 'final',
        subject: { reference: 'Patient/many' },
        code: { coding: [{ system: 'http://loinc.org', code: `${index % 7}-1` }] },
        ...(label === undefined ? {} : { meta: { security: [v3('ActCode', label)] } }),
      };
    }),
  ];
  const to = (reference: string) => [
    { role: { coding: [v3('ParticipationType', 'IRCP')] }, reference: { reference: `Organization/${reference}` } },
  ];
  const drafts = ['harbor-clinic', 'mercy-hospital', 'summit-clinic'].map((name, index) => ({
    ...optOut,
    patient: { reference: 'Patient/many' },
    policy: [{ uri: `https://policies.example/${index}` }],
    policyRule: undefined,
    provision: {
      type: 'permit',
      actor: to(name),
      provision: [
        { type: 'permit', securityLabel: [v3('ActCode', ['HIV', 'PSY', 'SDV'][index] as string)] },
        { type: 'deny', code: [{ coding: [{ system: 'http://loinc.org', code: `${index}-1` }] }] },
      ],
    },
  }));
  const [harbor, grey] = [requesters.harbor, requesters['dr-grey']];
  const all = {
    ...requesters,
    summit: { ...harbor, organization: 'Organization/summit-clinic' },
    'mercy-system': { ...harbor, organization: 'Organization/mercy-hospital' },
    unstated: { ...grey, purposes: [] },
  };

  let many: Place;
  beforeAll(async () => {
    many = await startGateway({ services: { grants: { simulate: ['front-desk'] } }, resources });
  });
  afterAll(() => many.close());

  interface Whole extends Told {
    readonly notRead: readonly string[];
  }
  const tried = async (body: object): Promise<Whole> => {
    const { status, text } = await many.ask('/patients/many/simulate', { as: 'front-desk', body });
    expect(status).toBe(200);
    return JSON.parse(text) as Whole;
  };

  it('are told what each is told alone, resource by resource', async () => {
    const together = await tried({ requesters: all, consents: drafts });
    expect(together.requesters.map(({ requester }) => requester)).toEqual(Object.keys(all));
    const keys = resources.map(({ resourceType, id }) => `${resourceType}/${id}`);
    for (const [name, requester] of Object.entries(all)) {
      const [said] = together.requesters.filter((one) => one.requester === name);
      const alone: Told['requesters'][number][] = [];
      for (const key of keys.filter((_key, index) => index % 6 === 0)) {
        const { requesters: told } = await tried({
          requesters: { [name]: requester },
          consents: drafts,
          resources: [key],
        });
        alone.push(...told);
      }
      const ofThese = (told: readonly { readonly resource: string }[] = []) =>
        told
          .filter(({ resource }) => keys.indexOf(resource) % 6 === 0)
          .sort((a, b) => (a.resource < b.resource ? -1 : 1));
      expect(ofThese(said?.gained)).toEqual(ofThese(alone.flatMap(({ gained }) => gained)));
      expect(ofThese(said?.lost)).toEqual(ofThese(alone.flatMap(({ lost }) => lost)));
    }
    const changes = together.requesters.map(({ gained, lost }) => gained.length + lost.length);
    expect(Math.max(...changes)).toBeGreaterThan(50);
  });

  it('ask the FHIR server no more for many resources than for few', async () => {
    const calls = async (count: number) => {
      const first = many.relay.calls.length;
      await tried({
        requesters: all,
        consents: drafts,
        resources: resources.slice(0, count).map(({ resourceType, id }) => `${resourceType}/${id}`),
      });
      const calls = many.relay.calls.slice(first);
      const consents = calls.filter(({ type }) => type === 'Consent').length;
      return { consents, others: calls.length - consents - count }; // each of them is read once
    };
    const [ofMany, ofFew] = [await calls(120), await calls(12)];
    expect(ofMany.others).toBe(ofFew.others);
    // Consents are looked at a second time where it took longer than a second.
    expect(ofMany.consents).toBeLessThanOrEqual(2 * ofFew.consents);
  });
});

describe('a Consent that is withdrawn while a simulation runs', () => {
  it('counts as withdrawn for those whom it had compared before, too', async () => {
    const own = await startGateway({ services: { grants: { simulate: ['front-desk'] } } });
    try {
      const ask = async () => {
        const body = { requesters: { harbor: requesters.harbor, 'dr-grey': requesters['dr-grey'] }, consents: [] };
        const { status, text } = await own.ask('/patients/ada/simulate', { as: 'front-desk', body });
        expect(status).toBe(200);
        return (JSON.parse(text) as Told).requesters.map(({ releasedBefore }) => releasedBefore);
      };
      const { repo } = own.relay.origin;
      const isSearch = ({ type, interaction }: { type: string; interaction: string }) =>
        type === 'Consent' && interaction === 'search';
      const before = await ask();
      // Two for each side: from the fifth on it is the second requester's turn.
      let seen = 0;
      own.relay.fault = (call) => {
        if (!isSearch(call) || ++seen !== 6) return undefined;
        return async () => {
          const honest = await fetch(new URL(call.target, own.relay.origin.url), {
            method: call.method,
            headers: { 'content-type': call.headers['content-type'] ?? '' },
            ...(call.body === '' ? {} : { body: call.body }),
          });
          const body = await honest.text();
          const text = repo.current('Consent', 'ada-consent-part2')?.text as string;
          repo.put(text.replace('"status":"active"', '"status":"inactive"'));
          await pause(1_100); // a longer request than the Consents are taken for at once
          answering(body)(call);
        };
      };
      const meanwhile = await ask();
      own.relay.fault = () => undefined;
      const after = await ask();
      expect(after[0]).toBeLessThan(before[0] as number);
      expect(seen).toBeGreaterThan(6);
      expect(meanwhile).toEqual(after);
    } finally {
      await own.close();
    }
  });
});

describe('who may try out', () => {
  it('the patient, on her own record; nobody else who is not granted it', async () => {
    expect((await simulated({ consents: [optOut] }, 'ada')).hasChanges).toBe(true);
    const body = { requesters, consents: [optOut] };
    for (const as of ['dr-grey', 'steward', 'cy-guardian'])
      expect((await place.ask('/patients/ada/simulate', { as, body })).status).toBe(403);
    expect((await place.ask('/patients/ben/simulate', { as: 'ada', body })).status).toBe(403);
  });

  it('it is recorded, and changes nothing', async () => {
    const { events } = await place.eventsOf(() => simulated({ consents: [optOut] }));
    expect(events.flatMap(detailsOf)).toContain('service=simulate');
    expect((await stored('draft-1')).resourceType).toBe('OperationOutcome');
    expect((await place.ask(`${place.fhirUrl}/Observation/ada-a1c`, { as: 'dr-grey' })).status).toBe(200);
  });

  it.each([
    ['another patient’s Consent', { consents: [{ ...optOut, patient: { reference: 'Patient/ben' } }] }],
    ['what is no Consent', { consents: [{ resourceType: 'Patient' }] }],
    ['nobody to try it for', { requesters: {}, consents: [optOut] }],
  ])('%s is refused', async (_what, more) => {
    const body = { requesters, ...more };
    expect((await place.ask('/patients/ada/simulate', { as: 'front-desk', body })).status).toBe(400);
  });
});
