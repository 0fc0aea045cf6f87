import { deflateSync } from 'node:zlib';

/** An object of a PDF file, or a stream. */
export type PdfObject = string | { readonly dictionary: string; readonly bytes: Buffer };

/** A PDF file of these objects, numbered from 1; the first is the catalogue (ISO 32000-1, 7.5). */
export function pdfOf(objects: readonly PdfObject[]): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')];
  const offsets: number[] = [];
  let length = (parts[0] as Buffer).length;
  const add = (part: string | Buffer): void => {
    const bytes = Buffer.from(part as string, 'latin1');
    parts.push(bytes);
    length += bytes.length;
  };
  objects.forEach((object, index) => {
    offsets.push(length);
    add(`${index + 1} 0 obj\n`);
    if (typeof object === 'string') add(object);
    else {
      add(`<< ${object.dictionary} /Length ${object.bytes.length} >>\nstream\n`);
      add(object.bytes);
      add('\nendstream');
    }
    add('\nendobj\n');
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const head = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  add(`${head}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${length}\n%%EOF\n`);
  return Buffer.concat(parts);
}

export interface OnePage {
  /** The page's content stream. */
  readonly content: string | { readonly dictionary: string; readonly bytes: Buffer };
  /** More members of the page. */
  readonly page?: string;
  /** More members of the catalogue. */
  readonly catalogue?: string;
  /** Of the page's resources; the font F1 is 5 0 R. */
  readonly resources?: string;
  readonly font?: string;
  /** From 6 on. */
  readonly more?: readonly PdfObject[];
}

/** A file of one page. */
export function onePage({ content, page = '', catalogue = '', resources = '', font, more = [] }: OnePage): Buffer {
  return pdfOf([
    `<< /Type /Catalog /Pages 2 0 R ${catalogue} >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> ${resources} >> ${page} >>`,
    typeof content === 'string' ? { dictionary: '', bytes: Buffer.from(content, 'latin1') } : content,
    font ?? '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...more,
  ]);
}

/** A content stream that shows text. */
export function shown(text: string): string {
  return `BT /F1 12 Tf 72 700 Td (${text}) Tj ET`;
}

/** Compressed again and again. */
export function deflated(bytes: Buffer, times: number): { readonly dictionary: string; readonly bytes: Buffer } {
  let packed = bytes;
  for (let time = 0; time < times; time++) packed = deflateSync(packed, { level: 9 });
  return { dictionary: `/Filter [${'/FlateDecode '.repeat(times)}]`, bytes: packed };
}
