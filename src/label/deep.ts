import type { FileWords, ResourceOnTape } from '../document/content.ts';
import { knownNameCount, nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import { canonicalSystem } from '../fhir/vocabulary.ts';
import { type Contents, markupText, readAttachment } from './attachments.ts';
import type { Classifier, LabelRule, LabelTable, Shown, Strength } from './classify.ts';
import { fileAt, type InlineFile, nameOf } from './files.ts';
import type { LabelOrigin } from './labels.ts';
import { directoryTypes } from './roles.ts';
import { Words } from './words.ts';

/** A topic that more than codes show, and by what. */
export interface Found extends Shown {
  readonly by: Extract<LabelOrigin['by'], 'text' | 'attachment' | 'questionnaire' | 'rule'>;
}

/** What was found, and how many files could not be read. */
export interface DeepReading {
  readonly found: readonly Found[];
  readonly unread: number;
}

/** Makes a FHIRPath expression (R4) a function of a resource; the one edge that this room is given. */
export type CompileExpression = (expression: string) => (resource: unknown) => readonly unknown[];

export interface DeepSettings {
  /** Texts and attachments are read too, not only questionnaires and rules. */
  readonly text: boolean;
  readonly classifier: Classifier;
  /** Longest attachment that is decoded, in bytes. */
  readonly maximumAttachmentBytes: number;
  /** Topics of a file that is not read: nobody knows what is in it. */
  readonly unread: readonly string[];
}

interface CompiledRule {
  readonly codes: ReadonlySet<string>;
  readonly when: (resource: unknown) => readonly unknown[];
  readonly gives: readonly Found[];
}

/** Reads what codes do not say. Where a resource can have nothing of that kind, it costs a look at its type. */
export class DeepReader {
  readonly #settings: DeepSettings;
  readonly #words = new Words<Shown>();
  readonly #canonicals: { readonly start: string; readonly shown: Shown }[] = [];
  readonly #rules = new Map<string, CompiledRule[]>();

  /** @param strengths rows of other strengths are read, but give no topic */
  constructor(
    tables: readonly LabelTable[],
    strengths: readonly Strength[],
    settings: DeepSettings,
    compile: CompileExpression,
  ) {
    this.#settings = settings;
    for (const { id, version, words = {}, canonicals = {}, rules = [] } of tables) {
      const rule = `${id}@${version}`;
      for (const [topic, terms] of wanted(words, strengths))
        for (const term of terms) this.#words.add(term, { topic, rule });
      for (const [topic, starts] of wanted(canonicals, strengths))
        for (const start of starts) this.#canonicals.push({ start, shown: { topic, rule } });
      for (const one of rules) this.#addRule(one, rule, strengths, compile);
    }
  }

  #addRule(one: LabelRule, table: string, strengths: readonly Strength[], compile: CompileExpression): void {
    const gives = one.gives
      .map((key) => key.split(' ') as [string, Strength])
      .filter(([, strength]) => strengths.includes(strength))
      .map(([topic]): Found => ({ topic, rule: `${table}#${one.id}`, by: 'rule' }));
    if (gives.length === 0) return;
    const codes = new Set(
      one.codes.map((text) => {
        const cut = text.indexOf('|');
        return `${canonicalSystem(text.slice(0, cut))}|${text.slice(cut + 1)}`;
      }),
    );
    const compiled = { codes, when: compile(one.when), gives };
    for (const type of one.types) this.#rules.set(type, [...(this.#rules.get(type) ?? []), compiled]);
  }

  /**
   * @param codings every Coding of the resource, as `readResource` found them
   * @returns undefined when there was nothing to look at
   */
  read(
    resource: ResourceOnTape,
    type: string,
    codings: readonly { readonly system: string; readonly code: string }[],
  ): DeepReading | undefined {
    const isRead = this.#settings.text && !directoryTypes.has(type);
    const rules = this.#rules.get(type);
    const hasCanonical = this.#canonicals.length > 0 && canonicalTypes.has(type);
    if (!isRead && rules === undefined && !hasCanonical) return undefined;
    const findings = new Findings();
    if (hasCanonical) this.#readCanonicals(resource, findings);
    if (rules !== undefined) applyRules(rules, resource, codings, findings);
    if (isRead) this.#readTexts(resource, findings);
    return findings;
  }

  #readCanonicals({ tape, node }: ResourceOnTape, findings: Findings): void {
    for (const name of canonicalNames) {
      const member = tape.member(node, name);
      if (member < 0) continue;
      const items = tape.kind(member) === kinds.array ? childrenOf(tape, member) : [member];
      for (const text of items.flatMap((item) => tape.text(item) ?? []))
        for (const { start, shown } of this.#canonicals)
          if (text.startsWith(start)) findings.add(shown, 'questionnaire');
    }
  }

  #readTexts({ tape, node: root, files }: ResourceOnTape, findings: Findings): void {
    const end = tape.skips[root] as number;
    for (let node = root + 1; node < end; node++) {
      if (tape.kind(node) !== kinds.string) continue;
      const name = nameOf(tape, node);
      const file = fileAt(tape, node, name);
      if (file !== undefined) this.#readFile(file, files?.get(node), findings);
      else if (!isNoProse(name)) {
        const text = tape.text(node) as string;
        const prose = name === divName ? markupText(text) : text;
        this.#words.find(prose, (shown) => findings.add(shown, 'text'));
      }
    }
  }

  /** @param words what was read of it before, if it is a file that no pure reader can read */
  #readFile(file: InlineFile, words: FileWords | undefined, findings: Findings): void {
    const contents = words === undefined ? this.#contentsOf(file) : contentsOfWords(words);
    this.#words.find(contents.text, (shown) => findings.add(shown, 'attachment'));
    for (const { system, code } of contents.codings)
      for (const shown of this.#settings.classifier.classify(system, code)) findings.add(shown, 'attachment');
    if (contents.unread === 0) return;
    findings.unread += contents.unread;
    for (const topic of this.#settings.unread) findings.add({ topic, rule: 'labels.unreadAttachments' }, 'attachment');
  }

  #contentsOf({ type, size, bytes }: InlineFile): Contents {
    const contents = size > this.#settings.maximumAttachmentBytes ? undefined : readAttachment(type, bytes());
    return contents ?? unread;
  }
}

const unread: Contents = { text: '', codings: [], unread: 1 };

function contentsOfWords({ text, isWhole }: FileWords): Contents {
  return { text, codings: [], unread: isWhole ? 0 : 1 };
}

class Findings implements DeepReading {
  readonly found: Found[] = [];
  unread = 0;

  add({ topic, rule }: Shown, by: Found['by']): void {
    if (!this.found.some((one) => one.topic === topic && one.by === by)) this.found.push({ topic, rule, by });
  }
}

function applyRules(
  rules: readonly CompiledRule[],
  { tape, node }: ResourceOnTape,
  codings: readonly { readonly system: string; readonly code: string }[],
  findings: Findings,
): void {
  const fitting = rules.filter(
    ({ codes }) =>
      codes.size === 0 || codings.some(({ system, code }) => codes.has(`${canonicalSystem(system)}|${code}`)),
  );
  if (fitting.length === 0) return;
  const copy: unknown = JSON.parse(tape.raw(node)); // read only: it can never be sent
  for (const { when, gives } of fitting) if (isTrue(when, copy)) for (const one of gives) findings.add(one, 'rule');
}

/** An expression that fails says nothing for certain, so it counts as true. */
function isTrue(when: (resource: unknown) => readonly unknown[], resource: unknown): boolean {
  try {
    return when(resource).some((value) => value !== false);
  } catch {
    return true;
  }
}

function* wanted(
  rows: Readonly<Record<string, readonly string[]>>,
  strengths: readonly Strength[],
): Generator<readonly [topic: string, rows: readonly string[]]> {
  for (const [key, values] of Object.entries(rows)) {
    const [topic = '', strength] = key.split(' ');
    if ((strengths as readonly string[]).includes(strength ?? '')) yield [topic, values];
  }
}

/** Types that name the questionnaire or the definition they follow. */
const canonicalTypes = new Set([
  'QuestionnaireResponse',
  'CarePlan',
  'PlanDefinition',
  'ServiceRequest',
  'Task',
  'Procedure',
]);
const canonicalNames = ['questionnaire', 'instantiatesCanonical', 'instantiatesUri'].map(nameNumber);
const divName = nameNumber('div');

/** Members that hold no prose about health: names of people and places, identifiers, codes, links, times. */
const noProse: ReadonlySet<number> = new Set(
  [
    ...['id', 'resourceType', 'reference', 'url', 'uri', 'system', 'code', 'status', 'use', 'versionId', 'lastUpdated'],
    ...[
      'profile',
      'source',
      'contentType',
      'language',
      'hash',
      'creation',
      'family',
      'given',
      'prefix',
      'suffix',
      'line',
    ],
    ...[
      'city',
      'district',
      'state',
      'postalCode',
      'country',
      'birthDate',
      'gender',
      'linkId',
      'start',
      'end',
      'unit',
      'type',
    ],
  ]
    .map(nameNumber)
    .filter((number) => number !== 0),
);

function isNoProse(name: number): boolean {
  return name < knownNameCount && noProse.has(name);
}

function childrenOf(tape: Tape, list: Node): readonly Node[] {
  const items: Node[] = [];
  for (let item = tape.firstChild(list); item >= 0; item = tape.next(item)) items.push(item);
  return items;
}
