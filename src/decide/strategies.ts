import type { Elements } from '../consent/parsed.ts';
import type { ReadyConsent, Ruling } from './answer.ts';
import { isNewer } from './families.ts';
import type { DecisionSettings } from './question.ts';

export interface Asked {
  readonly consent: ReadyConsent;
  /** One ruling per question. */
  readonly rulings: readonly Ruling[];
}

/**
 * Which answers count when Consents of several families speak. `deny-overrides`: all. `most-recent`: per question the
 * newest permit or deny. `most-specific`: per question those of the most specific provision, deny before permit.
 */
export function decisive(asked: readonly Asked[], strategy: DecisionSettings['conflictStrategy']): readonly Asked[] {
  if (strategy === 'deny-overrides' || asked.length < 2) return asked;
  const questions = asked[0]?.rulings.length ?? 0;
  const counted = Array.from({ length: questions }, (_, question) =>
    strategy === 'most-recent' ? newest(asked, question) : mostSpecific(asked, question),
  );
  return asked.map(({ consent, rulings }) => ({
    consent,
    rulings: rulings.map((ruling, question) =>
      speaks(ruling) && !counted[question]?.has(consent) ? { ...ruling, answer: 'not-applicable' as const } : ruling,
    ),
  }));
}

function speaks({ answer }: Ruling): boolean {
  return answer === 'permit' || answer === 'deny';
}

function newest(asked: readonly Asked[], question: number): ReadonlySet<ReadyConsent> {
  const speaking = asked.filter(({ rulings }) => speaks(rulings[question] as Ruling)).map(({ consent }) => consent);
  const [first] = speaking.toSorted((a, b) => (isNewer(a.applicable.consent, b.applicable.consent) ? -1 : 1));
  return new Set(first === undefined ? [] : [first]);
}

function mostSpecific(asked: readonly Asked[], question: number): ReadonlySet<ReadyConsent> {
  const speaking = asked.filter(({ rulings }) => speaks(rulings[question] as Ruling));
  const ranks = speaking.map(({ rulings }) => rankOf((rulings[question] as Ruling).elements));
  const highest = Math.max(...ranks);
  return new Set(speaking.filter((_, index) => ranks[index] === highest).map(({ consent }) => consent));
}

/** An instance before a label or code, before a class, before other narrowing, before the whole record; a person before an organization. */
function rankOf(elements: Elements | undefined): number {
  if (elements === undefined) return 1;
  const { data, labels, codes, classes, dataPeriod, actors } = elements;
  const what = data?.codes.some(({ meaning }) => meaning === 'instance')
    ? 5
    : labels || codes
      ? 4
      : classes
        ? 3
        : dataPeriod || data
          ? 2
          : 1;
  const names = (actors ?? []).filter(({ part }) => part === 'recipient').flatMap(({ names: all }) => all);
  const who = names.some((name) => !name.startsWith('Organization/')) ? 0.5 : names.length > 0 ? 0.25 : 0;
  return what + who;
}
