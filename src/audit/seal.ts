import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Key, KeyRing } from './keys.ts';

/** A sealed record and what it takes to open it. */
export interface Sealed {
  readonly keyId: string;
  readonly salt: Uint8Array;
  /** Ciphertext, then the 16-byte tag. */
  readonly bytes: Uint8Array;
}

const saltBytes = 16;
const tagBytes = 16;

/**
 * AES-256-GCM (NIST SP 800-38D) under a key derived for this run of the process (HKDF, RFC 5869), with the sequence number
 * as nonce: no nonce repeats under one key, however many replicas share the configured key and however often they
 * crash. Outbox and sequence number are authenticated, so a row moved or copied elsewhere does not open.
 */
export class Seal {
  readonly #keys: KeyRing;
  readonly #outboxId: string;
  readonly #salt = randomBytes(saltBytes);
  /** As key objects: bytes would be made into one at each use, which costs more than the cipher. */
  readonly #derived = new Map<string, KeyObject>();

  constructor(keys: KeyRing, outboxId: string) {
    this.#keys = keys;
    this.#outboxId = outboxId;
  }

  /** Bytes that sealing adds to a record. */
  static readonly overhead = tagBytes;

  close(sequence: number, text: Uint8Array): Sealed {
    const { current } = this.#keys;
    const cipher = createCipheriv('aes-256-gcm', this.#derive(current, this.#salt), nonceOf(sequence));
    cipher.setAAD(this.#bound(sequence));
    const bytes = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    return { keyId: current.id, salt: this.#salt, bytes };
  }

  /** @throws {Error} when no key of the ring sealed it, or it is not the record of this sequence number. */
  open(sequence: number, { keyId, salt, bytes }: Sealed): string {
    const key = this.#keys.find(keyId);
    if (key === undefined) throw new Error(`no key ${keyId}`);
    const decipher = createDecipheriv('aes-256-gcm', this.#derive(key, salt), nonceOf(sequence));
    decipher.setAAD(this.#bound(sequence));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - tagBytes)), decipher.final()]).toString();
  }

  #derive(key: Key, salt: Uint8Array): KeyObject {
    const name = `${key.id} ${Buffer.from(salt).toString('base64')}`;
    let derived = this.#derived.get(name);
    if (derived === undefined) {
      const bytes = hkdfSync('sha256', key.secret, salt, 'fhir-consent-gateway audit record', 32);
      derived = createSecretKey(Buffer.from(bytes));
      this.#derived.set(name, derived);
    }
    return derived;
  }

  #bound(sequence: number): Buffer {
    return Buffer.from(`${this.#outboxId} ${sequence}`);
  }
}

function nonceOf(sequence: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(sequence), 4);
  return nonce;
}
