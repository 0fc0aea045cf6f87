import type { ParsedConsent } from '../consent/parsed.ts';
import type { Emergency } from '../context/emergency.ts';
import type { Vote } from '../decide/decide.ts';
import type { Reason } from '../decide/decision.ts';
import { type ReasonCode, reasonTexts } from '../decide/reasons.ts';
import type { Cut } from '../discover/visibility.ts';
import { errorKinds } from '../errors/errors.ts';
import type { Explained, Explanation } from './explain.ts';
import type { Piece } from './in-force-text.ts';
import { displaySafe, levelWords, listed, purposeWords, topicWords, wordOf } from './terms.ts';
import { type Lexicon, type Sentence, sentencesOf } from './words.ts';

/** Consents in words, each worded once. */
export class ConsentWords {
  readonly #consents: ReadonlyMap<string, ParsedConsent>;
  readonly #lexicon: Lexicon;
  readonly #sentences = new Map<string, readonly Sentence[]>();

  constructor(consents: ReadonlyMap<string, ParsedConsent>, lexicon: Lexicon) {
    this.#consents = consents;
    this.#lexicon = lexicon;
  }

  of(ref: string): readonly Sentence[] {
    const consent = this.#consents.get(ref);
    if (consent === undefined) return [];
    const sentences = this.#sentences.get(ref) ?? sentencesOf(consent, this.#lexicon);
    this.#sentences.set(ref, sentences);
    return sentences;
  }

  /** The provision that a reason or an answer names. */
  provision(ref: string, path: string): string | undefined {
    return this.of(ref).find((sentence) => sentence.path === path)?.text;
  }
}

/** One reason in sentences: what the code means, of which topic, by which provision or rule. */
export function reasonWords({ code, consent, provision, rule, label }: Reason, words: ConsentWords): string {
  const text = Object.hasOwn(reasonTexts, code) ? reasonTexts[code as ReasonCode] : code;
  const said = consent === undefined ? undefined : words.provision(consent, provision ?? '');
  return [
    text,
    label === undefined || label === 'rest' ? '' : `It is about ${topicWord(label)}.`,
    consent === undefined ? '' : `${consent}, ${provision ?? 'base'}${said === undefined ? '.' : `: “${said}”`}`,
    rule === undefined || rule === '' ? '' : `Rule: ${rule}.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function topicWord(label: string): string {
  const level = Object.hasOwn(levelWords, label) ? levelWords[label as keyof typeof levelWords] : undefined;
  return level === undefined ? wordOf(topicWords, label) : `${level} records`;
}

const unmatchedWords: Readonly<Record<Vote['unmatched'][number], string>> = {
  'set-aside': 'what it allows does not count here',
  recipient: 'it is for other recipients',
  custodian: 'it is about records that others hold',
  purpose: 'it is for other purposes',
  action: 'it is about doing something else with the records',
  period: 'it is for another time',
};

const untoldWords: Readonly<Record<Vote['untold'][number], string>> = {
  recipient: 'whether it is for this recipient',
  custodian: 'whether it is about records held here',
  purpose: 'whether it is for this purpose',
  action: 'whether it is about receiving records',
  period: 'whether it holds now',
};

/** What one Consent answered about one resource, over all it was asked: one sentence. */
export function voteWords(votes: readonly Vote[]): string {
  const about = (answer: Vote['answer']): string =>
    listed([
      ...new Set(
        votes
          .filter((vote) => vote.answer === answer)
          .map(({ label }) => (label === 'rest' ? 'its ordinary part' : topicWord(label))),
      ),
    ]);
  const parts = [
    about('deny') === '' ? '' : `denies ${about('deny')}`,
    about('permit') === '' ? '' : `permits ${about('permit')}`,
    about('uncovered') === '' ? '' : `leaves out ${about('uncovered')}`,
  ].filter((part) => part !== '');
  const set = votes.some(({ isCounted }) => !isCounted) ? ' Where it disagrees, another consent counts.' : '';
  const untold = [...new Set(votes.flatMap((vote) => vote.untold))].map((element) => untoldWords[element]);
  const doubt = untold.length === 0 ? '' : `, as it cannot be told ${listed(untold)}`;
  if (parts.length > 0) return `${listed(parts)}${doubt}.${set}`;
  const unmatched = [...new Set(votes.flatMap((vote) => vote.unmatched))].map((element) => unmatchedWords[element]);
  return `does not speak of it${unmatched.length === 0 ? '' : `: ${listed(unmatched)}`}.`;
}

/** By Consent, in the order they were asked. */
export function votesByConsent(votes: readonly Vote[]): ReadonlyMap<string, readonly Vote[]> {
  return Map.groupBy(votes, ({ consent }) => consent);
}

const verdictWords: Readonly<Record<Explained['verdict'], string>> = {
  released: 'Would be released',
  withheld: 'Would be withheld',
  refused: 'The request itself would be refused',
  absent: 'Is not there',
};

/** An explanation for people: resources that fare alike for the same reasons stand together. */
export function explanationPieces(explanation: Explanation, lexicon: Lexicon): readonly Piece[] {
  const { patient, emergency, resources, notRead, isSample } = explanation;
  const words = new ConsentWords(explanation.consents, lexicon);
  const groups = Map.groupBy(resources, (one) => JSON.stringify([one.verdict, becauseOf(one, words)]));
  return [
    { kind: 'title', text: `What would be released of ${patient}` },
    { kind: 'paragraph', text: `${requesterWords(explanation)}, ${lexicon.calendar.from(explanation.at)}.` },
    ...(emergency === undefined ? [] : [{ kind: 'paragraph', text: emergencyWords(emergency) } as const]),
    { kind: 'paragraph', text: countsWords(resources) },
    ...(isSample ? [{ kind: 'paragraph', text: 'There is more in the record than is explained here.' } as const] : []),
    ...(notRead.length === 0
      ? []
      : [
          {
            kind: 'paragraph',
            text: `The FHIR server did not give these kinds by patient, so nothing is said of them: ${notRead.join(', ')}.`,
          } as const,
        ]),
    ...[...groups.values()].flatMap((group): Piece[] => {
      const [first] = group;
      if (first === undefined) return [];
      return [
        { kind: 'label', text: `${verdictWords[first.verdict]}: ${group.map(({ key }) => key).join(', ')}` },
        ...becauseOf(first, words).map((text): Piece => ({ kind: 'item', text, depth: 0 })),
      ];
    }),
  ];
}

/** Reasons first; of what is withheld also what each Consent in force said. */
export function becauseOf(explained: Explained, words: ConsentWords): readonly string[] {
  const because = decidedBy(explained, words);
  const { verdict, votes, cuts } = explained;
  if (verdict !== 'withheld') return [...because, ...new Set(cuts.map((cut) => cutWords(cut, words)))];
  const said = [...votesByConsent(votes)].map(([consent, its]) => `${consent} ${voteWords(its)}`);
  return [...because, ...said];
}

/** One element that is left out, and why. */
export function cutWords({ path, because, masked, reasons }: Cut, words: ConsentWords): string {
  if (because === 'reference') return `Without ${path}: it leads to what he may not know, or to what is not there.`;
  const why = [...new Set(reasons.map((reason) => reasonWords(reason, words)))].join(' ');
  return `${masked ? 'With a mask in place of' : 'Without'} ${path}, for a label of its own: ${why}`;
}

/** What decided, alone. */
export function decidedBy({ code, reasons, accompanied }: Explained, words: ConsentWords): readonly string[] {
  return [
    ...new Set(reasons.map((reason) => reasonWords(reason, words))),
    ...(code === undefined ? [] : [errorKinds[code].title]),
    ...(accompanied.length === 0
      ? []
      : ['It goes with the labels that 42 CFR Part 2 asks for, and its notice where that is due.']),
  ];
}

function requesterWords({ requester, purposes }: Explanation): string {
  const { name, roles, organizationName, organizations } = requester;
  const who = name ?? requester.fhirUser ?? requester.subject;
  const parts = [
    displaySafe(who),
    roles.length === 0 ? 'no role' : `role ${roles.join(', ')}`,
    organizationName ?? organizations[0] ?? 'no organization',
  ];
  const what = purposes.map((code) => wordOf(purposeWords, code));
  return `Asked by ${parts.map(displaySafe).join(', ')}; ${what.length === 0 ? 'for no stated purpose' : `for ${listed(what)}`}`;
}

function emergencyWords({ overridesDenies, includesNotes }: Emergency): string {
  const limits = [
    ...(overridesDenies ? [] : ['what a consent denies']),
    ...(includesNotes ? [] : ['counseling and psychotherapy notes']),
  ];
  const opens = 'As in an emergency that was stated and accepted: it opens what would be hidden';
  return limits.length === 0
    ? `${opens}.`
    : `${opens}, but not ${listed(limits)}, unless a consent permits it for that.`;
}

function countsWords(resources: readonly Explained[]): string {
  const count = (verdict: Explained['verdict']): number => resources.filter((one) => one.verdict === verdict).length;
  const absent = count('absent');
  return [
    `${count('released')} released, ${count('withheld')} withheld, ${count('refused')} refused`,
    ...(absent === 0 ? [] : [`${absent} not there`]),
  ]
    .join(', ')
    .concat('.');
}
