import { hash } from 'node:crypto';

/** What the chain runs over, in the order in which it was written: records, and how answers ended. */
export type ChainEntry = RecordEntry | CompletionEntry;

export interface RecordEntry {
  readonly kind: 'record';
  /** Number in the chain, from 1, without gaps. */
  readonly position: number;
  /** Number among the records, from 1, without gaps. */
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly keyId: string;
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
}

export interface CompletionEntry {
  readonly kind: 'completion';
  readonly position: number;
  /** Of the record whose answer ended. */
  readonly sequence: number;
  readonly bytesSent: number;
  readonly aborted: boolean;
}

/** An entry with its link, as it is stored. */
export type Linked<Entry extends ChainEntry = ChainEntry> = Entry & { readonly link: Uint8Array };

/** Where a chain stands. */
export interface ChainHead {
  readonly position: number;
  /** Of the last record. */
  readonly sequence: number;
  readonly link: Uint8Array;
}

export const linkBytes = 32;

/** The link before the first entry: bound to the outbox, so that no chain passes for another's. */
export function genesis(outboxId: string): Uint8Array {
  return hash('sha256', `fhir-consent-gateway record chain 1 ${outboxId}`, 'buffer');
}

let scratch = Buffer.alloc(8_192);
const headBytes = linkBytes + 1 + 4 * 8;

/**
 * SHA-256 over the link before, and everything that is stored of this entry. Records go in sealed: whoever verifies a
 * chain needs no key that opens it.
 */
export function linkOf(previous: Uint8Array, entry: ChainEntry): Uint8Array {
  const size = headBytes + (entry.kind === 'record' ? 2 + entry.keyId.length * 3 + 64 + entry.sealed.length : 0);
  if (scratch.length < size) scratch = Buffer.alloc(2 * size);
  scratch.set(previous, 0);
  let at = scratch.writeUInt8(entry.kind === 'record' ? 1 : 2, linkBytes);
  at = integer(entry.position, at);
  at = integer(entry.sequence, at);
  if (entry.kind === 'completion') {
    at = integer(entry.bytesSent, at);
    at = integer(entry.aborted ? 1 : 0, at);
  } else {
    at = integer(entry.at, at);
    const idBytes = scratch.write(entry.keyId, at + 1);
    scratch.writeUInt8(idBytes, at);
    at += 1 + idBytes;
    at = scratch.writeUInt8(entry.salt.length, at);
    scratch.set(entry.salt, at);
    at += entry.salt.length;
    scratch.set(entry.sealed, at); // last, and everything before it says its length
    at += entry.sealed.length;
  }
  return hash('sha256', scratch.subarray(0, at), 'buffer');
}

function integer(value: number, at: number): number {
  scratch.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  return scratch.writeUInt32BE(value % 2 ** 32, at + 4);
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
