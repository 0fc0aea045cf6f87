/** Answers as people read them: plain text, or HTML without a script or anything from elsewhere. */

export interface AnswerDocument {
  readonly title: string;
  readonly lead: readonly string[];
  readonly tables: readonly AnswerTable[];
}

export interface AnswerTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What stands instead where there is no row. */
  readonly none: string;
}

export function textOf({ title, lead, tables }: AnswerDocument): string {
  const parts = [`${title}\n${'='.repeat(title.length)}`, ...lead];
  for (const { caption, columns, rows, none } of tables) {
    const lines = rows.map((row) => row.map((cell, at) => `  ${columns[at] ?? ''}: ${printable(cell)}`).join('\n'));
    parts.push(`${caption}\n${'-'.repeat(caption.length)}`, ...(rows.length === 0 ? [none] : lines));
  }
  return `${parts.join('\n\n')}\n`;
}

export function htmlOf({ title, lead, tables }: AnswerDocument): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #888;padding:.3em .6em;text-align:left;vertical-align:top}caption{text-align:left;font-weight:bold}</style></head>
<body><h1>${escaped(title)}</h1>
${lead.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
${tables.map(tableHtml).join('\n')}
</body></html>
`;
}

function tableHtml({ caption, columns, rows, none }: AnswerTable): string {
  if (rows.length === 0) return `<h2>${escaped(caption)}</h2><p>${escaped(none)}</p>`;
  const head = columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n');
  return `<table><caption>${escaped(caption)}</caption><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** Names come from tokens: nothing in them steers a terminal or turns a line around. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
