import type { Residuals } from '../consent/residual.ts';
import type { Emergency } from '../context/emergency.ts';
import type { Some } from '../fhir/coding.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { namedOnlyTopics } from '../fhir/vocabulary.ts';
import type { ReadyConsent, Ruling } from './answer.ts';
import type { Reason } from './decision.ts';
import { notHandled } from './handling.ts';
import type { Asker, Question } from './match.ts';
import { isForPurpose } from './purposes.ts';
import type { Candidate, DecisionSettings } from './question.ts';
import { residualForbids } from './residual.ts';
import { type Asked, askedOf, decisive } from './strategies.ts';

/** A patient's Consents, made ready for one purpose. */
export interface Run {
  readonly asker: Asker;
  readonly consents: readonly ReadyConsent[];
}

/** What one purpose of one patient was asked. */
export interface Sitting {
  readonly emergency: Emergency;
  readonly patient: PatientKey;
  readonly unreadable: boolean;
  readonly treatment: Run;
  readonly asserted: Run;
  readonly residuals: Residuals | undefined;
}

/**
 * The exception for a medical emergency (42 CFR 2.51), asked after the table ran as for TREAT and hid something in steps 5
 * to 8. It asks every Consent again with the emergency's own purpose. Whatever denies, for treatment or for the
 * emergency, keeps it hidden, unless the same Consent permits it for the emergency or the policies let emergencies
 * override denies. A restriction that she was granted yields (45 CFR 164.522(a)(1)(iii)). Notes need a permit, or policies that include them. Undefined: it stays hidden.
 */
export function inEmergency(
  sitting: Sitting,
  candidate: Candidate,
  questions: readonly Question[],
  settings: DecisionSettings,
): Some<Reason> | undefined {
  const { emergency, patient, unreadable, treatment, asserted, residuals } = sitting;
  // No written consent is needed here, so it does not matter whether a permit would be one: "not, but in emergencies" is heard.
  const anyForm = questions.map((question): Question => ({ ...question, anyForm: true }));
  const votesIn = (run: Run): readonly Asked[] => {
    const asked = askedOf(run.consents, anyForm, candidate, settings);
    // What cannot be read may have been newer than any permit: then every deny counts, and no permit.
    return unreadable ? asked : decisive(asked, settings.conflictStrategy);
  };
  const votes = votesIn(asserted);
  const before = votesIn(treatment);
  const permits: Reason[] = [];
  for (const [index, { topic }] of questions.entries()) {
    const permitting = unreadable ? new Map<string, Ruling>() : permittedBy(votes, index);
    const denying = [...deniedBy(before, index), ...deniedBy(votes, index)];
    if (!emergency.overridesDenies && denying.some((ref) => !permitting.has(ref))) return undefined;
    const label = topic ?? 'rest';
    if (
      namedOnlyTopics.has(label) &&
      !emergency.includesNotes &&
      !isGiven(sitting, questions[index] as Question, candidate, settings)
    )
      return undefined;
    for (const [consent, ruling] of permitting)
      permits.push({ code: 'consent-permit', step: 6, consent, provision: ruling.provision, label });
  }
  if (!emergency.overridesDenies) {
    if (!isForPurpose(candidate.labels, emergency.purpose)) return undefined;
    if (notHandled(candidate.labels, asserted.asker, settings.handling) !== undefined) return undefined;
    if (residuals !== undefined && residualForbids(residuals, patient, questions, asserted.asker, candidate, settings))
      return undefined;
  }
  return [{ code: 'emergency', step: 6, rule: emergency.purpose }, ...permits];
}

/** Notes are given by a consent in their own form alone (42 CFR 2.31(b)). */
function isGiven(
  { asserted, unreadable }: Sitting,
  question: Question,
  candidate: Candidate,
  settings: DecisionSettings,
): boolean {
  const votes = decisive(askedOf(asserted.consents, [question], candidate, settings), settings.conflictStrategy);
  return !unreadable && votes.some(({ rulings }) => rulings[0]?.answer === 'permit');
}

function permittedBy(votes: readonly Asked[], index: number): ReadonlyMap<string, Ruling> {
  return new Map(
    answering('permit', votes, index).map(({ consent, rulings }) => [refOf(consent), rulings[index] as Ruling]),
  );
}

function deniedBy(votes: readonly Asked[], index: number): readonly string[] {
  return answering('deny', votes, index)
    .filter(({ consent }) => !consent.applicable.consent.isGrantedRestriction)
    .map(({ consent }) => refOf(consent));
}

function answering(answer: 'permit' | 'deny', votes: readonly Asked[], index: number): readonly Asked[] {
  return votes.filter(({ rulings }) => rulings[index]?.answer === answer);
}

function refOf({ applicable }: ReadyConsent): string {
  return applicable.consent.ref;
}
