import type { Elements, ParsedConsent, Provision } from '../consent/parsed.ts';
import { part2, sensitivityCovers, substanceClass } from '../fhir/vocabulary.ts';
import type { Facts } from '../label/facts.ts';
import { atMost } from '../label/labels.ts';
import type { Answer } from './decision.ts';
import type { Applicable } from './families.ts';
import { type Asker, counts, matchesData, matchesRequest, type Question } from './match.ts';
import type { CandidateData, DecisionSettings } from './question.ts';

/** One Consent made ready for one asker: what does not depend on the resource is settled. */
export interface ReadyConsent {
  readonly applicable: Applicable;
  readonly asker: Asker;
  readonly root: { readonly provision: Provision; readonly request: 'yes' | 'no' | 'unknown' } | undefined;
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
  readonly elements: Elements | undefined;
}

export function ready(applicable: Applicable, asker: Asker, settings: DecisionSettings): ReadyConsent {
  const { consent } = applicable;
  const live: LiveProvision[] = [];
  for (const provision of consent.nested) collect(provision, live, asker, settings);
  const root =
    consent.root === undefined
      ? undefined
      : {
          provision: consent.root,
          request: matchesRequest(consent.root.elements, consent.root.effect, asker, settings),
        };
  const reading = [...live.map(({ provision }) => provision), ...(consent.root === undefined ? [] : [consent.root])];
  return { applicable, asker, root, live, readsData: reading.some(({ elements }) => readsMoreThanLabels(elements)) };
}

function collect(provision: Provision, live: LiveProvision[], asker: Asker, settings: DecisionSettings): void {
  const stack: { provision: Provision; slot: number | undefined }[] = [{ provision, slot: undefined }];
  while (stack.length > 0) {
    const { provision: one, slot } = stack.pop() as (typeof stack)[number];
    if (slot !== undefined) {
      live[slot] = { provision: one, end: live.length };
      continue;
    }
    if (counts(matchesRequest(one.elements, one.effect, asker, settings), one.effect)) {
      stack.push({ provision: one, slot: live.length });
      live.push({ provision: one, end: 0 });
    }
    for (const child of one.children.toReversed()) stack.push({ provision: child, slot: undefined });
  }
}

function readsMoreThanLabels({ classes, codes, dataPeriod, data, actors }: Elements): boolean {
  return (
    classes !== undefined ||
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
  const { mayPermit, mayDeny, mayUncover, consent: parsed } = consent.applicable;
  if (raw.answer === 'permit' && !mayPermit)
    return { ...raw, answer: mayUncover && parsed.denyOnly ? 'uncovered' : 'not-applicable' };
  if (raw.answer === 'uncovered' && !mayUncover) return { ...raw, answer: 'not-applicable' };
  if (raw.answer === 'deny' && !mayDeny) return { ...raw, answer: 'not-applicable' };
  return raw;
}

function rawAnswer(
  { applicable: { consent }, asker, root, live }: ReadyConsent,
  question: Question,
  { facts, named }: CandidateData,
  settings: DecisionSettings,
): Ruling {
  const matches = ({ elements, effect }: Provision) =>
    matchesData(elements, effect, consent, question, asker, facts, named, settings);
  let permit: Provision | undefined;
  let deny: Provision | undefined;
  // From the last to the first: a hit is struck when the nearest hit behind it stands below it.
  let nearest = Number.POSITIVE_INFINITY;
  for (let index = live.length - 1; index >= 0; index--) {
    const { provision, end } = live[index] as LiveProvision;
    if (!counts(matches(provision), provision.effect)) continue;
    if (nearest >= end) {
      if (provision.effect === 'deny') deny = provision;
      else permit = provision;
    }
    nearest = index;
  }
  const hit = deny ?? permit;
  if (hit !== undefined) return { answer: hit.effect, provision: hit.path, elements: hit.elements };
  if (root === undefined) return { answer: 'not-applicable', provision: 'base', elements: undefined };
  return rootAnswer(root.provision, root.request, question, facts, matches(root.provision), consent);
}

function rootAnswer(
  root: Provision,
  request: 'yes' | 'no' | 'unknown',
  question: Question,
  facts: Facts,
  data: 'yes' | 'no' | 'unknown',
  consent: ParsedConsent,
): Ruling {
  const said = (answer: Answer): Ruling => ({ answer, provision: root.path, elements: root.elements });
  if (root.effect === 'deny') return said(counts(request, 'deny') && counts(data, 'deny') ? 'deny' : 'not-applicable');
  if (request === 'no') return said('not-applicable');
  if (request === 'yes' && data === 'yes') return said('permit');
  if (
    request === 'yes' &&
    data === 'no' &&
    isNarrowedByTopicsOnly(root.elements) &&
    bearsNone(root.elements, question, facts, consent)
  )
    return said('not-applicable');
  return said('uncovered');
}

function isNarrowedByTopicsOnly({ labels, classes, codes, dataPeriod, data, actors }: Elements): boolean {
  if (
    labels === undefined ||
    labels.topics.length === 0 ||
    labels.confidentiality.length > 0 ||
    labels.purposes.length > 0 ||
    labels.unknown
  )
    return false;
  return (
    classes === undefined &&
    codes === undefined &&
    dataPeriod === undefined &&
    data === undefined &&
    !(actors ?? []).some(({ part }) => part === 'author')
  );
}

/** An SUD release does not cost its recipient the ordinary data: of what bears none of its topics it says nothing. */
function bearsNone({ labels }: Elements, { topic }: Question, _facts: Facts, consent: ParsedConsent): boolean {
  if (topic === undefined) return true;
  return !(labels?.topics ?? []).some(
    (code) =>
      sensitivityCovers(code, topic) ||
      (substanceClass.has(code) && substanceClass.has(topic)) ||
      (consent.isPart2 &&
        ((code === part2 && substanceClass.has(topic)) || (topic === part2 && substanceClass.has(code)))),
  );
}

/** A permit for a topic covers the rest of the resource up to R, unless this Consent denies the rest. */
export function coversRest(topicAnswers: readonly Answer[], rest: Answer, question: Question): boolean {
  return rest === 'permit' || (rest !== 'deny' && atMost(question.level, 'R') && topicAnswers.includes('permit'));
}
