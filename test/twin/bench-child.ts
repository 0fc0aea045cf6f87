/**
 * The servers of the twin tests, in a process of their own, so that a changed copy of the gateway can stand where the
 * real one stood. Usage: with an IPC channel.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FhirVersion } from '../../examples/demo/embedded/parameters.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import type { serve as realServe } from '../../src/serve.ts';
import { askers, startIssuer } from './issuer.ts';
import { type FromChild, publicBase, type StartMessage, type ToChild, type World } from './messages.ts';

const root = mkdtempSync(join(tmpdir(), 'consent-gateway-twins-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));

const issuer = await startIssuer(publicBase);
const audit = await startEmbeddedServer();
const tokens: Record<string, string> = {};
for (const asker of askers(publicBase)) tokens[asker.id] = await issuer.tokenFor(asker);

type Gateway = Awaited<ReturnType<typeof realServe>>;
/** A FHIR server, and how often its store was looked into. */
interface Upstream {
  readonly server: EmbeddedServer;
  looks: number;
}

const running = new Map<
  number,
  { readonly gateways: Gateway[]; readonly upstreams: Upstream[]; readonly shared: boolean }
>();
/** FHIR servers that several starts share, by their worlds. */
const kept = new Map<string, Upstream>();
let folders = 0;

/** The clock of the stores: the same in every world, as the stored `meta.lastUpdated` is shown as it stands. */
const storedAt = new Date('2026-03-01T12:00:00Z');

async function start({ id, worlds, source, shared, fhirVersion }: StartMessage): Promise<void> {
  const { serve } = (await import(pathToFileURL(join(source, 'serve.ts')).href)) as { serve: typeof realServe };
  const gateways: Gateway[] = [];
  const upstreams: Upstream[] = [];
  running.set(id, { gateways, upstreams, shared });
  const family = join(root, String(++folders));
  for (const [index, world] of worlds.entries()) {
    const upstream = await upstreamOf(world, shared, fhirVersion);
    upstreams.push(upstream);
    const folder = join(family, String(index));
    mkdirSync(folder, { recursive: true });
    if (index > 0) copyFileSync(join(family, '0', 'sealing.key'), join(folder, 'sealing.key'));
    const config = gatewayConfig({
      port: 0,
      publicBaseUrl: publicBase,
      upstreamUrl: upstream.server.url,
      paging: 'offset',
      issuer: issuer.url,
      auditUrl: audit.url,
      folder,
    });
    const ofVersion = merged(merged(config, unhurried), { upstream: { fhirVersion } });
    gateways.push(await serve(merged(ofVersion, world.settings ?? {})));
  }
  const sides = gateways.map(({ url }, index) => ({ gateway: url, upstream: upstreams[index]?.server.url ?? '' }));
  send({ kind: 'started', id, sides });
}

async function upstreamOf(world: World, shared: boolean, fhirVersion: FhirVersion): Promise<Upstream> {
  const name = createHash('sha256')
    .update(JSON.stringify([fhirVersion, world]))
    .digest('hex');
  const known = shared ? kept.get(name) : undefined;
  if (known !== undefined) return known;
  const server = await startEmbeddedServer({ now: () => storedAt, fhirVersion });
  for (const text of world.resources) server.repo.put(text.replaceAll('{upstream}', server.url));
  for (const key of world.deleted ?? []) server.repo.delete(...(key.split('/') as [string, string]));
  const upstream = { server, looks: 0 };
  countLooks(server, () => upstream.looks++);
  if (shared) kept.set(name, upstream);
  return upstream;
}

/** Every route of the embedded server looks into its store by one of these. */
function countLooks({ repo }: EmbeddedServer, count: () => void): void {
  for (const name of ['current', 'versions', 'all'] as const) {
    const look = repo[name].bind(repo) as (type: string, id: string) => unknown;
    Object.defineProperty(repo, name, {
      value: (type: string, id: string) => {
        count();
        return look(type, id);
      },
    });
  }
}

/** No grid for the time of negative answers, and no limits on how much is asked: neither is measured here. */
const unhurried = {
  answers: { negativeGridMs: 0 },
  limits: {
    app: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 },
    system: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 },
  },
};

function merged<T>(config: T, over: Readonly<Record<string, unknown>>): T {
  const result: Record<string, unknown> = { ...(config as Record<string, unknown>) };
  for (const [key, value] of Object.entries(over)) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    result[key] = isObject ? merged(result[key] ?? {}, value as Record<string, unknown>) : value;
  }
  return result as T;
}

async function stop(id: number): Promise<void> {
  const { gateways = [], upstreams = [], shared = false } = running.get(id) ?? {};
  running.delete(id);
  await Promise.all(gateways.map((gateway) => gateway.close()));
  if (!shared) await Promise.all(upstreams.map(({ server }) => server.close()));
  send({ kind: 'stopped', id });
}

function send(message: FromChild): void {
  process.send?.(message);
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'count')
    return send({
      kind: 'counted',
      id: message.id,
      looks: (running.get(message.id)?.upstreams ?? []).map(({ looks }) => looks),
    });
  const done = message.kind === 'start' ? start(message) : stop(message.id);
  done.catch((error: unknown) =>
    send({
      kind: 'failed',
      id: message.id,
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
});
send({ kind: 'ready', tokens });
