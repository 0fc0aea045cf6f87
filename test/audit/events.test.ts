import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import * as fc from 'fast-check';
import { type Delivery, eventsOf, type Stream, type StreamedEvent } from '../../src/audit/events.ts';
import { type Activity, activityText, disclosureText, readRecord, refusalText } from '../../src/audit/record.ts';
import type { Disclosure } from '../../src/audit/recorder.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import {
  context,
  disclosure,
  keepForValidation,
  part2,
  publicBaseUrl,
  request,
  resource,
  restricted,
  secretToken,
} from './disclosures.ts';

const at = Date.parse('2026-03-01T10:00:00.120Z');
const sent: Delivery = { state: 'complete', bytesSent: 512 };
const source = {
  outboxId: '00000000-0000-4000-8000-000000000000',
  publicBaseUrl,
  device: 'gateway-1',
  consentDecisions: 'denials',
} as const;

function made(one: Disclosure, delivery = sent, consentDecisions: 'denials' | 'always' = 'denials'): StreamedEvent[] {
  return eventsOf(readRecord(disclosureText(one, at)), 7, delivery, { ...source, consentDecisions });
}

function refused(one: Parameters<typeof refusalText>[0], uncounted = 0): StreamedEvent[] {
  return eventsOf(readRecord(refusalText(one, at, uncounted)), 8, sent, source);
}

const active = (activity: Activity): StreamedEvent[] =>
  eventsOf(readRecord(activityText(activity, at)), 9, sent, source);
const checkpoint = {
  outbox: source.outboxId,
  position: 12,
  sequence: 7,
  at: '2026-03-01T10:00:00.000Z',
  link: 'd'.repeat(64),
  key: 'e'.repeat(16),
  signature: 'c2lnbmF0dXJl',
};

const of = (events: readonly StreamedEvent[], stream: Stream): AuditEvent[] =>
  events.filter(({ streams }) => streams.includes(stream)).map(({ event }) => event);
const profiles = (events: readonly AuditEvent[]): (string | undefined)[] =>
  events.map(({ meta }) => meta?.profile?.[0]?.replace(/.*(IHE\.BasicAudit\.|gateway:profile:)/, ''));
const whats = (event: AuditEvent | undefined): (string | undefined)[] =>
  (event?.entity ?? []).map(({ what }) => what?.reference).filter((reference) => reference !== undefined);
const detail = (event: AuditEvent | undefined, type: string): string | undefined =>
  event?.entity?.flatMap((entity) => entity.detail ?? []).find((one) => one.type === type)?.valueString;
const query = (event: AuditEvent | undefined): string =>
  Buffer.from(event?.entity?.find((entity) => entity.query)?.query ?? '', 'base64').toString();

const searchOf = (parameters: readonly (readonly [string, string])[], changes: Partial<Disclosure> = {}): Disclosure =>
  disclosure({
    request: request(['Observation'], { query: parameters }),
    interaction: 'search-type',
    query: new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString(),
    ...changes,
  });

const denied = (changes: Partial<Disclosure> = {}): Disclosure =>
  disclosure({
    request: request(['Condition', '77']),
    resourceType: 'Condition',
    status: 404,
    outcome: 'not-found',
    released: [],
    ...changes,
  });
const withheldCondition = resource('Condition/77', ['Patient/ada'], {
  labels: [restricted, part2],
  reasons: [
    {
      code: 'consent-deny',
      step: 5,
      consent: 'Consent/ada-no/_history/2',
      provision: 'provision.provision[1]',
      label: '42CFRPart2',
    },
  ],
});

const kinds: Record<string, () => StreamedEvent[]> = {
  'a read': () => made(disclosure()),
  'a read whose delivery is unknown': () => made(disclosure(), { state: 'unknown' }),
  'a read of nobody': () =>
    made(
      disclosure({
        request: request(['Organization', 'north']),
        resourceType: 'Organization',
        released: [
          resource('Organization/north', [], { reasons: [{ code: 'policy-permit', step: 8, rule: 'kinds' }] }),
        ],
      }),
    ),
  'a version read by the patient herself': () =>
    made(
      disclosure({
        request: request(['Observation', 'a1c', '_history', '1']),
        interaction: 'vread',
        context: context({
          fhirUser: 'Patient/ada',
          name: 'Ada',
          organizations: [],
          roleCodes: [],
          purposes: [{ code: 'PATRQT', assigned: true }],
        }),
      }),
    ),
  'an instance history': () =>
    made(
      disclosure({
        request: request(['Observation', 'a1c', '_history']),
        interaction: 'history-instance',
        released: ['1', '2'].map((versionId) => resource('Observation/a1c', ['Patient/ada'], { versionId })),
      }),
    ),
  'a search over two patients and a practitioner': () =>
    made(
      searchOf([['code', 'http://loinc.org|4548-4']], {
        released: [
          resource('Observation/a1c', ['Patient/ada']),
          resource('Observation/ben-1', ['Patient/ben'], { versionId: '4', reasons: [] }),
          resource('Practitioner/lee', [], { reasons: [] }),
        ],
      }),
    ),
  'a search by POST that found nothing': () =>
    made(
      searchOf([], {
        request: request(['Observation', '_search'], { method: 'POST', form: [['patient', 'ada']] }),
        query: 'patient=ada',
        released: [],
      }),
    ),
  'Part 2 data': () =>
    made(
      searchOf([['patient', 'ada']], {
        released: [
          resource('Observation/a1c', ['Patient/ada']),
          resource('Observation/methadone', ['Patient/ada'], { labels: [restricted, part2] }),
        ],
      }),
    ),
  'a backend service doing research': () =>
    made(
      disclosure({
        context: context({ clientKind: 'system', purposes: [{ code: 'HRESCH', assigned: false }] }),
      }),
    ),
  'a hidden resource': () => made(denied({ withheld: [withheldCondition] })),
  'an absent resource': () => made(denied()),
  'a denial to a backend service': () =>
    made(denied({ context: context({ clientKind: 'system' }), withheld: [withheldCondition] })),
  'a denial without a Consent': () =>
    made(denied({ withheld: [{ ...withheldCondition, reasons: [{ code: 'no-applicable-consent', step: 6 }] }] })),
  'a permit, where they are asked for': () => made(disclosure(), sent, 'always'),
  'a failure': () => made(denied({ status: 503, outcome: 'failed', refusal: 'consent-unavailable' })),
  'a refusal by scope': () =>
    refused({
      request: request(['Patient', 'ada', 'Observation'], { query: [['code', 'x']] }),
      code: 'scope-insufficient',
      context: context(),
    }),
  'a rejected token': () =>
    refused(
      { request: request(['Observation'], { query: [['access_token', secretToken]] }), code: 'token-invalid' },
      3,
    ),
  'the start, with the rules it goes by': () =>
    active({
      what: 'started',
      version: '0.1.0',
      policy: 'us-part2',
      policyHash: 'a'.repeat(64),
      configurationHash: 'c'.repeat(64),
    }),
  'the stop': () => active({ what: 'stopped' }),
  'a signature on the chain': () => active({ what: 'checkpoint', checkpoint }),
  'records removed in their time': () => active({ what: 'retention', removedThrough: checkpoint }),
  'an alert': () =>
    active({
      what: 'alert',
      rule: 'many-patients',
      count: 100,
      windowMinutes: 60,
      sequence: 48_211,
      at,
      who: { issuer: 'https://idp.example.org', subject: 'u-123', clientId: 'app-77' },
    }),
  'a route that does not exist': () =>
    refused({ request: request(['Nothing', '$do']), code: 'unknown-route', context: context() }),
};

describe('the events of', () => {
  it.each(Object.entries(kinds))('%s', (name, events) => {
    const all = events();
    keepForValidation(
      name,
      all.map(({ event }) => event),
    );
    expect(all).toMatchSnapshot();
  });
});

describe('an answer', () => {
  it('has one event per patient, and resources about nobody in one of their own', () => {
    const events = of(kinds['a search over two patients and a practitioner']?.() ?? [], 'primary');
    expect(profiles(events)).toEqual(['PatientQuery', 'PatientQuery', 'Query']);
    expect(whats(events[0])).toEqual(['Observation/a1c/_history/1', 'Patient/ada', 'Consent/ada-treatment/_history/3']);
    expect(whats(events[1])).toEqual(['Observation/ben-1/_history/4', 'Patient/ben']);
    expect(whats(events[2])).toEqual(['Practitioner/lee/_history/1']);
  });

  it('that found nothing is about the patient whom the request names', () => {
    const [event] = of(kinds['a search by POST that found nothing']?.() ?? [], 'primary');
    expect(profiles(event === undefined ? [] : [event])).toEqual(['PatientQuery']);
    expect(whats(event)).toEqual(['Patient/ada']);
  });

  it('says when nobody knows whether it left', () => {
    const [event] = of(made(disclosure(), { state: 'unknown' }), 'primary');
    expect(detail(event, 'delivery')).toBe('unknown');
  });

  it('keeps the request line, Accept and X-Request-Id of a search, and never the token', () => {
    const [event] = of(made(searchOf([['patient', 'ada']])), 'primary');
    expect(query(event)).toBe(
      `GET ${publicBaseUrl}/Observation?patient=ada\r\nAccept: application/fhir+json\r\nX-Request-Id: client-77`,
    );
  });

  it('keeps what a page token stood for, not the token', () => {
    const paged = searchOf([['patient', 'ada']], { request: request([], { query: [['_page', 'sealed-page-token']] }) });
    const [event] = of(made(paged), 'primary');
    expect(query(event)).toContain('/Observation?patient=ada');
    expect(JSON.stringify(made(paged))).not.toContain('sealed-page-token');
    expect(query(event)).not.toContain('sealed-page-token');
  });

  it('keeps no more than 16 KiB of a request', () => {
    const [event] = of(made(searchOf([['code', 'x'.repeat(40_000)]])), 'primary');
    expect(query(event)).toHaveLength(16_384);
  });

  it('that was denied looks the same on the primary trail whether there was something or not', () => {
    const hidden = of(kinds['a hidden resource']?.() ?? [], 'primary');
    expect(hidden).toEqual(of(kinds['an absent resource']?.() ?? [], 'primary'));
    expect(profiles(hidden)).toEqual(['unsuccessful-answer']);
    expect(hidden[0]?.outcome).toBe('4');
    expect(whats(hidden[0])).toEqual(['Condition/77']);
  });

  it('says when its purpose was assigned by configuration', () => {
    const events = made(disclosure({ context: context({ purposes: [{ code: 'TREAT', assigned: true }] }) }));
    expect(events[0]?.event.purposeOfEvent?.[0]?.text).toMatch(/assigned by configuration/);
    expect(made(disclosure())[0]?.event.purposeOfEvent?.[0]?.text).toBeUndefined();
  });
});

describe('what the gateway does of itself', () => {
  it('is told on the primary trail, the rules as a security configuration', () => {
    const events = of(kinds['the start, with the rules it goes by']?.() ?? [], 'primary');
    expect(events.map(({ type, subtype }) => [type.code, subtype?.[0]?.code])).toEqual([
      ['110100', '110120'],
      ['110113', '110129'],
    ]);
  });

  it('is told on every trail when it is a signature, and to the security office alone when it is an alert', () => {
    expect(kinds['a signature on the chain']?.().map(({ streams }) => streams)).toEqual([
      ['primary', 'part2', 'securityOffice'],
    ]);
    expect(kinds['an alert']?.().map(({ streams }) => streams)).toEqual([['securityOffice']]);
  });
});

describe('a denial', () => {
  it('names person, organization, patient and Consent to the security office, and claims AuthZconsent', () => {
    const events = of(kinds['a hidden resource']?.() ?? [], 'securityOffice');
    expect(profiles(events)).toEqual(['AuthZconsent', 'withheld']);
    expect(whats(events[0])).toEqual(['Patient/ada', 'Consent/ada-no/_history/2']);
    expect(events[0]?.outcome).toBe('8');
    expect(whats(events[1])).toContain('Condition/77/_history/1');
  });

  it.each(['a denial to a backend service', 'a denial without a Consent'])('%s claims a profile of our own', (kind) => {
    const [decision] = of(kinds[kind]?.() ?? [], 'securityOffice');
    expect(decision?.type.code).toBe('110113');
    expect(profiles(decision === undefined ? [] : [decision])).toEqual(['decision']);
  });
});

describe('an accounting row', () => {
  it('is made for Part 2 data, which also goes to the separate trail', () => {
    const events = of(kinds['Part 2 data']?.() ?? [], 'part2');
    expect(profiles(events)).toEqual(['PatientQuery', 'PrivacyDisclosure.Source']);
    expect(whats(events[1])).toContain('Observation/methadone/_history/1');
    expect(whats(events[1])).not.toContain('Observation/a1c/_history/1');
    expect(events[1]?.meta?.security?.map(({ code }) => code)).toEqual(['R', '42CFRPart2']);
  });

  it.each([
    ['TREAT', false],
    ['BTG', false],
    ['COVERAGE', false],
    ['HQUALIMP', false],
    ['HLEGAL', true],
    ['HMARKT', true],
    ['HRESCH', true],
    ['PATRQT', true],
    ['of no code system', true],
  ])('for %s: %s', (code, expected) => {
    const events = made(disclosure({ context: context({ purposes: [{ code, assigned: false }] }) }));
    expect(profiles(events.map(({ event }) => event)).includes('PrivacyDisclosure.Source')).toBe(expected);
  });

  it('is made when no purpose is stated', () => {
    const events = made(disclosure({ context: context({ purposes: [] }) }));
    expect(profiles(events.map(({ event }) => event))).toContain('PrivacyDisclosure.Source');
  });
});

describe('an emergency', () => {
  const emergency = {
    purpose: 'BTG',
    patient: 'Patient/ada' as PatientKey,
    reason: 'unconscious, overdose suspected',
    overrideReason: 'OVRER',
    disclosedBy: 'Health information desk',
    overridesDenies: false,
    includesNotes: false,
  };
  const given = made(
    searchOf([], {
      context: { ...context({ purposes: [{ code: 'BTG', assigned: false }] }), emergency },
      released: [resource('Observation/1', ['Patient/ada']), resource('Observation/2', ['Patient/ben'])],
    }),
  );
  keepForValidation(
    'an emergency',
    given.map(({ event }) => event),
  );
  const about = (patient: string): StreamedEvent[] => given.filter(({ event }) => whats(event).includes(patient));

  it('is recorded with all that 42 CFR 2.51(c) asks for, and shown to the security office', () => {
    const [one] = about('Patient/ada');
    expect(one?.streams).toEqual(['primary', 'securityOffice']);
    expect(one?.event.subtype?.map(({ code }) => code)).toEqual(['search-type', '110127']);
    expect(one?.event.purposeOfEvent?.[0]?.coding?.[0]?.code).toBe('BTG');
    expect(detail(one?.event, 'emergency-nature')).toBe('unconscious, overdose suspected');
    expect(detail(one?.event, 'override-reason')).toBe('OVRER');
    expect(detail(one?.event, 'disclosed-by')).toBe('Health information desk');
    expect(one?.event.agent.map(({ name }) => name)).toContain('Dr Ann Lee');
    expect(JSON.stringify(one?.event.agent)).toContain('North Clinic');
    expect(one?.event.recorded).toBe('2026-03-01T10:00:00.120Z');
  });

  it('is no emergency of anybody else in the same answer', () => {
    const [other] = about('Patient/ben');
    expect(other?.streams).toEqual(['primary']);
    expect(other?.event.subtype?.map(({ code }) => code)).toEqual(['search-type']);
    expect(detail(other?.event, 'emergency-nature')).toBeUndefined();
  });
});

const marker = 'PLANTED';
const id = fc.stringMatching(/^[a-z0-9]{4,10}$/);
const patients = fc.uniqueArray(fc.constantFrom('Patient/ada', 'Patient/ben', 'Patient/cy'), { maxLength: 3 });
const anyResource = fc
  .record({
    type: fc.constantFrom('Observation', 'Condition', 'Practitioner'),
    id,
    about: patients,
    sud: fc.boolean(),
    rule: id,
  })
  .map(({ type, id: key, about, sud, rule }) =>
    resource(`${type}/${key}`, about, {
      labels: sud ? [restricted, part2] : [restricted],
      reasons: rule === undefined ? [] : [{ code: 'policy-permit', step: 8, rule }],
    }),
  );
const resources = fc.uniqueArray(anyResource, { maxLength: 8, selector: ({ type, id: key }) => `${type}/${key}` });

describe('for every disclosure', () => {
  it('each released version is listed once for each of its patients, and nobody is given another one', () => {
    fc.assert(
      fc.property(resources, (released) => {
        const rest = of(made(searchOf([], { released })), 'primary').filter(({ type }) => type.code === 'rest');
        for (const { type, id: key, patients: about } of released) {
          const listing = rest.filter((event) => whats(event).includes(`${type}/${key}/_history/1`));
          const theirs = listing.flatMap((event) => whats(event).filter((what) => what?.startsWith('Patient/')));
          const listed = rest.flatMap(whats).filter((what) => what === `${type}/${key}/_history/1`);
          expect(listed).toHaveLength(Math.max(1, about.length));
          if (about.length > 0) expect(theirs.sort()).toEqual([...about].sort());
        }
      }),
      { numRuns: 200 },
    );
  });

  it('what was withheld is named to the security office alone', () => {
    fc.assert(
      fc.property(resources, resources, (released, hidden) => {
        const withheld = hidden.map((one) => ({ ...one, id: `${marker}-${one.id}` }));
        const events = made(searchOf([['patient', 'ada']], { released, withheld }));
        expect(JSON.stringify([of(events, 'primary'), of(events, 'part2')])).not.toContain(marker);
        const told = of(events, 'securityOffice').flatMap(whats);
        for (const { type, id: key } of withheld) expect(told).toContain(`${type}/${key}/_history/1`);
      }),
      { numRuns: 200 },
    );
  });

  it('nothing of the token, the other headers or the credentials gets into an event', () => {
    const free = fc.constantFrom('authorization', 'dpop', 'prefer', 'if-none-match', 'x-purpose-of-use', 'category');
    fc.assert(
      fc.property(fc.uniqueArray(free), fc.boolean(), resources, (headers, bySearch, released) => {
        const planted = {
          headers: { accept: '*/*', ...Object.fromEntries(headers.map((name) => [name, `${marker} ${name}`])) },
          query: [
            ['access_token', marker],
            ['_page', marker],
          ] as const,
        };
        const who = context({
          tokenHash: marker,
          pcf: { rules: marker },
          identities: [marker],
          amr: [marker],
          patient: marker,
        });
        const one = bySearch
          ? searchOf([], { request: request(['Observation'], planted), context: who, released })
          : disclosure({ request: request(['Observation', 'a1c'], planted), context: who, released });
        const text = JSON.stringify([made(one, sent, 'always'), disclosureText(one, at)]);
        const decoded = made(one).map(({ event }) => query(event));
        expect(text + decoded.join()).not.toContain(marker);
      }),
      { numRuns: 200 },
    );
  });

  it('what is read back is what was recorded', () => {
    fc.assert(
      fc.property(resources, resources, (released, withheld) => {
        const read = readRecord(disclosureText(searchOf([], { released, withheld }), at));
        expect(read).toMatchObject({ released, withheld });
      }),
      { numRuns: 200 },
    );
  });

  it('ids are the same when made again and never shared', () => {
    fc.assert(
      fc.property(resources, resources, (released, withheld) => {
        const one = searchOf([['patient', 'ada']], { released, withheld });
        const ids = made(one, sent, 'always').map(({ event }) => event.id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(made(one, { state: 'unknown' }, 'always').map(({ event }) => event.id)).toEqual(ids);
        const next = eventsOf(readRecord(disclosureText(one, at)), 8, sent, source).map(({ event }) => event.id);
        expect(next.filter((other) => ids.includes(other))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
