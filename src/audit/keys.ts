import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AuditConfig } from '../config/audit.ts';
import { reread } from '../config/reread.ts';

const keyBytes = 32;

export interface Key {
  /** Names the key beside what it sealed; made from the key, and tells nothing about it. */
  readonly id: string;
  readonly secret: Buffer;
}

/** The key that seals, and all that can open, by id. Files are looked at again while the gateway runs. */
export interface KeyRing {
  readonly current: Key;
  readonly byId: ReadonlyMap<string, Key>;
  /** A key by its id; before there is said to be none, the files are looked at once more. */
  find(id: string): Key | undefined;
  /** The files were changed to something that cannot be used: the keys of before stay in force. */
  readonly isRefusing: boolean;
}

/** @throws {Error} when a key file cannot be read or holds no 32-byte key. */
export function loadKeys({ key, outboxFile }: Pick<AuditConfig, 'key' | 'outboxFile'>): KeyRing {
  if (key.kind === 'file') return new RereadKeys([key.currentFile, ...key.previousFiles]);
  const current = embeddedKey(`${outboxFile}.key`);
  const byId = new Map([[current.id, current]]);
  return { current, byId, find: (id) => byId.get(id), isRefusing: false };
}

/**
 * Keys from files. New ones are taken up only if the key that sealed until then is among them: what it sealed must be open to
 * the next start too. What this process once could open it can open to its end.
 */
class RereadKeys implements KeyRing {
  readonly #known = new Map<string, Key>();
  readonly #currentOf: (look?: 'now') => Key;
  #isRefusing = false;

  constructor(files: readonly string[]) {
    let sealing: Key | undefined;
    const read = (contents: readonly Buffer[]): Key => {
      const [current, ...previous] = contents.map((content, index) => keyIn(content.toString('utf8'), files[index]));
      if (current === undefined) throw new Error('no key file is named');
      const all = [current, ...previous];
      if (sealing !== undefined && !all.some(({ id }) => id === sealing?.id))
        throw new Error('the key that sealed until now is not among the previous ones');
      for (const key of all) this.#known.set(key.id, key);
      this.#isRefusing = false;
      sealing = current;
      return current;
    };
    const onFault = (): void => {
      this.#isRefusing = true;
    };
    this.#currentOf = reread(files, read, { now: Date.now, onFault });
  }

  get current(): Key {
    return this.#currentOf();
  }

  get byId(): ReadonlyMap<string, Key> {
    this.#currentOf();
    return this.#known;
  }

  find(id: string): Key | undefined {
    if (!this.#known.has(id)) this.#currentOf('now');
    return this.#known.get(id);
  }

  get isRefusing(): boolean {
    this.#currentOf();
    return this.#isRefusing;
  }
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
  return keyIn(readFileSync(file, 'utf8'), file);
}

function keyIn(content: string, file = ''): Key {
  const text = content.trim();
  const secret = Buffer.from(text, /^[0-9a-fA-F]{64}$/.test(text) ? 'hex' : 'base64');
  const exact = secret.length === keyBytes && (text.length === 64 || secret.toString('base64') === text);
  if (!exact) throw new Error(`${file} must hold a key of ${keyBytes} bytes as base64 or hex`);
  const id = createHmac('sha256', secret).update('fhir-consent-gateway audit key id').digest('hex').slice(0, 16);
  return { id, secret };
}
