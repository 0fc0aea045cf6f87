/** Whether this process comes too late to what it has to do: then new work is refused before it begins. */
export interface Pressure {
  readonly isHigh: boolean;
  stop(): void;
}

const tickMs = 100;
/** Ticks that a delay counts for. */
const remembered = 5;

/**
 * Measures by how much a timer is late: the longest delay of the last half second counts.
 * @param maximumDelayMs 0: any
 */
export function watchPressure(maximumDelayMs: number): Pressure {
  const delays: number[] = [];
  let due = performance.now() + tickMs;
  const timer = setInterval(() => {
    const at = performance.now();
    delays.push(at - due);
    if (delays.length > remembered) delays.shift();
    due = at + tickMs;
  }, tickMs);
  timer.unref();
  return {
    get isHigh() {
      return (
        maximumDelayMs > 0 && (Math.max(0, ...delays) > maximumDelayMs || performance.now() - due > maximumDelayMs)
      );
    },
    stop: () => clearInterval(timer),
  };
}
