import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './load.ts';

/** What a secret has at least. */
export const secretBytes = 32;

/**
 * A secret of at least 32 bytes from a file; made on the first start when it is not there and may be made.
 * @throws {ConfigError} when it is missing, too short or cannot be written
 */
export function secretFrom(path: string, mayCreate: boolean): Uint8Array {
  try {
    const secret = readFileSync(path);
    if (secret.length < secretBytes) throw new ConfigError(`${path} holds fewer than ${secretBytes} bytes of secret.`);
    return secret;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (!mayCreate || (error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new ConfigError(`${path} cannot be read.`);
  }
  const secret = randomBytes(secretBytes);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, secret, { mode: 0o600, flag: 'wx' });
  return secret;
}
