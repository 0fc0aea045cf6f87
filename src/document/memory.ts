/** Below this, memory is made as it is needed: it is cheap, and the garbage collector does not count it. */
const smallest = 32_768;

/**
 * Large pieces of memory (bodies of answers, tapes) that one request needs and gives back at its end, for the next one: memory that is
 * made anew for each would make the garbage collector run over everything every few requests.
 *
 * Giving back *detaches* (ECMA-262 ArrayBuffer.prototype.transfer): whoever still holds a view of it finds it empty, and
 * can read nothing of the request that has it next.
 */
export class MemoryPool {
  readonly #maximumBytes: number;
  #kept = 0;
  /** By size, a power of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** @param maximumBytes of what is kept while nobody needs it */
  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  /** For one request. */
  lend(): Memory {
    return new Memory(this);
  }

  /** At least so many bytes, whatever was in them. */
  take(size: number): ArrayBuffer {
    const found = this.#free.get(size)?.pop();
    if (found === undefined) return new ArrayBuffer(size);
    this.#kept -= size;
    return found;
  }

  giveBack(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    const own = buffer.transfer(); // nobody else has it any more
    if (this.#kept + size > this.#maximumBytes) return;
    this.#kept += size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [own]);
    else list.push(own);
  }

  /** Bytes that wait for a request. */
  get kept(): number {
    return this.#kept;
  }
}

/** What one request has taken. */
export class Memory {
  readonly #pool: MemoryPool;
  #taken: ArrayBuffer[] = [];

  constructor(pool: MemoryPool) {
    this.#pool = pool;
  }

  /** So many bytes, whatever was in them. */
  bytes(length: number): Buffer {
    if (length < smallest) return Buffer.allocUnsafe(length);
    return Buffer.from(this.#piece(length), 0, length);
  }

  /** So many 32-bit integers, whatever was in them. */
  integers(length: number): Int32Array {
    if (length * 4 < smallest) return new Int32Array(length);
    return new Int32Array(this.#piece(length * 4), 0, length);
  }

  /** Only when nobody reads what was taken any more; what is not given back is collected as garbage. */
  giveBack(): void {
    const taken = this.#taken;
    this.#taken = [];
    for (const buffer of taken) this.#pool.giveBack(buffer);
  }

  #piece(length: number): ArrayBuffer {
    const buffer = this.#pool.take(2 ** Math.ceil(Math.log2(length)));
    this.#taken.push(buffer);
    return buffer;
  }
}
