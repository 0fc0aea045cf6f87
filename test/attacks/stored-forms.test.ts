import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startWorld, type World } from '../../examples/demo/world.ts';

/**
 * Resources as a careless or a hostile writer would store them: legal JSON whose references stand in unusual places or
 * forms. Dr. Grey may know Ada and Dee, but not Eve, and not Ada's Encounter with the Part 2 program.
 */
let world: World;

beforeAll(async () => {
  world = await startWorld({ anyPorts: true });
});
afterAll(async () => {
  await world.close();
});

type Json = Record<string, unknown>;
const hidden = 'Encounter/ada-enc-lakeside';
const eve = { reference: 'Patient/eve' };
const grey = { reference: 'Practitioner/dr-grey' };

async function store(resource: Json): Promise<string> {
  const key = `${String(resource.resourceType)}/${String(resource.id)}`;
  const answer = await fetch(`${world.upstreamUrl}/${key}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });
  expect(answer.status).toBeLessThan(300);
  return key;
}

async function read(key: string, who = 'dr-grey'): Promise<{ status: number; resource: Json }> {
  const answer = await fetch(`${world.gatewayUrl}/${key}`, {
    headers: { authorization: `Bearer ${world.tokens.get(who)}` },
  });
  return { status: answer.status, resource: (await answer.json()) as Json };
}

const weight = (id: string, members: Json): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/ada' },
  ...members,
});

describe('a reference in an odd form leads where the plain one leads', () => {
  test.each<[string, () => string]>([
    ['a fragment', () => `${hidden}#reason`],
    ['a slash behind', () => `${hidden}/`],
    ['a slash in front', () => `/${hidden}`],
    ['a dot segment', () => `./${hidden}`],
    ['a query', () => `${hidden}?_format=json`],
    ['a blank in front', () => ` ${hidden}`],
    ['an encoded id', () => 'Encounter/ada%2Denc-lakeside'],
    ['an absolute URL with a fragment', () => `${world.upstreamUrl}/${hidden}#reason`],
    ['an absolute URL with a query', () => `${world.gatewayUrl}/${hidden}?_format=json`],
    ['an absolute URL with a version and a fragment', () => `${world.upstreamUrl}/${hidden}/_history/1#reason`],
    ['an absolute URL with a double slash', () => `${world.upstreamUrl}//${hidden}`],
    ['an absolute URL with an encoded id', () => `${world.upstreamUrl}/Encounter/ada%2Denc-lakeside`],
    ['an absolute URL with a scheme in capitals', () => `${world.upstreamUrl.replace('http', 'HTTP')}/${hidden}`],
    ['an absolute path', () => `${new URL(world.upstreamUrl).pathname}/${hidden}`],
  ])('%s', async (form, reference) => {
    const id = `odd-${form.replaceAll(' ', '-')}`.slice(0, 60);
    // By `encounter` its labels are inherited, so that the Observation is withheld as a whole.
    const inside = await store(weight(id, { encounter: { reference: reference(), display: 'Lakeside intake' } }));
    expect((await read(inside)).status).toBe(404);
    const beside = await store(weight(`${id}-f`, { focus: [{ reference: reference(), display: 'Lakeside intake' }] }));
    const { status, resource } = await read(beside);
    expect(status).toBe(200);
    expect(resource.focus).toBeUndefined();
  });

  test('what is relative and cannot be read is treated like what is withheld', async () => {
    const key = await store(weight('odd-unreadable', { focus: [{ reference: `Encounter/?_id=ada-enc-lakeside` }] }));
    expect((await read(key)).resource.focus).toBeUndefined();
  });

  test('it does so for those who may follow it, too', async () => {
    const key = await store(weight('odd-visible', { encounter: { reference: 'Encounter/ada-enc-clinic#reason' } }));
    expect((await read(key)).resource.encounter).toBeDefined();
  });
});

describe('an Appointment or a Person is opened by nobody who cannot be read', () => {
  const booked = (id: string, actor: Json, more: Json = {}): Json => ({
    resourceType: 'Appointment',
    id,
    status: 'booked',
    start: '2026-12-01T10:00:00Z',
    end: '2026-12-01T11:00:00Z',
    participant: [
      { actor, status: 'accepted' },
      { actor: grey, status: 'accepted' },
    ],
    ...more,
  });

  test.each<[string, Json, Json]>([
    ['an identifier', { type: 'Patient', identifier: { system: 'urn:mrn', value: 'E1' }, display: 'Eve' }, {}],
    ['an identifier without a type', { identifier: { system: 'urn:mrn', value: 'E1' }, display: 'Eve' }, {}],
    ['another server', { reference: 'https://other.example/fhir/Patient/eve', display: 'Eve' }, {}],
    ['a contained Patient', { reference: '#p' }, { contained: [{ resourceType: 'Patient', id: 'p' }] }],
    ['a RelatedPerson of somebody hidden', { reference: 'RelatedPerson/eve-mother', display: 'mother' }, {}],
  ])('named by %s', async (form, actor, more) => {
    await store({ resourceType: 'RelatedPerson', id: 'eve-mother', patient: eve });
    const id = form.replaceAll(' ', '-');
    expect((await read(await store(booked(`by-${id}`, actor, more)))).status).toBe(404);
    const person = { resourceType: 'Person', id: `by-${id}`, name: [{ family: 'Sample' }], link: [{ target: actor }] };
    expect((await read(await store({ ...person, ...more }))).status).toBe(404);
  });

  test('a meeting of practitioners is open, and so is the guardian of a visible patient', async () => {
    expect((await read(await store(booked('by-nobody', { reference: 'Location/mercy-clinic' })))).status).toBe(200);
    expect((await read(await store(booked('by-guardian', { reference: 'RelatedPerson/cy-guardian' })))).status).toBe(
      200,
    );
  });

  test('an identifier of a Patient is cut where people stand', async () => {
    const performer = { type: 'Patient', identifier: { system: 'urn:mrn', value: 'E1' }, display: 'Eve' };
    const clinician = { type: 'Practitioner', identifier: { system: 'urn:npi', value: '9' }, display: 'Dr. Nine' };
    const { resource } = await read(await store(weight('by-performer', { performer: [performer, clinician] })));
    expect(resource.performer).toEqual([clinician]);
  });
});

describe('a Task, a List or a Basic about nobody', () => {
  const task = (focus: Json): Json => ({
    resourceType: 'Task',
    id: 'refill',
    status: 'requested',
    intent: 'order',
    description: 'refill',
    focus,
    owner: grey,
  });

  test('is hidden when it names hidden data alone', async () => {
    expect((await read(await store(task({ reference: 'MedicationRequest/eve-sumatriptan' })))).status).toBe(404);
    const list = { resourceType: 'List', id: 'plan', status: 'current', mode: 'working', title: 'Migraine' };
    expect((await read(await store({ ...list, entry: [{ item: eve }] }))).status).toBe(404);
    expect((await read(await store({ resourceType: 'Basic', id: 'b', code: { text: 'b' }, author: eve }))).status).toBe(
      404,
    );
    const beside = await store(
      weight('with-task', {
        extension: [{ url: 'http://example.org/t', valueReference: { reference: 'Task/refill' } }],
      }),
    );
    expect((await read(beside)).resource).not.toHaveProperty('extension');
  });

  test('is visible with any that is not, and with none', async () => {
    expect((await read(await store(task({ reference: 'MedicationRequest/dee-metformin' })))).status).toBe(200);
    const beside = await read('Observation/with-task');
    expect(beside.resource).toHaveProperty('extension');
    const list = { resourceType: 'List', id: 'plan', status: 'current', mode: 'working', title: 'Rounds' };
    const mixed = await read(await store({ ...list, entry: [{ item: eve }, { item: { reference: 'Patient/dee' } }] }));
    expect(mixed.resource.entry).toEqual([{ item: { reference: 'Patient/dee' } }]);
    expect((await read(await store(list))).status).toBe(200);
  });
});

describe('a cut leaves nothing behind', () => {
  const marked = { extension: [{ url: 'http://example.org/e', valueReference: eve }] };

  test('an extension of a primitive goes with its reference', async () => {
    const key = await store({
      resourceType: 'Patient',
      id: 'marked',
      name: [{ family: 'Marked', given: ['A'], _given: [marked] }],
      birthDate: '1980-01-01',
      _birthDate: marked,
    });
    const { resource } = await read(key);
    expect(resource).toMatchObject({ name: [{ family: 'Marked', given: ['A'] }], birthDate: '1980-01-01' });
    expect(JSON.stringify(resource)).not.toContain('http://example.org/e');
    expect(JSON.stringify(resource)).not.toContain('_given');
    expect(resource).not.toHaveProperty('_birthDate');
  });

  test('extensions of the other items of a list stay with their items', async () => {
    const kept = { extension: [{ url: 'http://example.org/k', valueString: 'of B' }] };
    const key = await store({
      resourceType: 'Patient',
      id: 'marked-list',
      name: [{ given: ['A', 'B', 'C'], _given: [marked, kept, null] }],
    });
    expect((await read(key)).resource.name).toEqual([{ given: ['A', 'B', 'C'], _given: [null, kept, null] }]);
  });

  test('what is contained goes with all that refers to it, and the other way round', async () => {
    const mother = { resourceType: 'RelatedPerson', id: 'm', patient: eve };
    const byMother = await read(
      await store(weight('by-mother', { contained: [mother], performer: [{ reference: '#m' }, grey] })),
    );
    expect(byMother.resource.contained).toBeUndefined();
    expect(byMother.resource.performer).toEqual([grey]);

    const note = { resourceType: 'Basic', id: 'n', code: { text: 'what Eve said' } };
    const nested = {
      url: 'http://example.org/e',
      extension: [
        { url: 'of', valueReference: eve },
        { url: 'note', valueReference: { reference: '#n' } },
      ],
    };
    const whole = await read(
      await store({
        resourceType: 'List',
        id: 'with-note',
        status: 'current',
        mode: 'working',
        contained: [note],
        entry: [{ item: eve, extension: [{ url: 'http://example.org/n', valueReference: { reference: '#n' } }] }],
      }),
    );
    expect(whole.resource.contained).toBeUndefined();
    // Still referred to: it stays.
    const still = await read(await store(weight('still-noted', { contained: [note], extension: [nested] })));
    expect(still.resource.contained).toEqual([note]);
  });

  test('a reference to a version does not count the versions', async () => {
    const key = await store({
      resourceType: 'Provenance',
      id: 'versioned',
      target: [{ reference: 'Observation/ada-a1c/_history/7' }],
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ who: grey }],
      entity: [{ role: 'revision', what: { reference: `${world.upstreamUrl}/Observation/ada-a1c/_history/6` } }],
    });
    const { resource } = await read(key);
    expect(resource.target).toEqual([{ reference: 'Observation/ada-a1c' }]);
    expect(JSON.stringify(resource.entity)).not.toContain('_history');
  });

  test('a participant, an activity and a finding go with what they name', async () => {
    await store({
      resourceType: 'Appointment',
      id: 'group-visit',
      status: 'booked',
      participant: [
        { actor: eve, type: [{ text: 'peer' }], status: 'declined' },
        { actor: { reference: 'Patient/dee' }, status: 'accepted' },
      ],
    });
    expect((await read('Appointment/group-visit')).resource.participant).toEqual([
      { actor: { reference: 'Patient/dee' }, status: 'accepted' },
    ]);
    const search = await read('Appointment?part-status=declined');
    expect(search.resource).toMatchObject({ total: 0 });
    expect((await read('Appointment?_sort=part-status')).status).toBe(400);
    await store({
      resourceType: 'CarePlan',
      id: 'plan',
      status: 'active',
      intent: 'plan',
      subject: { reference: 'Patient/ada' },
      activity: [{ reference: { reference: 'MedicationRequest/ada-buprenorphine' }, progress: [{ text: 'tapering' }] }],
    });
    expect((await read('CarePlan/plan')).resource).not.toHaveProperty('activity');
  });

  test('what links several things is nothing without one of them', async () => {
    const linkage = await store({
      resourceType: 'Linkage',
      id: 'same-person',
      item: [
        { type: 'source', resource: { reference: 'Patient/dee' } },
        { type: 'alternate', resource: eve },
      ],
    });
    const interaction = await store({
      resourceType: 'DetectedIssue',
      id: 'interaction',
      status: 'final',
      code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'DRG' }] },
      patient: { reference: 'Patient/ada' },
      severity: 'high',
      implicated: [
        { reference: 'MedicationRequest/ada-lisinopril' },
        { reference: 'MedicationRequest/ada-buprenorphine' },
      ],
    });
    expect((await read(linkage)).status).toBe(404);
    expect((await read(interaction)).status).toBe(404);
  });
});
