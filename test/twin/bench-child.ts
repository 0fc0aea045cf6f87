/**
 * The servers of the twin tests, in a process of their own, so that a changed copy of the gateway can stand where the
 * real one stood. Usage (with an IPC channel): node bench-child.ts SOURCE_FOLDER
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import type { serve as realServe } from '../../src/serve.ts';
import { askers, startIssuer } from './issuer.ts';
import { type FromChild, publicBase, type StartMessage, type ToChild } from './messages.ts';

const source = process.argv[2] ?? '';
const { serve } = (await import(pathToFileURL(join(source, 'serve.ts')).href)) as { serve: typeof realServe };

const root = mkdtempSync(join(tmpdir(), 'consent-gateway-twins-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));

const issuer = await startIssuer(publicBase);
const audit = await startEmbeddedServer();
const tokens: Record<string, string> = {};
for (const asker of askers(publicBase)) tokens[asker.id] = await issuer.tokenFor(asker);

type Gateway = Awaited<ReturnType<typeof serve>>;
const running = new Map<
  number,
  { readonly gateways: Gateway[]; readonly upstreams: EmbeddedServer[]; readonly looks: number[] }
>();
let folders = 0;

/** The clock of the stores: the same in every world, as the stored `meta.lastUpdated` is shown as it stands. */
const storedAt = new Date('2026-03-01T12:00:00Z');

async function start({ id, worlds, overrides }: StartMessage): Promise<void> {
  const gateways: Gateway[] = [];
  const upstreams: EmbeddedServer[] = [];
  const looks: number[] = [];
  running.set(id, { gateways, upstreams, looks });
  const family = join(root, String(++folders));
  for (const [index, { resources, deleted = [] }] of worlds.entries()) {
    const upstream = await startEmbeddedServer({ now: () => storedAt });
    for (const text of resources) upstream.repo.put(text.replaceAll('{upstream}', upstream.url));
    for (const key of deleted) upstream.repo.delete(...(key.split('/') as [string, string]));
    upstreams.push(upstream);
    looks.push(0);
    countLooks(upstream, () => {
      looks[index] = (looks[index] ?? 0) + 1;
    });
    const folder = join(family, String(index));
    mkdirSync(folder, { recursive: true });
    if (index > 0) copySecrets(join(family, '0'), folder);
    const config = gatewayConfig({
      port: 0,
      publicBaseUrl: publicBase,
      upstreamUrl: upstream.url,
      paging: 'offset',
      issuer: issuer.url,
      auditUrl: audit.url,
      folder,
    });
    gateways.push(await serve(merged(merged(config, unhurried), overrides ?? {})));
  }
  send({
    kind: 'started',
    id,
    sides: gateways.map(({ url }, index) => ({ gateway: url, upstream: (upstreams[index] as EmbeddedServer).url })),
  });
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

/** Gateways of one family call a view by the same version id, as the same gateway would. */
function copySecrets(from: string, to: string): void {
  if (!existsSync(from)) return;
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!/(key|secret)$/.test(name) || /outbox/.test(name)) continue;
    mkdirSync(join(to, name, '..'), { recursive: true });
    copyFileSync(join(from, name), join(to, name));
  }
}

function merged<T>(config: T, over: Readonly<Record<string, unknown>>): T {
  const result: Record<string, unknown> = { ...(config as Record<string, unknown>) };
  for (const [key, value] of Object.entries(over)) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    result[key] = isObject ? merged(result[key] ?? {}, value as Record<string, unknown>) : value;
  }
  return result as T;
}

async function stop(id: number): Promise<void> {
  const { gateways, upstreams } = running.get(id) ?? { gateways: [], upstreams: [] };
  running.delete(id);
  for (const gateway of gateways) await gateway.close();
  for (const upstream of upstreams) await upstream.close();
  send({ kind: 'stopped', id });
}

function send(message: FromChild): void {
  process.send?.(message);
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'count')
    return send({ kind: 'counted', id: message.id, looks: [...(running.get(message.id)?.looks ?? [])] });
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
