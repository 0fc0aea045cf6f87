import type { Elements, ParsedConsent, Provision } from '../consent/parsed.ts';
import type { Facts } from '../label/facts.ts';
import { atMost } from '../label/labels.ts';
import type { Answer } from './decision.ts';
import type { Applicable } from './families.ts';
import {
  type Asker,
  allOf,
  counts,
  type Match,
  matchesData,
  matchesRequest,
  type Question,
  requestSide,
} from './match.ts';
import type { CandidateData, DecisionSettings } from './question.ts';

/** One Consent made ready for one asker: what does not depend on the resource is settled. */
export interface ReadyConsent {
  readonly applicable: Applicable;
  readonly asker: Asker;
  readonly root: { readonly provision: Provision; readonly request: Match } | undefined;
  /** Nested provisions in document order whose request side matches; the others cannot be hit. */
  readonly live: readonly LiveProvision[];
  /** Whether any live provision reads more of a resource than its labels. */
  readonly readsData: boolean;
}

interface LiveProvision {
  readonly provision: Provision;
  /** Index of the first live provision that is not below this one. */
  readonly end: number;
}

export interface Ruling {
  readonly answer: Answer;
  /** Path of the provision that decided, `base`, or `families` when an answer was set aside. */
  readonly provision: string;
  /** Elements of every provision that decided, in document order. */
  readonly deciding: readonly Elements[];
}

export function ready(applicable: Applicable, asker: Asker, settings: DecisionSettings): ReadyConsent {
  const { consent } = applicable;
  // What is not understood of the Consent as a whole is not understood of any of its provisions.
  const request = ({ elements, effect }: Provision): Match =>
    allOf(consent.denyOnly ? 'unknown' : 'yes', matchesRequest(elements, effect, asker, settings));
  const live: LiveProvision[] = [];
  for (const provision of consent.nested) collect(provision, live, request);
  const root = consent.root === undefined ? undefined : { provision: consent.root, request: request(consent.root) };
  const reading = [...live.map(({ provision }) => provision), ...(consent.root === undefined ? [] : [consent.root])];
  return { applicable, asker, root, live, readsData: reading.some(({ elements }) => readsMoreThanLabels(elements)) };
}

/** Whether it can say something of any resource to this asker; of thousands of Consents most are for others. */
export function isHeard({ applicable: { mayDeny }, root, live }: ReadyConsent): boolean {
  if (!mayDeny) return false; // nor may it permit then
  return live.length > 0 || (root !== undefined && root.request !== 'no');
}

function collect(provision: Provision, live: LiveProvision[], request: (provision: Provision) => Match): void {
  const stack: (Provision | { provision: Provision; end: number })[] = [provision];
  while (stack.length > 0) {
    const one = stack.pop() as (typeof stack)[number];
    if ('end' in one) {
      one.end = live.length; // what is below it has been collected
      continue;
    }
    if (counts(request(one), one.effect)) {
      const opened = { provision: one, end: live.length };
      stack.push(opened);
      live.push(opened);
    }
    stack.push(...one.children.toReversed());
  }
}

function readsMoreThanLabels({ classes, documents, codes, dataPeriod, data, actors }: Elements): boolean {
  return (
    classes !== undefined ||
    documents !== undefined ||
    codes !== undefined ||
    dataPeriod !== undefined ||
    data !== undefined ||
    (actors ?? []).some(({ part }) => part === 'author')
  );
}

/**
 * What one Consent says to one question. The deepest hits decide, each over its own ancestors; among them deny wins.
 * Without a hit the root speaks; what a narrowed permit leaves out is uncovered.
 */
export function answerOf(
  consent: ReadyConsent,
  question: Question,
  data: CandidateData,
  settings: DecisionSettings,
): Ruling {
  const raw = rawAnswer(consent, question, data, settings);
  const { mayPermit, mayDeny } = consent.applicable;
  if (raw.answer === 'deny' ? !mayDeny : !mayPermit) return { ...raw, answer: 'not-applicable' };
  return raw;
}

function rawAnswer(consent: ReadyConsent, question: Question, data: CandidateData, settings: DecisionSettings): Ruling {
  const said = answerTo(consent, [question], data, settings);
  const { beside = [], level } = question;
  const { mayPermit } = consent.applicable;
  if (said.answer !== 'deny' || !atMost(level, 'R') || !mayPermit) return said;
  // A permit of a topic covers the resource's rest, and overrides its own ancestors in that too: what they deny of the
  // rest they do not deny of what bears the topic.
  return answerTo(consent, [question, ...beside], data, settings).answer === 'deny'
    ? said
    : { ...said, answer: 'not-applicable' };
}

/** @param questions of which the first is asked; a permit counts as hit for any of them */
function answerTo(
  { applicable: { consent }, asker, root, live }: ReadyConsent,
  questions: readonly [Question, ...Question[]],
  { facts, named }: CandidateData,
  settings: DecisionSettings,
): Ruling {
  const [question] = questions;
  const matches = ({ elements, effect }: Provision, asked: Question) =>
    matchesData(elements, effect, consent, asked, asker, facts, named, settings);
  const isHit = (provision: Provision): boolean =>
    (provision.effect === 'deny' ? [question] : questions).some((asked) =>
      counts(matches(provision, asked), provision.effect),
    );
  const permits: Provision[] = [];
  const denies: Provision[] = [];
  // From the last to the first: a hit is struck when the nearest hit behind it stands below it.
  let nearest = Number.POSITIVE_INFINITY;
  for (let index = live.length - 1; index >= 0; index--) {
    const { provision, end } = live[index] as LiveProvision;
    if (!isHit(provision)) continue;
    if (nearest >= end) (provision.effect === 'deny' ? denies : permits).push(provision);
    nearest = index;
  }
  const hits = (denies.length > 0 ? denies : permits).reverse();
  const [first] = hits;
  if (first !== undefined)
    return { answer: first.effect, provision: first.path, deciding: hits.map(({ elements }) => elements) };
  if (root === undefined) return { answer: 'not-applicable', provision: 'base', deciding: [] };
  const data = matches(root.provision, question);
  return rootAnswer(root.provision, root.request, facts, data, consent);
}

/** On the side of the request; of the data nothing is said. */
export type Unmatched = keyof ReturnType<typeof requestSide>;

/** In what the request is otherwise than a Consent says that speaks to it nowhere; of several provisions the nearest to it. */
export function unmatchedBy(
  { applicable: { consent }, asker, root, live }: ReadyConsent,
  settings: DecisionSettings,
): readonly Unmatched[] {
  if (live.length > 0 || (root !== undefined && root.request !== 'no')) return [];
  const provisions = [...(consent.root === undefined ? [] : [consent.root]), ...consent.nested];
  const sides = provisions.map((provision) => sideOf(provision, asker, settings, ['no', 'unknown']));
  return sides.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

/** In what it cannot be told whether the request is as the root of a Consent says. */
export function untoldBy({ asker, root }: ReadyConsent, settings: DecisionSettings): readonly Unmatched[] {
  return root === undefined ? [] : sideOf(root.provision, asker, settings, ['unknown']);
}

function sideOf(
  { elements, effect }: Provision,
  asker: Asker,
  settings: DecisionSettings,
  wanted: readonly Match[],
): readonly Unmatched[] {
  return Object.entries(requestSide(elements, effect, asker, settings)).flatMap(([element, match]) =>
    wanted.includes(match) ? [element as Unmatched] : [],
  );
}

/** An actor of unknown role counts as recipient in a deny. */
export function namesRecipient({ actors = [] }: Elements): boolean {
  return actors.some(({ part }) => part === 'recipient' || part === 'unknown');
}

function rootAnswer(root: Provision, request: Match, facts: Facts, data: Match, consent: ParsedConsent): Ruling {
  const said = (answer: Answer): Ruling => ({ answer, provision: root.path, deciding: [root.elements] });
  if (root.effect === 'deny') return said(counts(request, 'deny') && counts(data, 'deny') ? 'deny' : 'not-applicable');
  if (request === 'no') return said('not-applicable');
  if (request === 'yes' && data === 'yes') return said('permit');
  // Who she is, every permit covers that reaches the requester; where none does, this one is as silent of it as of the rest.
  if (
    (data === 'no' || facts.type === 'Patient') &&
    !consent.denyOnly &&
    !root.elements.notUnderstood &&
    isNarrowedByTopicsOnly(root.elements)
  )
    return said('not-applicable');
  return said('uncovered');
}

/**
 * An SUD release does not cost its recipient the ordinary data: of the rest it says nothing. What it answers of a topic makes no
 * difference where that is no permit and no deny.
 */
function isNarrowedByTopicsOnly({ labels, classes, documents, codes, dataPeriod, data, actors }: Elements): boolean {
  // A statement of neither levels nor purposes, all of it understood, is one of topics.
  if (labels === undefined || labels.confidentiality.length > 0 || labels.purposes.length > 0 || labels.unknown)
    return false;
  return (
    classes === undefined &&
    documents === undefined &&
    codes === undefined &&
    dataPeriod === undefined &&
    data === undefined &&
    !(actors ?? []).some(({ part }) => part === 'author')
  );
}

/** A permit for a topic covers the rest of the resource up to R. That nothing denies it is settled before. */
export function coversRest(rulings: readonly Ruling[], rest: Ruling, question: Question): boolean {
  return rest.answer === 'permit' || (atMost(question.level, 'R') && rulings.some(({ answer }) => answer === 'permit'));
}
