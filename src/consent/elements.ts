import type { Coding, Interval } from '../fhir/coding.ts';
import { intervalOf } from '../fhir/dates.ts';
import { typeOf } from '../fhir/ids.ts';
import { isResourceType } from '../fhir/model.ts';
import { canonicalSystem, isKnownPurpose, labelKind, systems } from '../fhir/vocabulary.ts';
import type { Confidentiality } from '../label/labels.ts';
import { type Construct, extensionConstruct, type ProvisionPart } from './constructs.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import type { ParseOptions } from './parse.ts';
import type {
  Actor,
  ActorPart,
  ClassStatement,
  Codes,
  DataStatement,
  Effect,
  Elements,
  LabelStatement,
} from './parsed.ts';
import { referenceNames } from './references.ts';

/** Where reading a provision leaves what it found besides. */
export interface Marks {
  readonly findings: Set<Construct>;
  readonly purposes: Set<string>;
  /** Which members a provision may have. */
  readonly dialect: 'R4' | 'R5' | 'residual';
}

const common = [
  'id',
  'extension',
  'modifierExtension',
  'period',
  'actor',
  'action',
  'securityLabel',
  'purpose',
  'code',
  'dataPeriod',
  'data',
  'provision',
];
const members = {
  R4: new Set([...common, 'type', 'class']),
  R5: new Set([...common, 'documentType', 'resourceType', 'expression']),
  /** A residual rule in a token (IHE PCF) is about data alone. */
  residual: new Set(['securityLabel', 'dataPeriod', 'data']),
};

/** What one provision states itself. */
export function readElements(provision: Json, options: ParseOptions, marks: Marks): Elements {
  return new ElementReader(provision, options, marks).read();
}

/**
 * The effective elements of one provision: its own, else what it inherits. A nested permit inherits everything; a
 * nested deny only who asks, for what, how and when, so that it is never narrower in data than it was written.
 */
export function effectiveElements(stated: Elements, inherited: Elements, effect: Effect): Elements {
  const { actors, purposes, actions, period } = inherited;
  const requestSide = {
    ...(actors && { actors }),
    ...(purposes && { purposes }),
    ...(actions && { actions }),
    ...(period && { period }),
  };
  const notUnderstood = stated.notUnderstood || inherited.notUnderstood;
  return { ...(effect === 'permit' ? inherited : requestSide), ...stated, notUnderstood };
}

class ElementReader {
  readonly #provision: Json;
  readonly #options: ParseOptions;
  readonly #marks: Marks;

  constructor(provision: Json, options: ParseOptions, marks: Marks) {
    this.#provision = provision;
    this.#options = options;
    this.#marks = marks;
  }

  read(): Elements {
    const elements: { -readonly [Name in keyof Elements]: Elements[Name] } = { notUnderstood: this.#hasUnknown() };
    const has = (name: string): boolean => list(own(this.#provision, name)).length > 0;
    if (has('actor')) elements.actors = this.#items('actor').map((actor) => this.#actor(actor));
    if (has('purpose')) elements.purposes = this.#purposes();
    if (has('action')) elements.actions = this.#actions();
    if (has('period')) elements.period = this.#period('period');
    if (has('securityLabel')) elements.labels = this.#labels();
    if (has('class')) elements.classes = this.#classes('class');
    if (has('resourceType')) elements.classes = this.#classes('resourceType');
    if (has('documentType')) elements.documents = this.#classes('documentType');
    if (has('code')) elements.codes = this.#codes();
    if (has('dataPeriod')) elements.dataPeriod = this.#period('dataPeriod');
    if (has('data')) elements.data = this.#data();
    return elements;
  }

  #items(name: string): readonly unknown[] {
    return list(own(this.#provision, name));
  }

  #note(part: ProvisionPart): void {
    this.#marks.findings.add(`Consent.provision.${part}`);
  }

  /** An unknown member, a modifierExtension, or an extension outside the allow-list: nobody can say what it changes. */
  #hasUnknown(): boolean {
    let unknown = false;
    for (const member of Object.keys(this.#provision)) {
      if (members[this.#marks.dialect].has(member)) continue;
      if (member.startsWith('_') && !this.#isDecorated(this.#provision[member])) continue;
      this.#note('member');
      unknown = true;
    }
    for (const part of ['modifierExtension', 'expression'] as const) {
      if (own(this.#provision, part) === undefined) continue;
      this.#note(part);
      unknown = true;
    }
    return this.#isDecorated(this.#provision) || unknown;
  }

  /** Whether a value carries an extension that may change its meaning. */
  #isDecorated(value: unknown): boolean {
    let decorated = false;
    for (const item of list(value)) {
      for (const extension of [...list(own(item, 'extension')), ...list(own(item, 'modifierExtension'))]) {
        const url = text(own(extension, 'url'));
        if (this.#options.harmlessExtensions.some((one) => one === url)) continue;
        this.#marks.findings.add(extensionConstruct('Consent.provision', url));
        decorated = true;
      }
    }
    return decorated;
  }

  #actor(actor: unknown): Actor {
    const role = own(actor, 'role');
    const reference = own(actor, 'reference');
    const { key, names } = referenceNames(reference, this.#options.localBases);
    const parts = [actor, role, own(role, 'coding'), reference, own(reference, 'identifier')];
    const decorated = parts.map((value) => this.#isDecorated(value)).includes(true);
    // R5 alone knows an actor by reference without a role: who the provision is about, so its recipient; and by role alone.
    const part = this.#marks.dialect === 'R5' && role === undefined ? 'recipient' : actorPart(role);
    const roles = this.#marks.dialect === 'R5' && reference === undefined && part === 'unknown' ? rolesOf(role) : [];
    if (roles.length > 0 && !decorated) return { part: 'recipient', names: [], roles, unresolved: false };
    const unresolved = names.length === 0 || decorated;
    if (part === 'unknown' || unresolved) this.#note('actor');
    // What an extension may have changed is nobody's name.
    if (decorated) return { part, names: [], roles: [], unresolved };
    const isCollective = key !== undefined && collectives.has(typeOf(key));
    return { part, names, roles: [], unresolved, ...(isCollective ? { collective: key } : {}) };
  }

  #purposes(): Codes<string> {
    return this.#codings('purpose', (system, code) => {
      this.#marks.purposes.add(code);
      return canonicalSystem(system) === systems.actReason && isKnownPurpose(code) ? code : undefined;
    });
  }

  #actions(): Codes<string> {
    const concepts = this.#items('action');
    const codes: string[] = [];
    let unknown = false;
    for (const concept of concepts) {
      const codings = list(own(concept, 'coding'));
      const known = codings.flatMap((coding) => {
        const code = text(own(coding, 'code'));
        return canonicalSystem(text(own(coding, 'system'))) === systems.consentAction
          ? actions.filter((one) => one === code)
          : [];
      });
      if (known.length > 0 && !this.#isDecorated([concept, ...codings])) codes.push(...known);
      else {
        this.#note('action');
        unknown = true;
      }
    }
    return { codes, unknown };
  }

  #period(name: 'period' | 'dataPeriod'): Interval | 'unreadable' {
    const period = own(this.#provision, name);
    const bound = (end: 'start' | 'end', open: number): number => {
      const value = own(period, end);
      if (value === undefined) return open;
      return (typeof value === 'string' ? intervalOf(value, this.#options.time)?.[end] : undefined) ?? Number.NaN;
    };
    const interval = { start: bound('start', Number.NEGATIVE_INFINITY), end: bound('end', Number.POSITIVE_INFINITY) };
    if (isObject(period) && !Number.isNaN(interval.start) && !Number.isNaN(interval.end) && !this.#isDecorated(period))
      return interval;
    this.#note(name);
    return 'unreadable';
  }

  #labels(): LabelStatement {
    const confidentiality: Confidentiality[] = [];
    const topics: string[] = [];
    const purposes: string[] = [];
    let unknown = false;
    for (const coding of this.#items('securityLabel')) {
      const kind = labelKind(text(own(coding, 'system')), text(own(coding, 'code')));
      const decorated = this.#isDecorated(coding);
      if (kind.kind === 'confidentiality' && !decorated) confidentiality.push(kind.code);
      else if (kind.kind === 'topic' && !decorated) topics.push(kind.code);
      else if (kind.kind === 'purpose' && !decorated) purposes.push(kind.code);
      else {
        this.#note('securityLabel');
        unknown = true;
      }
    }
    return { confidentiality, topics, purposes, unknown };
  }

  /** R5 tells kinds of resources (`resourceType`) from kinds of documents and contents (`documentType`); R4 has one list (`class`). */
  #classes(name: 'class' | 'resourceType' | 'documentType'): Codes<ClassStatement> {
    return this.#codings(name, (system, code): ClassStatement | undefined => {
      const [canonical = code] = code.split('|'); // of a profile: its version is left out
      if (resourceTypeSystems.has(system))
        return name !== 'documentType' && isResourceType(code) ? { kind: 'type', code } : undefined;
      if (name === 'resourceType' || system === '') return undefined;
      switch (system) {
        case 'urn:ietf:rfc:3986':
          return { kind: 'profile', code: canonical };
        case 'urn:ietf:bcp:13':
          return { kind: 'mime', code };
        default:
          return { kind: 'document', coding: { system: canonicalSystem(system), code } };
      }
    });
  }

  #codes(): Codes<Coding> {
    const codes: Coding[] = [];
    let unknown = false;
    for (const concept of this.#items('code')) {
      const codings = list(own(concept, 'coding'));
      if (codings.length === 0 || this.#isDecorated(concept)) {
        this.#note('code');
        unknown = true;
        continue;
      }
      for (const coding of codings) {
        const system = text(own(coding, 'system'));
        const code = text(own(coding, 'code'));
        if (system !== undefined && code !== undefined && !this.#isDecorated(coding))
          codes.push({ system: canonicalSystem(system), code });
        else {
          this.#note('code');
          unknown = true;
        }
      }
    }
    return { codes, unknown };
  }

  #data(): Codes<DataStatement> {
    const codes: DataStatement[] = [];
    let unknown = false;
    for (const data of this.#items('data')) {
      const meaning = text(own(data, 'meaning'));
      const reference = own(data, 'reference');
      const decorated = this.#isDecorated([data, reference, own(reference, 'identifier')]);
      if (!isMeaning(meaning) || decorated || !isObject(reference)) {
        this.#note('data');
        unknown = true;
        continue;
      }
      const { key, names } = referenceNames(reference, this.#options.localBases);
      if (key === undefined) this.#note('data');
      codes.push({ meaning, key, names });
    }
    return { codes, unknown };
  }

  /** Codings of an element, each read by `read`; one that it does not know marks the element. */
  #codings<Code>(name: ProvisionPart, read: (system: string, code: string) => Code | undefined): Codes<Code> {
    const codes: Code[] = [];
    let unknown = false;
    for (const coding of this.#items(name)) {
      const code = text(own(coding, 'code'));
      const known =
        code === undefined || this.#isDecorated(coding) ? undefined : read(text(own(coding, 'system')) ?? '', code);
      if (known !== undefined) codes.push(known);
      else {
        this.#note(name);
        unknown = true;
      }
    }
    return { codes, unknown };
  }
}

/** R4's code system of resource types, and R5's. */
const resourceTypeSystems = new Set(['http://hl7.org/fhir/resource-types', 'http://hl7.org/fhir/fhir-types']);
const actions = ['collect', 'access', 'use', 'disclose', 'correct'];
const collectives = new Set(['CareTeam', 'Group', 'PractitionerRole']);

const participant = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
/** How an actor is involved, by the code systems that say so (FHIR R4 security-role-type). */
const parts: Readonly<Record<string, ActorPart>> = {
  [`${systems.participationType}|IRCP`]: 'recipient',
  [`${systems.participationType}|PRCP`]: 'recipient',
  [`${systems.roleCode}|GRANTEE`]: 'recipient',
  [`${systems.roleCode}|DELEGATEE`]: 'recipient',
  [`${systems.roleCode}|GRANTOR`]: 'grantor',
  [`${systems.roleCode}|DELEGATOR`]: 'grantor',
  [`${systems.roleCode}|CONSENTER`]: 'grantor',
  [`${systems.participationType}|CST`]: 'custodian',
  [`${systems.participationType}|AUT`]: 'author',
  [`${participant}|custodian`]: 'custodian',
  [`${participant}|author`]: 'author',
};

/** What every coding of a role that is known says; where two say different things nobody can tell. */
function actorPart(role: unknown): ActorPart {
  const said = new Set(
    list(own(role, 'coding')).flatMap((coding) => {
      const name = `${canonicalSystem(text(own(coding, 'system')))}|${text(own(coding, 'code'))}`;
      return Object.hasOwn(parts, name) ? (parts[name] as ActorPart) : [];
    }),
  );
  return said.size === 1 ? ([...said][0] as ActorPart) : 'unknown';
}

/** Role codes to compare with a requester's; one that lacks its system or its code makes the whole role incomparable. */
function rolesOf(role: unknown): readonly Coding[] {
  const codings = list(own(role, 'coding'));
  const roles = codings.flatMap((coding) => {
    const [system, code] = [text(own(coding, 'system')), text(own(coding, 'code'))];
    return system === undefined || code === undefined ? [] : { system: canonicalSystem(system), code };
  });
  return roles.length === codings.length ? roles : [];
}

function isMeaning(meaning: string | undefined): meaning is DataStatement['meaning'] {
  return meaning === 'instance' || meaning === 'related' || meaning === 'dependents' || meaning === 'authoredby';
}
