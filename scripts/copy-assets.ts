/**
 * Copies what the built gateway reads and tsc does not write (policies and their schema), and what it writes only where
 * a module imports it (tables), from src to the folder that tsc wrote to: `node scripts/copy-assets.ts [folder]`.
 */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = process.argv[2] ?? join(root, 'dist');

for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.endsWith('.ts')) continue;
  const file = join(entry.parentPath, entry.name);
  cpSync(file, join(target, file.slice(join(root, 'src').length)));
}
