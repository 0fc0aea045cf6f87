import type { Memory } from './memory.ts';

/** So many bytes are sooner copied one by one than named as a piece. */
const shortest = 16;

/** Where an answer's bytes are gathered: one piece of memory, so that they are hashed and sent as one. */
export class Output {
  #bytes: Buffer;
  #length = 0;
  readonly #memory: Memory | undefined;

  /**
   * @param expected bytes to make room for; more make it grow
   * @param memory where it is gathered; unset: in memory of its own
   */
  constructor(expected: number, memory?: Memory) {
    this.#memory = memory;
    this.#bytes = this.#room(Math.max(expected, 256));
  }

  /** Copies `bytes[from..to)`. */
  slice(bytes: Uint8Array, from: number, to: number): void {
    this.#makeRoom(to - from);
    if (to - from > shortest) {
      const copied = Buffer.prototype.copy.call(bytes, this.#bytes, this.#length, from, to);
      if (copied !== to - from) throw new RangeError('a slice of what is not there'); // what stood here before would leave
    } else for (let at = from; at < to; at++) this.#bytes[this.#length + at - from] = bytes[at] as number;
    this.#length += to - from;
  }

  text(text: string): void {
    this.#makeRoom(text.length * 3); // UTF-8 has three bytes for a UTF-16 unit at most
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  /** Starts again in the same memory: what `bytes` returned before is overwritten. */
  clear(): void {
    this.#length = 0;
  }

  /** What was gathered so far, without copying. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #makeRoom(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const wider = this.#room(Math.max(this.#bytes.length * 2, this.#length + more));
    wider.set(this.bytes);
    this.#bytes = wider;
  }

  #room(length: number): Buffer {
    return this.#memory === undefined ? Buffer.allocUnsafe(length) : this.#memory.bytes(length);
  }
}
