import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Answer,
  answering,
  type Bench,
  type Call,
  errorCode,
  type Fault,
  hang,
  raw,
  reset,
  startBench,
} from './bench.ts';

/** For each route: what Dr. Grey may not know, and what nobody has. Ids of one length, so that lengths compare too. */
const pairs = [
  ['a read', 'Observation/ada-drug-screen', 'Observation/ada-drug-scrool'],
  ['a read of a patient', 'Patient/eve', 'Patient/evo'],
  ['a vread', 'Observation/ada-drug-screen/_history/1', 'Observation/ada-drug-scrool/_history/1'],
  ['a history', 'Observation/ada-drug-screen/_history', 'Observation/ada-drug-scrool/_history'],
  ['a history of a patient', 'Patient/eve/_history', 'Patient/evo/_history'],
  ['a search by id', 'Observation?_id=ada-drug-screen', 'Observation?_id=ada-drug-scrool'],
  ['a search by patient', 'Observation?patient=eve', 'Observation?patient=evo'],
  ['a search of a compartment', 'Patient/eve/Observation', 'Patient/evo/Observation'],
  ['a chain', 'Observation?subject:Patient._id=eve', 'Observation?subject:Patient._id=evo'],
  [
    'a reverse chain',
    'Patient?_has:Observation:subject:_id=ada-drug-screen',
    'Patient?_has:Observation:subject:_id=ada-drug-scrool',
  ],
] as const;

/** What comes back, without what is random and without the id that was asked for. */
function essence({ status, headers, body }: Answer): unknown {
  const { date: _date, 'x-request-id': _id, ...rest } = headers;
  const alike = body
    .replace(/"id":"[0-9a-f-]{36}"/, '')
    .replace(/"(lastUpdated|timestamp)":"[^"]*"/g, '')
    .replaceAll('ada-drug-scrool', 'ada-drug-screen')
    .replaceAll('evo', 'eve');
  return { status, headers: rest, body: alike };
}

const every = (): boolean => true;
const consents = ({ type }: Call): boolean => type === 'Consent';
const serverError = answering('<h1>PLANTED</h1>', { status: 500, headers: { 'content-type': 'text/html' } });
const cut = raw('HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n\r\n{"resourceType":"Bundle","ty');
const wrong = answering('{"resourceType":"OperationOutcome"}');

const faults: readonly (readonly [string, (call: Call) => boolean, Fault])[] = [
  ['every answer is a reset', every, reset],
  ['every answer is a 500', every, serverError],
  ['every answer is a 503', every, answering('', { status: 503 })],
  ['every answer is cut', every, cut],
  ['no answer comes', every, hang],
  ['every search is a 500', ({ interaction }) => interaction === 'search', serverError],
  ['Consents are a 500', consents, serverError],
  ['Consents are a reset', consents, reset],
  ['Consents never come', consents, hang],
  ['Consents are cut', consents, cut],
  ['Consents are something else', consents, wrong],
  ['Consents are refused', consents, answering('{}', { status: 403 })],
  ['Consents are not found', consents, answering('{}', { status: 404 })],
];

describe('a fault of the store tells nothing: what is withheld and what is absent fail alike', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ changes: { upstream: { answerTimeoutMs: 300 } } });
  });
  afterEach(() => {
    bench.relay.fault = () => undefined;
  });
  afterAll(() => bench.close());

  describe.each(pairs)('%s', (_route, withheld, absent) => {
    it('without a fault is one answer', async () => {
      const [first, second] = [await bench.ask(withheld), await bench.ask(absent)];
      expect(essence(first)).toEqual(essence(second));
      expect(first.status).toBeLessThan(500);
    });

    it.each(faults)('when %s', async (name, concerns, fault) => {
      bench.relay.fault = (call) => (concerns(call) ? fault : undefined);
      const [first, second] = [await bench.ask(withheld), await bench.ask(absent)];
      expect(essence(first)).toEqual(essence(second));
      expect(first.body).not.toContain('PLANTED');
      if (name.startsWith('Consents'))
        expect([first.status, errorCode(first.body)]).toEqual([503, 'consent-unavailable']);
      else if (name.startsWith('every') || name.startsWith('no')) expect(first.status).toBeGreaterThanOrEqual(500);
    });

    it('when nobody listens', async () => {
      await bench.relay.stop();
      try {
        const [first, second] = [await bench.ask(withheld), await bench.ask(absent)];
        expect(essence(first)).toEqual(essence(second));
        expect([first.status, errorCode(first.body)]).toEqual([503, 'upstream-unavailable']);
      } finally {
        await bench.relay.start();
      }
    });
  });
});
