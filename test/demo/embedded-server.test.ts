import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';

let server: EmbeddedServer;

const observations = ['1.00', '2.50', '10'].map(
  (value, index) =>
    `{"resourceType":"Observation","id":"o${index}","meta":{"tag":[{"code":"kept"}]},"status":"final",
    "code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/p${index % 2}"},
    "effectiveDateTime":"2026-0${index + 1}-15","valueQuantity":{"value":${value},"unit":"%"}}`,
);
const patients = [0, 1].map(
  (index) =>
    `{"resourceType":"Patient","id":"p${index}","gender":"${index === 0 ? 'female' : 'male'}","name":[{"family":"Müller${index}"}]}`,
);

beforeAll(async () => {
  server = await startEmbeddedServer({ resources: [...patients, ...observations] });
});

afterAll(() => server.close());

async function get(path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.url}/${path}`);
  return { status: answer.status, text: await answer.text() };
}

async function find(query: string): Promise<{ ids: string[]; total: number }> {
  const { status, text } = await get(query);
  expect({ query, status }).toEqual({ query, status: 200 });
  const bundle = JSON.parse(text) as { total: number; entry?: { resource: { id: string } }[] };
  return { ids: (bundle.entry ?? []).map(({ resource }) => resource.id), total: bundle.total };
}

describe('the embedded FHIR server', () => {
  it('keeps every digit of a decimal, and the tags', async () => {
    const { text } = await get('Observation/o0');
    expect(text).toContain('"value":1.00,');
    expect(text).toContain('"tag":[{"code":"kept"}]');
    expect((await get('Observation?_id=o1')).text).toContain('"value":2.50,');
  });

  it.each([
    ['Observation?_sort=_id', ['o0', 'o1', 'o2']],
    ['Observation?_sort=-_id', ['o2', 'o1', 'o0']],
    ['Observation?_sort=-date,_id', ['o2', 'o1', 'o0']],
    ['Observation?_sort=value-quantity', ['o0', 'o1', 'o2']],
    ['Observation?_sort=_id&_count=1&_offset=1', ['o1']],
    ['Observation?patient=p0&_sort=_id', ['o0', 'o2']],
    ['Observation?patient=Patient/p1', ['o1']],
    ['Observation?subject:Patient=p1', ['o1']],
    ['Observation?code=http://loinc.org%7C4548-4&_sort=_id', ['o0', 'o1', 'o2']],
    ['Observation?code=http://snomed.info/sct%7C4548-4', []],
    ['Observation?code:not=4548-4', []],
    ['Observation?status:missing=true', []],
    ['Observation?value-quantity=1.00%7C%7C%25', ['o0']],
    ['Observation?value-quantity=2.5', ['o1']],
    ['Observation?value-quantity=gt2.4&_sort=_id', ['o1', 'o2']],
    ['Observation?date=2026-02', ['o1']],
    ['Observation?date=ge2026-02-15&_sort=_id', ['o1', 'o2']],
    ['Observation?date=lt2026-02-15', ['o0']],
    ['Observation?_id=o0,nobody', ['o0']],
    ['Observation?patient.gender=male', ['o1']],
    ['Patient?_has:Observation:patient:value-quantity=10', ['p0']],
    ['Patient?name=muller1', ['p1']],
    ['Patient?family:exact=Müller0', ['p0']],
    ['Observation?_id=o1&_include=Observation:patient', ['o1', 'p1']],
    ['Patient?_id=p1&_revinclude=Observation:patient', ['p1', 'o1']],
  ])('%s finds %j', async (query, expected) => {
    expect((await find(query)).ids).toEqual(expected);
  });

  it('total counts all matches, whatever the page', async () => {
    expect(await find('Observation?_count=1&_sort=_id')).toEqual({ ids: ['o0'], total: 3 });
    expect(await find('Observation?_summary=count')).toEqual({ ids: [], total: 3 });
  });

  it.each([
    'Observation?nonsense=1',
    'Observation?code:in=http://example.org/vs',
    'Observation?date=yesterday',
    'Observation?_count=many',
    'Observation?_sort=nonsense',
    'Observation?_elements=id',
    'Observation?_include=Observation:nonsense',
    'Observation?patient.nonsense=1',
    'Observation?subject:Patient.nonsense=1',
    'Observation?code.text=1',
    'Observation?code-value-quantity=4548-4$1',
  ])('%s is refused, not ignored', async (query) => {
    expect((await get(query)).status).toBe(400);
  });

  it('a changed resource has a history, a deleted one is gone', async () => {
    const put = (gender: string) =>
      fetch(`${server.url}/Patient/changing`, {
        method: 'PUT',
        body: JSON.stringify({ resourceType: 'Patient', id: 'changing', gender }),
      });
    expect((await put('male')).status).toBe(201);
    expect((await put('female')).status).toBe(200);
    const history = JSON.parse((await get('Patient/changing/_history')).text) as { entry: { resource: unknown }[] };
    expect(history.entry.map(({ resource }) => resource)).toMatchObject([
      { gender: 'female', meta: { versionId: '2' } },
      { gender: 'male', meta: { versionId: '1' } },
    ]);
    expect((await get('Patient/changing/_history/1')).text).toContain('"male"');
    await fetch(`${server.url}/Patient/changing`, { method: 'DELETE' });
    expect((await get('Patient/changing')).status).toBe(410);
    expect((await find('Patient?_id=changing')).ids).toEqual([]);
  });

  it('an AuditEvent that is posted gets an id and is found', async () => {
    const answer = await fetch(`${server.url}/AuditEvent`, {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'AuditEvent', entity: [{ what: { reference: 'Patient/p0' } }] }),
    });
    expect(answer.status).toBe(201);
    expect((await find('AuditEvent?entity=Patient/p0')).total).toBe(1);
  });

  it('what is no resource is refused', async () => {
    for (const body of ['', '{', '[]', '{"resourceType":"Patient"}', '{"resourceType":"Patient","id":"other"}']) {
      const answer = await fetch(`${server.url}/Patient/x`, { method: 'PUT', body });
      expect({ body, status: answer.status }).toEqual({ body, status: 400 });
    }
  });
});
