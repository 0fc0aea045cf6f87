import type { ParsedConsent, UnreadableConsent } from '../consent/parsed.ts';
import { type Lexicon, sentencesOf } from './words.ts';

/** One version of a Consent as its store keeps it. */
export interface ConsentVersion {
  readonly versionId: string | undefined;
  /** Epoch milliseconds; undefined where the store does not say. */
  readonly lastUpdated: number | undefined;
  /** Undefined: this version deleted it. */
  readonly consent: ParsedConsent | UnreadableConsent | undefined;
}

/** What one version changed. */
export interface Change {
  readonly versionId: string | undefined;
  readonly at: number | undefined;
  readonly what: readonly string[];
}

/** @param versions newest first, as a history gives them; @returns the same order, each with what it changed. Pure. */
export function changesOf(versions: readonly ConsentVersion[], lexicon: Lexicon): readonly Change[] {
  return versions.map(({ versionId, lastUpdated, consent }, index) => ({
    versionId,
    at: lastUpdated,
    what: whatChanged(consent, versions[index + 1], lexicon),
  }));
}

function whatChanged(
  now: ConsentVersion['consent'],
  before: ConsentVersion | undefined,
  lexicon: Lexicon,
): readonly string[] {
  if (now === undefined) return ['Deleted.'];
  if (!now.readable) return ['Changed to something that cannot be read as a consent.'];
  const earlier = before?.consent;
  if (earlier === undefined) return [before === undefined ? 'Recorded.' : 'Recorded again.', statusWords(now)];
  if (!earlier.readable) return ['Can be read again.', statusWords(now)];
  const said = new Set(termsOf(earlier, lexicon));
  const says = new Set(termsOf(now, lexicon));
  const what = [
    ...(now.status === earlier.status ? [] : [`Its status changed from ${earlier.status} to ${now.status}.`]),
    ...[...said].filter((text) => !says.has(text)).map((text) => `No longer: ${text}`),
    ...[...says].filter((text) => !said.has(text)).map((text) => `New: ${text}`),
  ];
  return what.length === 0 ? ['Nothing that matters to who may receive what.'] : what;
}

function statusWords({ status }: ParsedConsent): string {
  return `Its status is ${status}.`;
}

/** Everything of a Consent that a reader would call its terms. */
export function termsOf(consent: ParsedConsent, lexicon: Lexicon): readonly string[] {
  const { period } = consent;
  const span =
    period === undefined
      ? []
      : [
          ...(Number.isFinite(period.start) ? [`Begins ${lexicon.calendar.from(period.start)}.`] : []),
          ...(Number.isFinite(period.end) ? [`Ends ${lexicon.calendar.until(period.end)}.`] : []),
        ];
  return [...span, ...sentencesOf(consent, lexicon).map(({ text }) => text)];
}

/**
 * Since when its present terms have stood in the store: the first version of the unbroken run, up to the newest, that is
 * active and says the same.
 */
export function standsSince(versions: readonly ConsentVersion[], lexicon: Lexicon): number | undefined {
  const [newest] = versions;
  if (!newest?.consent?.readable) return undefined;
  const terms = JSON.stringify(termsOf(newest.consent, lexicon));
  let since: number | undefined;
  for (const { consent, lastUpdated } of versions) {
    if (!consent?.readable || consent.status !== newest.consent.status) break;
    if (JSON.stringify(termsOf(consent, lexicon)) !== terms) break;
    since = lastUpdated;
  }
  return since;
}
