import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type KindTold, kindsTold, toldIn } from '../support/told.ts';
import { type Markers, markersOfTests } from './markers.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const markers = markersOfTests();

/** A file that the command line was given, by the name that it was given. */
const givenFile = /\S*\/[^\s/]+\.(?:json|jsonl|yaml)\b/g;

/** The text that says how the command line is used stands in the code: an option has the name of somebody. */
const usage = new Set(
  spawnSync(process.execPath, ['src/main.ts'], { cwd: repository, encoding: 'utf8' }).stderr.split('\n'),
);

/** Lines that hold something of a patient, with what. */
function leaksIn(directory: string, kind: KindTold, of: Markers): readonly string[] {
  const lines = new Set(toldIn(directory, kind).flatMap((text) => text.split('\n')));
  return [...lines].flatMap((line) => {
    if (kind === 'output' && usage.has(line)) return [];
    const found = of.in(kind === 'output' ? line.replaceAll(givenFile, ' ') : line);
    return found.length === 0 ? [] : [`${found.join(', ')} in: ${line.slice(0, 500)}`];
  });
}

describe('what gateways told operators in the whole test run', () => {
  // A whole test run keeps it in a directory that it names; alone, this suite runs some tests for it.
  const kept = process.env.TOLD_DIR;
  const directory = kept ?? mkdtempSync(join(tmpdir(), 'told-'));
  beforeAll(async () => {
    if (kept === undefined) await runSomeTests(directory);
  });
  afterAll(() => {
    if (kept === undefined) rmSync(directory, { recursive: true });
  });

  it('is there, of each kind', () => {
    const told = (kind: KindTold): string => toldIn(directory, kind).join('\n');
    expect(told('log').match(/"message":"answered"/g)?.length ?? 0).toBeGreaterThan(100);
    expect(told('metrics')).toContain('gateway_requests_total{');
    expect(told('trace')).toContain('"resourceSpans"');
    expect(told('alert')).toContain('"windowMinutes"');
    expect(told('output')).toContain('"message":"listening"');
  });

  it.each(kindsTold)('holds nothing of any synthetic patient: %s', (kind) => {
    expect(leaksIn(directory, kind, markers).slice(0, 20)).toEqual([]);
  });
});

describe('the search', () => {
  it('knows how the command line is used', () => {
    expect(usage.size).toBeGreaterThan(20);
  });

  it('knows names, ids, codes, dates and numbers of patients', () => {
    expect(markers.size).toBeGreaterThan(2_000);
  });

  const directory = mkdtempSync(join(tmpdir(), 'told-leaks-'));
  beforeAll(() =>
    run(process.execPath, ['--require', './test/support/keep-told.cjs', './test/told/leaking-child.ts'], {
      cwd: repository,
      env: { ...process.env, TOLD_DIR: directory },
    }),
  );
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each(kindsTold)('finds what somebody let slip: %s', (kind) => {
    const leaks = leaksIn(directory, kind, markers);
    for (const marker of ['Patient/ada', 'ada oud', 'f11 20', '1 made up street', '1984 07 19'])
      expect(leaks).toContainEqual(expect.stringMatching(`^[^:]*\\b${marker}\\b`));
  });
});

/** Tests of each kind of what is told, with what they tell kept in the directory. */
async function runSomeTests(directory: string): Promise<void> {
  const suites = ['test/failure/logs', 'test/audit/alerts', 'test/services/in-force', 'test/telemetry'];
  await run('npm', ['run', 'jest', '--', '--maxWorkers=1', ...suites], {
    cwd: repository,
    env: { ...process.env, TOLD_DIR: directory },
    maxBuffer: 64 * 1024 * 1024,
  });
}
