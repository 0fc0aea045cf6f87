import type { ResourceOnTape } from '../document/content.ts';
import { internedText } from '../document/interned.ts';
import { knownNameCount, knownNames, nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import type { Coding, Interval } from '../fhir/coding.ts';
import type { TimeReader } from '../fhir/dates.ts';
import {
  isId,
  type PatientKey,
  parseLocalReference,
  parseRelativeReference,
  type ResourceKey,
  typeOf,
} from '../fhir/ids.ts';
import { isResourceType } from '../fhir/model.ts';
import { fhirVersion } from '../fhir/version.ts';
import { clinicalTimeOf } from './clinical-time.ts';
import type { Facts } from './facts.ts';
import type { LabelInputs } from './labels.ts';
import { aboutElements, directoryTypes, parentElements, participantElement, subjectRequired } from './roles.ts';

/** A Reference in a resource, where it stands on the tape. */
export interface ReferenceSite {
  /** The Reference object. */
  readonly node: Node;
  /** What it refers to in this store; undefined for contained, external and logical references. */
  readonly key: ResourceKey | undefined;
  /** `logical`: by an identifier, or by a relative reference that cannot be read. */
  readonly form: 'local' | 'contained' | 'external' | 'logical';
  /** Number of the name of the member (or of the array) that holds it. */
  readonly name: number;
  /** A local reference written as its key, or as an absolute URL of it: without a version, fragment or anything odd. */
  readonly plain: boolean;
  /** Of a logical reference: it says that it leads to something else than people, organizations, places and products. */
  readonly clinical: boolean;
}

/** Everything read from one resource in one walk: facts for deciding, reference sites for enforcing. */
export interface Reading {
  readonly facts: Facts;
  readonly sites: readonly ReferenceSite[];
  /** Parents whose labels are inherited. */
  readonly parents: readonly ResourceKey[];
  /** Related persons taking part where no patient does: one of them has to be known. */
  readonly relatives: readonly ResourceKey[];
  /** Elements with labels of their own, where these are read apart from the resource's. */
  readonly inline?: readonly InlineSite[];
}

/** An element that bears an inline label (HL7 DS4P). */
export interface InlineSite {
  /** The element as an object, or the `_name` sibling of a primitive (or an item of such a list). */
  readonly node: Node;
  readonly label: Coding;
}

export interface ReadSettings {
  /** Absolute bases under which a reference counts as local, without trailing slash. */
  readonly localBases: readonly string[];
  readonly time: TimeReader;
  /** Inline labels are of their elements, rather than of the whole resource. */
  readonly inlineByElement?: boolean;
}

const names = {
  resourceType: nameNumber('resourceType'),
  id: nameNumber('id'),
  meta: nameNumber('meta'),
  text: nameNumber('text'),
  reference: nameNumber('reference'),
  identifier: nameNumber('identifier'),
  system: nameNumber('system'),
  value: nameNumber('value'),
  code: nameNumber('code'),
  security: nameNumber('security'),
  versionId: nameNumber('versionId'),
  lastUpdated: nameNumber('lastUpdated'),
  profile: nameNumber('profile'),
  valueCoding: nameNumber('valueCoding'),
  type: nameNumber('type'),
  category: nameNumber('category'),
  display: nameNumber('display'),
  contained: nameNumber('contained'),
} as const;

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
const authorNames = ['author', 'performer', 'recorder', 'asserter', 'requester', 'informationSource', 'participant'];
const primaryNames = [
  ...['code', 'category', 'type', 'reasonCode', 'vaccineCode', 'component', 'serviceType', 'class', 'indication'],
  ...['productOrService', 'diagnosisCodeableConcept', 'procedureCodeableConcept', 'specialty', 'severity', 'route'],
  ...['method', 'bodySite', 'subType', 'item', 'diagnosis', 'procedure'],
  ...knownNames.filter((text) => text.startsWith('value') || text.startsWith('medication')),
];
/** R5 has one element for what R4 has as `reasonCode` and `reasonReference`. */
const primaryNamesOfR5 = ['reason'];

/** What a member's name makes of it; a name may play several parts. */
const part = {
  reference: 1,
  code: 2,
  identifier: 4,
  contentType: 8,
  url: 16,
  meta: 32,
  text: 64,
  /** Of the members that every walk stops at. */
  walked: 127,
  primary: 128,
  about: 256,
  author: 512,
  parent: 1_024,
  basedOn: 2_048,
} as const;
const partsByName = new Uint16Array(knownNameCount);
/** R5 puts the Reference of a CodeableReference one level deeper, under `reference`. */
let hasCodeableReferences = false;
let isPrepared = false;

/** Before the first resource: the version of the data says which names play a part. */
function prepare(): void {
  isPrepared = true;
  hasCodeableReferences = fhirVersion() === 'R5';
  for (const own of ['reference', 'code', 'identifier', 'contentType', 'url', 'meta', 'text', 'basedOn'] as const)
    plays(part[own], [own]);
  plays(part.primary, hasCodeableReferences ? [...primaryNames, ...primaryNamesOfR5] : primaryNames);
  plays(part.about, aboutElements);
  plays(part.author, authorNames);
  plays(part.parent, parentElements);
}

function plays(role: number, texts: readonly string[]): void {
  for (const text of texts) {
    const number = nameNumber(text);
    if (number !== 0) partsByName[number] = (partsByName[number] as number) | role;
  }
}

function partsOf(name: number): number {
  return name < knownNameCount ? (partsByName[name] as number) : 0;
}

const nothing: readonly never[] = [];
/** A list this long is searched by a set of its own. */
const longList = 16;

/** Codings by system and code, each one object: the same few come again and again. */
const codings = new Map<string, Map<string, Coding>>();
const maximumSystems = 1_000;
const maximumCodes = 10_000;

function codingOf(system: string, code: string): Coding {
  let ofSystem = codings.get(system);
  if (ofSystem === undefined) {
    ofSystem = new Map();
    if (codings.size < maximumSystems) codings.set(system, ofSystem);
  }
  let coding = ofSystem.get(code);
  if (coding === undefined) {
    coding = Object.freeze({ system, code });
    if (ofSystem.size < maximumCodes) ofSystem.set(code, coding);
  }
  return coding;
}

/**
 * Reads one resource. Pure.
 * @returns undefined when it has no usable resourceType and id.
 */
export function readResource({ tape, node }: ResourceOnTape, settings: ReadSettings): Reading | undefined {
  if (!isPrepared) prepare();
  const type = internedText(tape, tape.member(node, names.resourceType));
  const id = tape.text(tape.member(node, names.id));
  if (type === undefined || id === undefined || !isId(id) || !isResourceType(type)) return undefined;
  return new Reader(tape, node, type, id, settings).read();
}

/**
 * Reads one resource and is what was read: one object for each resource of a large answer. A list is made when there is
 * something for it; the dearest part, the clinical time, is read only when a Consent asks for it.
 */
class Reader implements Facts, LabelInputs {
  readonly #tape: Tape;
  readonly #root: Node;
  readonly #settings: ReadSettings;
  /** Sets of the lists that have become long. */
  #sets: Map<readonly unknown[], Set<unknown>> | undefined;
  #hasSubject = false;
  readonly key: ResourceKey;
  readonly type: string;
  versionId: string | undefined;
  lastUpdated: string | undefined;
  patientUnknown = false;
  participants?: readonly PatientKey[];
  patients: readonly PatientKey[] = nothing;
  profiles: readonly string[] = nothing;
  codings: readonly Coding[] = nothing;
  primaryCodings: readonly Coding[] = nothing;
  documentTypes: readonly Coding[] = nothing;
  mimeTypes: readonly string[] = nothing;
  authors: readonly string[] = nothing;
  references: readonly ResourceKey[] = nothing;
  partOf: readonly ResourceKey[] = nothing;
  own: readonly Coding[] = nothing;
  actors: readonly string[] = nothing;
  actorIdentifiers: readonly string[] = nothing;
  sites: readonly ReferenceSite[] = nothing;
  parents: readonly ResourceKey[] = nothing;
  inline: InlineSite[] | undefined;

  constructor(tape: Tape, root: Node, type: string, id: string, settings: ReadSettings) {
    this.#tape = tape;
    this.#root = root;
    this.type = type;
    this.key = `${type}/${id}` as ResourceKey; // both were checked
    this.#settings = settings;
  }

  get labelInputs(): LabelInputs {
    return this;
  }

  get clinicalTime(): Interval | undefined {
    return clinicalTimeOf(this.#tape, this.#root, this.#settings.time);
  }

  read(): Reading {
    const tape = this.#tape;
    for (let member = tape.firstChild(this.#root); member >= 0; member = tape.next(member)) {
      const name = tape.name(member);
      if (name === names.meta) this.#meta(member, true);
      else if (name === names.text) this.#referencesIn(member);
      else if (name !== names.resourceType && name !== names.id) this.#walk(member, name);
      if ((partsOf(name) & part.about) !== 0) this.#findUnreadable(member);
    }
    if (this.type === 'Patient') {
      this.patients = this.#with(this.patients, this.key as PatientKey);
      this.#hasSubject = true;
    }
    if (actorTypes.has(this.type)) this.actors = this.#with(this.actors, this.key);
    if (!this.#hasSubject && subjectRequired.has(this.type)) this.patientUnknown = true;
    const { patients: participants, relatives, unreadable } = this.#participants();
    if (participants.length === 0 && unreadable) this.patientUnknown = true;
    if (participants.length > 0) this.participants = participants;
    const { sites, parents, inline } = this;
    return { facts: this, sites, parents, relatives, ...(inline === undefined ? {} : { inline }) };
  }

  /** A list of distinct values with one more, in order of first coming. */
  #with<Value>(list: readonly Value[], value: Value): readonly Value[] {
    let set = list.length > longList ? this.#sets?.get(list) : undefined;
    if (set !== undefined ? set.has(value) : list.includes(value)) return list;
    if (list.length < longList) return appended(list, value);
    (list as Value[]).push(value); // made here
    if (set === undefined) {
      set = new Set(list);
      this.#sets ??= new Map();
      this.#sets.set(list, set);
    } else set.add(value);
    return list;
  }

  #participants(): Participants {
    const element = participantElement[this.type];
    if (element === undefined) return noParticipants;
    const number = nameNumber(element);
    const sites = this.sites.filter(({ name }) => name === number);
    const patients = sites.flatMap(({ key }) => (key?.startsWith('Patient/') ? (key as PatientKey) : []));
    if (patients.length > 0) return { patients, relatives: nothing, unreadable: false };
    return {
      patients,
      relatives: sites.flatMap(({ key }) => (key?.startsWith('RelatedPerson/') ? key : [])),
      unreadable: sites.some((site) => site.key === undefined && this.#mayBePatient(site)),
    };
  }

  /** Whether somebody who takes part, and who is no entry of this store, may be a patient. */
  #mayBePatient({ node, form, clinical }: ReferenceSite): boolean {
    const tape = this.#tape;
    const text = tape.text(tape.member(node, names.reference)) ?? '';
    if (form === 'external') return !directoryTypes.has(/([A-Z][A-Za-z]+)\/[^/]+$/.exec(text)?.[1] ?? '');
    if (form === 'logical') return clinical || tape.text(tape.member(node, names.type)) === undefined;
    const contained = tape.member(this.#root, names.contained);
    if (contained < 0) return true;
    for (let item = tape.firstChild(contained); item >= 0; item = tape.next(item)) {
      if (`#${tape.text(tape.member(item, names.id))}` === text)
        return !directoryTypes.has(tape.text(tape.member(item, names.resourceType)) ?? '');
    }
    return true;
  }

  /** Metadata and narrative give no facts, but their extensions may refer to something (HL7 DS4P: who labelled it). */
  #referencesIn(top: Node): void {
    const tape = this.#tape;
    const end = tape.skips[top] as number;
    for (let node = top + 1; node < end; node++) {
      if (tape.name(node) === names.reference && tape.kind(node) === kinds.string)
        this.#reference(node, tape.name(top));
    }
  }

  #meta(meta: Node, own: boolean): void {
    const tape = this.#tape;
    this.#referencesIn(meta);
    for (let member = tape.firstChild(meta); member >= 0; member = tape.next(member)) {
      const name = tape.name(member);
      if (name === names.security) this.#labels(member);
      else if (!own) continue;
      else if (name === names.versionId) this.versionId = tape.text(member);
      else if (name === names.lastUpdated) this.lastUpdated = tape.text(member);
      else if (name === names.profile) {
        for (let item = tape.firstChild(member); item >= 0; item = tape.next(item)) {
          const profile = internedText(tape, item);
          if (profile !== undefined) this.profiles = appended(this.profiles, profile);
        }
      }
    }
  }

  /** A label list that is no list of Codings is a label nobody knows. */
  #labels(security: Node): void {
    const tape = this.#tape;
    if (tape.kind(security) !== kinds.array) {
      this.own = appended(this.own, { system: '', code: '' });
      return;
    }
    for (let item = tape.firstChild(security); item >= 0; item = tape.next(item)) {
      this.own = appended(this.own, {
        system: tape.text(tape.member(item, names.system)) ?? '',
        code: tape.text(tape.member(item, names.code)) ?? '',
      });
    }
  }

  /** Every value below one top-level member, in document order. */
  #walk(top: Node, topName: number): void {
    const tape = this.#tape;
    const tags = tape.tags;
    const end = tape.skips[top] as number;
    for (let node = top; node < end; node++) {
      const name = (tags[node] as number) >> 4;
      if (name >= knownNameCount) continue;
      const parts = (partsByName[name] as number) & part.walked;
      if (parts === 0) continue;
      if (tape.kind(node) === kinds.string) {
        if (parts === part.reference) this.#reference(node, topName);
        else if (parts === part.code) this.#coding(node, topName);
        else if (parts === part.url) this.#inlineLabel(node);
        else if (parts === part.contentType) this.mimeTypes = appended(this.mimeTypes, tape.text(node) as string);
      } else if (tape.kind(node) === kinds.object) {
        if (parts === part.identifier && topName !== names.identifier) this.#logical(node, topName);
        else if (parts === part.meta || parts === part.text) {
          // Labels of something contained, and its narrative.
          if (parts === part.meta) this.#meta(node, false);
          else this.#referencesIn(node);
          node = (tape.skips[node] as number) - 1;
        }
      } else if (parts === part.identifier && topName === names.contained) this.#containedActor(node);
    }
  }

  #coding(code: Node, topName: number): void {
    const tape = this.#tape;
    const holder = tape.parent(code);
    const system = internedText(tape, tape.member(holder, names.system));
    const text = internedText(tape, code);
    if (system === undefined || text === undefined) return;
    const coding = codingOf(system, text);
    this.codings = appended(this.codings, coding);
    if ((partsOf(topName) & part.primary) !== 0) this.primaryCodings = appended(this.primaryCodings, coding);
    if (
      (this.type === 'DocumentReference' || this.type === 'Composition') &&
      (topName === names.type || topName === names.category)
    ) {
      this.documentTypes = appended(this.documentTypes, coding);
    }
  }

  #inlineLabel(url: Node): void {
    const tape = this.#tape;
    if (!(internedText(tape, url) as string).endsWith(inlineLabelSuffix)) return;
    const extension = tape.parent(url);
    const value = tape.member(extension, names.valueCoding);
    const label = {
      system: tape.text(tape.member(value, names.system)) ?? '',
      code: tape.text(tape.member(value, names.code)) ?? '',
    };
    // An extension stands in a list, and that in the element; one that does not says nothing of where it belongs.
    const list = tape.parent(extension);
    const element = tape.kind(list) === kinds.array ? tape.parent(list) : this.#root;
    if (this.#settings.inlineByElement !== true || element === this.#root) {
      this.own = appended(this.own, label);
      return;
    }
    this.inline ??= [];
    this.inline.push({ node: element, label });
  }

  #reference(node: Node, topName: number): void {
    const tape = this.#tape;
    const text = internedText(tape, node) as string;
    const holder = tape.parent(node);
    const holderName = this.#holderName(holder);
    const holderParts = partsOf(holderName);
    const key = this.#localKey(text);
    const form = key !== undefined ? 'local' : formOf(text);
    const plain =
      key !== undefined && (text === key || this.#settings.localBases.includes(text.slice(0, -key.length - 1)));
    this.sites = appended(this.sites, { node: holder, key, form, name: holderName, plain, clinical: false });
    if ((partsOf(topName) & part.about) !== 0 && this.#isTopLevel(holder)) this.#about(key, form);
    if (((partsOf(topName) | holderParts) & part.author) !== 0) this.authors = this.#with(this.authors, key ?? text);
    if (form === 'external' || form === 'logical') this.actors = this.#with(this.actors, text);
    if (key === undefined) return;
    this.references = this.#with(this.references, key);
    if (isActor(key)) this.actors = this.#with(this.actors, key);
    if ((holderParts & part.parent) !== 0) {
      this.parents = this.#with(this.parents, key);
      this.partOf = this.#with(this.partOf, key);
    } else if ((holderParts & part.basedOn) !== 0) this.partOf = this.#with(this.partOf, key);
  }

  /** Number of the name of what a Reference is there for: its member, the list it is an item of, or its CodeableReference's. */
  #holderName(holder: Node): number {
    if (holder === this.#root) return 0;
    const tape = this.#tape;
    const name = tape.name(holder) !== 0 ? tape.name(holder) : tape.name(tape.parent(holder));
    return hasCodeableReferences && name === names.reference ? this.#holderName(tape.parent(holder)) : name;
  }

  /** `subject: {...}` or an item of `subject: [...]`, and nothing deeper. */
  #isTopLevel(holder: Node): boolean {
    const tape = this.#tape;
    const parent = tape.parent(holder);
    return parent === this.#root || (tape.kind(parent) === kinds.array && tape.parent(parent) === this.#root);
  }

  #about(key: ResourceKey | undefined, form: ReferenceSite['form']): void {
    this.#hasSubject = true;
    if (key?.startsWith('Patient/')) this.patients = this.#with(this.patients, key as PatientKey);
    else if (key?.startsWith('Group/') || form !== 'local') this.patientUnknown = true;
  }

  /** Somebody it is about, by a display, an extension or nothing that can be read. */
  #findUnreadable(member: Node): void {
    const tape = this.#tape;
    const isList = tape.kind(member) === kinds.array;
    for (let item = isList ? tape.firstChild(member) : member; item >= 0; item = isList ? tape.next(item) : -1) {
      if (tape.text(tape.member(item, names.reference)) === undefined) this.patientUnknown = true;
    }
  }

  /** The identifiers of a contained organization or practitioner tell who it is: its id is a local matter. */
  #containedActor(identifiers: Node): void {
    const tape = this.#tape;
    const type = tape.text(tape.member(tape.parent(identifiers), names.resourceType));
    if (type === undefined || !actorTypes.has(type)) return;
    for (let item = tape.firstChild(identifiers); item >= 0; item = tape.next(item)) {
      const identifier = this.#identifier(item);
      if (identifier !== undefined) this.actorIdentifiers = this.#with(this.actorIdentifiers, identifier);
    }
  }

  #identifier(node: Node): string | undefined {
    const tape = this.#tape;
    const value = tape.text(tape.member(node, names.value));
    return value === undefined ? undefined : `${tape.text(tape.member(node, names.system)) ?? ''}|${value}`;
  }

  /** A Reference without a literal reference: only an identifier says what it means. */
  #logical(node: Node, topName: number): void {
    const tape = this.#tape;
    const holder = tape.parent(node);
    const identifier = this.#identifier(node);
    if (tape.member(holder, names.reference) >= 0) {
      if (identifier !== undefined) this.actorIdentifiers = this.#with(this.actorIdentifiers, identifier);
      return;
    }
    const holderName = this.#holderName(holder);
    if (!this.#looksLikeReference(holder)) return;
    // A type is a name, or the canonical URL of one (FHIR R4 Reference.type).
    const type = tape.text(tape.member(holder, names.type))?.split('/').at(-1);
    const clinical = type !== undefined && !directoryTypes.has(type);
    this.sites = appended(this.sites, {
      node: holder,
      key: undefined,
      form: 'logical',
      name: holderName,
      plain: true,
      clinical,
    });
    if ((partsOf(topName) & part.about) !== 0 && this.#isTopLevel(holder)) {
      this.#hasSubject = true;
      this.patientUnknown = true;
    }
    if (identifier === undefined) return;
    this.actorIdentifiers = this.#with(this.actorIdentifiers, identifier);
    if (((partsOf(topName) | partsOf(holderName)) & part.author) !== 0)
      this.authors = this.#with(this.authors, identifier);
  }

  /** Reference has four members: reference, type, identifier, display (and id, extension). */
  #looksLikeReference(holder: Node): boolean {
    const tape = this.#tape;
    if (holder === this.#root) return false;
    for (let member = tape.firstChild(holder); member >= 0; member = tape.next(member)) {
      const name = tape.name(member);
      if (name !== names.identifier && name !== names.type && name !== names.display) {
        const text = tape.nameText(member);
        if (text !== 'id' && text !== 'extension' && !text.startsWith('_')) return false;
      }
    }
    return true;
  }

  #localKey(text: string): ResourceKey | undefined {
    const { localBases } = this.#settings;
    if (text.length > longestKnown) return localKeyOf(text, localBases);
    let known = localKeys.get(localBases);
    if (known === undefined || known.size >= maximumKeys) {
      known = new Map();
      localKeys.set(localBases, known);
    }
    let key = known.get(text);
    if (key === undefined) {
      key = localKeyOf(text, localBases) ?? '';
      known.set(text, key);
    }
    return key === '' ? undefined : key;
  }
}

/** A list with one more. A short one is made anew: one that grows in place keeps room for sixteen more. */
function appended<Value>(list: readonly Value[], value: Value): readonly Value[] {
  switch (list.length) {
    case 0:
      return [value];
    case 1:
      return [list[0] as Value, value];
    case 2:
      return [list[0] as Value, list[1] as Value, value];
    case 3:
      return [list[0] as Value, list[1] as Value, list[2] as Value, value];
    default:
      (list as Value[]).push(value); // made here
      return list;
  }
}

interface Participants {
  readonly patients: readonly PatientKey[];
  readonly relatives: readonly ResourceKey[];
  readonly unreadable: boolean;
}

const noParticipants: Participants = { patients: nothing, relatives: nothing, unreadable: false };

/** Of a literal reference that is none into this store. What is relative and cannot be read may name anything here. */
function formOf(text: string): ReferenceSite['form'] {
  if (text.startsWith('#')) return 'contained';
  return /^[a-z][a-z0-9+.-]*:/i.test(text) ? 'external' : 'logical';
}

/** References and what they lead to in the store, by the bases that are local; the same few come again and again. Empty: to nothing here. */
const localKeys = new WeakMap<readonly string[], Map<string, ResourceKey | ''>>();
const maximumKeys = 10_000;
const longestKnown = 256;

function localKeyOf(text: string, localBases: readonly string[]): ResourceKey | undefined {
  const key = text.includes('://') ? undefined : parseRelativeReference(text);
  return key ?? parseLocalReference(text, localBases);
}

function isActor(key: ResourceKey): boolean {
  return actorTypes.has(typeOf(key));
}
