import { readFileSync } from 'node:fs';
import type { ParseArgsOptionsConfig } from 'node:util';
import { ConfigError } from '../config/config.ts';

/** What the command line was parsed to. */
export interface Given {
  /** By name of the option; every option is given once at most. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** What stands after the verb. */
  readonly positionals: readonly string[];
}

/** What a verb may reach of the process. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** To standard output. */
  readonly write: (text: string) => void;
}

/** One verb of the command line. */
export interface Command {
  readonly name: string;
  /** Its lines of the usage text, without a final line break. */
  readonly usage: string;
  readonly options: ParseArgsOptionsConfig;
  /** How many words may follow the verb at most; none where it is absent. */
  readonly maximumPositionals?: number;
  /**
   * @returns the exit code; undefined while something goes on running
   * @throws {ConfigError} with a text for whoever runs the command
   */
  run(given: Given, surroundings: Surroundings): Promise<number | undefined>;
}

/** @throws {ConfigError} when an option that must be given is not */
export function required(values: Given['values'], name: string): string {
  const value = values[name];
  if (typeof value !== 'string') throw new ConfigError(`--${name} is missing.`);
  return value;
}

/** The text of the configuration file; none at all where none is named: the environment may say everything. */
export function configText(path: unknown): string {
  return typeof path === 'string' ? fileText(path) : '';
}

/** @throws {ConfigError} naming a file that cannot be read */
export function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new ConfigError(`${path} cannot be read.`);
  }
}
