import type { Collective } from '../consent/collectives.ts';
import type {
  Actor,
  Codes,
  DataStatement,
  Effect,
  Elements,
  LabelStatement,
  ParsedConsent,
} from '../consent/parsed.ts';
import type { Coding, Interval } from '../fhir/coding.ts';
import type { ResourceKey } from '../fhir/ids.ts';
import {
  canonicalSystem,
  isNamedOnly,
  isSubstance,
  part2,
  purposeCovers,
  sensitivityCovers,
} from '../fhir/vocabulary.ts';
import type { Facts } from '../label/facts.ts';
import { atMost, type Confidentiality } from '../label/labels.ts';
import { matchesRecipient, ofPart } from './actors.ts';
import { part2Lacks } from './part2-elements.ts';
import type { DecisionSettings, NamedData } from './question.ts';

/**
 * Whether something matches. `unknown`: it would, if what was not understood were understood; that counts as matched in
 * a deny and as unmatched in a permit.
 */
export type Match = 'yes' | 'no' | 'unknown';

/** Who asks, for one purpose at one instant. */
export interface Asker {
  readonly identities: ReadonlySet<string>;
  readonly organizations: ReadonlySet<string>;
  /** Roles and organizations that are his elsewhere: they may count against him, never for him. */
  readonly elsewhere: ReadonlySet<string>;
  /** Role codes of the token and of his current roles; system '' where none is stated. */
  readonly roles: readonly Coding[];
  /** A treating relationship to this patient is on record. */
  readonly treats: boolean;
  /** A system on its own behalf: nobody's person. */
  readonly isSystem: boolean;
  /** Groups, care teams and roles that Consents name; what is missing could not be read. */
  readonly collectives: ReadonlyMap<ResourceKey, Collective>;
  /** v3-ActReason code; undefined when the token asserts none. */
  readonly purpose: string | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What a Consent is asked: one topic at the level R that topics imply, or the rest at its own level. */
export interface Question {
  /** Undefined asks for the rest. */
  readonly topic: string | undefined;
  readonly level: Confidentiality;
  /** Of the rest: what is asked of the topics that the resource bears beside it. */
  readonly beside?: readonly Question[];
  /** What is asked needs no written consent (42 CFR 2.51): the form of a permit does not matter. */
  readonly anyForm?: true;
}

export function allOf(...matches: readonly Match[]): Match {
  return matches.includes('no') ? 'no' : matches.includes('unknown') ? 'unknown' : 'yes';
}

export function anyOf(matches: readonly Match[]): Match {
  return matches.includes('yes') ? 'yes' : matches.includes('unknown') ? 'unknown' : 'no';
}

/** What was not understood decides for a deny and against a permit. */
export function counts(match: Match, effect: Effect): boolean {
  return match === 'yes' || (match === 'unknown' && effect === 'deny');
}

/** Request side: recipient and custodian, purpose, action, period. The author is a matter of the data. */
export function matchesRequest(elements: Elements, effect: Effect, asker: Asker, settings: DecisionSettings): Match {
  const { recipient, custodian, purpose, action, period } = requestSide(elements, effect, asker, settings);
  return allOf(elements.notUnderstood ? 'unknown' : 'yes', recipient, custodian, purpose, action, period);
}

/** The same, element by element: for telling why a provision does not speak to somebody. */
export function requestSide(
  elements: Elements,
  effect: Effect,
  asker: Asker,
  settings: DecisionSettings,
): Readonly<Record<'recipient' | 'custodian' | 'purpose' | 'action' | 'period', Match>> {
  return {
    recipient: matchesRecipient(elements.actors, effect, asker),
    custodian: matchesCustodian(elements.actors, settings),
    purpose: matchesPurpose(elements.purposes, effect, asker.purpose),
    action: matchesAction(elements.actions),
    period: matchesPeriod(elements.period, asker.at),
  };
}

function matchesCustodian(actors: readonly Actor[] | undefined, settings: DecisionSettings): Match {
  const named = ofPart(actors, 'custodian');
  if (named.length === 0) return 'yes';
  const isAny = settings.organizations.length === 0; // the gateway acts for any
  return anyOf(
    named.map(({ names, unresolved, collective }) => {
      const isUs = names.some((name) => settings.organizations.includes(name));
      const isOpen = unresolved || collective !== undefined; // whom it stands for is not asked
      return isUs || (isAny && !isOpen) ? 'yes' : isOpen ? 'unknown' : 'no';
    }),
  );
}

/** As a provision states them; those of a label or an agreement are all known. */
type Purposes = Pick<Codes<string>, 'codes'> & Partial<Codes<string>>;

/** A purpose covers its descendants; in a permit ordinary treatment is no emergency, and operations are no proceedings. */
export function matchesPurpose(purposes: Purposes | undefined, effect: Effect, asked: string | undefined): Match {
  if (purposes === undefined) return 'yes';
  if (asked === undefined) return effect === 'deny' ? 'yes' : 'no';
  return anyOf([
    purposes.unknown ? 'unknown' : 'no',
    ...purposes.codes.map((rule): Match => (purposeReaches(rule, asked, effect) ? 'yes' : 'no')),
  ]);
}

function purposeReaches(rule: string, asked: string, effect: Effect): boolean {
  if (!purposeCovers(rule, asked)) return false;
  if (effect === 'deny') return true;
  const isEmergency = purposeCovers('ETREAT', asked) && !purposeCovers('ETREAT', rule);
  const isLegal = asked === 'HLEGAL' && rule !== 'HLEGAL';
  return !isEmergency && !isLegal;
}

function matchesAction(actions: Codes<string> | undefined): Match {
  if (actions === undefined) return 'yes';
  return anyOf([
    actions.unknown ? 'unknown' : 'no',
    actions.codes.some((code) => code === 'access' || code === 'disclose') ? 'yes' : 'no',
  ]);
}

function matchesPeriod(period: Elements['period'], at: number): Match {
  if (period === undefined) return 'yes';
  if (period === 'unreadable') return 'unknown';
  return period.start <= at && at <= period.end ? 'yes' : 'no';
}

/** What matching a provision reads of its Consent as a whole. */
export type ConsentAsWhole = Pick<
  ParsedConsent,
  'root' | 'nested' | 'isPart2' | 'written' | 'basicNormalCeiling' | 'allPurposes'
>;

/** Data side of one provision for one question. @param consent undefined for a rule that stands in none */
export function matchesData(
  elements: Elements,
  effect: Effect,
  consent: ConsentAsWhole | undefined,
  question: Question,
  asker: Asker,
  facts: Facts,
  named: ReadonlyMap<ResourceKey, NamedData>,
  settings: DecisionSettings,
): Match {
  if (effect === 'permit' && facts.type === 'Patient')
    return matchesIdentity(elements, consent, question, asker, settings);
  return allOf(
    elements.notUnderstood ? 'unknown' : 'yes',
    matchesLabels(elements, effect, consent, question, asker, settings),
    matchesClass(elements.classes, facts),
    matchesClass(elements.documents, facts),
    matchesCode(elements.codes, effect, facts),
    matchesDataPeriod(elements.dataPeriod, effect, facts, settings),
    matchesReferences(elements.data, effect, facts, named),
    matchesAuthor(elements.actors, facts),
  );
}

/** Identity travels with every disclosure: a permit for the requester covers the patient's Patient resource, but no topic it lacks. */
function matchesIdentity(
  elements: Elements,
  consent: ConsentAsWhole | undefined,
  question: Question,
  asker: Asker,
  settings: DecisionSettings,
): Match {
  if (question.topic === undefined && atMost(question.level, 'R')) return elements.notUnderstood ? 'unknown' : 'yes';
  return allOf(
    elements.notUnderstood ? 'unknown' : 'yes',
    matchesLabels(elements, 'permit', consent, question, asker, settings),
  );
}

function matchesLabels(
  elements: Elements,
  effect: Effect,
  consent: ConsentAsWhole | undefined,
  question: Question,
  asker: Asker,
  settings: DecisionSettings,
): Match {
  return effect === 'deny'
    ? deniesLabels(elements.labels, consent, question, asker)
    : permitsLabels(elements, consent, question, asker, settings);
}

/** Confidentiality in a deny means that level and above; any one code is enough. */
function deniesLabels(
  labels: LabelStatement | undefined,
  consent: ConsentAsWhole | undefined,
  { topic, level }: Question,
  asker: Asker,
): Match {
  if (labels === undefined) return 'yes';
  const recognised = consent?.isPart2 === true || labels.topics.includes(part2);
  return anyOf([
    labels.unknown ? 'unknown' : 'no',
    ...labels.confidentiality.map((floor): Match => (atMost(floor, level) ? 'yes' : 'no')),
    ...labels.topics.map(
      (code): Match => (deniesTopic(code, topic, recognised && !namesSpecific(labels)) ? 'yes' : 'no'),
    ),
    ...labels.purposes.map((rule) => matchesPurpose({ codes: [rule] }, 'deny', asker.purpose)),
  ]);
}

function deniesTopic(code: string, topic: string | undefined, alike: boolean): boolean {
  if (sensitivityCovers(code, topic)) return true;
  if (isSubstance(code) && isSubstance(topic)) return true;
  return alike && standForEachOther(code, topic);
}

/** Confidentiality in a permit means that level and below; each category that is stated must cover. */
function permitsLabels(
  elements: Elements,
  consent: ConsentAsWhole | undefined,
  question: Question,
  asker: Asker,
  settings: DecisionSettings,
): Match {
  const { labels } = elements;
  const { topic, level } = question;
  if ((topic === part2 || topic === 'SUDCN') && !question.anyForm) {
    if (isThroughIntermediary(elements.actors, asker, settings)) return 'no';
    if (!isWritten(consent, elements, asker, settings)) return 'no';
    if (topic === 'SUDCN' && !isForNotesAlone(consent)) return 'no';
  }
  if (labels === undefined) {
    if (consent?.basicNormalCeiling) return atMost(level, 'N') ? 'yes' : 'no'; // topics are asked at R
    return isNamedOnly(topic) ? 'no' : 'yes';
  }
  return allOf(
    permitsLevel(labels, level),
    permitsTopic(labels, elements, consent, question, asker, settings),
    labels.purposes.length === 0 ? 'yes' : matchesPurpose({ codes: labels.purposes }, 'permit', asker.purpose),
    labels.unknown ? 'unknown' : 'yes',
  );
}

/**
 * A consent to an intermediary reaches those participants that it names, or, by a general designation, those who have a
 * treating relationship to the patient (42 CFR 2.31(a)(4)(ii)).
 */
function isThroughIntermediary(
  actors: readonly Actor[] | undefined,
  asker: Asker,
  { part2: { intermediaries } }: DecisionSettings,
): boolean {
  if (asker.treats) return false;
  const matching = ofPart(actors, 'recipient').filter(({ names }) =>
    names.some((name) => asker.identities.has(name) || asker.organizations.has(name)),
  );
  return matching.length > 0 && matching.every(({ names }) => names.some((name) => intermediaries.includes(name)));
}

function permitsLevel(labels: LabelStatement, level: Confidentiality): Match {
  if (labels.confidentiality.length === 0) return 'yes';
  return labels.confidentiality.some((ceiling) => atMost(level, ceiling)) ? 'yes' : 'no';
}

function permitsTopic(
  labels: LabelStatement,
  elements: Elements,
  consent: ConsentAsWhole | undefined,
  { topic }: Question,
  asker: Asker,
  settings: DecisionSettings,
): Match {
  if (labels.topics.length === 0) return isNamedOnly(topic) ? 'no' : 'yes';
  const isAlike = (code: string): boolean =>
    standForEachOther(code, topic) && !namesSpecific(labels) && isWritten(consent, elements, asker, settings);
  return labels.topics.some((code) => permitsOne(code, topic) || isAlike(code)) ? 'yes' : 'no';
}

function permitsOne(code: string, topic: string | undefined): boolean {
  if (code === topic) return true;
  if (isNamedOnly(topic)) return false;
  return sensitivityCovers(code, topic) || (code === 'ETH' && isSubstance(topic)); // as SUD does, which stands above the others
}

/** In a Part 2 consent the law's code and the substance class mean the same records. */
function standForEachOther(code: string, topic: string | undefined): boolean {
  return (code === part2 && isSubstance(topic)) || (topic === part2 && (code === 'ETH' || code === 'SUD'));
}

function namesSpecific(labels: LabelStatement): boolean {
  return labels.topics.includes('ETHUD') || labels.topics.includes('OPIOIDUD');
}

/** What permits records of the law is a written consent, complete; a rule that stands in no Consent is none. */
function isWritten(
  consent: ConsentAsWhole | undefined,
  elements: Elements,
  asker: Asker,
  settings: DecisionSettings,
): consent is ConsentAsWhole {
  return consent !== undefined && part2Lacks(consent, elements, asker.purpose, settings).length === 0;
}

/** SUD counseling notes may be combined with nothing else (42 CFR 2.31(b)). */
function isForNotesAlone(consent: ConsentAsWhole): boolean {
  const provisions = consent.root === undefined ? [...consent.nested] : [consent.root, ...consent.nested];
  while (provisions.length > 0) {
    const { effect, elements, children } = provisions.pop() as (typeof provisions)[number];
    provisions.push(...children);
    if (effect === 'deny') continue;
    const { topics = [], purposes = [] } = elements.labels ?? {};
    if (topics.length === 0 || topics.some((code) => code !== 'SUDCN') || purposes.length > 0) return false;
  }
  return true;
}

function matchesClass(classes: Elements['classes'], facts: Facts): Match {
  if (classes === undefined) return 'yes';
  return anyOf([
    classes.unknown ? 'unknown' : 'no',
    ...classes.codes.map((statement): Match => {
      switch (statement.kind) {
        case 'type':
          return facts.type === statement.code ? 'yes' : 'no';
        case 'profile':
          return facts.profiles.some((profile) => profile.split('|')[0] === statement.code) ? 'yes' : 'no';
        case 'mime':
          return facts.mimeTypes.includes(statement.code) ? 'yes' : 'no';
        case 'document':
          return facts.documentTypes.some((coding) => isSame(coding, statement.coding))
            ? 'yes'
            : statement.coding.system === 'http://loinc.org'
              ? 'no'
              : 'unknown';
        default:
          return statement satisfies never;
      }
    }),
  ]);
}

function matchesCode(codes: Elements['codes'], effect: Effect, facts: Facts): Match {
  if (codes === undefined) return 'yes';
  const found = effect === 'deny' ? facts.codings : facts.primaryCodings;
  return anyOf([
    codes.unknown ? 'unknown' : 'no',
    codes.codes.some((code) => found.some((coding) => isSame(coding, code))) ? 'yes' : 'no',
  ]);
}

function isSame(
  found: { readonly system: string; readonly code: string },
  rule: { readonly system: string; readonly code: string },
): boolean {
  return found.code === rule.code && canonicalSystem(found.system) === rule.system;
}

/** The data's own time: wholly inside for a permit, any overlap for a deny (FHIR R4 Consent.provision.dataPeriod). */
function matchesDataPeriod(
  period: Elements['dataPeriod'],
  effect: Effect,
  facts: Facts,
  settings: DecisionSettings,
): Match {
  if (period === undefined) return 'yes';
  if (isIdentity(facts)) return 'no';
  if (period === 'unreadable') return 'unknown';
  const time: Interval | undefined = facts.clinicalTime ?? settings.instantOf(facts.lastUpdated);
  if (time === undefined) return 'unknown';
  if (effect === 'permit') return period.start <= time.start && time.end <= period.end ? 'yes' : 'no';
  return time.start <= period.end && period.start <= time.end ? 'yes' : 'no';
}

/**
 * Who she is, is nobody's finding and of no time; were it denied with them, all that is about her would go. Permits of it are
 * not asked so (`matchesIdentity`).
 */
function isIdentity({ type }: Facts): boolean {
  return type === 'Patient';
}

/** Directory and identity resources are no clinical content: only `instance` reaches them. */
const notClinical = new Set(['Patient', 'Practitioner', 'PractitionerRole', 'Organization', 'Location']);
/** Data created as part of these is meant when a Consent names them (IHE PCF). */
const containers = new Set(['Encounter', 'EpisodeOfCare', 'CarePlan']);

function matchesReferences(
  data: Elements['data'],
  effect: Effect,
  facts: Facts,
  named: ReadonlyMap<ResourceKey, NamedData>,
): Match {
  if (data === undefined) return 'yes';
  return anyOf([
    data.unknown ? 'unknown' : 'no',
    ...data.codes.map((statement) => matchesOne(statement, effect, facts, named)),
  ]);
}

function matchesOne(
  { meaning, key, names }: DataStatement,
  effect: Effect,
  facts: Facts,
  named: ReadonlyMap<ResourceKey, NamedData>,
): Match {
  if (meaning === 'authoredby') return isIdentity(facts) ? 'no' : isAuthor(names, facts);
  if (key === undefined) return 'unknown';
  if (meaning === 'instance') return facts.key === key ? 'yes' : 'no';
  if (notClinical.has(facts.type)) return 'no';
  if (facts.key === key) return 'yes';
  if (meaning === 'dependents') return facts.references.includes(key) ? 'yes' : 'no';
  if (containers.has(key.slice(0, key.indexOf('/')))) {
    const outgoing = effect === 'deny' ? facts.references : facts.partOf;
    if (outgoing.includes(key)) return 'yes';
  }
  const target = named.get(key);
  return target === undefined ? 'unknown' : target.references.includes(facts.key) ? 'yes' : 'no';
}

function isAuthor(names: readonly string[], facts: Facts): Match {
  if (facts.authors.length === 0 || names.length === 0) return 'unknown';
  return names.some((name) => facts.authors.includes(name)) ? 'yes' : 'no';
}

function matchesAuthor(actors: readonly Actor[] | undefined, facts: Facts): Match {
  const named = ofPart(actors, 'author');
  if (named.length === 0) return 'yes';
  if (isIdentity(facts)) return 'no';
  return anyOf(named.map((author) => isAuthorNamed(author, facts)));
}

function isAuthorNamed({ names, unresolved, collective }: Actor, facts: Facts): Match {
  const match = unresolved ? 'unknown' : isAuthor(names, facts);
  return match === 'no' && collective !== undefined ? 'unknown' : match; // one of them may have written it
}
