import type { Collective } from '../consent/collectives.ts';
import type { RequesterNames } from '../consent/memberships.ts';
import type { ClassStatement, Elements, ParsedConsent, PatientConsents, Provision } from '../consent/parsed.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { Coding } from '../fhir/coding.ts';
import { type PatientKey, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import { systems, topicCodings, topicNamed, topicsOf } from '../fhir/vocabulary.ts';
import type { Facts } from '../label/facts.ts';
import type { Confidentiality, Labels } from '../label/labels.ts';
import type { Policy, PolicyAnswer } from '../policy/policy.ts';
import type { ReadyConsent } from './answer.ts';
import { Rules } from './decide.ts';
import type { Decision } from './decision.ts';
import { fatesOf } from './families.ts';
import { counts } from './match.ts';
import type { DecisionSettings } from './question.ts';

/** A question to a patient's Consents alone, before there is any data: what role rules and implicit policy add is not in it. */
export interface Consulting {
  readonly patient: PatientKey;
  readonly consents: PatientConsents;
  readonly context: RequesterContext;
  readonly names: RequesterNames;
  /** Groups, care teams and roles that her Consents name, as far as they could be read. */
  readonly collectives: ReadonlyMap<ResourceKey, Collective>;
  readonly settings: DecisionSettings;
  /** Resource types that are asked for; undefined: any. */
  readonly types: readonly string[] | undefined;
  /** Of the Consents, those that may permit bear one of these, as `system|code`; none: any may. */
  readonly categories?: readonly string[];
  /** Topics that everything about a patient bears here, by its source. */
  readonly ofSource?: readonly string[];
}

/** What the Consents say, and what a permit leaves out. */
export interface Consultation {
  /** `none`: no Consent in force speaks to this requester for this purpose. */
  readonly answer: 'permit' | 'deny' | 'none';
  /** Of a permit: what is not permitted. */
  readonly redactions: readonly Redaction[];
  /** The Consent versions that decided. */
  readonly governing: readonly string[];
}

/** What bears any of `codes` (unset: everything), unless it bears any of `except`. */
export interface Redaction {
  readonly codes?: readonly Coding[];
  readonly except?: readonly Coding[];
}

const typeSystem = 'http://hl7.org/fhir/resource-types';
/** Stands for all types that no Consent of hers mentions: the first of these that none does. */
const ordinaryTypes = ['Observation', 'Condition', 'Procedure', 'Encounter', 'Immunization', 'Goal', 'Flag'];
const maximumTypes = 40;
/** Provisions times types times kinds of labels: beyond these the answer would take longer than a moment, so it is no permit. */
const maximumQuestions = 400_000;
/** Of these, so many are asked in one go. */
const questionsInOneGo = 20_000;

/** Lets the Consents alone open anything: the same table of steps with roles that clear for nothing. */
const consentsAlone: Policy = {
  id: 'consents-alone',
  hash: '',
  permitsRequest: () => yes,
  permitsKind: () => yes,
  forbids: () => yes,
  clears: () => no,
  breaksGlass: () => no,
  unrestricted: () => false,
};
const yes: PolicyAnswer = { allowed: true, policies: [] };
const no: PolicyAnswer = { allowed: false, policies: [] };

/**
 * Asks the rules about data of every kind and label there may be, one by one, and says in codes what of it a Consent
 * permits. What cannot be said in codes is denied.
 */
export function consult(consulting: Consulting): Consultation {
  const going = consultInParts(consulting);
  for (let part = going.next(); ; part = going.next()) if (part.done === true) return part.value;
}

/** The same, with a pause after every part that takes a moment: others have their turn there. */
export function* consultInParts(consulting: Consulting): Generator<undefined, Consultation> {
  const { patient, context, names, collectives, settings, categories = [], ofSource = [] } = consulting;
  const consents = mayPermitAs(categories, consulting.consents, context.at, settings);
  const rules = new Rules(context, consentsAlone, { ...settings, implicitPolicy: 'deny' }, undefined);
  rules.establish(patient, { consents, standing: { kind: 'none', patientIsMinor: false }, names, collectives });
  const heard = rules.heard(patient);
  const denials = heard.flatMap(denialsOf);
  const types = typesOf(heard, consulting.types);
  const perLabel = heard.reduce((sum, { live }) => sum + live.length + 1, 0);
  const questions = perLabel * types.length * (topicCodings.length + 3);
  if (questions > maximumQuestions || types.length > maximumTypes || !denials.every(isInCodes)) {
    const all = heard.map(({ applicable }) => applicable.consent.ref);
    return { answer: 'deny', redactions: [], governing: [...new Set(all)].sort() };
  }
  const governing = new Set<string>();
  let speaks = consents.unreadable || denials.length > 0;
  const of = (labels: Labels): Labels => (ofSource.length === 0 ? labels : withTopics(labels, ofSource));
  const isPermitted = (type: string, labels: Labels): boolean => {
    const decision = rules.decide({
      facts: factsOf(type, patient),
      labels: of(labels),
      asTarget: false,
      named: new Map(),
      sources: [],
    });
    for (const { consent } of decision.reasons) if (consent !== undefined) governing.add(consent);
    speaks ||= decision.reasons.some(({ consent }) => consent !== undefined);
    return isByConsent(decision);
  };
  const found: Found[] = [];
  let asked = 0;
  for (const type of types) {
    const topics = new Set<Coding>();
    for (const coding of topicCodings) {
      if (isPermitted(type, ofTopic.get(coding) ?? veryRestricted)) topics.add(coding);
      asked += perLabel;
      if (asked < questionsInOneGo) continue;
      asked = 0;
      yield;
    }
    found.push({
      type,
      rest: isPermitted(type, unlabelled),
      restricted: isPermitted(type, restricted),
      veryRestricted: isPermitted(type, veryRestricted),
      topics,
    });
  }
  const decided = [...governing].sort();
  const redactions = redactionsOf(found, denials, consulting.types === undefined);
  if (redactions !== undefined) return { answer: 'permit', redactions, governing: decided };
  return { answer: speaks ? 'deny' : 'none', redactions: [], governing: decided };
}

/**
 * A permit has to be of a category that was asked for; a denial counts whatever its category. What a Consent of another category
 * took the place of does not come back: families are looked at first.
 */
function mayPermitAs(
  categories: readonly string[],
  { consents, unreadable }: PatientConsents,
  at: number,
  settings: DecisionSettings,
): PatientConsents {
  if (categories.length === 0) return { consents, unreadable };
  const left = fatesOf(consents, 'HRESCH', at, settings).flatMap(({ consent, fate }) => {
    if (!fate.counts) return []; // asked for research, it says whether it counts for whatever purpose
    const isAsked = consent.categories.some((category) => categories.includes(category));
    if (isAsked && fate.by === undefined) return [consent];
    return denies(consent) ? [{ ...consent, denyOnly: true }] : [];
  });
  return { consents: left, unreadable };
}

function denies({ root, nested }: ParsedConsent): boolean {
  const isDenial = ({ effect, children }: Provision): boolean => effect === 'deny' || children.some(isDenial);
  return root?.effect === 'deny' || nested.some(isDenial);
}

/** What is permitted of one type. */
interface Found {
  readonly type: string;
  /** What bears neither topic nor level. */
  readonly rest: boolean;
  readonly restricted: boolean;
  readonly veryRestricted: boolean;
  readonly topics: ReadonlySet<Coding>;
}

/**
 * In codes, what a permit leaves out, never less than it does; undefined where nothing is permitted.
 * @param isAny any type was asked for: the first stands for all that no Consent mentions
 */
function redactionsOf(
  found: readonly Found[],
  denials: readonly Elements[],
  isAny: boolean,
): readonly Redaction[] | undefined {
  const withRest = found.filter(({ rest }) => rest);
  const open = withRest.length > 0 ? withRest : found.filter((one) => one.topics.size > 0);
  const permitted = topicCodings.filter((coding) => open.every((one) => one.topics.has(coding)));
  if (open.length === 0 || (withRest.length === 0 && permitted.length === 0)) return undefined;
  const typesNamed = (some: readonly Found[]): readonly Coding[] =>
    some.map(({ type }) => ({ system: typeSystem, code: type }));
  const isOnlySome = isAny && !open.includes(found[0] as Found);
  const closed = isOnlySome ? [] : typesNamed(found.filter((one) => !open.includes(one)));
  const codes = distinct([
    ...topicCodings.filter((coding) => !permitted.includes(coding)),
    ...(withRest.length === 0 || open.some((one) => !one.veryRestricted) ? [level('V')] : []),
    ...closed,
    ...denials.flatMap((elements) => elements.codes?.codes ?? []),
  ]);
  return [
    ...(codes.length === 0 ? [] : [{ codes }]),
    // A topic's own level is no reason against what is permitted by its topic.
    ...(withRest.length > 0 && open.some((one) => !one.restricted) ? [{ codes: [level('R')], except: permitted }] : []),
    ...(withRest.length > 0 ? [] : [{ except: permitted }]),
    ...(isOnlySome ? [{ except: typesNamed(open) }] : []),
  ];
}

function level(code: Confidentiality): Coding {
  return { system: systems.confidentiality, code };
}

/** Whatever else may open data (an agreement, a program) is no Consent. */
function isByConsent({ outcome, reasons }: Decision): boolean {
  return outcome === 'release' && reasons.every(({ consent }) => consent !== undefined);
}

/** The elements of every provision that may deny something to this requester. */
function denialsOf({ applicable: { mayDeny }, live, root }: ReadyConsent): readonly Elements[] {
  if (!mayDeny) return [];
  const nested = live.filter(({ provision }) => provision.effect === 'deny').map(({ provision }) => provision.elements);
  const isRoot = root !== undefined && root.provision.effect === 'deny' && counts(root.request, 'deny');
  return isRoot ? [...nested, root.provision.elements] : nested;
}

/**
 * Kinds of resources, labels and codes can be said to somebody who holds the data; single records, profiles and kinds of
 * documents cannot. What an author or a time denies is denied of everything here, as no data states them.
 */
function isInCodes({ data, classes, documents }: Elements): boolean {
  return data === undefined && documents === undefined && (classes?.codes ?? []).every(isType);
}

function isType({ kind }: ClassStatement): boolean {
  return kind === 'type';
}

/** Types to ask about: those asked for, else an ordinary one first and all that her Consents mention. */
function typesOf(heard: readonly ReadyConsent[], asked: readonly string[] | undefined): readonly string[] {
  if (asked !== undefined) return asked;
  const mentioned = new Set<string>();
  for (const { live, root } of heard) {
    const elements = [
      ...live.map(({ provision }) => provision.elements),
      ...(root === undefined ? [] : [root.provision.elements]),
    ];
    for (const statement of elements.flatMap(({ classes }) => classes?.codes ?? []))
      if (statement.kind === 'type') mentioned.add(statement.code);
  }
  return [ordinaryTypes.find((type) => !mentioned.has(type)) ?? 'Basic', ...[...mentioned].sort()];
}

/** Data of one type about her, of which nothing else is known. */
function factsOf(type: string, patient: PatientKey): Facts {
  const key = type === 'Patient' ? patient : resourceKey(type, 'asked-about');
  return {
    key,
    type,
    versionId: undefined,
    lastUpdated: undefined,
    patients: [patient],
    patientUnknown: false,
    profiles: [],
    codings: [],
    primaryCodings: [],
    documentTypes: [],
    mimeTypes: [],
    clinicalTime: undefined,
    authors: [],
    references: [],
    partOf: [],
    labelInputs: { type, own: [], codings: [], actors: [], actorIdentifiers: [] },
  };
}

function labelled(stated: Confidentiality | undefined, of: readonly string[]): Labels {
  return {
    ...(stated === undefined ? {} : { stated }),
    topics: of,
    caveats: [],
    origins: [],
    key: JSON.stringify([stated ?? '', of]),
  };
}

function withTopics({ stated, topics }: Labels, more: readonly string[]): Labels {
  return labelled(stated, [...new Set([...topics, ...more])].sort());
}

const unlabelled = labelled(undefined, []);
const restricted = labelled('R', []);
const veryRestricted = labelled('V', []);
const ofTopic = new Map(
  topicCodings.map((coding): [Coding, Labels] => [
    coding,
    labelled('R', topicsOf([topicNamed(coding.code) ?? coding.code])),
  ]),
);

function distinct(codings: readonly Coding[]): readonly Coding[] {
  return [...new Map(codings.map((one) => [`${one.system}|${one.code}`, one])).values()];
}
