import type { ParsedConsent, PatientConsents } from '../consent/parsed.ts';
import { type Fate, fatesOf, isNewer } from '../decide/families.ts';
import type { DecisionSettings } from '../decide/question.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { type Part2Finding, part2Findings } from './part2.ts';
import { type Change, type ConsentVersion, changesOf, standsSince } from './versions.ts';
import { type Lexicon, type Sentence, sentencesOf } from './words.ts';

/** What of one Consent counts now, and why. */
export interface ConsentReview {
  /** `Consent/id/_history/version`. */
  readonly ref: string;
  readonly status: string;
  readonly counts: boolean;
  /** Stable code: `in-force`, `denials-only`, `permissions-only` ... or why it does not count. */
  readonly reason: ReviewReason;
  /** The same in a sentence. */
  readonly why: string;
  /** The Consent that replaced it. */
  readonly by?: string;
  /** When its present terms took effect here, epoch milliseconds; undefined while they have none or nobody can say. */
  readonly since: number | undefined;
  /** Last moment of its own period. */
  readonly until: number | undefined;
  readonly sentences: readonly Sentence[];
  /** Constructs that were not understood. */
  readonly notUnderstood: readonly string[];
  /** What a Consent that claims to be one for Part 2 data lacks. */
  readonly part2: readonly Part2Finding[];
  /** Newest first; undefined where its store gives no history. */
  readonly changes: readonly Change[] | undefined;
}

export type ReviewReason =
  | 'in-force'
  | 'denials-only'
  | 'other-organization'
  | 'not-active'
  | 'notice'
  | 'not-begun'
  | 'ended'
  | 'not-about-disclosure'
  | 'superseded';

/** Everything that is in force for one patient, and what is not and why. */
export interface InForce {
  readonly patient: PatientKey;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly strategy: DecisionSettings['conflictStrategy'];
  readonly implicitPolicy: DecisionSettings['implicitPolicy'];
  /** One of her Consents could not be read: nothing of hers is shared on the strength of any. */
  readonly unreadable: boolean;
  /** Those that count first, each part newest first. */
  readonly consents: readonly ConsentReview[];
}

export interface Gathered {
  readonly consents: PatientConsents;
  /** By `Consent/id`; a Consent without an entry has no history. */
  readonly histories: ReadonlyMap<string, readonly ConsentVersion[]>;
}

/** Pure: what the decisions of this moment rest on, told. */
export function reviewOf(
  patient: PatientKey,
  { consents: { consents, unreadable }, histories }: Gathered,
  at: number,
  settings: DecisionSettings,
  lexicon: Lexicon,
): InForce {
  // A research Consent counts for research: asked for that, it shows what else would keep it from counting.
  const reviews = fatesOf(consents, 'HRESCH', at, settings)
    .toSorted((a, b) => (isNewer(a.consent, b.consent) ? -1 : 1))
    .map(({ consent, fate }) => review(consent, fate, histories.get(keyOf(consent)), settings, lexicon));
  return {
    patient,
    at,
    strategy: settings.conflictStrategy,
    implicitPolicy: settings.implicitPolicy,
    unreadable,
    consents: [...reviews.filter(({ counts }) => counts), ...reviews.filter(({ counts }) => !counts)],
  };
}

/** `Consent/id` of a versioned reference. */
export function keyOf({ ref }: Pick<ParsedConsent, 'ref'>): string {
  return ref.replace(/\/_history\/.*$/, '');
}

function review(
  consent: ParsedConsent,
  fate: Fate,
  versions: readonly ConsentVersion[] | undefined,
  settings: DecisionSettings,
  lexicon: Lexicon,
): ConsentReview {
  const counts = fate.counts && (fate.mayPermit || fate.mayDeny);
  const reason = reasonOf(fate);
  const since = counts ? sinceOf(consent, versions, lexicon) : undefined;
  return {
    ref: consent.ref,
    status: consent.status,
    counts,
    reason,
    why: whyWords(reason, fate, consent, lexicon),
    ...(fate.by === undefined ? {} : { by: fate.by.ref }),
    since,
    until: consent.period !== undefined && Number.isFinite(consent.period.end) ? consent.period.end : undefined,
    sentences: sentencesOf(consent, lexicon),
    notUnderstood: consent.findings,
    part2: part2Findings(consent, settings),
    changes: versions === undefined ? undefined : changesOf(versions, lexicon),
  };
}

function reasonOf(fate: Fate): ReviewReason {
  if (!fate.counts) {
    if (fate.because === 'status') return 'not-active';
    return fate.because === 'research-only' ? 'not-about-disclosure' : fate.because;
  }
  if (fate.isForeign && !fate.mayDeny) return 'other-organization';
  return fate.mayPermit ? 'in-force' : 'denials-only';
}

function whyWords(reason: ReviewReason, fate: Fate, consent: ParsedConsent, { calendar }: Lexicon): string {
  switch (reason) {
    case 'in-force':
      if (consent.denyOnly)
        return 'It counts, but something about it as a whole was not understood: it may deny, and allows nothing.';
      return consent.scope === 'research' ? 'It counts, for research alone.' : 'It counts.';
    case 'denials-only':
      return `What it denies counts; what it allows does not: ${
        fate.counts && fate.isForeign
          ? 'it is of an organization that this gateway does not act for'
          : 'a newer consent of the same kind replaced it and has itself ended'
      }.`;
    case 'other-organization':
      return 'It does not count here: it is of an organization that this gateway does not act for.';
    case 'not-active':
      return `It does not count: its status is ${consent.status}.`;
    case 'notice':
      return 'It does not count: it records that a notice was given, and decides nothing.';
    case 'not-begun':
      return `It does not count yet: ${beginWords(consent, calendar)}.`;
    case 'ended':
      return `It does not count any more: it ended ${calendar.until(consent.period?.end ?? 0)}.`;
    case 'not-about-disclosure':
      return 'It does not count: it is about treatment or another matter, not about who receives data.';
    case 'superseded':
      return 'It does not count any more: a newer consent of the same kind replaced it.';
    default:
      return reason satisfies never;
  }
}

function beginWords({ period, dateTime }: ParsedConsent, calendar: Lexicon['calendar']): string {
  const begins = Math.max(period?.start ?? 0, typeof dateTime === 'number' ? dateTime : 0);
  return `it begins ${calendar.from(begins)}`;
}

/** The latest of what it states and when the store first had it so; without a history, of when its version was stored. */
function sinceOf(
  consent: ParsedConsent,
  versions: readonly ConsentVersion[] | undefined,
  lexicon: Lexicon,
): number | undefined {
  const stored = versions === undefined ? consent.recency[1] : (standsSince(versions, lexicon) ?? consent.recency[1]);
  const since = Math.max(
    stored,
    consent.period?.start ?? Number.NEGATIVE_INFINITY,
    typeof consent.dateTime === 'number' ? consent.dateTime : Number.NEGATIVE_INFINITY,
  );
  return Number.isFinite(since) ? since : undefined;
}
