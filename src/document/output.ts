/** Where an answer's bytes are gathered: one piece of memory, so that they are hashed and sent as one. */
export class Output {
  #bytes: Buffer;
  #length = 0;

  /** @param expected bytes to make room for; more make it grow */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(expected, 256));
  }

  /** Copies `bytes[from..to)`. */
  slice(bytes: Uint8Array, from: number, to: number): void {
    this.#makeRoom(to - from);
    this.#bytes.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#length);
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
    const wider = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    wider.set(this.bytes);
    this.#bytes = wider;
  }
}
