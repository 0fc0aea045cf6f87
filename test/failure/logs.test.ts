import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { stages } from '../../src/telemetry/watch.ts';
import { type Collector, startCollector } from '../support/collector.ts';
import {
  answering,
  ask,
  type Bench,
  exchange,
  pause,
  raw,
  reset,
  type ServedGateway,
  serveProcess,
  startBench,
  startRelay,
  until,
} from './bench.ts';

/** One of its own for each place where something could get from, so that a failure names the way. */
const planted = {
  patient: 'PLANTED-patient-name',
  narrative: 'PLANTED-narrative',
  resourceId: 'planted-resource-id',
  consentText: 'PLANTED-consent-text',
  consentMember: 'PLANTED consent member',
  searchValue: 'PLANTED-search-value',
  searchName: 'PLANTED-search-name',
  path: 'PLANTED-path',
  header: 'PLANTED-header',
  requestId: 'PLANTED-request-id',
  token: 'PLANTED-token',
  upstreamBody: 'PLANTED-upstream-body',
  upstreamHeader: 'PLANTED-upstream-header',
  upstreamStatus: 'PLANTED-upstream-status',
} as const;

const resources = [
  {
    resourceType: 'Patient',
    id: 'planted-resource-id-p',
    name: [{ family: planted.patient }],
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${planted.narrative}</div>` },
  },
  {
    resourceType: 'Observation',
    id: planted.resourceId,
    status: 'final',
    code: { text: planted.patient },
    subject: { reference: 'Patient/planted-resource-id-p' },
  },
  {
    resourceType: 'Consent',
    id: 'planted-resource-id-c',
    status: 'active',
    scope: { text: planted.consentText },
    category: [{ text: planted.consentText }],
    patient: { reference: 'Patient/planted-resource-id-p' },
    [planted.consentMember]: planted.consentText,
    extension: [
      { url: `http://example.org/x?y=${planted.consentText}`, valueString: planted.consentText },
      { url: 'http://example.org/StructureDefinition/unheard-of', valueString: planted.consentText },
    ],
    provision: {
      type: 'deny',
      code: [{ text: planted.consentText }],
      actor: [{ reference: { display: planted.patient } }],
    },
  },
];

describe('what operators see', () => {
  let bench: Bench;
  let gateway: ServedGateway;
  let collector: Collector;
  let seen = '';

  beforeAll(async () => {
    bench = await startBench({
      relay: await startRelay([...textsOf(peopleBundles()), ...resources.map((one) => JSON.stringify(one))]),
      changes: { upstream: { answerTimeoutMs: 400 } },
    });
    collector = await startCollector();
    const config = {
      ...bench.config,
      traces: { endpoint: collector.url, share: 1, exportTimeoutMs: 5_000, maximumQueued: 10_000 },
      listener: { ...bench.config.listener, port: 0 },
      audit: { ...bench.config.audit, outboxFile: join(bench.folder, 'logged.db') },
    };
    gateway = await serveProcess(config, join(bench.folder, 'logged.json'));
    await makeTrouble();
    await pause(300);
    const admin = await Promise.all(
      ['live', 'ready', 'metrics', planted.path, `metrics?${planted.searchValue}`].map((path) =>
        ask(`${gateway.adminUrl}/${path}`, undefined),
      ),
    );
    gateway.kill('SIGTERM');
    await gateway.ended;
    const told = [...admin.map((answer) => JSON.stringify(answer)), collector.received()];
    seen = [gateway.stderr(), gateway.stdout(), ...told].join('\n');
  });
  afterAll(async () => {
    await bench.close();
    await collector.close();
  });

  const makeTrouble = async (): Promise<void> => {
    const token = bench.tokens.get('dr-grey');
    const get = (path: string, headers: Record<string, string> = {}, as: string | undefined = token) =>
      ask(`${gateway.url}/${path}`, as, { headers }).catch(() => undefined);
    const paths = [
      'Patient/planted-resource-id-p',
      `Observation/${planted.resourceId}`,
      `Observation/${planted.resourceId}/_history`,
      `Observation?_id=${planted.resourceId}`,
      `Patient?name=${planted.searchValue}`,
      `Patient?${planted.searchName}=${planted.searchValue}`,
      `Patient?name:${planted.searchName}=x`,
      `Patient?_sort=${planted.searchValue}`,
      `Observation?patient=${planted.searchValue}`,
      `Observation?subject:Patient.name=${planted.searchValue}`,
      `Patient?_has:Observation:subject:code=${planted.searchValue}`,
      `${planted.path}/x`,
      `Patient/${planted.path}`,
      `Patient?_page=${planted.searchValue}`,
    ];
    for (const path of paths) await get(path);
    for (const as of ['steward', 'harbor', 'ada']) await get(paths[0] as string, {}, bench.tokens.get(as));
    await get('Patient/ada', {}, planted.token);
    await get('Patient/ada', {}, `${token}${planted.token}`);
    await get('Patient/ada', {
      'x-request-id': planted.requestId,
      'x-other': planted.header,
      'user-agent': planted.header,
    });
    await get('Patient/ada', { accept: planted.header });
    await get('Patient/ada', { prefer: planted.header, 'if-none-match': planted.header });
    await get('Patient/ada', { 'x-purpose-of-use': planted.header });
    await get(`Patient?access_token=${planted.token}`);
    await ask(`${gateway.url}/Patient/_search`, token, { form: `name=${planted.searchValue}` });
    await exchange(gateway.url, [`GET /${planted.path} HTTP/9.9\r\n${planted.header}\r\n\r\n`], { quietMs: 100 });
    const faults = [
      answering(`{"a":"${planted.upstreamBody}`, { headers: { 'x-a': planted.upstreamHeader } }),
      answering(planted.upstreamBody, { status: 500, headers: { 'x-a': planted.upstreamHeader } }),
      answering(`{"resourceType":"${planted.upstreamBody}","${planted.upstreamBody}":{}}`),
      raw(`HTTP/1.1 500 ${planted.upstreamStatus}\r\n${planted.upstreamHeader}: a\r\n\r\n`),
      raw(`${planted.upstreamStatus}\r\n\r\n`),
      raw(`HTTP/1.1 302 Found\r\nLocation: http://${planted.upstreamHeader}.example/\r\n\r\n`),
      reset,
    ];
    for (const fault of faults) {
      bench.relay.fault = () => fault;
      await get(`Patient?name=${planted.searchValue}`);
      await get('Patient/ada');
      bench.relay.fault = ({ type }) => (type === 'Consent' ? fault : undefined);
      await get('Patient/planted-resource-id-p');
    }
    bench.relay.fault = () => undefined;
    await until('the gateway answers', async () => (await get('Patient/ada'))?.status === 200);
  };

  it('is a line for each request', () => {
    const lines = gateway
      .stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const statuses = new Set(lines.filter(({ message }) => message === 'answered').map(({ status }) => status));
    for (const status of [200, 400, 401, 404, 502, 503]) expect(statuses).toContain(status);
    expect(seen).toContain('gateway_requests_total');
  });

  it('is a trace for each request, with the attributes it may have', () => {
    const lines = gateway.stderr().match(/"message":"answered"/g) ?? [];
    const spans = collector.spans();
    expect(spans.filter(({ name }) => name === 'request')).toHaveLength(lines.length);
    const source = readFileSync(new URL('../../src/telemetry/traces.ts', import.meta.url), 'utf8');
    const may = new Set([...source.matchAll(/readonly '([a-z._]+)'\?:/g)].map(([, name]) => name as string));
    expect(may.size).toBeGreaterThan(4);
    const keys = spans.flatMap(({ attributes }) => attributes.map(({ key }) => key));
    expect(keys.filter((key) => !may.has(key))).toEqual([]);
    for (const { name } of spans) expect(['request', ...stages]).toContain(name);
  });

  it.each(Object.entries(planted))('holds nothing from: %s', (_where, text) => {
    expect(seen.toLowerCase()).not.toContain(text.toLowerCase());
  });

  it('names what was not understood in a Consent, and never by a word of the Consent', () => {
    const constructs = [...seen.matchAll(/"construct":"([^"]*)"/g)].map(([, name]) => name);
    for (const name of ['Consent.extension', 'Consent.member', 'Consent.provision.code'])
      expect(constructs).toContain(name);
    for (const name of constructs) expect(name).toMatch(/^Consent(\.[a-zA-Z]+)*$/);
  });

  it('holds no token, no patient and no id', () => {
    for (const token of bench.tokens.values()) expect(seen).not.toContain(token.slice(-40));
    expect(seen).not.toMatch(/Patient\/|Observation\/|"ada"|dr-grey/i);
  });

  it('the log has the fields it may have, and no other', () => {
    const allowed = new Set(
      [
        ...readFileSync(new URL('../../src/telemetry/log.ts', import.meta.url), 'utf8').matchAll(/readonly (\w+)\?:/g),
      ].map(([, name]) => name as string),
    );
    for (const line of gateway.stderr().trim().split('\n')) {
      const fields = Object.keys(JSON.parse(line)).filter((name) => !['level', 'message', 'timestamp'].includes(name));
      expect(fields.filter((name) => !allowed.has(name))).toEqual([]);
    }
  });
});
