import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';

const ref = (reference: string) => ({ reference });
const code = (of: string) => ({ coding: [{ system: 'http://example.org/codes', code: of }] });
const subject = ref('Patient/p0');

const resources = [
  { resourceType: 'Patient', id: 'p0', gender: 'female' },
  { resourceType: 'Patient', id: 'p1', gender: 'male' },
  {
    resourceType: 'Encounter',
    id: 'e0',
    status: 'completed',
    class: [code('AMB')],
    subject,
    actualPeriod: { start: '2026-02-01', end: '2026-02-02' },
    // By R5's definitions this is no time of the visit: it was the element of R4.
    period: { start: '2020-01-01', end: '2020-01-02' },
    participant: [{ actor: ref('Practitioner/doc1') }],
    reason: [{ value: [{ concept: code('cough') }, { reference: ref('Condition/c0') }] }],
    diagnosis: [{ condition: [{ reference: ref('Condition/c0') }] }],
  },
  {
    resourceType: 'Condition',
    id: 'c0',
    subject,
    code: code('I10'),
    participant: [{ actor: ref('Practitioner/doc1') }],
    evidence: [{ reference: ref('Observation/o0') }],
  },
  { resourceType: 'Observation', id: 'o0', status: 'final', subject, code: code('x'), encounter: ref('Encounter/e0') },
  { resourceType: 'Medication', id: 'methadone', code: code('6813') },
  {
    resourceType: 'MedicationRequest',
    id: 'm0',
    status: 'active',
    intent: 'order',
    subject,
    medication: { reference: ref('Medication/methadone') },
    reason: [{ concept: code('F11.20') }],
  },
  {
    resourceType: 'MedicationRequest',
    id: 'm1',
    status: 'active',
    intent: 'order',
    subject,
    medication: { concept: code('314076') },
    // R4's element.
    medicationReference: ref('Medication/methadone'),
  },
  { resourceType: 'Appointment', id: 'a0', status: 'booked', subject, start: '2026-05-05T10:00:00Z', participant: [] },
  {
    resourceType: 'Appointment',
    id: 'a1',
    status: 'proposed',
    requestedPeriod: [{ start: '2026-06-06' }],
    participant: [{ status: 'accepted', actor: ref('Patient/p1') }],
  },
  {
    resourceType: 'Procedure',
    id: 'r0',
    status: 'completed',
    subject,
    occurrenceDateTime: '2026-03-03',
    reason: [{ reference: ref('Condition/c0') }],
  },
  { resourceType: 'DeviceUsage', id: 'u0', status: 'active', patient: subject, device: { concept: code('pump') } },
  {
    resourceType: 'Consent',
    id: 'k0',
    status: 'active',
    subject,
    date: '2026-01-01',
    provision: [{ purpose: [{ code: 'TREAT' }] }],
  },
  {
    resourceType: 'QuestionnaireResponse',
    id: 'q0',
    status: 'completed',
    questionnaire: 'http://example.org/q',
    item: [
      {
        linkId: '1',
        extension: [
          { url: 'http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject', valueBoolean: true },
        ],
        answer: [{ valueReference: ref('Patient/p1') }],
      },
    ],
  },
  {
    resourceType: 'CareTeam',
    id: 't0',
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/careteam-alias', valueString: 'the night team' }],
  },
];

describe('the embedded FHIR server in R5', () => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startEmbeddedServer({ resources: resources.map((one) => JSON.stringify(one)), fhirVersion: 'R5' });
  });
  afterAll(() => server.close());

  const find = async (query: string): Promise<string[]> => {
    const answer = await fetch(`${server.url}/${query}`);
    expect({ query, status: answer.status }).toEqual({ query, status: 200 });
    const bundle = (await answer.json()) as { entry?: { resource: { id: string } }[] };
    return (bundle.entry ?? []).map(({ resource }) => resource.id);
  };

  it.each([
    ['Encounter?date=2026-02', ['e0']],
    ['Encounter?date=2020', []],
    ['Encounter?class=AMB', ['e0']],
    ['Encounter?participant=Practitioner/doc1', ['e0']],
    ['Encounter?reason-code=cough', ['e0']],
    ['Encounter?reason-reference=Condition/c0', ['e0']],
    ['Encounter?diagnosis-reference=Condition/c0', ['e0']],
    ['Encounter?_include=Encounter:reason-reference', ['e0', 'c0']],
    ['Condition?code=I10', ['c0']],
    ['Condition?participant-actor=Practitioner/doc1', ['c0']],
    ['Condition?evidence-detail=Observation/o0', ['c0']],
    ['Condition?_revinclude=Encounter:reason-reference', ['c0', 'e0']],
    ['MedicationRequest?medication=Medication/methadone', ['m0']],
    ['MedicationRequest?medication.code=6813', ['m0']],
    ['MedicationRequest?code=314076', ['m1']],
    ['MedicationRequest?_include=MedicationRequest:medication', ['m0', 'm1', 'methadone']],
    ['Medication?_has:MedicationRequest:medication:patient=p0', ['methadone']],
    ['Medication?_revinclude=MedicationRequest:medication', ['methadone', 'm0']],
    ['Appointment?patient=p0', ['a0']],
    ['Appointment?patient=p1', ['a1']],
    ['Appointment?subject=Patient/p0', ['a0']],
    ['Appointment?date=2026-05', ['a0']],
    ['Appointment?date=2026-06', ['a1']],
    ['Procedure?date=2026-03', ['r0']],
    ['Procedure?reason-reference=Condition/c0', ['r0']],
    ['DeviceUsage?patient=p0', ['u0']],
    ['Consent?patient=p0', ['k0']],
    ['Consent?subject=Patient/p0', ['k0']],
    ['QuestionnaireResponse?item-subject=Patient/p1', ['q0']],
    ['CareTeam?name=the', ['t0']],
    ['Observation?encounter.date=2026-02', ['o0']],
  ])('%s finds %j', async (query, expected) => {
    expect(await find(query)).toEqual(expected);
  });

  it.each([
    'Condition?asserter=Practitioner/doc1',
    'Encounter?period=2026',
    'Encounter?diagnosis=Condition/c0',
    'Patient?deceased=false',
    'DeviceUseStatement?patient=p0',
  ])('%s is refused: it is not of R5, or not understood', async (query) => {
    expect((await fetch(`${server.url}/${query}`)).status).toBe(400);
  });

  it('says that it speaks R5, and what it can be asked by', async () => {
    const statement = (await (await fetch(`${server.url}/metadata`)).json()) as {
      fhirVersion: string;
      rest: [{ resource: { type: string; searchParam: { name: string }[] }[] }];
    };
    expect(statement.fhirVersion).toBe('5.0.0');
    const encounter = statement.rest[0].resource.find(({ type }) => type === 'Encounter');
    const names = encounter?.searchParam.map(({ name }) => name) ?? [];
    expect(names).toContain('diagnosis-reference');
    expect(names).not.toContain('diagnosis');
  });

  it('beside it a server of R4 reads R4', async () => {
    const other = await startEmbeddedServer({ resources: resources.map((one) => JSON.stringify(one)) });
    const ids = async (query: string) =>
      ((await (await fetch(`${other.url}/${query}`)).json()) as { entry?: { resource: { id: string } }[] }).entry?.map(
        ({ resource }) => resource.id,
      );
    expect(await ids('Encounter?date=2020')).toEqual(['e0']);
    expect(await ids('MedicationRequest?medication=Medication/methadone')).toBeUndefined();
    expect(await ids('DeviceUsage?_id=u0')).toEqual(['u0']);
    await other.close();
  });
});
