import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { keepForValidation } from '../audit/disclosures.ts';
import { answering, pause } from '../failure/bench.ts';
import { detailsOf, type Place, patientsOf, referencesOf, startGateway } from './place.ts';

const folder = join(import.meta.dirname, '../../fixtures/patient-consent-consult');
const fixture = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const levels = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const types = 'http://hl7.org/fhir/resource-types';
const loinc = 'http://loinc.org';
const clinic = 'Organization/d0894f6b-78d7-338d-82ad-b63de4d40014';
const label = (code: string) => ({ system: actCode, code });
const recipient = {
  role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
  reference: { reference: clinic },
};
const treatment = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }];

type Json = Readonly<Record<string, unknown>>;

/** A patient of her own with one Consent, as the FHIR server keeps both. */
function patientWith(id: string, provision: Json, more: Json = {}): readonly object[] {
  return [
    { resourceType: 'Patient', id, identifier: [{ system: 'urn:mrn', value: `mrn,${id}` }] },
    {
      resourceType: 'Consent',
      id: `consent-${id}`,
      status: 'active',
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ coding: [{ system: loinc, code: '59284-0' }] }],
      patient: { reference: `Patient/${id}` },
      dateTime: '2024-01-01',
      organization: [{ reference: 'Organization/mercy-hospital' }],
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
      provision,
      ...more,
    },
  ];
}

const permit = { type: 'permit', actor: [recipient], purpose: treatment };
const denying = (more: Json) => ({ ...permit, provision: [{ type: 'deny', ...more }] });
const instance = { meaning: 'instance', reference: { reference: 'Observation/one' } };
const stored: Readonly<Record<string, readonly object[]>> = {
  permitted: patientWith('permitted', permit),
  'no-hiv': patientWith('no-hiv', denying({ securityLabel: [label('HIV')] })),
  'no-prescriptions': patientWith(
    'no-prescriptions',
    denying({ class: [{ system: types, code: 'MedicationRequest' }] }),
  ),
  'not-this-code': patientWith('not-this-code', denying({ code: [{ coding: [{ system: loinc, code: '4548-4' }] }] })),
  'not-this-one': patientWith('not-this-one', denying({ data: [instance] })),
  'not-of-that-year': patientWith(
    'not-of-that-year',
    denying({ dataPeriod: { start: '2020-01-01', end: '2020-12-31' } }),
  ),
  'not-dr-grey': patientWith(
    'not-dr-grey',
    denying({ actor: [{ ...recipient, reference: { reference: 'Practitioner/dr-grey' } }] }),
  ),
  normal: patientWith('normal', { ...permit, securityLabel: [{ system: levels, code: 'N' }] }),
  'hiv-alone': patientWith('hiv-alone', { ...permit, securityLabel: [label('HIV')] }),
  'observations-alone': patientWith('observations-alone', {
    ...permit,
    class: [{ system: types, code: 'Observation' }],
  }),
  denied: patientWith('denied', { type: 'deny', actor: [recipient] }),
  'hiv-denied': patientWith('hiv-denied', { type: 'deny', securityLabel: [label('HIV')] }, { policyRule: undefined }),
  'opted-in': patientWith('opted-in', { type: 'deny', securityLabel: [label('HIV')] }),
  inactive: patientWith('inactive', permit, { status: 'inactive' }),
  expired: patientWith('expired', { ...permit, period: { end: '2024-06-01' } }),
  unreadable: patientWith('unreadable', permit, { status: 5 }),
  cfsb1703736930464: patientWith('cfsb1703736930464', { type: 'deny', actor: [recipient] }),
  cfsb1699034947598: patientWith('cfsb1699034947598', { type: 'permit', actor: [recipient] }),
  'without-any': [
    { resourceType: 'Patient', id: 'without-any', identifier: [{ system: 'urn:mrn', value: 'mrn,without-any' }] },
  ],
};

const requestSchema = z.fromJSONSchema(fixture('hook-request.schema'));
const { definitions, properties, $schema, ...response } = fixture('hook-response.schema');
const cardSchema = z.fromJSONSchema({ $schema, definitions, ...properties.cards.contains });
/** Of the cards the schema wants one to fit; every one has to here. */
const responseSchema = z.fromJSONSchema({ $schema, ...response, properties: { cards: { type: 'array' } } });

interface Card {
  readonly summary: string;
  readonly extension: {
    readonly decision: string;
    readonly obligations: readonly {
      readonly parameters: { codes?: { code: string }[]; exceptAnyOfCodes?: { code: string }[] };
    }[];
    readonly consents?: readonly string[];
  };
}

describe('patient-consent-consult', () => {
  let place: Place;
  beforeAll(async () => {
    place = await startGateway({
      resources: Object.values(stored).flat(),
      services: {
        grants: {
          'patient-consent-consult': ['system-client', 'counselor'],
          'patient-consent-consult-sources': ['counselor'],
        },
      },
      changes: { answers: { negativeGridMs: 0 } },
    });
  });
  afterAll(() => place.close());

  const asking = (patient: string, more: Json = {}) => ({
    hook: 'patient-consent-consult',
    hookInstance: 'd1577c69-dfbe-44ad-ba6d-3e05e953b2ea',
    context: {
      actor: [{ value: clinic }],
      patientId: [{ value: `Patient/${patient}` }],
      purposeOfUse: ['TREAT'],
      ...more,
    },
  });
  const post = (body: unknown, as = 'harbor') => place.ask('/cds-services/patient-consent-consult', { as, body });
  const cardOf = async (body: unknown, as?: string): Promise<Card> => {
    const { status, text } = await post(body, as);
    expect(status).toBe(200);
    expect(requestSchema.safeParse(body).error?.issues ?? []).toEqual([]);
    expect(responseSchema.safeParse(JSON.parse(text)).error?.issues ?? []).toEqual([]);
    const [card, ...others] = JSON.parse(text).cards;
    expect(others).toEqual([]);
    expect(cardSchema.safeParse(card).error?.issues ?? []).toEqual([]);
    expect(card.summary).toBe(card.extension.decision);
    return card;
  };
  /** Decision, and of each obligation the codes. */
  const said = async (body: unknown) => {
    const { extension } = await cardOf(body);
    const codes = (list: { code: string }[] | undefined) => list?.map(({ code }) => code);
    return [
      extension.decision,
      ...extension.obligations.map(({ parameters }) => ({
        codes: codes(parameters.codes),
        except: codes(parameters.exceptAnyOfCodes),
      })),
    ];
  };

  it('is found by CDS Hooks discovery, without a token', async () => {
    const { status, text } = await place.ask('/cds-services');
    expect(status).toBe(200);
    expect(JSON.parse(text).services).toEqual([
      expect.objectContaining({
        hook: 'patient-consent-consult',
        id: 'patient-consent-consult',
        description: expect.any(String),
      }),
    ]);
  });

  it.each([
    ['example-request-deny', 'CONSENT_DENY'],
    ['example-request-no-consent-found', 'NO_CONSENT'],
    ['example-request-permit', 'CONSENT_PERMIT'],
  ])('answers the hook’s own %s', async (name, decision) => {
    expect((await cardOf(fixture(name))).summary).toBe(decision);
  });

  // Part 2 records and what counts as them, and notes: a permit that does not say so is no written consent for these.
  const notWritten = ['42CFRPart2', 'ETH', 'ETHUD', 'OPIOIDUD', 'PSYTHPN', 'SUD', 'SUDCN'];
  const only = (codes: readonly string[] | undefined, except?: readonly string[]) => ({ codes, except });
  type Case = readonly [name: string, patient: string, more: Json, expected: readonly unknown[]];
  it.each([
    ['a permit, but for what has to be named or written', 'permitted', {}, ['CONSENT_PERMIT', only(notWritten)]],
    [
      'a permit without a topic',
      'no-hiv',
      {},
      ['CONSENT_PERMIT', only(['42CFRPart2', 'ETH', 'ETHUD', 'HIV', 'OPIOIDUD', 'PSYTHPN', 'SUD', 'SUDCN'])],
    ],
    ['a permit without a kind', 'no-prescriptions', {}, ['CONSENT_PERMIT', only([...notWritten, 'MedicationRequest'])]],
    [
      'a kind that is denied',
      'no-prescriptions',
      { class: [{ system: types, code: 'MedicationRequest' }] },
      ['CONSENT_DENY'],
    ],
    [
      'a kind beside the one that is denied',
      'no-prescriptions',
      { class: [{ system: types, code: 'Observation' }] },
      ['CONSENT_PERMIT', only(notWritten)],
    ],
    ['a permit without a code', 'not-this-code', {}, ['CONSENT_PERMIT', only([...notWritten, '4548-4'])]],
    ['a permit without one record, which no code can say', 'not-this-one', {}, ['CONSENT_DENY']],
    ['a permit without one year, which no code can say', 'not-of-that-year', {}, ['CONSENT_DENY']],
    [
      'a permit for HIV alone',
      'hiv-alone',
      {},
      [
        'CONSENT_PERMIT',
        expect.objectContaining({ codes: expect.not.arrayContaining(['HIV']) }),
        only(undefined, ['HIV']),
      ],
    ],
    [
      'a permit for Observations alone',
      'observations-alone',
      {},
      ['CONSENT_PERMIT', only(notWritten), only(undefined, ['Observation'])],
    ],
    [
      'Observations by it',
      'observations-alone',
      { class: [{ system: types, code: 'Observation' }] },
      ['CONSENT_PERMIT', only(notWritten)],
    ],
    ['Conditions by it', 'observations-alone', { class: [{ system: types, code: 'Condition' }] }, ['CONSENT_DENY']],
    ['a denial', 'denied', {}, ['CONSENT_DENY']],
    ['a denial of a topic where nothing is permitted', 'hiv-denied', {}, ['CONSENT_DENY']],
    [
      'a denial of a topic on top of an opt-in',
      'opted-in',
      {},
      ['CONSENT_PERMIT', only(['42CFRPart2', 'ETH', 'ETHUD', 'HIV', 'OPIOIDUD', 'PSYTHPN', 'SUD', 'SUDCN'])],
    ],
    ['an organization, one of whose people is denied', 'not-dr-grey', {}, ['CONSENT_DENY']],
    [
      'the one who is denied',
      'not-dr-grey',
      { actor: [{ value: clinic }, { value: 'Practitioner/dr-grey' }] },
      ['CONSENT_DENY'],
    ],
    [
      'another of its people',
      'not-dr-grey',
      { actor: [{ value: clinic }, { value: 'Practitioner/sam-nwosu' }] },
      ['CONSENT_PERMIT', only(notWritten)],
    ],
    ['another actor', 'permitted', { actor: [{ value: 'Organization/other' }] }, ['NO_CONSENT']],
    [
      'the actor among other names of his',
      'permitted',
      { actor: [{ value: 'Practitioner/dr-grey' }, { value: clinic }] },
      ['CONSENT_PERMIT', only(notWritten)],
    ],
    ['another purpose', 'permitted', { purposeOfUse: ['HPAYMT'] }, ['NO_CONSENT']],
    ['a purpose beside it, as one text', 'permitted', { purposeOfUse: ['TREAT', 'HRESCH'] }, ['NO_CONSENT']],
    ['the purpose as one text', 'permitted', { purposeOfUse: 'TREAT' }, ['CONSENT_PERMIT', only(notWritten)]],
    ['no purpose', 'permitted', { purposeOfUse: [] }, ['NO_CONSENT']],
    [
      'its category',
      'permitted',
      { category: [{ system: loinc, code: '59284-0' }] },
      ['CONSENT_PERMIT', only(notWritten)],
    ],
    ['another category', 'permitted', { category: [{ system: loinc, code: '57016-8' }] }, ['NO_CONSENT']],
    ['a denial of another category', 'denied', { category: [{ system: loinc, code: '57016-8' }] }, ['CONSENT_DENY']],
    ['a Consent that was withdrawn', 'inactive', {}, ['NO_CONSENT']],
    ['one that has ended', 'expired', {}, ['NO_CONSENT']],
    ['one that cannot be read', 'unreadable', {}, ['CONSENT_DENY']],
    [
      'two records of her, one of which is denied',
      'permitted',
      { patientId: [{ value: 'Patient/permitted' }, { value: 'Patient/denied' }] },
      ['CONSENT_DENY'],
    ],
    [
      'two records of her, one without a Consent',
      'permitted',
      { patientId: [{ value: 'Patient/permitted' }, { value: 'Patient/without-any' }] },
      ['NO_CONSENT'],
    ],
    [
      'her identifier',
      '-',
      { patientId: [{ system: 'urn:mrn', value: 'mrn,permitted' }] },
      ['CONSENT_PERMIT', only(notWritten)],
    ],
    ['an identifier of nobody', '-', { patientId: [{ system: 'urn:mrn', value: 'mrn' }] }, ['NO_CONSENT']],
  ] satisfies readonly Case[])('says for %s', async (_name, patient, more, expected) => {
    expect(await said(asking(patient, more))).toEqual(expected);
  });

  it('names levels above the one that is permitted', async () => {
    const [decision, first, second] = await said(asking('normal'));
    expect([decision, second]).toEqual(['CONSENT_PERMIT', { codes: ['R'], except: undefined }]);
    expect(first).toMatchObject({ codes: expect.arrayContaining(['V', 'HIV', 'SUD', 'ETH', '42CFRPart2']) });
  });

  it('permits Part 2 records by Ada’s written consent to whom it names, and to nobody else', async () => {
    const part2 = async (organization: string) => {
      const { extension } = await cardOf(asking('ada', { actor: [{ value: `Organization/${organization}` }] }));
      return [
        extension.decision,
        extension.obligations.some(({ parameters }) => parameters.codes?.some(({ code }) => code === '42CFRPart2')),
      ];
    };
    expect(await part2('harbor-clinic')).toEqual(['CONSENT_PERMIT', false]);
    expect(await part2('summit-clinic')).toEqual(['CONSENT_PERMIT', true]);
  });

  it('says the same of a patient without a Consent and of one who does not exist', async () => {
    const ask = async (patientId: object) => {
      const { status, text, headers } = await post(asking('-', { patientId: [patientId] }));
      return { status, text, names: [...headers.keys()].sort() };
    };
    const known = await ask({ value: 'Patient/without-any' });
    expect(known.status).toBe(200);
    expect(await ask({ value: 'Patient/nobody' })).toEqual(known);
    expect(await ask({ system: 'urn:mrn', value: 'mrn,without-any' })).toEqual(known);
    expect(await ask({ system: 'urn:mrn', value: 'nobody' })).toEqual(known);
  });

  it.each([
    ['no actor', { actor: [] }],
    ['no patient', { patientId: [] }],
    ['an actor by a bare name', { actor: [{ value: 'Dr. Grey' }] }],
    ['a patient of another server', { patientId: [{ value: 'https://elsewhere.example/fhir/Patient/ada' }] }],
    ['what is no patient', { patientId: [{ value: 'Practitioner/dr-grey' }] }],
    ['a purpose that is none', { purposeOfUse: ['TREAT', 'CURIOSITY'] }],
    ['a class that is no kind of resource', { class: [{ system: loinc, code: '34133-9' }] }],
    ['a Consent brought along', { consent: [stored.permitted?.[1]] }],
    ['something unknown in the context', { urgency: 'high' }],
    ['content that is no Bundle', { content: { resourceType: 'Observation' } }],
  ])('refuses what it does not understand: %s', async (_name, more) => {
    const { status, text } = await post(asking('permitted', more));
    expect([status, JSON.parse(text).issue[0].details.coding[0].code]).toEqual([400, 'service-body-invalid']);
    expect(text).not.toContain('permitted');
  });

  it('answers whatever the schema of its requests describes by a card or by 400, and what it does not by 400', async () => {
    const few = <Value>(...values: readonly Value[]) =>
      fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
    const known = fc.record(
      {
        actor: few<object>({ value: clinic }, { value: 'Practitioner/dr-grey' }, { system: 'urn:npi', value: '1' }),
        patientId: few<object>(
          { value: 'Patient/permitted' },
          { value: 'Patient/nobody' },
          { system: 'urn:mrn', value: '' },
        ),
        purposeOfUse: fc.oneof(few('TREAT', 'TREAT', 'HPAYMT', 'X'), fc.constant('TREAT')),
        category: few({ system: loinc, code: '59284-0' }, { system: '', code: '' }),
        class: few({ system: types, code: 'Observation' }, { system: levels, code: 'R' }),
        content: fc.constantFrom<object>({ resourceType: 'Bundle', entry: [] }, { resourceType: 'Bundle' }),
      },
      { requiredKeys: ['actor', 'patientId'] },
    );
    const right = fc.record({
      actor: few({ value: clinic }, { value: 'Practitioner/dr-grey' }),
      patientId: few<object>({ value: 'Patient/permitted' }, { system: 'urn:mrn', value: 'mrn,permitted' }),
      purposeOfUse: few('TREAT', 'HPAYMT'),
    });
    const odd = fc.dictionary(
      fc.constantFrom('actor', 'patientId', 'purposeOfUse', 'class'),
      fc.jsonValue({ maxDepth: 2 }),
    );
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(known, right), fc.option(odd, { freq: 1 }), async (context, more) => {
        const body = { ...asking('permitted'), context: { ...context, ...more } };
        const { status, text } = await post(body);
        expect([200, 400]).toContain(status);
        if (!requestSchema.safeParse(body).success) expect(status).toBe(400);
        if (status !== 200) return;
        answered++;
        for (const card of JSON.parse(text).cards) cardSchema.parse(card);
      }),
      { numRuns: 150 },
    );
    expect(answered).toBeGreaterThan(0);
  });

  it('refuses another hook, and an emergency, which nobody states here', async () => {
    expect((await post({ ...asking('permitted'), hook: 'patient-view' })).status).toBe(400);
    expect(await said(asking('permitted', { purposeOfUse: ['ETREAT'] }))).toEqual(['NO_CONSENT']);
  });

  it('passes over a token and data that a CDS client brings along', async () => {
    const body = {
      ...asking('permitted'),
      fhirServer: 'https://x.example',
      fhirAuthorization: { access_token: 'PLANTED' },
      prefetch: { patient: {} },
    };
    const { result, events } = await place.eventsOf(() => said(body));
    expect(result[0]).toBe('CONSENT_PERMIT');
    expect(JSON.stringify(events)).not.toContain('PLANTED');
  });

  it('is for those who are granted it; the Consents that governed for those who are granted them', async () => {
    const statuses = await Promise.all(
      ['dr-grey', 'ada', 'steward', 'harbor'].map(async (as) => (await post(asking('permitted'), as)).status),
    );
    expect(statuses).toEqual([403, 403, 403, 200]);
    expect((await place.ask('/cds-services/patient-consent-consult', { body: asking('permitted') })).status).toBe(401);
    expect((await cardOf(asking('permitted'), 'harbor')).extension.consents).toBeUndefined();
    expect((await cardOf(asking('permitted'), 'sam-nwosu')).extension.consents).toEqual([
      'Consent/consent-permitted/_history/1',
    ]);
  });

  it('records who asked about whom, the answer, and the Consents that governed it', async () => {
    const { events } = await place.eventsOf(() => cardOf(asking('permitted')));
    expect(events.map(patientsOf)).toEqual([['Patient/permitted']]);
    const [event] = events;
    if (event === undefined) throw new Error('no event');
    keepForValidation(
      'a consultation of Consents',
      events.map((one) => one.event),
    );
    expect(referencesOf(event, 'Consent/')).toEqual(['Consent/consent-permitted/_history/1']);
    expect(detailsOf(event)).toEqual(
      expect.arrayContaining([
        'service=patient-consent-consult',
        'decision=CONSENT_PERMIT',
        `actor=${clinic}`,
        'purpose=TREAT',
      ]),
    );
    const nobody = await place.eventsOf(() =>
      cardOf(asking('-', { patientId: [{ system: 'urn:mrn', value: 'nobody' }] })),
    );
    expect(
      nobody.events.map((one) => [patientsOf(one), detailsOf(one).includes('patient-identifier=urn:mrn|nobody')]),
    ).toEqual([[[], true]]);
  });

  const revoke = (): (() => void) => {
    const { repo } = place.relay.origin;
    const text = repo.current('Consent', 'consent-permitted')?.text as string;
    repo.put(text.replace('"status":"active"', '"status":"inactive"'));
    return () => void repo.put(text);
  };

  it('takes a Consent that was withdrawn a moment ago as withdrawn', async () => {
    expect((await said(asking('permitted')))[0]).toBe('CONSENT_PERMIT');
    const restore = revoke();
    expect(await said(asking('permitted'))).toEqual(['NO_CONSENT']);
    restore();
  });

  it('takes one that is withdrawn while it answers as withdrawn', async () => {
    let restore: (() => void) | undefined;
    place.relay.fault = (call) => {
      if (call.type !== 'Consent' || restore !== undefined) return undefined;
      restore = () => undefined;
      return async () => {
        const honest = await fetch(new URL(call.target, place.relay.origin.url), {
          method: call.method,
          headers: { 'content-type': call.headers['content-type'] ?? '' },
          ...(call.body === '' ? {} : { body: call.body }),
        });
        const body = await honest.text();
        restore = revoke(); // after it was read, before the answer is there
        await pause(1_100); // a longer request than the Consents are taken for at once
        answering(body)(call);
      };
    };
    const { result, events } = await place.eventsOf(() => said(asking('permitted')));
    place.relay.fault = () => undefined;
    expect(result).toEqual(['NO_CONSENT']);
    expect(events.flatMap(detailsOf)).toContain('decision=NO_CONSENT');
    expect(events.flatMap(detailsOf)).not.toContain('decision=CONSENT_PERMIT');
    restore?.();
  });

  it('answers nothing while the Consents cannot be read, whoever is asked about', async () => {
    place.relay.fault = (call) => (call.type === 'Consent' ? answering('broken', { status: 500 }) : undefined);
    const answers = await Promise.all(['permitted', 'without-any', 'nobody'].map((one) => post(asking(one))));
    place.relay.fault = () => undefined;
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(503);
  });
});
