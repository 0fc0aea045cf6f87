import { hash } from 'node:crypto'; // a pure function of its input
import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { Output } from '../document/output.ts';

const meta = nameNumber('meta');

/** Makes version ids of views: keyed, so that nobody can compute what another requester's view would be called. */
export class ViewVersions {
  readonly #key: () => Uint8Array;
  readonly #scratch = new Output(16_384);

  /** @param key at least 32 bytes */
  constructor(key: () => Uint8Array) {
    this.#key = key;
  }

  /**
   * The version id of a view: a keyed SHA-256 over its bytes without `meta`, 128 bits, base64url (fits FHIR `id`).
   * Labels and timestamps are no part of it: they may change without a new version (FHIR R4 Meta.security).
   */
  of({ tape, node }: ResourceOnTape, edits: Edits): string {
    const scratch = this.#scratch;
    const key = this.#key();
    scratch.clear();
    scratch.slice(key, 0, key.length);
    edits.writeTo(scratch, tape, node, tape.member(node, meta));
    scratch.slice(key, 0, key.length);
    // FHIR's id grammar has no underscore.
    return hash('sha256', scratch.bytes, 'base64url').slice(0, 22).replaceAll('_', '.');
  }
}
