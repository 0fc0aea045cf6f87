import { hash } from 'node:crypto'; // a pure function of its input
import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';

const meta = nameNumber('meta');

/** Makes version ids of views: keyed, so that nobody can compute what another requester's view would be called. */
export class ViewVersions {
  readonly #key: Uint8Array;
  #scratch: Buffer = Buffer.allocUnsafe(16_384);

  /** @param key at least 32 bytes */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /**
   * The version id of a view: a keyed SHA-256 over its bytes without `meta`, 128 bits, base64url (fits FHIR `id`).
   * Labels and timestamps are no part of it: they may change without a new version (FHIR R4 Meta.security).
   */
  of({ tape, node }: ResourceOnTape, edits: Edits): string {
    const withoutMeta = edits.copy();
    const own = tape.member(node, meta);
    if (own >= 0) withoutMeta.cut(own);
    const chunks = withoutMeta.write(tape, node);
    let length = this.#key.length * 2;
    for (const chunk of chunks) length += chunk.length;
    if (length > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(length * 2);
    const scratch = this.#scratch;
    scratch.set(this.#key, 0);
    let at = this.#key.length;
    for (const chunk of chunks) {
      scratch.set(chunk, at);
      at += chunk.length;
    }
    scratch.set(this.#key, at);
    // FHIR's id grammar has no underscore.
    return hash('sha256', scratch.subarray(0, length), 'base64url').slice(0, 22).replaceAll('_', '.');
  }
}
