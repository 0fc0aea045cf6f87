import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { verifyRecord } from '../../src/audit/answers.ts';
import { createRecorder, readEvents } from '../../src/audit/audit.ts';
import type { Config } from '../../src/config/config.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Relay, startRelay } from '../failure/bench.ts';

/** More with SERVICE_KILLS: each starts a whole gateway. */
const kills = Number(process.env.SERVICE_KILLS ?? 4);
const plenty = { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 };
const calls = [
  { as: 'ada', path: '/patients/ada/in-force' },
  { as: 'ada', path: '/record/patients/ada/seen' },
  { as: 'sam-nwosu', path: '/record/patients/ada/accounting?format=text' },
  {
    as: 'sam-nwosu',
    path: '/access/v1/evaluation',
    body: {
      subject: {
        type: 'user',
        id: 'dr-grey',
        properties: {
          roles: ['clinician'],
          organization: 'Organization/mercy-hospital',
          purpose_of_use: ['TREAT'],
          fhirUser: 'Practitioner/dr-grey',
        },
      },
      action: { name: 'read' },
      resource: { type: 'Observation', id: 'ada-a1c' },
    },
  },
];

let folder: string;
let relay: Relay;
let identity: IdentityProvider;
let config: Config;
const tokens = new Map<string, string>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'service-kill-'));
  const [port, servicesPort] = await Promise.all([freePort(0), freePort(0)]);
  const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
  relay = await startRelay();
  identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
  const issuer = identity.url;
  config = gatewayConfig(
    { port, publicBaseUrl, upstreamUrl: relay.url, paging: 'offset', issuer, auditUrl: '', folder },
    {
      audit: { outboxFile: join(folder, 'outbox.db') },
      limits: { app: { ...plenty, inFlight: 32 }, system: plenty },
      services: {
        publicBaseUrl: `http://127.0.0.1:${servicesPort}`,
        port: servicesPort,
        grants: { 'record-accounting': ['counselor'], authzen: ['counselor'] },
        authzen: { subjects: { user: { issuer, kind: 'person' } } },
      },
    },
  );
  for (const as of new Set(calls.map((one) => one.as))) tokens.set(as, await identity.tokenFor(as));
});
afterAll(async () => {
  await Promise.all([relay.close(), identity.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** One client that asks one service until the gateway is gone; what it got counts from the head on. */
async function ask({ as, path, body }: (typeof calls)[number], ended: AbortSignal, got: Map<string, string>) {
  while (!ended.aborted) {
    try {
      const answer = await fetch(`${config.services?.publicBaseUrl}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${tokens.get(as)}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      got.set(answer.headers.get('x-request-id') as string, `${answer.status} ${path}`);
      await answer.arrayBuffer();
    } catch {
      await pause(1); // killed in the middle
    }
  }
}

async function runUntilKilled(run: number, got: Map<string, string>): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kill-child.ts'), JSON.stringify(config)], {
    env: {
      ...process.env,
      KILL_AT: run % 2 === 0 ? 'answered' : 'asked',
      KILL_ON: String(10 + run),
      KILL_AFTER: String(run % 7),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new AbortController();
  const closed = once(child, 'close').finally(() => ended.abort());
  const ready = once(createInterface(child.stdout), 'line');
  await Promise.race([ready, closed]);
  await Promise.all([...calls, ...calls].map((call) => ask(call, ended.signal, got)));
  expect((await closed)[1]).toBe('SIGKILL');
}

it(
  `no answer of a service is without its record, in ${kills} kills of the whole gateway`,
  async () => {
    const got = new Map<string, string>();
    for (let run = 0; run < kills; run++) await runUntilKilled(run, got);
    const parts = { publicBaseUrl: config.listener.publicBaseUrl, log: createLog('silent'), now: Date.now };
    await (await createRecorder(config.audit, parts)).close(); // a last start: recovery as the gateway does it
    const events = readEvents(config.audit, config.listener.publicBaseUrl);
    const recorded = new Set(
      events.flatMap(({ event }) => (event.entity ?? []).map(({ what }) => what?.identifier?.value)),
    );
    expect(new Set(got.values())).toEqual(new Set(calls.map(({ path }) => `200 ${path}`)));
    expect([...got].filter(([id]) => !recorded.has(id))).toEqual([]);
    expect(JSON.stringify(events)).toContain('"delivery","valueString":"unknown"'); // some were cut off
    expect(verifyRecord(config.audit)[0]?.break).toBeUndefined();
  },
  kills * 30_000,
);
