import { isUtf8 } from 'node:buffer'; // a pure function: no I/O
import type { Memory } from './memory.ts';
import {
  fillNames,
  knownNameCount,
  knownNames,
  nameBytes,
  nameNumberAt,
  nameNumberOfVersion,
  nameStarts,
} from './names.ts';

/** Why bytes are not a document. The text is constant: it holds nothing of the bytes. */
export class MalformedDocument extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'MalformedDocument';
  }
}

export interface DocumentLimits {
  readonly maximumDepth: number;
  readonly maximumMembers: number;
  readonly maximumNodes: number;
  readonly maximumStringBytes: number;
}

export const kinds = { object: 0, array: 1, string: 2, number: 3, true: 4, false: 5, null: 6 } as const;

/** A node's index on the tape. */
export type Node = number;

/** Tags, froms, starts, ends, skips, parents. */
type Columns = readonly [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

/**
 * One JSON document: its validated bytes and, in document order, one row a value. Numbers are never read, so never
 * changed. Rows are parallel integer arrays; a faster scanner may fill them in another way.
 */
export class Tape {
  readonly bytes: Uint8Array;
  /** Kind in the low three bits, bit 3: string with escapes or non-ASCII; member name's number above. */
  readonly tags: Int32Array;
  /** First byte of the member's name (quote), or of the value when it has none. */
  readonly froms: Int32Array;
  readonly starts: Int32Array;
  /** One past the last byte of the value. */
  readonly ends: Int32Array;
  /** Row after the value's whole subtree. */
  readonly skips: Int32Array;
  readonly parents: Int32Array;
  readonly length: number;
  readonly #localNames: readonly string[];
  /** The same memory as `bytes`. */
  readonly #buffer: Buffer;

  constructor(bytes: Uint8Array, columns: Columns, length: number, localNames: readonly string[]) {
    this.bytes = bytes;
    [this.tags, this.froms, this.starts, this.ends, this.skips, this.parents] = columns;
    this.length = length;
    this.#localNames = localNames;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  kind(node: Node): number {
    return (this.tags[node] as number) & 7;
  }

  /** Number of the member's name; 0 for the root and for array members. */
  name(node: Node): number {
    return (this.tags[node] as number) >> 4;
  }

  nameText(node: Node): string {
    const number = this.name(node);
    return number < knownNameCount
      ? (knownNames[number] as string)
      : (this.#localNames[number - knownNameCount] as string);
  }

  /** Whether a member anywhere has a name that the version of the data does not have. */
  get hasUnknownNames(): boolean {
    return this.#localNames.length > 0;
  }

  /** First child, or -1. */
  firstChild(node: Node): Node {
    return node + 1 < (this.skips[node] as number) ? node + 1 : -1;
  }

  /** Next sibling, or -1. */
  next(node: Node): Node {
    const after = this.skips[node] as number;
    const parent = this.parents[node] as number;
    return parent >= 0 && after < (this.skips[parent] as number) ? after : -1;
  }

  parent(node: Node): Node {
    return this.parents[node] as number;
  }

  /** The member of an object with this name number, or -1. */
  member(node: Node, name: number): Node {
    if (this.kind(node) !== kinds.object) return -1;
    const end = this.skips[node] as number;
    for (let child = node + 1; child < end; child = this.skips[child] as number) {
      if ((this.tags[child] as number) >> 4 === name) return child;
    }
    return -1;
  }

  /** Decoded text of a string node; undefined for other kinds and for -1. */
  text(node: Node): string | undefined {
    if (node < 0) return undefined;
    const tag = this.tags[node] as number;
    if ((tag & 7) !== kinds.string) return undefined;
    const start = this.starts[node] as number;
    const end = this.ends[node] as number;
    if ((tag & 8) === 0) return this.#buffer.toString('latin1', start + 1, end - 1);
    return JSON.parse(this.raw(node)) as string;
  }

  /** The value's own JSON text. */
  raw(node: Node): string {
    return this.#buffer.toString('utf8', this.starts[node] as number, this.ends[node] as number);
  }

  #sought: readonly [Occurrences, Occurrences, Occurrences] | undefined;

  /** Whether an ASCII text may occur in any string below a node; escapes count as "may". Remembers the last text. */
  mentions(text: string, node: Node): boolean {
    if (this.#sought?.[0].text !== text)
      this.#sought = [new Occurrences(text), new Occurrences('\\/'), new Occurrences('\\u00')];
    const start = this.starts[node] as number;
    const end = this.ends[node] as number;
    return this.#sought.some((one) => one.at(this.#buffer, start) < end);
  }
}

/** Finds one text again and again, ever further on in a document, and reads the document once for it. */
class Occurrences {
  readonly text: string;
  #from = 0;
  #found = -1;

  constructor(text: string) {
    this.text = text;
  }

  /** The first occurrence at or after `from`. */
  at(document: Buffer, from: number): number {
    if (this.#from > from || this.#found < from) {
      const found = document.indexOf(this.text, from, 'latin1');
      this.#found = found < 0 ? document.length : found;
      this.#from = from;
    }
    return this.#found;
  }
}

const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype']);
const maximumDepth = 64;
/** Last object that used a name at a depth; scratch of the one running scan. */
const lastUse = new Int32Array((maximumDepth + 1) * knownNameCount);
let objectSerial = 0;
/** By depth, of the one running scan: the open containers, the serial of an object (0: an array), its members so far. */
const open = new Int32Array(maximumDepth + 1);
const serials = new Int32Array(maximumDepth + 1);
const members = new Int32Array(maximumDepth + 1);

const quote = 0x22;
const backslash = 0x5c;
/** 1 for the bytes that stand for themselves in a string. */
const plain = new Uint8Array(256);
for (let byte = 0x20; byte <= 0x7f; byte++) plain[byte] = byte === quote || byte === backslash ? 0 : 1;

/**
 * Reads bytes strictly: UTF-8, RFC 8259 grammar, one value, no duplicate or poisonous names, no lone surrogates, no
 * NUL, bounded depth and size. A leading byte order mark is tolerated once.
 * @param memory where the tape lives; unset: where it likes
 * @throws {MalformedDocument}
 */
export function scan(input: Uint8Array, limits: DocumentLimits, memory?: Memory): Tape {
  if (!isUtf8(input)) throw new MalformedDocument('not UTF-8');
  const bytes = input[0] === 0xef && input[1] === 0xbb && input[2] === 0xbf ? input.subarray(3) : input;
  return scanValue(bytes, limits, memory);
}

/** The whole value in one loop over bytes, without recursion: the hot path, so its state lives in local variables. */
function scanValue(bytes: Uint8Array, limits: DocumentLimits, memory: Memory | undefined): Tape {
  const length = bytes.length;
  const depthLimit = Math.min(limits.maximumDepth, maximumDepth);
  const strings = new Strings(bytes, limits.maximumStringBytes);
  fillNames();
  const names = new LocalNames(bytes);
  let [tags, froms, starts, ends, skips, parents] = scratch;
  let capacity = tags.length;
  let count = 0;
  let depth = 0;
  let at = afterBlank(bytes, 0);
  let from = at;
  let name = 0;
  for (;;) {
    // One value starts here.
    if (at >= length) throw new MalformedDocument('cut short');
    if (count >= capacity) {
      if (count > limits.maximumNodes) throw new MalformedDocument('too many values');
      scratch = widened(scratch);
      [tags, froms, starts, ends, skips, parents] = scratch;
      capacity = tags.length;
    }
    const byte = bytes[at] as number;
    const node = count++;
    froms[node] = from;
    starts[node] = at;
    parents[node] = depth === 0 ? -1 : (open[depth - 1] as number);
    if (byte === quote) {
      // Most strings are plain; what is not is left to `Strings`.
      let end = at + 1;
      while (end < length && plain[bytes[end] as number] === 1) end++;
      if (end < length && bytes[end] === quote && end - at <= limits.maximumStringBytes) {
        at = end + 1;
        tags[node] = (name << 4) | kinds.string;
      } else {
        at = strings.end(at);
        tags[node] = (name << 4) | (strings.needsDecoding ? kinds.string | 8 : kinds.string);
      }
      ends[node] = at;
      skips[node] = count;
    } else if (byte === 0x7b || byte === 0x5b) {
      const isObject = byte === 0x7b;
      if (depth >= depthLimit) throw new MalformedDocument('nested too deeply');
      tags[node] = (name << 4) | (isObject ? kinds.object : kinds.array);
      at = afterBlank(bytes, at + 1);
      if (at < length && bytes[at] === (isObject ? 0x7d : 0x5d)) {
        at++;
        ends[node] = at;
        skips[node] = count;
      } else {
        open[depth] = node;
        members[depth] = 0;
        serials[depth] = isObject ? nextSerial() : 0;
        depth++;
        from = at;
        name = 0;
        if (isObject) {
          name = names.read(at, depth, serials[depth - 1] as number, strings);
          at = afterColon(bytes, names.end);
        }
        continue;
      }
    } else {
      const kind = byte === 0x74 ? kinds.true : byte === 0x66 ? kinds.false : byte === 0x6e ? kinds.null : kinds.number;
      at =
        kind === kinds.number
          ? numberEnd(bytes, at)
          : wordEnd(bytes, at, kind === kinds.true ? 'true' : kind === kinds.false ? 'false' : 'null');
      tags[node] = (name << 4) | kind;
      ends[node] = at;
      skips[node] = count;
    }
    // A value has ended: close what ends with it, or step to the next member.
    for (;;) {
      at = afterBlank(bytes, at);
      if (depth === 0) {
        if (at !== length) throw new MalformedDocument('data after the document');
        if (count > limits.maximumNodes) throw new MalformedDocument('too many values');
        return new Tape(bytes, taken(count, memory), count, names.texts);
      }
      if (at >= length) throw new MalformedDocument('cut short');
      const after = bytes[at] as number;
      const serial = serials[depth - 1] as number;
      if (after === 0x2c) {
        at = afterBlank(bytes, at + 1);
        from = at;
        if (serial === 0) {
          name = 0;
        } else {
          const so = (members[depth - 1] as number) + 1;
          members[depth - 1] = so;
          if (so >= limits.maximumMembers) throw new MalformedDocument('too many members');
          name = names.read(at, depth, serial, strings);
          at = afterColon(bytes, names.end);
        }
        break;
      }
      if (after !== (serial !== 0 ? 0x7d : 0x5d)) throw new MalformedDocument('unexpected character');
      at++;
      depth--;
      const closed = open[depth] as number;
      ends[closed] = at;
      skips[closed] = count;
    }
  }
}

/** Rows of the one running scan; the next one starts over in the same memory. */
let scratch = columnsOf(16_384);
const keptRows = 1_048_576;

function columnsOf(rows: number): Columns {
  const column = (): Int32Array => new Int32Array(rows);
  return [column(), column(), column(), column(), column(), column()];
}

function widened(columns: Columns): Columns {
  const wider = columnsOf(columns[0].length * 2);
  wider.forEach((column, index) => {
    column.set(columns[index] as Int32Array);
  });
  return wider;
}

/** The rows that were filled, as columns of their own in one piece of memory. */
function taken(rows: number, place: Memory | undefined): Columns {
  const columns = scratch;
  if (columns[0].length > keptRows) scratch = columnsOf(keptRows);
  const size = rows * columns.length;
  const memory = place === undefined ? new Int32Array(size) : place.integers(size);
  const column = (index: 0 | 1 | 2 | 3 | 4 | 5): Int32Array => {
    memory.set(columns[index].subarray(0, rows), index * rows);
    return memory.subarray(index * rows, (index + 1) * rows);
  };
  return [column(0), column(1), column(2), column(3), column(4), column(5)];
}

/** A number that no earlier object has: tells the members of one object from those of another at the same depth. */
function nextSerial(): number {
  objectSerial = (objectSerial + 1) | 0;
  if (objectSerial === 0) {
    lastUse.fill(0);
    objectSerial = 1;
  }
  return objectSerial;
}

function afterBlank(bytes: Uint8Array, at: number): number {
  while (at < bytes.length) {
    const byte = bytes[at] as number;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
    at++;
  }
  return at;
}

function afterColon(bytes: Uint8Array, from: number): number {
  const at = afterBlank(bytes, from);
  if (bytes[at] !== 0x3a) throw new MalformedDocument('member without a value');
  return afterBlank(bytes, at + 1);
}

function wordEnd(bytes: Uint8Array, at: number, word: string): number {
  for (let i = 0; i < word.length; i++) {
    if (bytes[at + i] !== word.charCodeAt(i)) throw new MalformedDocument('unexpected character');
  }
  return at + word.length;
}

function numberEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 0x2d) at++;
  if (bytes[at] === 0x30) at++;
  else at = digitsEnd(bytes, at);
  if (bytes[at] === 0x2e) at = digitsEnd(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    at = digitsEnd(bytes, at);
  }
  return at;
}

function digitsEnd(bytes: Uint8Array, at: number): number {
  const first = at;
  while (at < bytes.length && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at++;
  if (at === first) throw new MalformedDocument('unexpected character');
  return at;
}

/** Checks strings. */
class Strings {
  readonly #bytes: Uint8Array;
  readonly #limit: number;
  /** Whether the last string has escapes or non-ASCII. */
  needsDecoding = false;

  constructor(bytes: Uint8Array, limit: number) {
    this.#bytes = bytes;
    this.#limit = limit;
  }

  /** @param at the opening quote @returns one past the closing quote */
  end(at: number): number {
    const bytes = this.#bytes;
    const length = bytes.length;
    let decode = false;
    let i = at + 1;
    for (;;) {
      while (i < length && plain[bytes[i] as number] === 1) i++;
      if (i >= length) throw new MalformedDocument('cut short');
      const byte = bytes[i] as number;
      if (byte === quote) break;
      if (byte < 0x20) throw new MalformedDocument('control character in a string');
      decode = true;
      i = byte === backslash ? escapeEnd(bytes, i) : i + 1;
    }
    if (i - at > this.#limit) throw new MalformedDocument('string too long');
    this.needsDecoding = decode;
    return i + 1;
  }
}

function escapeEnd(bytes: Uint8Array, at: number): number {
  const next = bytes[at + 1];
  // " \ / b f n r t
  if (
    next === 0x22 ||
    next === 0x5c ||
    next === 0x2f ||
    next === 0x62 ||
    next === 0x66 ||
    next === 0x6e ||
    next === 0x72 ||
    next === 0x74
  ) {
    return at + 2;
  }
  if (next !== 0x75) throw new MalformedDocument('bad escape');
  const unit = hexAt(bytes, at + 2);
  if (unit === 0) throw new MalformedDocument('NUL in a string');
  if (unit >= 0xdc00 && unit <= 0xdfff) throw new MalformedDocument('lone surrogate');
  if (unit < 0xd800 || unit > 0xdbff) return at + 6;
  if (bytes[at + 6] !== backslash || bytes[at + 7] !== 0x75) throw new MalformedDocument('lone surrogate');
  const low = hexAt(bytes, at + 8);
  if (low < 0xdc00 || low > 0xdfff) throw new MalformedDocument('lone surrogate');
  return at + 12;
}

function hexAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const digit =
      byte >= 0x30 && byte <= 0x39
        ? byte - 0x30
        : byte >= 0x41 && byte <= 0x46
          ? byte - 0x37
          : byte >= 0x61 && byte <= 0x66
            ? byte - 0x57
            : -1;
    if (digit < 0) throw new MalformedDocument('bad escape');
    value = value * 16 + digit;
  }
  return value;
}

/** By the name read before and the depth: the name that came next the last time. FHIR's order is much the same everywhere. */
const followers = new Uint16Array(knownNameCount * 8);

/** Reads member names: known ones become their number, others a number of this document; a second one of a name is refused. */
class LocalNames {
  readonly #bytes: Uint8Array;
  /** Made with the first name that FHIR does not know. */
  #numbers: Map<string, number> | undefined;
  #uses: Set<string> | undefined;
  #last = 0;
  /** Names that FHIR does not know, in order of their numbers. */
  readonly texts: string[] = [];
  /** One past the closing quote of the last name. */
  end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(at: number, depth: number, serial: number, strings: Strings): number {
    const bytes = this.#bytes;
    if (bytes[at] !== quote) throw new MalformedDocument('member without a name');
    const place = (this.#last << 3) | (depth & 7);
    let number = this.#isNamed(at + 1, followers[place] as number) ? (followers[place] as number) : 0;
    if (number === 0) {
      number = this.#lookUp(at, strings);
      if (number < knownNameCount) followers[place] = number;
    }
    this.#last = number < knownNameCount ? number : 0;
    if (number < knownNameCount) {
      const slot = depth * knownNameCount + number;
      if (lastUse[slot] === serial) throw new MalformedDocument('duplicate member');
      lastUse[slot] = serial;
    } else {
      const use = `${serial}:${number}`;
      this.#uses ??= new Set();
      if (this.#uses.has(use)) throw new MalformedDocument('duplicate member');
      this.#uses.add(use);
    }
    return number;
  }

  /** Whether the name that begins here is the known one with this number; if so, `end` is behind it. */
  #isNamed(start: number, number: number): boolean {
    if (number === 0) return false;
    const bytes = this.#bytes;
    const from = nameStarts[number] as number;
    const length = (nameStarts[number + 1] as number) - from;
    if (start + length >= bytes.length || bytes[start + length] !== quote) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== nameBytes[from + i]) return false;
    this.end = start + length + 1;
    return true;
  }

  #lookUp(at: number, strings: Strings): number {
    const bytes = this.#bytes;
    let hash = 0;
    let i = at + 1;
    let byte = bytes[i] as number;
    while (i < bytes.length && byte !== quote && byte !== backslash && byte >= 0x20 && byte <= 0x7f) {
      hash = (Math.imul(hash, 31) + byte) | 0;
      byte = bytes[++i] as number;
    }
    const isPlain = i < bytes.length && byte === quote;
    this.end = isPlain ? i + 1 : strings.end(at);
    const number = isPlain ? nameNumberAt(bytes, at + 1, i, hash) : 0;
    return number === 0 ? this.#unknown(at, this.end) : number;
  }

  /** A name with escapes, or one that the version of the data does not know. */
  #unknown(start: number, end: number): number {
    const text = JSON.parse(
      Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString('utf8'),
    ) as string;
    if (forbiddenNames.has(text)) throw new MalformedDocument('poisonous member name');
    const known = nameNumberOfVersion(text);
    if (known !== 0) return known;
    this.#numbers ??= new Map();
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = knownNameCount + this.texts.length;
      this.texts.push(text);
      this.#numbers.set(text, number);
    }
    return number;
  }
}
