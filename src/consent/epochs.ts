import { createHmac, randomBytes } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** What replicas share about the freshness of what they remember. Nothing here makes anything fresher. */
export interface Epochs {
  /** Connects; before, and while that takes, Redis does not answer. */
  start(): void;
  /**
   * Epochs of these names now, each made where there is none. To be asked before what will be remembered under them is read.
   * @returns undefined when Redis does not answer
   */
  begin(names: readonly string[]): Promise<readonly string[] | undefined>;
  /** Epochs now; one that is gone is undefined, and equal to none. @returns undefined when Redis does not answer */
  current(names: readonly string[]): Promise<readonly (string | undefined)[] | undefined>;
  /** Something changed under these names: what any replica remembers under them is over. */
  raise(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface EpochParts {
  readonly redis: Redis | Cluster;
  /** A second connection: one that is subscribed takes no other commands. */
  readonly subscriber: Redis | Cluster;
  readonly prefix: string;
  /** Names never leave the process: keys are HMACs under it, alike in all replicas. */
  readonly key: Uint8Array;
  /** Longer than anything is remembered. */
  readonly lifetimeMs: number;
  /** How long to wait for an answer, and how long to leave it alone after one that did not come, in milliseconds. */
  readonly timeoutMs: number;
  readonly restMs: number;
  readonly steady: () => number;
  /** Called with the marks of names that were raised, here or elsewhere. */
  readonly onRaised: (marks: readonly string[]) => void;
  /** Called when Redis stops answering and when it answers again. */
  readonly onState: (isAnswering: boolean) => void;
}

/** What a name is called in Redis: nobody can tell from it who is meant. */
export function markOf(key: Uint8Array, name: string): string {
  return createHmac('sha256', key).update(name).digest('base64url');
}

/**
 * Epochs in Redis: random values under keyed hashes, all in one hash slot so that one command asks for many. A message tells
 * the others at once; a lost one is made good by reading the epochs before anything remembered is used.
 */
export class RedisEpochs implements Epochs {
  readonly #parts: EpochParts;
  readonly #channel: string;
  #restUntil = Number.NEGATIVE_INFINITY;
  #isAnswering: boolean | undefined;

  constructor(parts: EpochParts) {
    this.#parts = parts;
    this.#channel = `{${parts.prefix}}:raised`;
    for (const connection of [parts.redis, parts.subscriber]) connection.on('error', () => undefined); // commands tell
    parts.redis.on('ready', () => this.#tell(true));
    parts.redis.on('close', () => this.#tell(false));
    parts.subscriber.on('ready', () => void parts.subscriber.subscribe(this.#channel).catch(() => undefined));
    parts.subscriber.on('message', (_channel: string, message: string) => parts.onRaised(message.split(' ')));
  }

  start(): void {
    for (const connection of [this.#parts.redis, this.#parts.subscriber]) connection.connect().catch(() => undefined);
  }

  begin(names: readonly string[]): Promise<readonly string[] | undefined> {
    const { redis, lifetimeMs } = this.#parts;
    return this.#unlessAway(async () => {
      const keys = names.map((name) => this.#keyOf(name));
      const pipeline = redis.pipeline();
      for (const key of keys) pipeline.set(key, fresh(), 'PX', lifetimeMs, 'NX').getex(key, 'PX', lifetimeMs);
      const replies = (await pipeline.exec()) ?? [];
      return keys.map((_, index) => {
        const [error, value] = replies[2 * index + 1] ?? [new Error('no reply'), undefined];
        if (error !== null || typeof value !== 'string') throw error ?? new Error('no value');
        return value;
      });
    });
  }

  current(names: readonly string[]): Promise<readonly (string | undefined)[] | undefined> {
    return this.#unlessAway(async () => {
      const values = await this.#parts.redis.mget(names.map((name) => this.#keyOf(name)));
      return values.map((value) => value ?? undefined);
    });
  }

  async raise(names: readonly string[]): Promise<void> {
    const { redis, lifetimeMs, key } = this.#parts;
    await this.#unlessAway(async () => {
      const pipeline = redis.pipeline();
      for (const name of names) pipeline.set(this.#keyOf(name), fresh(), 'PX', lifetimeMs);
      pipeline.publish(this.#channel, names.map((name) => markOf(key, name)).join(' '));
      for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
      return true;
    });
  }

  async close(): Promise<void> {
    this.#parts.subscriber.disconnect();
    this.#parts.redis.disconnect();
  }

  #keyOf(name: string): string {
    return `{${this.#parts.prefix}}:epoch:${markOf(this.#parts.key, name)}`;
  }

  /** Whatever is wrong with Redis, the answer is that it does not tell; a request waits for it once a rest at most. */
  async #unlessAway<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const { redis, steady, restMs, timeoutMs } = this.#parts;
    if (redis.status !== 'ready' || steady() < this.#restUntil) return undefined;
    try {
      const answer = await within(timeoutMs, ask());
      this.#tell(true);
      return answer;
    } catch {
      this.#restUntil = steady() + restMs;
      this.#tell(false);
      return undefined;
    }
  }

  #tell(isAnswering: boolean): void {
    if (isAnswering !== this.#isAnswering) this.#parts.onState(isAnswering);
    this.#isAnswering = isAnswering;
  }
}

function fresh(): string {
  return randomBytes(12).toString('base64url');
}

function within<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in time')), milliseconds);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
