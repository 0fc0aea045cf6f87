/**
 * A thread that reads the words of PDF files (ISO 32000), one after the other. What it reads may be hostile: the thread has
 * a heap of its own, what it takes beside that heap is counted here, and whoever started it ends it when its time is up.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Annotation, Page, Pdf } from 'unpdf';
import type { FileWords } from '../document/content.ts';
import type { PdfLimits } from './pdf-reader.ts';

const limits = workerData as PdfLimits;
let taken = 0;

/** A small file may hold a stream that has no end: what is taken for what it decodes to is counted. */
function counted(arrays: Uint8ArrayConstructor): Uint8ArrayConstructor {
  return new Proxy(arrays, {
    construct(made, given: [unknown]) {
      const [size] = given;
      if (typeof size === 'number') taken += size * made.BYTES_PER_ELEMENT;
      if (taken > limits.maximumDecodedBytes) throw new RangeError('the file decodes to more than is read');
      return Reflect.construct(made, given);
    },
  });
}

const arrays = ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array'] as const;
for (const name of arrays)
  Object.assign(globalThis, { [name]: counted(globalThis[name] as unknown as Uint8ArrayConstructor) });
// The library's own decoders take the place of the platform's, whose memory nobody could count.
Object.assign(globalThis, { DecompressionStream: undefined });
const { getDocumentProxy } = await import('unpdf');

parentPort?.on('message', async (bytes: Uint8Array) => {
  taken = 0;
  const words = new Gathered();
  await read(bytes, words).catch(() => words.lack()); // locked, broken, or too much
  if (taken > limits.maximumDecodedBytes) words.lack();
  parentPort?.postMessage(words.done());
});
parentPort?.postMessage('ready');

async function read(bytes: Uint8Array, words: Gathered): Promise<void> {
  const pdf = await getDocumentProxy(bytes, {
    verbosity: 0,
    isEvalSupported: false,
    useSystemFonts: false,
    disableFontFace: true,
    useWasm: false,
    stopAtErrors: true,
    maxImageSize: 0,
  });
  try {
    await readAll(pdf, words);
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function readAll(pdf: Pdf, words: Gathered): Promise<void> {
  const { info, metadata } = await pdf.getMetadata();
  words.addAll([
    info,
    metadata?.getRaw(),
    await pdf.getOutline(),
    await pdf.getFieldObjects(),
    await pdf.getJSActions(),
  ]);
  if ((await pdf.getAttachments()) !== null || info.IsXFAPresent || pdf.numPages > limits.maximumPages) words.lack();
  for (let number = 1; number <= Math.min(pdf.numPages, limits.maximumPages); number++) {
    const page = await pdf.getPage(number);
    await readPage(page, words);
    page.cleanup();
  }
}

async function readPage(page: Page, words: Gathered): Promise<void> {
  const { items } = await page.getTextContent();
  const flowing = items.map(({ str = '', hasEOL }) => (hasEOL === true ? `${str}\n` : str)).join('');
  // Words may be put together of pieces, and parted at the end of a line.
  words.add(flowing);
  words.add(flowing.replaceAll(/[-\u2010\u00ad]\n/g, ''));
  const apart = items.map(({ str = '' }) => str).join(' ');
  for (const text of [apart, flowing.replaceAll(spread, ''), apart.replaceAll(spread, '')]) words.add(text);
  if (!isReadable(flowing)) words.lack();
  const annotations = await page.getAnnotations();
  words.addAll([annotations, await page.getStructTree()]);
  if (annotations.some(isUnread)) words.lack();
}

/** The space between letters that stand by themselves, as in `m e t h a d o n e`. */
const spread = /(?<=(?<!\p{L})\p{L}) (?=\p{L}(?!\p{L}))/gu;

/** A file that is pinned to the page, or a picture of words: a field that is filled in says what it shows. */
function isUnread({ subtype = '', hasAppearance = false, textContent, fieldValue }: Annotation): boolean {
  const isSaid = textContent !== undefined || (fieldValue !== undefined && fieldValue !== null);
  return subtype === 'FileAttachment' || (hasAppearance && !isSaid && !wordless.has(subtype));
}

/** What is drawn beside or around words. */
const wordless: ReadonlySet<string> = new Set([
  ...['Text', 'Link', 'Popup', 'Highlight', 'Underline', 'Squiggly', 'StrikeOut'],
  ...['Ink', 'Line', 'Square', 'Circle', 'Polygon', 'PolyLine', 'Caret'],
]);

/** A page without text is a picture; letters that mean nothing are those of a font that does not say what they are. */
function isReadable(text: string): boolean {
  return text.trim() !== '' && !/[\p{Co}\ufffd]/u.test(text) && !/(?![\t\n\f\r])\p{Cc}/u.test(text);
}

/** The words of one file, as many as are kept. */
class Gathered {
  readonly #parts: string[] = [];
  #length = 0;
  #isWhole = true;

  /** Something in it was not read. */
  lack(): void {
    this.#isWhole = false;
  }

  add(text: string): void {
    this.#length += text.length;
    if (this.#length > limits.maximumCharacters) this.lack();
    else if (text !== '') this.#parts.push(text);
  }

  /** Every string in it, however deep: notes, fields, choices, titles, alternative texts. */
  addAll(value: unknown): void {
    const stack: unknown[] = [value];
    while (stack.length > 0) {
      const one = stack.pop();
      if (typeof one === 'string') this.add(one);
      else if (typeof one === 'object' && one !== null && !ArrayBuffer.isView(one))
        for (const inner of one instanceof Map ? one.values() : Object.values(one)) stack.push(inner);
    }
  }

  done(): FileWords {
    return { text: this.#parts.join('\n'), isWhole: this.#isWhole };
  }
}
