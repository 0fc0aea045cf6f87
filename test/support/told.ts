import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What operators are told: lines of the log, metrics pages, traces, bodies of alerts, and all else that a process writes. */
export const kindsTold = ['log', 'metrics', 'trace', 'alert', 'output'] as const;
export type KindTold = (typeof kindsTold)[number];

/** Loaded into the process of a gateway, keeps what it tells; none where nobody asks for it. */
export const keepingTold: Readonly<Record<string, string>> =
  process.env.TOLD_DIR === undefined
    ? {}
    : {
        TOLD_DIR: process.env.TOLD_DIR,
        NODE_OPTIONS: `--require=${join(import.meta.dirname, 'keep-told.cjs')}`,
      };

/** Keeps something for the search of the whole test run, where TOLD_DIR asks for it. */
export function keepTold(kind: KindTold, text: string): void {
  const directory = process.env.TOLD_DIR;
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  appendFileSync(join(directory, `${kind}-${process.pid}.txt`), `${text}\n`);
}

/** Everything of one kind that was kept, by the processes that kept it. */
export function toldIn(directory: string, kind: KindTold): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(`${kind}-`))
    .map((name) => readFileSync(join(directory, name), 'utf8'));
}
