import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { answering, type Bench, type Fault, startBench, startRelay } from '../failure/bench.ts';

/** A parent gives its labels to what was made in it. That it is not there is believed only of a FHIR server that says so. */

const labels = (...codes: readonly string[]) => ({
  security: codes.map((code) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code })),
});
const inEncounter = {
  resourceType: 'Observation',
  id: 'ivy-weight',
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/ivy' },
  encounter: { reference: 'Encounter/ivy-shelter' },
};
const people = [
  { resourceType: 'Patient', id: 'ivy' },
  {
    resourceType: 'Encounter',
    id: 'ivy-shelter',
    meta: labels('SDV'),
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/ivy' },
  },
  inEncounter,
  {
    resourceType: 'Medication',
    id: 'telling',
    meta: labels('MST'),
    code: { text: 'x' },
  },
  {
    resourceType: 'MedicationRequest',
    id: 'ivy-telling',
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/ivy' },
    medicationReference: { reference: 'Medication/telling', display: 'what it is' },
  },
  { ...inEncounter, id: 'ivy-height', encounter: { reference: 'Encounter/ivy-other' } },
];

let bench: Bench;
beforeAll(async () => {
  const relay = await startRelay([...textsOf(peopleBundles()), ...people.map((one) => JSON.stringify(one))]);
  bench = await startBench({ relay });
}, 60_000);
afterAll(() => bench.close());

async function whileParents(fault: Fault, path: string) {
  bench.relay.fault = (call) => (call.type === 'Encounter' || call.type === 'Medication' ? fault : undefined);
  try {
    return await bench.ask(path);
  } finally {
    bench.relay.fault = () => undefined;
  }
}

it('what its parent labels is withheld', async () => {
  expect((await bench.ask('Observation/ivy-weight')).status).toBe(404);
  expect(JSON.parse((await bench.ask('Observation?patient=ivy')).body)).toMatchObject({ total: 1 });
  expect((await bench.ask('MedicationRequest/ivy-telling')).status).toBe(404);
});

// As the ingress in front of a FHIR server answers while it has no place to send a request to.
const notOfFhir: readonly (readonly [string, Fault])[] = [
  ['a proxy', answering('default backend - 404', { status: 404, headers: { 'content-type': 'text/plain' } })],
  ['a page', answering('<html><h1>Not Found</h1></html>', { status: 404, headers: { 'content-type': 'text/html' } })],
  ['a router', answering('{"message":"no Route matched with those values"}', { status: 404 })],
  ['nothing', answering('', { status: 404 })],
  [
    'a page that is gone',
    answering('<html><h1>Gone</h1></html>', { status: 410, headers: { 'content-type': 'text/html' } }),
  ],
];
it.each(notOfFhir)('and withheld where %s says 404 or 410 in its place', async (_what, fault) => {
  const paths = ['Observation/ivy-weight', 'Observation/ivy-weight/_history', 'MedicationRequest/ivy-telling'];
  const leaving: string[] = [];
  for (const path of [...paths, 'MedicationRequest?patient=ivy']) {
    const { body, status } = await whileParents(fault, path);
    if (/ivy-weight|ivy-telling/.test(body))
      leaving.push(`${path} ${status}${body.includes('what it is') ? ' with the product' : ''}`);
  }
  expect(leaving).toEqual([]);
});

// Two of a kind are searched for, and then nothing is released.
it.each(notOfFhir)('as where two are looked up, and %s says 404 or 410', async (_what, fault) => {
  const { body, status } = await whileParents(fault, 'Observation?_id=ivy-weight,ivy-height');
  expect([status, body.includes('ivy-weight')]).toEqual([502, false]);
});
