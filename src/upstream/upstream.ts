import type { UpstreamConfig } from '../config/upstream.ts';
import { Content } from '../document/content.ts';
import type { Memory } from '../document/memory.ts';
import { nameNumber } from '../document/names.ts';
import { type DocumentLimits, kinds, MalformedDocument, type Node, scan, type Tape } from '../document/tape.ts';
import { GatewayError } from '../errors/errors.ts';
import { idOf, parseRelativeReference, type ResourceKey, typeOf } from '../fhir/ids.ts';
import type { Parameter } from '../fhir/request.ts';
import type { Watch } from '../telemetry/watch.ts';
import { type ClockWatch, createClockWatch } from './clock.ts';
import { Exchange, type UpstreamTls } from './exchange.ts';
import { createVersionWatch, type VersionWatch } from './fhir-version.ts';

/** Where the next upstream page is; opaque to everybody else, sealed into page tokens. */
export type UpstreamCursor = { readonly link: string } | { readonly offset: number };

export interface UpstreamPage {
  readonly contents: readonly Content<'undecided'>[];
  /** Undefined after the last page. */
  readonly next: UpstreamCursor | undefined;
}

export interface UpstreamSearch {
  readonly type: string;
  readonly parameters: readonly Parameter[];
  readonly sort?: readonly { readonly parameter: string; readonly descending: boolean }[];
  readonly pageSize: number;
  /** A look-up by id: no order is asked for. */
  readonly unsorted?: boolean;
}

/** What one request brings along: whose credential, and when to give up. */
export interface Errand {
  /** The client's Authorization header, used in `forward` mode only; undefined for what the gateway reads on its own behalf. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Where what is read lives, when it ends with the request; unset: as long as anybody holds it. */
  readonly memory?: Memory | undefined;
}

/** One version of one resource, or its deletion. */
export interface Change {
  readonly key: ResourceKey;
  /** Undefined for a deletion. */
  readonly content: Content<'undecided'> | undefined;
  readonly version: string | undefined;
  /** FHIR instant. */
  readonly lastUpdated: string | undefined;
}

export interface ChangesPage {
  readonly changes: readonly Change[];
  /** Undefined after the last page. */
  readonly next: UpstreamCursor | undefined;
}

export interface Upstream {
  /** @returns undefined when the server has no such resource (404, 410) */
  read(key: ResourceKey, errand: Errand): Promise<Content<'undecided'> | undefined>;
  search(search: UpstreamSearch, cursor: UpstreamCursor | undefined, errand: Errand): Promise<UpstreamPage>;
  /**
   * One page of what happened to the resources of one type, newest first (FHIR R4 `history-type`).
   * @param since FHIR instant: nothing before it
   */
  changes(
    type: string,
    since: string | undefined,
    cursor: UpstreamCursor | undefined,
    errand: Errand,
  ): Promise<ChangesPage>;
  /** All versions of one resource, newest first; undefined when the server knows none. A deleted version has no content. */
  history(key: ResourceKey, errand: Errand): Promise<readonly Version[] | undefined>;
  /**
   * Writes one of the gateway's own resources; nothing of a client goes this way.
   * @param id undefined: the server gives it one
   * @param authorization instead of the gateway's own, if given
   */
  keep(
    type: string,
    id: string | undefined,
    json: string,
    authorization: string | undefined,
    errand: Errand,
  ): Promise<void>;
  /**
   * Writes a resource back with other labels, unless it changed since (FHIR R4 http, "managing resource contention"). Whether the
   * server keeps them like that, only reading it again tells.
   */
  relabel(key: ResourceKey, relabelled: Relabelled, errand: Errand): Promise<'written' | 'changed' | 'refused'>;
  readonly running: number;
  /** How the server's clock stands to this machine's. */
  readonly clock: Pick<ClockWatch, 'differenceMs' | 'isRight'>;
  /** Of which version of FHIR it is; it is asked when this is started. */
  readonly version: Pick<VersionWatch, 'start' | 'other'>;
  close(): Promise<void>;
}

export interface Relabelled {
  /** The one that was read; undefined where the server gives none. */
  readonly version: string | undefined;
  readonly json: string;
  /**
   * Whether labels that it does not bear go. HAPI FHIR keeps those of the version before, unless it is told otherwise (its header
   * X-Meta-Snapshot-Mode).
   */
  readonly lowers: boolean;
}

/** What a request for data asks. */
export type Lookups = Pick<Upstream, 'read' | 'search' | 'history'>;

/** The same for one request, which is told how long each exchange for data took. */
export function watched(upstream: Upstream, watch: Watch): Upstream {
  return {
    ...upstream,
    get running() {
      return upstream.running;
    },
    ...watchedLookups(upstream, watch),
  };
}

/** As `watched`, of what a request for data asks alone. */
export function watchedLookups(upstream: Lookups, watch: Watch): Lookups {
  return {
    read: (key, errand) => watch.timed('upstream', () => upstream.read(key, errand)),
    search: (search, cursor, errand) => watch.timed('upstream', () => upstream.search(search, cursor, errand)),
    history: (key, errand) => watch.timed('upstream', () => upstream.history(key, errand)),
  };
}

/** Pages in a row with nothing on them after which a server is taken to lead nowhere. */
const maximumEmptyPages = 100;

/**
 * The pages of a search, from a cursor on.
 * @throws {GatewayError} `upstream-invalid` too when the server leads in circles, or on and on through nothing
 */
export async function* pagesOf(
  upstream: Pick<Upstream, 'search'>,
  search: UpstreamSearch,
  start: UpstreamCursor | undefined,
  errand: Errand,
): AsyncGenerator<{ readonly page: UpstreamPage; readonly cursor: UpstreamCursor | undefined }> {
  const followed = new Set<string>();
  let empty = 0;
  for (let cursor = start; ; ) {
    const page = await upstream.search(search, cursor, errand);
    yield { page, cursor };
    if (page.next === undefined) return;
    empty = page.contents.length === 0 ? empty + 1 : 0;
    const next = JSON.stringify(page.next);
    if (followed.has(next) || empty > maximumEmptyPages) throw new GatewayError('upstream-invalid');
    followed.add(next);
    cursor = page.next;
  }
}

export interface Version {
  readonly content: Content<'undecided'> | undefined;
}

const names = {
  resourceType: nameNumber('resourceType'),
  id: nameNumber('id'),
  type: nameNumber('type'),
  entry: nameNumber('entry'),
  resource: nameNumber('resource'),
  search: nameNumber('search'),
  mode: nameNumber('mode'),
  meta: nameNumber('meta'),
  versionId: nameNumber('versionId'),
  fhirVersion: nameNumber('fhirVersion'),
  lastUpdated: nameNumber('lastUpdated'),
  request: nameNumber('request'),
  response: nameNumber('response'),
  etag: nameNumber('etag'),
  lastModified: nameNumber('lastModified'),
  link: nameNumber('link'),
  relation: nameNumber('relation'),
  url: nameNumber('url'),
};

const limits: DocumentLimits = {
  maximumDepth: 64,
  maximumMembers: 2_000,
  maximumNodes: 4_000_000,
  maximumStringBytes: 16_777_216,
};
const maximumHistoryPages = 50;
const metadataTimeoutMs = 3_000;
const changesPerPage = 200;

/**
 * The only client of the FHIR server. Its URLs and headers are made here from parsed parts; nothing of a client's
 * request is copied. Everything it hands out is undecided.
 * @param authorization current value of the gateway's own Authorization header, if any
 */
export function createUpstream(
  config: UpstreamConfig,
  deps: {
    now: () => number;
    authorization: () => string | undefined;
    tls?: () => UpstreamTls | undefined;
    /** Told when the server's clock and this machine's begin to differ by more than the bound, and when they agree again. */
    onClock?: (isRight: boolean) => void;
    /** Told when the server says that it is of a version of FHIR that is not read here. */
    onOtherVersion?: (said: string) => void;
  },
): Upstream {
  const clock = createClockWatch(config.maximumClockDifferenceMs, {
    now: deps.now,
    ask: () => fetchDocument('GET', `${basePath}/metadata`, undefined, { authorization: undefined, signal: undefined }),
    onChange: deps.onClock ?? (() => undefined),
  });
  const exchange = new Exchange(config, deps.now, deps.tls, clock.seen);
  const version = createVersionWatch({
    version: config.fhirVersion,
    ask: async () => {
      const signal = AbortSignal.timeout(metadataTimeoutMs);
      const tape = await fetchDocument('GET', `${basePath}/metadata`, undefined, { authorization: undefined, signal });
      return tape?.text(tape.member(0, names.fhirVersion));
    },
    onOther: deps.onOtherVersion ?? (() => undefined),
  });
  const base = new URL(config.baseUrl);
  const basePath = base.pathname.replace(/\/$/, '');
  const authorizationFor = (errand: Errand): string | undefined =>
    (config.credential === 'forward' ? errand.authorization : undefined) ?? deps.authorization();

  const fetchDocument = async (
    method: 'GET' | 'POST',
    path: string,
    form: string | undefined,
    errand: Errand,
  ): Promise<Tape | undefined> => {
    version.check();
    const answer = await exchange.send({
      method,
      path,
      ...(form === undefined ? {} : { form }),
      authorization: authorizationFor(errand),
      signal: errand.signal,
      memory: errand.memory,
    });
    if (answer.status === 201) throw new GatewayError('upstream-invalid'); // nothing was to be made
    return answer.status === 200 ? open(answer.body, errand.memory) : undefined;
  };

  return {
    async read(key, errand) {
      const tape = await fetchDocument('GET', `${basePath}/${key}`, undefined, errand);
      if (tape === undefined) return undefined;
      requireIdentity(tape, 0, typeOf(key), idOf(key));
      return Content.received(tape, 0);
    },

    async search(search, cursor, errand) {
      const isLink = cursor !== undefined && 'link' in cursor;
      const tape = isLink
        ? await fetchDocument('GET', cursor.link, undefined, errand)
        : await fetchDocument('POST', `${basePath}/${search.type}/_search`, formOf(search, config, cursor), errand);
      if (tape === undefined) throw new GatewayError('upstream-invalid');
      requireBundle(tape, 'searchset');
      const { contents, entries } = matchesOf(tape, search.type);
      return { contents, next: nextOf(tape, config, base, cursor, search.pageSize, entries) };
    },

    async changes(type, since, cursor, errand) {
      const path =
        cursor !== undefined && 'link' in cursor
          ? cursor.link
          : `${basePath}/${type}/_history?${changesQuery(since, cursor)}`;
      const tape = await fetchDocument('GET', path, undefined, errand);
      if (tape === undefined) throw new GatewayError('upstream-invalid');
      requireBundle(tape, 'history');
      const changes = [...items(tape, tape.member(0, names.entry))].map((entry) => changeOf(tape, entry, type));
      return { changes, next: nextOf(tape, config, base, cursor, changesPerPage, changes.length) };
    },

    async history(key, errand) {
      const versions: Version[] = [];
      let path: string | undefined = `${basePath}/${key}/_history?_count=1000`;
      for (let page = 0; path !== undefined; page++) {
        if (page >= maximumHistoryPages) throw new GatewayError('too-costly');
        const tape: Tape | undefined = await fetchDocument('GET', path, undefined, errand);
        if (tape === undefined) {
          if (page === 0) return undefined;
          throw new GatewayError('upstream-invalid');
        }
        requireBundle(tape, 'history');
        for (const entry of items(tape, tape.member(0, names.entry))) {
          const resource = tape.member(entry, names.resource);
          if (resource >= 0) requireIdentity(tape, resource, typeOf(key), idOf(key));
          versions.push({ content: resource < 0 ? undefined : Content.received(tape, resource) });
        }
        path = linkOf(tape, base);
      }
      return versions;
    },

    async keep(type, id, json, authorization, { signal }) {
      const { status } = await exchange.send({
        method: id === undefined ? 'POST' : 'PUT',
        path: id === undefined ? `${basePath}/${type}` : `${basePath}/${type}/${id}`,
        resource: json,
        authorization: authorization ?? deps.authorization(),
        signal,
      });
      if (status !== 200 && status !== 201) throw new GatewayError('upstream-invalid');
    },

    async relabel(key, { version, json, lowers }, { signal }) {
      try {
        const { status } = await exchange.send({
          method: 'PUT',
          path: `${basePath}/${key}`,
          resource: json,
          ...(version === undefined ? {} : { ifMatch: version }),
          isWholeOfLabels: lowers,
          authorization: deps.authorization(),
          signal,
        });
        if (status === 200 || status === 201) return 'written';
        return status === 409 || status === 412 ? 'changed' : 'refused';
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'upstream-invalid') return 'refused'; // or an answer nobody can read
        throw error;
      }
    },

    get running() {
      return exchange.running;
    },
    clock,
    version,
    close() {
      clock.stop();
      version.stop();
      return exchange.close();
    },
  };
}

/** @throws {GatewayError} `upstream-invalid` */
function open(body: Uint8Array, memory: Memory | undefined): Tape {
  try {
    return scan(body, limits, memory);
  } catch (error) {
    if (error instanceof MalformedDocument) throw new GatewayError('upstream-invalid', { cause: error });
    throw error;
  }
}

function formOf(search: UpstreamSearch, config: UpstreamConfig, cursor: UpstreamCursor | undefined): string {
  const form = new URLSearchParams();
  for (const [name, value] of search.parameters) form.append(name, value);
  const keys = (search.sort ?? []).map(({ parameter, descending }) => `${descending ? '-' : ''}${parameter}`);
  if (config.sortTieBreak && search.unsorted !== true && !keys.some((key) => key.replace('-', '') === '_id'))
    keys.push('_id');
  if (keys.length > 0) form.append('_sort', keys.join(','));
  form.append('_count', String(search.pageSize));
  if (cursor !== undefined && 'offset' in cursor) form.append('_offset', String(cursor.offset));
  return form.toString();
}

function changesQuery(since: string | undefined, cursor: UpstreamCursor | undefined): string {
  const query = new URLSearchParams({ _count: String(changesPerPage) });
  if (since !== undefined) query.set('_since', since);
  if (cursor !== undefined && 'offset' in cursor) query.set('_offset', String(cursor.offset));
  return query.toString();
}

/** An entry of a history: a version, or a deletion, which only its request names (FHIR R4 http, "history"). */
function changeOf(tape: Tape, entry: Node, type: string): Change {
  const resource = tape.member(entry, names.resource);
  const meta = tape.member(resource, names.meta);
  const response = tape.member(entry, names.response);
  const url = tape.text(tape.member(tape.member(entry, names.request), names.url));
  const ofResource = `${tape.text(tape.member(resource, names.resourceType))}/${tape.text(tape.member(resource, names.id))}`;
  const ofDeletion = /(?:^|\/)([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/.exec(url ?? '')?.[1] ?? '';
  const key = parseRelativeReference(resource < 0 ? ofDeletion : ofResource);
  if (key === undefined || typeOf(key) !== type) throw new GatewayError('upstream-invalid');
  return {
    key,
    content: resource < 0 ? undefined : Content.received(tape, resource),
    version:
      tape.text(tape.member(meta, names.versionId)) ??
      /^W\/"(.+)"$/.exec(tape.text(tape.member(response, names.etag)) ?? '')?.[1],
    lastUpdated:
      tape.text(tape.member(meta, names.lastUpdated)) ?? tape.text(tape.member(response, names.lastModified)),
  };
}

/** A swapped or mislabelled answer is worse than none. */
function requireIdentity(tape: Tape, node: Node, type: string, id: string): void {
  if (tape.text(tape.member(node, names.resourceType)) !== type || tape.text(tape.member(node, names.id)) !== id) {
    throw new GatewayError('upstream-invalid');
  }
}

function requireBundle(tape: Tape, type: string): void {
  if (tape.text(tape.member(0, names.resourceType)) !== 'Bundle' || tape.text(tape.member(0, names.type)) !== type) {
    throw new GatewayError('upstream-invalid');
  }
}

function* items(tape: Tape, array: Node): Generator<Node> {
  if (array < 0) return;
  if (tape.kind(array) !== kinds.array) throw new GatewayError('upstream-invalid');
  for (let item = tape.firstChild(array); item >= 0; item = tape.next(item)) yield item;
}

/** Matches of the type that was asked for. What came along unasked (outcomes, includes) is left behind. */
function matchesOf(tape: Tape, type: string): { contents: Content<'undecided'>[]; entries: number } {
  const contents: Content<'undecided'>[] = [];
  let entries = 0;
  for (const entry of items(tape, tape.member(0, names.entry))) {
    const resource = tape.member(entry, names.resource);
    const mode = tape.text(tape.member(tape.member(entry, names.search), names.mode));
    if (mode === 'outcome' || mode === 'include') continue;
    entries++;
    if (resource < 0 || tape.text(tape.member(resource, names.resourceType)) !== type)
      throw new GatewayError('upstream-invalid');
    contents.push(Content.received(tape, resource));
  }
  return { contents, entries };
}

function nextOf(
  tape: Tape,
  config: UpstreamConfig,
  base: URL,
  cursor: UpstreamCursor | undefined,
  pageSize: number,
  entries: number,
): UpstreamCursor | undefined {
  if (config.paging === 'offset') {
    const offset = cursor !== undefined && 'offset' in cursor ? cursor.offset : 0;
    return entries < pageSize ? undefined : { offset: offset + entries };
  }
  const link = linkOf(tape, base);
  if (link === undefined) return undefined;
  if (cursor !== undefined && 'link' in cursor && cursor.link === link) throw new GatewayError('upstream-invalid'); // a loop
  return { link };
}

/** Path and query of the next link, which must stay under the configured base: a credential goes with it. */
function linkOf(tape: Tape, base: URL): string | undefined {
  for (const link of items(tape, tape.member(0, names.link))) {
    if (tape.text(tape.member(link, names.relation)) !== 'next') continue;
    const text = tape.text(tape.member(link, names.url));
    const url = text === undefined || !URL.canParse(text, base.href) ? undefined : new URL(text, base);
    const prefix = base.pathname.replace(/\/$/, '');
    if (url === undefined || (url.pathname !== prefix && !url.pathname.startsWith(`${prefix}/`)))
      throw new GatewayError('upstream-invalid');
    // The server may know itself by another name than we call it by; only path and query are followed, on our own connection.
    return url.pathname + url.search;
  }
  return undefined;
}
