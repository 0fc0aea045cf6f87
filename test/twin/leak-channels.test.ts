import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { aboutNever, type Channel, requestOf, sections } from './leak-channels.ts';
import { fullWorld, neverId, plainWorld, withheldId } from './leak-world.ts';
import type { TwinRequest } from './requests.ts';
import {
  type Answer,
  answerDifferences,
  type Bench,
  entriesOf,
  nextLink,
  printed,
  report,
  startBench,
  type Twins,
} from './twins.ts';

jest.setTimeout(300_000);

const askers = ['dr-grey', 'harbor'];

let bench: Bench;
let twins: Twins;
beforeAll(async () => {
  bench = await startBench();
  twins = await bench.start([plainWorld, fullWorld]);
});
afterAll(() => bench.close());

for (const { title, channels } of sections) {
  describe(title, () => {
    for (const channel of channels) {
      test(`${channel.id} ${channel.claim}`, async () => {
        for (const asker of [...askers, ...(channel.also ?? [])]) await holds(channel, asker);
      });
    }
  });
}

/** Equal over both worlds, equal for what is withheld and what never was, and of the status that was promised. */
async function holds({ requests, status }: Channel, asker: string): Promise<void> {
  for (const request of requests.map(requestOf)) {
    expect(report(await twins.compare(asker, request))).toBe('');
    const about = await twins.ask(1, asker, request);
    if (status !== undefined) expect(`${printed(request)} ${about.status}`).toBe(`${printed(request)} ${status}`);
    else expect(about.status).toBeLessThan(500);
    expect(about.body).not.toContain('detox');
    const never = aboutNever(request);
    if (never !== undefined) expect(pairDifferences(about, await twins.ask(1, asker, never))).toEqual([]);
  }
}

/** What tells apart the answers about a withheld id and about one that never was; the ids themselves are of one length. */
function pairDifferences(about: Answer, never: Answer): readonly object[] {
  const renamed = { ...never, body: never.body.replaceAll(neverId, withheldId) };
  return [...answerDifferences(about, renamed)];
}

const read = (path: string, headers: Record<string, string> = {}): TwinRequest => ({ method: 'GET', path, headers });

describe('direct access and status codes, in one answer', () => {
  test('LC-04 every "not there" is the same bytes, and repeats no id', async () => {
    const paths = ['Encounter/sud-1', 'Encounter/nvr-1', 'Patient/eve', 'Observation/gone-v', 'Encounter/gone-w'];
    const bodies = await Promise.all(paths.map(async (path) => (await twins.ask(1, 'dr-grey', read(path))).body));
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).not.toMatch(/sud-1|nvr-1|\beve\b|gone/);
  });

  test('LC-06 HEAD has the headers of GET', async () => {
    for (const path of ['Observation/o2', 'Encounter/sud-1', 'Encounter?patient=ada']) {
      const got = await twins.ask(1, 'dr-grey', read(path));
      const head = await twins.ask(1, 'dr-grey', { method: 'HEAD', path });
      const about = answerDifferences({ ...got, body: '' }, head).map(({ what }) => what);
      // The client ends a connection after HEAD.
      expect(about.filter((what) => what !== 'header connection' && what !== 'header keep-alive')).toEqual([]);
    }
  });

  test('LC-08 what has no route is refused before anything is read', async () => {
    const before = await twins.looks();
    for (const path of [
      'Patient/ada/Encounter/sud-1',
      'Encounter/sud-1/',
      'encounter/sud-1',
      'Patient/../Encounter/sud-1',
      'Encounter/%73ud-1',
      'Encounter/sud-1/$meta',
      'Binary/sud-b',
      'AuditEvent',
    ])
      expect((await twins.ask(1, 'dr-grey', read(path))).status).toBe(404);
    for (const path of [
      'Observation?_content=methadone',
      'Observation?_filter=x',
      'Patient?_revinclude=*',
      'Encounter?_offset=2',
    ])
      expect((await twins.ask(1, 'dr-grey', read(path))).status).toBe(400);
    expect(await twins.looks()).toEqual(before);
  });

  test('LC-01 another patient’s data reads like what never was, to a token for one patient', async () => {
    const never = await twins.ask(1, 'ada', read('Observation/n-o1'));
    for (const path of [
      'Observation/x-o1',
      'Encounter/x1',
      'Patient/cy',
      'Observation/x-o1/_history',
      'Patient/cy/Observation',
    ])
      expect(answerDifferences(await twins.ask(1, 'ada', read(path)), never)).toEqual([]);
  });
});

describe('history and versions, in numbers', () => {
  test('LC-14 and LC-15 a resource with a hidden change has one version, and not by its stored number', async () => {
    const [answer] = await twins.pages(1, 'dr-grey', read('Observation/o2/_history'));
    const bundle = JSON.parse(answer?.body ?? '{}') as {
      total: number;
      entry: { resource: { meta: { versionId: string } } }[];
    };
    expect(bundle.total).toBe(1);
    expect(bundle.entry[0]?.resource.meta.versionId).toMatch(/^[A-Za-z0-9.-]{22}$/);
  });

  test('LC-17 a change of labels alone is no version', async () => {
    const resource = {
      resourceType: 'Condition',
      id: 'c9',
      code: { text: 'x' },
      subject: { reference: 'Patient/ada' },
    };
    const labelled = {
      ...resource,
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' }] },
    };
    const world = (...versions: object[]) => ({
      resources: [...plainWorld.resources, ...versions.map((version) => JSON.stringify(version))],
    });
    const pair = await bench.start([world(resource), world(resource, labelled)]);
    const etags = await Promise.all(
      [0, 1].map(async (side) => (await pair.ask(side, 'dr-grey', read('Condition/c9'))).headers.etag),
    );
    expect(etags[0]).toBe(etags[1]);
    const history = await pair.ask(1, 'dr-grey', read('Condition/c9/_history'));
    expect((JSON.parse(history.body) as { total: number }).total).toBe(1);
    await pair.close();
  });
});

describe('totals and paging, in numbers', () => {
  test('LC-18 the total is the sum of the pages', async () => {
    for (const path of ['Encounter?patient=ada', 'Observation?code=4548-4', 'Patient?birthdate=1970-02-03']) {
      const pages = await twins.pages(1, 'dr-grey', read(`${path}&_count=1&_total=accurate`));
      const totals = pages.map(({ body }) => (JSON.parse(body) as { total?: number }).total);
      expect(new Set(totals)).toEqual(new Set([entriesOf(pages).length]));
    }
  });

  test('LC-19 and LC-21 every page but the last is full, and every token of one length', async () => {
    const pages = await twins.pages(1, 'dr-grey', read('Observation?_count=2'));
    const sizes = pages.map((page) => entriesOf([page]).length);
    expect(sizes.slice(0, -1).every((size) => size === 2)).toBe(true);
    expect(sizes.at(-1)).toBeGreaterThan(0);
    const lengths = pages.slice(0, -1).map((page) => nextLink(page)?.length);
    expect(new Set(lengths).size).toBe(1);
  });

  test('LC-24 neither the FHIR server nor its parameters are named', async () => {
    const [{ upstream } = { upstream: '' }] = twins.sides.slice(1);
    for (const path of ['Encounter?patient=ada&_count=1', 'Encounter/v1', 'Observation/o2/_history', 'metadata']) {
      const { body, headers } = await twins.ask(1, 'dr-grey', read(path));
      expect(body + JSON.stringify(headers)).not.toContain(new URL(upstream).host);
      expect(body).not.toMatch(/_offset|_security:not|_sort=_id/);
    }
  });

  test('LC-25 somebody else’s page is a made-up page', async () => {
    const [first] = await twins.pages(1, 'steward', read('Encounter?_count=1'));
    const link = first === undefined ? undefined : nextLink(first);
    expect(link).toBeDefined();
    const foreign = await twins.ask(1, 'dr-grey', read(link ?? ''));
    const madeUp = await twins.ask(
      1,
      'dr-grey',
      read(`Encounter?_page=${'B'.repeat((link ?? '').split('=')[1]?.length ?? 0)}`),
    );
    expect(foreign.status).toBe(404);
    expect(answerDifferences(foreign, madeUp)).toEqual([]);
    expect((await twins.ask(1, 'steward', read(link ?? ''))).status).toBe(200);
  });

  test.each(['dr-grey-vitals', 'dr-grey-of-ada', 'dr-grey-elsewhere', 'dr-grey-at-the-desk'])(
    'LC-25 the same person as %s, with another token, is somebody else',
    async (who) => {
      const [first] = await twins.pages(1, 'dr-grey', read('Observation?_count=1'));
      const link = first === undefined ? undefined : nextLink(first);
      expect(link).toBeDefined();
      expect((await twins.ask(1, who, read(link ?? ''))).status).toBe(404);
      expect((await twins.ask(1, 'dr-grey', read(link ?? ''))).status).toBe(200);
    },
  );

  test('LC-26 and LC-97 what is denied between two pages is on neither from then on', async () => {
    const pair = await bench.start([fullWorld]);
    const first = await pair.ask(0, 'dr-grey', read('Observation?_count=1&_sort=_id'));
    expect(entriesOf([first]).map(({ key }) => key)).toEqual(['Observation/o1']);
    const denial = {
      resourceType: 'Consent',
      id: 'late',
      status: 'active',
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      patient: { reference: 'Patient/ada' },
      dateTime: '2025-01-01',
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] },
      provision: { type: 'deny' },
    };
    await fetch(`${pair.sides[0]?.upstream}/Consent/late`, { method: 'PUT', body: JSON.stringify(denial) });
    const rest = await pair.pages(0, 'dr-grey', read(nextLink(first) ?? ''));
    expect(rest[0]?.status).toBe(200);
    expect(entriesOf(rest).map(({ key }) => key)).toEqual(['Observation/x-o1']);
    expect((await pair.ask(0, 'dr-grey', read('Observation/o1'))).status).toBe(404);
    await pair.close();
  });
});

describe('a token for one patient, in a search for several', () => {
  test.each([
    'Observation?patient=ada,cy',
    'Observation?subject=Group/g1',
    'Observation?patient=cy',
    'Observation?subject:Patient.family=sample',
    'Observation?patient:Patient.birthdate=1985-11-30',
    'Observation?_id=o1,x-o1',
    'Patient?family=sample',
    'Patient?_id=ada,cy',
    'Group?_include=Group:member',
    'Patient?_revinclude=Observation:patient',
    'Encounter?_has:Observation:encounter:code=4548-4',
  ])('LC-54 and LC-152 %s brings nobody else', async (path) => {
    const pages = await twins.pages(1, 'ada', read(path));
    expect(pages[0]?.status).toBeLessThan(500);
    for (const { key, resource } of pages[0]?.status === 200 ? entriesOf(pages) : []) {
      expect(key).not.toMatch(/^(Patient|Observation|Encounter)\/(cy|eve|x)/);
      expect(JSON.stringify(resource)).not.toMatch(/Patient\/(cy|eve)/);
    }
  });
});

describe('headers', () => {
  const allowed = new Set([
    ...['content-type', 'content-length', 'etag', 'last-modified', 'cache-control', 'vary', 'date', 'connection'],
    ...['keep-alive', 'x-request-id', 'x-content-type-options', 'content-security-policy', 'referrer-policy'],
  ]);

  test('LC-95 only known headers leave', async () => {
    for (const path of ['Observation/o2', 'Encounter?patient=ada', 'Encounter/sud-1', 'Observation/o2/_history']) {
      const { headers } = await twins.ask(1, 'dr-grey', read(path));
      expect(Object.keys(headers).filter((name) => !allowed.has(name))).toEqual([]);
    }
  });

  test('LC-96 no shared cache may keep an answer', async () => {
    for (const path of ['Observation/o2', 'Encounter?patient=ada', 'Encounter/sud-1']) {
      const { headers } = await twins.ask(1, 'dr-grey', read(path));
      expect(headers['cache-control']).toBe('private, no-store');
      expect(headers.vary).toContain('Authorization');
    }
  });

  test('LC-89 a hidden change leaves a copy valid', async () => {
    const { headers } = await twins.ask(0, 'dr-grey', read('Observation/o2'));
    const again = await twins.ask(1, 'dr-grey', read('Observation/o2', { 'if-none-match': headers.etag ?? '' }));
    expect(again.status).toBe(304);
  });
});
