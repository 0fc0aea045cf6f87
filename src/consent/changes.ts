import { nameNumber } from '../document/names.ts';
import { GatewayError } from '../errors/errors.ts';
import { idOf } from '../fhir/ids.ts';
import type { Change, ChangesPage, Errand, Upstream, UpstreamCursor } from '../upstream/upstream.ts';

/** A Consent that was created, changed or deleted. */
export interface ChangedConsent {
  readonly id: string;
  /** Whose it is now, as written; undefined for a deletion. */
  readonly patient: string | undefined;
  /** When the store changed it, by the store's clock, epoch milliseconds. */
  readonly at: number | undefined;
}

/** What changed since the last time; `unknown`: more than can be told, so anything may have. */
export type News = readonly ChangedConsent[] | 'unknown';

/** How a store tells what changed. */
type Way = 'history' | 'lastUpdated';

/**
 * Before the newest change seen, by the store's clock, this much is asked for again: a version may be stamped first and
 * become visible later.
 */
const overlapMs = 10_000;
/** How far ahead of ours a store's clock may be; a stamp from further in the future says nothing of what was seen. */
const aheadMs = 60_000;
const maximumPages = 10;
const pageSize = 200;

const names = {
  id: nameNumber('id'),
  meta: nameNumber('meta'),
  versionId: nameNumber('versionId'),
  lastUpdated: nameNumber('lastUpdated'),
  patient: nameNumber('patient'),
  subject: nameNumber('subject'),
  reference: nameNumber('reference'),
};

/**
 * Asks one store which Consents changed. What it tells makes a change count sooner; that it tells nothing proves nothing,
 * so no age is ever forgiven for it. It goes by the store's own stamps, never by our clock.
 */
export class ChangeFeed {
  readonly #upstream: Upstream;
  readonly #now: () => number;
  readonly #ways: readonly Way[];
  /** The way that served last. */
  #way: Way | undefined;
  /** Newest stamp seen; undefined until the store has told of a version. */
  #newest: number | undefined;
  #begun = false;
  /** Versions already told, by their stamp, as far back as will be asked for again. */
  readonly #told = new Map<string, number>();

  /** @param ways ways to ask, the best first */
  constructor(upstream: Upstream, ways: readonly Way[], now: () => number) {
    this.#upstream = upstream;
    this.#ways = ways;
    this.#now = now;
  }

  /**
   * The first time it finds out where the store stands, and has no news.
   * @returns undefined when the store answers none of the ways: it may another time
   * @throws {GatewayError} `upstream-unavailable`, `upstream-timeout`
   */
  async news(errand: Errand): Promise<News | undefined> {
    const first = this.#way === undefined ? [] : [this.#way];
    for (const way of new Set([...first, ...this.#ways])) {
      try {
        const news = await this.#ask(way, errand);
        this.#way = way;
        return news;
      } catch (error) {
        if (!(error instanceof GatewayError) || error.code !== 'upstream-invalid') throw error;
      }
    }
    this.#way = undefined;
    return undefined;
  }

  async #ask(way: Way, errand: Errand): Promise<News> {
    const since = this.#newest === undefined ? undefined : this.#newest - overlapMs;
    const seen: Change[] = [];
    let cursor: UpstreamCursor | undefined;
    let pages = 0;
    do {
      const page = await this.#page(way, since, cursor, errand);
      seen.push(...page.changes);
      cursor = page.next;
    } while (this.#begun && cursor !== undefined && ++pages < maximumPages);
    const isWhole = !this.#begun || cursor === undefined;
    const fresh = seen.filter((change) => !this.#told.has(markOf(change)));
    const isFirst = !this.#begun;
    this.#note(seen);
    if (isFirst) return [];
    return isWhole ? fresh.map(changedConsent) : 'unknown';
  }

  #page(way: Way, since: number | undefined, cursor: UpstreamCursor | undefined, errand: Errand): Promise<ChangesPage> {
    const instant = since === undefined ? undefined : new Date(since).toISOString();
    if (way === 'history') return this.#upstream.changes('Consent', instant, cursor, errand);
    return this.#searched(instant, cursor, errand);
  }

  async #searched(since: string | undefined, cursor: UpstreamCursor | undefined, errand: Errand): Promise<ChangesPage> {
    const search = {
      type: 'Consent',
      parameters: since === undefined ? [] : [['_lastUpdated', `ge${since}`] as const],
      sort: [{ parameter: '_lastUpdated', descending: true }],
      pageSize,
      unsorted: true, // by nothing else
    };
    const { contents, next } = await this.#upstream.search(search, cursor, errand);
    const changes = contents.map((content) =>
      content.examine(({ tape, node }) => {
        const meta = tape.member(node, names.meta);
        return {
          key: `Consent/${tape.text(tape.member(node, names.id)) ?? ''}` as Change['key'],
          content,
          version: tape.text(tape.member(meta, names.versionId)),
          lastUpdated: tape.text(tape.member(meta, names.lastUpdated)),
        };
      }),
    );
    return { changes, next };
  }

  #note(seen: readonly Change[]): void {
    this.#begun = true;
    const limit = this.#now() + aheadMs;
    for (const change of seen) {
      const at = stampOf(change);
      if (at !== undefined && at > (this.#newest ?? Number.NEGATIVE_INFINITY)) this.#newest = Math.min(at, limit);
    }
    const from = (this.#newest ?? Number.NEGATIVE_INFINITY) - overlapMs;
    for (const change of seen) this.#told.set(markOf(change), stampOf(change) ?? from);
    for (const [mark, at] of this.#told) if (at < from) this.#told.delete(mark);
  }
}

function markOf({ key, version, content, lastUpdated }: Change): string {
  return `${key} ${version ?? ''} ${content === undefined ? 'deleted' : ''} ${lastUpdated ?? ''}`;
}

function stampOf({ lastUpdated }: Change): number | undefined {
  const at = Date.parse(lastUpdated ?? '');
  return Number.isNaN(at) ? undefined : at;
}

function changedConsent(change: Change): ChangedConsent {
  const patient = change.content?.examine(({ tape, node }) => {
    const whose = (name: number) => tape.text(tape.member(tape.member(node, name), names.reference));
    return { reference: whose(names.patient) ?? whose(names.subject) };
  });
  return { id: idOf(change.key), patient: patient?.reference, at: stampOf(change) };
}
