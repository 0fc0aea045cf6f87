/** The thread of the archive: copies what the outbox has on disk, so that no answer waits for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { Archive, archiveDirectory } from './archive.ts';
import { Archivist } from './archivist.ts';
import { loadSigningKeys } from './checkpoint.ts';
import { loadKeys } from './keys.ts';
import { Outbox } from './outbox.ts';
import type { FromArchive, ToArchive, WorkerInput } from './protocol.ts';

const port = parentPort;
const { config } = workerData as WorkerInput;
const directory = archiveDirectory(config);
if (port === null || directory === undefined) throw new Error('this is the entry of a worker thread');
const tell = (message: FromArchive): void => port.postMessage(message);

const keys = loadKeys(config);
const outbox = Outbox.openToRead(config.outboxFile, keys);
const archivist = new Archivist({
  outbox,
  archive: new Archive(directory, outbox.id, keys, loadSigningKeys(config)),
  tell: (copied) => tell({ kind: 'copied', copied }),
  alarm: () => tell({ kind: 'alarm' }),
});
port.on('message', (message: ToArchive) => {
  if (message === 'wake') return archivist.wake();
  archivist.close();
  port.close();
});
