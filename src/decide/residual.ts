import type { ParsedConsent } from '../consent/parsed.ts';
import type { Residuals } from '../consent/residual.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { atMost } from '../label/labels.ts';
import { standingAlone } from './families.ts';
import { type Asker, counts, matchesData, type Question } from './match.ts';
import type { Candidate, DecisionSettings } from './question.ts';

/**
 * Residual rules in the token: what a forbid matches must not be returned, unless a permit matches it too (IHE PCF). Asked
 * for each topic and for the rest, as Consents are: a permit of a topic covers the rest up to R, and no other topic.
 */
export function residualForbids(
  residuals: Residuals,
  patient: PatientKey,
  questions: readonly Question[],
  asker: Asker,
  { facts, named }: Candidate,
  settings: DecisionSettings,
): boolean {
  const { patient: whose, rules } = residuals;
  if (whose !== patient) return true;
  const hits = (wanted: 'permit' | 'deny', question: Question): boolean =>
    rules.some(
      ({ effect, elements }) =>
        effect === wanted &&
        counts(matchesData(elements, effect, undefined, question, asker, facts, named, settings), effect),
    );
  // Whatever denies the rest up to R denies every topic, which is asked at R: then a permit has to be found for that.
  const asked = questions.filter(
    ({ topic, level }) => topic !== undefined || questions.length === 1 || !atMost(level, 'R'),
  );
  return asked.some((question) => hits('deny', question) && !hits('permit', question));
}

/** Whether every Consent that the token was issued under is in force yet: no token outlives a revocation. */
export function tokenStands({ documents }: Residuals, consents: readonly ParsedConsent[], at: number): boolean {
  const standing = new Set<string | undefined>(
    standingAlone(consents, at).flatMap(({ ref }) => [ref, ref.split('/_history/')[0]]),
  );
  return documents.every((document) => standing.has(document));
}
