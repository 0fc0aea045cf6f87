import { nameNumber } from '../document/names.ts';
import { GatewayError } from '../errors/errors.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';

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
 * several may shift between its pages, so it is read until two readings agree. One that says two things under one id is read again, too.
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
  let last = await readOnce(upstream, parameter, references, maximum, errand);
  if (last.pages <= 1 && !last.contradicts) return last.consents;
  for (let reading = 1; reading < maximumReadings; reading++) {
    const again = await readOnce(upstream, parameter, references, maximum, errand);
    if (!again.contradicts && (again.pages <= 1 || again.marks === last.marks)) return again.consents;
    last = again;
  }
  throw new GatewayError('consent-unavailable');
}

async function readOnce(
  upstream: Upstream,
  parameter: 'patient' | 'subject',
  references: readonly string[],
  maximum: number,
  errand: Errand,
) {
  const search = {
    type: 'Consent',
    parameters: [[parameter, references.join(',')] as const],
    pageSize,
    unsorted: true,
  };
  const found = new Map<string, StoredConsent>();
  let pages = 0;
  let count = 0;
  let contradicts = false;
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
      const other = found.get(mark);
      contradicts ||= other !== undefined && other.text !== consent.text;
      found.set(mark, consent);
    }
  }
  const consents = [...found.values()];
  return {
    consents,
    pages,
    contradicts,
    marks: [count, ...consents.map(({ id, version }) => `${id}/${version}`).sort()].join(' '),
  };
}
