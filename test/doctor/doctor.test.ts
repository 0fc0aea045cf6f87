import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Config } from '../../src/config/config.ts';
import { examine } from '../../src/doctor/doctor.ts';
import { type FindingCode, findings } from '../../src/doctor/findings.ts';
import { answering, type Bench, type Call, type Fault, merged, runMain, startBench } from '../failure/bench.ts';

let bench: Bench;
const credential = 'Bearer of-the-gateway';
/** Passes a call on as if it were another one. */
let forward: (target: string) => Fault;

beforeAll(async () => {
  bench = await startBench();
  writeFileSync(join(bench.folder, 'authorization'), credential);
  forward = (target) => async (call) => {
    const answer = await fetch(new URL(target, bench.relay.origin.url));
    call.response.writeHead(answer.status, { 'content-type': 'application/fhir+json' }).end(await answer.text());
  };
});
afterAll(() => bench.close());
/** Nobody gets anything of this server without its credential. */
const guarded = (call: Call): Fault | undefined =>
  call.headers.authorization === credential ? undefined : answering('{}', { status: 401 });
beforeEach(() => {
  bench.relay.fault = guarded;
});

const withCredential = (changes: Readonly<Record<string, unknown>> = {}): Config =>
  merged(merged(bench.config, { upstream: { authorizationFile: join(bench.folder, 'authorization') } }), changes);

async function codesOf(config: Config, mayWrite = false): Promise<readonly FindingCode[]> {
  return [...new Set((await examine(config, mayWrite)).map(({ code }) => code))];
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it('finds nothing wrong with a server, an issuer and an audit trail that are as they should be', async () => {
  expect(await examine(withCredential(), true)).toEqual([]);
});

interface Planted {
  readonly code: FindingCode;
  /** What the FHIR server does wrong, for the calls that it does it to. */
  readonly does?: (call: Call) => Fault | undefined;
  readonly changes?: () => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
}

const isSearchFor = (call: Call, type: string): boolean => call.type === type && call.interaction === 'search';

const planted: readonly Planted[] = [
  {
    code: 'upstream-unreachable',
    changes: async () => ({ upstream: { baseUrl: `http://127.0.0.1:${await closedPort()}` } }),
  },
  {
    code: 'upstream-other-version',
    does: (call) => (call.type === 'metadata' ? answering(JSON.stringify({ fhirVersion: '5.0.0' })) : undefined),
  },
  {
    code: 'upstream-credential-refused',
    does: (call) => (call.type === 'metadata' ? undefined : answering('{}', { status: 403 })),
  },
  {
    code: 'parameter-ignored',
    does: (call) => (isSearchFor(call, 'Consent') ? forward('/fhir/Consent?_count=1') : undefined),
  },
  {
    code: 'post-search-refused',
    does: (call) => (call.method === 'POST' ? answering('{}', { status: 405 }) : undefined),
  },
  { code: 'next-links-missing', changes: () => ({ upstream: { paging: 'links' } }) },
  {
    code: 'next-link-stuck',
    changes: () => ({ upstream: { paging: 'links' } }),
    does: (call) => (isSearchFor(call, 'Patient') && call.parameters.get('_count') === '1' ? stuck : undefined),
  },
  {
    code: 'next-link-elsewhere',
    changes: () => ({ upstream: { paging: 'links' } }),
    does: (call) => (isSearchFor(call, 'Patient') && call.parameters.get('_count') === '1' ? elsewhere : undefined),
  },
  {
    code: 'offset-ignored',
    does: (call) => (call.parameters.has('_offset') ? forward('/fhir/Patient?_sort=_id&_count=1') : undefined),
  },
  {
    code: 'id-list-ignored',
    does: (call) =>
      call.parameters.get('_id')?.includes(',') === true
        ? answering('{"resourceType":"Bundle","type":"searchset"}')
        : undefined,
  },
  {
    code: 'sort-by-id-refused',
    does: (call) => (call.parameters.get('_sort') === '_id' ? answering('{}', { status: 400 }) : undefined),
  },
  {
    code: 'history-missing',
    does: (call) => (call.interaction === 'history' ? answering('{}', { status: 404 }) : undefined),
  },
  {
    code: 'count-ignored',
    does: (call) => (isSearchFor(call, 'Patient') && call.method === 'GET' ? everybody(call) : undefined),
  },
  { code: 'ids-sequential', does: (call) => (isSearchFor(call, 'Encounter') ? numbered : undefined) },
  { code: 'ids-repeat', does: (call) => (isSearchFor(call, 'Encounter') ? twice : undefined) },
  { code: 'versions-missing', does: (call) => (isSearchFor(call, 'Encounter') ? numbered : undefined) },
  { code: 'label-systems-unknown', does: (call) => (isSearchFor(call, 'Condition') ? labelled(call) : undefined) },
  {
    code: 'reads-lag',
    does: (call) =>
      call.type === 'Basic' && call.method === 'GET'
        ? answering('{"resourceType":"Bundle","type":"searchset"}')
        : undefined,
  },
  {
    code: 'consents-unfindable',
    does: (call) =>
      isSearchFor(call, 'Consent') && call.parameters.has('patient') && call.parameters.has('_id')
        ? answering('{"resourceType":"Bundle","type":"searchset"}')
        : undefined,
  },
  {
    code: 'clock-off',
    does: (call) =>
      call.type === 'metadata'
        ? answering('{"fhirVersion":"4.0.1"}', { headers: { date: new Date(Date.now() - 300_000).toUTCString() } })
        : undefined,
  },
  {
    code: 'issuer-unreachable',
    changes: async () => ({
      identity: { issuers: [{ ...firstIssuer(), issuer: `http://127.0.0.1:${await closedPort()}` }] },
    }),
  },
  {
    code: 'issuer-keys-unusable',
    changes: () => ({ identity: { issuers: [{ ...firstIssuer(), algorithms: ['RS256'] }] } }),
  },
  {
    code: 'audit-unreachable',
    changes: async () => ({ audit: { primary: { kind: 'fhir', baseUrl: `http://127.0.0.1:${await closedPort()}` } } }),
  },
  {
    code: 'answers-encoded',
    does: (call) => (call.method === 'GET' ? encoded : undefined),
  },
  {
    code: 'audit-file-unwritable',
    changes: () => ({ audit: { primary: { kind: 'file', path: '/proc/consent-gateway/disclosures.jsonl' } } }),
  },
  { code: 'outbox-in-memory', changes: () => ({ audit: { outboxFile: '/dev/shm/consent-gateway/outbox.db' } }) },
  { code: 'outbox-unwritable', changes: () => ({ audit: { outboxFile: '/proc/consent-gateway/outbox.db' } }) },
  { code: 'outbox-too-small', changes: () => ({ audit: { maximumBytes: 1_099_511_627_776 } }) },
  {
    code: 'redis-unreachable',
    changes: async () => ({
      redis: {
        servers: { kind: 'single', host: '127.0.0.1', port: await closedPort() },
        prefix: 'x',
        commandTimeoutMs: 100,
        connectTimeoutMs: 500,
      },
    }),
  },
];

const patient = (id: string) => ({ resource: { resourceType: 'Patient', id, meta: { versionId: '1' } } });
const bundleOf = (entry: readonly unknown[], next?: string): string =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'searchset',
    entry,
    ...(next === undefined ? {} : { link: [{ relation: 'next', url: next }] }),
  });
const encoded: Fault = ({ response }) =>
  void response
    .writeHead(200, { 'content-type': 'application/fhir+json', 'content-encoding': 'gzip' })
    .end(gzipSync('{"fhirVersion":"4.0.1"}'));
const stuck: Fault = (call) => answering(bundleOf([patient('one')], `${bench.relay.url}/Patient?_count=1`))(call);
const elsewhere: Fault = (call) => answering(bundleOf([patient('one')], 'https://elsewhere.example/api?page=2'))(call);
const everybody = (call: Call): Fault | undefined =>
  call.parameters.has('_id') ? undefined : answering(bundleOf(['a', 'b', 'c'].map(patient)));
const numbered: Fault = (call) =>
  answering(
    bundleOf(
      call.parameters.has('patient')
        ? []
        : ['1', '2', '3'].map((id) => ({ resource: { resourceType: 'Encounter', id } })),
    ),
  )(call);
const twice: Fault = (call) =>
  answering(
    bundleOf(
      call.parameters.has('patient') ? [] : ['x', 'x'].map((id) => ({ resource: { resourceType: 'Encounter', id } })),
    ),
  )(call);
const labelled = (call: Call): Fault | undefined =>
  call.parameters.has('patient')
    ? undefined
    : answering(
        bundleOf([
          {
            resource: {
              resourceType: 'Condition',
              id: 'c',
              meta: { versionId: '1', security: [{ system: 'https://labels.example', code: 'secret' }] },
            },
          },
        ]),
      );
const firstIssuer = () => bench.config.identity.issuers[0];

describe('a planted fault is named', () => {
  it.each(planted.map((one) => [one.code, one] as const))('%s', async (code, { does, changes }) => {
    bench.relay.fault = (call) => guarded(call) ?? does?.(call);
    const config = withCredential((await changes?.()) ?? {});
    expect(await codesOf(config, true)).toContain(code);
  });

  it('upstream-open: a server that answers without the credential too', async () => {
    bench.relay.fault = () => undefined;
    expect(await codesOf(withCredential())).toContain('upstream-open');
  });

  it('upstream-guarded-by-network: a server that asks for none, where none is configured', async () => {
    bench.relay.fault = () => undefined;
    expect(await codesOf(bench.config)).toEqual(['upstream-guarded-by-network']);
  });
});

describe('the command', () => {
  const run = async (config: Config, ...args: string[]) => {
    const file = join(bench.folder, 'doctor.json');
    writeFileSync(file, JSON.stringify(config));
    const line = runMain(['doctor', '--config', file, ...args]);
    const { code } = await line.ended;
    return { code, text: line.stdout() + line.stderr() };
  };

  it('says that nothing is wrong, and exits with 0; a warning does not change that', async () => {
    expect(await run(withCredential())).toEqual({ code: 0, text: 'Nothing is wrong with what was tried.\n' });
    bench.relay.fault = () => undefined;
    expect(await run(bench.config)).toMatchObject({
      code: 0,
      text: expect.stringContaining('WARNING upstream-guarded-by-network'),
    });
  });

  it('says what is wrong, why it matters and what to do, exits with 1, and tells no credential', async () => {
    bench.relay.fault = () => undefined;
    const { code, text } = await run(withCredential());
    expect(code).toBe(1);
    const { what, why, todo } = findings['upstream-open'];
    for (const part of [what, why, todo]) expect(text).toContain(part);
    expect(text).not.toContain('of-the-gateway');
  });

  it('says it as JSON', async () => {
    bench.relay.fault = () => undefined;
    const { text } = await run(withCredential(), '--json');
    expect(JSON.parse(text)).toEqual({
      findings: [expect.objectContaining({ code: 'upstream-open', severity: 'fault' })],
    });
  });
});
