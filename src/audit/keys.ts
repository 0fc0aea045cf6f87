import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AuditConfig } from '../config/audit.ts';

const keyBytes = 32;

export interface Key {
  /** Names the key beside what it sealed; made from the key, and tells nothing about it. */
  readonly id: string;
  readonly secret: Buffer;
}

/** The key that seals, and all that can open, by id. */
export interface KeyRing {
  readonly current: Key;
  readonly byId: ReadonlyMap<string, Key>;
}

/** @throws {Error} when a key file cannot be read or holds no 32-byte key. */
export function loadKeys({ key, outboxFile }: Pick<AuditConfig, 'key' | 'outboxFile'>): KeyRing {
  const current = key.kind === 'file' ? readKey(key.currentFile) : embeddedKey(`${outboxFile}.key`);
  const previous = key.kind === 'file' ? key.previousFiles.map(readKey) : [];
  return { current, byId: new Map([current, ...previous].map((one) => [one.id, one])) };
}

/** The key beside the outbox. */
function embeddedKey(file: string): Key {
  if (!existsSync(file)) writeSecret(file, () => `${randomBytes(keyBytes).toString('base64')}\n`);
  return readKey(file);
}

/** Made once, whole and on disk under its name before anything rests on it. */
export function writeSecret(file: string, text: () => string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.new`;
  const descriptor = openSync(fresh, 'w', 0o600);
  try {
    writeSync(descriptor, text());
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, file);
  syncDirectory(dirname(file));
}

/** A new name in a directory is durable only once the directory is. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return; // directories cannot be opened there
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readKey(file: string): Key {
  const text = readFileSync(file, 'utf8').trim();
  const secret = Buffer.from(text, /^[0-9a-fA-F]{64}$/.test(text) ? 'hex' : 'base64');
  const exact = secret.length === keyBytes && (text.length === 64 || secret.toString('base64') === text);
  if (!exact) throw new Error(`${file} must hold a key of ${keyBytes} bytes as base64 or hex`);
  const id = createHmac('sha256', secret).update('fhir-consent-gateway audit key id').digest('hex').slice(0, 16);
  return { id, secret };
}
