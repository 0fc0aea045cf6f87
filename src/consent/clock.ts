/** Two clocks: one that can be set, and one that only runs on while the process does. */
export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds since some fixed instant; never set. */
  readonly steady: () => number;
}

/** When something was begun, by both clocks. */
export interface Instant {
  readonly wall: number;
  readonly steady: number;
}

export function instant({ now, steady }: Clock): Instant {
  return { wall: now(), steady: steady() };
}

/**
 * Age in milliseconds by whichever clock makes it older: a clock that is set back makes nothing younger, and time that the
 * machine slept through counts. Infinite when the clock was set back behind the instant.
 */
export function ageOf(then: Instant, clock: Clock): number {
  const wall = clock.now() - then.wall;
  return wall < 0 ? Number.POSITIVE_INFINITY : Math.max(wall, clock.steady() - then.steady);
}
