/** A Coding reduced to what comparing needs; `system` is canonical (aliases resolved), '' when absent. */
export interface Coding {
  readonly system: string;
  readonly code: string;
}

/** A closed interval in epoch milliseconds; open ends are ±Infinity. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** At least one. */
export type Some<T> = readonly [T, ...T[]];
