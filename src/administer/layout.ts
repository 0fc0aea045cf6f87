import type { Piece } from './in-force-text.ts';

/** Plain text, no line longer than it must be to hold its words. */
export function textOf(pieces: readonly Piece[]): string {
  const lines = pieces.flatMap((piece) => {
    switch (piece.kind) {
      case 'title':
        return [piece.text, '='.repeat(piece.text.length)];
      case 'heading':
        return ['', piece.text, '-'.repeat(piece.text.length)];
      case 'label':
        return ['', piece.text];
      case 'paragraph':
        return [piece.text];
      case 'item':
        return [`${'  '.repeat(piece.depth)}- ${piece.text}`];
      default:
        return piece satisfies never;
    }
  });
  return `${lines.join('\n')}\n`;
}

const style =
  'body{font:1rem/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}h3{margin-bottom:0}li{margin:.2rem 0}';

/** One HTML page that needs nothing else: no script, no link, no image. */
export function htmlOf(pieces: readonly Piece[]): string {
  const title = pieces.find(({ kind }) => kind === 'title')?.text ?? '';
  let depth = -1;
  const body: string[] = [];
  const listTo = (wanted: number): void => {
    for (; depth < wanted; depth++) body.push('<ul>');
    for (; depth > wanted; depth--) body.push('</ul>');
  };
  for (const piece of pieces) {
    listTo(piece.kind === 'item' ? piece.depth : -1);
    body.push(`<${tags[piece.kind]}>${escaped(piece.text)}</${tags[piece.kind]}>`);
  }
  listTo(-1);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
    `<title>${escaped(title)}</title><style>${style}</style></head><body>`,
    ...body,
    '</body></html>',
    '',
  ].join('\n');
}

const tags: Readonly<Record<Piece['kind'], string>> = {
  title: 'h1',
  heading: 'h2',
  label: 'h3',
  paragraph: 'p',
  item: 'li',
};

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
