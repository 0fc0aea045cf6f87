import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import { loadSigningKeys } from '../../src/audit/checkpoint.ts';
import { loadKeys } from '../../src/audit/keys.ts';
import { Outbox } from '../../src/audit/outbox.ts';
import { OutboxThread } from '../../src/audit/outbox-thread.ts';
import type { FromWorker } from '../../src/audit/protocol.ts';
import { disclosureText } from '../../src/audit/record.ts';
import { configOf, disclosure, publicBaseUrl, resource, temporaryDirectory } from './disclosures.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Records that a shipper has in hand at a time. */
const inHand = 32;

/** The clock is the test's: hours pass in an instant. Outbox, sink and files are real. */
describe('a sink that is down', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let blocked: string;
  let outbox: Outbox;
  let thread: OutboxThread;
  let told: FromWorker[];
  let answers: number;

  beforeEach(() => {
    jest.useFakeTimers({
      now: Date.parse('2026-03-01T00:00:00Z'),
      doNotFake: ['setImmediate', 'nextTick', 'performance'],
    });
    directory = temporaryDirectory();
    blocked = join(directory.path, 'siem');
    writeFileSync(blocked, 'a file where a directory should be');
    told = [];
    answers = 0;
    const config = configOf(directory.path, {
      primary: { kind: 'file', path: join(blocked, 'events.jsonl') },
      securityOffice: { kind: 'none' },
      archive: { kind: 'none' },
      checkpointMs: dayMs,
    });
    const keys = loadKeys(config);
    outbox = Outbox.open(config.outboxFile, () => keys);
    const signing = loadSigningKeys(config);
    thread = new OutboxThread(outbox, { config, publicBaseUrl, about: undefined }, { keys, signing }, (message) =>
      told.push(message),
    );
  });
  afterEach(async () => {
    await thread.close();
    jest.useRealTimers();
    directory.remove();
  });

  /** @returns whether the answer may leave */
  function answer(): boolean {
    const one = disclosure({ released: [resource(`Observation/o${answers}`, ['Patient/ada'])] });
    thread.take([{ kind: 'batch', disclosures: [disclosureText(one, Date.now())], refusals: [], completions: [] }]);
    const written = told.at(-1);
    const first = written?.kind === 'written' ? written.firsts[0] : undefined;
    if (first === undefined) return false;
    answers++;
    const completions = [{ sequence: first, bytesSent: 512, aborted: false }];
    thread.take([{ kind: 'batch', disclosures: [], refusals: [], completions }]);
    return true;
  }
  /** Time passes in steps no longer than the longest pause; what it sets going is let finish. */
  async function pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += minuteMs / 2) {
      await jest.advanceTimersByTimeAsync(minuteMs / 2);
      for (let turns = 0; turns < 20; turns++) await turn();
    }
  }
  async function takesAll(): Promise<string[]> {
    rmSync(blocked);
    for (let steps = 0; outbox.count > 0 && steps < 4_000; steps++) {
      await pass(minuteMs / 2);
      await pause(5); // of real time: the disk has no other
    }
    expect(outbox.count).toBe(0);
    const lines = readFileSync(join(blocked, 'events.jsonl'), 'utf8').trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as AuditEvent);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    return events.flatMap(({ entity }) => entity?.[0]?.what?.reference?.match(/^Observation\/([^/]+)/)?.[1] ?? []);
  }
  const numbered = (): string[] => Array.from({ length: answers }, (_, index) => `o${index}`);

  it('for a day and an hour costs no answer, few tries and no memory, and has everything in order when it is back', async () => {
    const opened = jest.spyOn(outbox, 'find');
    const minutes = 25 * 60;
    for (let minute = 0; minute < minutes; minute += 5) {
      expect(answer()).toBe(true);
      await pass(5 * minuteMs);
    }
    const { state, retries, delivered, records, behindMs } = thread.status();
    expect({ state, delivered, records }).toEqual({ state: 'open', delivered: 0, records: answers + 1 }); // and a signature, after a day
    expect(behindMs).toBeGreaterThanOrEqual(dayMs);
    expect(retries).toBeGreaterThan(100);
    expect(retries).toBeLessThanOrEqual(2 * minutes + 16); // pauses of half a minute at least, but for the first few
    expect(opened.mock.calls.length).toBeLessThanOrEqual(inHand); // the rest waits on disk
    expect(await takesAll()).toEqual(numbered());
    expect(thread.status()).toMatchObject({ state: 'open', records: 0, usedBytes: 0, behindMs: 0 });
  });

  it('for longer than it may be stops disclosing, and loses nothing', async () => {
    expect(answer()).toBe(true);
    await pass(minuteMs);
    jest.setSystemTime(Date.now() + 3 * dayMs);
    expect(answer()).toBe(false);
    expect(thread.status().state).toBe('full');
    expect(await takesAll()).toEqual(numbered());
    expect(answer()).toBe(true);
  });
});
