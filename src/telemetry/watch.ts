/** What a request spends its time on. Fixed: they label metrics and name spans. */
export const stages = ['authenticate', 'admit', 'plan', 'upstream', 'consent', 'decide', 'record', 'send'] as const;
export type Stage = (typeof stages)[number];

/** Where the time of one request goes; what is measured runs as if it were not. */
export interface Watch {
  /** Told when it is over, however it ends. */
  timed<T>(stage: Stage, work: () => Promise<T>): Promise<T>;
  /** For work in many small pieces: told in sum when the request is over. */
  busy<T>(stage: Stage, work: () => T): T;
}

/** For what nobody measures. */
export const unwatched: Watch = { timed: (_stage, work) => work(), busy: (_stage, work) => work() };

/** Who is told of stages; times are milliseconds of a clock that only goes forward. */
export interface StageObserver {
  onStage(stage: Stage, from: number, to: number, spentMs: number): void;
}

interface Sum {
  from: number;
  to: number;
  spentMs: number;
}

/** The watch of one request. */
export class RequestWatch implements Watch {
  readonly #clock: () => number;
  readonly #observer: StageObserver;
  readonly #sums = new Map<Stage, Sum>();

  /** @param clock milliseconds that only go forward */
  constructor(clock: () => number, observer: StageObserver) {
    this.#clock = clock;
    this.#observer = observer;
  }

  timed<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const from = this.#clock();
    const over = (): void => {
      const to = this.#clock();
      this.#observer.onStage(stage, from, to, to - from);
    };
    const result = work();
    return result.finally(over);
  }

  busy<T>(stage: Stage, work: () => T): T {
    const from = this.#clock();
    try {
      return work();
    } finally {
      const to = this.#clock();
      const sum = this.#sums.get(stage);
      if (sum === undefined) this.#sums.set(stage, { from, to, spentMs: to - from });
      else {
        sum.to = to;
        sum.spentMs += to - from;
      }
    }
  }

  /** Tells what was summed up. */
  end(): void {
    for (const [stage, { from, to, spentMs }] of this.#sums) this.#observer.onStage(stage, from, to, spentMs);
    this.#sums.clear();
  }
}
