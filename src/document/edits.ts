import { kinds, type Node, type Tape } from './tape.ts';

const comma = Uint8Array.of(0x2c);

/**
 * What is changed of one resource before it leaves: members and array items cut, values replaced, members appended.
 * Everything else stays as the validated bytes it came as.
 */
export class Edits {
  readonly #cut = new Set<Node>();
  readonly #put = new Map<Node, Uint8Array>();
  readonly #append = new Map<Node, Uint8Array>();
  #sorted: readonly Node[] | undefined;

  /** Removes a member (with its name) or an array item. */
  cut(node: Node): void {
    this.#cut.add(node);
    this.#sorted = undefined;
  }

  /** Replaces a value by JSON text the gateway made. */
  put(node: Node, json: Uint8Array): void {
    this.#put.set(node, json);
    this.#sorted = undefined;
  }

  /** Appends members (JSON text `"name":value` without the leading comma) to an object. */
  append(node: Node, members: Uint8Array): void {
    this.#append.set(node, members);
    this.#sorted = undefined;
  }

  isCut(node: Node): boolean {
    return this.#cut.has(node);
  }

  get cuts(): ReadonlySet<Node> {
    return this.#cut;
  }

  /** True when nothing of the resource was taken away (replaced values do not count). */
  get cutsNothing(): boolean {
    return this.#cut.size === 0;
  }

  copy(): Edits {
    const copy = new Edits();
    for (const node of this.#cut) copy.#cut.add(node);
    for (const [node, json] of this.#put) copy.#put.set(node, json);
    for (const [node, members] of this.#append) copy.#append.set(node, members);
    return copy;
  }

  /** The chunks of the value at `root` with these edits carried out; slices of the tape's own bytes wherever nothing changed. */
  write(tape: Tape, root: Node): Uint8Array[] {
    this.#sorted ??= [...this.#cut, ...this.#put.keys(), ...this.#append.keys()].sort((a, b) => a - b);
    const chunks: Uint8Array[] = [];
    this.#value(tape, root, chunks);
    return chunks;
  }

  #touches(tape: Tape, node: Node): boolean {
    const sorted = this.#sorted as readonly Node[];
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as number) < node) low = middle + 1;
      else high = middle;
    }
    const first = sorted[low];
    return first !== undefined && first < (tape.skips[node] as number);
  }

  #value(tape: Tape, node: Node, chunks: Uint8Array[]): void {
    const put = this.#put.get(node);
    if (put !== undefined) {
      chunks.push(put);
      return;
    }
    const start = tape.starts[node] as number;
    const end = tape.ends[node] as number;
    if (!this.#touches(tape, node)) {
      chunks.push(tape.bytes.subarray(start, end));
      return;
    }
    const isObject = tape.kind(node) === kinds.object;
    chunks.push(tape.bytes.subarray(start, start + 1));
    let written = false;
    // A run of untouched neighbours leaves as one slice, with the commas that already stand between them.
    let runFrom = -1;
    let runTo = -1;
    const flush = (): void => {
      if (runFrom < 0) return;
      if (written) chunks.push(comma);
      chunks.push(tape.bytes.subarray(runFrom, runTo));
      written = true;
      runFrom = -1;
    };
    for (let child = tape.firstChild(node); child >= 0; child = tape.next(child)) {
      if (this.#cut.has(child)) {
        flush();
        continue;
      }
      const from = tape.froms[child] as number;
      if (this.#touches(tape, child)) {
        flush();
        if (written) chunks.push(comma);
        if (isObject) chunks.push(tape.bytes.subarray(from, tape.starts[child] as number));
        this.#value(tape, child, chunks);
        written = true;
        continue;
      }
      if (runFrom < 0) runFrom = from;
      runTo = tape.ends[child] as number;
    }
    flush();
    const append = this.#append.get(node);
    if (append !== undefined) {
      if (written) chunks.push(comma);
      chunks.push(append);
    }
    chunks.push(tape.bytes.subarray(end - 1, end));
  }
}
