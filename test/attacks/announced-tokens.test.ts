import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { type Bench, startBench, startRelay } from '../failure/bench.ts';

/** `labels.announced`: nothing is told of what a token, a role or somebody else hides, nor to whom nothing is hidden. */

const labels = (...codes: readonly string[]) => ({
  meta: { security: codes.map((code) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code })) },
});
const bruise = (patient: string, more: object = {}) => ({
  resourceType: 'Observation',
  id: `${patient}-bruise`,
  ...labels('SDV'),
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
  ...more,
});
const vital = { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' };
const people = [
  ...['ivy', 'joe', 'zoe'].map((id) => ({ resourceType: 'Patient', id })),
  { resourceType: 'Patient', id: 'yan', ...labels('MST') },
  bruise('ivy', { category: [{ coding: [vital] }] }),
  bruise('ada'),
  bruise('yan'), // whom nobody may know of
  bruise('zoe', { subject: [{ reference: 'Patient/zoe' }, { reference: 'Patient/joe' }] }), // of two
  bruise('group', { subject: { reference: 'Group/group' } }),
];

let bench: Bench;
beforeAll(async () => {
  const relay = await startRelay([...textsOf(peopleBundles()), ...people.map((one) => JSON.stringify(one))]);
  bench = await startBench({ relay, changes: { labels: { announced: ['SDV'] } } });
}, 60_000);
afterAll(() => bench.close());

it.each([
  ['dr-grey', 'Observation?patient=ivy', true],
  ['dr-grey', 'Observation?patient=ivy&_total=none', true],
  ['dr-grey', 'Observation?patient=ivy&_count=0', false],
  ['dr-grey', 'Observation?patient:identifier=ivy', false],
  ['dr-grey', 'Observation?patient:missing=false', false],
  ['dr-grey', 'Observation?patient=yan', false],
  ['dr-grey', 'Observation?patient=zoe', false],
  ['dr-grey', 'Observation?subject=Group/group', false],
  ['dr-grey-vitals', 'Observation?patient=ivy', false],
  ['dr-grey-of-ada', 'Patient/ada/Observation', true],
  ['dr-grey-of-ada', 'Observation?patient=ivy', false],
  ['ada', 'Observation?patient=ada', false],
  ['cy-guardian', 'Observation?patient=ivy', false],
  ['harbor', 'Observation?patient=ivy', false], // nothing of hers without a Consent
  ['steward', 'Observation?patient=ivy', false],
] as const)('%s asks %s: told %s', async (as, path, told) => {
  const { status, body } = await bench.ask(path, { as });
  expect([status, body.includes('Something was withheld.')]).toEqual([200, told]);
});
