import type { ParsedConsent } from '../consent/parsed.ts';
import type { Residuals } from '../consent/residual.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { atMost } from '../label/labels.ts';
import { standingAlone } from './families.ts';
import { type Asker, type ConsentAsWhole, counts, matchesData, type Question } from './match.ts';
import type { Candidate, DecisionSettings } from './question.ts';

/** A residual stands for no Consent of its own: nothing of Part 2 is recognised in it. */
const nobody: ConsentAsWhole = {
  root: undefined,
  nested: [],
  isPart2: false,
  written: {
    hasOrganization: false,
    hasPolicyText: false,
    hasSource: false,
    hasDateTime: false,
    isVerified: false,
    hasEnd: false,
  },
  basicNormalCeiling: false,
  allPurposes: [],
};

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
        counts(matchesData(elements, effect, nobody, question, asker, facts, named, settings), effect),
    );
  const permitsTopic = questions.some((question) => question.topic !== undefined && hits('permit', question));
  return questions.some(
    (question) =>
      hits('deny', question) &&
      !hits('permit', question) &&
      !(question.topic === undefined && permitsTopic && atMost(question.level, 'R')),
  );
}

/** Whether every Consent that the token was issued under is in force yet: no token outlives a revocation. */
export function tokenStands({ documents }: Residuals, consents: readonly ParsedConsent[], at: number): boolean {
  if (documents.length === 0) return true;
  const refs = standingAlone(consents, at).map(({ ref }) => ref);
  return documents.every(
    (document) =>
      document !== undefined && refs.some((ref) => ref === document || ref.startsWith(`${document}/_history/`)),
  );
}
