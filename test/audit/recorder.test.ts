import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AuditRecorder, createRecorder, readEvents } from '../../src/audit/audit.ts';
import type { AuditConfig } from '../../src/config/audit.ts';
import { until } from '../failure/bench.ts';
import {
  configOf,
  context,
  disclosure,
  keepForValidation,
  parts,
  publicBaseUrl,
  request,
  resource,
  secretToken,
  temporaryDirectory,
} from './disclosures.ts';

let directory: ReturnType<typeof temporaryDirectory>;
const running: AuditRecorder[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  for (const recorder of running.splice(0)) await recorder.close();
  directory.remove();
});

async function start(changes: Record<string, unknown> = {}): Promise<{ recorder: AuditRecorder; config: AuditConfig }> {
  const config = configOf(directory.path, changes);
  const recorder = await createRecorder(config, parts);
  running.push(recorder);
  return { recorder, config };
}

const rows = (config: AuditConfig): number => {
  const other = new DatabaseSync(config.outboxFile, { readOnly: true });
  const count = Number(other.prepare('SELECT count(*) AS count FROM record').get()?.count);
  other.close();
  return count;
};
const details = (config: AuditConfig, type: string): (string | undefined)[] =>
  readEvents(config, publicBaseUrl)
    .filter(({ streams }) => streams.includes('primary'))
    .map(
      ({ event }) => event.entity?.flatMap(({ detail }) => detail ?? []).find((one) => one.type === type)?.valueString,
    );

describe('a record', () => {
  it('names in its event what left, to whom, under which Consent', async () => {
    const { recorder, config } = await start();
    (await recorder.record(disclosure())).complete(512, false);
    await recorder.close();
    const [read] = readEvents(config, publicBaseUrl);
    expect(read?.event.entity?.map(({ what }) => what?.reference ?? what?.identifier?.value)).toEqual([
      'Observation/a1c/_history/1',
      'Patient/ada',
      'Consent/ada-treatment/_history/3',
      disclosure().request.id,
    ]);
    expect(details(config, 'delivery')).toEqual(['complete']);
    keepForValidation(
      'recorded',
      readEvents(config, publicBaseUrl).map(({ event }) => event),
    );
  });

  it('survives a restart, and the next one gets the next number', async () => {
    const { recorder, config } = await start();
    await recorder.record(disclosure());
    await recorder.close();
    const { recorder: again } = await start();
    await again.record(disclosure());
    expect(details(config, 'sequence')).toEqual(['1', '2']);
  });

  it('is nowhere in the clear, and holds no token', async () => {
    const { recorder, config } = await start();
    await recorder.record(disclosure({ released: [resource('Observation/planted-id', ['Patient/planted-patient'])] }));
    await recorder.close();
    const files = readdirSync(directory.path, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /archive.*\.db$/.test(name))).toHaveLength(1); // the kept record too
    for (const name of files.filter((one) => statSync(join(directory.path, one)).isFile())) {
      const bytes = readFileSync(join(directory.path, name));
      for (const planted of ['planted-id', 'planted-patient', 'Ann Lee', secretToken]) {
        expect(bytes.includes(planted)).toBe(false);
      }
    }
    expect(JSON.stringify(readEvents(config, publicBaseUrl))).toContain('planted-patient');
    expect(JSON.stringify(readEvents(config, publicBaseUrl))).not.toContain(secretToken);
  });
});

/** What `nice` says of each thread of this process (proc_pid_stat(5), field 19). */
const niceness = (): number[] =>
  readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[16]);
  });

(process.platform === 'linux' ? describe : describe.skip)('the thread that keeps records', () => {
  it('gives way to all others, on Linux', async () => {
    const own = getPriority();
    const before = niceness().filter((nice) => nice > own).length;
    await start();
    await until('it is there', () => niceness().filter((nice) => nice > own).length === before + 1);
    expect(getPriority()).toBe(own);
    await start({ archive: { kind: 'none' }, outboxFile: join(directory.path, 'other.db') });
    expect(niceness().filter((nice) => nice > own)).toHaveLength(before + 1);
  });
});

describe('when a record cannot be kept', () => {
  it('a wrong key stops the start with the reason', async () => {
    const { recorder } = await start();
    await recorder.record(disclosure());
    await recorder.close();
    const key = join(directory.path, 'other');
    writeFileSync(key, 'A'.repeat(43).concat('='));
    await expect(start({ key: { kind: 'file', currentFile: key } })).rejects.toThrow(/which is not configured/);
  });

  it('a second gateway on the same outbox does not start', async () => {
    await start();
    await expect(start()).rejects.toThrow(/another gateway uses this outbox/);
  }, 20_000);

  it('after a failed write nothing is recorded until a restart, and then everything is', async () => {
    // The operating system refuses to let files grow (RLIMIT_FSIZE): a real write error, as of a full disk.
    const child = spawn(
      'bash',
      [
        '-c',
        'ulimit -f 512; exec "$0" "$1" "$2"',
        process.execPath,
        join(import.meta.dirname, 'limited-child.ts'),
        directory.path,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(child, 'close');
    const { recorded, codes, healthy, state, afterwards } = JSON.parse(output) as Record<string, unknown>;
    expect(recorded).toBeGreaterThan(0);
    expect({ codes, healthy, state, afterwards }).toEqual({
      codes: ['record-unavailable'],
      healthy: false,
      state: 'broken',
      afterwards: 'record-unavailable',
    });

    const { recorder, config } = await start();
    expect(recorder.healthy).toBe(true);
    await recorder.record(disclosure());
    expect(rows(config)).toBeGreaterThan(recorded as number);
  });
});

describe('refusals', () => {
  const refusal = { request: request(['Observation']), code: 'scope-insufficient', context: context() } as const;

  it('are recorded with their code', async () => {
    const { recorder, config } = await start();
    recorder.note(refusal);
    recorder.note({ request: request(['Observation']), code: 'token-invalid' });
    await recorder.close();
    expect(readEvents(config, publicBaseUrl).map(({ event }) => event.outcomeDesc)).toEqual([
      'scope-insufficient',
      'token-invalid',
    ]);
  });

  it('in a flood are counted, a few recorded, and the next one tells how many were not', async () => {
    let now = 1_000_000;
    const config = configOf(directory.path, { refusalsPerSecond: 5 });
    const recorder = await createRecorder(config, { ...parts, now: () => now });
    running.push(recorder);
    for (let count = 0; count < 100; count++) recorder.note(refusal);
    expect(recorder.metrics()).toMatchObject({ refusalsRecorded: 5, refusalsCountedOnly: 95 });
    now += 1_000;
    recorder.note(refusal);
    await recorder.close();
    expect(details(config, 'refusals-not-recorded')).toEqual([...new Array(5).fill(undefined), '95']);
  });
});
