/** The thread of the outbox: writes batches, one sync each, and ships what was written. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { RedisConfig } from '../config/redis.ts';
import { loadSigningKeys, type SigningKeys } from './checkpoint.ts';
import { type KeyRing, loadKeys } from './keys.ts';
import { Outbox } from './outbox.ts';
import { OutboxThread } from './outbox-thread.ts';
import type { FromWorker, ToWorker, WorkerInput } from './protocol.ts';
import { RedisOutbox } from './redis-outbox.ts';
import { RedisThread } from './redis-thread.ts';

interface Keys {
  readonly keys: KeyRing;
  readonly signing: SigningKeys;
}

const port = parentPort;
if (port === null) throw new Error('this is the entry of a worker thread');
const tell = (message: FromWorker): void => port.postMessage(message);
const input = workerData as WorkerInput;

/** What takes the batches: the outbox on disk, or in Redis. */
type Thread = Pick<OutboxThread, 'take' | 'close' | 'status'>;

function openOnDisk(): Thread {
  let keys: Keys | undefined;
  const outbox = Outbox.open(input.config.outboxFile, () => {
    keys = keysOf(); // made on first start, once the outbox is ours
    return keys.keys;
  });
  return new OutboxThread(outbox, input, keys ?? keysOf(), tell);
}

async function openInRedis(redis: RedisConfig): Promise<Thread> {
  const keys = keysOf();
  return new RedisThread(await RedisOutbox.open(redis, keys.keys), input, keys, tell);
}

function keysOf(): Keys {
  return { keys: loadKeys(input.config), signing: loadSigningKeys(input.config) };
}

try {
  const { redis } = input.config;
  const thread = redis === undefined ? openOnDisk() : await openInRedis(redis);
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
