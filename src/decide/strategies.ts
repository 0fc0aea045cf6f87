import type { Elements } from '../consent/parsed.ts';
import { answerOf, type ReadyConsent, type Ruling } from './answer.ts';
import { isNewer } from './families.ts';
import type { Question } from './match.ts';
import type { CandidateData, DecisionSettings } from './question.ts';

export interface Asked {
  readonly consent: ReadyConsent;
  /** One ruling per question. */
  readonly rulings: readonly Ruling[];
}

/** What these Consents answer to each question. */
export function askedOf(
  consents: readonly ReadyConsent[],
  questions: readonly Question[],
  data: CandidateData,
  settings: DecisionSettings,
): readonly Asked[] {
  return consents.map((consent) => ({
    consent,
    rulings: questions.map((question) => answerOf(consent, question, data, settings)),
  }));
}

/**
 * Which answers count when Consents of several families speak. `deny-overrides`: all. `most-recent`: per question the
 * newest permit or deny. `most-specific`: per question those of the most specific provision, deny before permit.
 */
export function decisive(asked: readonly Asked[], strategy: DecisionSettings['conflictStrategy']): readonly Asked[] {
  if (strategy === 'deny-overrides') return asked;
  const counted = asked[0]?.rulings.map((_, question) =>
    strategy === 'most-recent' ? newest(asked, question) : mostSpecific(asked, question),
  );
  return asked.map(({ consent, rulings }) => ({
    consent,
    rulings: rulings.map((ruling, question) =>
      speaks(ruling) && !counted?.[question]?.has(consent) ? { ...ruling, answer: 'not-applicable' as const } : ruling,
    ),
  }));
}

function speaks({ answer }: Ruling): boolean {
  return answer === 'permit' || answer === 'deny';
}

function newest(asked: readonly Asked[], question: number): ReadonlySet<ReadyConsent> {
  const speaking = asked.filter(({ rulings }) => speaks(rulings[question] as Ruling)).map(({ consent }) => consent);
  return new Set(
    speaking.reduce<readonly ReadyConsent[]>(
      ([best], one) =>
        best === undefined || isNewer(one.applicable.consent, best.applicable.consent) ? [one] : [best],
      [],
    ),
  );
}

function mostSpecific(asked: readonly Asked[], question: number): ReadonlySet<ReadyConsent> {
  const speaking = asked.filter(({ rulings }) => speaks(rulings[question] as Ruling));
  const ranks = speaking.map(({ rulings }) => rankOf((rulings[question] as Ruling).deciding));
  const highest = Math.max(...ranks);
  return new Set(speaking.filter((_, index) => ranks[index] === highest).map(({ consent }) => consent));
}

/** The most specific of the provisions that decided. */
function rankOf(deciding: readonly Elements[]): number {
  return Math.max(...deciding.map((elements) => dataRank(elements) + actorRank(elements)));
}

/** An instance before a label or code, before a class, before other narrowing, before the whole record. */
function dataRank({ data, labels, codes, classes, documents, dataPeriod }: Elements): number {
  if (data?.codes.some(({ meaning }) => meaning === 'instance')) return 5;
  if (labels || codes) return 4;
  if (classes || documents) return 3;
  return dataPeriod || data ? 2 : 1;
}

/** A person before a role (and what cannot be told from one), before an organization, before everybody. */
function actorRank({ actors = [] }: Elements): number {
  const ranks = actors
    .filter(({ part }) => part === 'recipient' || part === 'unknown')
    .map(({ names }) => {
      if (names.some((name) => /(^|\/)(Practitioner|Patient|RelatedPerson|Device)\/[^/]+$/.test(name))) return 0.75;
      return names.some((name) => /(^|\/)Organization\/[^/]+$/.test(name)) ? 0.25 : 0.5;
    });
  return Math.max(0, ...ranks);
}
