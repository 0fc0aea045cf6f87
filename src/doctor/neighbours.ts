import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createIssuer } from '../authenticate/issuer.ts';
import type { Config } from '../config/config.ts';
import { rereadText } from '../config/reread.ts';
import { connectRedis } from '../consent/redis.ts';
import type { Finding, FindingCode } from './findings.ts';
import { createProbe, type Probe } from './probe.ts';

/** Clocks may differ by this much, in milliseconds. */
const tolerableMs = 60_000;
/** Magic numbers of file systems in memory (statfs(2)): tmpfs, ramfs. */
const inMemory = new Set([0x0102_1994, 0x8584_58f6]);

type Found = readonly Finding[];
const found = (code: FindingCode, where: string): Found => [{ code, where }];
const nothing: Found = [];

/** Metadata, keys and their algorithms of every issuer. */
export async function examineIssuers({ identity }: Config): Promise<Found> {
  const results = await Promise.all(
    identity.issuers.map(async (config): Promise<Found> => {
      const issuer = createIssuer(config, identity.keys, Date.now);
      try {
        const keys = await issuer.keys();
        await keys.reload();
        const usable = (keys.jwks()?.keys ?? []).filter(({ kty, alg }) =>
          config.algorithms.some((one) => (alg === undefined ? kty === familyOf(one) : alg === one)),
        );
        return usable.length > 0 ? nothing : found('issuer-keys-unusable', config.issuer);
      } catch {
        return found('issuer-unreachable', config.issuer);
      }
    }),
  );
  return results.flat();
}

/** Key type (RFC 7517 section 4.1) of a signature algorithm. */
function familyOf(algorithm: string): string {
  if (algorithm.startsWith('ES')) return 'EC';
  return algorithm.startsWith('Ed') ? 'OKP' : 'RSA';
}

/** Where records go, and where they wait. */
export async function examineTrails({ audit }: Config): Promise<Found> {
  const results: Finding[] = [];
  for (const name of ['primary', 'part2', 'securityOffice'] as const) {
    const sink = audit[name];
    if (sink?.kind === 'fhir') {
      const probe = createProbe(sink.baseUrl.replace(/\/$/, ''), rereadText(sink.authorizationFile, Date.now)());
      const answer = await probe.get('metadata');
      if (answer?.status !== 200) results.push({ code: 'audit-unreachable', where: `audit.${name}` });
      await probe.close();
    }
    if (sink?.kind === 'file' && !isWritable(dirname(sink.path)))
      results.push({ code: 'audit-file-unwritable', where: `audit.${name}` });
  }
  return [...results, ...outbox(audit)];
}

function outbox({ outboxFile, maximumBytes }: Config['audit']): Found {
  const folder = nearestFolder(dirname(outboxFile));
  if (!isWritable(folder)) return found('outbox-unwritable', folder);
  const { type, bavail, bsize } = statfsSync(folder);
  return [
    ...(inMemory.has(type) ? found('outbox-in-memory', folder) : nothing),
    ...(bavail * bsize < maximumBytes ? found('outbox-too-small', folder) : nothing),
  ];
}

/** The folder itself, or where it would be made. */
function nearestFolder(path: string): string {
  const folder = resolve(path);
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

function isWritable(path: string): boolean {
  const folder = nearestFolder(path);
  const file = join(folder, `.consent-gateway-doctor-${randomUUID()}`);
  try {
    accessSync(folder, constants.W_OK);
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
    rmSync(file);
    return true;
  } catch {
    return false;
  }
}

export async function examineRedis({ redis }: Config): Promise<Found> {
  if (redis === undefined) return nothing;
  const client = connectRedis(redis);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    const memory = await client.info('memory').catch(() => '');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    const isBounded = !/^maxmemory:0\r?$/m.test(memory);
    return policy !== undefined && policy !== 'noeviction' && isBounded ? found('redis-evicts', policy) : nothing;
  } catch {
    return found('redis-unreachable', redis.servers.kind);
  } finally {
    client.disconnect();
  }
}

/** The Date header of others against the clock of this machine. */
export async function examineClocks(probe: Probe, { identity }: Config): Promise<Found> {
  const others = [
    { name: probe.base, ask: () => probe.get('metadata') },
    ...identity.issuers.map(({ issuer }) => {
      const one = createProbe(issuer.replace(/\/$/, ''), undefined);
      return {
        name: issuer,
        ask: async () => {
          const answer = await one.get('.well-known/openid-configuration');
          await one.close();
          return answer;
        },
      };
    }),
  ];
  const results: Finding[] = [];
  for (const { name, ask } of others) {
    const theirs = Date.parse((await ask())?.headers.get('date') ?? '');
    if (Math.abs(theirs - Date.now()) > tolerableMs) results.push({ code: 'clock-off', where: name });
  }
  return results;
}
