import type { Coding } from '../fhir/coding.ts';

/** What can be read of a file: prose, and codes. */
export interface Contents {
  readonly text: string;
  readonly codings: readonly Coding[];
  /** Files that are not read: itself, or files in it. */
  readonly unread: number;
}

const none: readonly Coding[] = [];

/** Where the mark of a PDF file may stand (ISO 32000-1 implementation note 13). */
const headBytes = 1_024;

/** Whether these are bytes of a PDF file, whatever it is called. */
export function isPdf(bytes: Buffer): boolean {
  return bytes.subarray(0, headBytes).includes('%PDF-');
}

/**
 * Reads a file of a known type: plain text, HTML, RTF, C-CDA and other XML, FHIR JSON. Undefined for what is not read here
 * (PDF, images, word processors'), which says nothing of what is in it.
 */
export function readAttachment(contentType: string, bytes: Buffer, depth = 0): Contents | undefined {
  if (isPdf(bytes)) return undefined;
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/html' || type === 'application/xhtml+xml') return prose(markupText(decoded(bytes)));
  if (type === 'text/rtf' || type === 'application/rtf') return prose(rtfText(decoded(bytes)));
  if (/^(?:text|application)\/(?:.*\+)?xml$/.test(type)) return readXml(decoded(bytes));
  if (/^application\/(?:fhir\+)?json$/.test(type)) return readJson(decoded(bytes), depth);
  if (type.startsWith('text/') || type === '') return prose(decoded(bytes));
  return undefined;
}

function prose(text: string): Contents {
  return { text, codings: none, unread: 0 };
}

/** UTF-8, or UTF-16 with a mark; what is neither is read as Latin-1 by its letters, without what UTF-16 has between them. */
function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le', 2);
  if (bytes[0] === 0xfe && bytes[1] === 0xff)
    return Buffer.from(bytes.subarray(0, bytes.length & ~1))
      .swap16()
      .toString('utf16le', 2);
  const text = bytes.toString('utf8');
  const letters = text.includes('\ufffd') ? bytes.toString('latin1') : text;
  return letters.replaceAll('\0', '');
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** Tags that stand inside a word as often as around one. */
const insideWords = new Set(['b', 'i', 'u', 'em', 'strong', 'span', 'sub', 'sup', 'font', 'a']);

/**
 * What somebody may read in markup: its prose, and then all that is stored. A reader that is no browser shows comments, titles,
 * and what a browser takes for a tag without its being meant for one, as in `age <b and ... c>`.
 */
export function markupText(markup: string): string {
  if (!markup.includes('<')) return withoutTags(markup);
  return `${withoutTags(markup)}\n${referencesResolved(markup.replaceAll(/;base64,[A-Za-z0-9+/=\s]*/gi, ' '))}`;
}

/** Prose of HTML or XML: tags stand for spaces, character references for what they mean. What is not closed is prose. */
export function withoutTags(markup: string): string {
  const parts: string[] = [];
  for (const piece of piecesOf(markup)) {
    if (!piece.isTag) parts.push(piece.text);
    else if (!insideWords.has(piece.name)) parts.push(' ');
  }
  return referencesResolved(parts.join(''));
}

function referencesResolved(text: string): string {
  return text.replaceAll(/&(#x?[0-9a-f]{1,8}|\w{1,8});/gi, (whole, name: string) => reference(name) ?? whole);
}

interface Piece {
  readonly isTag: boolean;
  readonly text: string;
  readonly name: string;
}

/** Markup in one pass: prose and tags; comments, scripts and styles are tags too. */
function* piecesOf(markup: string): Generator<Piece> {
  const lower = markup.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()); // as long as it was
  for (let from = 0; from < markup.length; ) {
    const open = indexOfTag(markup, from);
    const close = open < 0 ? -1 : endOfTag(lower, open);
    if (close < 0) {
      yield { isTag: false, text: markup.slice(from), name: '' };
      return;
    }
    if (open > from) yield { isTag: false, text: markup.slice(from, open), name: '' };
    const text = markup.slice(open, close);
    yield { isTag: true, text, name: /^<\/?([\w:]{1,40})/.exec(text)?.[1]?.toLowerCase() ?? '' };
    from = close;
  }
}

/** Where the next tag begins: what no name follows, as in `< 60`, begins none (HTML, tag open state). */
function indexOfTag(markup: string, from: number): number {
  tagStart.lastIndex = from;
  return tagStart.exec(markup)?.index ?? -1;
}

const tagStart = /<[a-z_:/!?\u0080-\uffff]/gi;

/** Behind the tag that begins here; -1 where it has no end. */
function endOfTag(lower: string, open: number): number {
  const behind = (end: string): number => {
    const at = lower.indexOf(end, open + 1);
    return at < 0 ? -1 : at + end.length;
  };
  if (lower.startsWith('<!--', open)) return behind('-->');
  for (const hidden of ['script', 'style'])
    if (lower.startsWith(`<${hidden}`, open) && /[\s/>]/.test(lower.charAt(open + hidden.length + 1)))
      return behind(`</${hidden}>`);
  return behind('>');
}

function reference(name: string): string | undefined {
  if (!name.startsWith('#')) return entities[name.toLowerCase()];
  const number = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return number > 0 && number <= 0x10ffff ? String.fromCodePoint(number) : ' ';
}

/** C-CDA: `code` with `codeSystem` (an OID), in `code`, `value`, `translation` and the like (HL7 CDA R2, CD). */
function readXml(text: string): Contents {
  const codings: Coding[] = [];
  let unread = 0;
  for (const { isTag, text: tag } of piecesOf(text)) {
    if (!isTag || !tag.includes('=')) continue;
    const { codesystem: system, code, representation } = attributesOf(tag);
    if (representation === 'B64') unread++; // a file in it (HL7 v3 ED.representation)
    if (system !== undefined && code !== undefined)
      codings.push({ system: /^[0-2](?:\.\d+)+$/.test(system) ? `urn:oid:${system}` : system, code });
  }
  return { text: markupText(text), codings, unread };
}

/** Attributes by their lower-case names; quotes part them, so a tag is looked through once. */
function attributesOf(tag: string): Readonly<Partial<Record<string, string>>> {
  const attributes: Record<string, string> = Object.create(null);
  const parts = tag.split(/(["'])/);
  for (let at = 0; at + 2 < parts.length; ) {
    const name = /([\w:]{1,40})\s{0,9}=\s{0,9}$/.exec((parts[at] as string).slice(-80))?.[1];
    const quote = parts[at + 1];
    let end = at + 2;
    while (end + 1 < parts.length && parts[end + 1] !== quote) end += 2;
    if (name !== undefined) attributes[name.toLowerCase()] = parts.slice(at + 2, end + 1).join('');
    at = end + 2;
  }
  return attributes;
}

/** Files in files in files, and no further. */
const maximumDepth = 3;

/** FHIR and other JSON: every `system` with `code`, every string, and the files in it. */
function readJson(text: string, depth: number): Contents {
  const codings: Coding[] = [];
  const strings: string[] = [];
  let unread = 0;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return prose(text);
  }
  const stack: unknown[] = [json];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value === 'string') strings.push(value, ...(value.includes('<') ? [withoutTags(value)] : []));
    if (typeof value !== 'object' || value === null) continue;
    const { system, code, contentType, data } = value as Readonly<Record<string, unknown>>;
    if (typeof system === 'string' && typeof code === 'string') codings.push({ system, code });
    if (typeof contentType === 'string' && typeof data === 'string') {
      const isTooDeep = depth >= maximumDepth;
      const file = isTooDeep ? undefined : readAttachment(contentType, Buffer.from(data, 'base64'), depth + 1);
      unread += file?.unread ?? 1;
      if (file !== undefined) strings.push(file.text);
      for (const coding of file?.codings ?? none) codings.push(coding);
    }
    for (const one of Object.values(value)) stack.push(one); // more than one call takes as arguments
  }
  return { text: strings.join('\n'), codings, unread };
}

/** Groups of Rich Text Format that are no text of the document. */
const notText = new Set([
  'fonttbl',
  'colortbl',
  'stylesheet',
  'info',
  'pict',
  'generator',
  'listtable',
  'themedata',
  '*',
]);
const breaks = new Set(['par', 'line', 'tab', 'cell', 'row', 'sect', 'page']);
const control = /\\(?:([a-z]{1,32})(-?\d{1,10})? ?|'([0-9a-f]{2})|([^a-z]))/iy;

/** The words of Rich Text Format, in one pass: control words go, hexadecimal and Unicode characters are resolved. */
function rtfText(rtf: string): string {
  const parts: string[] = [];
  const hidden: boolean[] = [false];
  for (let at = 0; at < rtf.length; ) {
    const character = rtf.charAt(at);
    const isHidden = hidden.at(-1) === true;
    if (character === '{') hidden.push(isHidden);
    else if (character === '}') {
      if (hidden.length > 1) hidden.pop();
    } else if (character === '\\') {
      control.lastIndex = at;
      const [whole = '\\', word, number, hex, symbol] = control.exec(rtf) ?? [];
      at += whole.length;
      if (notText.has(word ?? symbol ?? '')) hidden[hidden.length - 1] = true;
      else if (!isHidden) parts.push(meaningOf(word, number, hex, symbol));
      if (word === 'u' && rtf.charAt(at) === '?') at++; // what old readers show in its place
      continue;
    } else if (!isHidden && character !== '\r' && character !== '\n') parts.push(character);
    at++;
  }
  return parts.join('');
}

function meaningOf(
  word: string | undefined,
  number: string | undefined,
  hex: string | undefined,
  symbol: string | undefined,
): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  if (word === 'u' && number !== undefined) return String.fromCharCode((Number(number) + 65_536) % 65_536);
  if (word !== undefined) return breaks.has(word) ? ' ' : '';
  return symbol === '~' ? ' ' : symbol === '-' ? '' : (symbol ?? '');
}
