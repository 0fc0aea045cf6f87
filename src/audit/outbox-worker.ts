/** The thread of the outbox: writes batches, one sync each, and ships what was written. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { loadKeys } from './keys.ts';
import { Outbox } from './outbox.ts';
import { OutboxThread } from './outbox-thread.ts';
import type { FromWorker, ToWorker, WorkerInput } from './protocol.ts';

const port = parentPort;
if (port === null) throw new Error('this is the entry of a worker thread');
const tell = (message: FromWorker): void => port.postMessage(message);
const input = workerData as WorkerInput;

try {
  const outbox = Outbox.open(input.config.outboxFile, () => loadKeys(input.config));
  const thread = new OutboxThread(outbox, input, tell);
  port.on('message', (first: ToWorker) => {
    // All that came during the last sync is the next batch: group commit without a timer.
    const messages = [first];
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
      messages.push(more.message as ToWorker);
    }
    thread.take(messages.filter((message) => message.kind === 'batch'));
    if (messages.some(({ kind }) => kind === 'close')) void thread.close().finally(() => port.close());
  });
  tell({ kind: 'ready', status: thread.status() });
} catch (error) {
  tell({ kind: 'not-started', reason: error instanceof Error ? error.message : 'unknown' });
}
