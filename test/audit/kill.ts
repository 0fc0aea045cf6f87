import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { verifyRecord } from '../../src/audit/answers.ts';
import { createRecorder, readEvents } from '../../src/audit/audit.ts';
import type { ChainReport } from '../../src/audit/verify.ts';
import { configOf, parts, publicBaseUrl } from './disclosures.ts';

export interface KillOptions {
  /** Processes started and killed, one after the other, on one outbox. */
  readonly count: number;
  readonly seed: number;
  /** Of the outbox; empty at first. */
  readonly directory: string;
  /** `answer-first`: a wrong gateway, to see that it is noticed. */
  readonly order?: 'record-first' | 'answer-first';
}

export interface KillReport {
  readonly kills: number;
  /** By the step at which they were killed; `any`: from outside, at any moment. */
  readonly steps: Readonly<Record<string, number>>;
  /** Answers of which a client got at least one byte, and those it got whole. */
  readonly answered: number;
  readonly whole: number;
  /** Answers with a byte at a client and no record. */
  readonly lost: readonly string[];
  /** Records of which nobody told whether they left. */
  readonly unknown: number;
  readonly recorded: number;
  /** The first break of the chain of what is kept, archive and outbox together. */
  readonly broken: ChainReport['break'];
  /** Records that the archive and the outbox hold together. */
  readonly kept: number;
}

const steps = ['before-record', 'during-record', 'after-record', 'mid-body', 'after-body', 'after-completion', 'any'];
const clients = 6;

/** Kills a recording gateway again and again under load, then compares what clients got with what the outbox holds. */
export async function killRepeatedly({
  count,
  seed,
  directory,
  order = 'record-first',
}: KillOptions): Promise<KillReport> {
  const random = generator(seed);
  const answered = new Set<string>();
  const whole = new Set<string>();
  const killedAt: Record<string, number> = {};
  for (let run = 0; run < count; run++) {
    const step = steps[run % steps.length] as string;
    killedAt[step] = (killedAt[step] ?? 0) + 1;
    await runUntilKilled(directory, step, random, order, (port, ended) => load(port, run, ended, answered, whole));
  }
  await (await createRecorder(configOf(directory), parts)).close(); // a last start: recovery as the gateway does it
  const events = readEvents(configOf(directory), publicBaseUrl);
  const recorded = new Set(events.map(({ event }) => event.entity?.[0]?.what?.reference?.split('/')[1]));
  const [chain] = verifyRecord(configOf(directory));
  const text = events.map(({ event }) => JSON.stringify(event));
  return {
    kills: count,
    steps: killedAt,
    answered: answered.size,
    whole: whole.size,
    lost: [...answered].filter((id) => !recorded.has(id)),
    unknown: text.filter((event) => event.includes('"delivery","valueString":"unknown"')).length,
    recorded: recorded.size,
    broken: chain?.break,
    kept: chain?.records ?? 0,
  };
}

async function runUntilKilled(
  directory: string,
  step: string,
  random: () => number,
  order: string,
  drive: (port: number, ended: AbortSignal) => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kill-child.ts'), directory], {
    env: { ...process.env, ORDER: order, KILL_AT: step, KILL_ON: String(1 + Math.floor(random() * 30)) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const ended = new AbortController();
  void closed.then(() => ended.abort());
  const port = await new Promise<number>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => resolve(Number(line.replace('READY ', ''))));
    void closed.then(() => reject(new Error('the gateway did not start again')));
  });
  const driven = drive(port, ended.signal);
  if (step === 'any') {
    await pause(random() * 60);
    child.kill('SIGKILL');
  }
  const [, signal] = await closed;
  await driven;
  if (signal !== 'SIGKILL') throw new Error(`the gateway ended by ${signal}`);
}

/** Several clients that ask until the gateway is gone, and remember what they got. */
async function load(
  port: number,
  run: number,
  ended: AbortSignal,
  answered: Set<string>,
  whole: Set<string>,
): Promise<void> {
  const agent = new Agent({ connections: clients });
  let next = 0;
  const client = async (): Promise<void> => {
    while (!ended.aborted) {
      const id = `k${run}-${next++}`;
      try {
        const { body } = await request(`http://127.0.0.1:${port}/${id}`, { dispatcher: agent });
        answered.add(id); // its head is here
        await body.arrayBuffer();
        whole.add(id);
      } catch {
        await pause(1); // killed in the middle; what arrived counts
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await agent.destroy();
}

/** mulberry32: small, seeded, good enough to choose moments. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
