import type { Coding } from '../fhir/coding.ts';
import { parseRelativeReference } from '../fhir/ids.ts';
import { canonicalSystem, labelKind, part2, systems, topicsOf } from '../fhir/vocabulary.ts';
import type { Classifier } from './classify.ts';
import type { Found } from './deep.ts';
import {
  type Confidentiality,
  confidentialityOrder,
  type LabelInputs,
  type LabelOrigin,
  type Labels,
} from './labels.ts';
import { directoryTypes } from './roles.ts';

/** What a deployment says about sources and unknown labels. */
export interface LabelSettings {
  readonly classifier: Classifier;
  /** Organizations, locations, services and practitioners that are Part 2 programs: keys, URLs or `system|value`. */
  readonly programs: ReadonlySet<string>;
  /** Actors whose mention gives labels: name to topics. */
  readonly sensitiveActors: ReadonlyMap<string, readonly string[]>;
  /** The whole server is a Part 2 source: the patient's existence is the secret (42 CFR 2.12). */
  readonly part2Source: boolean;
  /** Label systems that say nothing about release. */
  readonly ignoredLabelSystems: ReadonlySet<string>;
  /** Unknown labels that mean a known topic: `system|code` to topic. */
  readonly mappedLabels: ReadonlyMap<string, string>;
}

/** An actor as a configuration names it, in the form in which references to it are read: a local one by its key. */
export function actorName(entry: string, localBases: readonly string[]): string {
  const base = localBases.find((local) => entry.startsWith(`${local}/`));
  return parseRelativeReference(base === undefined ? entry : entry.slice(base.length + 1)) ?? entry;
}

/** A place where labels gather before they are put in order: few, and mostly none. */
class Gathered {
  readonly levels: (Confidentiality | undefined)[] = [];
  topics: string[] = [];
  readonly caveats: string[] = [];
  readonly origins: LabelOrigin[] = [];

  /** The highest level that anything states. */
  get stated(): Confidentiality | undefined {
    return confidentialityOrder.findLast((level) => this.levels.includes(level));
  }

  /** `ETH` and `SUD` are one generic topic: HL7 draws neither over the other. */
  topic(given: string, by: LabelOrigin['by'], rule: string): void {
    const code = given === 'ETH' ? 'SUD' : given;
    if (this.topics.includes(code)) return;
    this.topics.push(code);
    this.origins.push({ label: code, by, rule });
  }

  caveat(caveat: string): void {
    if (!this.caveats.includes(caveat)) this.caveats.push(caveat);
  }

  unknown(system: string): void {
    if (!this.origins.some(({ rule }) => rule === system))
      this.origins.push({ label: 'R', by: 'unknown-code', rule: system });
  }

  /**
   * Of the labels that one resource bears itself, the specific ones say what a generic one means. What its codes show and
   * what it inherits is of its own: a cocaine record made in an alcohol programme is not about alcohol alone.
   */
  reduce(): void {
    this.topics = this.topics.filter((topic, _, all) => topicsOf(all).includes(topic));
  }

  done(): Labels {
    const { stated } = this;
    if (stated === undefined && this.topics.length === 0 && this.caveats.length === 0) return unlabelled;
    return interned(stated, this.topics.sort(), this.caveats.sort(), this.origins);
  }
}

/** Equal labels share one object, so that comparing them is comparing keys once. */
const known = new Map<string, Labels>();
const maximumKnown = 10_000;

function interned(
  stated: Confidentiality | undefined,
  topics: readonly string[],
  caveats: readonly string[],
  origins: readonly LabelOrigin[],
): Labels {
  const key = `${stated ?? ''}\n${topics.join(' ')}\n${caveats.join(' ')}`;
  const identity = `${key}\n${JSON.stringify(origins)}`;
  let labels = known.get(identity);
  if (labels === undefined) {
    labels = Object.freeze({ ...(stated && { stated }), topics, caveats, origins, key });
    if (known.size < maximumKnown) known.set(identity, labels);
  }
  return labels;
}

const unlabelled: Labels = Object.freeze({ topics: [], caveats: [], origins: [], key: '\n\n' });

/** False when there is nothing to inherit. */
export function isLabelled(labels: Labels): boolean {
  return labels !== unlabelled;
}

/**
 * Labels of one resource by itself: its own, those its codes show, those its sources give. Pure.
 * @param found what reading beyond codes found
 */
export function ownLabels(inputs: LabelInputs, settings: LabelSettings, found: readonly Found[] = []): Labels {
  const gathered = new Gathered();
  for (const label of inputs.own) readOwn(label, gathered, settings);
  gathered.reduce();
  if (inputs.type === 'Consent') for (const coding of inputs.codings) readNamed(coding, gathered);
  for (const { system, code } of inputs.codings) {
    for (const { topic, rule } of settings.classifier.classify(system, code)) gathered.topic(topic, 'code', rule);
  }
  for (const { topic, by, rule } of found) gathered.topic(topic, by, rule);
  // A directory entry may be public although naming it elsewhere tells something.
  if (!directoryTypes.has(inputs.type)) {
    for (const actor of inputs.actors) bySource(actor, gathered, settings);
    for (const identifier of inputs.actorIdentifiers) bySource(identifier, gathered, settings);
    if (settings.part2Source) gathered.topic(part2, 'source', 'whole server');
  }
  return gathered.done();
}

function bySource(actor: string, gathered: Gathered, settings: LabelSettings): void {
  if (settings.programs.has(actor)) gathered.topic(part2, 'source', 'program');
  for (const topic of settings.sensitiveActors.get(actor) ?? []) gathered.topic(topic, 'source', 'sensitive actor');
}

function readOwn({ system, code }: Coding, gathered: Gathered, settings: LabelSettings): void {
  const label = labelKind(system, code);
  switch (label.kind) {
    case 'confidentiality':
      gathered.levels.push(label.code);
      return;
    case 'topic':
      gathered.topic(label.code, 'own', 'meta.security');
      return;
    case 'purpose':
      // That data is for tests, or that the glass was broken for it, says nothing of what it may be used for.
      if (label.code !== 'HTEST' && label.code !== 'BTG') gathered.caveat(`${systems.actReason}|${label.code}`);
      return;
    case 'caveat':
    case 'integrity':
      gathered.caveat(`${canonicalSystem(system)}|${label.code}`);
      return;
    case 'unknown':
      readUnknown(system, label, gathered, settings);
      return;
    default:
      label satisfies never;
  }
}

/** What a Consent names is as sensitive as what it is about: a permission for substance use records tells that there are some. */
function readNamed({ system, code }: Coding, gathered: Gathered): void {
  const label = labelKind(system, code);
  if (label.kind === 'topic') gathered.topic(label.code, 'code', 'named in a Consent');
  else if (label.kind === 'caveat' && label.code === '42CFRPart2CD')
    gathered.topic(part2, 'code', 'named in a Consent');
  else if (label.kind === 'confidentiality' && (label.code === 'R' || label.code === 'V'))
    gathered.levels.push(label.code);
}

/** Nobody knows what it means: restricted, until somebody says, of the system as it stands or of its canonical URL. */
function readUnknown(given: string, { system, code }: Coding, gathered: Gathered, settings: LabelSettings): void {
  const mapped = settings.mappedLabels.get(`${given}|${code}`) ?? settings.mappedLabels.get(`${system}|${code}`);
  if (mapped !== undefined) gathered.topic(mapped, 'own', 'mapped label');
  else if (!settings.ignoredLabelSystems.has(given) && !settings.ignoredLabelSystems.has(system)) {
    gathered.levels.push('R');
    gathered.unknown(system);
  }
}

/** Labels together with one more, stated of a part of it. Pure. */
export function withLabel(labels: Labels, label: Coding, settings: LabelSettings): Labels {
  const gathered = new Gathered();
  readOwn(label, gathered, settings);
  return inherit(gathered.done(), [{ key: 'resource', labels }]);
}

/** Labels together with those of what it was made in, is part of or derives from; they only grow. Pure. */
export function inherit(labels: Labels, parents: readonly { readonly key: string; readonly labels: Labels }[]): Labels {
  if (parents.every((parent) => parent.labels === unlabelled)) return labels;
  const gathered = new Gathered();
  gathered.levels.push(labels.stated);
  gathered.topics.push(...labels.topics);
  for (const caveat of labels.caveats) gathered.caveat(caveat);
  gathered.origins.push(...labels.origins);
  for (const { key, labels: parent } of parents) {
    gathered.levels.push(parent.stated);
    for (const topic of parent.topics) gathered.topic(topic, 'inherited', key);
    for (const caveat of parent.caveats) if (!isAboutItselfAlone(caveat)) gathered.caveat(caveat);
  }
  return gathered.done();
}

/** Integrity and alteration marks tell of the one resource they stand on (HL7 v3-ObservationValue). */
function isAboutItselfAlone(caveat: string): boolean {
  const cut = caveat.lastIndexOf('|');
  return labelKind(caveat.slice(0, cut), caveat.slice(cut + 1)).kind === 'integrity';
}
