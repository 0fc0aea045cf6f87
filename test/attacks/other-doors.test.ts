import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, patientsOf, startGateway } from '../services/place.ts';

/** The services say no more than the data does, and nothing else. */

const v3 = (system: string, code: string) => ({ system: `http://terminology.hl7.org/CodeSystem/v3-${system}`, code });
const label = (code: string) => v3('ActCode', code);
const loinc = (code: string) => ({ system: 'http://loinc.org', code });
const recipient = (reference: string) => ({
  role: { coding: [v3('ParticipationType', 'IRCP')] },
  reference: { reference },
});
const harbor = recipient('Organization/harbor-clinic');
const treatment = [v3('ActReason', 'TREAT')];
const permit = { type: 'permit', actor: [harbor], purpose: treatment };

const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Sample' }] });
const consentOf = (id: string, whose: string, provision: object, more: object = {}) => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [loinc('59284-0')] }],
  patient: { reference: `Patient/${whose}` },
  dateTime: '2024-01-01',
  organization: [{ reference: 'Organization/mercy-hospital' }],
  policy: [{ uri: 'https://policies.example/one' }],
  provision,
  ...more,
});
/** With all that 42 CFR 2.31 asks for. */
const written = {
  policyRule: { coding: [label('42CFRPart2')] },
  sourceReference: { reference: 'DocumentReference/signed' },
  provision: { ...permit, securityLabel: [label('42CFRPart2')], period: { end: '2099-12-31' } },
};
const appointment = (id: string, ...actors: readonly string[]) => ({
  resourceType: 'Appointment',
  id,
  status: 'booked',
  participant: actors.map((reference) => ({ actor: { reference }, status: 'accepted' })),
});
const inline = (code: string) => ({
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: label(code),
    },
  ],
});
const observation = (id: string, more: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [loinc('29463-7')] },
  subject: { reference: 'Patient/ria' },
  ...more,
});
const denying = consentOf('quin-denies', 'quin', { type: 'deny' });
const otherCategory = { category: [{ coding: [loinc('57016-8')] }] };
const resources = [
  ...['pia', 'quin', 'ria', 'rev', 'gone', 'many'].map(patient),
  consentOf('pia-permits', 'pia', permit),
  consentOf('ria-permits', 'ria', permit, written),
  consentOf('ria-permits-the-rest', 'ria', permit, { policy: [{ uri: 'https://policies.example/rest' }] }),
  observation('noted', { note: [{ text: 'of the program', ...inline('42CFRPart2') }] }),
  observation('noted-of-quin', {
    note: [{ text: 'plain', authorReference: { reference: 'Patient/quin', ...inline('42CFRPart2') } }],
  }),
  observation('noted-within', {
    valueQuantity: { value: 1, unit: 'of another topic', ...inline('PSYTHPN') },
    component: [
      {
        code: { text: 'of another topic' },
        valueQuantity: { value: 1, unit: 'x', ...inline('42CFRPart2') },
        ...inline('PSYTHPN'),
      },
    ],
  }),
  denying,
  consentOf('rev-1', 'rev', permit),
  consentOf('rev-2', 'rev', permit, { dateTime: '2024-02-01', status: 'inactive', ...otherCategory }),
  consentOf('gone-1', 'gone', permit),
  consentOf(
    'gone-2',
    'gone',
    { ...permit, provision: [{ type: 'deny', securityLabel: [v3('Confidentiality', 'N')] }] },
    { dateTime: '2024-02-01', ...otherCategory },
  ),
  appointment('of-pia', 'Patient/pia', 'Organization/mercy-hospital'),
  appointment('of-pia-at-lakeside', 'Patient/pia', 'Organization/lakeside-recovery'),
  appointment('of-both', 'Patient/pia', 'Patient/quin'),
  ...Array.from({ length: 60 }, (_, index) =>
    consentOf(`many-${index}`, 'many', permit, { policy: [{ uri: `https://policies.example/${index}` }] }),
  ),
  // A parent's eyes were not to see it; the next version is for everybody.
  consentOf(
    'of-cy',
    'cy',
    { type: 'deny', actor: [recipient('Organization/summit-clinic')] },
    { meta: { security: [label('ADOL')] } },
  ),
  consentOf('of-cy', 'cy', permit),
  // Kept from the guardian, it took the place of one that is not.
  consentOf('cy-first', 'cy', { type: 'permit' }, { policy: [{ uri: 'https://policies.example/cy' }] }),
  consentOf(
    'cy-second',
    'cy',
    { type: 'permit' },
    {
      policy: [{ uri: 'https://policies.example/cy' }],
      dateTime: '2024-02-01',
      meta: { security: [label('ADOL')] },
    },
  ),
];
const grey = {
  type: 'user',
  id: 'dr-grey',
  properties: {
    roles: ['clinician'],
    organization: 'Organization/mercy-hospital',
    purpose_of_use: ['TREAT'],
    fhirUser: 'Practitioner/dr-grey',
  },
};

const programs = [
  ['Organization/lakeside-recovery', 'Location/lakeside-house', 'http://hl7.org/fhir/sid/us-npi|9990000002'],
];
const start = (changes: object = {}): Promise<Place> =>
  startGateway({
    resources,
    services: {
      grants: Object.fromEntries(
        [
          'authzen',
          'patient-consent-consult',
          'explain',
          'simulate',
          'in-force',
          'label-review',
          'record-accounting',
        ].map((name) => [name, ['steward']]),
      ),
    },
    authzen: (issuer) => ({ subjects: { user: { issuer, kind: 'person' }, client: { issuer, kind: 'client' } } }),
    changes: { answers: { negativeGridMs: 0 }, ...changes },
  });

let place: Place;
/** Before an addiction clinic's own server. */
let clinic: Place;
beforeAll(async () => {
  [place, clinic] = await Promise.all([
    start({ labels: { programs, inline: 'element', masked: ['PSYTHPN'] } }),
    start({ labels: { part2Source: true } }),
  ]);
}, 60_000);
afterAll(() => Promise.all([place.close(), clinic.close()]));

const read = async (at: Place, as: string, key: string) => (await at.ask(`${at.fhirUrl}/${key}`, { as })).status;

describe('patient-consent-consult', () => {
  async function consulted(at: Place, whose: string, more: object = {}) {
    const context = {
      actor: [{ value: 'Organization/harbor-clinic' }],
      patientId: [{ value: `Patient/${whose}` }],
      purposeOfUse: ['TREAT'],
      ...more,
    };
    const body = { hook: 'patient-consent-consult', hookInstance: 'one', context };
    const { status, text } = await at.ask('/cds-services/patient-consent-consult', { as: 'steward', body });
    expect(status).toBe(200);
    const { decision, obligations } = JSON.parse(text).cards[0].extension;
    return { decision, text: JSON.stringify(obligations) };
  }

  it.each([
    ['an ordinary permit', 'pia', 'NO_CONSENT', 404],
    ['a written consent', 'ria', 'CONSENT_PERMIT', 200],
  ])('before a Part 2 program’s own server counts all as Part 2 data: %s', async (_what, whose, decision, status) => {
    const said = await consulted(clinic, whose);
    expect([said.decision, await read(clinic, 'harbor', `Patient/${whose}`)]).toEqual([decision, status]);
    expect(said.text).not.toContain('42CFRPart2');
    expect((await consulted(place, 'pia')).decision).toBe('CONSENT_PERMIT');
  });

  it.each([
    ['was revoked', 'rev', 'NO_CONSENT'],
    ['says something else', 'gone', 'CONSENT_DENY'],
  ])('does not bring back what another category took the place of, when that %s', async (_what, whose, decision) => {
    expect(await read(place, 'harbor', `Patient/${whose}`)).toBe(404);
    for (const category of [undefined, [loinc('59284-0')]])
      expect((await consulted(place, whose, { ...(category && { category }) })).decision).toBe(decision);
  });
});

describe('AuthZEN, of a resource that is described', () => {
  async function decided(at: Place, type: string, id: string, properties: object) {
    const resource = { type, id, properties };
    const body = { subject: grey, action: { name: 'read' }, resource };
    const { status, text } = await at.ask('/access/v1/evaluation', { as: 'steward', body });
    expect(status).toBe(200);
    return JSON.parse(text).decision as boolean;
  }

  it.each([
    ['a Patient who is not there', 'Patient', 'nobody', { patient: 'Patient/nobody' }, false],
    ['a Patient whom he may not know', 'Patient', 'quin', { patient: 'Patient/quin' }, false],
    ['a Patient whom he may know', 'Patient', 'pia', { patient: 'Patient/pia' }, true],
    ['an Appointment, which cannot say whose it is', 'Appointment', 'x', { securityLabel: [] }, false],
    ['a Task that is not said to be about anybody', 'Task', 'x', { securityLabel: [] }, false],
    ['a Task about her', 'Task', 'x', { patient: 'Patient/pia' }, true],
    ['a Provenance, which cannot say whose it is', 'Provenance', 'x', { securityLabel: [] }, false],
    ['an Organization, which is nobody’s', 'Organization', 'x', { securityLabel: [] }, true],
  ])('%s', async (_what, type, id, properties, decision) => {
    expect(await decided(place, type, id, properties)).toBe(decision);
  });

  it('asks the FHIR server for nothing by an id that is a step of a path', async () => {
    const before = place.relay.calls.length;
    for (const id of ['.', '..']) expect(await decided(place, 'Observation', id, {})).toBe(false);
    const targets = place.relay.calls.slice(before).map(({ target }) => target);
    expect(targets.filter((target) => /\/\.{1,2}(?:$|[/?])/.test(target))).toEqual([]);
  });
});

describe('whom an answer tells of is on record', () => {
  const purposes = ['TREAT'];

  it.each([
    ['dr-grey', 'of-pia', ['Patient/pia']],
    ['harbor', 'of-pia', ['Patient/pia']],
    ['sam-nwosu', 'of-pia-at-lakeside', ['Patient/pia']],
    // Whoever denies it is cut from it, and nothing of hers left.
    ['harbor', 'of-both', ['Patient/pia']],
    ['steward', 'of-both', ['Patient/pia', 'Patient/quin']],
  ])('where %s reads the appointment %s', async (as, id, whom) => {
    const { result, events } = await place.eventsOf(() => place.ask(`${place.fhirUrl}/Appointment/${id}`, { as }));
    expect(result.status).toBe(200);
    expect(result.text.includes('Patient/quin')).toBe(whom.includes('Patient/quin'));
    const primary = events.filter(({ streams }) => streams.includes('primary'));
    expect([...new Set(primary.flatMap(patientsOf))].sort()).toEqual(whom);
  });

  it('where a search finds them, one event for each', async () => {
    const { events } = await place.eventsOf(() =>
      place.ask(`${place.fhirUrl}/Appointment?actor=Patient/pia`, { as: 'steward' }),
    );
    const found = events.filter(({ event }) => event.type.code === 'rest');
    expect(found.map(patientsOf)).toEqual([['Patient/pia'], ['Patient/quin']]);
  });

  it('where it is withheld, for the security office alone', async () => {
    const { events } = await place.eventsOf(() =>
      place.ask(`${place.fhirUrl}/Appointment/of-pia-at-lakeside`, { as: 'harbor' }),
    );
    expect(events.map((one) => [one.streams, patientsOf(one)])).toContainEqual([['securityOffice'], ['Patient/pia']]);
    const primary = events.filter(({ streams }) => streams.includes('primary'));
    expect(primary.flatMap(patientsOf)).toEqual([]);
  });

  it.each([
    [
      'AuthZEN',
      '/access/v1/evaluation',
      { subject: grey, action: { name: 'read' }, resource: { type: 'Appointment', id: 'of-pia' } },
    ],
    ['a review of labels', '/labels/review', { resources: ['Appointment/of-pia'] }],
    [
      'an explanation of another’s record',
      '/patients/ada/explain',
      { requester: { roles: ['clinician'], purposes }, resources: ['Appointment/of-pia'] },
    ],
  ])('by %s', async (_what, path, body) => {
    const { result, events } = await place.eventsOf(() => place.ask(path, { as: 'steward', body }));
    expect(result.status).toBe(200);
    expect(events.flatMap(patientsOf)).toContain('Patient/pia');
  });

  it('in the accounting of a Part 2 record', async () => {
    clinic.relay.origin.repo.put(JSON.stringify(appointment('of-ria', 'Patient/ria')));
    const counted = async (): Promise<number> => {
      const { text } = await clinic.ask('/record/patients/ria/accounting?law=part2', { as: 'steward' });
      return JSON.parse(text).reduce((sum: number, { count }: { count: number }) => sum + count, 0);
    };
    const before = await counted();
    expect(await read(clinic, 'harbor', 'Appointment/of-ria')).toBe(200);
    expect(await counted()).toBe(before + 1);
  });
});

describe('an element with a label of its own', () => {
  const harborAsked = {
    type: 'client',
    id: 'harbor',
    properties: { roles: ['system-client'], organization: 'Organization/harbor-clinic', purpose_of_use: ['TREAT'] },
  };
  const asked = async (id: string) => {
    const { result, events } = await place.eventsOf(() =>
      place.ask(`${place.fhirUrl}/Observation/${id}`, { as: 'harbor' }),
    );
    expect(result.status).toBe(200);
    const resource = { type: 'Observation', id };
    const body = { subject: harborAsked, action: { name: 'read' }, resource };
    const decided = await place.ask('/access/v1/evaluation', { as: 'steward', body });
    return { text: result.text, events, decided: JSON.parse(decided.text) };
  };

  it('leaves with what 42 CFR Part 2 asks for, is on record as such, and AuthZEN says so', async () => {
    const { text, events, decided } = await asked('noted');
    expect(text).toContain('of the program');
    for (const due of ['RedisclosureProhibitionMark', '42 CFR part 2 prohibits'])
      expect([due, text.includes(due), JSON.stringify(decided).includes(due)]).toEqual([due, true, true]);
    const part2 = events.filter(({ streams }) => streams.includes('part2'));
    expect(part2.map(({ event }) => event.type.code)).toEqual(['rest', '110106']);
    expect(JSON.stringify(part2)).toContain('Consent/ria-permits/_history/1');
    const found = await place.ask(`${place.fhirUrl}/Observation?_id=noted`, { as: 'harbor' });
    expect(JSON.parse(found.text).entry.map(({ search }: { search: { mode: string } }) => search.mode)).toEqual([
      'match',
      'outcome',
    ]);
  });

  it.each([
    ['was masked with what it stood in', 'noted-within'],
    ['went with a reference', 'noted-of-quin'],
  ])('tells nothing where it %s', async (_what, id) => {
    const { text, events, decided } = await asked(id);
    expect(`${text}${JSON.stringify(decided)}`).not.toMatch(/part 2|42CFRPart2|another topic/i);
    expect(events.some(({ streams }) => streams.includes('part2'))).toBe(false);
    expect(JSON.stringify(events)).not.toContain('PSYTHPN');
  });

  it('tells nothing where it is kept back', async () => {
    const grey = await place.ask(`${place.fhirUrl}/Observation/noted`, { as: 'dr-grey' });
    expect(grey.text).not.toMatch(/part 2|42CFRPart2|of the program/i);
  });

  it('is on record for whoever may know all', async () => {
    const { events } = await place.eventsOf(() => place.ask(`${place.fhirUrl}/Observation/noted`, { as: 'steward' }));
    expect(events.some(({ streams }) => streams.includes('part2'))).toBe(true);
  });
});

describe('what is in force', () => {
  it('counts for who stands for her as among what he may know', async () => {
    const told = async (as: string) => (await place.ask('/patients/cy/in-force?_format=text', { as })).text;
    const his = await told('cy-guardian');
    expect(his).toContain('Consent/cy-first\nIt counts.');
    expect(his).not.toMatch(/cy-second|replaced/);
    expect(await told('steward')).toMatch(/replaced it\. The other one: Consent\/cy-second/);
  });

  it.each(['json', 'text', 'html'])(
    'tells who stands for her of no version that he could not read, nor that there is one: %s',
    async (format) => {
      const told = async (as: string) => (await place.ask(`/patients/cy/in-force?_format=${format}`, { as })).text;
      const his = await told('cy-guardian');
      expect(his).toContain('Consent/of-cy');
      expect(his).not.toMatch(/summit|_history|version 1|No longer|"version"/);
      const theirs = await told('steward');
      expect(theirs).toContain('summit');
      expect(theirs).toContain('Consent/of-cy/_history/2');
    },
  );
});

describe('an explanation', () => {
  it('of so many resources by so many Consents that it would take long is refused', async () => {
    const explained = async (count: number) => {
      const listed = Array.from({ length: count }, (_, index) => `Observation/none-${index}`);
      const body = { requester: { roles: ['clinician'], purposes: ['TREAT'] }, resources: listed };
      return (await place.ask('/patients/many/explain', { as: 'steward', body })).status;
    };
    expect([await explained(10), await explained(334)]).toEqual([200, 400]);
  });
});

describe('a simulation', () => {
  const tried = async (as: string, count: number) => {
    const rules = Array.from({ length: count }, (_, index) => ({
      type: 'deny',
      code: [{ coding: [loinc(`${index}`)] }],
    }));
    const draft = consentOf('draft', 'ada', { type: 'permit', provision: rules }, { status: 'draft' });
    const body = {
      requesters: { one: { roles: ['clinician'], purposes: ['TREAT'] } },
      consents: [draft],
      resources: ['Observation/ada-a1c'],
    };
    return (await place.ask('/patients/ada/simulate', { as, body })).status;
  };

  it('of drafts that are longer than a patient writes is for those who are granted it', async () => {
    expect([await tried('ada', 1_199), await tried('ada', 1_200)]).toEqual([200, 400]);
    expect(await tried('steward', 1_200)).toBe(200);
  });
});
