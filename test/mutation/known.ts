/** Mutants that nothing catches, and why. */
export interface Known {
  readonly why: string;
  /** As `operators.ts` names them: `file rule: before -> after`. */
  readonly mutants: readonly string[];
}

/** No behaviour changes. */
export const equivalent: readonly Known[] = [
  {
    why: 'The highest rank of what data it is about: nothing stands above it to be reached.',
    mutants: ['decide/strategies.ts dataRank: 5 -> 6'],
  },
  {
    why: 'What is the same is told apart before: then neither is newer.',
    mutants: ['decide/families.ts isNewer: > -> >='],
  },
  {
    why: 'A set: nothing reads the order in which the purposes of a Consent stand.',
    mutants: ['consent/parse-r5.ts read: [...this.#purposes].sort() -> [...this.#purposes]'],
  },
  {
    why: 'What is not stated stands at place -1 of the order of levels, below every level.',
    mutants: ['label/effective.ts level: this.stated === undefined -> false'],
  },
  {
    why: 'One topic alone is always kept: what a generic code stands for matters beside others only.',
    mutants: ['label/effective.ts reduce: 2 -> 1'],
  },
  {
    why: 'A separator in a key: topics and caveats hold neither a space nor a tilde.',
    mutants: ["label/effective.ts interned: ' ' -> '~'"],
  },
];

/** Behaviour may change, and no test says so yet. */
export const open: readonly Known[] = [];
