/**
 * What the gateway needs of a FHIR server in front of which it stands, as tests that any server can be put to:
 * read, search by GET and POST with `_count`, next links or `_offset`, `_id` lists, a stable order under `_sort=_id`,
 * Consents by patient; instance history is optional.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

type RunningUpstream = { readonly url: string; readonly close: () => Promise<void> };

export type UpstreamUnderTest = {
  readonly name: string;
  /** Starts the server with an empty store. */
  readonly start: () => Promise<RunningUpstream>;
  /** How the server leads to the next page: a link in the Bundle, or `_offset`. */
  readonly paging: 'link' | 'offset';
  /** Whether it serves `GET [type]/[id]/_history`. */
  readonly history: boolean;
};

type Resource = { readonly resourceType: string; readonly id: string; readonly [element: string]: unknown };
type Bundle = {
  readonly resourceType: 'Bundle';
  readonly type: string;
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly { readonly resource?: Resource; readonly search?: { readonly mode?: string } }[];
};

const fhirJson = 'application/fhir+json';
const patient = 'contract-patient';
const other = 'contract-other';
const observations = Array.from({ length: 25 }, (_, index) => `contract-o${String(index).padStart(2, '0')}`);

export function describeUpstreamContract(upstream: UpstreamUnderTest): void {
  describe(`${upstream.name} keeps the upstream contract`, () => {
    let running: RunningUpstream;

    beforeAll(async () => {
      running = await upstream.start();
      for (const resource of store()) await put(running.url, resource);
      await put(running.url, { ...patientNamed('contract-gone'), active: true });
      await request(running.url, 'DELETE', 'Patient/contract-gone');
    });

    afterAll(async () => {
      await running?.close();
    });

    const search = (query: string) => bundle(running.url, 'GET', `Observation?${query}`);
    const post = (form: string) => bundle(running.url, 'POST', 'Observation/_search', form);

    it('a read gives the resource with its id, version and time', async () => {
      const { status, body } = await request(running.url, 'GET', `Observation/${observations[3]}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        resourceType: 'Observation',
        id: observations[3],
        subject: { reference: `Patient/${patient}` },
        meta: { versionId: expect.any(String), lastUpdated: expect.any(String) },
      });
    });

    it('labels come back as they were stored', async () => {
      const { body } = await request(running.url, 'GET', `Observation/${observations[0]}`);
      expect(body).toMatchObject({ meta: { security: [{ code: 'ETH' }] } });
    });

    it('numbers keep their digits: 1.00 is not 1', async () => {
      const resource = '{"resourceType":"Observation","id":"contract-precise","status":"final","code":{"text":"x"},';
      await fetch(`${running.url}/Observation/contract-precise`, {
        method: 'PUT',
        headers: { 'content-type': fhirJson },
        body: `${resource}"valueQuantity":{"value":1.00}}`,
      });
      const answer = await fetch(`${running.url}/Observation/contract-precise`, { headers: { accept: fhirJson } });
      expect((await answer.text()).replaceAll(/\s/g, '')).toContain('"value":1.00}');
    });

    it('an id that never was and one that was deleted are 404 or 410', async () => {
      expect((await request(running.url, 'GET', 'Patient/contract-never')).status).toBe(404);
      expect([404, 410]).toContain((await request(running.url, 'GET', 'Patient/contract-gone')).status);
    });

    it('a search by patient finds what is about her and nothing else', async () => {
      const found = await search(`patient=Patient/${patient}&_count=100`);
      expect(found.type).toBe('searchset');
      expect(idsOf(found).sort()).toEqual(observations);
    });

    it('a search that matches nothing is an empty searchset', async () => {
      expect(idsOf(await search('patient=Patient/contract-never'))).toEqual([]);
    });

    it.each([1, 7, 25])('pages of %d in the order of ids give every match exactly once', async (size) => {
      const seen: string[] = [];
      let page = await post(`patient=Patient/${patient}&_sort=_id&_count=${size}`);
      for (;;) {
        const ids = idsOf(page);
        expect(ids.length).toBeLessThanOrEqual(size);
        seen.push(...ids);
        if (seen.length > observations.length) break; // a server that repeats itself must not keep us here
        const next = nextOf(page);
        if (upstream.paging === 'link') {
          if (next === undefined) break;
          page = await bundle(running.url, 'GET', next);
        } else {
          if (ids.length < size) break;
          page = await post(`patient=Patient/${patient}&_sort=_id&_count=${size}&_offset=${seen.length}`);
        }
      }
      expect(seen).toEqual(observations);
    });

    it('the last page has no next link', async () => {
      expect(nextOf(await post(`patient=Patient/${patient}&_sort=_id&_count=${observations.length}`))).toBeUndefined();
    });

    it('an _id list gives those that exist', async () => {
      const wanted = [observations[20], observations[1], 'contract-never', observations[7]].join(',');
      expect(idsOf(await post(`_id=${wanted}&_count=10`)).sort()).toEqual([
        observations[1],
        observations[7],
        observations[20],
      ]);
    });

    it('an _id list of a hundred is taken, by POST', async () => {
      const list = [...observations, ...Array.from({ length: 75 }, (_, index) => `contract-absent-${index}`)].join(',');
      expect(idsOf(await post(`_id=${list}&_count=100`)).sort()).toEqual(observations);
    });

    it('GET and POST answer alike', async () => {
      const query = `patient=Patient/${patient}&code=http://loinc.org|2339-0&_sort=_id&_count=50`;
      const byGet = idsOf(await search(query.replace('|', '%7C')));
      expect(byGet.length).toBe(12);
      expect(idsOf(await post(query.replace('|', '%7C')))).toEqual(byGet);
    });

    it('a deleted resource is not found by a search', async () => {
      const found = await bundle(running.url, 'POST', 'Patient/_search', '_id=contract-gone&_count=10');
      expect(idsOf(found)).toEqual([]);
    });

    it('Consents are found by patient', async () => {
      const found = await bundle(running.url, 'POST', 'Consent/_search', `patient=Patient/${patient}&_count=50`);
      expect(idsOf(found)).toEqual(['contract-consent']);
      const none = await bundle(running.url, 'POST', 'Consent/_search', `patient=Patient/${other}&_count=50`);
      expect(idsOf(none)).toEqual([]);
    });

    it('a change is a new version, and the next search sees it', async () => {
      const before = await request(running.url, 'GET', `Patient/${other}`);
      await put(running.url, { ...patientNamed(other), gender: 'other' });
      const after = await request(running.url, 'GET', `Patient/${other}`);
      expect(after.body).toMatchObject({ gender: 'other' });
      expect(versionOf(after.body)).not.toBe(versionOf(before.body));
      const found = await bundle(running.url, 'POST', 'Patient/_search', `_id=${other}&_count=10`);
      expect(found.entry?.[0]?.resource).toMatchObject({ gender: 'other' });
    });

    (upstream.history ? it : it.skip)('instance history has every version, newest first', async () => {
      await put(running.url, { ...patientNamed('contract-changed'), gender: 'female' });
      await put(running.url, { ...patientNamed('contract-changed'), gender: 'male' });
      await put(running.url, { ...patientNamed('contract-changed'), gender: 'other' });
      const history = await bundle(running.url, 'GET', 'Patient/contract-changed/_history?_count=100');
      expect(history.type).toBe('history');
      expect((history.entry ?? []).map((entry) => entry.resource?.gender)).toEqual(['other', 'male', 'female']);
      expect(new Set((history.entry ?? []).map((entry) => versionOf(entry.resource))).size).toBe(3);
    });
  });
}

/** Targets before what refers to them: some servers index a reference only if its target is there. */
function store(): Resource[] {
  return [
    patientNamed(patient),
    patientNamed(other),
    ...observations.map((id, index) => ({
      resourceType: 'Observation',
      id,
      ...(index === 0
        ? { meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'ETH' }] } }
        : {}),
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: index % 2 === 0 ? '8867-4' : '2339-0' }] },
      subject: { reference: `Patient/${patient}` },
      valueQuantity: { value: index, unit: '1' },
    })),
    {
      resourceType: 'Observation',
      id: 'contract-o-of-other',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '2339-0' }] },
      subject: { reference: `Patient/${other}` },
    },
    {
      resourceType: 'Consent',
      id: 'contract-consent',
      status: 'active',
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      patient: { reference: `Patient/${patient}` },
      policy: [{ uri: 'urn:example:policy' }],
      provision: { type: 'permit' },
    },
  ];
}

function patientNamed(id: string): Resource {
  return { resourceType: 'Patient', id, name: [{ family: id }] };
}

async function put(base: string, resource: Resource): Promise<void> {
  const { status } = await request(base, 'PUT', `${resource.resourceType}/${resource.id}`, {
    contentType: fhirJson,
    text: JSON.stringify(resource),
  });
  expect([200, 201]).toContain(status);
}

async function bundle(base: string, method: 'GET' | 'POST', path: string, form?: string): Promise<Bundle> {
  const sent = form === undefined ? undefined : { contentType: 'application/x-www-form-urlencoded', text: form };
  const { status, body } = await request(base, method, path, sent);
  expect({ status, body }).toMatchObject({ status: 200, body: { resourceType: 'Bundle' } });
  return body as Bundle;
}

/** @param path below the base, or an absolute URL as links have it */
async function request(
  base: string,
  method: string,
  path: string,
  sent?: { readonly contentType: string; readonly text: string },
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(/^https?:/.test(path) ? path : `${base}/${path}`, {
    method,
    headers: { accept: fhirJson, ...(sent === undefined ? {} : { 'content-type': sent.contentType }) },
    ...(sent === undefined ? {} : { body: sent.text }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

function idsOf(found: Bundle): string[] {
  return (found.entry ?? []).flatMap(({ resource, search }) =>
    resource === undefined || (search?.mode ?? 'match') !== 'match' ? [] : [resource.id],
  );
}

function nextOf(found: Bundle): string | undefined {
  return found.link?.find(({ relation }) => relation === 'next')?.url;
}

function versionOf(resource: unknown): string | undefined {
  return (resource as { readonly meta?: { readonly versionId?: string } } | undefined)?.meta?.versionId;
}
