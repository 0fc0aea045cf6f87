import { Output } from './output.ts';
import { kinds, type Node, type Tape } from './tape.ts';

const isBefore = (a: number, b: number): number => a - b;
const none: readonly Node[] = [];

/**
 * What is changed of one resource before it leaves: members and array items cut, values replaced, members appended.
 * Everything else stays as the validated bytes it came as.
 */
export class Edits {
  /** Nodes that are cut, or the JSON text that replaces them. Made when there is something: most resources change little. */
  #changed: Map<Node, Uint8Array | 'cut'> | undefined;
  #appended: Map<Node, string> | undefined;
  #sorted: readonly Node[] | undefined;

  /** Removes a member (with its name) or an array item. */
  cut(node: Node): void {
    this.#changed ??= new Map();
    this.#changed.set(node, 'cut');
    this.#sorted = undefined;
  }

  /** Replaces a value by JSON text the gateway made. What is cut stays cut. */
  put(node: Node, json: Uint8Array): void {
    if (this.isCut(node)) return;
    this.#changed ??= new Map();
    this.#changed.set(node, json);
    this.#sorted = undefined;
  }

  /**
   * Appends members (JSON text `"name":value` without the leading comma) to an object, or items to an array, in place of what
   * was to be appended there before.
   */
  append(node: Node, members: string): void {
    this.#appended ??= new Map();
    this.#appended.set(node, members);
    this.#sorted = undefined;
  }

  isReplaced(node: Node): boolean {
    const change = this.#changed?.get(node);
    return change !== undefined && change !== 'cut';
  }

  appendedTo(node: Node): string | undefined {
    return this.#appended?.get(node);
  }

  isCut(node: Node): boolean {
    return this.#changed?.get(node) === 'cut';
  }

  get cuts(): readonly Node[] {
    if (this.#changed === undefined) return none;
    const cuts: Node[] = [];
    for (const [node, change] of this.#changed) if (change === 'cut') cuts.push(node);
    return cuts;
  }

  /** True when nothing of the resource was taken away (replaced values do not count). */
  get cutsNothing(): boolean {
    return this.cuts.length === 0;
  }

  copy(): Edits {
    const copy = new Edits();
    if (this.#changed !== undefined) copy.#changed = new Map(this.#changed);
    if (this.#appended !== undefined) copy.#appended = new Map(this.#appended);
    return copy;
  }

  /** The bytes of the value at `root` with these edits carried out. */
  write(tape: Tape, root: Node): Uint8Array[] {
    const out = new Output((tape.ends[root] as number) - (tape.starts[root] as number));
    this.writeTo(out, tape, root);
    return [out.bytes];
  }

  /**
   * As `write`, behind what is there already.
   * @param without one member more that is left out, if not -1
   */
  writeTo(out: Output, tape: Tape, root: Node, without: Node = -1): void {
    if (this.#changed === undefined && this.#appended === undefined && without < 0) {
      out.slice(tape.bytes, tape.starts[root] as number, tape.ends[root] as number);
      return;
    }
    this.#sorted ??= this.#inOrder();
    new Writing(out, tape, this.#changed, this.#appended, this.#sorted, without).write(root);
  }

  #inOrder(): readonly Node[] {
    if (this.#changed === undefined && this.#appended === undefined) return none;
    return [...(this.#changed?.keys() ?? none), ...(this.#appended?.keys() ?? none)].sort(isBefore);
  }
}

const comma = Uint8Array.of(0x2c);

/** One value being written. Neighbours that stay leave as one slice, with what stands between them. */
class Writing {
  readonly #out: Output;
  readonly #tape: Tape;
  readonly #changed: ReadonlyMap<Node, Uint8Array | 'cut'> | undefined;
  readonly #appended: ReadonlyMap<Node, string> | undefined;
  readonly #sorted: readonly Node[];
  readonly #without: Node;
  /** The slice that is under way. */
  #from = 0;
  #to = 0;

  constructor(
    out: Output,
    tape: Tape,
    changed: ReadonlyMap<Node, Uint8Array | 'cut'> | undefined,
    appended: ReadonlyMap<Node, string> | undefined,
    sorted: readonly Node[],
    without: Node,
  ) {
    this.#out = out;
    this.#tape = tape;
    this.#changed = changed;
    this.#appended = appended;
    this.#sorted = sorted;
    this.#without = without;
  }

  write(root: Node): void {
    this.#value(root);
    this.#flush();
  }

  #keep(from: number, to: number): void {
    if (from === this.#to) {
      this.#to = to;
      return;
    }
    this.#flush();
    this.#from = from;
    this.#to = to;
  }

  #insert(json: Uint8Array): void {
    this.#flush();
    this.#out.slice(json, 0, json.length);
  }

  #flush(): void {
    if (this.#from < this.#to) this.#out.slice(this.#tape.bytes, this.#from, this.#to);
    this.#from = this.#to;
  }

  /** Whether anything at or below a node changes. */
  #touches(node: Node): boolean {
    const end = this.#tape.skips[node] as number;
    if (this.#without >= node && this.#without < end) return true;
    const sorted = this.#sorted;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as number) < node) low = middle + 1;
      else high = middle;
    }
    const first = sorted[low];
    return first !== undefined && first < end;
  }

  #value(node: Node): void {
    const tape = this.#tape;
    const start = tape.starts[node] as number;
    const end = tape.ends[node] as number;
    if (!this.#touches(node)) {
      this.#keep(start, end);
      return;
    }
    const change = this.#changed?.get(node);
    if (change !== undefined && change !== 'cut') {
      this.#insert(change);
      return;
    }
    const isObject = tape.kind(node) === kinds.object;
    this.#keep(start, start + 1);
    let written = false;
    /** Behind the last member, and whether that was left out: then the separator before the first to stay goes too. */
    let behind = start + 1;
    let afterCut = false;
    for (let child = tape.firstChild(node); child >= 0; child = tape.next(child)) {
      const isCut = child === this.#without || this.#changed?.get(child) === 'cut';
      if (!isCut) {
        const from = tape.froms[child] as number;
        if (written || !afterCut) this.#keep(behind, from);
        if (isObject) this.#keep(from, tape.starts[child] as number);
        this.#value(child);
        written = true;
      }
      behind = tape.ends[child] as number;
      afterCut = isCut;
    }
    const appended = this.#appended?.get(node);
    if (appended !== undefined) {
      if (written) this.#insert(comma);
      this.#insert(Buffer.from(appended));
    }
    this.#keep(end - 1, end);
  }
}
