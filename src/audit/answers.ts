/** The door of what the kept record answers: nothing here writes to it. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AnswerFormat, AskedRecord, Question, RecordAnswer } from './ask.ts';

export { lookBackYears, yearsBefore } from './accounting.ts';
export { archiveDirectory } from './archive.ts';
export { type AnswerFormat, ask, type Question, type RecordAnswer } from './ask.ts';
export { compareSink } from './compare-sink.ts';
export { type Hold, readHolds, writeHolds } from './retention.ts';
export { checkpointsIn, lastCheckpoint, publicKeys, verifyRecord } from './verify-record.ts';

/**
 * Asks on a thread of its own.
 * @throws {Error} when no record is kept, it cannot be read, or nobody waits any more
 */
export function askAside(
  question: Question,
  format: AnswerFormat,
  record: AskedRecord,
  signal: AbortSignal,
): Promise<RecordAnswer> {
  const notAnswered = (): Error => new Error('the record was not answered from');
  if (signal.aborted) return Promise.reject(notAnswered());
  const file = new URL(`./ask-worker${extname(import.meta.url)}`, import.meta.url); // .ts from source, .js when built
  const worker = new Worker(file, { workerData: { question, format, record } });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<RecordAnswer>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(notAnswered()));
  }).finally(() => signal.removeEventListener('abort', stop));
}
