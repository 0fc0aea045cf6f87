import type {
  Actor,
  ActorPart,
  ClassStatement,
  DataStatement,
  Effect,
  Elements,
  LabelStatement,
  ParsedConsent,
  Provision,
} from '../consent/parsed.ts';
import { confidentialityOrder } from '../label/labels.ts';
import { type Calendar, spanWords } from './calendar.ts';
import {
  actionWords,
  codingWord,
  displaySafe,
  levelWords,
  listed,
  purposeWords,
  topicWords,
  typeWord,
  wordOf,
} from './terms.ts';

/** What the words of a Consent are made with besides the Consent. */
export interface Lexicon {
  readonly calendar: Calendar;
  /** Display-safe names of organizations, practitioners and the like, by local key. */
  readonly names: ReadonlyMap<string, string>;
}

/** One provision in words. */
export interface Sentence {
  /** As reasons name it: `provision`, `provision.provision[1]` ...; `base`. */
  readonly path: string;
  readonly effect: Effect;
  /** 0 for what stands by itself, 1 for an exception to that, and so on. */
  readonly depth: number;
  readonly text: string;
}

/** Provisions deeper or more than these are counted, not worded. */
const maximumSentences = 200;

/**
 * What a Consent allows and denies whom for what, provision by provision in document order; each sentence stands for its
 * effective elements, so that it can be read alone. What was not understood is said. Pure.
 */
export function sentencesOf(consent: ParsedConsent, lexicon: Lexicon): readonly Sentence[] {
  const sentences: Sentence[] = [];
  const rootDepth = consent.root === undefined ? 0 : 1;
  const waiting: { provision: Provision; depth: number }[] = consent.nested
    .map((provision) => ({ provision, depth: rootDepth }))
    .toReversed();
  if (consent.root !== undefined) waiting.push({ provision: consent.root, depth: 0 });
  while (waiting.length > 0 && sentences.length < maximumSentences) {
    const { provision, depth } = waiting.pop() as (typeof waiting)[number];
    const text = provisionWords(provision, consent, lexicon);
    sentences.push({ path: provision.path, effect: provision.effect, depth, text });
    for (const child of provision.children.toReversed()) waiting.push({ provision: child, depth: depth + 1 });
  }
  if (waiting.length > 0) {
    const text = 'There is more in this consent than is put into words here.';
    sentences.push({ path: '', effect: 'deny', depth: 0, text });
  }
  return sentences;
}

function provisionWords({ effect, elements }: Provision, consent: ParsedConsent, lexicon: Lexicon): string {
  const actors = elements.actors ?? [];
  const whom = recipientsWords(actors, effect, lexicon);
  const verb = listed((elements.actions?.codes ?? []).map((code) => wordOf(actionWords, code))) || 'receive';
  const custodians = of(actors, 'custodian');
  const parts = [
    `${effect === 'permit' ? 'Allows' : 'Does not allow'} ${whom} to ${verb} ${recordsWords(elements, effect, consent, lexicon)}`,
    custodians.length === 0
      ? ''
      : `held by ${listed(
          custodians.map((actor) => actorWords(actor, lexicon)),
          'or',
        )}`,
    purposesWords(elements),
    typeof elements.period === 'object' ? spanWords(elements.period, lexicon.calendar) : '',
  ].filter((part) => part !== '');
  return [`${parts.join(', ')}.`, ...notUnderstoodWords(elements, effect)].join(' ');
}

function of(actors: readonly Actor[], part: ActorPart): readonly Actor[] {
  return actors.filter((actor) => actor.part === part);
}

/** An actor of unknown role counts as recipient in a deny, and names nobody in a permit. */
function recipientsWords(actors: readonly Actor[], effect: Effect, lexicon: Lexicon): string {
  const recipients = actors.filter(({ part }) => part === 'recipient' || (part === 'unknown' && effect === 'deny'));
  const isNobody = recipients.length === 0 && of(actors, 'unknown').length > 0;
  if (isNobody) return 'nobody whom the gateway can tell';
  return recipients.length === 0
    ? 'anyone'
    : listed(
        recipients.map((actor) => actorWords(actor, lexicon)),
        'or',
      );
}

function actorWords({ names, roles }: Actor, { names: known }: Lexicon): string {
  if (roles.length > 0)
    return `anyone in the role ${listed(
      roles.map((role) => displaySafe(codingWord(role))),
      'or',
    )}`;
  const key = names.find((name) => known.has(name)) ?? names[0];
  if (key === undefined) return 'somebody whom it does not name';
  const title = known.get(key);
  return title === undefined ? namedAs(key) : `${title} (${displaySafe(key)})`;
}

/** A name as it stands in the Consent: a local key, a URL, or an identifier `system|value`. */
function namedAs(name: string): string {
  const cut = name.indexOf('|');
  const safe = displaySafe(cut < 0 ? name : `${name.slice(cut + 1)} in ${name.slice(0, cut)}`);
  if (/^(Group|CareTeam)\//.test(name)) return `members of ${safe}`;
  return cut < 0 ? safe : `whoever has the identifier ${safe}`;
}

function recordsWords(elements: Elements, effect: Effect, consent: ParsedConsent, lexicon: Lexicon): string {
  const { labels, classes, documents, codes, data, dataPeriod, actors = [] } = elements;
  const authors = of(actors, 'author').map((actor) => actorWords(actor, lexicon));
  const narrowed = [
    classes === undefined ? '' : `that are ${classesWords(classes.codes)}`,
    documents === undefined ? '' : `in documents that are ${classesWords(documents.codes)}`,
    codes === undefined ? '' : `that bear the code ${listed(codes.codes.map(codingWord).map(displaySafe), 'or')}`,
    data === undefined
      ? ''
      : `namely ${listed(
          data.codes.map((one) => dataWords(one, lexicon)),
          'or',
        )}`,
    authors.length === 0 ? '' : `written by ${listed(authors, 'or')}`,
    typeof dataPeriod === 'object' ? `dated ${spanWords(dataPeriod, lexicon.calendar)}` : '',
  ].filter((part) => part !== '');
  const all = labels === undefined ? allWords(effect, consent) : labelsWords(labels, effect);
  return narrowed.length === 0 ? all : `${all} ${narrowed.join(', ')}`;
}

function allWords(effect: Effect, { basicNormalCeiling }: ParsedConsent): string {
  if (effect === 'deny') return 'any records';
  if (basicNormalCeiling) return 'records of ordinary confidentiality about no sensitive topic';
  return 'records (but no psychotherapy or substance use counseling notes)';
}

/** A permit names a level and all below it, a deny a level and all above it; a deny needs one of them, a permit each category. */
function labelsWords({ confidentiality, topics, purposes }: LabelStatement, effect: Effect): string {
  const levels = confidentiality.toSorted((a, b) => confidentialityOrder.indexOf(a) - confidentialityOrder.indexOf(b));
  const level = effect === 'permit' ? levels.at(-1) : levels[0];
  const parts = [
    topics.length === 0
      ? ''
      : `about ${listed(
          topics.map((code) => wordOf(topicWords, code)),
          'or',
        )}`,
    level === undefined
      ? ''
      : `of ${levelWords[level]} confidentiality (${level}) ${effect === 'permit' ? 'at most' : 'or more'}`,
    purposes.length === 0
      ? ''
      : `labelled for ${listed(
          purposes.map((code) => wordOf(purposeWords, code)),
          'or',
        )}`,
  ].filter((part) => part !== '');
  if (parts.length === 0) return 'records with labels that were not understood';
  return `records ${effect === 'permit' ? parts.join(', ') : listed(parts, 'or')}`;
}

function classesWords(statements: readonly ClassStatement[]): string {
  const words = statements.map((statement) => {
    switch (statement.kind) {
      case 'type':
        return typeWord(statement.code);
      case 'profile':
        return `of the profile ${displaySafe(statement.code)}`;
      case 'mime':
        return `files of the kind ${displaySafe(statement.code)}`;
      case 'document':
        return `of the kind ${displaySafe(codingWord(statement.coding))}`;
      default:
        return statement satisfies never;
    }
  });
  return words.length === 0 ? 'of no kind that was understood' : listed(words, 'or');
}

function dataWords({ meaning, key, names }: DataStatement, lexicon: Lexicon): string {
  const name = displaySafe(key ?? names[0] ?? 'something it does not name');
  switch (meaning) {
    case 'instance':
      return name;
    case 'related':
      return `${name} and what belongs to it`;
    case 'dependents':
      return `${name} and what refers to it`;
    case 'authoredby':
      return `what ${lexicon.names.get(key ?? '') ?? name} wrote`;
    default:
      return meaning satisfies never;
  }
}

function purposesWords({ purposes }: Elements): string {
  if (purposes === undefined) return '';
  const words = purposes.codes.map((code) => wordOf(purposeWords, code));
  return words.length === 0 ? 'for no purpose that was understood' : `for ${listed(words, 'or')}`;
}

/** What was not understood counts as matched in a deny and as unmatched in a permit. */
function notUnderstoodWords(elements: Elements, effect: Effect): readonly string[] {
  const parts = [
    elements.actors?.some(({ part }) => part === 'unknown') ? 'in which part somebody is named' : '',
    elements.purposes?.unknown ? 'a purpose' : '',
    elements.actions?.unknown ? 'an action' : '',
    elements.labels?.unknown ? 'a label' : '',
    elements.classes?.unknown || elements.documents?.unknown ? 'a kind of record' : '',
    elements.codes?.unknown ? 'a code' : '',
    elements.data?.unknown ? 'which records it names' : '',
    elements.period === 'unreadable' ? 'when it holds' : '',
    elements.dataPeriod === 'unreadable' ? 'of which time the records are' : '',
  ].filter((part) => part !== '');
  if (elements.notUnderstood)
    return [
      effect === 'permit'
        ? 'Something in this was not understood, so it allows nothing.'
        : 'Something in this was not understood, so it is taken to hold wherever it may.',
    ];
  if (parts.length === 0) return [];
  return [
    effect === 'permit'
      ? `Not understood: ${listed(parts)}; nothing is shared on the strength of that.`
      : `Not understood: ${listed(parts)}; it is taken to hold.`,
  ];
}

/** Local keys whose names would help to read a Consent: organizations, places and people of the directory, never what is about a patient. */
export function keysToName(consents: readonly ParsedConsent[]): readonly string[] {
  const keys = new Set<string>();
  const visit = ({ elements, children }: Provision): void => {
    for (const { names } of elements.actors ?? []) for (const name of names) keys.add(name);
    for (const { meaning, key } of elements.data?.codes ?? [])
      if (meaning === 'authoredby' && key !== undefined) keys.add(key);
    children.forEach(visit);
  };
  for (const { root, nested, organizations } of consents) {
    for (const name of organizations) keys.add(name);
    if (root !== undefined) visit(root);
    nested.forEach(visit);
  }
  return [...keys].filter((key) => /^(Organization|Practitioner|Location|HealthcareService)\/[^/]+$/.test(key));
}
