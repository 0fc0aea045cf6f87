import { Output } from './output.ts';
import type { Node, Tape } from './tape.ts';

/** No JSON text is empty. */
const cutAway = '';

const isBefore = (a: number, b: number): number => a - b;
const none: readonly Node[] = [];

/**
 * What is changed of one resource before it leaves: members and array items cut, values replaced, members appended.
 * Everything else stays as the validated bytes it came as.
 */
export class Edits {
  /** Nodes that change, in document order; made when there is something: most resources change little. */
  #nodes: Node[] | undefined;
  /** At the same place: the JSON text that stands there instead, or `cutAway`. */
  #changes: string[] | undefined;
  #appended: Map<Node, string> | undefined;
  #sorted: readonly Node[] | undefined;

  /** Removes a member (with its name) or an array item. */
  cut(node: Node): void {
    this.#change(node, cutAway);
  }

  /** Replaces a value by JSON text the gateway made. What is cut stays cut. */
  put(node: Node, json: string): void {
    if (!this.isCut(node)) this.#change(node, json);
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
    const change = this.changeOf(node);
    return change !== undefined && change !== cutAway;
  }

  appendedTo(node: Node): string | undefined {
    return this.#appended?.get(node);
  }

  isCut(node: Node): boolean {
    return this.changeOf(node) === cutAway;
  }

  get cuts(): readonly Node[] {
    const nodes = this.#nodes?.filter((_node, place) => this.#changes?.[place] === cutAway) ?? none;
    return nodes.length === 0 ? none : nodes;
  }

  /** True when nothing of the resource was taken away (replaced values do not count). */
  get cutsNothing(): boolean {
    return this.#changes?.includes(cutAway) !== true;
  }

  copy(): Edits {
    const copy = new Edits();
    if (this.#nodes !== undefined) copy.#nodes = [...this.#nodes];
    if (this.#changes !== undefined) copy.#changes = [...this.#changes];
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
    if (this.#nodes === undefined && this.#appended === undefined && without < 0) {
      out.slice(tape.bytes, tape.starts[root] as number, tape.ends[root] as number);
      return;
    }
    this.#sorted ??= this.#inOrder();
    new Writing(out, tape, this, this.#sorted, without).write(root);
  }

  /** The JSON text that stands in a node's place, or `cutAway`; undefined where it stays. */
  changeOf(node: Node): string | undefined {
    if (this.#nodes === undefined || this.#changes === undefined) return undefined;
    const place = placeOf(this.#nodes, node);
    return this.#nodes[place] === node ? this.#changes[place] : undefined;
  }

  #change(node: Node, change: string): void {
    this.#sorted = undefined; // something may have been written before, when there was less to change
    if (this.#nodes === undefined || this.#changes === undefined) {
      this.#nodes = [node];
      this.#changes = [change];
      return;
    }
    const place = placeOf(this.#nodes, node);
    if (this.#nodes[place] === node) {
      this.#changes[place] = change;
      return;
    }
    if (place === this.#nodes.length) {
      this.#nodes.push(node);
      this.#changes.push(change);
    } else {
      this.#nodes.splice(place, 0, node);
      this.#changes.splice(place, 0, change);
    }
  }

  #inOrder(): readonly Node[] {
    const nodes = this.#nodes ?? none;
    return this.#appended === undefined ? nodes : [...nodes, ...this.#appended.keys()].sort(isBefore);
  }
}

/** Where a node stands in a sorted list, or would. */
function placeOf(nodes: readonly Node[], node: Node): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((nodes[middle] as number) < node) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One value being written, in document order. Neighbours that stay leave as one slice, with what stands between them. */
class Writing {
  readonly #out: Output;
  readonly #tape: Tape;
  readonly #edits: Edits;
  /** Nodes that change or get something appended. */
  readonly #sorted: readonly Node[];
  readonly #without: Node;
  /** In `sorted`, the first that was not passed yet. */
  #ahead = 0;
  /** The slice that is under way. */
  #from = 0;
  #to = 0;

  constructor(out: Output, tape: Tape, edits: Edits, sorted: readonly Node[], without: Node) {
    this.#out = out;
    this.#tape = tape;
    this.#edits = edits;
    this.#sorted = sorted;
    this.#without = without;
  }

  write(root: Node): void {
    const { starts, ends } = this.#tape;
    if (this.#touches(root)) this.#value(root);
    else this.#keep(starts[root] as number, ends[root] as number);
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

  #insert(json: string): void {
    this.#flush();
    this.#out.text(json);
  }

  #flush(): void {
    if (this.#from < this.#to) this.#out.slice(this.#tape.bytes, this.#from, this.#to);
    this.#from = this.#to;
  }

  /** Whether anything at or below a node changes; asked of ever later nodes. */
  #touches(node: Node): boolean {
    const end = this.#tape.skips[node] as number;
    const sorted = this.#sorted;
    while (this.#ahead < sorted.length && (sorted[this.#ahead] as number) < node) this.#ahead++;
    return (
      (this.#ahead < sorted.length && (sorted[this.#ahead] as number) < end) ||
      (this.#without >= node && this.#without < end)
    );
  }

  /** A value at or below which something changes. */
  #value(node: Node): void {
    const { starts, ends, froms, skips } = this.#tape;
    const change = this.#edits.changeOf(node);
    if (change !== undefined && change !== cutAway) {
      this.#insert(change);
      return;
    }
    const start = starts[node] as number;
    this.#keep(start, start + 1);
    let written = false;
    /** Behind the last member, and whether that was left out: then the separator before the first to stay goes too. */
    let behind = start + 1;
    let afterCut = false;
    const after = skips[node] as number;
    for (let child = node + 1; child < after; child = skips[child] as number) {
      const end = ends[child] as number;
      const from = written || !afterCut ? behind : (froms[child] as number);
      behind = end;
      if (!this.#touches(child)) this.#keep(from, end);
      else if (child === this.#without || this.#edits.isCut(child)) {
        afterCut = true;
        continue;
      } else {
        this.#keep(from, starts[child] as number); // with its name
        this.#value(child);
      }
      written = true;
      afterCut = false;
    }
    const appended = this.#edits.appendedTo(node);
    if (appended !== undefined) this.#insert(written ? `,${appended}` : appended);
    const end = ends[node] as number;
    this.#keep(end - 1, end);
  }
}
