import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors/errors.ts';
import type { Parameter } from '../fhir/request.ts';
import type { Position } from './search.ts';

/** What a next link stands for: the request as it was first made, and where to go on. */
export interface PageState {
  /** Path below the base of the first request, e.g. `['Observation']` or `['Patient', 'p1', 'Observation']`. */
  readonly path: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly position: Position | { readonly offset: number };
  /** The total, when the first page established it. */
  readonly total?: number;
  /** The entry of shadow mode by which it was not enforced: what was counted then is not to be told when it is. */
  readonly shadow?: string;
  /** Epoch milliseconds. */
  readonly issuedAt: number;
}

export interface PageTokenSettings {
  /** 32 bytes; the first seals, all open (rotation). */
  readonly keys: () => readonly [Uint8Array, ...Uint8Array[]];
  readonly lifetimeMs: number;
  /** States too large for a token that are kept, encrypted, behind a random handle. */
  readonly maximumKept: number;
}

const plainBytes = 1_536;
const nonceBytes = 12;
const tagBytes = 16;
/** All tokens have this many characters. */
export const pageTokenLength = Math.ceil(((nonceBytes + plainBytes + tagBytes) * 4) / 3);

/**
 * Sealed page tokens: AES-256-GCM, padded to one length, bound to the requester. A token of somebody else, an expired
 * one and a made-up one are alike.
 */
export class PageTokens {
  readonly #settings: PageTokenSettings;
  readonly #kept: LRUCache<string, Buffer>;

  constructor(settings: PageTokenSettings) {
    this.#settings = settings;
    this.#kept = new LRUCache({ max: settings.maximumKept, ttl: settings.lifetimeMs });
  }

  /** @param binding canonical text of who may use the token */
  seal(state: PageState, binding: string): string {
    const json = JSON.stringify(state);
    if (Buffer.byteLength(json) <= plainBytes) return this.#encrypt(json, binding, plainBytes).toString('base64url');
    const handle = randomBytes(24).toString('base64url');
    this.#kept.set(handle, this.#encrypt(json, binding, Buffer.byteLength(json)));
    return this.#encrypt(JSON.stringify({ handle }), binding, plainBytes).toString('base64url');
  }

  /** @throws {GatewayError} `page-not-found` */
  open(token: string, binding: string, now: number): PageState {
    const sealed =
      token.length === pageTokenLength && /^[\w-]+$/.test(token) ? Buffer.from(token, 'base64url') : undefined;
    let state = sealed === undefined ? undefined : this.#decrypt(sealed, binding);
    if (state !== undefined && 'handle' in state) {
      const kept = this.#kept.get(state.handle);
      state = kept === undefined ? undefined : this.#decrypt(kept, binding);
    }
    if (state === undefined || 'handle' in state || now - state.issuedAt > this.#settings.lifetimeMs)
      throw new GatewayError('page-not-found');
    return state;
  }

  #encrypt(json: string, binding: string, size: number): Buffer {
    const plain = Buffer.alloc(size, 0x20);
    plain.write(json); // JSON ends where the padding of spaces begins
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#settings.keys()[0], nonce);
    cipher.setAAD(digest(binding));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  #decrypt(sealed: Buffer, binding: string): PageState | { handle: string } | undefined {
    for (const key of this.#settings.keys()) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes));
        decipher.setAAD(digest(binding));
        decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
        const plain = Buffer.concat([
          decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)),
          decipher.final(),
        ]);
        return JSON.parse(plain.toString('utf8')) as PageState; // sealed by us: its shape is known
      } catch {
        // Not sealed with this key, or not for this requester.
      }
    }
    return undefined;
  }
}

function digest(binding: string): Buffer {
  return createHash('sha256').update(binding).digest();
}
