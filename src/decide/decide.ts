import type { Collective } from '../consent/collectives.ts';
import type { RequesterNames } from '../consent/memberships.ts';
import type { ParsedConsent, PatientConsents } from '../consent/parsed.ts';
import { namedByToken, type Residuals } from '../consent/residual.ts';
import type { Emergency } from '../context/emergency.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { Some } from '../fhir/coding.ts';
import type { PatientKey, ResourceKey } from '../fhir/ids.ts';
import {
  canonicalSystem,
  isPart2By,
  namedOnlyTopics,
  part2,
  purposeCovers,
  substanceClass,
} from '../fhir/vocabulary.ts';
import type { Facts } from '../label/facts.ts';
import { atMost, effectiveConfidentiality, type Labels, restConfidentiality } from '../label/labels.ts';
import type { Policy, PolicyAnswer } from '../policy/policy.ts';
import {
  type Agreement,
  agreementsFor,
  comesFromAlone,
  coversTopic,
  identityFor,
  isBarred,
  openTo,
} from './agreements.ts';
import { answerOf, coversRest, isHeard, namesRecipient, type ReadyConsent, type Ruling, ready } from './answer.ts';
import type { Decision, ExceptionBasis, Obligation, Reason, Release, Withhold } from './decision.ts';
import { inEmergency, type Run } from './emergency.ts';
import { applicable } from './families.ts';
import { consentNeeded, notHandled } from './handling.ts';
import type { Asker, Question } from './match.ts';
import { obligationOf, scopesOf } from './obligations.ts';
import { part2Lacks } from './part2-elements.ts';
import { isForPurpose } from './purposes.ts';
import type { Candidate, DecisionSettings, Standing } from './question.ts';
import type { ReasonCode } from './reasons.ts';
import { residualForbids, tokenStands } from './residual.ts';
import { askedOf, decisive } from './strategies.ts';
import { type Vote, type Voters, votersOf, votesOf } from './votes.ts';

export type { Vote } from './votes.ts';

/** What is established of one patient before anything of hers is ruled on. */
export interface PatientState {
  readonly consents: PatientConsents;
  readonly standing: Standing;
  /** Every way a Consent may name the requester; unset: what the token verifies. */
  readonly names?: RequesterNames;
  /** Groups, care teams and roles that her Consents name, as far as they could be read. */
  readonly collectives?: ReadonlyMap<ResourceKey, Collective>;
}

/** Her Consents made ready, once for each purpose of the request. */
interface ReadyPatient {
  readonly patient: PatientKey;
  readonly standing: Standing;
  readonly unreadable: boolean;
  /** Her Consents as they were established, whatever their state. */
  readonly everything: readonly ParsedConsent[];
  readonly runs: readonly Run[];
  /** Where she is the one patient of an accepted emergency: her Consents asked with its own purpose. */
  readonly emergency: { readonly accepted: Emergency; readonly asserted: Run } | undefined;
  /** The Consents that the token was issued under, if it says so, are in force. */
  readonly tokenStands: boolean;
  /** Decisions on her resources depend on type and labels alone. */
  readonly labelsAlone: boolean;
}

interface Decided {
  itself: Decision | undefined;
  asTarget: Decision | undefined;
}

/**
 * Rules for one request: one table of eight steps, run for every purpose and every patient a resource is about, and
 * what every run releases is released. Pure: time, Consents and standings are arguments.
 */
export class Rules {
  readonly #context: RequesterContext;
  readonly #policy: Policy;
  readonly #settings: DecisionSettings;
  readonly #residuals: Residuals | undefined;
  readonly #purposes: readonly (string | undefined)[];
  /** Registered agreements that may be the requester's. */
  readonly #agreements: readonly Agreement[];
  /** Orders name single resources: what is decided of one says nothing of the next. */
  readonly #listsResources: boolean;
  readonly #patients = new Map<PatientKey, ReadyPatient>();
  /** By label set (equal ones share one object), type, and whose it is; as a candidate and as a target. */
  readonly #decided = new Map<Labels, Map<string, Map<string, Decided>>>();
  /** By the runs of a patient, as they were established. */
  readonly #voters = new WeakMap<readonly Run[], readonly Voters[]>();

  /** @param residuals restrictions that the token itself carries, if any */
  constructor(context: RequesterContext, policy: Policy, settings: DecisionSettings, residuals: Residuals | undefined) {
    this.#context = context;
    this.#residuals = residuals;
    this.#policy = policy;
    this.#settings = settings;
    this.#agreements = openTo(context.requester, settings.part2.agreements, settings.clinicianRoles);
    this.#listsResources = settings.part2.agreements.some(({ resources }) => resources !== undefined);
    // An accepted emergency only adds: the table runs as for treatment.
    if (context.emergency !== undefined) this.#purposes = ['TREAT'];
    else this.#purposes = context.purposes.length === 0 ? [undefined] : context.purposes;
  }

  /** Her Consents that can say something to this requester, for each purpose of the request. */
  heard(patient: PatientKey): readonly ReadyConsent[] {
    return this.#readyFor(patient).runs.flatMap(({ consents }) => consents);
  }

  /** Resources that restrictions in the token name by what they are related to. */
  get namedByToken(): readonly ResourceKey[] {
    return this.#residuals === undefined ? [] : namedByToken(this.#residuals);
  }

  establish(patient: PatientKey, { consents, standing, names, collectives = new Map() }: PatientState): void {
    const { requester, at } = this.#context;
    const identities = new Set((names ?? requester).identities);
    const organizations = new Set((names ?? requester).organizations);
    const { intermediaries } = this.#settings.part2;
    const asker: Omit<Asker, 'purpose'> = {
      identities,
      organizations,
      elsewhere: new Set(names?.elsewhere),
      roles: [
        ...requester.roleCodes.map(({ system = '', code }) => ({ system: canonicalSystem(system), code })),
        ...(names?.roles ?? []),
      ],
      isSystem: requester.clientKind === 'system',
      collectives,
      // That an exchange is of her care team makes none of its participants treat her.
      treats: names?.treats?.some((one) => one.patient === patient && !intermediaries.includes(one.as)) === true,
      at,
    };
    const runFor = (purpose: string | undefined): Run => {
      const run: Asker = { ...asker, purpose };
      return {
        asker: run,
        consents: applicable(consents.consents, purpose, at, this.#settings)
          .map((one) => ready(one, run, this.#settings))
          .filter(isHeard),
      };
    };
    const runs = this.#purposes.map(runFor);
    const { emergency: accepted } = this.#context;
    const emergency = accepted?.patient === patient ? { accepted, asserted: runFor(accepted.purpose) } : undefined;
    const labelsAlone =
      this.#residuals === undefined &&
      [...runs, ...(emergency === undefined ? [] : [emergency.asserted])].every((run) =>
        run.consents.every(({ readsData }) => !readsData),
      );
    this.#patients.set(patient, {
      patient,
      standing,
      unreadable: consents.unreadable,
      everything: consents.consents,
      runs,
      emergency,
      tokenStands: this.#residuals === undefined || tokenStands(this.#residuals, consents.consents, at),
      labelsAlone,
    });
  }

  /** @throws {Error} when a patient of the candidate was not established: that is a fault of the caller, never an answer */
  decide(candidate: Candidate): Decision {
    const place = this.#placeOf(candidate);
    if (place === undefined) return this.#decide(candidate);
    if (candidate.asTarget) place.asTarget ??= this.#decide(candidate);
    else place.itself ??= this.#decide(candidate);
    return (candidate.asTarget ? place.asTarget : place.itself) as Decision;
  }

  /** What every Consent in force answers about a candidate, those too that do not speak to the requester: for explanations. */
  votes({ facts, labels, named }: Pick<Candidate, 'facts' | 'labels' | 'named'>): readonly Vote[] {
    const questions = questionsOf(this.#topics(labels), labels);
    return [...facts.patients, ...(facts.participants ?? [])].flatMap((patient) =>
      this.#votersFor(patient).flatMap((voters) =>
        votesOf(patient, voters, questions, { facts, named }, this.#settings),
      ),
    );
  }

  #votersFor(patient: PatientKey): readonly Voters[] {
    const { runs, everything } = this.#readyFor(patient);
    const known = this.#voters.get(runs);
    if (known !== undefined) return known;
    const voters = runs.map(({ asker }) => {
      const consents = applicable(everything, asker.purpose, this.#context.at, this.#settings);
      return votersOf({ asker, consents: consents.map((one) => ready(one, asker, this.#settings)) }, this.#settings);
    });
    this.#voters.set(runs, voters);
    return voters;
  }

  /** Exact: there is a place only where nothing but what it stands for can change the decision. */
  #placeOf({ facts, labels, sources }: Candidate): Decided | undefined {
    const { type, patients } = facts;
    if (facts.patientUnknown || facts.participants !== undefined) return undefined;
    if (this.#listsResources && (type === 'Patient' || this.#topics(labels).includes(part2))) return undefined;
    for (const patient of patients) if (this.#patients.get(patient)?.labelsAlone !== true) return undefined;
    const whose = `${patients.join()} ${JSON.stringify(sources)}`; // no key of a patient has a space
    return placeIn(
      placeIn(placeIn(this.#decided, labels, newMap<string, Map<string, Decided>>), type, newMap<string, Decided>),
      whose,
      nothingDecided,
    );
  }

  #decide(candidate: Candidate): Decision {
    const { facts, labels, asTarget } = candidate;
    if (this.#context.unrestricted) return release(reason('unrestricted', 1));
    const kind = this.#policy.permitsKind(this.#context, facts.type);
    if (!asTarget && !kind.allowed) return withhold(reason('policy-kind', 1, { rule: kind.policies.join(' ') }));
    if (facts.patientUnknown) return withhold(reason('patient-unknown', 2));
    const topics = this.#topics(labels);
    const forbid = this.#forbid(facts.type, [...topics, effectiveConfidentiality(labels)].sort(), asTarget);
    if (!forbid.allowed) return withhold(reason('policy-forbid', 3, { rule: forbid.policies.join(' ') }));
    if (facts.patients.length === 0) {
      return facts.participants === undefined
        ? this.#aboutNobody(topics, candidate)
        : this.#forAnyOf(facts.participants, candidate, topics);
    }
    const releases: Release[] = [];
    for (const patient of facts.patients) {
      const decision = this.#forPatient(this.#readyFor(patient), candidate, topics);
      if (decision.outcome === 'withhold') return decision;
      releases.push(decision);
    }
    return together(releases as unknown as Some<Release>); // there is one patient at least
  }

  /** Step 3. A kind that is forbidden whatever its labels is a static limit, which keeps references to it; its labels cut them. */
  #forbid(type: string, labels: readonly string[], asTarget: boolean): PolicyAnswer {
    const forbid = this.#policy.forbids(this.#context, type, labels);
    if (!asTarget || forbid.allowed || this.#policy.forbids(this.#context, type, ['N']).allowed) return forbid;
    return this.#policy.forbids(this.#context, '*', labels);
  }

  /** A participant is never a veto: the others' references are cut. But one of them has to open it. */
  #forAnyOf(participants: readonly PatientKey[], candidate: Candidate, topics: readonly string[]): Decision {
    const decisions = participants.map((patient) => this.#forPatient(this.#readyFor(patient), candidate, topics));
    const [first, ...others] = decisions.filter((decision) => decision.outcome === 'release');
    if (first !== undefined) return together([first, ...others]);
    return decisions[0] ?? this.#aboutNobody(topics, candidate);
  }

  #readyFor(patient: PatientKey): ReadyPatient {
    const ready = this.#patients.get(patient);
    if (ready === undefined) throw new Error('a patient was not established');
    return ready;
  }

  #topics(labels: Labels): readonly string[] {
    const { topics } = labels;
    if (topics.includes(part2) || !isPart2By(topics, this.#settings.sudIsPart2)) return topics;
    return [...topics, part2].sort();
  }

  /** Steps 6 and 7 for resources about no patient: nobody can permit, so an exception or the role rules must. */
  #aboutNobody(topics: readonly string[], { labels, sources }: Candidate): Decision {
    const { identities, organizations } = this.#context.requester;
    const asker = { identities: new Set(identities), organizations: new Set(organizations) };
    const unhandled = notHandled(labels, asker, this.#settings.handling);
    if (unhandled !== undefined) return withhold(reason('handling-not-met', 5, { label: unhandled }));
    const inProgram = this.#context.purposes.length > 0 && this.#isWithinProgram(sources);
    for (const topic of topics) {
      const clears = this.#policy.clears(this.#context, topic);
      if (namedOnlyTopics.has(topic) || (topic === part2 && !(inProgram && clears.allowed)))
        return withhold(reason('no-qualifying-permit', 6, { label: topic }));
      if (!clears.allowed) return withhold(reason('no-permit-for-topic', 7, { label: topic }));
    }
    return release(reason('not-about-a-patient', 7));
  }

  #forPatient(ready: ReadyPatient, candidate: Candidate, topics: readonly string[]): Decision {
    const standing = this.#byStanding(ready, candidate, topics);
    if (standing !== undefined) return standing;
    // Any topic makes it restricted.
    if (candidate.facts.type === 'Consent' && !atMost(effectiveConfidentiality(candidate.labels), 'N'))
      return withhold(reason('consent-names-sensitive', 5));
    const releases: Release[] = [];
    for (const run of ready.runs) {
      const decision = this.#run(ready, run.asker, run.consents, candidate, topics);
      if (decision.outcome === 'withhold') return this.#exceptInEmergency(decision, ready, run, candidate, topics);
      releases.push(decision);
    }
    return together(releases as unknown as Some<Release>); // no purpose is one run too
  }

  /** What steps 5 to 8 hid, for the one patient of an accepted emergency. */
  #exceptInEmergency(
    hidden: Withhold,
    { patient, unreadable, emergency }: ReadyPatient,
    treatment: Run,
    candidate: Candidate,
    topics: readonly string[],
  ): Decision {
    if (emergency === undefined) return hidden;
    const { accepted, asserted } = emergency;
    if (isBarred(this.#settings.part2.lawEnforcement ?? [], asserted.asker, topics)) return hidden;
    const sitting = { emergency: accepted, patient, unreadable, treatment, asserted, residuals: this.#residuals };
    const reasons = inEmergency(sitting, candidate, questionsOf(topics, candidate.labels), this.#settings);
    if (reasons === undefined) return hidden;
    const obligations = topics.some(isPart2Data) ? [obligationOf('emergency')] : [];
    return { outcome: 'release', reasons, obligations };
  }

  /** Step 4: the patient, or who lawfully stands for her. Undefined: the table goes on. */
  #byStanding({ standing, runs }: ReadyPatient, candidate: Candidate, topics: readonly string[]): Decision | undefined {
    const { labels } = candidate;
    const bears = (code: string): boolean =>
      topics.includes(code) || labels.caveats.some((caveat) => caveat.endsWith(`|${code}`));
    if (standing.kind === 'self') {
      const isWithheld = this.#settings.withholdFromPatient && (bears('NOPAT') || bears('TBOO'));
      return isWithheld ? withhold(reason('withheld-from-patient', 4)) : release(reason('self', 4));
    }
    if (standing.kind !== 'representative') return undefined;
    // NOPAT means the patient, her family and caregivers (HL7 v3-ActCode).
    if (this.#settings.withholdFromPatient && bears('NOPAT')) return withhold(reason('withheld-from-patient', 4));
    if (bears('ADOL')) return withhold(reason('withheld-from-representative', 4, { label: 'ADOL' }));
    if (!this.#settings.representativesSeeNotes && topics.some((topic) => namedOnlyTopics.has(topic)))
      return withhold(reason('withheld-from-representative', 4));
    const denial = this.#denialOf(
      runs.flatMap(({ consents }) => consents),
      candidate,
      topics,
    );
    if (denial !== undefined) return withhold(denial);
    // A minor's own treatment is hers to disclose (42 CFR 2.14).
    if (standing.patientIsMinor && topics.some(isPart2Data)) return undefined;
    return release(reason('representative', 4));
  }

  #denialOf(consents: readonly ReadyConsent[], candidate: Candidate, topics: readonly string[]): Reason | undefined {
    for (const consent of consents) {
      for (const question of questionsOf(topics, candidate.labels)) {
        const ruling = answerOf(consent, question, candidate, this.#settings);
        if (ruling.answer === 'deny' && ruling.deciding.some(namesRecipient))
          return consentReason('consent-deny', 4, consent, ruling, question);
      }
    }
    return undefined;
  }

  /** Steps 5 to 8 for one purpose. */
  #run(
    ready: ReadyPatient,
    asker: Asker,
    consents: readonly ReadyConsent[],
    candidate: Candidate,
    topics: readonly string[],
  ): Decision {
    const { facts, labels, sources } = candidate;
    if (!isForPurpose(labels, asker.purpose)) return withhold(reason('purpose-not-of-data', 5));
    const unhandled = notHandled(labels, asker, this.#settings.handling);
    if (unhandled !== undefined) return withhold(reason('handling-not-met', 5, { label: unhandled }));
    const questions = questionsOf(topics, labels);
    const votes = decisive(askedOf(consents, questions, candidate, this.#settings), this.#settings.conflictStrategy);
    for (const [index, question] of questions.entries()) {
      for (const { consent, rulings } of votes) {
        const ruling = rulings[index] as Ruling;
        if (ruling.answer === 'deny') return withhold(consentReason('consent-deny', 5, consent, ruling, question));
      }
    }
    if (
      this.#residuals !== undefined &&
      residualForbids(this.#residuals, ready.patient, questions, asker, candidate, this.#settings)
    ) {
      return withhold(reason('token-residual', 5));
    }
    if (!ready.tokenStands) return withhold(reason('token-consent-ended', 5));
    const { lawEnforcement = [] } = this.#settings.part2;
    if (isBarred(lawEnforcement, asker, topics)) return withhold(reason('no-qualifying-permit', 6, { label: part2 }));
    const reasons: Reason[] = [];
    const obligations: Obligation[] = [];
    const inProgram = asker.purpose !== undefined && this.#isWithinProgram(sources);
    const agreements = this.#agreements;
    const applying = topics.includes(part2) ? agreementsFor(agreements, asker, candidate, ready.patient) : [];
    const identity = facts.type === 'Patient' ? identityFor(agreements, asker, candidate, ready.patient) : undefined;
    let excepted = identity === undefined ? undefined : underAgreement(identity);
    for (const [index, { topic }] of questions.entries()) {
      if (topic === undefined) continue;
      // A minor's representative gets here with her Part 2 data alone.
      const mustQualify = ready.standing.kind === 'representative' && isPart2Data(topic);
      const permits = votes.filter(({ consent, rulings }) => {
        const { answer, deciding } = rulings[index] as Ruling;
        if (answer !== 'permit' || !mustQualify) return answer === 'permit';
        const { applicable } = consent;
        return deciding.some(
          (elements) => part2Lacks(applicable.consent, elements, asker.purpose, this.#settings).length === 0,
        );
      });
      const isStrict = mustQualify || topic === part2 || namedOnlyTopics.has(topic);
      if (permits.length > 0 && !ready.unreadable) {
        for (const { consent, rulings } of permits) {
          const ruling = rulings[index] as Ruling;
          const code = isStrict ? 'qualifying-permit' : 'consent-permit';
          reasons.push(consentReason(code, isStrict ? 6 : 7, consent, ruling, { topic }));
          if (isPart2Data(topic)) obligations.push(...scopesOf(consent, ruling, topic, asker, this.#settings.part2));
        }
        continue;
      }
      const clears = this.#policy.clears(this.#context, topic);
      if (isStrict) {
        const opening = applying[0] ?? identity;
        if (topic === part2 && inProgram && clears.allowed)
          excepted = { code: 'within-program', rule: clears.policies.join(' '), basis: 'program' };
        else if (topic === part2 && opening !== undefined) excepted = underAgreement(opening);
        else return withhold(reason('no-qualifying-permit', 6, { label: topic }));
        reasons.push(reason(excepted.code, 6, { label: topic, rule: excepted.rule }));
        obligations.push(obligationOf(excepted.basis));
        continue;
      }
      if (clears.allowed) {
        reasons.push(reason('policy-clears', 7, { label: topic, rule: clears.policies.join(' ') }));
        continue;
      }
      const covering = applying.find((one) => coversTopic(one, topic));
      if (covering === undefined) return withhold(reason('no-permit-for-topic', 7, { label: topic }));
      reasons.push(reason('registered-agreement', 7, { label: topic, rule: covering.id }));
      if (covering !== applying[0]) obligations.push(obligationOf(covering.kind));
    }
    const rest = this.#rest(ready, asker, votes, candidate, excepted);
    if (rest.outcome === 'withhold') return rest;
    return { outcome: 'release', reasons: [...reasons, ...rest.reasons] as unknown as Some<Reason>, obligations };
  }

  /** Step 8: what bears no topic of its own. */
  #rest(
    ready: ReadyPatient,
    asker: Asker,
    votes: readonly { readonly consent: ReadyConsent; readonly rulings: readonly Ruling[] }[],
    { facts, labels, asTarget }: Candidate,
    excepted: Exception | undefined,
  ): Decision {
    const question: Question = { topic: undefined, level: restConfidentiality(labels) };
    const exceptedRest = atMost(question.level, 'R') ? excepted : undefined; // V must be named
    if (ready.unreadable)
      return exceptedRest === undefined
        ? withhold(reason('consent-unreadable', 8))
        : release(exceptedReason(exceptedRest));
    const answers = votes.map(({ consent, rulings }) => ({ consent, rulings, rest: rulings.at(-1) as Ruling }));
    const permits = answers.filter(({ rulings, rest }) => coversRest(rulings, rest, question));
    const needed = consentNeeded(labels, isForPaymentOrOperations(asker.purpose));
    if (needed !== undefined && !permits.some(({ rest, consent }) => !needed.named || isNamedIn(rest, consent)))
      return withhold(reason('consent-needed', 8, { label: needed.code }));
    if (permits.length > 0) {
      const reasons = permits.map(({ consent, rest }) => consentReason('consent-permit', 8, consent, rest, question));
      return release(...(reasons as unknown as Some<Reason>));
    }
    if (exceptedRest !== undefined) return release(exceptedReason(exceptedRest));
    const uncovered = answers.find(({ rest }) => rest.answer === 'uncovered');
    if (uncovered !== undefined)
      return withhold(consentReason('consent-uncovered', 8, uncovered.consent, uncovered.rest, question));
    const implicit = this.#implicit(asker.purpose, facts, question, asTarget);
    return implicit === undefined
      ? withhold(reason('no-applicable-consent', 8, { label: 'rest' }))
      : release(reason('implicit-policy', 8, { rule: implicit, label: 'rest' }));
  }

  /** Communication within a program that needs the information (42 CFR 2.12(c)(3)): verified membership of every source program. */
  #isWithinProgram(sources: readonly string[]): boolean {
    const { organizations } = this.#context.requester;
    return comesFromAlone(sources, (program) =>
      organizations.some((one) => this.#settings.programs.get(one) === program),
    );
  }

  /** The implicit policy that allows it (IHE PCF, Appendix P), or undefined. */
  #implicit(purpose: string | undefined, { type }: Facts, { level }: Question, asTarget: boolean): string | undefined {
    const { implicitPolicy, clinicianRoles, billingRoles, billingTypes } = this.#settings;
    if (purpose === undefined || !atMost(level, 'N')) return undefined;
    const hasRole = (roles: readonly string[]): boolean =>
      this.#context.requester.roles.some((role) => roles.includes(role));
    switch (implicitPolicy) {
      case 'all-normal':
        return implicitPolicy;
      case 'basic-normal': {
        const treats = hasRole(clinicianRoles) && purposeCovers('TREAT', purpose) && !purposeCovers('ETREAT', purpose);
        const bills =
          hasRole(billingRoles) && purposeCovers('HPAYMT', purpose) && (asTarget || billingTypes.includes(type));
        return treats || bills ? implicitPolicy : undefined;
      }
      default:
        implicitPolicy satisfies 'deny' | 'break-glass-only';
        return undefined;
    }
  }
}

/** A named exception of step 6: why Part 2 data leaves without a written consent. */
interface Exception {
  readonly code: 'within-program' | 'registered-agreement';
  readonly rule: string;
  readonly basis: ExceptionBasis;
}

function underAgreement({ id, kind }: Agreement): Exception {
  return { code: 'registered-agreement', rule: id, basis: kind };
}

function exceptedReason({ code, rule }: Exception): Reason {
  return reason(code, 8, { label: 'rest', rule });
}

/** Records of a Part 2 program, and what tells of substance use. */
function isPart2Data(topic: string): boolean {
  return topic === part2 || topic === 'SUDCN' || substanceClass.has(topic);
}

/** One question per topic, and the last for the rest. */
export function questionsOf(topics: readonly string[], labels: Labels): readonly Question[] {
  const asked = topics.map((topic): Question => ({ topic, level: 'R' }));
  return [...asked, { topic: undefined, level: restConfidentiality(labels), beside: asked }];
}

function reason(code: ReasonCode, step: Reason['step'], more: Pick<Reason, 'rule' | 'label'> = {}): Reason {
  return { code, step, ...more };
}

function consentReason(
  code: ReasonCode,
  step: Reason['step'],
  { applicable: { consent } }: ReadyConsent,
  ruling: Ruling,
  { topic }: Pick<Question, 'topic'>,
): Reason {
  return { code, step, consent: consent.ref, provision: ruling.provision, label: topic ?? 'rest' };
}

function release(...reasons: Some<Reason>): Release {
  return { outcome: 'release', reasons, obligations: [] };
}

function isForPaymentOrOperations(purpose: string | undefined): boolean {
  return purposeCovers('HPAYMT', purpose) || purposeCovers('HOPERAT', purpose);
}

/** By one of the provisions that decided, or by the Consent where a topic of it covers the rest. */
function isNamedIn({ deciding }: Ruling, { live }: ReadyConsent): boolean {
  return deciding.some(namesRecipient) || live.some(({ provision }) => namesRecipient(provision.elements));
}

/** Every run and every patient released it: each for its reasons, each with its obligations. */
function together([first, ...others]: Some<Release>): Release {
  if (others.length === 0) return first;
  return {
    outcome: 'release',
    reasons: [first, ...others].flatMap(({ reasons }) => reasons) as unknown as Some<Reason>,
    obligations: [first, ...others].flatMap(({ obligations }) => obligations),
  };
}

function withhold(...reasons: Some<Reason>): Withhold {
  return { outcome: 'withhold', reasons };
}

function placeIn<Key, Place>(map: Map<Key, Place>, key: Key, make: () => Place): Place {
  let place = map.get(key);
  if (place === undefined) {
    place = make();
    map.set(key, place);
  }
  return place;
}

function newMap<Key, Value>(): Map<Key, Value> {
  return new Map();
}

function nothingDecided(): Decided {
  return { itself: undefined, asTarget: undefined };
}
