import type { ResourceOnTape } from '../document/content.ts';
import { nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import { isPdf } from './attachments.ts';

/** A file inside a resource: FHIR R4 Attachment.data, or a link that holds what it leads to (RFC 2397). */
export interface InlineFile {
  readonly type: string;
  /** Bytes, about. */
  readonly size: number;
  bytes(): Buffer;
}

const dataName = nameNumber('data');
const urlName = nameNumber('url');
const contentTypeName = nameNumber('contentType');

/** The file that a string holds; undefined for any other string. */
export function fileAt(tape: Tape, node: Node, name: number): InlineFile | undefined {
  if (name === dataName) return dataAt(tape, node);
  return name === urlName ? linkedAt(tape.text(node) as string) : undefined;
}

function dataAt(tape: Tape, data: Node): InlineFile {
  return {
    type: tape.text(tape.member(tape.parent(data), contentTypeName)) ?? '',
    size: ((tape.ends[data] as number) - (tape.starts[data] as number)) * 0.75,
    bytes: () => Buffer.from(tape.text(data) as string, 'base64'),
  };
}

function linkedAt(url: string): InlineFile | undefined {
  const comma = /^data:/i.test(url) ? url.indexOf(',') : -1;
  if (comma < 0) return undefined;
  const head = url.slice('data:'.length, comma);
  return {
    type: head,
    size: url.length - comma,
    bytes() {
      const content = unescaped(url.slice(comma + 1));
      return /;\s*base64\s*$/i.test(head) ? Buffer.from(content.toString('latin1'), 'base64') : content;
    },
  };
}

/** What percent signs stand for; what stands for nothing stays. */
function unescaped(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return Buffer.from(
    bytes.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

/** The PDF files in a resource, by their bytes and whatever they say they are, up to a size. Pure. */
export function pdfsIn({ tape, node: root }: ResourceOnTape, maximumBytes: number): { node: Node; bytes: Buffer }[] {
  const found: { node: Node; bytes: Buffer }[] = [];
  const end = tape.skips[root] as number;
  for (let node = root + 1; node < end; node++) {
    if (tape.kind(node) !== kinds.string) continue;
    const file = fileAt(tape, node, nameOf(tape, node));
    if (file === undefined || file.size > maximumBytes) continue;
    const bytes = file.bytes();
    if (isPdf(bytes)) found.push({ node, bytes });
  }
  return found;
}

/** An item of a list has the name of the list. */
export function nameOf(tape: Tape, node: Node): number {
  const own = tape.name(node);
  return own !== 0 ? own : tape.name(tape.parent(node));
}
