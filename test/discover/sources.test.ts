import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type GatewayOver, startGatewayOver } from '../support/gateway-over.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const part2 = { meta: { security: [{ system: actCode, code: '42CFRPart2' }] } };
const inlinePart2 = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: actCode, code: '42CFRPart2' },
    },
  ],
};
const ref = (reference: string) => ({ reference });
const ada = { subject: ref('Patient/ada') };
const lakeside = ref('Organization/lakeside-recovery');
const hillside = ref('Organization/hillside');
const observation = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  ...ada,
  ...more,
});
const many = Array.from({ length: 40 }, (_, index) => ref(`Practitioner/somebody-${index}`));
const visit = { resourceType: 'Encounter', status: 'finished', class: { code: 'AMB' }, ...ada };

const stored = [
  { resourceType: 'Patient', id: 'ada', name: [{ family: 'Sample' }] },
  { resourceType: 'Patient', id: 'ben', managingOrganization: ref('Organization/seaside') },
  { resourceType: 'Organization', id: 'lakeside-recovery', name: 'Lakeside', ...part2 },
  { resourceType: 'Location', id: 'lakeside-room', name: 'Room', managingOrganization: lakeside, ...part2 },
  { resourceType: 'Location', id: 'hillside-room', name: 'Room', managingOrganization: hillside, ...part2 },
  {
    resourceType: 'PractitionerRole',
    id: 'lakeside-nurse',
    organization: lakeside,
    ...part2,
  },
  {
    resourceType: 'Device',
    id: 'pump',
    patient: ref('Patient/ada'),
    owner: lakeside,
    ...part2,
  },
  observation('screen', { performer: [lakeside] }),
  observation('of-house', { performer: [lakeside, ref('Location/lakeside-house')] }),
  { ...visit, id: 'hillside-visit', serviceProvider: hillside },
  // More references than can be checked, made in another program's encounter.
  observation('panel', { performer: many, encounter: ref('Encounter/hillside-visit') }),
  observation('of-panel', { performer: [lakeside], derivedFrom: [ref('Observation/panel')] }),
  // An element was labelled once the program was no longer named.
  observation('changed', { performer: [lakeside], note: [{ text: 'what an unknown program told' }] }),
  observation('changed', { note: [{ text: 'what an unknown program told', ...inlinePart2 }] }),
  // Work about nobody, of a program that nobody names.
  { resourceType: 'Task', id: 'nobodys', status: 'requested', intent: 'order', description: 'unknown', ...part2 },
  {
    resourceType: 'Task',
    id: 'of-nobodys',
    status: 'requested',
    intent: 'order',
    for: ref('Patient/ada'),
    owner: lakeside,
    partOf: [ref('Task/nobodys')],
  },
];

describe('whose a record of a Part 2 program is, over a running gateway', () => {
  let gateway: GatewayOver;
  beforeAll(async () => {
    gateway = await startGatewayOver(() => stored.map((resource) => JSON.stringify(resource)), {
      labels: {
        programs: [['Organization/lakeside-recovery', 'Location/lakeside-house'], 'Organization/hillside'],
        inline: 'element',
      },
      limits: { referencesPerResource: 20 },
      part2: {
        agreements: [
          {
            id: 'seaside-laboratory',
            kind: 'qso',
            programs: ['Organization/seaside'],
            recipients: ['Organization/harbor-clinic'],
            purposes: ['TREAT'],
            types: ['Patient', 'Observation'],
            until: '2099-12-31',
          },
        ],
      },
    });
  });
  afterAll(() => gateway.close());

  const ask: GatewayOver['ask'] = (requester, path) => gateway.ask(requester, path);
  const status = async (requester: string, path: string): Promise<number> => (await ask(requester, path)).status;

  it.each(['Observation/screen', 'Observation/of-house'])('its staff has %s', async (path) => {
    expect(await status('sam-nwosu', path)).toBe(200);
  });

  it.each([
    'Organization/lakeside-recovery',
    'Location/lakeside-room',
    'PractitionerRole/lakeside-nurse',
    'Device/pump',
  ])('its staff has %s, an entry that it labelled itself, and nobody else has', async (path) => {
    expect(await status('sam-nwosu', path)).toBe(200);
    expect(await status('dr-grey', path)).toBe(404);
  });

  it('its staff has no such entry of another program', async () => {
    expect(await status('sam-nwosu', 'Location/hillside-room')).toBe(404);
  });

  it('an agreement that lists Patients covers hers by the program that she names, although it gives no label', async () => {
    expect(await status('harbor', 'Patient/ben')).toBe(200);
  });

  it('what derives from more than can be checked is not taken to be the program’s own', async () => {
    expect(await status('sam-nwosu', 'Observation/of-panel')).toBe(404);
  });

  it('an older version is also theirs whose element was labelled later', async () => {
    const { status, text } = await ask('sam-nwosu', 'Observation/changed/_history');
    expect(text).not.toContain('what an unknown program told');
    expect(status).toBe(200);
  });

  it('work about nobody that names no program goes to no program’s staff along with what is part of it', async () => {
    expect(await status('sam-nwosu', 'Task/nobodys')).toBe(404);
    expect((await ask('sam-nwosu', 'Task?_id=of-nobodys&_include=Task:part-of')).text).not.toContain('Task/nobodys');
  });
});
