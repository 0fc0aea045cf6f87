import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createRecorder, readEvents } from '../../src/audit/audit.ts';
import { verifyRecord } from '../../src/audit/verify-record.ts';
import type { Config } from '../../src/config/config.ts';
import { errorKinds } from '../../src/errors/errors.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { detailsOf, type Place, type PlaceOptions, type Received, startGateway } from '../services/place.ts';
import { keepingTold } from '../support/told.ts';
import { errorCode, serveProcess } from './bench.ts';

const unlimited = { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000, inFlight: 64 };
const options: PlaceOptions = {
  services: {
    grants: {
      authzen: ['counselor'],
      'in-force': ['counselor'],
      explain: ['counselor'],
      'record-accounting': ['counselor'],
      'record-seen': ['counselor'],
    },
  },
  changes: { limits: { app: unlimited, system: unlimited }, answers: { negativeGridMs: 0 } },
  authzen: (issuer) => ({ subjects: { user: { issuer, kind: 'person' } } }),
};

const question = {
  subject: { type: 'user', id: 'dr-grey', properties: { roles: ['clinician'], purpose_of_use: ['TREAT'] } },
  action: { name: 'read' },
  resource: { type: 'Observation', id: 'ada-a1c' },
};
/** What is asked, and what an answer of it cannot be without. */
const calls = {
  authzen: { path: '/access/v1/evaluation', body: question, tells: '"decision"' },
  'in-force': { path: '/patients/ada/in-force', body: undefined, tells: 'Consent/' },
  explain: {
    path: '/patients/ada/explain',
    body: { requester: { roles: ['clinician'], purposes: ['TREAT'] }, resources: ['Observation/ada-a1c'] },
    tells: 'verdict',
  },
  'record-accounting': { path: '/record/patients/ada/accounting', body: undefined, tells: '[' },
  'record-seen': { path: '/record/patients/ada/seen', body: undefined, tells: '[' },
} as const;
type Called = keyof typeof calls;
const names = Object.keys(calls) as Called[];

const call = (place: Place, name: Called): Promise<Received> => {
  const { path, body } = calls[name];
  return place.ask(path, { as: 'sam-nwosu', ...(body === undefined ? {} : { body }) });
};

/** Ids of the requests whose answers are on record. */
function requestsOn(events: ReturnType<typeof readEvents>): ReadonlySet<unknown> {
  return new Set(events.flatMap(({ event }) => (event.entity ?? []).map(({ what }) => what?.identifier?.value)));
}

/** Answers of a service that are on record. */
function recordedOf(audit: Config['audit'], base: string, name: string): number {
  const own = readEvents(audit, base).filter((one) => detailsOf(one).includes(`service=${name}`));
  return new Set(own.map(({ sequence }) => sequence)).size;
}

describe('the thread of the record ends in the middle of a request to a service', () => {
  let place: Place;
  beforeEach(async () => {
    place = await startGateway(options);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await place.close();
  });

  /** The platform ends the thread as it is given a record, or right after: what it does then is its own. */
  function endThread(when: 'before' | 'after'): void {
    const { postMessage } = Worker.prototype;
    jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message: unknown) {
      const isRecord = (message as { disclosures?: unknown[] }).disclosures?.length ?? 0;
      if (isRecord > 0 && when === 'before') return void this.terminate();
      postMessage.call(this, message);
      if (isRecord > 0) void this.terminate();
    });
  }

  it.each(names.flatMap((name) => [[name, 'before'] as const, [name, 'after'] as const]))(
    '%s, ended %s the record was handed over: nothing of the answer leaves, and nothing after it',
    async (name, when) => {
      const before = await call(place, name);
      expect([before.status, before.text]).toEqual([200, expect.stringContaining(calls[name].tells)]);
      endThread(when);
      const answer = await call(place, name);
      if (when === 'after' && answer.status === 200) {
        // The thread had it on disk before it was stopped.
        const recorded = requestsOn(readEvents(place.config.audit, place.config.listener.publicBaseUrl));
        expect(recorded.has(answer.headers.get('x-request-id'))).toBe(true);
      } else expect(answer.status).toBe(503);
      // AuthZEN's refusals are one plain sentence.
      if (answer.status === 200) expect(answer.text).toContain(calls[name].tells);
      else if (name === 'authzen') expect(answer.text).toBe(errorKinds['record-unavailable'].title);
      else expect(errorCode(answer.text)).toBe('record-unavailable');
      for (const other of names) {
        const later = await call(place, other);
        expect([later.status, later.text]).toEqual([503, expect.not.stringContaining('ada')]);
      }
    },
    60_000,
  );
});

/** Processes that are killed, and logs that are torn; more in `npm run prove`. */
const kills = Number(process.env.SERVICE_KILLS ?? 12);
const child = join(import.meta.dirname, 'services-kill-child.ts');

describe('kill -9, and a torn write, in the middle of requests to services', () => {
  let place: Place;
  let folder: string;
  beforeAll(async () => {
    place = await startGateway(options);
    folder = mkdtempSync(join(tmpdir(), 'services-record-'));
  });
  afterAll(async () => {
    await place.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const configIn = (directory: string): Config => ({
    ...place.config,
    listener: { ...place.config.listener, port: 0 },
    admin: { ...place.config.admin, port: 0 },
    services: { ...(place.config.services as NonNullable<Config['services']>), port: 0 },
    audit: { ...place.config.audit, outboxFile: join(directory, 'outbox.db') },
  });

  /** Asks one service until the gateway is gone; what came counts from the head on, by the id of the request. */
  async function client(origin: string, name: Called, ended: AbortSignal, got: Map<string, string>): Promise<void> {
    const { path, body } = calls[name];
    const authorization = `Bearer ${await place.identity.tokenFor('sam-nwosu')}`;
    const asking = {
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    };
    while (!ended.aborted) {
      try {
        const answer = await fetch(`${origin}${path}`, asking);
        got.set(answer.headers.get('x-request-id') as string, `${answer.status} ${name}`);
        await answer.arrayBuffer();
      } catch {
        await pause(1); // killed in the middle
      }
    }
  }

  /** Every other one dies in the turn in which an answer goes to the socket, the rest a moment after a question came. */
  async function runUntilKilled(config: Config, run: number, got: Map<string, string>): Promise<void> {
    const gateway = spawn(process.execPath, [child, JSON.stringify(config)], {
      env: {
        ...process.env,
        ...keepingTold,
        KILL_AT: run % 2 === 0 ? 'answered' : 'asked',
        KILL_ON: String(10 + run),
        KILL_AFTER: String(run % 7),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new AbortController();
    const closed = once(gateway, 'close').finally(() => ended.abort());
    const lines = createInterface(gateway.stdout);
    const [origin] = (await Promise.race([once(lines, 'line'), closed.then(() => ['it did not start'])])) as [string];
    await Promise.all([...names, ...names].map((name) => client(origin, name, ended.signal, got)));
    expect((await closed)[1]).toBe('SIGKILL');
  }

  it(
    `leaves no answer without its record, and one chain, in ${kills} kills`,
    async () => {
      const config = configIn(folder);
      const got = new Map<string, string>();
      for (let run = 0; run < kills; run++) await runUntilKilled(config, run, got);
      const parts = { publicBaseUrl: config.listener.publicBaseUrl, log: createLog('silent'), now: Date.now };
      await (await createRecorder(config.audit, parts)).close(); // recovery as the gateway does it
      const events = readEvents(config.audit, config.listener.publicBaseUrl);
      const recorded = requestsOn(events);
      expect(new Set(got.values())).toEqual(new Set(names.map((name) => `200 ${name}`)));
      expect([...got].filter(([id]) => !recorded.has(id))).toEqual([]);
      expect(JSON.stringify(events)).toContain('"delivery","valueString":"unknown"'); // some were cut off
      expect(verifyRecord(config.audit)[0]?.break).toBeUndefined();
    },
    kills * 50_000,
  );

  it(`loses no record of an answer that came, wherever the log is torn behind it, in ${kills} tears`, async () => {
    const directory = mkdtempSync(join(folder, 'torn-'));
    const { audit, ...rest } = configIn(directory);
    const config = { ...rest, audit: { ...audit, archive: { kind: 'none' as const } } };
    const gateway = await serveProcess(config, join(directory, 'gateway.json'));
    const log = `${config.audit.outboxFile}-wal`;
    /** Size of the log when each answer had come, one after the other. */
    const sizes: number[] = [];
    for (let turn = 0; turn < 24; turn++) {
      const { path, body } = calls[turn % 2 === 0 ? 'authzen' : 'in-force'];
      const answer = await place.ask(`${gateway.servicesOrigin}${path}`, {
        as: 'sam-nwosu',
        ...(body === undefined ? {} : { body }),
      });
      expect(answer.status).toBe(200);
      sizes.push(statSync(log).size);
    }
    gateway.kill('SIGKILL');
    await gateway.ended;
    const base = config.listener.publicBaseUrl;
    let lost = 0;
    for (let tear = 0; tear < kills; tear++) {
      const to = join(folder, `tear-${tear}`);
      cpSync(directory, to, { recursive: true });
      const torn = { ...config.audit, outboxFile: join(to, 'outbox.db') };
      const bytes = readFileSync(log);
      const from = (sizes[0] as number) + Math.floor(((bytes.length - (sizes[0] as number)) * tear) / kills);
      const rest = [Buffer.alloc(0), Buffer.alloc(bytes.length - from), Buffer.alloc(bytes.length - from, 0xff)][
        tear % 3
      ];
      writeFileSync(`${torn.outboxFile}-wal`, Buffer.concat([bytes.subarray(0, from), rest as Buffer]));
      const parts = { publicBaseUrl: base, log: createLog('silent'), now: Date.now };
      await (await createRecorder(torn, parts)).close();
      const recorded = recordedOf(torn, base, 'authzen') + recordedOf(torn, base, 'in-force');
      expect(recorded).toBeGreaterThanOrEqual(sizes.filter((size) => size <= from).length);
      if (recorded < sizes.length) lost++; // in a crash of the machine their answers had not left
      rmSync(to, { recursive: true });
    }
    expect(lost).toBeGreaterThan(kills / 2);
  }, 600_000);
});
