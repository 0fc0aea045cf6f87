import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Period, Segment, type SegmentFile, segmentFiles } from './archive.ts';
import {
  type Checkpoint,
  type CheckpointText,
  printCheckpoint,
  readCheckpoint,
  type SigningKeys,
  signCheckpoint,
} from './checkpoint.ts';
import type { KeyRing } from './keys.ts';
import { SubjectIndex, subjectKinds } from './subjects.ts';

const hold = z.strictObject({
  id: z.string(),
  reason: z.string(),
  since: z.iso.datetime(),
  /** Only files that have something of this patient, released or withheld. */
  patient: z.string().optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
});

/** Records that are kept beyond their time, for a court or an authority. */
export type Hold = z.infer<typeof hold>;

const dayMs = 86_400_000;
const holdsFile = (directory: string): string => join(directory, 'holds.json');
const removedFile = (directory: string, outboxId: string): string => join(directory, `${outboxId}.removed.json`);

/** @throws {Error} when they cannot be read: then nothing may be removed. */
export function readHolds(directory: string): Hold[] {
  const file = holdsFile(directory);
  return existsSync(file) ? z.array(hold).parse(JSON.parse(readFileSync(file, 'utf8'))) : [];
}

export function writeHolds(directory: string, holds: readonly Hold[]): void {
  replace(holdsFile(directory), `${JSON.stringify(holds, undefined, 2)}\n`);
}

/** The signed statement on what was removed of an outbox's chain; undefined when nothing was. */
export function readRemoved(directory: string, outboxId: string): Checkpoint | undefined {
  const file = removedFile(directory, outboxId);
  return existsSync(file) ? readCheckpoint(JSON.parse(readFileSync(file, 'utf8')) as CheckpointText) : undefined;
}

/**
 * Removes files whose last record is too old, the oldest first, and signs that it did. It stops at the first that is
 * held, that is not old enough, or that is written on: what is left stays one chain.
 * @returns The last statement, when something was removed.
 */
export function removeOld(
  directory: string,
  outboxId: string,
  { retentionDays, now }: { readonly retentionDays: number; readonly now: number },
  { keys, signing }: { readonly keys: KeyRing; readonly signing: SigningKeys },
): Checkpoint | undefined {
  const holds = readHolds(directory);
  const index = new SubjectIndex(keys);
  const files = segmentFiles(directory).filter((file) => file.outboxId === outboxId);
  let removed: Checkpoint | undefined;
  for (const [at, file] of files.slice(0, -1).entries()) {
    const next = startOf(files[at + 1] as SegmentFile);
    if (!isOver(file, now - retentionDays * dayMs) || isHeld(file, holds, index)) break;
    removed = signCheckpoint(outboxId, next, now, signing, 'retention');
    replace(removedFile(directory, outboxId), JSON.stringify(printCheckpoint(removed))); // first: a file that is gone unsaid is a break
    rmSync(file.path);
  }
  return removed;
}

function startOf(file: SegmentFile) {
  const segment = new Segment(file);
  try {
    return segment.start;
  } finally {
    segment.close();
  }
}

function isOver(file: SegmentFile, before: number): boolean {
  const segment = new Segment(file);
  try {
    const period = segment.period();
    return period !== undefined && period.to < before;
  } finally {
    segment.close();
  }
}

function isHeld(file: SegmentFile, holds: readonly Hold[], index: SubjectIndex): boolean {
  const segment = new Segment(file);
  try {
    const period = segment.period();
    return holds.some((one) => {
      const held = { from: timeOf(one.from, 0), to: timeOf(one.to, Number.MAX_SAFE_INTEGER) };
      return (
        period !== undefined && period.from < held.to && period.to >= held.from && concerns(segment, one, held, index)
      );
    });
  } finally {
    segment.close();
  }
}

function concerns(segment: Segment, { patient }: Hold, period: Period, index: SubjectIndex): boolean {
  if (patient === undefined) return true;
  return (['patient', 'withheld'] as const).some((kind) => {
    const names = index.allNamesOf({ kind, name: patient });
    return segment.about(subjectKinds[kind], names, period).length > 0;
  });
}

function timeOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Date.parse(text);
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
