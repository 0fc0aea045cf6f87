import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tracesConfig } from '../../src/config/traces.ts';
import { stages } from '../../src/telemetry/watch.ts';
import { ask, type Bench, comparable, startBench, until } from '../failure/bench.ts';
import { type Place, startGateway } from '../services/place.ts';
import { type CollectedSpan, type Collector, startCollector } from '../support/collector.ts';

const all = tracesConfig.parse({ endpoint: 'http://127.0.0.1:9/v1/traces', share: 1 });
const attributesOf = ({ attributes }: CollectedSpan): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

describe('traces', () => {
  let bench: Bench;
  let collector: Collector;
  let metrics = '';

  beforeAll(async () => {
    collector = await startCollector();
    bench = await startBench({ changes: { traces: { ...all, endpoint: collector.url } } });
    await bench.ask('Observation?patient=ada&_count=5', {
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    });
    await bench.ask('Patient/nobody-at-all');
    await bench.ask('nothing/here/either');
    await until('three requests are collected', () => roots().length === 3);
    metrics = (await ask(`${bench.gateway.adminUrl}/metrics`, undefined)).body;
  });
  afterAll(async () => {
    await bench.close();
    await collector.close();
  });

  const roots = (): readonly CollectedSpan[] => collector.spans().filter(({ name }) => name === 'request');

  it('have a span for each request, and one below it for each of its stages', () => {
    const search = roots().find((span) => attributesOf(span)['gateway.interaction'] === 'search-type');
    const below = collector.spans().filter(({ parentSpanId }) => parentSpanId === search?.spanId);
    const names = new Set(below.map(({ name }) => name));
    for (const stage of stages) expect(names).toContain(stage);
    for (const span of below) {
      expect(span.traceId).toBe(search?.traceId);
      expect(BigInt(span.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(span.endTimeUnixNano));
    }
  });

  it('say of a request its number, method, interaction and status, and nothing else', () => {
    const statuses = roots().map((span) => attributesOf(span)['http.response.status_code']);
    expect(statuses.map(Number).sort()).toEqual([200, 404, 404]);
    for (const span of roots()) {
      expect(Object.keys(attributesOf(span)).sort()).toEqual([
        'gateway.interaction',
        'gateway.listener',
        'gateway.request_id',
        'http.request.method',
        'http.response.status_code',
      ]);
      expect(span.events ?? []).toEqual([]);
    }
    for (const span of collector.spans().filter(({ name }) => name !== 'request'))
      expect(Object.keys(attributesOf(span)).filter((name) => name !== 'gateway.busy_ms')).toEqual([]);
  });

  it('begin at the gateway: what a client calls its trace is not taken over', () => {
    expect(collector.received()).not.toContain('0af7651916cd43dd8448eb211c80319c');
  });

  it('are beside a histogram of the same stages, and counted when they are taken', () => {
    for (const stage of stages)
      expect(metrics).toMatch(new RegExp(`gateway_stage_duration_seconds_count\\{stage="${stage}"\\} [1-9]`));
    expect(metrics).toMatch(/gateway_trace_spans_total\{outcome="taken"\} [1-9]/);
  });
});

describe('traces of services beside FHIR', () => {
  const door = ['authenticate', 'admit', 'record', 'send'];
  const grey = {
    roles: ['clinician'],
    organization: 'Organization/mercy-hospital',
    purposes: ['TREAT'],
    user: 'Practitioner/dr-grey',
  };
  const observation = { type: 'Observation', id: 'ada-a1c' };
  const evaluation = {
    subject: { type: 'user', id: 'dr-grey', properties: { roles: ['clinician'], purpose_of_use: ['TREAT'] } },
    action: { name: 'read' },
    resource: observation,
  };
  const hook = {
    hook: 'patient-consent-consult',
    hookInstance: 'd1577c69-dfbe-44ad-ba6d-3e05e953b2ea',
    context: { actor: [{ value: 'Organization/harbor-clinic' }], patientId: [{ value: 'Patient/ada' }] },
  };
  const read = ['upstream', 'consent', 'decide'];
  let collector: Collector;
  let place: Place;
  beforeAll(async () => {
    collector = await startCollector();
    const names = ['authzen', 'explain', 'simulate', 'label-review', 'record-accounting'];
    place = await startGateway({
      changes: { traces: { ...all, endpoint: collector.url } },
      services: {
        grants: {
          ...Object.fromEntries(names.map((name) => [name, ['front-desk']])),
          'patient-consent-consult': ['system-client'],
        },
      },
      authzen: (issuer) => ({ subjects: { user: { issuer, kind: 'person' as const } } }),
    });
  });
  afterAll(async () => {
    await place.close();
    await collector.close();
  });

  it.each([
    ['in-force', 'ada', '/patients/ada/in-force', undefined, read],
    ['explain', 'front-desk', '/patients/ada/explain', { requester: grey }, ['plan', ...read]],
    ['simulate', 'front-desk', '/patients/ada/simulate', { requesters: { grey } }, ['plan', ...read]],
    ['authzen', 'front-desk', '/access/v1/evaluation', evaluation, ['plan', ...read]],
    ['patient-consent-consult', 'harbor', '/cds-services/patient-consent-consult', hook, ['consent', 'decide']],
    ['label-review', 'front-desk', '/labels/review', { resources: ['Observation/ada-a1c'] }, ['upstream']],
    ['record-accounting', 'front-desk', '/record/patients/ada/accounting', undefined, []],
  ])('%s: a span for each request, and one below it for each of its stages', async (name, as, path, body, own) => {
    const answer = await place.ask(path, { as, ...(body === undefined ? {} : { body }) });
    expect([name, answer.status]).toEqual([name, 200]);
    const request = () =>
      collector.spans().find((span) => span.name === 'request' && attributesOf(span)['gateway.interaction'] === name);
    await until('it is collected', () => request() !== undefined);
    const below = collector.spans().filter(({ parentSpanId }) => parentSpanId === request()?.spanId);
    expect([...new Set(below.map((span) => span.name))].sort()).toEqual([...door, ...own].sort());
    for (const span of below)
      expect(Object.keys(attributesOf(span)).filter((key) => key !== 'gateway.busy_ms')).toEqual([]);
    expect(attributesOf(request() as CollectedSpan)['gateway.listener']).toBe('services');
  });
});

describe('metrics of what was decided on', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ changes: { consent: { maximumAgeMs: 30_000 } } });
  });
  afterAll(() => bench.close());

  const figure = async (line: string): Promise<number> => {
    const { body } = await ask(`${bench.gateway.adminUrl}/metrics`, undefined);
    return Number(
      body
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')[1] ?? 0,
    );
  };

  it('tell whether Consents were remembered', async () => {
    await bench.ask('Patient/ada');
    const missed = await figure('gateway_consent_cache_total{result="miss"}');
    const hit = await figure('gateway_consent_cache_total{result="hit"}');
    expect(missed).toBeGreaterThan(0);
    await bench.ask('Patient/ada');
    expect(await figure('gateway_consent_cache_total{result="hit"}')).toBeGreaterThan(hit);
    expect(await figure('gateway_consent_cache_total{result="miss"}')).toBe(missed);
  });

  it('tell of candidates, released or withheld, whence their labels are', async () => {
    await bench.ask('Observation?patient=ada');
    await bench.ask('Observation?patient=ada', { as: 'steward' });
    const counts = await Promise.all(
      ['stated', 'added', 'none'].map((kind) => figure(`gateway_candidates_total{labels="${kind}"}`)),
    );
    const [released, withheld] = await Promise.all(
      ['gateway_released_resources_total', 'gateway_withheld_resources_total'].map(figure),
    );
    for (const count of counts) expect(count).toBeGreaterThan(0);
    expect(counts.reduce((sum, count) => sum + count)).toBe((released ?? 0) + (withheld ?? 0));
  });
});

describe('a collector in trouble', () => {
  let plain: Bench;
  beforeAll(async () => {
    plain = await startBench();
  });
  afterAll(() => plain.close());

  it.each([
    ['is not there', undefined],
    ['never answers', () => undefined],
    ['refuses', (response: import('node:http').ServerResponse) => void response.writeHead(500).end('no')],
    ['breaks off', (response: import('node:http').ServerResponse) => void response.destroy()],
  ])('%s: answers are the same, and the gateway stops as ever', async (_what, answer) => {
    const collector = answer === undefined ? undefined : await startCollector(answer);
    const endpoint = collector?.url ?? 'http://127.0.0.1:9/v1/traces';
    const bench = await startBench({
      changes: { traces: { ...all, endpoint, maximumQueued: 64, exportTimeoutMs: 200 } },
    });
    try {
      for (const path of ['Patient/ada', 'Patient/nobody', 'Observation?patient=ada&_count=3']) {
        for (let time = 0; time < 15; time++) {
          const [with_, without] = await Promise.all([bench.ask(path), plain.ask(path)]);
          expect(with_.status).toBe(without.status);
          if (path.startsWith('Patient/nobody')) expect(comparable(with_)).toEqual(comparable(without));
        }
      }
      await until('spans are told to be lost', async () =>
        /gateway_trace_spans_total\{outcome="lost"\} [1-9]/.test(
          (await ask(`${bench.gateway.adminUrl}/metrics`, undefined)).body,
        ),
      );
    } finally {
      await bench.close();
      await collector?.close();
    }
  });

  it('is shown the credential of its file, as it is now', async () => {
    const collector = await startCollector();
    const bench = await startBench();
    const file = join(bench.folder, 'collector');
    writeFileSync(file, 'Bearer of-old\n');
    const traced = await startBench({
      changes: { traces: { ...all, endpoint: collector.url, authorizationFile: file } },
    });
    try {
      await traced.ask('Patient/ada');
      await until('the first is collected', () => collector.spans().length > 0);
      expect(new Set(collector.authorizations())).toEqual(new Set(['Bearer of-old']));
      writeFileSync(file, 'Bearer of-now-and-on\n');
      await until('the new one is shown', async () => {
        await traced.ask('Patient/ada');
        return collector.authorizations().includes('Bearer of-now-and-on');
      });
    } finally {
      await traced.close();
      await bench.close();
      await collector.close();
    }
  });
});
