import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Pool } from 'undici';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { aboutNever, requestOf, sections } from './leak-channels.ts';
import { fullWorld, neverId, plainWorld, withheldId } from './leak-world.ts';
import { publicBase, type World } from './messages.ts';
import { Random } from './random.ts';
import { randomRequest, type TwinRequest } from './requests.ts';
import { type Answer, answerDifferences, comparing, send } from './twins.ts';
import { blindness, sensitive, twinWorlds } from './world.ts';

jest.setTimeout(300_000);

/** A bare reverse proxy (http-proxy-middleware) before a world's FHIR server. */
interface Proxied {
  readonly upstream: EmbeddedServer;
  readonly process: ChildProcess;
  readonly pool: Pool;
}

const storedAt = new Date('2026-03-01T12:00:00Z');
const seed = Number(process.env.TWIN_SEED ?? 20_260_301);
const worlds = twinWorlds(new Random(seed), blindness['dr-grey'] ?? sensitive);
const proxied: Proxied[] = [];

beforeAll(async () => {
  for (const world of [plainWorld, fullWorld, worlds.plain, worlds.full]) proxied.push(await start(world));
});
afterAll(async () => {
  for (const { upstream, process: child, pool } of proxied) {
    await pool.destroy();
    child.kill();
    await upstream.close();
  }
});

async function start({ resources, deleted = [] }: World): Promise<Proxied> {
  const upstream = await startEmbeddedServer({ now: () => storedAt });
  for (const text of resources) upstream.repo.put(text.replaceAll('{upstream}', upstream.url));
  for (const key of deleted) upstream.repo.delete(...(key.split('/') as [string, string]));
  const port = await freePort(0);
  const program = join(import.meta.dirname, '../../bench/peer-pass-through.ts');
  const child = spawn(process.execPath, [program, String(port), new URL(upstream.url).origin], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return { upstream, process: child, pool: new Pool(`http://127.0.0.1:${port}`) };
}

/** What the server calls itself does not count as a difference. */
async function ask(index: number, request: TwinRequest): Promise<Answer> {
  const { upstream, pool } = proxied[index] as Proxied;
  const answer = await send(pool, publicBase, undefined, request);
  const body = answer.body.replaceAll(upstream.url, publicBase);
  const { 'content-length': _, ...headers } = answer.headers;
  return { ...answer, headers, body };
}

/** How many of the requests tell the two worlds, or a withheld id and an absent one, apart. */
async function told(plain: number, full: number, requests: readonly TwinRequest[]): Promise<number> {
  const pair = comparing(2, (side, _asker, request) => ask(side === 0 ? plain : full, request));
  let count = 0;
  for (const request of requests) {
    const never = aboutNever(request);
    const isTold =
      (await pair.compare('anybody', request)).length > 0 ||
      (never !== undefined && differs(await ask(full, request), await ask(full, never)));
    if (isTold) count++;
  }
  return count;
}

function differs(about: Answer, never: Answer): boolean {
  return answerDifferences(about, { ...never, body: never.body.replaceAll(neverId, withheldId) }).length > 0;
}

test('behind a bare proxy most leak channels are open', async () => {
  const requests = sections.flatMap(({ channels }) => channels.flatMap((channel) => channel.requests.map(requestOf)));
  const open = await told(0, 1, requests);
  console.log(`bare proxy: ${open} of ${requests.length} requests of the leak channels tell the worlds apart`);
  expect(open / requests.length).toBeGreaterThan(0.5);
});

test('behind a bare proxy random requests tell the worlds apart', async () => {
  const random = new Random(seed);
  const requests = Array.from({ length: 300 }, () => randomRequest(worlds, random));
  const open = await told(2, 3, requests);
  console.log(`bare proxy: ${open} of ${requests.length} random requests tell the worlds apart`);
  expect(open / requests.length).toBeGreaterThan(0.2);
});
