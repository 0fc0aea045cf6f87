/** Compares this machine's clock with that of the FHIR server, by the Date of its answers (RFC 9110 section 6.6.1). */
export interface ClockWatch {
  /** Undefined until an answer had a Date. */
  readonly differenceMs: number | undefined;
  /** Whether the difference is within the bound, as far as is known. */
  readonly isRight: boolean;
  /** Takes the Date of an answer, as it stands in its head. */
  seen(date: string): void;
  stop(): void;
}

const lookEveryMs = 1_000;
const askEveryMs = 10_000;

/**
 * @param maximumDifferenceMs 0: any
 * @param parts.ask gets any answer of the FHIR server: while the clocks differ nobody may be sent here any more, whose requests would
 * show that they agree again
 * @param parts.onChange told when they begin to differ, and when they agree again
 */
export function createClockWatch(
  maximumDifferenceMs: number,
  parts: {
    readonly now: () => number;
    readonly ask: () => Promise<unknown>;
    readonly onChange: (isRight: boolean) => void;
  },
): ClockWatch {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let differenceMs: number | undefined;
  let isRight = true;
  const asking = setInterval(() => {
    if (!isRight) void parts.ask().catch(() => undefined);
  }, askEveryMs);
  asking.unref();
  return {
    get differenceMs() {
      return differenceMs;
    },
    get isRight() {
      return isRight;
    },
    seen(date) {
      const at = parts.now();
      if (at >= lookedAt && at - lookedAt < lookEveryMs) return;
      lookedAt = at;
      const theirs = Date.parse(date);
      if (Number.isNaN(theirs)) return;
      differenceMs = theirs - at;
      const before = isRight;
      isRight = maximumDifferenceMs === 0 || Math.abs(differenceMs) <= maximumDifferenceMs;
      if (isRight !== before) parts.onChange(isRight);
    },
    stop: () => clearInterval(asking),
  };
}
