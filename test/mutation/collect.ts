import { expect } from 'expect';

/** Stands in for jest's globals where test files are run without jest: tests are gathered, not run. */
export interface Collected {
  readonly title: string;
  readonly run: () => unknown;
}

let titles: readonly string[] = [];
let found: Collected[] = [];

/** What the test files that are loaded in `load` declare. */
export async function collect(load: () => Promise<unknown>): Promise<readonly Collected[]> {
  found = [];
  titles = []; // a file that did not load left its own
  await load();
  return found;
}

function one(title: string, run: () => unknown): void {
  found.push({ title: [...titles, title].join(' › '), run });
}

/** A claim that does not hold yet says nothing of a mutant. */
one.failing = () => undefined;

/** Rows fill `%s` and `$name` of a title as they do in jest. */
function each(rows: readonly unknown[]) {
  return (title: string, run: (...row: readonly unknown[]) => unknown): void => {
    for (const row of rows) one(filled(title, row), () => run(...(Array.isArray(row) ? row : [row])));
  };
}
one.each = each;

function describe(title: string, declare: () => void): void {
  const before = titles;
  titles = [...titles, title];
  declare();
  titles = before;
}
describe.each =
  (rows: readonly unknown[]) =>
  (title: string, declare: (...row: readonly unknown[]) => void): void => {
    for (const row of rows) describe(filled(title, row), () => declare(...(Array.isArray(row) ? row : [row])));
  };

function filled(title: string, row: unknown): string {
  const values = Array.isArray(row) ? [...row] : [row];
  return title
    .replace(/%[sdijp]/g, () => text(values.shift()))
    .replace(/\$(\w+)/g, (_, name: string) => text((row as Record<string, unknown>)[name]));
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export { describe, expect, one as it, one as test };
