/**
 * The outbox where replicas have no volume: a Redis stream for each run of a process. Redis must sync every write
 * (`appendonly yes`, `appendfsync always`): then a record is on its disk when `write` resolves, as it is on ours with SQLite.
 */
import { randomUUID } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { RedisConfig } from '../config/redis.ts';
import { connectRedis } from '../consent/redis.ts';
import { type ChainHead, genesis, linkOf } from './chain.ts';
import type { KeyRing } from './keys.ts';
import type { Acknowledgement, Completion, StoredRecord } from './outbox.ts';
import { Seal } from './seal.ts';

/** Every write ends well, or one of these says what is known. */
export class RedisUnsure extends Error {}

export interface RedisWriting {
  readonly records: readonly string[];
  readonly pending: number;
  readonly at: number;
  readonly completions: readonly Completion[];
  readonly acknowledgements: readonly Acknowledgement[];
}

/** Keys of one outbox share a hash slot, so that a cluster writes them together. */
const keyOf = (prefix: string, id: string, what: string): string => `${prefix}:audit:{${id}}:${what}`;
const registry = (prefix: string): string => `${prefix}:audit:outboxes`;

const leaseMs = 30_000;
/** A write waits for a disk: longer than what a request asks of Redis. */
const syncedWriteMs = 5_000;
const rowBytes = 200;

/** Takes a stream's bit off records; what nobody waits for any more goes. Tells what is left of each. */
const acknowledgeScript = `
  local left = {}
  for i = 1, #ARGV, 2 do
    local bits = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '0')
    local stream = tonumber(ARGV[i + 1])
    if bits % (stream * 2) >= stream then bits = bits - stream end
    if bits == 0 then
      redis.call('XDEL', KEYS[1], ARGV[i] .. '-0')
      redis.call('HDEL', KEYS[2], ARGV[i])
      redis.call('HDEL', KEYS[3], ARGV[i])
    else
      redis.call('HSET', KEYS[2], ARGV[i], bits)
    end
    left[#left + 1] = bits
  end
  return left`;

const forgetScript = `
  if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
  return 1`;

/** @throws {Error} when Redis would answer before a write is on its disk, or does not tell. */
async function refuseForgetful(redis: Redis | Cluster): Promise<void> {
  const nodes = 'nodes' in redis ? redis.nodes('master') : [redis];
  for (const node of nodes) {
    const found = (await node.config('GET', 'append*')) as string[];
    const setting = (name: string): string | undefined => found[found.indexOf(name) + 1];
    if (setting('appendonly') !== 'yes' || setting('appendfsync') !== 'always') {
      throw new Error('the Redis of the audit outbox must run with appendonly yes and appendfsync always');
    }
  }
}

export class RedisOutbox {
  readonly id: string;
  readonly #redis: Redis | Cluster;
  readonly #prefix: string;
  readonly #seal: Seal;
  #head: ChainHead;
  /** Set while nobody knows whether the last write was taken: read again before the next one. */
  #isUnsure = false;
  /** What waits, with the streams that have not got it; in order. */
  readonly #waiting = new Map<number, { bits: number; readonly bytes: number }>();
  /** Their numbers, ascending; some may be done. */
  #order: number[] = [];
  #usedBytes = 0;

  /** @throws {Error} when Redis cannot be reached, or would forget. */
  static async open(config: RedisConfig, keys: KeyRing): Promise<RedisOutbox> {
    const { prefix } = config;
    const redis = connectRedis({ ...config, commandTimeoutMs: syncedWriteMs });
    redis.on('error', () => undefined); // told by the command that fails
    try {
      await redis.connect();
      await refuseForgetful(redis);
      const outbox = new RedisOutbox(redis, prefix, randomUUID(), keys);
      await outbox.hold();
      return outbox;
    } catch (error) {
      redis.disconnect();
      if (error instanceof Error && error.message.startsWith('the Redis')) throw error;
      throw new Error('the Redis of the audit outbox cannot be reached', { cause: error });
    }
  }

  private constructor(redis: Redis | Cluster, prefix: string, id: string, keys: KeyRing) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.id = id;
    this.#seal = new Seal(keys, id);
    this.#head = { position: 0, sequence: 0, link: genesis(id) };
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get count(): number {
    return this.#waiting.size;
  }

  get head(): ChainHead {
    return this.#head;
  }

  static sizeOf(records: readonly string[]): number {
    return records.reduce((sum, text) => sum + Buffer.byteLength(text) + Seal.overhead + rowBytes, 0);
  }

  /** Says that this outbox has somebody who delivers what is in it. */
  async hold(): Promise<void> {
    await this.#redis.sadd(registry(this.#prefix), this.id);
    await this.#redis.set(keyOf(this.#prefix, this.id, 'lease'), '1', 'PX', leaseMs);
  }

  /** Another may have it from now on. */
  async release(): Promise<void> {
    await this.#redis.del(keyOf(this.#prefix, this.id, 'lease'));
  }

  /**
   * Outboxes that nobody holds any more are taken over, to deliver what is in them.
   * @returns Those that were taken.
   */
  async adopt(keys: KeyRing): Promise<RedisOutbox[]> {
    const adopted: RedisOutbox[] = [];
    for (const id of await this.#redis.smembers(registry(this.#prefix))) {
      if (id === this.id) continue;
      if ((await this.#redis.set(keyOf(this.#prefix, id, 'lease'), '1', 'PX', leaseMs, 'NX')) !== 'OK') continue;
      const one = new RedisOutbox(this.#redis, this.#prefix, id, keys);
      await one.#load();
      adopted.push(one);
    }
    return adopted;
  }

  async #load(): Promise<void> {
    const bits = await this.#redis.hgetall(keyOf(this.#prefix, this.id, 'pending'));
    for (const sequence of Object.keys(bits)
      .map(Number)
      .sort((one, other) => one - other)) {
      if (!this.#waiting.has(sequence)) this.#wait(sequence, Number(bits[sequence]), rowBytes);
    }
  }

  /**
   * Forgets it, when nothing is in it; else takes up what has come to it since: who held it before may still write.
   * @returns Whether it is forgotten.
   */
  async forget(): Promise<boolean> {
    const keys = ['record', 'pending', 'completion', 'head', 'lease'].map((what) => keyOf(this.#prefix, this.id, what));
    if ((await this.#redis.eval(forgetScript, keys.length, ...keys)) !== 1) {
      await this.#load();
      return false;
    }
    await this.#redis.srem(registry(this.#prefix), this.id); // who still writes to it names it again when it renews its lease
    return true;
  }

  /**
   * One transaction, synced to the disk of Redis when this resolves.
   * @returns Sequence number of the first record.
   * @throws {RedisUnsure} when it is not known whether anything was written, or Redis lost what it had
   */
  async write({ records, pending, at, completions }: RedisWriting): Promise<number> {
    if (this.#isUnsure) await this.#readHead();
    let { position, sequence, link } = this.#head;
    const [stream, bits, ends, head] = ['record', 'pending', 'completion', 'head'].map((what) =>
      keyOf(this.#prefix, this.id, what),
    ) as [string, string, string, string];
    const transaction = this.#redis.multi();
    for (const { sequence: of, bytesSent, aborted } of completions) {
      if (!this.#waiting.has(of)) continue;
      link = linkOf(link, { kind: 'completion', position: ++position, sequence: of, bytesSent, aborted });
      transaction.hset(ends, String(of), JSON.stringify({ position, bytesSent, aborted }));
    }
    const first = sequence + 1;
    const written: [number, number][] = [];
    for (const text of records) {
      sequence++;
      position++;
      const { keyId, salt, bytes: sealed } = this.#seal.close(sequence, Buffer.from(text));
      link = linkOf(link, { kind: 'record', position, sequence, at, keyId, salt, sealed });
      const fields = [
        'position',
        position,
        'at',
        at,
        'key',
        keyId,
        'salt',
        Buffer.from(salt),
        'link',
        Buffer.from(link),
      ];
      transaction.xadd(stream, `${sequence}-0`, ...fields, 'sealed', Buffer.from(sealed));
      transaction.hset(bits, String(sequence), pending);
      written.push([sequence, sealed.length + rowBytes]);
    }
    transaction.hset(head, { position, sequence, link: Buffer.from(link).toString('hex') });
    try {
      const answers = await transaction.exec();
      if (answers === null || answers.some(([error]) => error !== null)) throw new Error('not all was written');
    } catch (error) {
      this.#isUnsure = true;
      throw new RedisUnsure('Redis did not say that it has the record', { cause: error });
    }
    this.#head = { position, sequence, link };
    for (const [number, bytes] of written) this.#wait(number, pending, bytes);
    return first;
  }

  #wait(sequence: number, bits: number, bytes: number): void {
    this.#waiting.set(sequence, { bits, bytes });
    this.#order.push(sequence);
    this.#usedBytes += bytes;
    if (this.#order.length > 2 * this.#waiting.size + 1_000) {
      this.#order = this.#order.filter((number) => this.#waiting.has(number));
    }
  }

  /** @throws {RedisUnsure} while it does not answer; {RedisLost} when it has less than it had */
  async recover(): Promise<void> {
    if (this.#isUnsure) await this.#readHead();
  }

  /** After a write of unknown end: what is there counts, answered or not; less than was there before is a loss. */
  async #readHead(): Promise<void> {
    try {
      await refuseForgetful(this.#redis); // another server may have taken its place
      const found = await this.#redis.hgetall(keyOf(this.#prefix, this.id, 'head'));
      const [position, sequence] = [Number(found.position ?? 0), Number(found.sequence ?? 0)];
      if (position < this.#head.position) throw new RedisLost('Redis has lost records of the audit outbox');
      const bits = await this.#redis.hgetall(keyOf(this.#prefix, this.id, 'pending'));
      for (const [number, left] of Object.entries(bits)) {
        if (!this.#waiting.has(Number(number))) this.#wait(Number(number), Number(left), rowBytes);
      }
      if (position > 0) this.#head = { position, sequence, link: Buffer.from(found.link ?? '', 'hex') };
      this.#isUnsure = false;
    } catch (error) {
      if (error instanceof RedisLost) throw error;
      throw new RedisUnsure('Redis does not answer', { cause: error });
    }
  }

  /** Takes streams' bits off. */
  async acknowledge(acknowledgements: readonly Acknowledgement[]): Promise<void> {
    if (acknowledgements.length === 0) return;
    const keys = ['record', 'pending', 'completion'].map((what) => keyOf(this.#prefix, this.id, what));
    const values = acknowledgements.flatMap(({ sequence, stream }) => [sequence, stream]);
    const left = (await this.#redis.eval(acknowledgeScript, keys.length, ...keys, ...values)) as number[];
    acknowledgements.forEach(({ sequence }, index) => {
      const waiting = this.#waiting.get(sequence);
      if (waiting === undefined) return;
      waiting.bits = left[index] ?? waiting.bits;
      if (waiting.bits !== 0) return;
      this.#waiting.delete(sequence);
      this.#usedBytes -= waiting.bytes;
    });
  }

  /** Sequence numbers of records that a stream has not got, in order, after one. */
  pending(stream: number, after: number, limit: number): number[] {
    const found: number[] = [];
    for (let at = this.#placeAfter(after); at < this.#order.length && found.length < limit; at++) {
      const sequence = this.#order[at] as number;
      if (((this.#waiting.get(sequence)?.bits ?? 0) & stream) !== 0) found.push(sequence);
    }
    return found;
  }

  #placeAfter(sequence: number): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle] as number) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** One record, if it is still there for this stream. */
  async find(stream: number, sequence: number): Promise<StoredRecord | undefined> {
    if (((this.#waiting.get(sequence)?.bits ?? 0) & stream) === 0) return undefined;
    const id = `${sequence}-0`;
    const [entry] = await this.#redis.xrangeBuffer(keyOf(this.#prefix, this.id, 'record'), id, id);
    if (entry === undefined) throw new Error('the record is not there');
    const fields = new Map<string, Buffer>();
    const [, values] = entry;
    for (let index = 0; index < values.length; index += 2) {
      fields.set(String(values[index]), values[index + 1] as Buffer);
    }
    const of = (name: string): Buffer => fields.get(name) ?? Buffer.alloc(0);
    const sealed = { keyId: of('key').toString(), salt: of('salt'), bytes: of('sealed') };
    const ended = await this.#redis.hget(keyOf(this.#prefix, this.id, 'completion'), String(sequence));
    const completion =
      ended === null ? undefined : { sequence, ...(JSON.parse(ended) as Omit<Completion, 'sequence'>) };
    return { sequence, at: Number(of('at')), text: this.#seal.open(sequence, sealed), completion };
  }

  close(): void {
    this.#redis.disconnect();
  }
}

/** Redis has less than it had: somebody emptied it, or another without the last writes took its place. */
export class RedisLost extends Error {}
