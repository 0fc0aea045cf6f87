import type { RequesterContext } from '../../src/context/requester-context.ts';
import type { Agreement } from '../../src/decide/agreements.ts';
import type { Candidate, DecisionSettings, Standing } from '../../src/decide/question.ts';
import type { Facts } from '../../src/label/facts.ts';
import { isHe, isStrange, type Part, partOf, standsForOthers } from './actors.ts';
import {
  categoriesOf,
  contradictsDecision,
  dateOf,
  type EitherProvision,
  hasPolicyText,
  isR5,
  isSourced,
  lawsOf,
  organizationsOf,
  policiesOf,
  provisionsOf,
  type StoredConsent,
  scopeOf,
  subjectOf,
  wholePeriodOf,
} from './either.ts';
import type { R4Actor, R4Coding, R4Concept, R4Data, R4Period } from './r4.ts';
import type { DirectoryResource } from './r5.ts';
import {
  actCode,
  actReason,
  all,
  any,
  canonical,
  type Effect,
  harmlessExtension,
  type Match,
  namesOf,
  readDate,
  readPeriod,
  when,
} from './words.ts';

/**
 * The decision core once more, from the raw Consents, written to be read rather than to be fast, and sharing nothing
 * with the gateway but types. Where both agree on thousands of random cases, a slip would have to be made twice. That an emergency is
 * accepted is static and settled before anything is decided.
 */
export interface Case {
  readonly patients: readonly PatientRecord[];
  readonly context: RequesterContext;
  /** Several resources of one request: nothing that is decided of one may colour another. */
  readonly candidates: readonly Candidate[];
  readonly settings: DecisionSettings;
  readonly policy: PolicyTable;
  /** Groups, care teams and roles that the store has. */
  readonly directory: readonly DirectoryResource[];
  /** What else the store says of the requester: where he holds roles without acting there, and codes of those he acts in. */
  readonly elsewhere: readonly string[];
  readonly heldRoles: readonly R4Coding[];
}

/** One resource of a case. */
interface Single extends Omit<Case, 'candidates'> {
  readonly candidate: Candidate;
}

export interface PatientRecord {
  readonly key: string;
  readonly consents: readonly StoredConsent[];
  readonly standing: Standing;
}

/** The role rules as a plain table. */
export interface PolicyTable {
  readonly kindsNotReceived: readonly string[];
  /** A missing type is any kind, a missing label any label. */
  readonly forbidden: readonly { readonly type?: string; readonly label?: string }[];
  readonly cleared: readonly { readonly role: string; readonly topic: string }[];
}

export interface Verdict {
  readonly outcome: 'release' | 'withhold';
  readonly step: number;
  readonly why: string;
}

export const gatewayLabels = 'urn:fhir-consent-gateway:label';

const release = (step: number, why: string): Verdict => ({ outcome: 'release', step, why });
const withhold = (step: number, why: string): Verdict => ({ outcome: 'withhold', step, why });

// ---------------------------------------------------------------------------------------------------------------------
// The composition table

export function evaluate({ candidates, ...world }: Case): readonly Verdict[] {
  return candidates.map((candidate) => rule({ ...world, candidate }));
}

function rule(world: Single): Verdict {
  const { candidate, context, policy } = world;
  const { facts, labels, asTarget } = candidate;
  if (context.unrestricted) return release(1, 'unrestricted');
  if (!asTarget && policy.kindsNotReceived.includes(facts.type)) return withhold(1, 'policy-kind');
  if (facts.patientUnknown) return withhold(2, 'patient-unknown');
  const cedarLabels: readonly string[] = [...labels.topics, levelOf(labels.stated, labels.topics)];
  // The target of a reference is judged as if its kind were allowed; what forbids its labels cuts it.
  const isKindForbidden = policy.forbidden.some(({ type, label }) => type === facts.type && label === undefined);
  const isForbidden = policy.forbidden.some(
    ({ type, label }) =>
      (type === undefined || (type === facts.type && !(asTarget && isKindForbidden))) &&
      (label === undefined || cedarLabels.includes(label)),
  );
  if (isForbidden) return withhold(3, 'policy-forbid');
  if (facts.patients.length === 0) return aboutNobody(world);
  let last = release(4, 'nothing');
  for (const key of facts.patients) {
    const patient = world.patients.find((one) => one.key === key);
    if (patient === undefined) return withhold(2, 'patient not established');
    last = aboutPatient(world, patient);
    if (last.outcome === 'withhold') return last;
  }
  return last;
}

function levelOf(stated: string | undefined, topics: readonly string[]): string {
  if (topics.length === 0) return stated ?? 'N';
  return stated === 'V' ? 'V' : 'R';
}

const levels = ['U', 'L', 'M', 'N', 'R', 'V'];
const atMost = (level: string, ceiling: string): boolean => levels.indexOf(level) <= levels.indexOf(ceiling);

/** 42CFRPart2 and SUDCN are Part 2 data; PSYTHPN must be named like SUDCN (45 CFR 164.508). */
const lawTopics = ['42CFRPart2', 'SUDCN', 'PSYTHPN'];
const substance = ['ETH', 'SUD', 'ETHUD', 'OPIOIDUD'];

/** Topics the Consents are asked about. */
function topicsOf({ candidate: { labels }, settings }: Single): readonly string[] {
  const { topics } = labels;
  const isStrict = settings.sudIsPart2 && topics.some((topic) => substance.includes(topic));
  return isStrict && !topics.includes('42CFRPart2') ? ['42CFRPart2', ...topics] : topics;
}

function questionsOf(world: Single): readonly Question[] {
  const { stated, topics } = world.candidate.labels;
  const aside = topics.length > 0 && stated === 'R' ? 'N' : (stated ?? 'N');
  return [
    ...topicsOf(world).map((topic) => ({ topic, level: 'R' })),
    { topic: undefined, level: aside }, // the rest: the R that topics imply does not count
  ];
}

/** What a Consent is asked: one topic as if the resource bore that alone, or the rest (`topic` undefined). */
interface Question {
  readonly topic: string | undefined;
  readonly level: string;
  /** A permit counts for Part 2 data without being a written consent under the law. */
  readonly isWithoutForm?: boolean;
}

function aboutNobody(world: Single): Verdict {
  for (const purpose of runs(world)) {
    for (const topic of topicsOf(world)) {
      const isLaw = lawTopics.includes(topic);
      if (isLaw && !isWithinProgram(world, topic, purpose)) return withhold(6, 'no-qualifying-permit');
      if (!isLaw && !clears(world, topic)) return withhold(7, 'no-permit-for-topic');
    }
  }
  return release(8, 'not-about-a-patient');
}

function aboutPatient(world: Single, patient: PatientRecord): Verdict {
  const { kind } = patient.standing;
  if (kind === 'self') return toPatient(world);
  if (kind === 'representative') {
    const verdict = toRepresentative(world, patient);
    if (verdict !== undefined) return verdict;
  }
  let last = release(8, 'nothing');
  for (const purpose of runs(world)) {
    last = run(world, patient, purpose);
    if (last.outcome === 'withhold') return opensInEmergency(world, patient) ? release(6, 'emergency') : last;
  }
  return last;
}

/** 42 CFR 2.51: for the one patient of an accepted emergency, whatever no Consent denies, but for the notes. */
function opensInEmergency(world: Single, patient: PatientRecord): boolean {
  const { emergency } = world.context;
  if (emergency === undefined || emergency.patient !== patient.key || isLawEnforcementAfterPart2(world)) return false;
  return questionsOf(world).every((stated) => {
    const question: Question = { ...stated, isWithoutForm: true }; // it needs no written consent
    const now = heard(answers(world, patient, question, emergency.purpose), world.settings);
    const said = [...heard(answers(world, patient, question, 'TREAT'), world.settings), ...now];
    const permitting = now.filter(({ answer }) => answer === 'permit').map(({ consent }) => consent);
    const denying = said
      .filter(({ answer, consent }) => answer === 'deny' && !ruleCodes(consent).includes('hipaa-restrictions'))
      .map(({ consent }) => consent);
    const isNote = question.topic === 'SUDCN' || question.topic === 'PSYTHPN';
    const isGiven = heard(answers(world, patient, stated, emergency.purpose), world.settings).some(
      ({ answer, qualifies }) => answer === 'permit' && qualifies,
    );
    if (isNote && !isGiven && !emergency.includesNotes) return false;
    return emergency.overridesDenies || denying.every((consent) => permitting.includes(consent));
  });
}

/** 42 CFR 2.12(d)(1): records of a program, and law enforcement asks. */
function isLawEnforcementAfterPart2(world: Single): boolean {
  const { identities, organizations } = world.context.requester;
  const his = [...identities, ...organizations];
  const isAfterIt = topicsOf(world).some((topic) => topic === '42CFRPart2' || topic === 'SUDCN');
  return isAfterIt && (world.settings.part2.lawEnforcement ?? []).some((one) => his.includes(one));
}

/** Every asserted purpose is a run of its own; no purpose is one run too. In an emergency the table runs as for treatment. */
function runs({ context }: Single): readonly (string | undefined)[] {
  if (context.emergency !== undefined) return ['TREAT'];
  return context.purposes.length === 0 ? [undefined] : context.purposes;
}

function toPatient({ candidate: { labels }, settings }: Single): Verdict {
  const isWithheld =
    settings.withholdFromPatient &&
    // A provider's TBOO in the record is taken for his documented decision: the inputs know of no other.
    (labels.caveats.includes(`${actCode}|NOPAT`) || labels.caveats.includes(`${actCode}|TBOO`));
  return isWithheld ? withhold(4, 'withheld-from-patient') : release(4, 'self');
}

function toRepresentative(world: Single, patient: PatientRecord): Verdict | undefined {
  const { candidate, settings } = world;
  const { labels } = candidate;
  const topics = topicsOf(world);
  if (settings.withholdFromPatient && labels.caveats.includes(`${actCode}|NOPAT`))
    return withhold(4, 'withheld-from-patient');
  if (labels.caveats.includes(`${actCode}|ADOL`)) return withhold(4, 'adolescent');
  const isNote = topics.some((topic) => topic === 'SUDCN' || topic === 'PSYTHPN');
  if (isNote && !settings.representativesSeeNotes) return withhold(4, 'notes');
  if (runs(world).some((purpose) => isNamedInDeny(world, patient, purpose))) return withhold(4, 'named in a deny');
  // A minor's own treatment for substance use is hers to disclose: the Consents decide.
  return patient.standing.patientIsMinor && topics.some(isPart2Data) ? undefined : release(4, 'representative');
}

const isPart2Data = (topic: string): boolean =>
  topic === '42CFRPart2' || topic === 'SUDCN' || substance.includes(topic);

/** By name, or by what cannot be compared with his names: a deny counts it as him. */
function isNamedInDeny(world: Single, patient: PatientRecord, purpose: string | undefined): boolean {
  const isAboutHim = (rule: Rule): boolean =>
    (elementOf(rule, 'actor') ?? []).some(
      (actor) =>
        ['recipient', 'unknown'].includes(partOf(actor, rule.consent)) && isHe(actor, rule.consent, world) !== 'no',
    );
  return questionsOf(world).some((question) =>
    answers(world, patient, question, purpose).some(({ answer, rules }) => answer === 'deny' && rules.some(isAboutHim)),
  );
}

/** Steps 5 to 8 for one purpose. */
function run(world: Single, patient: PatientRecord, purpose: string | undefined): Verdict {
  const asked = questionsOf(world).map((question) => ({
    ...question,
    ...combine(answers(world, patient, question, purpose), world.settings),
  }));
  if (asked.some(({ answer }) => answer === 'deny')) return withhold(5, 'consent-deny');
  if (purpose !== 'HLEGAL' && isLawEnforcementAfterPart2(world)) return withhold(6, 'no-qualifying-permit');

  const { candidate } = world;
  const his = world.settings.part2.agreements.filter(
    (one) => isParty(one, world, purpose) && isOfHers(one, world, patient),
  );
  // An agreement is about Part 2 records; of one that may be given it follows that there is somebody.
  const agreed = topicsOf(world).includes('42CFRPart2') ? his.filter((one) => isListed(one, candidate)) : [];
  const isHerKnown =
    candidate.facts.type === 'Patient' &&
    his.some(
      (one) => candidate.asTarget || (one.listsPatients && (one.patients !== undefined || isListed(one, candidate))),
    );
  let isRestCovered = isHerKnown;
  const mustQualify = (topic: string): boolean =>
    lawTopics.includes(topic) || (patient.standing.kind === 'representative' && isPart2Data(topic));
  for (const { topic, answer, deciding } of asked) {
    if (topic === undefined || !mustQualify(topic)) continue;
    const isQualified = answer === 'permit' && deciding.some(({ qualifies }) => qualifies);
    const isExcepted = topic === '42CFRPart2' && (agreed.length > 0 || isHerKnown);
    if (!isQualified && !isWithinProgram(world, topic, purpose) && !isExcepted)
      return withhold(6, 'no-qualifying-permit');
    isRestCovered = true;
  }
  for (const { topic, answer } of asked) {
    if (topic === undefined || mustQualify(topic)) continue;
    if (answer === 'permit') isRestCovered = true;
    else if (!clears(world, topic) && !agreed.some((one) => substance.includes(topic) || one.topics.has(topic)))
      return withhold(7, 'no-permit-for-topic');
  }
  for (const { topic, level, answer } of asked) {
    if (topic !== undefined) continue;
    if (answer === 'permit') return release(8, 'consent-permit');
    if (isRestCovered && level !== 'V') return release(8, 'topic covers the rest');
    if (answer === 'uncovered') return withhold(8, 'consent-uncovered');
    if (isImplicitlyPermitted(world, level, purpose)) return release(8, 'implicit-policy');
  }
  return withhold(8, 'no-applicable-consent');
}

/** Whether an agreement names him, for this purpose and now. */
function isParty(one: Agreement, { context }: Single, purpose: string | undefined): boolean {
  const { identities, organizations } = context.requester;
  const isNow = context.at >= one.period.start && context.at <= one.period.end;
  const isHe = [...identities, ...organizations].some((name) => one.recipients.includes(name));
  return isNow && isHe && purpose !== undefined && one.purposes.some((stated) => permitsPurpose(stated, purpose));
}

/** Whether it is about this patient's records, and he is one to whom its kind is open: the FDA's notices are for its medical personnel. */
function isOfHers({ kind, patients }: Agreement, { context, settings }: Single, patient: PatientRecord): boolean {
  if (patients !== undefined && !patients.has(patient.key)) return false;
  const { clientKind, roles } = context.requester;
  return kind !== 'fda' || (clientKind !== 'system' && settings.clinicianRoles.some((role) => roles.includes(role)));
}

/** Whether an agreement is about such a resource, and all whose record it is are parties. */
function isListed(one: Agreement, { facts, sources }: Candidate): boolean {
  const isOfTheirs = one.programs === undefined || (sources.length > 0 && sources.every((by) => one.programs?.has(by)));
  return isOfTheirs && (one.types?.has(facts.type) ?? true) && (one.resources?.has(facts.key) ?? true);
}

/** 42 CFR 2.12(c)(3): the requester's verified organizations are all of the source programs, and the role is cleared. */
function isWithinProgram(world: Single, topic: string, purpose: string | undefined): boolean {
  const { candidate, context, settings } = world;
  if (purpose === undefined || topic !== '42CFRPart2') return false;
  const his = context.requester.organizations.map((name) => settings.programs.get(name));
  const isOfAnother = candidate.sources.length === 0 || candidate.sources.some((source) => !his.includes(source));
  return !isOfAnother && clears(world, topic);
}

function clears({ context, policy }: Single, topic: string): boolean {
  return policy.cleared.some((row) => row.topic === topic && context.requester.roles.includes(row.role));
}

function isImplicitlyPermitted(world: Single, level: string, purpose: string | undefined): boolean {
  const { candidate, context, settings } = world;
  if (purpose === undefined || !atMost(level, 'N')) return false;
  const { roles } = context.requester;
  switch (settings.implicitPolicy) {
    case 'deny':
    case 'break-glass-only':
      return false;
    case 'all-normal':
      return true;
    case 'basic-normal':
      if (permitsPurpose('TREAT', purpose) && roles.some((role) => settings.clinicianRoles.includes(role))) return true;
      return (
        permitsPurpose('HPAYMT', purpose) &&
        roles.some((role) => settings.billingRoles.includes(role)) &&
        (candidate.asTarget || settings.billingTypes.includes(candidate.facts.type))
      );
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Several Consents

type Answer = 'permit' | 'deny' | 'uncovered' | 'not-applicable';

/** What one Consent says, and by which provisions. */
interface Said {
  readonly consent: StoredConsent;
  readonly answer: Answer;
  readonly rules: readonly Rule[];
  /** A permit that may carry Part 2 data, or that names the notes. */
  readonly qualifies: boolean;
}

function answers(world: Single, patient: PatientRecord, question: Question, purpose: string | undefined): Said[] {
  const { context, settings } = world;
  const said: Said[] = [];
  const isUncoveredForEverything = !patient.consents.every(isReadable); // it may have been a revocation
  for (const consent of patient.consents) {
    if (!isReadable(consent) || !isInForce(consent, context.at)) continue;
    const force = forceInFamily(consent, patient.consents, context.at);
    if (force === 'superseded') continue;
    const one = evaluateConsent(world, patient, consent, question, purpose);
    if (one.answer === 'deny') {
      if (!isForeign(consent, settings) || settings.foreignDenyBinds) said.push(one);
    } else if (force === 'in force' && !isForeign(consent, settings)) {
      said.push(one.answer === 'permit' && isUncoveredForEverything ? { ...one, answer: 'uncovered' } : one);
    }
  }
  const [unreadable] = patient.consents.filter((consent) => !isReadable(consent));
  if (unreadable !== undefined) said.push({ consent: unreadable, answer: 'uncovered', rules: [], qualifies: false });
  return said;
}

/** Deny, then permit, then uncovered; or the newest or the most specific of those that permit or deny. */
function combine(said: readonly Said[], settings: DecisionSettings): { answer: Answer; deciding: readonly Said[] } {
  for (const answer of ['deny', 'permit'] as const) {
    const deciding = heard(said, settings).filter((one) => one.answer === answer);
    if (deciding.length > 0) return { answer, deciding };
  }
  return { answer: said.some(({ answer }) => answer === 'uncovered') ? 'uncovered' : 'not-applicable', deciding: [] };
}

function heard(said: readonly Said[], settings: DecisionSettings): readonly Said[] {
  const decided = said.filter(({ answer }) => answer === 'permit' || answer === 'deny');
  switch (settings.conflictStrategy) {
    case 'most-recent':
      return decided.filter((one) => decided.every((other) => !isNewer(other.consent, one.consent)));
    case 'most-specific':
      return decided.filter((one) => decided.every((other) => !(rank(other) > rank(one))));
    case 'deny-overrides':
      return decided;
  }
}

/** Data instance > label or code > class > what else narrows > whole record; then person > role > organization > all. */
function rank({ rules }: Said): number {
  return Math.max(
    ...rules.map((rule) => {
      const has = (name: DataElement): boolean => elementOf(rule, name) !== undefined;
      const isOfInstance = (elementOf(rule, 'data') ?? []).some(({ meaning }) => meaning === 'instance');
      const data = isOfInstance
        ? 4
        : has('securityLabel') || has('code')
          ? 3
          : has('class') || has('resourceType') || has('documentType')
            ? 2
            : has('data') || has('dataPeriod')
              ? 1
              : 0;
      const actors = (elementOf(rule, 'actor') ?? [])
        .filter((actor) => ['recipient', 'unknown'].includes(partOf(actor, rule.consent)))
        .map((actor) => {
          if (isIncomparable(actor)) return 2;
          const name = actor.reference?.reference ?? '';
          if (/(Practitioner|Patient|RelatedPerson|Device)\//.test(name)) return 3;
          return /Organization\//.test(name) ? 1 : 2;
        });
      return data * 4 + Math.max(0, ...actors);
    }),
  );
}

function isForeign(consent: StoredConsent, settings: DecisionSettings): boolean {
  if (settings.organizations.length === 0) return false;
  const names = organizationsOf(consent).flatMap(namesOf);
  return names.length > 0 && !names.some((name) => settings.organizations.includes(name));
}

/** Unreadable: not a Consent of this patient at all. */
function isReadable(consent: StoredConsent): boolean {
  return subjectOf(consent) !== undefined && consent.status !== undefined;
}

function isInForce(consent: StoredConsent, at: number): boolean {
  return consent.status === 'active' && hasBegun(consent, at) && !hasEnded(consent, at);
}

function hasBegun(consent: StoredConsent, at: number): boolean {
  const date = dateOf(consent);
  const made = date === undefined ? undefined : readDate(date);
  const period = readPeriod(wholePeriodOf(consent));
  return !(made !== undefined && made.start > at) && !(period !== 'unreadable' && period.start > at);
}

function hasEnded(consent: StoredConsent, at: number): boolean {
  const period = readPeriod(wholePeriodOf(consent));
  return period !== 'unreadable' && period.end < at;
}

type Force = 'in force' | 'denies only' | 'superseded';

/**
 * Same organization, policy and root: the newest stands alone. When the newest was revoked or has run out, what it
 * superseded permits nothing again, but denies.
 */
function forceInFamily(consent: StoredConsent, all: readonly StoredConsent[], at: number): Force {
  const newer = all.filter(
    (other) =>
      isReadable(other) &&
      familyOf(other) === familyOf(consent) &&
      rootOf(other) === rootOf(consent) &&
      isNewer(other, consent) &&
      hasBegun(other, at),
  );
  if (newer.some((other) => isInForce(other, at))) return 'superseded';
  return newer.some(({ status }) => status === 'active' || status === 'inactive') ? 'denies only' : 'in force';
}

function familyOf(consent: StoredConsent): string {
  const uris = [...policiesOf(consent)].sort();
  const policy =
    uris.length > 0 ? { uris } : { rule: codings(lawsOf(consent)), category: codings(categoriesOf(consent)) };
  const organizations = organizationsOf(consent).flatMap(namesOf).sort();
  return JSON.stringify({ organizations, policy, scope: scopeOf(consent) });
}

function codings(all: readonly R4Coding[]): string[] {
  return all.map(({ system, code }) => `${system}|${code}`).sort();
}

/** All of the root but type, period and nested provisions, in no order. */
function rootOf(consent: StoredConsent): string {
  const [root] = provisionsOf(consent);
  if (root === undefined || isR5(consent)) return '[]'; // an R5 root states its decision alone
  const { type: _type, period: _period, provision: _nested, ...stated } = root;
  const sorted = Object.entries(stated).map(([name, value]) => [
    name,
    Array.isArray(value) ? [...new Set(value.map((one) => JSON.stringify(one)))].sort() : value,
  ]);
  return JSON.stringify(sorted.sort());
}

function isNewer(one: StoredConsent, other: StoredConsent): boolean {
  const keys = (consent: StoredConsent): (number | string)[] => [
    readDate(dateOf(consent) ?? '')?.start ?? Number.NEGATIVE_INFINITY,
    readDate(consent.meta.lastUpdated)?.start ?? Number.NEGATIVE_INFINITY,
    Number(consent.meta.versionId),
    consent.id,
  ];
  const [a, b] = [keys(one), keys(other)];
  for (const [index, mine] of a.entries()) {
    const theirs = b[index] as number | string;
    if (mine !== theirs) return mine > theirs;
  }
  return false;
}

// ---------------------------------------------------------------------------------------------------------------------
// One Consent

type RequestElement = 'actor' | 'purpose' | 'action' | 'period';
type DataElement = 'securityLabel' | 'class' | 'resourceType' | 'documentType' | 'code' | 'dataPeriod' | 'data';

/** A provision at its place in the tree. */
interface Rule {
  readonly consent: StoredConsent;
  readonly effect: Effect;
  readonly stated: EitherProvision;
  readonly parent: Rule | undefined;
  /** The root that gives the base effect: it has no ancestors to inherit from. */
  readonly children: Rule[];
}

/** What is not understood counts as matched in a deny and as unmatched in a permit. */
const holds = (match: Match, effect: Effect): boolean => match === 'yes' || (match === 'unclear' && effect === 'deny');

function evaluateConsent(
  world: Single,
  patient: PatientRecord,
  consent: StoredConsent,
  question: Question,
  purpose: string | undefined,
): Said {
  const silent: Said = { consent, answer: 'not-applicable', rules: [], qualifies: false };
  const scope = scopeOf(consent);
  if (scope === 'other' || isNotice(consent)) return silent;
  if (scope === 'research' && !(purpose !== undefined && isA(purpose, 'HRESCH'))) return silent;

  const { base, nested } = treeOf(consent);
  const asked: Asked = { world, patient, question, purpose };
  const isHit = (rule: Rule): boolean => holds(all(requestMatch(rule, asked), dataMatch(rule, asked)), rule.effect);
  // What only ancestors of a topic's permit deny of the rest, they do not deny of a resource that bears the topic.
  const isOpened = (rule: Rule): boolean =>
    rule.effect === 'permit' &&
    questionsOf(world).some(({ topic }) => {
      const other: Asked = { ...asked, question: { topic, level: 'R' } };
      return topic !== undefined && all(requestMatch(rule, other), dataMatch(rule, other)) === 'yes';
    });
  const mayBeOpened =
    question.topic === undefined &&
    atMost(question.level, 'R') &&
    !isForeign(consent, world.settings) &&
    forceInFamily(consent, patient.consents, world.context.at) === 'in force';
  const survivors = survivingHits(nested, isHit);
  const denies = survivors.filter(({ effect }) => effect === 'deny');
  const opened = mayBeOpened ? survivingHits(nested, (rule) => isHit(rule) || isOpened(rule)) : [];
  const isLifted = opened.length > 0 && opened.every(({ effect }) => effect === 'permit');
  if (denies.length > 0) return isLifted ? silent : { consent, answer: 'deny', rules: denies, qualifies: false };
  if (survivors.length > 0) return permit(consent, survivors, asked);
  if (base === undefined) return silent;

  const request = requestMatch(base, asked);
  const data = dataMatch(base, asked);
  if (base.effect === 'deny')
    return holds(all(request, data), 'deny') && !isLifted ? { ...silent, answer: 'deny', rules: [base] } : silent;
  if (all(request, data) === 'yes') return permit(consent, [base], asked);
  if (request === 'no') return silent;
  return isNarrowedOnlyByTopics(base, asked) ? silent : { ...silent, answer: 'uncovered' };
}

function permit(consent: StoredConsent, rules: readonly Rule[], asked: Asked): Said {
  const qualifies = rules.some((rule) => qualifiesFor(rule, asked));
  return { consent, answer: 'permit', rules, qualifies };
}

/** Hits without a hit below them. */
function survivingHits(rules: readonly Rule[], isHit: (rule: Rule) => boolean): Rule[] {
  return rules.flatMap((rule) => {
    const below = survivingHits(rule.children, isHit);
    return below.length > 0 ? below : isHit(rule) ? [rule] : [];
  });
}

function ruleCodes(consent: StoredConsent): readonly (string | undefined)[] {
  return lawsOf(consent).map(({ code }) => code);
}

/** A notice of privacy practices is no decision. */
function isNotice(consent: StoredConsent): boolean {
  if (isR5(consent) ? consent.decision !== undefined : consent.provision?.type !== undefined) return false;
  const categories = categoriesOf(consent).map(({ code }) => code);
  const isOnlyNotice = categories.length > 0 && categories.every((code) => code === 'npp');
  return ruleCodes(consent).includes('NOPP') || (isOnlyNotice && lawsOf(consent).length === 0);
}

interface Tree {
  readonly base: Rule | undefined;
  readonly nested: readonly Rule[];
}

/** The base effect and what the root provision is under it. */
function treeOf(consent: StoredConsent): Tree {
  if (isR5(consent)) return exceptionsOf(consent);
  const codes = ruleCodes(consent);
  const [root] = provisionsOf(consent);
  const empty = (effect: Effect): Rule => ({ consent, effect, stated: {}, parent: undefined, children: [] });
  const under = (parent: Rule | undefined, effect: Effect, stated: EitherProvision): Rule => {
    const rule: Rule = { consent, effect, stated, parent, children: [] };
    for (const child of stated.provision ?? []) {
      const opposite = effect === 'permit' ? 'deny' : 'permit';
      rule.children.push(under(rule, effectOf(child.type) ?? opposite, child));
    }
    return rule;
  };
  const isOptOut = codes.some((code) => code === 'OPTOUT' || code === 'OPTOUTE');
  const isForEmergencies = categoriesOf(consent).some(({ code }) => code === 'emrgonly') && root?.type !== 'deny';
  if ((codes.includes('EMRGONLY') || isForEmergencies) && !isOptOut) {
    const emergency: EitherProvision = { purpose: [{ system: actReason, code: 'ETREAT' }] };
    return { base: empty('deny'), nested: [under(undefined, 'permit', { ...root, ...emergency })] };
  }
  const isOptIn = codes.some((code) => code === 'OPTIN' || code === 'OPTINR');
  const general = isOptOut ? 'deny' : isOptIn ? 'permit' : undefined; // contradictory: what shares least
  if (root === undefined) return { base: general === undefined ? undefined : empty(general), nested: [] };
  const type = effectOf(root.type);
  const effect = general ?? type;
  if (effect === undefined) return { base: undefined, nested: under(undefined, 'deny', root).children };
  if (general !== undefined && type !== undefined && type !== general)
    return { base: empty(general), nested: [under(undefined, type, root)] };
  const base = under(undefined, effect, root);
  return { base, nested: base.children };
}

/** R5: the decision, and at each level exceptions to what is above. Exceptions to nothing deny, how deep they may be. */
function exceptionsOf(consent: StoredConsent): Tree {
  const decision = isR5(consent) ? effectOf(consent.decision) : undefined;
  const below = (above: Effect | undefined, parent: Rule | undefined, stated: readonly EitherProvision[]): Rule[] =>
    stated.map((one) => {
      const rule: Rule = { consent, effect: above === 'deny' ? 'permit' : 'deny', stated: one, parent, children: [] };
      rule.children.push(...below(above === undefined ? undefined : rule.effect, rule, one.provision ?? []));
      return rule;
    });
  const base: Rule | undefined =
    decision === undefined ? undefined : { consent, effect: decision, stated: {}, parent: undefined, children: [] };
  return { base, nested: below(decision, undefined, provisionsOf(consent)) };
}

function effectOf(type: string | undefined): Effect | undefined {
  return type === 'permit' || type === 'deny' ? type : undefined;
}

/** The effective element: the rule's own, else that of the nearest ancestor that states it. */
function elementOf<Name extends RequestElement | DataElement>(
  rule: Rule,
  name: Name,
): EitherProvision[Name] | undefined {
  const own = rule.stated[name];
  if (own !== undefined) return own;
  const isRequestSide = ['actor', 'purpose', 'action', 'period'].includes(name);
  if (rule.effect === 'deny' && !isRequestSide) return undefined; // a deny is never narrower in data than written
  for (let above = rule.parent; above !== undefined; above = above.parent) {
    const inherited = above.stated[name];
    if (inherited !== undefined) return inherited;
  }
  return undefined;
}

interface Asked {
  readonly world: Single;
  readonly patient: PatientRecord;
  readonly question: Question;
  readonly purpose: string | undefined;
}

/** Extensions of the rule, of what it inherits from, and of the Consent as a whole. */
function understoodMatch(rule: Rule): Match {
  const { consent } = rule;
  const isOdd = ({ extension = [], modifierExtension = [], expression }: EitherProvision): boolean =>
    modifierExtension.length > 0 || extension.some(({ url }) => url !== harmlessExtension) || expression !== undefined;
  let strange = false;
  for (let one: Rule | undefined = rule; one !== undefined; one = one.parent) strange ||= isOdd(one.stated);
  const isBroken =
    (consent.modifierExtension ?? []).length > 0 ||
    scopeOf(consent) === 'unknown' ||
    contradictsDecision(consent) ||
    (dateOf(consent) !== undefined && readDate(dateOf(consent) ?? '') === undefined) ||
    readPeriod(wholePeriodOf(consent)) === 'unreadable';
  return strange || isBroken ? 'unclear' : 'yes';
}

function requestMatch(rule: Rule, { world, purpose }: Asked): Match {
  const { at } = world.context;
  const period = readPeriod(elementOf(rule, 'period'));
  return all(
    understoodMatch(rule),
    period === 'unreadable' ? 'unclear' : when(period.start <= at && at <= period.end),
    actorsMatch(rule, world),
    purposesMatch(elementOf(rule, 'purpose'), rule.effect, purpose),
    actionsMatch(elementOf(rule, 'action')),
  );
}

/** Nobody at all, or with an extension that may change who is meant. */
function isIncomparable(actor: R4Actor): boolean {
  return namesOf(actor.reference).length === 0 || isStrange(actor);
}

/** Who receives and from whom: any one actor of either part. */
function actorsMatch(rule: Rule, world: Single): Match {
  const { consent } = rule;
  const { settings } = world;
  const recipient = anyOfPart(rule, ['recipient', 'unknown'], (actor) => {
    const match = isHe(actor, consent, world);
    return partOf(actor, consent) === 'unknown' && match === 'yes' ? 'unclear' : match;
  });
  // Where nobody is named but who gave the consent, to whom he gave it is not known.
  const parts = (elementOf(rule, 'actor') ?? []).map((actor) => partOf(actor, consent));
  const isOpen = parts.includes('grantor') && !parts.includes('recipient') && !parts.includes('unknown');
  const custodian = anyOfPart(rule, ['custodian'], (actor) => {
    if (isIncomparable(actor)) return 'unclear';
    const isUs = meets(actor, settings.organizations);
    if (standsForOthers(actor)) return isUs === 'yes' ? 'yes' : 'unclear';
    return settings.organizations.length === 0 ? 'yes' : isUs; // unset: it acts for any
  });
  return all(recipient, isOpen ? 'unclear' : 'yes', custodian);
}

/** Whose data it is, as `data` of meaning authoredby. */
function authorMatch(rule: Rule, { authors, type }: Facts): Match {
  if (
    type === 'Patient' &&
    rule.effect === 'deny' &&
    (elementOf(rule, 'actor') ?? []).some((actor) => partOf(actor, rule.consent) === 'author')
  )
    return 'no'; // who she is, nobody wrote
  return anyOfPart(rule, ['author'], (actor) => {
    if (isIncomparable(actor) || authors.length === 0) return 'unclear';
    const isWriter = meets(actor, authors);
    return isWriter === 'no' && standsForOthers(actor) ? 'unclear' : isWriter;
  });
}

function anyOfPart(rule: Rule, parts: readonly Part[], match: (actor: R4Actor) => Match): Match {
  const actors = (elementOf(rule, 'actor') ?? []).filter((actor) => parts.includes(partOf(actor, rule.consent)));
  return actors.length === 0 ? 'yes' : any(actors.map(match));
}

function meets({ reference }: R4Actor, others: readonly string[]): Match {
  return when(namesOf(reference).some((name) => others.includes(name)));
}

const broader: Readonly<Record<string, string>> = {
  COC: 'TREAT',
  ETREAT: 'TREAT',
  BTG: 'ETREAT',
  ERTREAT: 'ETREAT',
  CAREMGT: 'HOPERAT',
  HLEGAL: 'HOPERAT',
  REMITADV: 'HPAYMT',
  CLINTRCH: 'HRESCH',
};
const purposeCodes = ['TREAT', 'HPAYMT', 'HOPERAT', 'HRESCH', 'HMARKT', 'PATRQT', ...Object.keys(broader)];

/** Equal or narrower. */
function isA(purpose: string, ancestor: string): boolean {
  for (let one: string | undefined = purpose; one !== undefined; one = broader[one]) if (one === ancestor) return true;
  return false;
}

/** In a permit treatment does not imply an emergency, nor operations legal proceedings. */
function permitsPurpose(stated: string, asked: string): boolean {
  if (stated === 'TREAT' && isA(asked, 'ETREAT')) return false;
  if (stated === 'HOPERAT' && asked === 'HLEGAL') return false;
  return isA(asked, stated);
}

function purposesMatch(stated: readonly R4Coding[] | undefined, effect: Effect, asked: string | undefined): Match {
  if (stated === undefined) return 'yes';
  if (asked === undefined) return when(effect === 'deny');
  return any(
    stated.map(({ system, code = '' }) => {
      if (canonical(system) !== actReason || !purposeCodes.includes(code)) return 'unclear';
      return when(effect === 'permit' ? permitsPurpose(code, asked) : isA(asked, code));
    }),
  );
}

/** The gateway answers reads and searches: access and disclosure. */
function actionsMatch(stated: readonly R4Concept[] | undefined): Match {
  if (stated === undefined) return 'yes';
  return any(
    stated.map(({ coding = [] }) => {
      const known = coding.filter(({ system, code = '' }) => system === consentAction && actionCodes.includes(code));
      if (known.length === 0) return 'unclear';
      return when(known.some(({ code }) => code === 'access' || code === 'disclose'));
    }),
  );
}
const actionCodes = ['collect', 'access', 'use', 'disclose', 'correct'];

// ---------------------------------------------------------------------------------------------------------------------
// Data

function dataMatch(rule: Rule, asked: Asked): Match {
  const { candidate } = asked.world;
  const labels = labelsMatch(rule, asked);
  // A permit covers the Patient resource too: identity travels with every disclosure.
  if (rule.effect === 'permit' && candidate.facts.key === asked.patient.key) {
    const mustBeNamed = asked.question.topic !== undefined || asked.question.level === 'V';
    return mustBeNamed ? labels : 'yes';
  }
  return all(
    labels,
    classMatch(elementOf(rule, 'class'), candidate),
    kindMatch(elementOf(rule, 'resourceType'), candidate),
    documentMatch(elementOf(rule, 'documentType'), candidate),
    codeMatch(elementOf(rule, 'code'), rule.effect, candidate),
    dataPeriodMatch(elementOf(rule, 'dataPeriod'), rule.effect, asked.world),
    namedDataMatch(elementOf(rule, 'data'), rule.effect, candidate),
    authorMatch(rule, candidate.facts),
  );
}

interface StatedLabels {
  readonly levels: readonly string[];
  readonly topics: readonly string[];
  readonly hasUnknown: boolean;
}

function readLabels(labels: readonly R4Coding[]): StatedLabels {
  const found = { levels: [] as string[], topics: [] as string[], hasUnknown: false };
  for (const { system, code = '' } of labels) {
    const home = canonical(system);
    if (home === confidentiality && levels.includes(code)) found.levels.push(code);
    else if (home === actCode && topicCodes.includes(code)) found.topics.push(code);
    else if (home === gatewayLabels && code === 'SUDCN') found.topics.push(code);
    else found.hasUnknown = true;
  }
  return found;
}
const topicCodes = [...substance, 'SPI', 'PSY', 'PSYTHPN', 'HIV', 'SDV', '42CFRPart2'];
/** Children of SPI in v3-ActCode; ETH stands for SUD here, too. */
const speciallyProtected = ['PSY', 'PSYTHPN', ...substance];

function labelsMatch(rule: Rule, asked: Asked): Match {
  const stated = elementOf(rule, 'securityLabel');
  return rule.effect === 'deny' ? deniedLabels(rule, stated, asked) : permittedLabels(rule, stated, asked);
}

/** A deny: any one label; a level means itself and above. */
function deniedLabels(rule: Rule, stated: readonly R4Coding[] | undefined, { question, world }: Asked): Match {
  if (stated === undefined) return 'yes';
  const { topic, level } = question;
  const { levels: named, topics, hasUnknown } = readLabels(stated);
  const isPart2 = isRecognised(rule, world.settings);
  return any([
    ...named.map((one) => when(atMost(one, level))),
    ...topics.map((one) =>
      when(topic !== undefined && (deniesTopic(one, topic) || (isPart2 && stands(topics, topic)))),
    ),
    ...(hasUnknown ? (['unclear'] as const) : []),
  ]);
}

function deniesTopic(stated: string, topic: string): boolean {
  if (substance.includes(stated) && substance.includes(topic)) return true;
  return stated === topic || (stated === 'SPI' && speciallyProtected.includes(topic));
}

/** A permit: every category it states must cover what is asked; a level means itself and below. */
function permittedLabels(rule: Rule, stated: readonly R4Coding[] | undefined, asked: Asked): Match {
  const { topic, level } = asked.question;
  const isPart2Question = topic === '42CFRPart2' && !asked.question.isWithoutForm;
  if (stated === undefined) {
    if (isBasicNormal(rule.consent)) return when(topic === undefined && atMost(level, 'N'));
    if (topic === 'SUDCN' || topic === 'PSYTHPN') return 'no';
    return when(!isPart2Question || qualifiesFor(rule, asked));
  }
  const { levels: named, topics, hasUnknown } = readLabels(stated);
  if ((topic === 'SUDCN' || topic === 'PSYTHPN') && !topics.includes(topic)) return 'no';
  if ((isPart2Question || (topic === 'SUDCN' && !asked.question.isWithoutForm)) && !qualifiesFor(rule, asked))
    return 'no';
  return all(
    named.length === 0 ? 'yes' : when(named.some((one) => atMost(level, one))),
    topics.length === 0 ? 'yes' : when(topic !== undefined && coversTopic(topics, topic, qualifiesFor(rule, asked))),
    hasUnknown ? 'unclear' : 'yes',
  );
}

function coversTopic(stated: readonly string[], topic: string, isQualifying: boolean): boolean {
  if (stated.some((one) => permitsTopic(one, topic))) return true;
  return isQualifying && stands(stated, topic);
}

/** In a Part 2 consent 42CFRPart2 and the substance class stand for each other, unless a finer code is named. */
function stands(stated: readonly string[], topic: string): boolean {
  if (stated.includes('ETHUD') || stated.includes('OPIOIDUD')) return false;
  if (topic === '42CFRPart2') return stated.some((one) => substance.includes(one));
  return substance.includes(topic) && stated.includes('42CFRPart2');
}

function permitsTopic(stated: string, topic: string): boolean {
  if (stated === topic) return true;
  if (stated === 'ETH' || stated === 'SUD') return substance.includes(topic);
  return stated === 'SPI' && speciallyProtected.includes(topic);
}

function isNarrowedOnlyByTopics(base: Rule, { question }: Asked): boolean {
  const stated = elementOf(base, 'securityLabel');
  if (stated === undefined || understoodMatch(base) !== 'yes') return false;
  if ((elementOf(base, 'actor') ?? []).some((actor) => partOf(actor, base.consent) === 'author')) return false;
  const others = ['class', 'resourceType', 'documentType', 'code', 'dataPeriod', 'data'] as const;
  if (others.some((name) => elementOf(base, name) !== undefined)) return false;
  const { levels: named, topics, hasUnknown } = readLabels(stated);
  if (named.length > 0 || hasUnknown) return false;
  return question.topic === undefined || !coversTopic(topics, question.topic, false);
}

function isBasicNormal(consent: StoredConsent): boolean {
  return policiesOf(consent).includes('https://profiles.ihe.net/ITI/PCF/Policy-basic-normal');
}

/** A Part 2 consent by policyRule, category, policy.uri, or a provision that names the law. */
function isRecognised(rule: Rule, { part2PolicyUris }: DecisionSettings): boolean {
  const { consent } = rule;
  return (
    ruleCodes(consent).includes('42CFRPart2') ||
    categoriesOf(consent).some(({ code }) => code === '42CFRPart2CD') ||
    policiesOf(consent).some((uri) => part2PolicyUris.includes(uri)) ||
    readLabels(elementOf(rule, 'securityLabel') ?? []).topics.includes('42CFRPart2')
  );
}

/** 42 CFR 2.31: recognised as a Part 2 consent, with the required elements; notes only where they are named. */
function qualifiesFor(rule: Rule, { world, question, purpose }: Asked): boolean {
  const { consent } = rule;
  const labels = readLabels(elementOf(rule, 'securityLabel') ?? []);
  if (question.topic === 'PSYTHPN') return labels.topics.includes('PSYTHPN');
  const purposes = (elementOf(rule, 'purpose') ?? []).map(({ code = '' }) => code);
  const actors = elementOf(rule, 'actor') ?? [];
  const namesDiscloser =
    organizationsOf(consent).length > 0 || actors.some((actor) => partOf(actor, consent) === 'custodian');
  const describes =
    (['securityLabel', 'class', 'resourceType', 'documentType', 'code', 'data'] as const).some(
      (name) => elementOf(rule, name) !== undefined,
    ) || hasPolicyText(consent);
  const isForOperations = purposes.every((code) => code === 'TREAT' || code === 'HPAYMT' || code === 'HOPERAT');
  const namesRecipient =
    actors.some((actor) => partOf(actor, consent) === 'recipient') || (actors.length === 0 && isForOperations);
  // No end is fine for treatment, payment and operations.
  const expires =
    isForOperations || wholePeriodOf(consent)?.end !== undefined || elementOf(rule, 'period')?.end !== undefined;
  const isSigned = isSourced(consent) && dateOf(consent) !== undefined;
  const isVerified = (consent.verification ?? []).some(({ verified }) => verified);
  return (
    isRecognised(rule, world.settings) &&
    namesDiscloser &&
    describes &&
    namesRecipient &&
    purposes.length > 0 &&
    expires &&
    isSigned &&
    (isVerified || !world.settings.part2RequiresVerification) &&
    isOnGoodForm(consent, world.settings) &&
    (purpose !== 'HLEGAL' ||
      provisionsOf(consent)
        .flatMap(allPurposes)
        .every((code) => code === 'HLEGAL')) &&
    (question.topic !== 'SUDCN' || isForCounselingNotesOnly(consent))
  );
}

function allPurposes(provision: EitherProvision): readonly (string | undefined)[] {
  return [...(provision.purpose ?? []).map(({ code }) => code), ...(provision.provision ?? []).flatMap(allPurposes)];
}

/** A deployment says which forms say what they must, and which were withdrawn. */
function isOnGoodForm(consent: StoredConsent, { part2: { forms } }: DecisionSettings): boolean {
  if (forms === undefined) return true;
  const stated = policiesOf(consent);
  if (forms.withdrawn.some((form) => stated.includes(form))) return false;
  return forms.accepted.length === 0 || forms.accepted.some((form) => stated.includes(form));
}

/** 42 CFR 2.31(b): every permit in it names counseling notes and no other topic. */
function isForCounselingNotesOnly(consent: StoredConsent): boolean {
  const { base, nested } = treeOf(consent);
  const every = (rules: readonly Rule[]): readonly Rule[] => rules.flatMap((rule) => [rule, ...every(rule.children)]);
  return [...(base === undefined ? [] : [base]), ...every(nested)]
    .filter(({ effect }) => effect === 'permit')
    .every((rule) => {
      const { topics } = readLabels(elementOf(rule, 'securityLabel') ?? []);
      return topics.length > 0 && topics.every((topic) => topic === 'SUDCN');
    });
}

function classMatch(stated: readonly R4Coding[] | undefined, { facts }: Candidate): Match {
  if (stated === undefined) return 'yes';
  return any(
    stated.map(({ system, code = '' }) => {
      if (system === 'http://hl7.org/fhir/resource-types') return when(facts.type === code);
      if (system === 'urn:ietf:rfc:3986')
        return when(facts.profiles.some((profile) => unversioned(profile) === unversioned(code)));
      if (system === 'urn:ietf:bcp:13') return when(facts.mimeTypes.includes(code));
      if (system === loinc) return when(facts.documentTypes.some((one) => one.system === system && one.code === code));
      return 'unclear';
    }),
  );
}

const typeSystems = ['http://hl7.org/fhir/resource-types', 'http://hl7.org/fhir/fhir-types'];

/** R5 resourceType: a type of resource and nothing else. */
function kindMatch(stated: readonly R4Coding[] | undefined, { facts }: Candidate): Match {
  if (stated === undefined) return 'yes';
  return any(
    stated.map(({ system = '', code }) => (typeSystems.includes(system) ? when(facts.type === code) : 'unclear')),
  );
}

/** R5 documentType: what R4 class says but for types of resources. */
function documentMatch(stated: readonly R4Coding[] | undefined, candidate: Candidate): Match {
  if (stated === undefined) return 'yes';
  return any(stated.map((one) => (typeSystems.includes(one.system ?? '') ? 'unclear' : classMatch([one], candidate))));
}

const unversioned = (canonicalUrl: string): string => canonicalUrl.split('|')[0] ?? '';

/** A deny looks everywhere in the resource, a permit at its own code elements. */
function codeMatch(stated: readonly R4Concept[] | undefined, effect: Effect, { facts }: Candidate): Match {
  if (stated === undefined) return 'yes';
  const found = effect === 'deny' ? facts.codings : facts.primaryCodings;
  return any(
    stated.map(({ coding = [] }) => {
      if (coding.length === 0) return 'unclear';
      return when(coding.some(({ system, code }) => found.some((one) => one.system === system && one.code === code)));
    }),
  );
}

/** A permit needs the data's time within; a deny any overlap. */
function dataPeriodMatch(stated: R4Period | undefined, effect: Effect, { candidate, settings }: Single): Match {
  if (stated === undefined) return 'yes';
  if (effect === 'deny' && candidate.facts.type === 'Patient') return 'no'; // who she is, is of no time
  const period = readPeriod(stated);
  const time = candidate.facts.clinicalTime ?? settings.instantOf(candidate.facts.lastUpdated);
  if (period === 'unreadable' || time === undefined) return 'unclear';
  return when(
    effect === 'permit'
      ? period.start <= time.start && time.end <= period.end
      : period.start <= time.end && time.start <= period.end,
  );
}

const notClinical = ['Patient', 'Practitioner', 'PractitionerRole', 'Organization', 'Location'];

function namedDataMatch(stated: readonly R4Data[] | undefined, effect: Effect, candidate: Candidate): Match {
  if (stated === undefined) return 'yes';
  return any(stated.map((data) => oneDataMatch(data, effect, candidate)));
}

function oneDataMatch({ meaning, reference }: R4Data, effect: Effect, { facts, named }: Candidate): Match {
  const names = namesOf(reference);
  if (meaning === 'authoredby') {
    if (effect === 'deny' && facts.type === 'Patient') return 'no';
    if (names.length === 0 || facts.authors.length === 0) return 'unclear';
    return when(facts.authors.some((author) => names.includes(author)));
  }
  const target = names.find((name) => /^[A-Z][A-Za-z]+\/[^/|]+$/.test(name));
  if (target === undefined) return 'unclear';
  if (meaning === 'instance') return when(facts.key === target);
  if (meaning !== 'related' && meaning !== 'dependents') return 'unclear';
  if (notClinical.includes(facts.type)) return 'no';
  if (facts.key === target) return 'yes';
  const refersToIt = when(facts.references.some((key) => key === target));
  if (meaning === 'dependents') return refersToIt;
  const itself = [...named].find(([key]) => key === target)?.[1];
  const isReferredTo = itself === undefined ? 'unclear' : when(itself.references.includes(facts.key));
  if (!['Encounter', 'EpisodeOfCare', 'CarePlan'].includes(target.split('/')[0] ?? '')) return isReferredTo;
  // IHE PCF: related to an Encounter is what was created as part of it.
  return effect === 'deny'
    ? any([refersToIt, isReferredTo])
    : any([when(facts.partOf.some((key) => key === target)), isReferredTo]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Words of the standards

const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const consentAction = 'http://terminology.hl7.org/CodeSystem/consentaction';
const loinc = 'http://loinc.org';
