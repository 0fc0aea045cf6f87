import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let dist: string;

const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

beforeAll(() => {
  mkdirSync(join(root, '.cache'), { recursive: true }); // below the repository, so that the built modules find node_modules
  folder = mkdtempSync(join(root, '.cache', 'build-'));
  dist = join(folder, 'dist');
  const compiled = run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', dist);
  expect(`${compiled.stdout}${compiled.stderr}`).toBe('');
  expect(run('scripts/copy-assets.ts', dist).stderr).toBe('');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the build holds every file of src that is no TypeScript, unchanged', () => {
  const assets = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.ts'))
    .map((entry) => relative(join(root, 'src'), join(entry.parentPath, entry.name)));
  expect(assets).toContain(join('policy', 'us-part2', 'roles.cedar'));
  for (const asset of assets) {
    const [built, source] = [join(dist, asset), join(root, 'src', asset)].map((file) => readFileSync(file, 'utf8'));
    if (asset.endsWith('.json')) expect(JSON.parse(built as string)).toEqual(JSON.parse(source as string));
    else expect(built).toBe(source);
  }
});

it('the built gateway accepts the minimal configuration', () => {
  const checked = run(join(dist, 'main.js'), 'check-config', '--config', 'examples/config/minimal.yaml');
  expect(checked).toMatchObject({ status: 0, stdout: 'The configuration is complete and valid.\n', stderr: '' });
});

it('the built gateway starts, opens its outbox, and stops when told', async () => {
  const config = join(folder, 'gateway.yaml');
  writeFileSync(
    config,
    `listener: { publicBaseUrl: 'http://127.0.0.1/fhir', port: 0 }
admin: { port: 0 }
upstream: { baseUrl: 'http://127.0.0.1:9/fhir' }
identity: { issuers: [{ issuer: 'https://login.example.org' }] }
policy: {}
audit: { outboxFile: ${JSON.stringify(join(folder, 'outbox.db'))} }
sealing: { keyFile: ${JSON.stringify(join(folder, 'sealing.key'))} }
`,
  );
  const gateway = spawn(process.execPath, [join(dist, 'main.js'), 'serve', '--config', config], { cwd: root });
  let log = '';
  const ended = new Promise<number | null>((resolve) => gateway.once('exit', resolve));
  gateway.stderr.on('data', (chunk: Buffer) => {
    const wasUp = log.includes('"part":"admin"');
    log += chunk.toString();
    if (!wasUp && log.includes('"part":"admin"')) gateway.kill('SIGTERM'); // a second signal would not wait
  });
  expect([await ended, log]).toEqual([0, expect.stringContaining('"part":"data"')]);
});
