/** Whether the kept record is complete and unaltered: what `consent-gateway audit verify` says. Needs no key that opens a record. */
import { type ChainEntry, type ChainHead, genesis, type Linked, linkOf, sameBytes } from './chain.ts';
import { type Checkpoint, checkSignature, type TrustedKeys } from './checkpoint.ts';

/** One outbox's chain as it was found. */
export interface FoundChain {
  readonly outboxId: string;
  /** Where what is kept begins; at the genesis, unless what was before is gone. */
  readonly start: ChainHead;
  /** Where the outbox says that it stands; undefined where there is no outbox any more. */
  readonly head: ChainHead | undefined;
  readonly entries: Iterable<Linked>;
  /** In order of position. */
  readonly checkpoints: readonly Checkpoint[];
  /** What was removed before its start, as its time had come: signed. Not asked for where a part of what is kept is looked at. */
  readonly removed: Checkpoint | 'not-asked' | undefined;
}

export type BreakKind =
  /** An entry's content, or its link, is not what was written. */
  | 'changed'
  /** Two neighbours stand in each other's place. */
  | 'swapped'
  /** An entry that was never written stands among the others. */
  | 'inserted'
  /** One or more entries are not there. */
  | 'removed'
  /** Records after the last one found were written, by a signature or by the outbox itself. */
  | 'truncated'
  /** Record numbers do not follow each other. */
  | 'sequence-gap'
  /** What is kept does not begin where anything signed says that it may. */
  | 'unanchored'
  /** A signature that does not fit its statement. */
  | 'forged-signature'
  /** A signed statement says another link than the chain has. */
  | 'contradicted';

export interface ChainReport {
  readonly outboxId: string;
  readonly entries: number;
  readonly records: number;
  readonly first: number;
  readonly last: number;
  /** Epoch milliseconds of the first and the last record. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Up to here a trusted signature vouches for it, and since when; undefined where none does. */
  readonly signed: { readonly position: number; readonly at: number } | undefined;
  /** Signatures by keys that are not trusted: they prove nothing. */
  readonly untrusted: number;
  readonly break: { readonly kind: BreakKind; readonly position: number } | undefined;
}

/**
 * Walks the chain once.
 * @param known Checkpoints from elsewhere (a sink, an auditor's file): the chain must have come that far, and so.
 */
export function verifyChain(chain: FoundChain, trusted: TrustedKeys, known: readonly Checkpoint[] = []): ChainReport {
  return new Walk(chain, trusted, known).report();
}

class Walk {
  readonly #chain: FoundChain;
  readonly #trusted: TrustedKeys;
  readonly #checkpoints: readonly Checkpoint[];
  #next = 0;
  #head: ChainHead;
  #entries = 0;
  #records = 0;
  #from: number | undefined;
  #to: number | undefined;
  #signed: ChainReport['signed'];
  #untrusted = 0;
  #break: ChainReport['break'];

  constructor(chain: FoundChain, trusted: TrustedKeys, known: readonly Checkpoint[]) {
    this.#chain = chain;
    this.#trusted = trusted;
    this.#head = chain.start;
    const mine = known.filter(({ outboxId }) => outboxId === chain.outboxId);
    this.#checkpoints = [...chain.checkpoints, ...mine].sort((one, other) => one.position - other.position);
  }

  report(): ChainReport {
    this.#checkSigned();
    if (this.#break === undefined && !this.#isAnchored()) this.#breakAt('unanchored', this.#chain.start.position + 1);
    const entries = this.#chain.entries[Symbol.iterator]();
    while (this.#break === undefined) {
      const next = entries.next();
      if (next.done) break;
      this.#follow(next.value, entries);
    }
    if (this.#break === undefined) this.#checkEnd();
    return {
      outboxId: this.#chain.outboxId,
      entries: this.#entries,
      records: this.#records,
      first: this.#chain.start.position + 1,
      last: this.#head.position,
      from: this.#from,
      to: this.#to,
      signed: this.#signed,
      untrusted: this.#untrusted,
      break: this.#break,
    };
  }

  /** At the genesis, or where a trusted signature stands, and another says that what was before was removed in its time. */
  #isAnchored(): boolean {
    const { start, outboxId, removed } = this.#chain;
    if (start.position === 0) return sameBytes(start.link, genesis(outboxId));
    if (this.#signed?.position !== start.position || removed === undefined) return false;
    if (removed === 'not-asked') return true;
    return removed.position === start.position && checkSignature(removed, this.#trusted, 'retention') === 'valid';
  }

  #follow(entry: Linked, rest: Iterator<Linked>): void {
    const { position, sequence, link } = this.#head;
    if (entry.position !== position + 1) {
      this.#breakAt('removed', position + 1);
      return;
    }
    if (!sameBytes(linkOf(link, entry), entry.link)) {
      this.#breakAt(kindOfBreak(this.#head, entry, rest.next().value), entry.position);
      return;
    }
    if (entry.kind === 'record') {
      if (entry.sequence !== sequence + 1) {
        this.#breakAt('sequence-gap', entry.position);
        return;
      }
      this.#records++;
      this.#from ??= entry.at;
      this.#to = entry.at;
    }
    this.#entries++;
    this.#head = {
      position: entry.position,
      sequence: entry.kind === 'record' ? entry.sequence : sequence,
      link: entry.link,
    };
    this.#checkSigned();
  }

  /** The signed statements on where the walk stands. */
  #checkSigned(): void {
    for (;;) {
      const checkpoint = this.#checkpoints[this.#next];
      if (checkpoint === undefined || checkpoint.position > this.#head.position) return;
      this.#next++;
      if (checkpoint.position < this.#head.position) continue; // before what is kept
      this.#judge(checkpoint);
      if (this.#break !== undefined) return;
    }
  }

  #judge(checkpoint: Checkpoint): void {
    const { position, at } = checkpoint;
    const signature = checkSignature(checkpoint, this.#trusted);
    if (signature === 'unknown-key') this.#untrusted++;
    else if (signature === 'invalid') this.#breakAt('forged-signature', position);
    else if (!sameBytes(checkpoint.link, this.#head.link) || checkpoint.sequence !== this.#head.sequence)
      this.#breakAt('contradicted', position);
    else this.#signed = { position, at };
  }

  #checkEnd(): void {
    const { head } = this.#chain;
    const beyond = this.#checkpoints.slice(this.#next).find((one) => checkSignature(one, this.#trusted) === 'valid');
    if (beyond !== undefined || (head !== undefined && head.position > this.#head.position)) {
      this.#breakAt('truncated', this.#head.position + 1);
    } else if (head !== undefined && head.position === this.#head.position && !sameBytes(head.link, this.#head.link)) {
      this.#breakAt('contradicted', head.position);
    }
  }

  #breakAt(kind: BreakKind, position: number): void {
    this.#break = { kind, position };
  }
}

/** What became of an entry whose link does not fit, as far as its neighbour tells. */
function kindOfBreak(before: ChainHead, entry: Linked, next: Linked | undefined): BreakKind {
  if (next === undefined || sameBytes(linkOf(entry.link, next), next.link)) return 'changed'; // what follows hangs on it
  const isLink = (made: Uint8Array): boolean => sameBytes(made, entry.link) || sameBytes(made, next.link);
  for (const first of inPlaceOf(next, entry)) {
    const link = linkOf(before.link, first);
    if (!isLink(link)) continue;
    return inPlaceOf(entry, next).some((second) => isLink(linkOf(link, second))) ? 'swapped' : 'inserted';
  }
  const further = [next.sequence, next.sequence + 1].map((sequence) => ({
    ...next,
    position: next.position + 1,
    sequence,
  }));
  return further.some((one) => sameBytes(linkOf(entry.link, one), next.link)) ? 'removed' : 'changed';
}

/** An entry at another's place, under either's number. */
function inPlaceOf(entry: Linked, other: Linked): ChainEntry[] {
  return [entry.sequence, other.sequence].map((sequence) => ({ ...entry, position: other.position, sequence }));
}
