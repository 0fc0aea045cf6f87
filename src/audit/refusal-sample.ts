/** Lets so many refusals a second be recorded; the others are counted, and the next recorded one tells how many. */
export class RefusalSample {
  recordedCount = 0;
  countedOnly = 0;
  readonly #perSecond: number;
  #allowance: number;
  #at = 0;
  #untold = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#allowance = perSecond;
  }

  /** @param at Epoch milliseconds. */
  takes(at: number): boolean {
    const gained = (Math.max(0, at - this.#at) / 1000) * this.#perSecond;
    this.#allowance = Math.min(this.#perSecond, this.#allowance + gained);
    this.#at = at;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }

  countOnly(): void {
    this.countedOnly++;
    this.#untold++;
  }

  /** @returns How many were counted only since the last recorded one. */
  recorded(): number {
    this.recordedCount++;
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
