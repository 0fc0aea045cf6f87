import type { Errand } from '../upstream/upstream.ts';
import type { ConsentSource } from './source.ts';
import type { ConsentStore } from './store.ts';

export interface WatchParts {
  readonly stores: readonly ConsentStore[];
  readonly source: Pick<ConsentSource, 'heard' | 'failed'>;
  readonly everyMs: number;
  /** Called once for a store that answers no question about changes, and once when it does again. */
  readonly onSilence: (store: string, isSilent: boolean) => void;
}

/** Notifications that come faster than this are one. */
const shortestPauseMs = 100;
const errand: Omit<Errand, 'signal'> = { authorization: undefined };

/**
 * Asks each store what changed, at intervals and whenever it says that something did. One question at a time for each
 * store: who floods it with notifications makes it ask no more often than every tenth of a second.
 */
export class ChangeWatch {
  readonly #watches: ReadonlyMap<string, StoreWatch>;

  constructor(parts: WatchParts) {
    this.#watches = new Map(parts.stores.map((store) => [store.name, new StoreWatch(store, parts)]));
  }

  /** Finds out where every store stands: a store that does not answer is asked again later. */
  start(): void {
    for (const watch of this.#watches.values()) watch.start();
  }

  /** Something changed there, says somebody. @returns false when there is no such store */
  notify(store: string): boolean {
    const watch = this.#watches.get(store);
    watch?.notify();
    return watch !== undefined;
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
  }
}

class StoreWatch {
  readonly #store: ConsentStore;
  readonly #parts: WatchParts;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  /** Notified since the last question was asked. */
  #isNotified = false;
  #isSilent = false;

  constructor(store: ConsentStore, parts: WatchParts) {
    this.#store = store;
    this.#parts = parts;
  }

  start(): void {
    if (this.#store.feed !== undefined) void this.#ask();
  }

  notify(): void {
    const isFirst = !this.#isNotified;
    this.#isNotified = true;
    if (isFirst && !this.#isAsking) this.#schedule(shortestPauseMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    const wasNotified = this.#isNotified;
    this.#isNotified = false;
    try {
      await this.#hear(wasNotified);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#parts.source.failed(this.#store, error);
    }
    this.#isAsking = false;
    if (this.#isNotified) this.#schedule(shortestPauseMs);
    else if (this.#store.feed !== undefined) this.#schedule(this.#parts.everyMs);
  }

  async #hear(wasNotified: boolean): Promise<void> {
    const { feed, name } = this.#store;
    const news = await feed?.news({ ...errand, signal: this.#abort.signal });
    if (feed !== undefined) this.#tell(name, news === undefined);
    // It was told that something changed, and cannot find out what: anything may have.
    if (news !== undefined || wasNotified) await this.#parts.source.heard(this.#store, news ?? 'unknown');
  }

  #schedule(milliseconds: number): void {
    if (this.#abort.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), milliseconds);
    this.#timer.unref();
  }

  #tell(name: string, isSilent: boolean): void {
    if (isSilent !== this.#isSilent) this.#parts.onSilence(name, isSilent);
    this.#isSilent = isSilent;
  }
}
