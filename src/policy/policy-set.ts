import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../config/load.ts';
import type { PolicyConfig } from '../config/policy.ts';

/** Policies and the schema they are checked against, as they stand in files. */
export interface PolicySet {
  /** Name of the set for the record, e.g. `us-part2`, or the directory's own. */
  readonly id: string;
  /** Cedar schema text. */
  readonly schema: string;
  /** File name and Cedar text. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
}

const schemaFile = 'schema.cedarschema';

/**
 * The shipped set, or a deployment's own directory.
 * @throws {ConfigError} when the directory cannot be read or holds no policy
 */
export function readPolicySet({ set, directory }: PolicyConfig): PolicySet {
  const shipped = fileURLToPath(new URL(`./${set}/`, import.meta.url));
  const folder = directory ?? shipped;
  try {
    const names = readdirSync(folder).sort();
    const files = names
      .filter((name) => name.endsWith('.cedar'))
      .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
    if (files.length === 0) throw new ConfigError(`${folder} holds no policy (*.cedar).`);
    const schema = readFileSync(join(names.includes(schemaFile) ? folder : shipped, schemaFile), 'utf8');
    return { id: directory ?? set, schema, files };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${folder} cannot be read.`);
  }
}
