import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, type Bench, hang, runMain, serveProcess, startBench, until } from '../failure/bench.ts';

const right = `
listener: { publicBaseUrl: https://gateway.example/fhir }
upstream: { baseUrl: http://fhir.internal:8080/fhir }
identity:
  issuers: [{ issuer: https://idp.example, presets: [plain] }]
policy: {}
`;
let folder: string;
const fileWith = (text: string): string => {
  const file = join(folder, `${Math.random()}.yaml`);
  writeFileSync(file, text);
  return file;
};
/** Relative paths in a configuration are of the working directory: secrets are kept out of the repository. */
const sealing = (): Record<string, string> => ({
  CONSENT_GATEWAY__sealing__keyFile: join(folder, 'sealing.key'),
  CONSENT_GATEWAY__audit__outboxFile: join(folder, 'outbox.db'),
});

async function run(args: readonly string[], environment: Readonly<Record<string, string>> = sealing()) {
  const line = runMain(args, environment);
  const { code } = await line.ended;
  return { code, stdout: line.stdout(), stderr: line.stderr() };
}
const check = (text: string, environment: Readonly<Record<string, string>> = {}) =>
  run(['check-config', '--config', fileWith(text)], { ...sealing(), ...environment });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-main-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('check-config', () => {
  it('says that a right file is right', async () => {
    expect(await check(right)).toEqual({
      code: 0,
      stdout: 'The configuration is complete and valid.\n',
      stderr: '',
    });
  });

  it('names every wrong, unknown and missing key at once, and exits with 1', async () => {
    const { code, stdout, stderr } = await check(`
listener: { publicBaseUrl: not a URL, port: 70000, prot: 1 }
identity:
  issuers: []
policy: {}
surprise: true
decision: { implicitPolicy: anything, timeZone: UTC }
consent: { maximumAgeMs: -1 }
answers: { narrative: sometimes }
`);
    expect([code, stdout]).toEqual([1, '']);
    const keys = [
      'listener.publicBaseUrl',
      'listener.port',
      'prot',
      'upstream',
      'surprise',
      'implicitPolicy',
      'consent.maximumAgeMs',
      'answers.narrative',
    ];
    for (const key of keys) expect(stderr).toContain(key);
  });

  it.each([
    ['no YAML', 'a: [1', /no YAML/],
    ['empty', '', /listener/],
    ['a list', '- 1\n- 2', /\(top\)/],
    ['a key twice', `${right}\npolicy: {}`, /no YAML|unique/],
  ])('of a file that is %s says so', async (_what, text, says) => {
    const { code, stderr } = await check(text);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/ {4}at /);
  });

  it('lets the environment override single keys, read as YAML, and holds them to the same rules', async () => {
    expect((await check(right, { CONSENT_GATEWAY__listener__port: '70000' })).stderr).toContain('listener.port');
    expect((await check(right, { CONSENT_GATEWAY__listener__port: '8443' })).code).toBe(0);
    expect((await check(right, { CONSENT_GATEWAY__listener__prot: '1' })).stderr).toContain('prot');
    expect(
      (await check(right, { CONSENT_GATEWAY__search: '{ maximumPageSize: 5, defaultPageSize: 9 }' })).stderr,
    ).toContain('search.defaultPageSize');
    expect(
      (
        await check(right.replace('http://fhir.internal:8080/fhir', 'nothing'), {
          CONSENT_GATEWAY__upstream__baseUrl: 'https://other.example/fhir',
        })
      ).code,
    ).toBe(0);
  });

  it('names the variable that is no YAML', async () => {
    const { code, stderr } = await check(right, { CONSENT_GATEWAY__listener__allowedOrigins: '[a' });
    expect(code).toBe(1);
    expect(stderr).toContain('CONSENT_GATEWAY__listener__allowedOrigins');
  });

  it('of a file that is not there says so', async () => {
    const { code, stderr } = await run(['check-config', '--config', join(folder, 'none.yaml')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/none\.yaml/);
  });
});

describe('the command line', () => {
  it.each([[[]], [['start']], [['serve', 'twice']]])('%j: how it is used, and exit 2', async (args) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain('check-config --config FILE');
  });

  it('of an unknown option says so, and exits with 1', async () => {
    const { code, stderr } = await run(['serve', '--konfig', 'x']);
    expect(code).toBe(1);
    expect(stderr).toContain('--konfig');
  });
});

describe('serve', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.close());
  const config = (name: string, changes: Record<string, unknown> = {}) => ({
    ...bench.config,
    listener: { ...bench.config.listener, port: 0 },
    audit: { ...bench.config.audit, outboxFile: join(folder, name, 'outbox.db') },
    ...changes,
  });

  it('SIGTERM: not ready any more, takes no more, ends what is under way, exits with 0', async () => {
    const gateway = await serveProcess(config('drain'), join(folder, 'drain.json'));
    const token = bench.tokens.get('dr-grey');
    expect((await ask(`${gateway.adminUrl}/live`, undefined)).body).toBe('live\n');
    expect((await ask(`${gateway.adminUrl}/ready`, undefined)).body).toBe('ready\n');
    let letGo: () => void = () => undefined;
    bench.relay.fault = (call) => {
      if (call.interaction !== 'read') return undefined;
      bench.relay.fault = () => undefined;
      return ({ response }) => {
        letGo = () =>
          response
            .writeHead(200, { 'content-type': 'application/fhir+json' })
            .end(bench.relay.origin.repo.current('Observation', 'ada-a1c')?.text);
      };
    };
    bench.relay.calls.length = 0;
    const running = ask(`${gateway.url}/Observation/ada-a1c`, token);
    await until('the request is under way', () => bench.relay.calls.length > 0);
    gateway.kill('SIGTERM');
    await until('it is not ready', async () => (await ask(`${gateway.adminUrl}/ready`, undefined)).status === 503);
    await expect(ask(`${gateway.url}/Observation/ada-a1c`, token)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    letGo();
    expect((await running).status).toBe(200);
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
  });

  it('SIGINT without anything under way ends it at once', async () => {
    const gateway = await serveProcess(config('interrupt'), join(folder, 'interrupt.json'));
    const started = Date.now();
    gateway.kill('SIGINT');
    expect((await gateway.ended).code).toBe(0);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it.each([
    ['an outbox that cannot be made', { audit: { outboxFile: '/etc/hostname/outbox.db' } }],
    [
      'a policy directory that is not there',
      { policy: { set: 'us-part2', directory: '/none', rememberedAnswers: 1_000 } },
    ],
    [
      'a sealing key that is too short',
      { sealing: { keyFile: '/etc/hostname', createKeyFile: false, previousKeyFiles: [] } },
    ],
    ['a label table that is not there', { labels: { tables: ['/none.json'] } }],
    [
      'a certificate that is not there',
      {
        listener: {
          publicBaseUrl: 'https://a.example/fhir',
          port: 0,
          tls: { certificateFile: '/none', keyFile: '/none' },
        },
      },
    ],
  ])('does not start with %s, and says why', async (_what, changes) => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, JSON.stringify(config(`wrong-${Math.random()}`, changes)));
    const { code, stderr } = await run(['serve', '--config', file], {});
    expect(code).toBe(1);
    expect(stderr.trim().split('\n').at(-1)).not.toBe('');
    expect(stderr).not.toMatch(/ {4}at /);
  });

  it('does not start on a port that is taken, and says so', async () => {
    const port = Number(new URL(bench.gateway.url).port);
    const file = join(folder, 'taken.json');
    writeFileSync(file, JSON.stringify(config('taken', { listener: { ...bench.config.listener, port } })));
    const { code, stderr } = await run(['serve', '--config', file], {});
    expect(code).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
  });

  it('gives up what does not end when it is told to stop twice', async () => {
    const gateway = await serveProcess(config('twice'), join(folder, 'twice.json'));
    bench.relay.fault = () => hang;
    bench.relay.calls.length = 0;
    const running = ask(`${gateway.url}/Observation/ada-a1c`, bench.tokens.get('dr-grey')).catch(() => 'cut');
    await until('the request is under way', () => bench.relay.calls.length > 0);
    gateway.kill('SIGTERM');
    await until('it is not ready', async () => (await ask(`${gateway.adminUrl}/ready`, undefined)).status === 503);
    gateway.kill('SIGTERM');
    expect((await gateway.ended).signal).toBe('SIGTERM');
    expect(await running).toBe('cut');
    bench.relay.fault = () => undefined;
  });
});
