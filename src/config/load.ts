import { parse } from 'yaml';
import type { z } from 'zod';

/** A configuration that cannot be used; its message names each key and what is wrong with it. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

const prefix = 'CONSENT_GATEWAY__';

/**
 * Reads YAML, lays environment variables over it (`CONSENT_GATEWAY__a__b=value`, values read as YAML), checks the whole.
 * @throws {ConfigError} naming every key that is wrong, missing or unknown
 */
export function loadWith<Schema extends z.ZodType>(
  schema: Schema,
  yaml: string,
  environment: Readonly<Partial<Record<string, string>>>,
): z.output<Schema> {
  let document: unknown;
  try {
    document = parse(yaml) ?? {};
  } catch (error) {
    throw new ConfigError(
      `The configuration is no YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown'}`,
    );
  }
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith(prefix) && value !== undefined)
      document = withValue(document, name.slice(prefix.length).split('__'), readValue(name, value));
  }
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const lines = result.error.issues.map(
    ({ path, message }) => `  ${path.length === 0 ? '(top)' : path.join('.')}: ${message}`,
  );
  throw new ConfigError(`The configuration cannot be used:\n${lines.join('\n')}`);
}

function readValue(name: string, text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new ConfigError(`${name} is no YAML.`); // its text may be a secret
  }
}

function withValue(document: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const object = typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};
  return { ...object, [key]: withValue(Object.hasOwn(object, key) ? object[key] : undefined, rest, value) };
}
