import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { readEvents } from '../../src/audit/audit.ts';
import type { Config } from '../../src/config/config.ts';
import { listenerConfig } from '../../src/config/listener.ts';
import type { Edges } from '../../src/edges.ts';
import { createDataListener } from '../../src/http/server.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { untraced } from '../../src/telemetry/traces.ts';
import { startRepository } from '../audit/repository.ts';
import { startIssuer } from '../twin/issuer.ts';
import {
  type Answer,
  answering,
  ask,
  type Bench,
  type BenchOptions,
  type Call,
  comparable,
  errorCode,
  type Fault,
  hang,
  pause,
  publicBase,
  raw,
  reset,
  serveProcess,
  startBench,
  startRelay,
  until,
} from './bench.ts';

/** For each route: what Dr. Grey may not know, and what nobody has. Ids of one length, so that lengths compare too. */
const pairs = [
  ['a read', 'Observation/ada-drug-screen', 'Observation/ada-drug-scrool'],
  ['a read of a patient', 'Patient/eve', 'Patient/evo'],
  ['a vread', 'Observation/ada-drug-screen/_history/1', 'Observation/ada-drug-scrool/_history/1'],
  ['a history', 'Observation/ada-drug-screen/_history', 'Observation/ada-drug-scrool/_history'],
  ['a history of a patient', 'Patient/eve/_history', 'Patient/evo/_history'],
  ['a search by id', 'Observation?_id=ada-drug-screen', 'Observation?_id=ada-drug-scrool'],
  ['a search by patient', 'Observation?patient=eve', 'Observation?patient=evo'],
  ['a search of a compartment', 'Patient/eve/Observation', 'Patient/evo/Observation'],
  ['a chain', 'Observation?subject:Patient._id=eve', 'Observation?subject:Patient._id=evo'],
  [
    'a reverse chain',
    'Patient?_has:Observation:subject:_id=ada-drug-screen',
    'Patient?_has:Observation:subject:_id=ada-drug-scrool',
  ],
] as const;

/** What comes back, without what is random and without the id that was asked for. */
function essence({ status, headers, body }: Answer): unknown {
  const { date: _date, 'x-request-id': _id, ...rest } = headers;
  const alike = body
    .replace(/"id":"[0-9a-f-]{36}"/, '')
    .replace(/"(lastUpdated|timestamp)":"[^"]*"/g, '')
    .replaceAll('ada-drug-scrool', 'ada-drug-screen')
    .replaceAll('evo', 'eve');
  return { status, headers: rest, body: alike };
}

const every = (): boolean => true;
const consents = ({ type }: Call): boolean => type === 'Consent';
const serverError = answering('<h1>PLANTED</h1>', { status: 500, headers: { 'content-type': 'text/html' } });
const cut = raw('HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n\r\n{"resourceType":"Bundle","ty');
const wrong = answering('{"resourceType":"OperationOutcome"}');

const faults: readonly (readonly [string, (call: Call) => boolean, Fault])[] = [
  ['every answer is a reset', every, reset],
  ['every answer is a 500', every, serverError],
  ['every answer is a 503', every, answering('', { status: 503 })],
  ['every answer is cut', every, cut],
  ['no answer comes', every, hang],
  ['every search is a 500', ({ interaction }) => interaction === 'search', serverError],
  ['Consents are a 500', consents, serverError],
  ['Consents are a reset', consents, reset],
  ['Consents never come', consents, hang],
  ['Consents are cut', consents, cut],
  ['Consents are something else', consents, wrong],
  ['Consents are refused', consents, answering('{}', { status: 403 })],
  ['Consents are not found', consents, answering('{}', { status: 404 })],
];

describe('a fault of the store tells nothing: what is withheld and what is absent fail alike', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ changes: { upstream: { answerTimeoutMs: 300 } } });
  });
  afterEach(() => {
    bench.relay.fault = () => undefined;
  });
  afterAll(() => bench.close());

  describe.each(pairs)('%s', (_route, withheld, absent) => {
    it('without a fault is one answer', async () => {
      const [first, second] = [await bench.ask(withheld), await bench.ask(absent)];
      expect(essence(first)).toEqual(essence(second));
      expect(first.status).toBeLessThan(500);
    });

    it.each(faults)('when %s', async (name, concerns, fault) => {
      bench.relay.fault = (call) => (concerns(call) ? fault : undefined);
      const [first, second] = [await bench.ask(withheld), await bench.ask(absent)];
      expect(essence(first)).toEqual(essence(second));
      expect(first.body).not.toContain('PLANTED');
      if (name.startsWith('Consents'))
        expect([first.status, errorCode(first.body)]).toEqual([503, 'consent-unavailable']);
      else if (name.startsWith('every') || name.startsWith('no')) expect(first.status).toBeGreaterThanOrEqual(500);
    });

    it('when nobody listens', async () => {
      await bench.relay.stop();
      try {
        const [first, second] = [await bench.ask(withheld), await bench.ask(absent)];
        expect(essence(first)).toEqual(essence(second));
        expect([first.status, errorCode(first.body)]).toEqual([503, 'upstream-unavailable']);
      } finally {
        await bench.relay.start();
      }
    });
  });
});

/** A gateway, its relay honest again and nobody's calls kept after each test. */
function withBench(options: BenchOptions): { readonly bench: () => Bench } {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench(options);
  });
  afterEach(() => {
    bench.relay.fault = () => undefined;
    bench.relay.calls.length = 0;
  });
  afterAll(() => bench.close());
  return { bench: () => bench };
}

describe('one of several reads fails: the whole answer does', () => {
  // Pages of at most five from the FHIR server: a search of Ada's seven Observations reads two.
  const { bench } = withBench({
    changes: { upstream: { answerTimeoutMs: 400 }, search: { defaultPageSize: 4, maximumPageSize: 4 } },
  });
  const included = 'Observation?_id=ada-a1c&_include=Observation:encounter';
  const cases: readonly (readonly [string, string, (call: Call) => boolean])[] = [
    ['the target of an include', included, ({ type }) => type === 'Encounter'],
    [
      'what a reverse include finds',
      'Patient?_id=ada&_revinclude=Observation:subject',
      ({ type }) => type === 'Observation',
    ],
    ['the check of a reference', 'Observation/ada-a1c', ({ type }) => type === 'Encounter'],
    ['the check of another reference', 'Observation/ada-a1c', ({ type }) => type === 'Practitioner'],
    ['the Consents', 'Observation/ada-a1c', consents],
    [
      'the second page',
      'Observation?patient=ada&_total=accurate',
      ({ type, parameters }) => type === 'Observation' && parameters.has('_offset'),
    ],
    ['the first hop of a chain', 'Observation?subject:Patient.family=Sample', ({ type }) => type === 'Patient'],
    ['the root of a compartment', 'Patient/ada/Observation', ({ type }) => type === 'Patient'],
  ];

  it.each(cases)('%s', async (_what, path, concerns) => {
    expect((await bench().ask(path)).status).toBe(200);
    for (const fault of [serverError, reset, cut, hang]) {
      bench().relay.calls.length = 0;
      bench().relay.fault = (call) => (concerns(call) ? fault : undefined);
      const answer = await bench().ask(path);
      expect(bench().relay.calls.some(concerns)).toBe(true);
      expect(errorCode(answer.body)).toMatch(/^(upstream-(invalid|unavailable|timeout)|consent-unavailable)$/);
      expect([502, 503, 504]).toContain(answer.status);
      expect(answer.body).not.toMatch(/ada|PLANTED/);
    }
  });

  it('more Consents of a patient than the cap', async () => {
    const capped = await startBench({ changes: { consent: { maximumPerPatient: 1 } } });
    const answer = await capped.ask('Observation/ada-a1c');
    expect([answer.status, errorCode(answer.body)]).toEqual([503, 'consent-unavailable']);
    await capped.close();
  });

  it('a page of Consents after the first', async () => {
    const paged = await startBench({ paging: 'links' });
    paged.relay.fault = (call) => {
      if (call.target.includes('page=2')) return serverError;
      if (call.type !== 'Consent') return undefined;
      return answering(
        `{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"${paged.relay.url}/Consent?page=2"}]}`,
      );
    };
    const answer = await paged.ask('Observation/ada-a1c');
    expect([answer.status, errorCode(answer.body)]).toEqual([503, 'consent-unavailable']);
    await paged.close();
  });

  it('a Consent that cannot be read releases nothing by itself, and is no failure', async () => {
    const consent = {
      resourceType: 'Consent',
      id: 'x',
      meta: { versionId: '1' },
      status: 7,
      patient: { reference: 'Patient/ada' },
    };
    bench().relay.fault = (call) =>
      consents(call)
        ? answering(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry: [{ resource: consent }] }))
        : undefined;
    expect((await bench().ask('Observation/ada-a1c')).status).toBe(404);
    expect((await bench().ask('Observation/ada-a1c', { as: 'ada' })).status).toBe(200);
  });
});

describe('the FHIR server is down', () => {
  it('is asked no more for a while after some failures, whoever asks and whatever for, and then again', async () => {
    const bench = await startBench({ changes: { upstream: { breakerFailures: 3, breakerRestMs: 500 } } });
    bench.relay.fault = () => reset;
    for (let i = 0; i < 3; i++) await bench.ask('Observation/ada-a1c');
    bench.relay.calls.length = 0;
    bench.relay.fault = () => undefined;
    const paths = ['Observation/ada-a1c', 'Patient/eve', 'Observation/nobody'];
    const answers = await Promise.all(
      paths.flatMap((path) => ['dr-grey', 'steward'].map((as) => bench.ask(path, { as }))),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(comparable(answer)))).size).toBe(1);
    expect(answers[0]?.status).toBe(503);
    expect(answers[0]?.headers['retry-after']).toBe('5');
    expect(bench.relay.calls).toEqual([]);
    await until('the gateway asks again', async () => (await bench.ask('Observation/ada-a1c')).status === 200, 5_000);
    await bench.close();
  });

  it('is asked again when the clock is set back an hour meanwhile', async () => {
    const bench = await startBench({ changes: { upstream: { breakerFailures: 1, breakerRestMs: 60_000 } } });
    bench.relay.fault = () => reset;
    await bench.ask('Observation/ada-a1c');
    bench.relay.fault = () => undefined;
    expect((await bench.ask('metadata')).status).toBe(200);
    expect((await bench.ask('Observation/ada-a1c')).status).toBe(503);
    const real = Date.now;
    Date.now = () => real() - 3_600_000;
    try {
      expect((await bench.ask('Observation/ada-a1c')).status).toBe(200);
    } finally {
      Date.now = real;
    }
    await bench.close();
  });

  it('answers nothing from what was read before', async () => {
    const bench = await startBench({ changes: { consent: { maximumAgeMs: 300_000 } } });
    expect((await bench.ask('Observation/ada-a1c')).status).toBe(200);
    await bench.relay.stop();
    const answer = await bench.ask('Observation/ada-a1c');
    expect([answer.status, errorCode(answer.body)]).toEqual([503, 'upstream-unavailable']);
    await bench.close();
  });

  it('an address that nobody answers at ends in time', async () => {
    const bench = await startBench({
      changes: { upstream: { baseUrl: 'http://192.0.2.1:9/fhir', connectTimeoutMs: 300, answerTimeoutMs: 600 } },
    });
    const started = Date.now();
    const answer = await bench.ask('Observation/ada-a1c');
    expect([503, 504]).toContain(answer.status);
    expect(Date.now() - started).toBeLessThan(5_000);
    await bench.close();
  });
});

describe('the record of disclosures', () => {
  it('audit sink down: answers go on until the outbox is full, then nothing leaves, and then again', async () => {
    let isDown = true;
    const sink = await startRepository(() => (isDown ? 503 : 'take'));
    const bench = await startBench({
      auditUrl: sink.baseUrl,
      changes: { audit: { maximumBytes: 65_536, delivery: { minimumPauseMs: 50, maximumPauseMs: 100 } } },
    });
    let answered = 0;
    let answer = await bench.ask('Observation/ada-a1c');
    for (; answer.status === 200 && answered < 500; answered++) answer = await bench.ask('Observation/ada-a1c');
    expect(answered).toBeGreaterThan(5);
    expect([answer.status, errorCode(answer.body)]).toEqual([503, 'record-unavailable']);
    // What is withheld, what is absent and what may be known fail alike; so does a search that finds nothing.
    const paths = [
      'Observation/ada-a1c',
      'Observation/ada-drug-screen',
      'Observation/nobody',
      'Observation?_id=nobody',
    ];
    const all = await Promise.all(paths.map((path) => bench.ask(path)));
    expect(new Set(all.map((one) => JSON.stringify(comparable(one)))).size).toBe(1);
    expect((await ask(`${bench.gateway.adminUrl}/ready`, undefined)).status).toBe(503);
    expect((await bench.ask('metadata')).status).toBe(200);

    isDown = false;
    await until('the outbox has room', async () => (await bench.ask('Observation/ada-a1c')).status === 200);
    expect((await ask(`${bench.gateway.adminUrl}/ready`, undefined)).status).toBe(200);
    await bench.close();
    await sink.close();
  });

  it('outbox that can grow no more: nothing leaves without a record, and after a restart it goes on', async () => {
    const bench = await startBench();
    const config = {
      ...bench.config,
      listener: { ...bench.config.listener, port: 0 },
      audit: {
        ...bench.config.audit,
        outboxFile: join(bench.folder, 'limited.db'),
        primary: undefined,
        securityOffice: undefined,
      },
    };
    const file = join(bench.folder, 'limited.json');
    const limited = await serveProcess(config, file, { prefix: ['bash', '-c', 'ulimit -f 300; exec "$0" "$@"'] });
    const token = bench.tokens.get('dr-grey');
    let released = 0;
    let answer: Answer | undefined;
    for (let i = 0; answer === undefined && i < 500; i++) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => ask(`${limited.url}/Observation/ada-a1c`, token)),
      );
      released += answers.filter(({ status }) => status === 200).length;
      answer = answers.find(({ status }) => status !== 200);
    }
    expect([answer?.status, errorCode(answer?.body ?? '')]).toEqual([503, 'record-unavailable']);
    expect((await ask(`${limited.url}/Observation/nobody`, token)).body).toBe(answer?.body);
    expect((await ask(`${limited.adminUrl}/ready`, undefined)).status).toBe(503);
    limited.kill('SIGKILL');
    await limited.ended;
    expect(disclosuresOf(config).length).toBeGreaterThanOrEqual(released);

    const again = await serveProcess(config, file);
    expect((await ask(`${again.url}/Observation/ada-a1c`, token)).status).toBe(200);
    again.kill('SIGTERM');
    await again.ended;
    await bench.close();
  });

  it('killed while an answer leaves: it is on record', async () => {
    const bench = await startBench({ relay: await startRelay(largeRecord()) });
    const config = {
      ...bench.config,
      listener: { ...bench.config.listener, port: 0 },
      audit: {
        ...bench.config.audit,
        outboxFile: join(bench.folder, 'killed.db'),
        primary: undefined,
        securityOffice: undefined,
      },
    };
    const gateway = await serveProcess(config, join(bench.folder, 'killed.json'));
    const client = await slowClient(`${gateway.url}/Observation?patient=ada`, bench.tokens.get('dr-grey') as string);
    expect(client.heard()).toContain('HTTP/1.1 200');
    gateway.kill('SIGKILL');
    await gateway.ended;
    client.leave();
    const [event] = disclosuresOf(config);
    expect(JSON.stringify(event)).toContain('Observation/large-1');
    expect(JSON.stringify(event)).toContain('"unknown"');
    await bench.close();
  });
});

/** The gateway's events about released data that wait in its outbox. */
function disclosuresOf(config: Config): AuditEvent[] {
  return readEvents(config.audit, publicBase)
    .map(({ event }) => event)
    .filter(
      ({ outcome, subtype }) => outcome === '0' && subtype?.some(({ code }) => /^(read|search)/.test(code ?? '')),
    );
}

/** The six people, and some of Ada's Observations that make an answer too large for every buffer on its way. */
function largeRecord(): string[] {
  const observation = (id: string): string =>
    JSON.stringify({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '4548-4' }] },
      subject: { reference: 'Patient/ada' },
      note: [{ text: 'x'.repeat(500_000) }],
    });
  return [...textsOf(peopleBundles()), ...Array.from({ length: 24 }, (_, i) => observation(`large-${i}`))];
}

/** Has begun to read an answer, and reads no further. */
async function slowClient(url: string, token: string): Promise<{ heard: () => string; leave: () => void }> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  let heard = '';
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1').slice(0, 100);
    socket.pause();
  });
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: a\r\nAccept: application/fhir+json\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await until('the answer begins', () => heard !== '', 20_000);
  return { heard: () => heard, leave: () => void socket.resetAndDestroy() };
}

describe('the client leaves', () => {
  const sinkless = { audit: { primary: undefined, securityOffice: undefined } };

  it('in the middle of its answer: the record stays a disclosure, and says that it was broken off', async () => {
    const bench = await startBench({ relay: await startRelay(largeRecord()), changes: sinkless });
    const client = await slowClient(
      `${bench.gateway.url}/Observation?patient=ada`,
      bench.tokens.get('dr-grey') as string,
    );
    client.leave();
    await until('the record is complete', () => JSON.stringify(disclosuresOf(bench.config)).includes('"aborted"'));
    const [event] = disclosuresOf(bench.config);
    expect(JSON.stringify(event)).toContain('Observation/large-1');
    await until('nothing is under way', async () => (await inFlight(bench)) === 0);
    expect((await bench.ask('Patient/ada')).status).toBe(200);
    await bench.close();
  });

  it('reads too slowly: the answer is broken off in time', async () => {
    const bench = await startBench({
      relay: await startRelay(largeRecord()),
      changes: { ...sinkless, listener: { writeTimeoutMs: 300 } },
    });
    const client = await slowClient(
      `${bench.gateway.url}/Observation?patient=ada`,
      bench.tokens.get('dr-grey') as string,
    );
    await until('the record is complete', () => JSON.stringify(disclosuresOf(bench.config)).includes('"aborted"'));
    await until('nothing is under way', async () => (await inFlight(bench)) === 0);
    client.leave();
    await bench.close();
  });

  it('while the gateway reads: what it reads is broken off, nothing is disclosed, nothing stays open', async () => {
    const bench = await startBench({ changes: sinkless });
    bench.relay.fault = () => hang;
    const leaving = new AbortController();
    const asked = Promise.all(
      Array.from({ length: 8 }, () =>
        bench.ask('Observation/ada-a1c', { signal: leaving.signal }).catch(() => 'left' as const),
      ),
    );
    await until('all have come', () => bench.relay.calls.length === 8);
    leaving.abort();
    expect(new Set(await asked)).toEqual(new Set(['left']));
    await until('all were broken off', () => bench.relay.aborted === 8);
    await until('no connection is open', () => bench.relay.sockets.size === 0);
    await until('nothing is under way', async () => (await inFlight(bench)) === 0);
    expect(disclosuresOf(bench.config)).toEqual([]);
    bench.relay.fault = () => undefined;
    expect((await bench.ask('Observation/ada-a1c')).status).toBe(200);
    await bench.close();
  });
});

async function inFlight(bench: Bench): Promise<number> {
  const { body } = await ask(`${bench.gateway.adminUrl}/metrics`, undefined);
  return Number(/^gateway_in_flight_requests (\d+)$/m.exec(body)?.[1]);
}

describe('more than it can do', () => {
  it('is shed before any work: constant answers, no call of the FHIR server, and places are given back', async () => {
    const bench = await startBench({
      changes: { limits: { maximumInFlight: 2, maximumQueued: 1, queueTimeoutMs: 200 } },
    });
    bench.relay.fault = () => hang;
    const leaving = new AbortController();
    const holding = [1, 2].map(() =>
      bench.ask('Observation/ada-a1c', { signal: leaving.signal }).catch(() => undefined),
    );
    await until('both hold a place', () => bench.relay.calls.length === 2);
    const paths = ['Observation/ada-a1c', 'Observation/ada-drug-screen', 'Observation/nobody', 'Patient?name=x'];
    const shed = await Promise.all(paths.map((path) => bench.ask(path)));
    expect(new Set(shed.map((answer) => JSON.stringify(comparable(answer)))).size).toBe(1);
    expect(shed.map(({ status, body }) => [status, errorCode(body)])).toEqual(paths.map(() => [503, 'overloaded']));
    expect(bench.relay.calls).toHaveLength(2);
    expect((await bench.ask('metadata')).status).toBe(200);
    leaving.abort();
    await Promise.all(holding);
    bench.relay.fault = () => undefined;
    const after = await Promise.all([1, 2].map(() => bench.ask('Observation/ada-a1c')));
    expect(after.map(({ status }) => status)).toEqual([200, 200]);
    await bench.close();
  });
});

describe('what nobody foresaw', () => {
  it('the authorization server is away: a constant answer that does not name it', async () => {
    const bench = await startBench();
    const broken = await startIssuer(publicBase); // the discovery document cannot be read any more
    await broken.close();
    const other = await startBench({
      changes: { identity: { issuers: [{ ...bench.config.identity.issuers[0], issuer: broken.url }] } },
    });
    const answer = await other.ask('.well-known/smart-configuration');
    expect([answer.status, errorCode(answer.body)]).toEqual([503, 'issuer-unavailable']);
    expect(answer.body).not.toContain(broken.url);
    expect((await other.ask('metadata')).status).toBe(200);
    await bench.close();
    await other.close();
  });

  it.each(['authenticate', 'planFor', 'worldFor'] as const)('thrown by %s is a constant 500', async (edge) => {
    const config = listenerConfig.parse({ publicBaseUrl: publicBase });
    const notes: string[] = [];
    const failing = new Proxy({} as Edges, {
      get: (_edges, name) => {
        if (name === 'challenge') return () => ({});
        if (name === 'recorder') return { note: ({ code }: { code: string }) => notes.push(code) };
        if (name === 'admit') return async () => ({ leave: () => undefined });
        if (name === 'planFor' && edge !== 'planFor')
          return () => ({ outcome: 'read', key: 'Patient/ada', type: 'Patient' });
        if (name === edge)
          return () => {
            throw new TypeError('PLANTED');
          };
        return async () => ({});
      },
    });
    const server = createDataListener(config, '/fhir', {
      edges: failing,
      smartConfiguration: async () => ({}),
      log: createLog('silent'),
      metrics: createMetrics(),
      tracing: untraced,
      pressure: { isHigh: false, stop: () => undefined },
      now: Date.now,
      tls: undefined,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const answer = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir/Patient/ada`, 'x');
    expect([answer.status, errorCode(answer.body)]).toEqual([500, 'internal']);
    expect(JSON.stringify(answer)).not.toContain('PLANTED');
    expect(notes).toEqual(['internal']);
    server.close();
  });
});

describe('a Consent revoked', () => {
  /** Summit reads Ada's ordinary data by this Consent and by no other. */
  const revoke = (bench: Bench, status = 'inactive'): void => {
    const text = bench.relay.origin.repo.current('Consent', 'ada-consent-exchange')?.text as string;
    bench.relay.origin.repo.put(text.replace(/"status":"[a-z]+"/, `"status":"${status}"`));
  };
  const maximumAge = (maximumAgeMs: number): BenchOptions => ({ changes: { consent: { maximumAgeMs } } });

  it('between two requests counts at once where no age is allowed', async () => {
    const bench = await startBench(maximumAge(0));
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(200);
    revoke(bench);
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(404);
    revoke(bench, 'active');
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(200);
    await bench.close();
  });

  it('counts within the allowed age', async () => {
    const bench = await startBench(maximumAge(300));
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(200);
    revoke(bench);
    await pause(310);
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(404);
    await bench.close();
  });

  it('counts when the clock is set back an hour after it was read', async () => {
    const bench = await startBench(maximumAge(300));
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(200);
    revoke(bench);
    const real = Date.now;
    Date.now = () => real() - 3_600_000;
    try {
      expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(404);
    } finally {
      Date.now = real;
    }
    await bench.close();
  });

  it.each([0, 300])('between two pages counts on the second, at an allowed age of %s ms', async (maximumAgeMs) => {
    const bench = await startBench(maximumAge(maximumAgeMs));
    const first = await bench.ask('Observation?patient=ada&_count=2', { as: 'summit' });
    const next = JSON.parse(first.body).link.find(({ relation }: { relation: string }) => relation === 'next').url;
    expect(JSON.parse(first.body).entry).toHaveLength(2);
    revoke(bench);
    await pause(maximumAgeMs + 10);
    const second = await bench.ask(next.slice(publicBase.length + 1), { as: 'summit' });
    expect(second.status).toBe(200);
    expect(JSON.parse(second.body).entry).toBeUndefined();
    await bench.close();
  });

  it('while a request is under way: decided by what was read in it', async () => {
    const bench = await startBench(maximumAge(0));
    // The Consents are read, then revoked, while the reference check is still out.
    bench.relay.fault = (call) => {
      if (call.type !== 'Encounter') return undefined;
      return () => {
        revoke(bench);
        bench.relay.fault = () => undefined;
        answering('{"resourceType":"Bundle","type":"searchset"}')(call);
      };
    };
    expect([200, 404]).toContain((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status);
    expect((await bench.ask('Observation/ada-a1c', { as: 'summit' })).status).toBe(404);
    await bench.close();
  });
});
