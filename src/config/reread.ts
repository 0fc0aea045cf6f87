import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from './load.ts';

const lookEveryMs = 1_000;

/**
 * What some files hold together, read again when one of them changes (Kubernetes swaps all files of a Secret at once);
 * looked at once a second at most. What cannot be read or used anew leaves the last good value in force.
 * @param read makes the value of the files' contents; what it throws means that they cannot be used
 * What is given takes `now` to look at them at once, whenever that was done last.
 * @param onFault told once for each change that could not be used
 * @throws {ConfigError} when they cannot be read or used at first
 */
export function reread<Value>(
  paths: readonly string[],
  read: (contents: readonly Buffer[]) => Value,
  { now, onFault }: { readonly now: () => number; readonly onFault?: () => void },
): (look?: 'now') => Value {
  let seen = marksOf(paths);
  let value = read(paths.map(contentOf));
  let lookedAt = now();
  return (look) => {
    const at = now();
    if (look !== 'now' && at >= lookedAt && at - lookedAt < lookEveryMs) return value;
    lookedAt = at;
    const marks = marksOf(paths);
    if (marks === seen) return value;
    seen = marks;
    try {
      value = read(paths.map(contentOf));
    } catch {
      onFault?.();
    }
    return value;
  };
}

/** The trimmed text of a file as `reread` gives it; none for no file. */
export function rereadText(path: string | undefined, now: () => number): () => string | undefined {
  if (path === undefined) return () => undefined;
  return reread([path], ([content]) => content?.toString('utf8').trim(), { now });
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw new ConfigError(`${path} cannot be read.`);
  }
}

/** What tells one state of the files from the next; a file that is being replaced has none. */
function marksOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const mark = statSync(path, { throwIfNoEntry: false });
      return mark === undefined ? '-' : `${mark.ino} ${mark.size} ${mark.mtimeMs}`;
    })
    .join('\n');
}
