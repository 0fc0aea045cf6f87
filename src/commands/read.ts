import { parse } from 'yaml';
import { z } from 'zod';
import { type DescribedRequester, describedRequester } from '../authenticate/authenticate.ts';
import { ConfigError } from '../config/config.ts';
import { fileText } from './command.ts';

/** @throws {ConfigError} naming what is wrong in a file that describes one requester */
export function requesterFile(path: string): DescribedRequester {
  return checked(path, describedRequester, yamlFile(path));
}

/** @throws {ConfigError} naming what is wrong in a file of requesters by name */
export function requestersFile(path: string): Readonly<Record<string, DescribedRequester>> {
  return checked(path, z.record(z.string().min(1), describedRequester), yamlFile(path));
}

/** @throws {ConfigError} naming a file that is no JSON */
export function jsonFile(path: string): unknown {
  return read(path, 'JSON', (text) => JSON.parse(text) as unknown);
}

function yamlFile(path: string): unknown {
  return read(path, 'YAML', (text) => parse(text) as unknown);
}

function read(path: string, form: string, reader: (text: string) => unknown): unknown {
  const text = fileText(path);
  try {
    return reader(text);
  } catch {
    throw new ConfigError(`${path} is no ${form}.`);
  }
}

function checked<Value>(path: string, schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ConfigError(`${path}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
