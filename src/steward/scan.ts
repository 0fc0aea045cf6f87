import type { Labelling } from '../discover/visibility.ts';
import type { Content } from '../document/content.ts';
import { GatewayError } from '../errors/errors.ts';
import { type ResourceKey, typeOf } from '../fhir/ids.ts';
import { type Reading, type ReadSettings, readResource } from '../label/read.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';
import { type Addition, additionsTo, withLabels } from './additions.ts';
import { emptyTally, type ScanState, type Tally } from './state.ts';
import { Support } from './support.ts';

export interface ScanParts {
  readonly upstream: Pick<Upstream, 'read' | 'search' | 'relabel'>;
  readonly labelling: Labelling;
  /** As `labelling`, with every strength of rows: what it finds beyond is for a person to look at. */
  readonly every: Labelling;
  readonly readSettings: ReadSettings;
  readonly errand: Errand;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** After each page: so far, for who watches, and to be kept. */
  readonly onPage: (type: string, state: ScanState) => void;
  /** A resource that a person should look at: the rule that shows the topic weakly, or `meta.security` where it is stated and nothing shows it. */
  readonly onReview: (key: ResourceKey, topic: string, rule: string) => void;
}

export interface ScanOptions {
  readonly types: readonly string[];
  /** Labels are written; else they are counted. */
  readonly write: boolean;
  /** Resources read in a second at most. */
  readonly perSecond: number;
}

const pageSize = 100;

/**
 * Goes through a FHIR server, type by type, from the oldest change to the newest, and counts or writes the labels that resources should
 * bear. It can be ended at any time and begun again with the state it left: what was done is done, and what is done again
 * changes nothing. Resources that change after its start are not its concern, as they were labelled or will be.
 */
export async function scanServer(
  state: ScanState,
  { types, write, perSecond }: ScanOptions,
  parts: ScanParts,
): Promise<void> {
  const support = new Support(parts);
  for (const type of types) {
    if (state.done.includes(type)) continue;
    const tally = state.tallies[type] ?? emptyTally();
    state.tallies[type] = tally;
    try {
      for (let more = true; more; ) {
        const startedAt = parts.now();
        const readBefore = support.reads;
        const window = await nextWindow(type, state, parts);
        for (const content of window.contents) await look(content, tally, write, support, parts);
        state.cursors[type] = window.cursor;
        parts.onPage(type, state);
        more = window.more;
        // After the last one too: many small types are no reason to hurry.
        const due = ((window.contents.length + support.reads - readBefore) * 1_000) / perSecond;
        await parts.sleep(Math.max(0, due - (parts.now() - startedAt)));
      }
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'upstream-invalid') throw error;
      tally.unsearchable = true; // a server need not have every type
    }
    state.done.push(type);
    parts.onPage(type, state);
  }
}

interface Window {
  readonly contents: readonly Content<'undecided'>[];
  /** `meta.lastUpdated` of the last of them. */
  readonly cursor: string | undefined;
  readonly more: boolean;
}

/**
 * Resources from the cursor on, to the end of a run with one `lastUpdated`: a search that begins there again would be the same. All
 * are read before one is written, as writing moves it out of the search.
 */
async function nextWindow(type: string, { cursors, startedAt }: ScanState, parts: ScanParts): Promise<Window> {
  const cursor = cursors[type];
  const parameters: [string, string][] = [['_lastUpdated', `lt${startedAt}`]];
  if (cursor !== undefined) parameters.push(['_lastUpdated', `gt${cursor}`]);
  const search = { type, parameters, sort: [{ parameter: '_lastUpdated', descending: false }], pageSize };
  const contents: Content<'undecided'>[] = [];
  let last: string | undefined = cursor;
  for await (const { page } of pagesOf(parts.upstream, search, undefined, parts.errand)) {
    for (const content of page.contents) {
      const updated = lastUpdatedOf(content, parts.readSettings);
      if (contents.length >= pageSize && updated !== last) return { contents, cursor: last, more: true };
      contents.push(content);
      last = updated;
    }
  }
  return { contents, cursor: last, more: false };
}

function lastUpdatedOf(content: Content<'undecided'>, settings: ReadSettings): string | undefined {
  return readingOf(content, settings)?.facts.lastUpdated;
}

function readingOf(content: Content<'undecided'>, settings: ReadSettings): Reading | undefined {
  return content.examine((resource) => ({ reading: readResource(resource, settings) })).reading;
}

async function look(
  content: Content<'undecided'>,
  tally: Tally,
  write: boolean,
  support: Support,
  parts: ScanParts,
): Promise<void> {
  const reading = readingOf(content, parts.readSettings);
  if (reading === undefined) return;
  const { key, labelInputs } = reading.facts;
  const labels = parts.labelling.own(reading, content);
  const additions = additionsTo(labelInputs, labels);
  tally.read++;
  if (labels.topics.length > 0) tally.sensitive++;
  for (const label of await support.unsupported(reading, content, labels)) {
    tally.unexplained[label] = (tally.unexplained[label] ?? 0) + 1;
    parts.onReview(key, label, 'meta.security');
  }
  for (const { label, rule } of parts.every.own(reading, content).origins)
    if (!labels.topics.includes(label) && label !== 'R') parts.onReview(key, label, rule);
  if (additions.length === 0) return;
  tally.lacking++;
  for (const { code, origin } of additions) {
    const name = `${code} by ${origin.by}, ${origin.rule}`;
    tally.rules[name] = (tally.rules[name] ?? 0) + 1;
  }
  if (write) await raise(key, tally, parts);
}

const maximumTries = 3;

/**
 * Reads it anew and writes it with its labels, unless somebody changed it in between: then once more. It is done when it bears them,
 * not when the server says so.
 */
async function raise(key: ResourceKey, tally: Tally, parts: ScanParts): Promise<void> {
  const { upstream, errand } = parts;
  let isWritten = false;
  for (let tries = 0; tries <= maximumTries; tries++) {
    const content = await upstream.read(key, errand);
    const reading = content === undefined ? undefined : readingOf(content, parts.readSettings);
    if (content === undefined || reading === undefined) return; // deleted since
    const additions: readonly Addition[] = additionsTo(
      reading.facts.labelInputs,
      parts.labelling.own(reading, content),
    );
    if (additions.length === 0) {
      if (isWritten) tally.written++;
      return;
    }
    if (isWritten || tries === maximumTries) break;
    // It goes back to the server that it came from, and nowhere else.
    const { text } = content.examine((resource) => ({ text: withLabels(resource, additions) }));
    const relabelled = { version: reading.facts.versionId, json: text, lowers: false };
    const outcome = await upstream.relabel(key, relabelled, errand);
    if (outcome === 'refused') break;
    isWritten = outcome === 'written';
  }
  tally.failed.push(`${typeOf(key)}/${key.slice(typeOf(key).length + 1)}`);
}
