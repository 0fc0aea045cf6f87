/**
 * Fails when package-lock.json leaves out a platform binary: `npm ci` would then fail elsewhere, or install another
 * file than the one locked. Every name in any `optionalDependencies` needs an entry of its own, with a hash.
 */
import { readFileSync } from 'node:fs';

interface Entry {
  readonly optionalDependencies?: Record<string, string>;
  readonly integrity?: string;
  readonly link?: boolean;
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Entry>;
};
const names = new Set(
  Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
);
const missing = Object.entries(lock.packages).flatMap(([owner, { optionalDependencies = {} }]) =>
  Object.keys(optionalDependencies).flatMap((name) =>
    names.has(name) ? [] : `${name} (of ${owner || 'this package'})`,
  ),
);
const unhashed = Object.entries(lock.packages).flatMap(([path, entry]) =>
  path === '' || entry.link || entry.integrity ? [] : path,
);
for (const name of missing) console.error(`not in the lock: ${name}`);
for (const path of unhashed) console.error(`without integrity hash: ${path}`);
if (missing.length + unhashed.length > 0) process.exit(1);
console.log(`lock: ${names.size} packages, none missing`);
