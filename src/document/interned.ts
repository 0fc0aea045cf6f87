import { kinds, type Node, type Tape } from './tape.ts';

/**
 * Short texts that come again and again (code systems, codes, references) as one string each: it is made once, hashed
 * once, and keeps nothing else of the document alive. A table of fixed size; a newer text takes an older one's place.
 */
const slotCount = 8_192;
const longest = 64;
const hashed = 16;
const texts = new Array<string>(slotCount).fill('');
const lengths = new Uint8Array(slotCount);
const copies = new Uint8Array(slotCount * longest);

/** As `tape.text`. */
export function internedText(tape: Tape, node: Node): string | undefined {
  if (node < 0) return undefined;
  // Plain strings only: what has escapes or non-ASCII is decoded in the ordinary way.
  if (((tape.tags[node] as number) & 15) !== kinds.string) return tape.text(node);
  const bytes = tape.bytes;
  const start = (tape.starts[node] as number) + 1;
  const end = (tape.ends[node] as number) - 1;
  const length = end - start;
  if (length > longest || length === 0) return tape.text(node);
  let hash = length;
  for (let i = Math.max(start, end - hashed); i < end; i++) hash = Math.imul(hash, 31) + (bytes[i] as number);
  const slot = (hash ^ (hash >>> 13)) & (slotCount - 1);
  const copy = slot * longest;
  if (lengths[slot] === length) {
    let i = 0;
    while (i < length && copies[copy + i] === bytes[start + i]) i++;
    if (i === length) return texts[slot];
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
  texts[slot] = text;
  lengths[slot] = length;
  for (let i = 0; i < length; i++) copies[copy + i] = bytes[start + i] as number;
  return text;
}
