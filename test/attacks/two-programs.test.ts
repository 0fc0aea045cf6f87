import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type GatewayOver, startGatewayOver } from '../support/gateway-over.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const part2 = { meta: { security: [{ system: actCode, code: '42CFRPart2' }] } };
const inl = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: actCode, code: '42CFRPart2' },
    },
  ],
};
const ref = (reference: string) => ({ reference });
const named = (system: string, value: string) => ({ identifier: { system, value } });
const ada = { subject: ref('Patient/ada') };
const A = ref('Organization/lakeside-recovery');
const B = ref('Organization/hillside');
const SECRET = 'secret-of-b';
const obs = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  ...ada,
  performer: [A],
  ...more,
});
const visit = (id: string, more: object = {}) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  ...ada,
  ...more,
});
/** Each is of A, and of B by one of many ways: neither A's staff nor its service organization has it. */
const both = [
  obs('b-plain', { performer: [A, B] }),
  obs('b-identifier', { performer: [A, named('urn:b', 'hill')] }),
  obs('b-npi', { performer: [A, named('http://hl7.org/fhir/sid/us-npi', '777')] }),
  obs('b-absolute-public', { performer: [A, ref('PUBLIC/Organization/hillside')] }),
  obs('b-versioned', { performer: [A, ref('Organization/hillside/_history/2')] }),
  obs('b-url', { performer: [A, ref('https://hillside.example/org')] }),
  obs('b-display', { performer: [A], note: [{ authorReference: B, text: 'x' }] }),
  obs('b-contained-org', {
    contained: [{ resourceType: 'Organization', id: 'o', identifier: [{ system: 'urn:b', value: 'hill' }] }],
    performer: [A, ref('#o')],
  }),
  obs('b-contained-encounter', { contained: [{ ...visit('e'), serviceProvider: B }], encounter: ref('#e') }),
  obs('b-contained-encounter-partof', {
    contained: [{ ...visit('e'), partOf: ref('Encounter/bv') }],
    encounter: ref('#e'),
  }),
  obs('b-encounter', { encounter: ref('Encounter/bv') }),
  obs('b-encounter-abs', { encounter: ref('PUBLIC/Encounter/bv') }),
  obs('b-encounter-ver', { encounter: ref('Encounter/bv/_history/1') }),
  obs('b-encounter-outer', { encounter: ref('Encounter/inner') }),
  obs('b-encounter-episode', { encounter: ref('Encounter/epi') }),
  obs('b-derived', { derivedFrom: [ref('Observation/only-b')] }),
  obs('b-derived2', { derivedFrom: [ref('Observation/b-derived')] }),
  obs('b-member', { hasMember: [ref('Observation/only-b')] }),
  obs('b-partof', { partOf: [ref('Procedure/only-b')] }),
  obs('b-unknown', { derivedFrom: [ref('Observation/unknown')] }),
  obs('b-unknown-member', { hasMember: [ref('Observation/unknown')] }),
  obs('b-cycle', { derivedFrom: [ref('Observation/b-cycle2')] }),
  obs('b-cycle2', { derivedFrom: [ref('Observation/b-cycle3')], performer: [A] }),
  obs('b-cycle3', { derivedFrom: [ref('Observation/b-cycle')], performer: [B] }),
  obs('b-device', { device: ref('Device/x'), performer: [A, B] }),
  obs('b-extension', { extension: [{ url: 'urn:x', valueReference: B }] }),
  obs('b-meta-extension', { meta: { extension: [{ url: 'urn:x', valueReference: B }] } }),
  obs('b-assigner', { identifier: [{ system: 'urn:i', value: '1', assigner: B }] }),
  {
    resourceType: 'DiagnosticReport',
    id: 'b-report',
    status: 'final',
    code: { text: 'x' },
    ...ada,
    performer: [A],
    result: [ref('Observation/only-b')],
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'b-report-2',
    status: 'final',
    code: { text: 'x' },
    ...ada,
    performer: [A],
    result: [ref('Observation/a-plain'), ref('Observation/b-plain')],
  },
  {
    resourceType: 'MedicationRequest',
    id: 'b-medreq',
    status: 'active',
    intent: 'order',
    ...ada,
    requester: A,
    medicationReference: ref('Medication/m'),
    encounter: ref('Encounter/bv'),
  },
  {
    resourceType: 'MedicationDispense',
    id: 'b-dispense',
    status: 'completed',
    ...ada,
    performer: [{ actor: A }],
    medicationCodeableConcept: { text: 'x' },
    authorizingPrescription: [ref('MedicationRequest/only-b')],
  },
  {
    resourceType: 'Composition',
    id: 'b-comp',
    status: 'final',
    type: { text: 'x' },
    date: '2024-01-01',
    title: 'x',
    ...ada,
    author: [A],
    section: [{ entry: [ref('Observation/only-b')] }],
  },
  {
    resourceType: 'Task',
    id: 'b-task',
    status: 'requested',
    intent: 'order',
    for: ref('Patient/ada'),
    owner: A,
    partOf: [ref('Task/only-b')],
  },
  {
    resourceType: 'Task',
    id: 'b-task-nobody',
    status: 'requested',
    intent: 'order',
    owner: A,
    partOf: [ref('Task/only-b')],
  },
  {
    resourceType: 'Appointment',
    id: 'b-appt',
    status: 'booked',
    participant: [
      { actor: ref('Patient/ada'), status: 'accepted' },
      { actor: A, status: 'accepted' },
      { actor: B, status: 'accepted' },
    ],
  },
  {
    resourceType: 'DocumentReference',
    id: 'b-doc',
    status: 'current',
    ...ada,
    author: [A],
    context: { encounter: [ref('Encounter/bv')] },
    content: [{ attachment: { title: SECRET } }],
  },
  {
    resourceType: 'Claim',
    id: 'b-claim',
    status: 'active',
    type: { text: 'x' },
    use: 'claim',
    patient: ref('Patient/ada'),
    created: '2024-01-01',
    provider: A,
    priority: { text: 'x' },
    insurance: [],
    item: [{ sequence: 1, productOrService: { text: 'x' }, encounter: [ref('Encounter/bv')] }],
  },
  {
    resourceType: 'Group',
    id: 'b-group',
    type: 'person',
    actual: true,
    managingEntity: A,
    member: [{ entity: ref('Patient/ada') }, { entity: B }],
  },
  obs('b-version', { performer: [A] }),
  obs('b-version', { performer: [A, B] }),
  obs('b-two-patients', { subject: ref('Patient/ada'), performer: [A], encounter: ref('Encounter/bv') }),
  { ...visit('b-enc-location', { serviceProvider: A, location: [{ location: ref('Location/hill-room') }] }) },
];
const rest = [
  { resourceType: 'Patient', id: 'ada', name: [{ family: 'Sample' }] },
  { resourceType: 'Organization', id: 'lakeside-recovery', name: 'Lakeside' },
  { resourceType: 'Organization', id: 'hillside', name: 'Hillside' },
  { resourceType: 'Medication', id: 'm', code: { text: 'x' } },
  visit('bv', { serviceProvider: B }),
  visit('av', { serviceProvider: A }),
  visit('inner', { serviceProvider: A, partOf: ref('Encounter/bv') }),
  { resourceType: 'EpisodeOfCare', id: 'bep', status: 'active', patient: ref('Patient/ada'), managingOrganization: B },
  visit('epi', { serviceProvider: A, episodeOfCare: [ref('EpisodeOfCare/bep')] }),
  obs('only-b', { performer: [B] }),
  obs('unknown', { performer: [], ...part2 }),
  obs('prefix', { performer: [ref('Organization/lakeside')], ...part2 }),
  { resourceType: 'Procedure', id: 'only-b', status: 'completed', ...ada, performer: [{ actor: B }] },
  {
    resourceType: 'MedicationRequest',
    id: 'only-b',
    status: 'active',
    intent: 'order',
    ...ada,
    requester: B,
    medicationCodeableConcept: { text: 'x' },
  },
  { resourceType: 'Task', id: 'only-b', status: 'requested', intent: 'order', owner: B, description: SECRET },
];
/** A's own, by whatever way. */
const own = [
  obs('a-plain'),
  obs('a-in-av', { encounter: ref('Encounter/av') }),
  obs('a-made', { performer: [], encounter: ref('Encounter/av') }),
  obs('a-house', { performer: [A, ref('Location/lakeside-house')] }),
  obs('a-npi', { performer: [A, named('http://hl7.org/fhir/sid/us-npi', '9990000002')] }),
  obs('a-abs', { performer: [ref('PUBLIC/Organization/lakeside-recovery')] }),
  obs('a-house-only', { performer: [ref('Location/lakeside-house')] }),
  obs('a-labelled-made', { performer: [], ...part2, encounter: ref('Encounter/av') }),
  obs('a-derived', { derivedFrom: [ref('Observation/a-plain')] }),
  obs('a-derived-unnamed', { performer: [], derivedFrom: [ref('Observation/a-plain')] }),
  obs('a-gone', { encounter: ref('Encounter/gone') }),
  obs('a-inline', { note: [{ text: 'inl', ...inl }] }),
  {
    resourceType: 'DiagnosticReport',
    id: 'a-report',
    status: 'final',
    code: { text: 'x' },
    ...ada,
    result: [ref('Observation/a-plain')],
  },
  { resourceType: 'Specimen', id: 'a-spec', ...ada, collection: { collector: A } },
  {
    resourceType: 'Composition',
    id: 'a-comp',
    status: 'final',
    type: { text: 'x' },
    date: '2024-01-01',
    title: 'x',
    ...ada,
    author: [A],
    section: [{ entry: [ref('Observation/a-plain')] }],
  },
  {
    resourceType: 'Appointment',
    id: 'a-appt',
    status: 'booked',
    participant: [
      { actor: ref('Patient/ada'), status: 'accepted' },
      { actor: A, status: 'accepted' },
    ],
  },
];
const searches = [
  'Observation?_count=200',
  'DiagnosticReport?_include=DiagnosticReport:result',
  'Encounter?_revinclude=Observation:encounter',
  'Observation?_include=Observation:encounter&_include=Observation:derived-from&_include=Observation:has-member',
  'Patient?_revinclude=Observation:subject&_revinclude=Task:patient&_revinclude=Encounter:subject',
  'Patient/ada/Observation',
  'Task?_include=Task:part-of',
  'Appointment',
  'Group',
  'Composition',
  'Claim',
  'DocumentReference',
  'MedicationDispense',
  'MedicationRequest',
  'Observation?_has:DiagnosticReport:result:status=final',
  'Observation?encounter.service-provider=Organization/lakeside-recovery',
  'Observation?derived-from=Observation/a-plain',
];
const keyOf = (r: { resourceType: string; id: string }) => `${r.resourceType}/${r.id}`;

/** Of B by what names no program, or about nobody: an agreement with both does not tell whose it is. */
const ofNobodyNamed = ['Observation/b-unknown', 'Observation/b-unknown-member', 'Task/b-task-nobody', 'Group/b-group'];

describe.each(['resource', 'element'] as const)(
  'what two programs have a part in, inline labels of the %s',
  (inline) => {
    let gateway: GatewayOver;
    beforeAll(async () => {
      gateway = await startGatewayOver(
        (publicBaseUrl) => [...rest, ...own, ...both].map((r) => JSON.stringify(r).replaceAll('PUBLIC', publicBaseUrl)),
        (publicBaseUrl) => ({
          labels: {
            inline,
            programs: [
              [
                'Organization/lakeside-recovery',
                'Location/lakeside-house',
                'http://hl7.org/fhir/sid/us-npi|9990000002',
              ],
              [
                `${publicBaseUrl}/Organization/hillside`,
                'urn:b|hill',
                'http://hl7.org/fhir/sid/us-npi|777',
                'https://hillside.example/org',
                'Location/hill-room',
              ],
              'Organization/lakeside',
            ],
          },
          part2: {
            agreements: [
              {
                id: 'lab',
                kind: 'qso',
                programs: ['Location/lakeside-house'],
                recipients: ['Organization/harbor-clinic'],
                purposes: ['TREAT'],
                types: [],
                until: '2099-12-31',
              },
              {
                id: 'both',
                kind: 'qso',
                programs: ['Organization/lakeside-recovery', 'urn:b|hill'],
                recipients: ['Organization/summit-clinic'],
                purposes: ['TREAT'],
                types: [],
                until: '2099-12-31',
              },
            ],
          },
        }),
      );
    });
    afterAll(() => gateway.close());
    const ask: GatewayOver['ask'] = (requester, path) => gateway.ask(requester, path);
    const reaching = async (who: string, paths: readonly string[], expected: number): Promise<readonly string[]> => {
      const others: string[] = [];
      for (const path of paths) if ((await ask(who, path)).status !== expected) others.push(path);
      return others;
    };
    const keys = [...new Set(both.map(keyOf))];

    it.each(['sam-nwosu', 'harbor', 'dr-grey'])('does not reach %s, who is with one of them or none', async (who) => {
      expect(await reaching(who, [...keys, ...keys.map((key) => `${key}/_history/1`)], 404)).toEqual([]);
      expect(await reaching(who, ['Observation/only-b', 'Observation/unknown', 'Observation/prefix'], 404)).toEqual([]);
    });

    it('reaches who has an agreement with both, where it says whose it is', async () => {
      expect(await reaching('summit', keys, 200)).toEqual(ofNobodyNamed);
    });

    it.each([
      ['sam-nwosu', 200],
      ['harbor', 200],
      ['summit', 200],
      ['dr-grey', 404],
    ])('beside it what is one program’s alone: to %s %i', async (who, expected) => {
      expect(await reaching(who, own.map(keyOf), expected)).toEqual([]);
    });

    it.each(['sam-nwosu', 'harbor', 'dr-grey'])('is not told to %s by any search', async (who) => {
      for (const path of searches) {
        const { status, text } = await ask(who, path);
        expect(status).toBeLessThan(500);
        const told = text.replace(/"link":\[.*?\]/g, '');
        expect([path, told.match(/\/b-|hillside|only-b|secret-of-b|Observation\/unknown|Encounter\/bv/g)]).toEqual([
          path,
          null,
        ]);
      }
    });
  },
);
