/**
 * Work that takes long enough to be felt, one piece in a turn of the event loop. Many large answers that came together would
 * otherwise be worked off in one turn, with nobody served in between: timers come late by the sum of them all, and the process
 * takes itself for overloaded.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  /** In the order of coming; not in this turn. */
  take(work: () => void): void {
    this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const [work] = this.#waiting;
    if (this.#waiting.length > 1) setImmediate(this.#next); // one that is set now is of the next turn
    this.#waiting.shift();
    work?.();
  };
}
