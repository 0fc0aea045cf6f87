import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as open, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { search } from '../../examples/demo/ask.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { requesters } from '../../examples/demo/requesters.ts';
import { startWorld, type World } from '../../examples/demo/world.ts';
import type { Config } from '../../src/config/config.ts';
import { serve } from '../../src/serve.ts';
import type { ScanState } from '../../src/steward/state.ts';
import { keepEventsOf } from '../support/keep-events.ts';
import { type Hapi, startHapi } from './hapi.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const types = ['Condition', 'Encounter', 'Observation', 'MedicationRequest', 'DiagnosticReport', 'Claim', 'Procedure'];

interface Stored {
  readonly version: string;
  /** Sorted: HAPI keeps labels in no order. */
  readonly labels: readonly string[];
}

/** Every resource of these types, past the gateway. */
async function stored(base: string): Promise<ReadonlyMap<string, Stored>> {
  const all = new Map<string, Stored>();
  for (const type of types)
    for (const { id, meta } of (await search(`${base}/${type}?_sort=_id&_count=200`, {})).resources) {
      const { versionId, security = [] } = meta as unknown as { versionId: string; security?: { code: string }[] };
      all.set(`${type}/${id}`, { version: versionId, labels: security.map(({ code }) => code).sort() });
    }
  return all;
}

/** In front of HAPI: counts what is written through it, and ends whom it is told to at a write. */
async function startWatch(base: string) {
  const { hostname, port } = new URL(base);
  const watch = { url: '', writes: [] as string[], endAt: 0, end: undefined as ChildProcess | undefined };
  const server: Server = createServer((request, response) => {
    if (request.method === 'PUT') {
      watch.writes.push(request.url ?? '');
      // After it is on its way, and before its answer is: nobody knows then whether it was done.
      if (watch.writes.length === watch.endAt) watch.end?.kill('SIGKILL');
    }
    const { method, url, headers } = request;
    const onward = open({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('error', () => undefined);
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  watch.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
  return Object.assign(watch, {
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
}

describe('labels written into HAPI FHIR JPA', () => {
  let hapi: Hapi;
  let world: World;
  let watch: Awaited<ReturnType<typeof startWatch>>;
  let folder: string;
  let config: Config;
  let before: ReadonlyMap<string, Stored>;
  let servicesUrl: string;
  const written = new Map<string, readonly string[]>();

  beforeAll(async () => {
    const steward = requesters.find(({ id }) => id === 'steward') as (typeof requesters)[number];
    (requesters as (typeof steward)[]).push({ ...steward, id: 'second-steward' });
    folder = mkdtempSync(join(tmpdir(), 'consent-gateway-hapi-labels-'));
    writeFileSync(join(folder, 'writer'), 'Bearer may-write\n');
    hapi = await startHapi();
    watch = await startWatch(hapi.url);
    const servicesPort = await freePort(0);
    servicesUrl = `http://127.0.0.1:${servicesPort}`;
    world = await startWorld({
      anyPorts: true,
      upstreamUrl: hapi.url,
      paging: 'links',
      startGateway: (place) => {
        config = gatewayConfig(place, {
          answers: { negativeGridMs: 0 },
          services: { publicBaseUrl: servicesUrl, port: servicesPort },
        });
        config = { ...config, labels: { ...config.labels, writeAuthorizationFile: join(folder, 'writer') } };
        return serve(config);
      },
    });
    const audit = { ...config.audit, outboxFile: join(folder, 'tool.db') };
    const upstream = { ...config.upstream, baseUrl: watch.url };
    writeFileSync(join(folder, 'gateway.json'), JSON.stringify({ ...config, upstream, audit }));
    before = await stored(hapi.url);
  });

  afterAll(async () => {
    if (world !== undefined) keepEventsOf('hapi-labels', world.audit);
    await world?.close();
    watch?.close();
    await hapi?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** `consent-gateway label`, as it is run; killed at a write where that is given. */
  async function label(more: readonly string[], endAt = 0) {
    const args = ['label', '--config', join(folder, 'gateway.json'), '--per-second', '2000', ...more];
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), ...args]);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
    Object.assign(watch, { writes: [], end: child, endAt });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { code, signal, output, writes: watch.writes };
  }
  const all = ['--types', types.join(), '--no-text'];
  const write = () => ['--write', '--authorization-file', join(folder, 'writer')];
  const stateIn = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as ScanState;

  /** What some get of everything: ids by requester and type. */
  async function seen(): Promise<Record<string, readonly string[]>> {
    const found: Record<string, readonly string[]> = {};
    for (const id of ['dr-grey', 'sam-nwosu', 'harbor', 'biller'])
      for (const type of types) {
        const headers = { authorization: `Bearer ${world.tokens.get(id)}` };
        const { status, ids } = await search(`${world.gatewayUrl}/${type}?_sort=_id&_count=200`, headers);
        found[`${id} ${type}`] = status === 200 ? ids : [String(status)];
      }
    return found;
  }

  const put = (resource: { readonly resourceType: string; readonly id: string }) =>
    fetch(`${hapi.url}/${resource.resourceType}/${resource.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(resource),
    });
  const read = async (key: string, as = 'dr-grey') =>
    (await fetch(`${world.gatewayUrl}/${key}`, { headers: { authorization: `Bearer ${world.tokens.get(as)}` } }))
      .status;

  it('are counted by rule, and nothing is written', async () => {
    const { code, output, writes } = await label(all);
    expect([code, writes]).toEqual([0, []]);
    expect(output).toMatch(/\n {2}\d+ {2}OPIOIDUD by code, us-sensitivity@/);
    expect(output).toMatch(/\n {2}\d+ {2}42CFRPart2 by source, /);
    expect(output).toMatch(/\nall: \d+, \d+, \d+\.\d %, \d+\n/);
    expect(await stored(hapi.url)).toEqual(before);
  });

  it('are written once each by a run that is killed twice and goes on, and change nothing of who gets what', async () => {
    const seenBefore = await seen();
    const observations = [...before.keys()].filter((key) => key.startsWith('Observation/'));
    expect(seenBefore['dr-grey Observation']?.length).toBeGreaterThan(200);
    expect(seenBefore['dr-grey Observation']?.length).toBeLessThan(observations.length);
    const state = join(folder, 'state.json');
    for (const endAt of [5, 12]) {
      const { signal, writes } = await label([...all, ...write(), '--state', state], endAt);
      expect([signal, writes.length]).toEqual(['SIGKILL', endAt]);
    }
    const { code, output } = await label([...all, ...write(), '--state', state]);
    expect([code, stateIn(state).done]).toEqual([0, types]);
    expect(output).not.toMatch(/written, [1-9]/);
    const after = await stored(hapi.url);
    for (const [key, { version, labels }] of after) {
      const was = before.get(key);
      const added = labels.filter((one) => !was?.labels.includes(one));
      expect([key, labels]).toEqual([key, expect.arrayContaining([...(was?.labels ?? [])])]);
      expect([key, Number(version) - Number(was?.version)]).toEqual([key, added.length > 0 ? 1 : 0]);
      if (added.length > 0) written.set(key, added);
    }
    expect(written.size).toBeGreaterThan(20);
    expect(await seen()).toEqual(seenBefore);
  });

  it('are kept without the extensions that say by which rule they were given', async () => {
    const [key] = [...written].find(([, added]) => added.includes('OPIOIDUD')) ?? ['none'];
    const text = await (await fetch(`${hapi.url}/${key}`)).text();
    expect(text).toContain('"OPIOIDUD"');
    expect(text).not.toContain('sec-label');
  });

  it('are all there for the next run, which writes nothing', async () => {
    const { code, output, writes } = await label([...all, ...write()]);
    expect([code, writes]).toEqual([0, []]);
    expect(output).toMatch(/\nall: \d+, \d+, 100\.0 %, 0\n/);
    expect(output).toMatch(/labels that are lacking, by what shows them:\n {2}none\n/);
  });

  it('count from the next request on: written by the tool for words that the gateway does not read, or by HAPI itself', async () => {
    const note = (id: string, text: string) => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { coding: [{ system: 'https://local.example', code: 'note' }] },
      subject: { reference: 'Patient/ada' },
      note: [{ text }],
    });
    await put(note('told-in-words', 'Long-standing opioid use disorder, doing well.'));
    await put(note('plain', 'Doing well.'));
    expect([await read('Observation/told-in-words'), await read('Observation/plain')]).toEqual([200, 200]);
    const { code, writes } = await label(['--types', 'Observation', ...write()]);
    expect([code, writes]).toEqual([0, expect.arrayContaining(['/fhir/Observation/told-in-words'])]);
    expect(writes).not.toContain('/fhir/Observation/plain');
    expect([await read('Observation/told-in-words'), await read('Observation/plain')]).toEqual([404, 200]);
    // HAPI's own operation, which makes no new version.
    await fetch(`${hapi.url}/Observation/plain/$meta-add`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { security: [{ system: actCode, code: 'ETH' }] } }],
      }),
    });
    expect(await read('Observation/plain')).toBe(404);
  });

  it('are taken away by two people alone, one label at a time, and the next request is answered by what is left', async () => {
    const ask = async (path: string, as: string, body: object) => {
      const answer = await fetch(`${servicesUrl}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${world.tokens.get(as)}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, text: await answer.text() };
    };
    const labels = async () => (await stored(hapi.url)).get('Observation/told-in-words')?.labels ?? [];
    const wrong = (await labels()).filter((code) => code !== 'R');
    expect(wrong.length).toBeGreaterThan(0);
    for (const code of [...wrong, 'R']) {
      const system = code === 'R' ? 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality' : actCode;
      const had = await labels();
      expect(await read('Observation/told-in-words')).toBe(404);
      const proposed = await ask('/labels/downgrades', 'steward', {
        resource: 'Observation/told-in-words',
        label: { system, code },
        reason: 'the words are about his father',
      });
      expect(proposed.status).toBe(200);
      const { proposal } = JSON.parse(proposed.text) as { proposal: string };
      expect((await ask('/labels/downgrades/confirm', 'steward', { proposal })).status).toBe(403);
      expect(await labels()).toEqual(had);
      expect((await ask('/labels/downgrades/confirm', 'second-steward', { proposal })).status).toBe(200);
      expect(await labels()).toEqual(had.filter((one) => one !== code));
    }
    expect(await read('Observation/told-in-words')).toBe(200);
  });

  it('are reported on: what is covered, and what is labelled and shown by nothing', async () => {
    const state = join(folder, 'report.json');
    const review = join(folder, 'review.jsonl');
    const { output } = await label(['--types', 'Observation', '--no-text', '--state', state, '--review', review]);
    expect(stateIn(state).tallies.Observation?.unexplained.SUD).toBeGreaterThanOrEqual(1);
    expect(output).toMatch(/over-labelling.*\n(?: {2}\d+ {2}\w+\n)* {2}\d+ {2}SUD\n/);
    expect(existsSync(review)).toBe(true);
  });
});
