/** Mutants that nothing catches, and why. */
export interface Known {
  readonly why: string;
  /** As `operators.ts` names them: `file rule: before -> after`. */
  readonly mutants: readonly string[];
}

/** No behaviour changes. */
export const equivalent: readonly Known[] = [
  {
    why: 'A residual rule of a token is matched alone: of the Consent that stands for it nothing but `isPart2` and `basicNormalCeiling` is read.',
    mutants: ['decide/residual.ts nobody: false -> true #8'],
  },
  {
    why: 'A placeholder for what is filled in when the provisions below have been collected.',
    mutants: ['decide/answer.ts collect: 0 -> 1 #2', 'decide/answer.ts collect: , end: 0 -> nothing'],
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
