/**
 * A truly older build beside this one: the same Redis, the same keys, the same FHIR server. `OLD_VERSION` names the commit (HEAD~30
 * unless set); it is checked out into a folder of its own and run with the modules of this one.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { consent } from '../consent/registry.ts';
import {
  type Answer,
  ask,
  type Bench,
  type CommandLine,
  errorCode,
  listening,
  pause,
  publicBase,
  type ServedGateway,
  startBench,
  until,
} from '../failure/bench.ts';
import { type RedisServer, startRedis } from '../replicas/redis-server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const wanted = process.env.OLD_VERSION ?? 'HEAD~30';
/** One that looks again soon, and one that would not for minutes unless it is told. */
const [soonMs, lateMs] = [1_000, 300_000];

let folder: string;
let bench: Bench;
let redis: RedisServer;
let running: ServedGateway[] = [];

function git(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** What a deployment writes; every other key has the default of the version that reads it. */
function configOf(name: string, maximumAgeMs: number): object {
  const [issuer] = bench.config.identity.issuers;
  return {
    listener: { publicBaseUrl: publicBase, port: 0 },
    admin: { port: 0 },
    upstream: { baseUrl: bench.relay.url, paging: 'offset' },
    identity: {
      issuers: [
        {
          issuer: issuer?.issuer,
          allowInsecureHttp: true,
          presets: issuer?.presets,
          roles: issuer?.roles,
          clients: { harbor: { roles: ['system-client'] }, summit: { roles: ['system-client'] } },
        },
      ],
      organizations: bench.config.identity.organizations.map(({ id, identifiers }) => ({ id, identifiers })),
    },
    policy: {},
    decision: { organizations: bench.config.decision.organizations },
    consent: { maximumAgeMs, dataServer: { changes: 'none' } },
    labels: { programs: bench.config.labels.programs },
    answers: { negativeGridMs: 0 },
    redis: { servers: { kind: 'single', host: '127.0.0.1', port: redis.port }, prefix: 'versions' },
    audit: {
      outboxFile: join(folder, `${name}.db`),
      primary: { kind: 'fhir', baseUrl: bench.audit.url },
      securityOffice: { kind: 'none' },
    },
    sealing: { keyFile: join(folder, 'sealing.key') },
    log: { level: 'info' },
  };
}

async function start(tree: string, name: string, maximumAgeMs = lateMs): Promise<ServedGateway> {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(configOf(name, maximumAgeMs)));
  const child = spawn(process.execPath, [join(tree, 'src', 'main.ts'), 'serve', '--config', file], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  const line: CommandLine = {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    ended: once(child, 'close').then(([code, signal]) => ({ code, signal })),
    kill: (signal) => void child.kill(signal),
  };
  const gateway = await listening(line);
  running.push(gateway);
  return gateway;
}

async function stop(gateway: ServedGateway): Promise<number | null> {
  running = running.filter((one) => one !== gateway);
  gateway.kill('SIGTERM');
  return (await gateway.ended).code;
}

let old: ServedGateway;
let present: ServedGateway;
const tree = (): string => join(folder, 'old');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-versions-'));
  git('worktree', 'add', '--detach', tree(), wanted);
  symlinkSync(join(root, 'node_modules'), join(tree(), 'node_modules'));
  [bench, redis] = await Promise.all([startBench(), startRedis()]);
  old = await start(tree(), 'old');
  present = await start(root, 'present');
});
afterAll(async () => {
  for (const gateway of running) await stop(gateway);
  await bench?.close();
  await redis?.close();
  git('worktree', 'remove', '--force', tree());
  rmSync(folder, { recursive: true, force: true });
});

const get = ({ url }: ServedGateway, path: string, who = 'dr-grey'): Promise<Answer> =>
  ask(`${url}/${path}`, bench.tokens.get(who));
const nextOf = ({ body }: Answer): string =>
  `Observation${new URL(/"relation":"next","url":"([^"]*)"/.exec(body)?.[1] ?? 'none:').search}`;
const idsIn = ({ body }: Answer): readonly string[] =>
  ((JSON.parse(body) as { entry?: { resource: { id: string } }[] }).entry ?? []).map(({ resource }) => resource.id);

describe('an older version and this one, side by side', () => {
  it('are not the same build', () => {
    expect(git('rev-parse', wanted)).not.toBe(git('rev-parse', 'HEAD'));
    expect(git('diff', '--stat', wanted, 'HEAD', '--', 'src')).not.toBe('');
  });

  it.each(['dr-grey', 'harbor', 'summit', 'biller', 'ada', 'steward'])('give %s the same', async (who) => {
    for (const path of [
      'Observation?patient=ada&_count=50',
      'Patient?_id=ada,ben,eve&_sort=_id',
      'Condition?patient=ben',
    ]) {
      const [before, after] = await Promise.all([get(old, path, who), get(present, path, who)]);
      expect(after.status).toBe(before.status);
      expect(idsIn(after)).toEqual(idsIn(before));
    }
    const [before, after] = await Promise.all([get(old, 'Patient/ada', who), get(present, 'Patient/ada', who)]);
    expect([after.status, after.headers.etag, after.body]).toEqual([before.status, before.headers.etag, before.body]);
  });

  it('follow the next links of each other, or say that there is no such page', async () => {
    for (const [given, followed] of [
      [old, present],
      [present, old],
    ] as const) {
      const link = nextOf(await get(given, 'Observation?patient=ada&_count=2', 'steward'));
      const [own, others] = await Promise.all([get(given, link, 'steward'), get(followed, link, 'steward')]);
      expect(own.status).toBe(200);
      if (others.status === 200) expect(idsIn(others)).toEqual(idsIn(own));
      else expect([others.status, errorCode(others.body)]).toEqual([404, 'page-not-found']);
    }
  });

  it('tell each other of a Consent that changed', async () => {
    const put = (status: string): void =>
      void bench.relay.origin.repo.put(
        JSON.stringify(
          consent({
            id: 'versions',
            whose: 'Patient/dee',
            of: 'Organization/mercy-hospital',
            recipient: 'Organization/summit-clinic',
            status,
          }),
        ),
      );
    const sees = async (gateway: ServedGateway) => (await get(gateway, 'Patient/dee', 'summit')).status;
    for (const [learns, isTold] of [
      [await start(tree(), 'old-soon', soonMs), present],
      [await start(root, 'present-soon', soonMs), old],
    ] as const) {
      expect([await sees(learns), await sees(isTold)]).toEqual([404, 404]); // both remember that there is none
      put('active');
      await pause(soonMs + 100);
      await until('both release', async () => (await sees(learns)) === 200 && (await sees(isTold)) === 200, 20_000);
      put('inactive');
      await pause(soonMs + 100);
      expect(await sees(learns)).toBe(404); // it looked again, and tells
      await until('the other is told', async () => (await sees(isTold)) === 404, 10_000);
      await stop(learns);
    }
  });

  it('count the requests of one client together', async () => {
    const keys = await redis.client.keys('versions:requests-*');
    expect(keys.length).toBeGreaterThan(0);
    const spent = async (): Promise<number> =>
      (await Promise.all(keys.map(async (key) => Number(await redis.client.get(key))))).reduce((a, b) => a + b, 0);
    const before = await spent();
    await get(old, 'Patient/ada', 'steward');
    await get(present, 'Patient/ada', 'steward');
    expect(await redis.client.keys('versions:requests-*')).toHaveLength(keys.length);
    expect(await spent()).toBe(before + 2);
  });

  it('the outbox that the older one leaves is taken over by this one, whole', async () => {
    expect(await stop(old)).toBe(0);
    const taken = await start(root, 'old');
    expect((await ask(`${taken.adminUrl}/ready`, undefined)).status).toBe(200);
    expect((await get(taken, 'Patient/ada', 'steward')).status).toBe(200);
    const { body } = await ask(`${taken.adminUrl}/metrics`, undefined);
    expect(body).toMatch(/gateway_record_chain_alarms 0\n/);
    expect(await stop(taken)).toBe(0);
  });
});
