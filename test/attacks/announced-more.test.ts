import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { detailsOf, type Place, patientsOf, startGateway } from '../services/place.ts';

/** `labels.announced`, attacked: Part 2 records, questions that ask the same, and whose event it stands in. */

const labels = (...codes: readonly string[]) => ({
  meta: { security: codes.map((code) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code })) },
});
const list = (id: string, more: object) => ({ resourceType: 'List', id, status: 'current', mode: 'working', ...more });
const observation = (id: string, patient: string, codes: readonly string[] = [], more: object = {}) => ({
  resourceType: 'Observation',
  id,
  ...labels(...codes),
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
  ...more,
});
const atLakeside = { performer: [{ reference: 'Organization/lakeside-recovery' }] };
const element = {
  component: [
    {
      code: { text: 'y' },
      valueString: 'z',
      extension: [
        {
          url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
          valueCoding: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' },
        },
      ],
    },
  ],
};
const people = [
  ...['ivy', 'joe', 'kim', 'lou', 'max'].map((id) => ({ resourceType: 'Patient', id })),
  observation('ivy-bruise', 'ivy', ['SDV']),
  observation('joe-weight', 'joe'),
  observation('ivy-weight', 'ivy', [], { derivedFrom: [{ reference: 'Observation/joe-weight' }] }),
  // Of the Part 2 program: Sam, who works there, may have the record but for the violence in it.
  observation('kim-bruise', 'kim', ['SDV'], atLakeside),
  observation('lou-drinking', 'lou', ['SDV', 'ETHUD'], atLakeside),
  observation('ada-of-the-program', 'ada', ['42CFRPart2', 'SDV'], atLakeside),
  observation('max-bruise', 'max', ['SDV'], element),
  list('ivy-own', { source: { reference: 'Patient/ivy' } }),
  list('ivy-bruises', { subject: { reference: 'Patient/ivy' }, ...labels('SDV') }),
];

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources: people,
    changes: {
      answers: { negativeGridMs: 0 },
      labels: { announced: ['SDV'], programs: [['Organization/lakeside-recovery', 'Location/lakeside-house']] },
    },
  });
}, 60_000);
afterAll(() => place.close());

const isTold = async (path: string, as = 'dr-grey') => {
  const { status, text } = await place.ask(`${place.fhirUrl}/${path}`, { as });
  return [status, text.includes('Something was withheld.')];
};

describe('Part 2 records', () => {
  it.each(['kim', 'lou'])('to whom the program opens them nothing is told either: %s', async (patient) => {
    expect(await isTold(`Observation?patient=${patient}`, 'sam-nwosu')).toEqual([200, false]);
  });
  it('nor to whom a written consent opens them', async () => {
    expect(await isTold('Observation?patient=ada', 'harbor')).toEqual([200, false]);
  });
  it('but of what is none', async () => {
    expect(await isTold('Observation?patient=ivy', 'sam-nwosu')).toEqual([200, true]);
  });
});

describe('questions that are one', () => {
  it.each([
    'Observation?patient=ivy',
    'Observation?patient=Patient/ivy',
    'Observation?patient=FHIR/Patient/ivy',
    'Observation?subject:Patient=ivy',
    'Observation?subject=Patient/ivy',
    'Observation?patient=ivy&subject=Patient/ivy',
    'Observation?patient=ivy&patient=Patient/ivy',
    'Observation?patient=ivy,ivy',
    'Patient/ivy/Observation',
    'Patient/ivy/Observation?patient=ivy',
    'Observation?patient=max', // with an element of its own
  ])('%s is told', async (path) => {
    expect(await isTold(path.replace('FHIR', place.fhirUrl))).toEqual([200, true]);
  });
});

it('who has that id, whatever he is, is another question', async () => {
  expect(await isTold('Observation?subject=ivy')).toEqual([200, false]);
});

it('what is told of one patient stands in no event about another', async () => {
  const { events } = await place.eventsOf(() => isTold('Observation?patient=ivy&_include=Observation:derived-from'));
  const saying = events.filter((one) => detailsOf(one).includes('announced=something was withheld'));
  expect(saying.flatMap(patientsOf)).toEqual(['Patient/ivy']);
});

it('what is told of her is in an event about her, whatever else was found', async () => {
  const { result, events } = await place.eventsOf(() => isTold('Patient/ivy/List'));
  expect(result).toEqual([200, true]);
  const saying = events.filter((one) => detailsOf(one).includes('announced=something was withheld'));
  expect(saying.flatMap(patientsOf)).toEqual(['Patient/ivy']);
});
