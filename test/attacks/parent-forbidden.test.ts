import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { answering, type Bench, startBench, startRelay } from '../failure/bench.ts';

/** `upstream.credential: forward`: what the FHIR server keeps from the client's own token is as if it were not there, be it one thing or two. */

const observation = (id: string, patient: string, ...derivedFrom: readonly string[]) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
  ...(derivedFrom.length === 0 ? {} : { derivedFrom: derivedFrom.map((reference) => ({ reference })) }),
});
const people = [
  { resourceType: 'Patient', id: 'ivy' },
  { resourceType: 'Patient', id: 'joe' },
  observation('joe-1', 'joe'),
  observation('joe-2', 'joe'),
  observation('of-one', 'ivy', 'Observation/joe-1'),
  {
    ...observation('hidden', 'ivy', 'Observation/joe-1'),
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'SDV' }] },
  },
  observation('of-two', 'ivy', 'Observation/joe-1', 'Observation/joe-2'),
];

let bench: Bench;
beforeAll(async () => {
  const relay = await startRelay([...textsOf(peopleBundles()), ...people.map((one) => JSON.stringify(one))]);
  bench = await startBench({ relay, changes: { upstream: { credential: 'forward' } } });
  // A server that lets this client have nothing of Joe: a search leaves it out, a read is forbidden.
  relay.fault = (call) => {
    if (call.type !== 'Observation') return undefined;
    if (call.interaction === 'read' && call.target.includes('/joe-'))
      return answering('{"resourceType":"OperationOutcome"}', { status: 403 });
    const ids = call.parameters.get('_id') ?? '';
    return ids.includes('joe-') ? answering('{"resourceType":"Bundle","type":"searchset"}') : undefined;
  };
}, 60_000);
afterAll(() => bench.close());

it.each(['of-two', 'of-one'])('%s is given without what it derives from', async (id) => {
  const { status, body } = await bench.ask(`Observation/${id}`);
  expect([status, body.includes('joe')]).toEqual([200, false]);
});

it('what is withheld and derives from it is as if it were not there', async () => {
  const [hidden, never] = [await bench.ask('Observation/hidden'), await bench.ask('Observation/never-was')];
  expect([hidden.status, hidden.body]).toEqual([404, never.body]);
});
