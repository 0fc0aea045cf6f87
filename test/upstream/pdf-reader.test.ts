import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { PdfReader, pdfLimits } from '../../src/upstream/pdf-reader.ts';
import { deflated, type OnePage, onePage, type PdfObject, pdfOf, shown } from '../support/pdfs.ts';

const fixture = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, '../../fixtures/files', `${name}.pdf`));
const secret = 'methadone maintenance';
const harmless = shown('A page of no concern.');

const reader = new PdfReader();
afterAll(() => reader.close());
const read = (bytes: Uint8Array, by = reader) => by.read(bytes, undefined);

/** A form XObject that shows text. */
const drawing = (text: string): PdfObject => ({
  dictionary: '/Type /XObject /Subtype /Form /BBox [0 0 200 100] /Resources << /Font << /F1 5 0 R >> >>',
  bytes: Buffer.from(shown(text)),
});
const annotated = (annotation: string, drawn = 'x'): OnePage => ({
  content: harmless,
  page: '/Annots [6 0 R]',
  more: [`<< /Type /Annot /Rect [100 100 300 200] /AP << /N 7 0 R >> ${annotation} >>`, drawing(drawn)],
});
const catalogued = (catalogue: string, ...more: readonly PdfObject[]): OnePage => ({
  content: harmless,
  catalogue,
  more,
});

describe('the words of a PDF file', () => {
  it.each(['plain', 'compressed', 'subset', 'owner-locked', 'form', 'note', 'metadata', 'outline'])(
    'are read: %s',
    async (name) => {
      const { text, isWhole } = await read(fixture(name));
      expect(text).toMatch(/methadone\s+maintenance/i);
      expect(isWhole).toBe(true);
    },
  );

  it('are those that it has', async () => {
    const { text, isWhole } = await read(fixture('ordinary'));
    expect(text).toContain('sprained ankle');
    expect(text).not.toMatch(/methadone/i);
    expect(isWhole).toBe(true);
  });

  it.each<readonly [string, OnePage]>([
    ['in a drawing', { content: `${harmless} /X1 Do`, resources: '/XObject << /X1 6 0 R >>', more: [drawing(secret)] }],
    ['invisible', { content: `${harmless} BT 3 Tr /F1 12 Tf 72 600 Td (${secret}) Tj ET` }],
    [
      'on a layer that is off',
      {
        content: `${harmless} /OC /L1 BDC ${shown(secret)} EMC`,
        resources: '/Properties << /L1 6 0 R >>',
        catalogue: '/OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >>',
        more: ['<< /Type /OCG /Name (layer) >>'],
      },
    ],
    [
      'parted at the end of a line',
      { content: 'BT /F1 12 Tf 72 600 Td (metha-) Tj 0 -14 Td (done maintenance) Tj ET' },
    ],
    ['spread out', { content: `BT /F1 12 Tf 6 Tc 72 600 Td (${secret}) Tj ET` }],
    ['in a hidden note', annotated(`/Subtype /Text /F 2 /Contents (${secret})`)],
    ['in a note with markup', annotated(`/Subtype /FreeText /Contents (x) /RC (<body><p>${secret}</p></body>)`)],
    ['in what a note looks like', annotated('/Subtype /FreeText /Contents (x) /DA (/F1 12 Tf)', secret)],
    ['in what a field looks like', annotated('/Subtype /Widget /FT /Tx /T (f) /V (x)', secret)],
    ['in a script', catalogued(`/OpenAction << /S /JavaScript /JS (app.alert\\("${secret}"\\)) >>`)],
    [
      'in an alternative text',
      {
        content: `/Figure << /MCID 0 >> BDC ${harmless} EMC`,
        page: '/StructParents 0',
        catalogue: '/MarkInfo << /Marked true >> /StructTreeRoot 6 0 R',
        more: [
          '<< /Type /StructTreeRoot /K [7 0 R] /ParentTree 8 0 R >>',
          `<< /S /Figure /P 6 0 R /Pg 3 0 R /K 0 /Alt (${secret}) >>`,
          '<< /Nums [0 [7 0 R]] >>',
        ],
      },
    ],
  ])('are found %s', async (_, page) => {
    expect((await read(onePage(page))).text).toMatch(/methadone\s+maintenance/i);
  });

  // Published in docs/labels.md and docs/residual-risks.md.
  it.each<readonly [string, OnePage]>([
    ['beyond the edge of the page', { content: `${harmless} BT /F1 12 Tf 72 9000 Td (${secret}) Tj ET` }],
    [
      'as what other letters stand for',
      { content: `${harmless} BT /F1 12 Tf 72 600 Td /Span << /ActualText (${secret}) >> BDC (zzz) Tj EMC ET` },
    ],
    [
      'in the pattern of an area',
      {
        content: `${harmless} /Pattern cs /P1 scn 0 0 600 600 re f`,
        resources: '/Pattern << /P1 6 0 R >>',
        more: [
          {
            dictionary:
              '/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 200 100] /XStep 200 /YStep 100 /Resources << /Font << /F1 5 0 R >> >>',
            bytes: Buffer.from(shown(secret)),
          },
        ],
      },
    ],
    ['in the drawing of a frame', annotated('/Subtype /Square', secret)],
    ['in a field on no page', catalogued('/AcroForm << /Fields [6 0 R] >>', `<< /FT /Tx /T (f) /V (${secret}) >>`)],
    [
      'in a file that the catalogue alone names',
      catalogued('/AF [6 0 R]', '<< /Type /Filespec /F (a.txt) /EF << /F 7 0 R >> >>', {
        dictionary: '/Type /EmbeddedFile',
        bytes: Buffer.from(secret),
      }),
    ],
    [
      'letter by letter from the end',
      {
        content: [...'methadone']
          .map((letter, at) => `BT /F1 12 Tf ${72 + 8 * at} 600 Td (${letter}) Tj ET`)
          .reverse()
          .join(' '),
      },
    ],
    [
      'in a font of drawings',
      {
        content: shown('a'),
        font: '<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /CharProcs << /a 6 0 R >> /Encoding << /Differences [97 /a] >> /FirstChar 97 /LastChar 97 /Widths [9] /Resources << /Font << /F1 7 0 R >> >> >>',
        more: [
          { dictionary: '', bytes: Buffer.from(`9 0 d0 ${shown(secret)}`) },
          '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
        ],
      },
    ],
  ])('are missed %s, and the file counts as read', async (_, page) => {
    const { text, isWhole } = await read(onePage(page));
    expect(text).not.toMatch(/methadone/i);
    expect(isWhole).toBe(true);
  });
});

const exponential = (): Buffer =>
  onePage({
    content: `${harmless} /X1 Do`,
    resources: '/XObject << /X1 6 0 R >>',
    more: Array.from({ length: 30 }, (_, depth) => ({
      dictionary: `/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 5 0 R >> /XObject << /X1 ${depth + 7} 0 R >> >>`,
      bytes: Buffer.from(depth === 29 ? shown('x') : '/X1 Do /X1 Do'),
    })),
  });
const pages = (count: number): Buffer =>
  pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${'3 0 R '.repeat(count)}] /Count ${count} >>`,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    { dictionary: '', bytes: Buffer.from(harmless) },
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]);

describe('a PDF file counts as not read', () => {
  it.each<readonly [string, () => Buffer]>([
    ['that is locked', () => fixture('locked')],
    ['that is a picture', () => fixture('scan')],
    ['with a page that says nothing', () => onePage({ content: '' })],
    ['with files in it', () => fixture('attached')],
    ['with a stamp', () => onePage(annotated('/Subtype /Stamp', secret))],
    ['with a watermark', () => onePage(annotated('/Subtype /Watermark', secret))],
    ['with a file pinned to a page', () => onePage(annotated('/Subtype /FileAttachment'))],
    [
      'with a form of another kind (XFA)',
      () =>
        onePage(catalogued('/AcroForm << /XFA 6 0 R /Fields [] >>', { dictionary: '', bytes: Buffer.from('<x/>') })),
    ],
    ['that is cut off', () => fixture('compressed').subarray(0, 600)],
    ['that is none', () => Buffer.from('%PDF-1.7 and no more')],
    [
      'that leads in circles',
      () => pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [2 0 R] /Count 1 >>']),
    ],
    ['nested without end', () => onePage(catalogued(`/Foo ${'['.repeat(400_000)}`))],
    ['whose stream decodes to 300 MB', () => onePage({ content: deflated(Buffer.alloc(300_000_000, ' '), 2) })],
    ['with too many pages', () => pages(pdfLimits.maximumPages + 1)],
  ])('%s', async (_, bytes) => {
    expect((await read(bytes())).isWhole).toBe(false);
    expect((await read(fixture('plain'))).isWhole).toBe(true);
  });

  it('that takes more time or more memory than there is, and the next one is read', async () => {
    for (const limits of [
      { ...pdfLimits, maximumCpuMs: 300 },
      { ...pdfLimits, maximumHeapMegabytes: 24, maximumCpuMs: 600_000 },
    ]) {
      const small = new PdfReader(limits);
      expect(await read(exponential(), small)).toEqual({ text: '', isWhole: false });
      expect((await read(fixture('ordinary'), small)).isWhole).toBe(true);
      await small.close();
    }
  });

  it('that says more than is kept', async () => {
    const small = new PdfReader({ ...pdfLimits, maximumCharacters: 50 });
    const { text, isWhole } = await read(fixture('ordinary'), small);
    expect([text.length <= 50, isWhole]).toEqual([true, false]);
    await small.close();
  });
});

describe('reading', () => {
  it('says the same at once and later, and of many at a time', async () => {
    const names = ['plain', 'ordinary', 'locked', 'form', 'plain', 'note'];
    const together = await Promise.all(names.map((name) => read(fixture(name))));
    for (const [at, name] of names.entries()) {
      const alone = new PdfReader();
      expect(together[at]).toEqual(await read(fixture(name), alone));
      await alone.close();
    }
  });

  it('ends with the request that asked for it', async () => {
    const ended = AbortSignal.abort();
    await expect(reader.read(onePage({ content: shown('never read') }), ended)).rejects.toMatchObject({
      code: 'overloaded',
    });
  });
});
