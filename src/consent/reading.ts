import { nameNumber } from '../document/names.ts';
import { GatewayError } from '../errors/errors.ts';
import { type Errand, pagesOf, type Upstream, type UpstreamSearch } from '../upstream/upstream.ts';
import { type Json, own, text } from './json.ts';

/** A Consent as its store holds it. */
export interface StoredConsent {
  readonly id: string | undefined;
  readonly version: string | undefined;
  /** `Consent.patient.reference` (R5: `Consent.subject.reference`), as written. */
  readonly patient: string | undefined;
  /** Its JSON text. */
  readonly text: string;
}

const pageSize = 200;
/** Whole readings of a list of several pages until two in a row agree. */
const maximumReadings = 4;

const names = {
  id: nameNumber('id'),
  meta: nameNumber('meta'),
  versionId: nameNumber('versionId'),
  patient: nameNumber('patient'),
  subject: nameNumber('subject'),
  reference: nameNumber('reference'),
};

/**
 * All Consents about these patients of one store, as they stood at one moment. A list of one page is one moment; one of
 * several may shift between its pages.
 * @param parameter search parameter that says whom they are about
 * @param references its values
 * @param maximum Consents in all, above which the store is given up
 * @throws {GatewayError} `consent-unavailable` when there are more, or when it never comes to rest; and what the store answered
 */
export async function readConsents(
  upstream: Upstream,
  parameter: 'patient' | 'subject',
  references: readonly string[],
  maximum: number,
  errand: Errand,
): Promise<readonly StoredConsent[]> {
  return settled(() => readOnce(upstream, parameter, references, maximum, errand));
}

/** One reading of a list. */
export interface ListReading<Found> {
  readonly found: Found;
  readonly pages: number;
  /** It says two things under one id. */
  readonly contradicts: boolean;
  /** Equal for readings that say the same. */
  readonly marks: string;
}

/**
 * What a list says at one moment: read until it does not contradict itself and, where it has several pages, says the same twice.
 * @throws {GatewayError} `consent-unavailable` when it never comes to rest
 */
export async function settled<Found>(readOnce: () => Promise<ListReading<Found>>): Promise<Found> {
  let last: string | undefined;
  for (let reading = 0; reading < maximumReadings; reading++) {
    const { found, pages, contradicts, marks } = await readOnce();
    if (!contradicts && (pages <= 1 || marks === last)) return found;
    last = contradicts ? undefined : marks;
  }
  throw new GatewayError('consent-unavailable');
}

/** What was read under each name, and whether that was the same each time. */
export class Texts {
  readonly #texts = new Map<string, string>();
  contradict = false;

  note(name: string, text: string): void {
    const known = this.#texts.get(name);
    if (known !== undefined && known !== text) this.contradict = true;
    this.#texts.set(name, text);
  }

  /** Equal where the same was read under the same names. */
  get marks(): string {
    return JSON.stringify([...this.#texts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** A resource as it is stored. */
export interface StoredResource {
  readonly json: Json;
  readonly text: string;
}

/** The resources of one reading of a search. @param enough no page is asked for beyond so many */
export async function readList(
  upstream: Upstream,
  search: UpstreamSearch,
  errand: Errand,
  enough = Number.POSITIVE_INFINITY,
): Promise<ListReading<readonly StoredResource[]>> {
  const found: StoredResource[] = [];
  const texts = new Texts();
  let pages = 0;
  for await (const { page } of pagesOf(upstream, search, undefined, errand)) {
    pages++;
    for (const content of page.contents) {
      const stored = content.examine(({ tape, node }) => ({ text: tape.raw(node) }));
      const json = JSON.parse(stored.text) as Json; // a resource of the type that was asked for
      found.push({ json, text: stored.text });
      const id = text(own(json, 'id'));
      if (id !== undefined) texts.note(`${search.type}/${id}`, stored.text);
    }
    if (found.length >= enough) break;
  }
  return { found, pages, contradicts: texts.contradict, marks: texts.marks };
}

async function readOnce(
  upstream: Upstream,
  parameter: 'patient' | 'subject',
  references: readonly string[],
  maximum: number,
  errand: Errand,
): Promise<ListReading<readonly StoredConsent[]>> {
  const search = {
    type: 'Consent',
    parameters: [[parameter, references.join(',')] as const],
    pageSize,
    unsorted: true,
  };
  const found = new Map<string, StoredConsent>();
  let pages = 0;
  let count = 0;
  const texts = new Texts();
  for await (const { page } of pagesOf(upstream, search, undefined, errand)) {
    pages++;
    for (const content of page.contents) {
      if (++count > maximum) throw new GatewayError('consent-unavailable');
      const consent = content.examine(({ tape, node }): StoredConsent => {
        const whose = (name: number) => tape.text(tape.member(tape.member(node, name), names.reference));
        return {
          id: tape.text(tape.member(node, names.id)),
          version: tape.text(tape.member(tape.member(node, names.meta), names.versionId)),
          patient: whose(names.patient) ?? whose(names.subject),
          text: tape.raw(node),
        };
      });
      // One that moved from page to page is there once, and the reading is not the same as the next.
      const mark = consent.id ?? `${count}`;
      texts.note(mark, consent.text);
      found.set(mark, consent);
    }
  }
  const consents = [...found.values()];
  return {
    found: consents,
    pages,
    contradicts: texts.contradict,
    marks: [count, ...consents.map(({ id, version }) => `${id}/${version}`).sort()].join(' '),
  };
}
