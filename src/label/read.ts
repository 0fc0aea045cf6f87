import type { ResourceOnTape } from '../document/content.ts';
import { knownNameCount, knownNames, nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import type { Coding, Interval } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import { isId, type PatientKey, parseRelativeReference, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import { isResourceType } from '../fhir/model.ts';
import type { Facts } from './facts.ts';
import type { LabelInputs } from './labels.ts';
import { aboutElements, parentElements, subjectRequired } from './roles.ts';

/** A Reference in a resource, where it stands on the tape. */
export interface ReferenceSite {
  /** The Reference object. */
  readonly node: Node;
  /** What it refers to in this store; undefined for contained, external and logical references. */
  readonly key: ResourceKey | undefined;
  readonly form: 'local' | 'contained' | 'external' | 'logical';
  /** Number of the name of the member (or of the array) that holds it. */
  readonly name: number;
}

/** Everything read from one resource in one walk: facts for deciding, reference sites for enforcing. */
export interface Reading {
  readonly facts: Facts;
  readonly sites: readonly ReferenceSite[];
  /** Parents whose labels are inherited. */
  readonly parents: readonly ResourceKey[];
}

export interface ReadSettings {
  /** Absolute bases under which a reference counts as local, without trailing slash. */
  readonly localBases: readonly string[];
  readonly time: TimeReader;
}

const name = Object.fromEntries(
  [
    'resourceType',
    'id',
    'meta',
    'text',
    'reference',
    'identifier',
    'system',
    'value',
    'code',
    'url',
    'contentType',
    'contained',
    'security',
    'versionId',
    'lastUpdated',
    'profile',
    'valueCoding',
    'type',
    'category',
    'coding',
    'display',
    'author',
    'performer',
    'recorder',
    'asserter',
    'requester',
    'informationSource',
    'participant',
    'individual',
    'actor',
  ].map((text) => [text, nameNumber(text)]),
) as Record<string, number>;

const inlineLabelSuffix = 'inline-sec-label';
const actorTypes = new Set([
  'Organization',
  'Location',
  'Practitioner',
  'PractitionerRole',
  'HealthcareService',
  'CareTeam',
  'Device',
]);
const authorNames = new Set(
  ['author', 'performer', 'recorder', 'asserter', 'requester', 'informationSource', 'participant'].map(
    (text) => name[text],
  ),
);
const primaryNames = new Set(
  [
    'code',
    'category',
    'type',
    'reasonCode',
    'vaccineCode',
    'component',
    'serviceType',
    'class',
    'indication',
    'productOrService',
    'diagnosisCodeableConcept',
    'procedureCodeableConcept',
    'specialty',
    'severity',
    'route',
    'method',
    'bodySite',
    'subType',
    'item',
    'diagnosis',
    'procedure',
  ].map(nameNumber),
);
const parentNames = new Set(parentElements.map(nameNumber));
const aboutNames = new Set(aboutElements.map(nameNumber));

/**
 * Reads one resource. Pure.
 * @returns undefined when it has no usable resourceType and id.
 */
export function readResource({ tape, node }: ResourceOnTape, settings: ReadSettings): Reading | undefined {
  const type = tape.text(tape.member(node, name.resourceType as number));
  const id = tape.text(tape.member(node, name.id as number));
  if (type === undefined || id === undefined || !isId(id) || !isResourceType(type)) return undefined;
  return new Reader(tape, node, type, id, settings).read();
}

class Reader {
  readonly #tape: Tape;
  readonly #root: Node;
  readonly #type: string;
  readonly #key: ResourceKey;
  readonly #settings: ReadSettings;
  readonly #sites: ReferenceSite[] = [];
  readonly #codings: Coding[] = [];
  readonly #primary: Coding[] = [];
  readonly #documentTypes: Coding[] = [];
  readonly #own: Coding[] = [];
  readonly #profiles: string[] = [];
  readonly #mimeTypes: string[] = [];
  readonly #references = new Set<ResourceKey>();
  readonly #parents = new Set<ResourceKey>();
  readonly #partOf = new Set<ResourceKey>();
  readonly #patients = new Set<PatientKey>();
  readonly #authors = new Set<string>();
  readonly #actors = new Set<string>();
  readonly #actorIdentifiers = new Set<string>();
  #patientUnknown = false;
  #hasSubject = false;
  #versionId: string | undefined;
  #lastUpdated: string | undefined;

  constructor(tape: Tape, root: Node, type: string, id: string, settings: ReadSettings) {
    this.#tape = tape;
    this.#root = root;
    this.#type = type;
    this.#key = resourceKey(type, id);
    this.#settings = settings;
  }

  read(): Reading {
    const tape = this.#tape;
    for (let member = tape.firstChild(this.#root); member >= 0; member = tape.next(member)) {
      const number = tape.name(member);
      if (number === name.meta) this.#meta(member, true);
      else if (number === name.text || number === name.resourceType || number === name.id) continue;
      else this.#walk(member, number, primaryNames.has(number) || this.#isValueOrMedication(number));
    }
    if (this.#type === 'Patient') {
      this.#patients.add(this.#key as PatientKey);
      this.#hasSubject = true;
    }
    if (actorTypes.has(this.#type)) this.#actors.add(this.#key);
    if (!this.#hasSubject && subjectRequired.has(this.#type)) this.#patientUnknown = true;
    const labelInputs: LabelInputs = {
      type: this.#type,
      own: this.#own,
      codings: this.#codings,
      actors: [...this.#actors],
      actorIdentifiers: [...this.#actorIdentifiers],
    };
    const facts: Facts = new LazyFacts(this.#tape, this.#root, this.#settings.time, {
      key: this.#key,
      type: this.#type,
      versionId: this.#versionId,
      lastUpdated: this.#lastUpdated,
      patients: [...this.#patients],
      patientUnknown: this.#patientUnknown,
      profiles: this.#profiles,
      codings: this.#codings,
      primaryCodings: this.#primary,
      documentTypes: this.#documentTypes,
      mimeTypes: this.#mimeTypes,
      authors: [...this.#authors],
      references: [...this.#references],
      partOf: [...this.#partOf],
      labelInputs,
    });
    return { facts, sites: this.#sites, parents: [...this.#parents] };
  }

  #isValueOrMedication(number: number): boolean {
    if (number >= knownNameCount) return false;
    const text = knownNames[number] as string;
    return text.startsWith('value') || text.startsWith('medication');
  }

  #meta(meta: Node, own: boolean): void {
    const tape = this.#tape;
    for (let member = tape.firstChild(meta); member >= 0; member = tape.next(member)) {
      const number = tape.name(member);
      if (number === name.security) this.#labels(member);
      else if (!own) continue;
      else if (number === name.versionId) this.#versionId = tape.text(member);
      else if (number === name.lastUpdated) this.#lastUpdated = tape.text(member);
      else if (number === name.profile) {
        for (let item = tape.firstChild(member); item >= 0; item = tape.next(item)) {
          const profile = tape.text(item);
          if (profile !== undefined) this.#profiles.push(profile);
        }
      }
    }
  }

  /** A label list that is no list of Codings is a label nobody knows. */
  #labels(security: Node): void {
    const tape = this.#tape;
    if (tape.kind(security) !== kinds.array) {
      this.#own.push({ system: '', code: '' });
      return;
    }
    for (let item = tape.firstChild(security); item >= 0; item = tape.next(item)) {
      this.#own.push({
        system: tape.text(tape.member(item, name.system as number)) ?? '',
        code: tape.text(tape.member(item, name.code as number)) ?? '',
      });
    }
  }

  /** Every value below one top-level member, in document order. */
  #walk(top: Node, topName: number, primary: boolean): void {
    const tape = this.#tape;
    const end = tape.skips[top] as number;
    for (let node = top; node < end; ) {
      const number = tape.name(node);
      if (number === name.reference && tape.kind(node) === kinds.string) this.#reference(node, topName);
      else if (number === name.code && tape.kind(node) === kinds.string) this.#coding(node, topName, primary);
      else if (number === name.identifier && topName !== name.identifier) this.#logical(node, topName);
      else if (number === name.contentType) {
        const mime = tape.text(node);
        if (mime !== undefined) this.#mimeTypes.push(mime);
      } else if (number === name.url && tape.kind(node) === kinds.string) this.#inlineLabel(node);
      else if (number === name.meta && tape.kind(node) === kinds.object) {
        this.#meta(node, false);
        node = tape.skips[node] as number;
        continue;
      } else if (number === name.text && tape.kind(node) === kinds.object) {
        node = tape.skips[node] as number; // narrative of something contained
        continue;
      }
      node++;
    }
  }

  #coding(code: Node, topName: number, primary: boolean): void {
    const tape = this.#tape;
    const holder = tape.parent(code);
    const system = tape.text(tape.member(holder, name.system as number));
    const text = tape.text(code);
    if (system === undefined || text === undefined) return;
    const coding = { system, code: text };
    this.#codings.push(coding);
    if (primary) this.#primary.push(coding);
    if (
      (this.#type === 'DocumentReference' || this.#type === 'Composition') &&
      (topName === name.type || topName === name.category)
    ) {
      this.#documentTypes.push(coding);
    }
  }

  #inlineLabel(url: Node): void {
    const tape = this.#tape;
    if (!(tape.text(url) as string).endsWith(inlineLabelSuffix)) return;
    const value = tape.member(tape.parent(url), name.valueCoding as number);
    this.#own.push({
      system: tape.text(tape.member(value, name.system as number)) ?? '',
      code: tape.text(tape.member(value, name.code as number)) ?? '',
    });
  }

  #reference(node: Node, topName: number): void {
    const tape = this.#tape;
    const text = tape.text(node) as string;
    const holder = tape.parent(node);
    const holderName = tape.name(holder) !== 0 ? tape.name(holder) : tape.name(tape.parent(holder));
    const key = this.#localKey(text);
    const form = key !== undefined ? 'local' : text.startsWith('#') ? 'contained' : 'external';
    this.#sites.push({ node: holder, key, form, name: holderName });
    if (aboutNames.has(topName) && this.#isTopLevel(holder)) this.#about(key, form);
    if (authorNames.has(topName) || authorNames.has(holderName)) this.#authors.add(key ?? text);
    if (key === undefined) return;
    this.#references.add(key);
    const type = key.slice(0, key.indexOf('/'));
    if (actorTypes.has(type)) this.#actors.add(key);
    if (parentNames.has(holderName)) {
      this.#parents.add(key);
      this.#partOf.add(key);
    } else if (knownNames[holderName] === 'basedOn') this.#partOf.add(key);
  }

  /** `subject: {...}` or an item of `subject: [...]`, and nothing deeper. */
  #isTopLevel(holder: Node): boolean {
    const tape = this.#tape;
    const parent = tape.parent(holder);
    return parent === this.#root || (tape.kind(parent) === kinds.array && tape.parent(parent) === this.#root);
  }

  #about(key: ResourceKey | undefined, form: ReferenceSite['form']): void {
    this.#hasSubject = true;
    if (key?.startsWith('Patient/')) this.#patients.add(key as PatientKey);
    else if (key?.startsWith('Group/') || form === 'contained' || form === 'external') this.#patientUnknown = true;
  }

  /** A Reference without a literal reference: only an identifier says what it means. */
  #logical(node: Node, topName: number): void {
    const tape = this.#tape;
    if (tape.kind(node) !== kinds.object) return;
    const holder = tape.parent(node);
    if (tape.member(holder, name.reference as number) >= 0) return;
    const holderName = tape.name(holder) !== 0 ? tape.name(holder) : tape.name(tape.parent(holder));
    if (!this.#looksLikeReference(holder)) return;
    this.#sites.push({ node: holder, key: undefined, form: 'logical', name: holderName });
    if (aboutNames.has(topName) && this.#isTopLevel(holder)) {
      this.#hasSubject = true;
      this.#patientUnknown = true;
    }
    const value = tape.text(tape.member(node, name.value as number));
    if (value !== undefined) {
      const identifier = `${tape.text(tape.member(node, name.system as number)) ?? ''}|${value}`;
      this.#actorIdentifiers.add(identifier);
      if (authorNames.has(topName) || authorNames.has(holderName)) this.#authors.add(identifier);
    }
  }

  /** Reference has four members: reference, type, identifier, display (and id, extension). */
  #looksLikeReference(holder: Node): boolean {
    const tape = this.#tape;
    if (holder === this.#root) return false;
    for (let member = tape.firstChild(holder); member >= 0; member = tape.next(member)) {
      const number = tape.name(member);
      if (number !== name.identifier && number !== name.type && number !== name.display) {
        const text = tape.nameText(member);
        if (text !== 'id' && text !== 'extension' && !text.startsWith('_')) return false;
      }
    }
    return true;
  }

  #localKey(text: string): ResourceKey | undefined {
    if (!text.includes('://')) return parseRelativeReference(text);
    for (const base of this.#settings.localBases) {
      if (text.startsWith(base) && text[base.length] === '/')
        return parseRelativeReference(text.slice(base.length + 1));
    }
    return undefined;
  }
}

/** Facts whose dearest part, the clinical time, is read only when a Consent asks for it. */
class LazyFacts implements Facts {
  declare readonly key: ResourceKey;
  declare readonly type: string;
  declare readonly versionId: string | undefined;
  declare readonly lastUpdated: string | undefined;
  declare readonly patients: readonly PatientKey[];
  declare readonly patientUnknown: boolean;
  declare readonly profiles: readonly string[];
  declare readonly codings: readonly Coding[];
  declare readonly primaryCodings: readonly Coding[];
  declare readonly documentTypes: readonly Coding[];
  declare readonly mimeTypes: readonly string[];
  declare readonly authors: readonly string[];
  declare readonly references: readonly ResourceKey[];
  declare readonly partOf: readonly ResourceKey[];
  declare readonly labelInputs: LabelInputs;
  readonly #tape: Tape;
  readonly #root: Node;
  readonly #time: TimeReader;

  constructor(tape: Tape, root: Node, time: TimeReader, plain: Omit<Facts, 'clinicalTime'>) {
    Object.assign(this, plain);
    this.#tape = tape;
    this.#root = root;
    this.#time = time;
  }

  get clinicalTime(): Interval | undefined {
    return clinicalTimeOf(this.#tape, this.#root, this.#time);
  }
}

/** In order of preference (FHIR R4 Consent.provision.dataPeriod: the clinical or operational time of the data). */
const timeNames = [
  'effectiveDateTime',
  'effectivePeriod',
  'effectiveInstant',
  'onsetDateTime',
  'onsetPeriod',
  'performedDateTime',
  'performedPeriod',
  'occurrenceDateTime',
  'occurrencePeriod',
  'period',
  'billablePeriod',
  'servicedDate',
  'authoredOn',
  'issued',
  'recordedDate',
  'dateAsserted',
  'date',
  'started',
  'start',
  'created',
  'sent',
  'recorded',
].map(nameNumber);
const startName = nameNumber('start');
const endName = nameNumber('end');

function clinicalTimeOf(tape: Tape, root: Node, time: TimeReader): Interval | undefined {
  for (const candidate of timeNames) {
    const node = tape.member(root, candidate);
    if (node < 0) continue;
    const text = tape.text(node);
    if (text !== undefined) return intervalOf(text, time);
    if (tape.kind(node) !== kinds.object) continue;
    const start = tape.text(tape.member(node, startName));
    const end = tape.text(tape.member(node, endName));
    const from = start === undefined ? undefined : intervalOf(start, time);
    const to = end === undefined ? undefined : intervalOf(end, time);
    if ((start !== undefined && from === undefined) || (end !== undefined && to === undefined)) return undefined;
    if (from === undefined && to === undefined) continue;
    return { start: from?.start ?? Number.NEGATIVE_INFINITY, end: to?.end ?? Number.POSITIVE_INFINITY };
  }
  return undefined;
}
