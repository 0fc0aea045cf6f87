import { readdirSync, readFileSync } from 'node:fs';
import { type LoadHookSync, type ResolveHookSync, registerHooks, stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Change, mutated } from './operators.ts';

const root = join(import.meta.dirname, '../..');
const collector = pathToFileURL(join(import.meta.dirname, 'collect.ts')).href;

/** Changed files by the number that their module graph goes by. */
const changed = new Map<
  string,
  { readonly path: string; readonly change: Change; readonly dependents: ReadonlySet<string> }
>();
const stripped = new Map<string, string>();
let graphs = 0;

/**
 * Makes a module graph of its own in which one file is changed: what depends on it is loaded anew, all else is shared.
 * @returns the address by which to import a module of that graph
 */
export function graphWith(file: string, change: Change): (module: string) => string {
  const path = join(root, 'src', file);
  const id = String(++graphs);
  changed.set(id, { path, change, dependents: dependentsOf(path) });
  return (module) => `${pathToFileURL(join(root, module)).href}?graph=${id}`;
}

const resolveInGraph: ResolveHookSync = (specifier, context, next) => {
  if (specifier === '@jest/globals') return { url: collector, shortCircuit: true };
  const found = next(specifier, context);
  const id = graphOf(context.parentURL);
  if (id === undefined || !found.url.startsWith('file:') || found.url.includes('?')) return found;
  return changed.get(id)?.dependents.has(fileURLToPath(found.url))
    ? { ...found, url: `${found.url}?graph=${id}` }
    : found;
};

const loadInGraph: LoadHookSync = (url, context, next) => {
  const id = graphOf(url);
  if (id === undefined) return next(url, context);
  const path = fileURLToPath(url.slice(0, url.indexOf('?')));
  const graph = changed.get(id);
  const source = graph?.path === path ? strip(mutated(readFileSync(path, 'utf8'), graph.change)) : plain(path);
  return { format: 'module', source, shortCircuit: true };
};

function graphOf(url: string | undefined): string | undefined {
  const [, id] = url?.split('?graph=') ?? [];
  return id;
}

function plain(path: string): string {
  const known = stripped.get(path) ?? strip(readFileSync(path, 'utf8'));
  stripped.set(path, known);
  return known;
}

function strip(source: string): string {
  return stripTypeScriptTypes(source, { mode: 'strip' });
}

/** Who imports what, in src and test, by absolute path. */
const importers = new Map<string, Set<string>>();
for (const folder of ['src', 'test'])
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const path = join(root, folder, name);
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(
      /^(?:import|export)\s(?!type\b)[^;]*?from '(\.[^']+)'/gm,
    )) {
      const target = resolve(dirname(path), specifier);
      importers.set(target, (importers.get(target) ?? new Set()).add(path));
    }
  }

/** Takes all rooms together; the tests have their labelling from it, and that depends on no rule but those of labels. */
const house = join(root, 'src/house.ts');

function dependentsOf(path: string): ReadonlySet<string> {
  const isOfLabels = path.startsWith(join(root, 'src/label/'));
  const all = new Set([path]);
  for (const one of all)
    for (const importer of importers.get(one) ?? []) if (importer !== house || isOfLabels) all.add(importer);
  return all;
}

registerHooks({ resolve: resolveInGraph, load: loadInGraph });
