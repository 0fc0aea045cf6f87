/** The thread of the archive: copies what the outbox has on disk, so that no answer waits for it. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Alerts } from './alerts.ts';
import { Archive, archiveDirectory, lastSeenIn } from './archive.ts';
import { Archivist } from './archivist.ts';
import { loadSigningKeys, printCheckpoint } from './checkpoint.ts';
import { loadKeys } from './keys.ts';
import { Outbox } from './outbox.ts';
import type { FromArchive, ToArchive, WorkerInput } from './protocol.ts';
import { removeOld } from './retention.ts';

const port = parentPort;
const { config } = workerData as WorkerInput;
const directory = archiveDirectory(config);
if (port === null || directory === undefined) throw new Error('this is the entry of a worker thread');
const tell = (message: FromArchive): void => port.postMessage(message);

/** On Linux a thread has a priority of its own: under load answers come first, and copying what is safe on disk later. */
if (process.platform === 'linux') setPriority(Math.min(19, getPriority() + 5));

const retentionMs = 6 * 3_600_000;
const keys = loadKeys(config);
const signing = loadSigningKeys(config);
const outbox = Outbox.openToRead(config.outboxFile, keys);
const alerts = new Alerts(config.alerts.rules, lastSeenIn(directory, keys));
const archivist = new Archivist({
  outbox,
  archive: new Archive(directory, outbox.id, keys, signing),
  tell: (copied) => tell({ kind: 'copied', copied }),
  look: (archived) => {
    for (const { record, sequence } of archived) {
      for (const alert of alerts.see(record, sequence)) tell({ kind: 'alert', alert });
    }
  },
  alarm: () => tell({ kind: 'alarm' }),
});
/** Looks for files that have served their time; a hold that cannot be read removes nothing. */
function retain(): void {
  if (config.archive.kind === 'none' || directory === undefined) return;
  const { retentionDays } = config.archive;
  try {
    const removed = removeOld(directory, outbox.id, { retentionDays, now: Date.now() }, { keys, signing });
    if (removed !== undefined) tell({ kind: 'removed', through: printCheckpoint(removed) });
  } catch {
    tell({ kind: 'alarm' });
  }
}
retain();
setInterval(retain, retentionMs).unref();

port.on('message', (message: ToArchive) => {
  if (message === 'wake') return archivist.wake();
  archivist.close();
  port.close();
});
