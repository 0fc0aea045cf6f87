import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRecorder } from '../../src/audit/audit.ts';
import { verifyRecord } from '../../src/audit/verify-record.ts';
import { configOf, disclosure, parts } from '../audit/disclosures.ts';

/** The C library's fsync and fdatasync, which fail with EIO after so many. Needs a C compiler. */
const library = `
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int may(void) {
  static int left = -1;
  if (left < 0) left = atoi(getenv("SYNCS"));
  return left > 0 ? left-- : 0;
}
static int failed(void) { errno = EIO; return -1; }
int fsync(int file) { return may() ? (int)syscall(SYS_fsync, file) : failed(); }
int fdatasync(int file) { return may() ? (int)syscall(SYS_fdatasync, file) : failed(); }
`;
const faults = Number(process.env.SYNC_ERRORS ?? 40);

describe('a disk that fails to sync', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sync-errors-'));
    writeFileSync(join(folder, 'sync.c'), library);
    const [object, source] = [join(folder, 'sync.so'), join(folder, 'sync.c')];
    execFileSync('cc', ['-shared', '-fPIC', '-o', object, source]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const child = join(import.meta.dirname, '../audit/limited-child.ts');
  function recordUntilItFails(directory: string, syncs: number) {
    const env = { ...process.env, LD_PRELOAD: join(folder, 'sync.so'), SYNCS: String(syncs) };
    const { stdout, stderr } = spawnSync(process.execPath, [child, directory], { env, encoding: 'utf8' });
    return { told: stdout === '' ? undefined : (JSON.parse(stdout) as Record<string, unknown>), stderr };
  }

  it(`lets nothing leave from then on, and has kept what left before, in ${faults} failures`, async () => {
    let started = 0;
    for (let syncs = 1; syncs <= faults; syncs++) {
      const directory = join(folder, `after-${syncs}`);
      mkdirSync(directory);
      const { told, stderr } = recordUntilItFails(directory, syncs);
      if (told === undefined) {
        expect(stderr).not.toBe(''); // it did not start, and said why
        continue;
      }
      started++;
      const { codes, healthy, state, afterwards } = told;
      expect([syncs, codes, healthy, state, afterwards]).toEqual([
        syncs,
        ['record-unavailable'],
        false,
        'broken',
        'record-unavailable',
      ]);
      const config = configOf(directory);
      const recorder = await createRecorder(config, parts);
      await recorder.record(disclosure()); // a restart ends it
      await recorder.close();
      const [report] = verifyRecord(config);
      expect(report?.break).toBeUndefined();
      expect(report?.records).toBeGreaterThan(told.recorded as number);
    }
    expect(started).toBeGreaterThan(faults / 2);
    console.log(`${faults} cases of a sync that failed, ${started} of them after the start`);
  });
});
