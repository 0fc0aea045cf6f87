/** Mutants that nothing catches, and why. */
export interface Known {
  readonly why: string;
  /** As `operators.ts` names them: `file rule: before -> after`. */
  readonly mutants: readonly string[];
}

/** No behaviour changes. */
export const equivalent: readonly Known[] = [
  {
    why: 'One release alone is handed on as it is: made anew it would have the same reasons and obligations.',
    mutants: ['decide/decide.ts together: others.length === 0 -> false'],
  },
  {
    why: 'The highest rank of what data it is about: nothing stands above it to be reached.',
    mutants: ['decide/strategies.ts dataRank: 5 -> 6'],
  },
  {
    why: 'What is the same is told apart before: then neither is newer.',
    mutants: ['decide/families.ts isNewer: > -> >='],
  },
  {
    why: 'What is no object has no members: no `resourceType`, which is asked for beside it.',
    mutants: [
      'consent/parse-r4.ts parseConsentR4: !isObject(json) -> false',
      'consent/parse-r5.ts parseConsentR5: !isObject(json) -> false',
    ],
  },
  {
    why: 'How many labels are shared is a bound on memory: equal ones beyond it are told by their keys, which say the same.',
    mutants: [
      'label/effective.ts maximumKnown: 10_000 -> 10001',
      'label/effective.ts maximumKnown: 10_000 -> 9999',
      'label/effective.ts interned: known.size < maximumKnown -> true',
      'label/effective.ts interned: < -> <=',
    ],
  },
  {
    why: 'Spares making labels anew that nothing is added to: by the same topics, caveats and origins the same object comes out.',
    mutants: ['label/effective.ts inherit: parents.every((parent) => parent.labels === unlabelled) -> false'],
  },
  {
    why: 'Under no key there is no resource: what refers to nothing here leads to none.',
    mutants: ['label/sources.ts sourcesOf: key !== undefined -> true'],
  },
  {
    why: 'Spares a walk: that nobody can say whose it is need not be found twice.',
    mutants: ['label/sources.ts sourcesOf: !sources.has(unstated) -> true'],
  },
  {
    why: 'The first of which nobody can say whose it is is the last that is asked.',
    mutants: ['label/sources.ts sourcesOf: isOf -> true'],
  },
];

/** Behaviour may change, and no test says so yet. */
export const open: readonly Known[] = [];
