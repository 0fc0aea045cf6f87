import type { Coding, Interval } from '../fhir/coding.ts';
import type { ResourceKey } from '../fhir/ids.ts';
import type { Confidentiality } from '../label/labels.ts';
import type { Construct } from './constructs.ts';
import type { ReferenceNames } from './references.ts';

/** Consents in the gateway's own words, independent of the FHIR version they came in. */
export type Effect = 'permit' | 'deny';

/** How an actor of a provision is involved (FHIR R4 Consent.provision.actor.role). */
export type ActorPart = 'recipient' | 'custodian' | 'author' | 'grantor' | 'unknown';

export interface Actor {
  readonly part: ActorPart;
  /** Local keys, absolute URLs and `system|value` identifiers that name him; any one is enough. */
  readonly names: readonly string[];
  /** Role codes that stand for whoever has one of them, where nobody is named (R5). */
  readonly roles: readonly Coding[];
  /** The Group, CareTeam or PractitionerRole that it is: who belongs to it, its own resource says. */
  readonly collective?: ResourceKey;
  /** Nothing that can be compared: no name at all, or an extension that may change who is meant. */
  readonly unresolved: boolean;
}

/** Codes of one element; `unknown` when one of them was not understood. */
export interface Codes<Code> {
  readonly codes: readonly Code[];
  readonly unknown: boolean;
}

export interface LabelStatement {
  readonly confidentiality: readonly Confidentiality[];
  /** Sensitivity codes, 42CFRPart2, SUDCN; as written (ETH stays ETH). */
  readonly topics: readonly string[];
  /** Purpose-of-use codes used as labels. */
  readonly purposes: readonly string[];
  readonly unknown: boolean;
}

export type ClassStatement =
  | { readonly kind: 'type'; readonly code: string }
  | { readonly kind: 'profile'; readonly code: string }
  | { readonly kind: 'mime'; readonly code: string }
  | { readonly kind: 'document'; readonly coding: Coding };

export interface DataStatement {
  readonly meaning: 'instance' | 'related' | 'dependents' | 'authoredby';
  /** Undefined when the reference is no local literal. */
  readonly key: ResourceKey | undefined;
  /** Every way the reference names its target; for `authoredby`. */
  readonly names: readonly string[];
}

/** The effective elements of one provision: its own, else those of the nearest ancestor that states them. */
export interface Elements {
  readonly actors?: readonly Actor[];
  readonly purposes?: Codes<string>;
  readonly actions?: Codes<string>;
  /** Undefined period: none stated. `unreadable`: one that could not be read. */
  readonly period?: Interval | 'unreadable';
  readonly labels?: LabelStatement;
  readonly classes?: Codes<ClassStatement>;
  /** Kinds of documents and contents where they are stated beside the kinds of resources (R5); both must match. */
  readonly documents?: Codes<ClassStatement>;
  readonly codes?: Codes<Coding>;
  readonly dataPeriod?: Interval | 'unreadable';
  readonly data?: Codes<DataStatement>;
  /** Something of the provision as a whole was not understood (modifierExtension, extension, unknown member). */
  readonly notUnderstood: boolean;
}

export interface Provision {
  /** `provision`, `provision.provision[1]` ...; `base` for an effect that no provision states. */
  readonly path: string;
  readonly effect: Effect;
  readonly elements: Elements;
  readonly children: readonly Provision[];
}

export interface ParsedConsent {
  readonly readable: true;
  /** `Consent/id/_history/version`, or `Consent/id` without a version. */
  readonly ref: string;
  /** Whose it is: a Patient, in R5 also a Group (each of its members) or a Practitioner (no patient's). */
  readonly subject: ReferenceNames;
  readonly status: string;
  /** `other`: treatment directives and the like, which say nothing about disclosure; `unknown`: may deny only. */
  readonly scope: 'patient-privacy' | 'research' | 'other' | 'unknown';
  /** Something about the Consent as a whole was not understood: it may deny, never permit. */
  readonly denyOnly: boolean;
  /** Its categories as `system|code`, systems canonical. */
  readonly categories: readonly string[];
  /** A notice, not a decision (NOPP, npp), as long as its root states no effect. */
  readonly isNotice: boolean;
  /** When it is in force; undefined: no bound. */
  readonly period: Interval | undefined;
  /** Start of Consent.dateTime (R5: date), epoch milliseconds; `unreadable` when it states one that cannot be read. */
  readonly dateTime: number | undefined | 'unreadable';
  /** Compared to tell newer from older: dateTime, meta.lastUpdated, versionId, id. */
  readonly recency: readonly [dateTime: number, lastUpdated: number, version: number, versionText: string, id: string];
  /** Organizations whose Consent it is: local keys, URLs, `system|value`. Sorted. */
  readonly organizations: readonly string[];
  /** Canonical text of organizations and policy: Consents of one family supersede each other. */
  readonly family: string;
  /** Canonical text of what the root states besides type, period and nested provisions. */
  readonly rootStatement: string;
  /** Base effect, with the root's elements; undefined when the Consent has none. */
  readonly root: Provision | undefined;
  /** Nested provisions (below the root, or alone where there is no base). */
  readonly nested: readonly Provision[];
  /** Recognised as a Part 2 consent by policyRule, category or policy.uri (42 CFR 2.31). */
  readonly isPart2: boolean;
  /** A restriction that the patient was granted (42 CFR 2.26, 45 CFR 164.522(a)): it yields to emergencies. */
  readonly isGrantedRestriction: boolean;
  /** What the required-element check of 42 CFR 2.31 reads of the Consent as a whole. */
  readonly written: {
    readonly hasOrganization: boolean;
    readonly hasPolicyText: boolean;
    /** The form that was signed, by the URIs of its policies (R5: of its policyBasis). */
    readonly forms: readonly string[];
    readonly hasSource: boolean;
    readonly hasDateTime: boolean;
    readonly isVerified: boolean;
    readonly hasEnd: boolean;
  };
  /** IHE PCF Policy-basic-normal: a ceiling for provisions without labels. */
  readonly basicNormalCeiling: boolean;
  /** Every purpose named anywhere in it, those that nobody knows too. */
  readonly allPurposes: readonly string[];
  /** Constructs that were not understood, each once; sorted. */
  readonly findings: readonly Construct[];
}

/** What cannot be read as a Consent of anybody. */
export interface UnreadableConsent {
  readonly readable: false;
  readonly findings: readonly Construct[];
}

/** The Consents of one patient, all statuses. */
export interface PatientConsents {
  readonly consents: readonly ParsedConsent[];
  /** Some entry could not be read: she is uncovered for everything. */
  readonly unreadable: boolean;
}

/** Resources named by `data` whose own references decide what is covered (meaning `related`). */
export function namedData(consents: readonly ParsedConsent[]): readonly ResourceKey[] {
  const keys = new Set<ResourceKey>();
  for (const { data } of elementsOf(consents))
    for (const { meaning, key } of data?.codes ?? []) if (meaning === 'related' && key !== undefined) keys.add(key);
  return [...keys];
}

/** Groups, care teams and roles named as recipients in Consents that may still count. */
export function namedCollectives(consents: readonly ParsedConsent[]): readonly ResourceKey[] {
  const keys = new Set<ResourceKey>();
  for (const { actors } of elementsOf(consents.filter(({ status }) => status === 'active')))
    for (const { collective } of actors ?? []) if (collective !== undefined) keys.add(collective);
  return [...keys];
}

function* elementsOf(consents: readonly ParsedConsent[]): Iterable<Elements> {
  for (const { root, nested } of consents) {
    const provisions = root === undefined ? [...nested] : [root, ...nested];
    for (let one = provisions.pop(); one !== undefined; one = provisions.pop()) {
      provisions.push(...one.children);
      yield one.elements;
    }
  }
}
