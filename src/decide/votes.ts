import type { PatientKey } from '../fhir/ids.ts';
import { type ReadyConsent, type Ruling, type Unmatched, unmatchedBy, untoldBy } from './answer.ts';
import type { Run } from './emergency.ts';
import type { Question } from './match.ts';
import type { CandidateData, DecisionSettings } from './question.ts';
import { askedOf, decisive } from './strategies.ts';

/** What one Consent in force answers to one question about one resource. */
export interface Vote {
  readonly patient: PatientKey;
  readonly purpose: string | undefined;
  /** `Consent/id/_history/version`. */
  readonly consent: string;
  /** The topic it is asked about; `rest` for what bears none. */
  readonly label: string;
  readonly answer: Ruling['answer'];
  readonly provision: string;
  /** False where the strategy lets other Consents speak. */
  readonly isCounted: boolean;
  /** Of a Consent that does not apply: in what the request is not as it says; `set-aside` when what it permits does not count. */
  readonly unmatched: readonly (Unmatched | 'set-aside')[];
  /** Of one that is uncovered: in what it cannot be told whether the request is as it says. */
  readonly untold: readonly Unmatched[];
}

/** Every Consent in force of one patient for one purpose, with what of its votes does not depend on the resource. */
export interface Voters extends Run {
  readonly unmatched: ReadonlyMap<ReadyConsent, Vote['unmatched']>;
  readonly untold: ReadonlyMap<ReadyConsent, Vote['untold']>;
}

export function votersOf({ asker, consents }: Run, settings: DecisionSettings): Voters {
  return {
    asker,
    consents,
    unmatched: new Map(consents.map((consent) => [consent, whyNot(consent, settings)])),
    untold: new Map(consents.map((consent) => [consent, untoldBy(consent, settings)])),
  };
}

/** The votes of one patient's Consents for one purpose: what `decide` counts, each with what it rests on. */
export function votesOf(
  patient: PatientKey,
  { asker, consents, unmatched, untold }: Voters,
  questions: readonly Question[],
  data: CandidateData,
  settings: DecisionSettings,
): readonly Vote[] {
  const asked = askedOf(consents, questions, data, settings);
  const counted = decisive(asked, settings.conflictStrategy);
  return asked.flatMap(({ consent, rulings }, one) =>
    rulings.map(
      (ruling, index): Vote => ({
        patient,
        purpose: asker.purpose,
        consent: consent.applicable.consent.ref,
        label: questions[index]?.topic ?? 'rest',
        answer: ruling.answer,
        provision: ruling.provision,
        isCounted: counted[one]?.rulings[index]?.answer === ruling.answer,
        unmatched: (ruling.answer === 'not-applicable' ? unmatched.get(consent) : undefined) ?? [],
        untold: (ruling.answer === 'uncovered' ? untold.get(consent) : undefined) ?? [],
      }),
    ),
  );
}

function whyNot(consent: ReadyConsent, settings: DecisionSettings): Vote['unmatched'] {
  const unmatched = unmatchedBy(consent, settings);
  return unmatched.length === 0 && !consent.applicable.mayPermit ? ['set-aside'] : unmatched;
}
