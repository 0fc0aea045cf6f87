import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../examples/demo/ports.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { consent } from '../consent/registry.ts';
import { boundMs, type SourceBench, sourceBench } from '../consent/source-bench.ts';
import { pause, type Relay, startRelay, until } from '../failure/bench.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const ada = 'Patient/ada' as PatientKey;
const errand = { authorization: undefined, signal: undefined };

/** Every kind of Redis that can be configured, each a real one. */
describe('Redis', () => {
  let relay: Relay;
  let folder: string;
  let replicas: SourceBench[] = [];
  let servers: RedisServer[] = [];

  const put = (status: string): void =>
    void relay.origin.repo.put(
      JSON.stringify(consent({ id: 'c1', whose: 'Patient/ada', recipient: 'Organization/summit-clinic', status })),
    );
  const statusOf = async ({ source }: SourceBench): Promise<string | undefined> => {
    const found = await source.of([ada], errand);
    return found.get(ada)?.consents.find(({ ref }) => ref.startsWith('Consent/c1/'))?.status;
  };
  const redis = async (options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> => {
    const server = await startRedis(options);
    servers.push(server);
    return server;
  };
  const open = async (config: Record<string, unknown>): Promise<SourceBench> => {
    const replica = sourceBench(relay.url, {
      consent: { dataServer: { changes: 'none' } },
      redis: { commandTimeoutMs: 500, ...config },
    });
    replica.consents.start();
    replicas.push(replica);
    await isUp(replica);
    return replica;
  };
  const isUp = (replica: SourceBench): Promise<void> =>
    until('Redis is used', async () => (await replica.metrics()).includes('gateway_redis_up 1'), 20_000);
  /** What one learns the other counts. */
  const share = async (one: SourceBench, other: SourceBench): Promise<void> => {
    put('active');
    for (const replica of [one, other]) replica.clocks.steadyMs += boundMs;
    await statusOf(one);
    await pause(50);
    expect([await statusOf(one), await statusOf(other)]).toEqual(['active', 'active']);
    await pause(50);
    expect([await statusOf(one), await statusOf(other)]).toEqual(['active', 'active']);
    put('inactive');
    one.clocks.steadyMs += boundMs;
    expect(await statusOf(one)).toBe('inactive');
    await pause(100);
    expect(await statusOf(other)).toBe('inactive');
  };

  beforeAll(async () => {
    relay = await startRelay();
    folder = mkdtempSync(join(tmpdir(), 'consent-gateway-servers-'));
  });
  beforeEach(() => put('active'));
  afterEach(async () => {
    for (const { consents } of replicas) await consents.close();
    for (const server of servers) await server.close();
    replicas = [];
    servers = [];
  });
  afterAll(async () => {
    await relay.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('on a Unix socket', async () => {
    const path = join(folder, 'redis.sock');
    await redis({ extra: ['--unixsocket', path] });
    const config = { servers: { kind: 'socket', path } };
    await share(await open(config), await open(config));
  });

  it('with the ACL user that the operators’ guide gives', async () => {
    const guide = readFileSync(new URL('../../docs/operators.md', import.meta.url), 'utf8');
    const rules = /^ACL SETUSER (.*)$/m.exec(guide)?.[1]?.replace('>PASSWORD', '>s3cret').split(' ') ?? [];
    expect(rules[0]).toBe('consent-gateway');
    const server = await redis();
    await server.client.call('ACL', 'SETUSER', ...rules);
    await server.client.call('ACL', 'SETUSER', 'default', 'off');
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 's3cret\n');
    const config = {
      servers: { kind: 'single', host: '127.0.0.1', port: server.port },
      username: 'consent-gateway',
      passwordFile,
    };
    await share(await open(config), await open(config));
  });

  it.each(['single', 'cluster'])('with a password that is replaced while the gateway runs: %s', async (kind) => {
    const isCluster = kind === 'cluster';
    const clustered = [
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      'n.conf',
      '--cluster-announce-ip',
      '127.0.0.1',
    ];
    const server = await redis(isCluster ? { extra: clustered } : {});
    const own = server.client;
    if (isCluster) {
      await own.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      await until('the cluster is up', async () => String(await own.call('CLUSTER', 'INFO')).includes('state:ok'));
    }
    const user = (...rules: string[]) => own.call('ACL', 'SETUSER', 'gateway', 'on', '~*', '&*', '+@all', ...rules);
    await user('>first');
    const passwordFile = join(folder, `changing-${kind}`);
    writeFileSync(passwordFile, 'first');
    const node = { host: '127.0.0.1', port: server.port };
    const servers = isCluster ? { kind: 'cluster', nodes: [node] } : { kind: 'single', ...node };
    const config = { servers, username: 'gateway', passwordFile };
    const [one, other] = [await open(config), await open(config)];
    await share(one, other);
    await user('>second');
    writeFileSync(passwordFile, 'second');
    await pause(1_100); // files are looked at once a second
    await user('<first');
    await own.call('CLIENT', 'KILL', 'USER', 'gateway');
    await until(
      'both are connected again',
      async () => String(await own.client('LIST')).split('user=gateway').length > 4,
    );
    for (const each of [one, other]) await isUp(each);
    await pause(1_100);
    await share(one, other);
  });

  /** A key, and a certificate that is an authority of its own. */
  const certificate = (name: string): { readonly cert: string; readonly key: string } => {
    const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = spawnSync('openssl', ['req', ...kind, ...names, '-keyout', key, '-out', cert], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    return { cert, key };
  };
  /** A server that speaks TLS, and what a gateway's configuration says of it. */
  const secured = async (own: ReturnType<typeof certificate>, clients: readonly string[]) => {
    const [plain, port] = [await freePort(0), await freePort(0)];
    const files = ['--tls-cert-file', own.cert, '--tls-key-file', own.key];
    await redis({ port: plain, extra: ['--tls-port', String(port), ...files, ...clients] });
    return { servers: { kind: 'single', host: '127.0.0.1', port } };
  };
  /** It goes on without Redis. */
  const staysOut = async (config: Record<string, unknown>): Promise<void> => {
    const wary = sourceBench(relay.url, { redis: config });
    replicas.push(wary);
    wary.consents.start();
    await pause(500);
    expect(await wary.metrics()).toContain('gateway_redis_up 0');
    put('active');
    expect(await statusOf(wary)).toBe('active');
  };

  it('by TLS, with a certificate of an authority of its own; not with another’s', async () => {
    const own = certificate('redis');
    const place = await secured(own, ['--tls-ca-cert-file', own.cert, '--tls-auth-clients', 'no']);
    const config = { ...place, tls: { caFile: own.cert } };
    await share(await open(config), await open(config));
    await staysOut({ ...place, tls: { caFile: certificate('stranger').cert } });
  });

  it('by mutual TLS, with the certificate that Redis asks for; not without, and not with another', async () => {
    const [own, client, stranger] = ['mutual', 'client', 'other'].map(certificate) as [
      ReturnType<typeof certificate>,
      ReturnType<typeof certificate>,
      ReturnType<typeof certificate>,
    ];
    const place = await secured(own, ['--tls-ca-cert-file', client.cert, '--tls-auth-clients', 'yes']);
    const tls = { caFile: own.cert };
    const config = { ...place, tls: { ...tls, certificateFile: client.cert, keyFile: client.key } };
    await share(await open(config), await open(config));
    await staysOut({ ...place, tls });
    await staysOut({ ...place, tls: { ...tls, certificateFile: stranger.cert, keyFile: stranger.key } });
  });

  it('as a cluster: all keys in one slot', async () => {
    const server = await redis({
      extra: ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-announce-ip', '127.0.0.1'],
    });
    await server.client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until('the cluster is up', async () =>
      String(await server.client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    );
    const config = { servers: { kind: 'cluster', nodes: [{ host: '127.0.0.1', port: server.port }] } };
    await share(await open(config), await open(config));
  });

  it('behind sentinels that ask for a password: they go on sharing when the master is killed and another takes over', async () => {
    const master = await redis();
    const replica = await redis({ extra: ['--replicaof', `127.0.0.1 ${master.port}`] });
    await until('it replicates', async () =>
      (await replica.client.info('replication')).includes('master_link_status:up'),
    );
    const port = await freePort(0);
    const file = join(folder, 'sentinel.conf');
    writeFileSync(
      file,
      [
        `sentinel monitor gateway 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds gateway 300',
        'sentinel failover-timeout gateway 1000',
        'requirepass watchword',
        '',
      ].join('\n'),
    );
    await redis({ port, sentinelFile: file });
    const passwordFile = (word: string): string => {
      const path = join(folder, `sentinel-${word}`);
      writeFileSync(path, `${word}\n`);
      return path;
    };
    const servers = { kind: 'sentinel', master: 'gateway', sentinels: [{ host: '127.0.0.1', port }] };
    const config = { servers: { ...servers, sentinelPasswordFile: passwordFile('watchword') } };
    for (const wrong of [servers, { ...servers, sentinelPasswordFile: passwordFile('wrong') }])
      await staysOut({ servers: wrong });
    const [one, other] = [await open(config), await open(config)];
    await share(one, other);
    await master.kill();
    await until(
      'another is master',
      async () => (await replica.client.info('replication')).includes('role:master'),
      20_000,
    );
    // Whatever is lost meanwhile, nobody goes beyond his bound; then they share again.
    put('active');
    for (const each of [one, other]) each.clocks.steadyMs += boundMs;
    expect([await statusOf(one), await statusOf(other)]).toEqual(['active', 'active']);
    await isUp(one);
    await isUp(other);
    await pause(1_100);
    await share(one, other);
  });
});
