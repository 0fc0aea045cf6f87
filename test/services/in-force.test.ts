import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { answering, type Fault } from '../failure/bench.ts';
import { detailsOf, type Place, patientsOf, referencesOf, startGateway } from './place.ts';

let place: Place;
const failing = (status: number): Fault => answering('{}', { status });
const path = (patient: string, format?: string): string =>
  `/patients/${patient}/in-force${format === undefined ? '' : `?_format=${format}`}`;

beforeAll(async () => {
  place = await startGateway({ services: { grants: { 'in-force': ['front-desk'] } } });
});
afterAll(() => place.close());

interface Parameter {
  readonly name: string;
  readonly part?: readonly Parameter[];
  readonly valueReference?: { readonly reference: string };
  readonly valueCode?: string;
  readonly valueString?: string;
}
/** Each Consent with the reason it counts or does not. */
function consentsIn(text: string): Readonly<Record<string, string>> {
  const { resourceType, parameter } = JSON.parse(text) as { resourceType: string; parameter: readonly Parameter[] };
  expect(resourceType).toBe('Parameters');
  return Object.fromEntries(
    parameter
      .filter(({ name }) => name === 'consent')
      .map(({ part = [] }) => [
        part.find(({ name }) => name === 'reference')?.valueReference?.reference.split('/')[1] ?? '',
        part.find(({ name }) => name === 'reason')?.valueCode ?? '',
      ]),
  );
}

describe('nobody to tell of', () => {
  it('is told on the grid, and so often a minute', async () => {
    const own = await startGateway({
      services: { grants: { 'in-force': ['front-desk'] } },
      changes: { answers: { negativeGridMs: 200 }, limits: { app: { negativesPerMinute: 3 } } },
    });
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) {
      const before = performance.now();
      statuses.push((await own.ask(path('nobody'), { as: 'front-desk' })).status);
      if (n < 3) expect(performance.now() - before).toBeGreaterThan(150);
    }
    expect(statuses).toEqual([404, 404, 404, 429, 429]);
    await own.close();
  });
});

describe('what is in force', () => {
  it('for the patient herself: every Consent of hers, with what it comes to', async () => {
    const { status: code, text, headers } = await place.ask(path('ada'), { as: 'ada' });
    expect(code).toBe(200);
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(consentsIn(text)).toEqual({
      'ada-consent-scheduling': 'in-force',
      'ada-consent-part2': 'in-force',
      'ada-consent-exchange': 'in-force',
      'ada-consent-counseling-notes': 'in-force',
      'ada-consent-foreign': 'denials-only',
      'ada-consent-summit-revoked': 'not-active',
    });
  });

  it('for those who are granted it, of everybody', async () => {
    const { status: code, text } = await place.ask(path('fay'), { as: 'front-desk' });
    expect(code).toBe(200);
    expect(consentsIn(text)).toEqual({ 'fay-consent-unsigned': 'in-force', 'fay-consent-expired': 'ended' });
    expect(text).toContain('42 CFR 2.31(a)(8)');
  });

  it('in words, as text and as a page', async () => {
    const plain = await place.ask(path('eve', 'text'), { as: 'front-desk' });
    expect(plain.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(plain.text).toContain(
      [
        '- Does not allow anyone to receive any records.',
        '  - Except: allows Harbor Example Clinic (Organization/harbor-clinic) to receive records (but no psychotherapy or substance use counseling notes), for treatment.',
      ].join('\n'),
    );
    const page = await place.ask(path('eve'), { as: 'front-desk', headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.text).toContain('<li>Does not allow anyone to receive any records.</li>');
  });

  it('is recorded before it is told: who read it, of whom, which Consent versions', async () => {
    const { events } = await place.eventsOf(() => place.ask(path('ada'), { as: 'ada' }));
    const rest = events.filter((one) => detailsOf(one).includes('service=in-force'));
    expect(rest.flatMap(patientsOf)).toContain('Patient/ada');
    expect(rest.flatMap(detailsOf)).toContain('reader=self');
    const told = rest.flatMap((one) => referencesOf(one, 'Consent/'));
    expect(told).toContain('Consent/ada-consent-part2/_history/1');
    // That she has a Part 2 consent is Part 2 data: its own trail has it too.
    expect(events.flatMap(({ streams }) => streams)).toContain('part2');
  });
});

describe('who may not', () => {
  it('a guardian reads what is in force for the child, and gets one answer for anybody else', async () => {
    const hers = await place.ask(path('cy'), { as: 'cy-guardian' });
    expect(hers.status).toBe(200);
    const refused = await Promise.all(
      ['ada', 'ben', 'nobody-has-this-id'].map((patient) => place.ask(path(patient), { as: 'cy-guardian' })),
    );
    expect(new Set(refused.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(refused[0]?.status).toBe(404);
  });

  it('the patient, of others: one answer, whether they exist or not', async () => {
    const refused = await Promise.all(
      ['ben', 'nobody-has-this-id'].map((patient) => place.ask(path(patient), { as: 'ada' })),
    );
    expect(refused.map(({ status }) => status)).toEqual([403, 403]);
    expect(refused[0]?.text).toBe(refused[1]?.text);
  });

  it.each(['dr-grey', 'sam-nwosu', 'harbor', 'biller', 'steward'])('%s, who is not granted it', async (as) => {
    const answers = await Promise.all(['ada', 'nobody-has-this-id'].map((patient) => place.ask(path(patient), { as })));
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
  });

  it('what is read for somebody who may not does not depend on whom he asks about', async () => {
    const readFor = async (patient: string) => {
      const before = place.relay.calls.length;
      await place.ask(path(patient), { as: 'cy-guardian' });
      return place.relay.calls.slice(before).map(({ method, target, body }) => `${method} ${target} ${body}`);
    };
    expect(await readFor('ada')).toEqual(await readFor('nobody-has-this-id'));
    expect((await readFor('ada')).join()).not.toMatch(/ada|Consent/);
  });

  it('for those who manage consents a patient who is not there is not there', async () => {
    expect((await place.ask(path('nobody-has-this-id'), { as: 'front-desk' })).status).toBe(404);
  });

  it.each(['?_format=pdf', '?_format=json&_format=text', '?since=2026'])(
    'what is not understood is refused: %s',
    async (query) => {
      expect((await place.ask(`${path('ada')}${query}`, { as: 'ada' })).status).toBe(400);
    },
  );
});

describe('a representative', () => {
  const guardian = { reference: 'RelatedPerson/cy-guardian' };
  const consentOf = (id: string, provision: object, more: object = {}) => ({
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/cy' },
    dateTime: '2026-03-02',
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentpolicycodes', code: id }] },
    provision,
    ...more,
  });
  const ircp = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] };
  const adol = { meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'ADOL' }] } };
  const startWith = (...resources: readonly object[]) => startGateway({ resources });

  it('is not told of a Consent that an adolescent keeps from parents, nor that there is one', async () => {
    const other = await startWith(
      consentOf('open', { type: 'permit' }),
      consentOf('hers-alone', { type: 'deny' }, adol),
    );
    try {
      const { text } = await other.ask(path('cy', 'text'), { as: 'cy-guardian' });
      expect(text).toContain('Consent/open');
      expect(text).not.toContain('hers-alone');
    } finally {
      await other.close();
    }
  });

  it('whom a Consent of hers denies by name gets what a stranger gets', async () => {
    const other = await startWith(consentOf('not-him', { type: 'deny', actor: [{ role: ircp, reference: guardian }] }));
    try {
      const denied = await other.ask(path('cy'), { as: 'cy-guardian' });
      const stranger = await other.ask(path('ada'), { as: 'cy-guardian' });
      expect([denied.status, denied.text]).toEqual([stranger.status, stranger.text]);
      expect(denied.status).toBe(404);
    } finally {
      await other.close();
    }
  });
});

describe('when a store fails', () => {
  afterEach(() => {
    place.relay.fault = () => undefined;
  });

  it('a store that keeps no history: what is in force is told, and that no history could be read', async () => {
    place.relay.fault = ({ interaction }) => (interaction === 'history' ? failing(501) : undefined);
    const { status: code, text } = await place.ask(path('eve', 'text'), { as: 'front-desk' });
    expect(code).toBe(200);
    expect(text).toContain('No history of it could be read.');
    expect(text).toContain('- Does not allow anyone to receive any records.');
  });

  it.each(['search', 'history'] as const)('a store that does not answer a %s: nothing is told', async (interaction) => {
    place.relay.fault = (call) =>
      call.type === 'Consent' && call.interaction === interaction ? failing(503) : undefined;
    const { status: code, text } = await place.ask(path('eve'), { as: 'front-desk' });
    expect(code).toBe(503);
    expect(text).not.toContain('eve-consent');
  });
});

describe('Consents of another store', () => {
  const elsewhere = (id: string, patient: string, type: string) => ({
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patient}` },
    dateTime: '2026-03-02',
    policyRule: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentpolicycodes', code: 'hipaa-auth' }],
    },
    provision: { type },
  });

  it('are told to the patient and to those who manage consents, not to who stands for her', async () => {
    const registry = await startEmbeddedServer({
      resources: [elsewhere('there-ada', 'ada', 'permit'), elsewhere('there-cy', 'cy', 'permit')].map((one) =>
        JSON.stringify(one),
      ),
    });
    const other = await startGateway({
      services: { grants: { 'in-force': ['front-desk'] } },
      changes: {
        consent: {
          maximumAgeMs: 0,
          stores: [{ name: 'registry', baseUrl: registry.url, paging: 'offset', patients: { by: 'id' } }],
        },
      },
    });
    try {
      const told = async (patient: string, as: string) => (await other.ask(path(patient, 'text'), { as })).text;
      expect(await told('ada', 'ada')).toContain(`${registry.url}/Consent/there-ada/_history/1`);
      expect(await told('cy', 'front-desk')).toContain(`${registry.url}/Consent/there-cy/_history/1`);
      const his = await told('cy', 'cy-guardian');
      expect(his).not.toContain('there-cy');
      expect(his).toContain('those that other stores hold, are not shown to who stands for her');
    } finally {
      await other.close();
      await registry.close();
    }
  });
});
