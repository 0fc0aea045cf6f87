import type { RequesterContext } from '../context/requester-context.ts';
import type { Vote } from '../decide/decide.ts';
import type { Decision, Reason, Release, Withhold } from '../decide/decision.ts';
import type { Candidate, NamedData, Standing } from '../decide/question.ts';
import type { Content, ResourceOnTape } from '../document/content.ts';
import { Edits } from '../document/edits.ts';
import type { Node } from '../document/tape.ts';
import { cutsOf } from '../enforce/cuts.ts';
import { type Redaction, redact } from '../enforce/redact.ts';
import { cutReferences, type View, type ViewSettings, viewOf } from '../enforce/view.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Coding, Some } from '../fhir/coding.ts';
import { idOf, isPatientKey, type PatientKey, type ResourceKey, typeOf } from '../fhir/ids.ts';
import { isNeverTold } from '../fhir/vocabulary.ts';
import { isLabelled } from '../label/effective.ts';
import { isNobodys, toldOf } from '../label/facts.ts';
import { type Labels, withoutTopics } from '../label/labels.ts';
import { type InlineSite, type Reading, type ReadSettings, type ReferenceSite, readResource } from '../label/read.ts';
import { allOrNothingTypes, directoryTypes, namesDirectory } from '../label/roles.ts';
import { type ProgramNames, sourcesOf, type Traced } from '../label/sources.ts';
import { type Errand, type Lookups, pagesOf } from '../upstream/upstream.ts';
import { isWork, requiredSitesOf } from './required.ts';

/** What decisions rest on for some patients: their Consents in force and the requester's standing, as far as established. */
export interface Rulings {
  /** Establishes what is in force for these patients; reading them counts as the request's own work. */
  establish(patients: Iterable<PatientKey>): Promise<void>;
  /** Reads Consents for nobody when none were read: what is absent then fails as what is withheld does. */
  establishAny(): Promise<void>;
  /** Resources that established Consents name in `provision.data` and whose references matter. */
  namedData(): Iterable<ResourceKey>;
  /** Pure once established. */
  decide(candidate: Candidate): Decision;
  /** What the Consents in force answered, for explaining a decision. */
  votes(candidate: Omit<Candidate, 'sources'>): readonly Vote[];
  /** Whether the requester is this patient or stands for her: what is read for it depends on the requester alone. */
  standing(patient: PatientKey): Promise<Standing>;
}

export interface Labelling extends ProgramNames {
  own(reading: Reading, content: Content<'undecided'>): Labels;
  /** Of an element with a label of its own, in a resource with these. */
  withLabel(labels: Labels, label: Coding): Labels;
  inherit(labels: Labels, parents: readonly { readonly key: ResourceKey; readonly labels: Labels }[]): Labels;
}

export interface VisibilityEdges {
  readonly upstream: Lookups;
  readonly errand: Errand;
  readonly context: RequesterContext;
  readonly rulings: Rulings;
  readonly labelling: Labelling;
  readonly readSettings: ReadSettings;
  readonly viewSettings: ViewSettings;
  /** Types that the FHIR server may be asked for; a reference to another type is never followed. */
  readonly servedTypes: ReadonlySet<string>;
  /** Statically cleared for this resource. */
  readonly isCleared: (reading: Reading) => boolean;
  readonly limits: { readonly referencesPerResource: number; readonly referencesPerAnswer: number };
}

/** One resource of this request, with everything the request has found out about it. */
export interface Item {
  readonly key: ResourceKey;
  readonly content: Content<'undecided'>;
  readonly reading: Reading;
  /** More local references than can be checked: withheld from the uncleared, by its own count. */
  readonly oversize: boolean;
  /** Labels that it has by itself. */
  readonly own: Labels;
  /** With those that it inherits. */
  labels: Labels;
  /** Of a version: what came after it, whose labels cover it, those of its elements among them. */
  later?: Traced;
  /** Set when what it requires refers to something hidden: then it is hidden too. */
  hidden: boolean;
  ruling?: Decision;
  rulingAsTarget?: Decision;
  /** Read once: the references without which it cannot stand. */
  requiredSites?: readonly ReferenceSite[];
}

/** A resource that may leave: its decision, and what of it. */
export interface Visible {
  readonly item: Item;
  readonly decision: Release;
  readonly view: View;
  /** Whom it tells of to this requester: of those who take part, whom he may know of. */
  readonly patients: readonly PatientKey[];
  /** Of it, and of those of its elements that leave. */
  readonly labels: Labels;
}

/** An element that is not in the view of a resource, and why. */
export interface Cut {
  /** `Observation.component`. */
  readonly path: string;
  /** `label`: its own label keeps it back; `reference`: it leads to what the requester may not know, or what is not there. */
  readonly because: 'label' | 'reference';
  /** A mask stands in its place. */
  readonly masked: boolean;
  /** Why its label keeps it back; [] for references. */
  readonly reasons: readonly Reason[];
}

const none: readonly never[] = [];
const batchSize = 200;
/** Of a chain of parents or required references: upstream look-ups one after the other. */
const maximumRounds = 16;

/**
 * What this requester may know, asked by every route in the same way: reads, matches, includes, chains, references,
 * inheritance. Batched by type, remembered for the request, bounded.
 */
export class Visibility {
  readonly #edges: VisibilityEdges;
  readonly #items = new Map<ResourceKey, Item>();
  readonly #absent = new Set<ResourceKey>();
  readonly #named = new Map<ResourceKey, NamedData>();
  #checked = 0;

  constructor(edges: VisibilityEdges) {
    this.#edges = edges;
  }

  /** Takes candidates in and loads whatever deciding on them needs. In their order. */
  async admit(contents: readonly Content<'undecided'>[]): Promise<readonly Item[]> {
    const items = contents.map((content) => this.#register(content));
    await this.#close(items);
    return items;
  }

  /** As `admit`, for resources known by key; those that are not there are remembered as absent. */
  async load(keys: Iterable<ResourceKey>): Promise<void> {
    await this.#close(await this.#fetch(keys));
  }

  /** The same work for ids that nobody has as for those of a withheld resource: look-ups by type, Consents of a patient. */
  async loadAbsent(keys: readonly ResourceKey[]): Promise<void> {
    await this.#both(this.#fetch(keys), this.#edges.rulings.establish(keys.filter(isPatientKey)));
  }

  /** Before anything is said not to be there: Consents were read for it, be it for nobody's sake. */
  async establishAny(): Promise<void> {
    if (!this.#edges.context.unrestricted) await this.#edges.rulings.establishAny();
  }

  /** Items that came as targets and are now to be answered themselves: what else they refer to is loaded too. */
  async complete(keys: Iterable<ResourceKey>): Promise<readonly Item[]> {
    await this.load(keys);
    const items: Item[] = [];
    for (const key of new Set(keys)) {
      const item = this.#items.get(key);
      if (item !== undefined) items.push(item);
    }
    await this.#close(items);
    return items;
  }

  /**
   * All versions of one resource, newest first. A version bears its own labels and those of every later one, so a label
   * added later covers what came before it; where the newest is withheld, all are.
   */
  async versions(
    contents: readonly Content<'undecided'>[],
  ): Promise<readonly { readonly item: Item; readonly visible: Visible | undefined }[]> {
    const items = contents.map((content) => this.#newItem(content));
    await this.#close(items);
    let later: (Traced & { readonly key: ResourceKey })[] = [];
    for (const item of items) {
      if (later[0] !== undefined) item.later = later[0];
      const parents = item.reading.parents.flatMap((key) => this.#items.get(key) ?? []);
      item.labels = this.#edges.labelling.inherit(item.labels, [...parents, ...later]);
      item.hidden = !this.#survivesItsReferences(item);
      // What an element was labelled later covers the whole of what came before: there it may stand unlabelled.
      const withInline = (labels: Labels): Labels =>
        (item.reading.inline ?? none).reduce((all, { label }) => this.#edges.labelling.withLabel(all, label), labels);
      later = [{ ...item, own: withInline(item.own), labels: withInline(item.labels) }];
    }
    const [newest] = items;
    const isHidden = newest === undefined || this.visible(newest) === undefined;
    return items.map((item) => ({ item, visible: isHidden ? undefined : this.visible(item) }));
  }

  item(key: ResourceKey): Item | undefined {
    return this.#items.get(key);
  }

  /** The decision on a candidate, its labels and its references taken together. */
  decisionOn(item: Item): Decision {
    item.ruling ??= this.#rule(item, false);
    if (item.ruling.outcome === 'release' && item.hidden) {
      return { outcome: 'withhold', reasons: [{ code: 'required-reference-hidden', step: 8 }] };
    }
    return item.ruling;
  }

  /** What the Consents in force answered about it. */
  votesOn({ reading: { facts }, labels }: Item): readonly Vote[] {
    if (this.#edges.context.unrestricted || facts.patientUnknown) return []; // nobody's Consents were asked
    return this.#edges.rulings.votes({ facts, labels, asTarget: false, named: this.#named });
  }

  standing(patient: PatientKey): Promise<Standing> {
    return this.#edges.rulings.standing(patient);
  }

  /** What of an item may leave; undefined when it is withheld. */
  visible(item: Item): Visible | undefined {
    const decision = this.decisionOn(item);
    if (decision.outcome !== 'release') return undefined;
    const view = this.#viewOf(item, decision);
    if (view === undefined) return undefined;
    const visible = { item, decision, view, patients: this.#toldOf(item), labels: item.labels };
    return item.reading.inline === undefined ? visible : this.#withElements(visible, item.reading.inline);
  }

  /** With what those elements bring along that have labels of their own and leave: labels, reasons, and what has to accompany them. */
  #withElements(visible: Visible, inline: readonly InlineSite[]): Visible | undefined {
    const { item, decision, view } = visible;
    const withheld = new Set(this.#withheldElements(item).map(({ redaction }) => redaction.node));
    const { left } = item.content.examine((resource) => ({
      left: inline.filter(({ node }) => isLeft(node, resource, view, withheld)),
    }));
    const labels = left.reduce((all, { label }) => this.#edges.labelling.withLabel(all, label), item.labels);
    if (this.#edges.isCleared(item.reading)) return { ...visible, labels };
    const decisions = left
      .map((site) => this.#ruleOnElement(item, site))
      .filter(({ outcome }) => outcome === 'release');
    const whole: Release = releasedTogether([decision, ...(decisions as Release[])]);
    const again = whole.obligations.length === decision.obligations.length ? view : this.#viewOf(item, whole);
    return again === undefined ? undefined : { ...visible, decision: whole, view: again, labels };
  }

  #ruleOnElement(item: Item, { label }: InlineSite): Decision {
    const { labelling, rulings } = this.#edges;
    return rulings.decide(
      this.#candidate(item, labelling.withLabel(item.labels, label), labelling.withLabel(item.own, label), false),
    );
  }

  #toldOf({ reading: { facts } }: Item): readonly PatientKey[] {
    const told = toldOf(facts);
    const known = (patient: PatientKey): boolean =>
      facts.patients.includes(patient) || (!this.#isBeyondToken(patient) && this.#isKnown(patient));
    return told === facts.patients ? told : told.filter(known);
  }

  /**
   * Withheld for topics of which the deployment tells that something was, and for nothing else: without them it would be
   * released. Whatever else hides it stays as if it were not there, and of what bears a topic that is never told nothing is.
   */
  isAnnounced(item: Item): boolean {
    const { announced } = this.#edges.viewSettings;
    if (announced.size === 0 || item.hidden || this.#isNeverTold(item)) return false;
    const decision = this.decisionOn(item);
    if (decision.outcome === 'release' || !announced.has(decision.reasons[0].label ?? '')) return false;
    const [labels, own] = [item.labels, item.own].map((all) => withoutTopics(all, announced)) as [Labels, Labels];
    const without = this.#edges.rulings.decide(this.#candidate(item, labels, own, false));
    return without.outcome === 'release' && this.#viewOf(item, without) !== undefined;
  }

  #isNeverTold({ labels, reading: { inline = [] } }: Item): boolean {
    const { labelling } = this.#edges;
    const all = inline.reduce((some, { label }) => labelling.withLabel(some, label), labels);
    return labelling.isPart2(all) || all.topics.some(isNeverTold);
  }

  #viewOf(item: Item, { obligations }: Release): View | undefined {
    return item.content.examine((resource): { view: View | undefined } => ({
      view: viewOf(
        resource,
        item.reading,
        this.#edges.isCleared(item.reading),
        (site) => this.#mayStand(site, item),
        this.#edges.viewSettings,
        obligations,
        this.#redactions(item),
        this.#edges.context.unrestricted,
      ),
    })).view;
  }

  /** What of an item its view lacks: elements kept back by their own labels, and what went with references. */
  cutsOn(item: Item): readonly Cut[] {
    const withheld = this.#withheldElements(item);
    const { elements, references } = item.content.examine((resource) =>
      cutsOf(
        resource,
        item.reading,
        (site) => this.#mayStand(site, item),
        withheld.map(({ redaction }) => redaction),
      ),
    );
    return [
      ...elements.map((one, index) => ({
        ...one,
        because: 'label' as const,
        reasons: withheld[index]?.decision.reasons ?? none,
      })),
      ...references.map((path) => ({ path, because: 'reference' as const, masked: false, reasons: none })),
    ];
  }

  #redactions(item: Item): readonly Redaction[] {
    if (item.reading.inline === undefined) return none;
    return this.#withheldElements(item).map(({ redaction }) => redaction);
  }

  /** Elements whose own labels keep them from the requester. */
  #withheldElements(item: Item): readonly { readonly redaction: Redaction; readonly decision: Withhold }[] {
    const { inline } = item.reading;
    if (inline === undefined || this.#edges.isCleared(item.reading)) return none;
    return inline.flatMap((site) => {
      const decision = this.#ruleOnElement(item, site);
      if (decision.outcome === 'release') return [];
      const masked = this.#edges.viewSettings.masked.has(decision.reasons[0].label ?? '');
      return [{ redaction: { node: site.node, masked }, decision }];
    });
  }

  /** What an element has to itself may be what the resource cannot do without. */
  #survivesItsElements(item: Item): boolean {
    const redactions = this.#redactions(item);
    if (redactions.length === 0) return true;
    return item.content.examine((resource) => ({
      survives: redact(resource, redactions, new Edits()) !== undefined,
    })).survives;
  }

  /**
   * Identifiers are not looked up: one that may name clinical data is treated like what is withheld, one that stands where
   * people and places stand is kept.
   */
  #mayStand({ key, form, name, clinical }: ReferenceSite, { reading }: Item): boolean {
    if (key !== undefined) return !this.#isBeyondToken(key) && (this.#isKnown(key) || this.#comesWith(key, reading));
    return form !== 'logical' || (namesDirectory(name) && !clinical) || this.#edges.isCleared(reading);
  }

  /**
   * A sensitive product (a Medication) is nobody's, so no Consent opens it by itself. Whoever may see what is about it has
   * had its topics judged there, as they are inherited.
   */
  #comesWith(key: ResourceKey, { parents }: Reading): boolean {
    const item = this.#items.get(key);
    if (item === undefined || item.hidden || !parents.includes(key) || !isNobodys(item.reading.facts)) return false;
    const reasons = item.rulingAsTarget?.reasons ?? [];
    return reasons.length > 0 && reasons.every(({ code }) => topicReasons.has(code));
  }

  /** What comes along with a match: visible by itself, or as a product that the match is about. */
  visibleBeside(item: Item, matches: readonly Visible[]): Visible | undefined {
    const visible = this.visible(item);
    if (visible !== undefined || !isNobodys(item.reading.facts)) return visible;
    const match = matches.find((one) => one.item.reading.parents.includes(item.key));
    if (match === undefined || !this.#isKnown(match.item.key) || !this.#comesWith(item.key, match.item.reading))
      return undefined;
    const view = this.#viewOf(item, match.decision);
    return view === undefined ? undefined : { item, decision: match.decision, view, patients: [], labels: item.labels };
  }

  /**
   * May the requester know that this resource exists? A directory entry that is not in the store stays: it tells
   * nothing. Anything else that is absent is treated like what is withheld.
   */
  #isKnown(key: ResourceKey): boolean {
    if (this.#edges.context.unrestricted) return true;
    const item = this.#items.get(key);
    if (item === undefined) return directoryTypes.has(typeOf(key));
    if (item.hidden) return false;
    item.rulingAsTarget ??= this.#rule(item, true);
    return item.rulingAsTarget.outcome === 'release';
  }

  #isData(key: ResourceKey): boolean {
    return !directoryTypes.has(typeOf(key)) && this.#edges.servedTypes.has(typeOf(key));
  }

  /** A token for one patient alone (SMART App Launch 2, `patient/` scopes) knows of no other, whoever uses it. */
  #isBeyondToken(key: ResourceKey): boolean {
    const { scopes, patient } = this.#edges.context.requester;
    if (patient === undefined || scopes.length === 0 || scopes.some(({ context }) => context !== 'patient'))
      return false;
    return this.#items.get(key)?.reading.facts.patients.some((one) => one !== `Patient/${patient}`) === true;
  }

  #rule(item: Item, asTarget: boolean): Decision {
    if (item.oversize) return { outcome: 'withhold', reasons: [{ code: 'too-many-references', step: 8 }] };
    return this.#edges.rulings.decide(this.#candidate(item, item.labels, item.own, asTarget));
  }

  /** @param own the labels among them that it, or an element of it, bears by itself */
  #candidate(item: Item, labels: Labels, own: Labels, asTarget: boolean): Candidate {
    // Who a patient is, an agreement may tell of those whom its program names.
    const matter =
      !this.#edges.context.unrestricted &&
      (item.reading.facts.type === 'Patient' || this.#edges.labelling.isPart2(labels));
    const sources = matter ? sourcesOf(item, own, (key) => this.#items.get(key), this.#edges.labelling) : none;
    return { facts: item.reading.facts, labels, asTarget, named: this.#named, sources };
  }

  #register(content: Content<'undecided'>): Item {
    const item = this.#newItem(content);
    const known = this.#items.get(item.key);
    if (known !== undefined) return known;
    this.#items.set(item.key, item);
    this.#absent.delete(item.key);
    return item;
  }

  #newItem(content: Content<'undecided'>): Item {
    const reading = content.examine((resource): { reading: Reading | undefined } => ({
      reading: readResource(resource, this.#edges.readSettings),
    })).reading;
    if (reading === undefined) throw new GatewayError('upstream-invalid');
    const own = this.#edges.labelling.own(reading, content);
    return {
      key: reading.facts.key,
      content,
      reading,
      oversize:
        !this.#edges.context.unrestricted && reading.facts.references.length > this.#edges.limits.referencesPerResource,
      own,
      labels: own,
      hidden: false,
    };
  }

  /**
   * Loads to a fixpoint: for candidates all they refer to; for what came that way its parents (labels are inherited)
   * and what it requires (it may have to go with it). Consents of every patient seen are established beside it.
   */
  async #close(candidates: readonly Item[]): Promise<void> {
    if (this.#edges.context.unrestricted) return this.#labelOnly(candidates);
    let fresh: readonly Item[] = candidates;
    let needed = new Set<ResourceKey>();
    for (const item of candidates) for (const key of this.#referencesToCheck(item)) needed.add(key);
    for (let round = 0; fresh.length > 0; round++) {
      if (round > maximumRounds) throw new GatewayError('too-costly');
      const patients = new Set<PatientKey>();
      for (const { reading } of fresh) {
        for (const patient of reading.facts.patients) patients.add(patient);
        for (const patient of reading.facts.participants ?? none) patients.add(patient);
      }
      const loaded = await this.#both(this.#fetch(needed), this.#edges.rulings.establish(patients));
      needed = new Set();
      for (const item of loaded) for (const key of this.#requiredOf(item)) needed.add(key);
      if (round === 0) for (const key of this.#edges.rulings.namedData()) needed.add(key);
      fresh = loaded;
    }
    this.#inheritLabels();
    this.#hideWhatRequiresHidden();
    for (const key of this.#edges.rulings.namedData()) {
      const item = this.#items.get(key);
      if (item !== undefined) this.#named.set(key, { references: item.reading.facts.references });
    }
  }

  /** Whoever is cleared for everything still has on record what it was: labels are inherited as for anybody. */
  async #labelOnly(candidates: readonly Item[]): Promise<void> {
    for (let fresh = candidates, round = 0; fresh.length > 0; round++) {
      if (round > maximumRounds) throw new GatewayError('too-costly');
      fresh = await this.#fetch(fresh.flatMap(({ reading }) => reading.parents));
    }
    this.#inheritLabels();
  }

  /** Both fail: the Consents' failure counts. Which came first would depend on how much else there was to read. */
  async #both(loading: Promise<readonly Item[]>, establishing: Promise<void>): Promise<readonly Item[]> {
    const [loaded, established] = await Promise.allSettled([loading, establishing]);
    if (established.status === 'rejected') throw established.reason;
    if (loaded.status === 'rejected') throw loaded.reason;
    return loaded.value;
  }

  #referencesToCheck(item: Item): readonly ResourceKey[] {
    return item.oversize ? item.reading.parents : item.reading.facts.references;
  }

  /** Keys on which depends whether a reference to this item may stand. */
  #requiredOf(item: Item): readonly ResourceKey[] {
    const { facts, parents } = item.reading;
    if (item.oversize) return parents; // what derives from it inherits from them
    if (allOrNothingTypes.has(facts.type) || isWork(item)) return [...facts.references, ...facts.patients];
    return [
      ...facts.patients,
      ...parents,
      ...item.reading.relatives,
      ...requiredSitesOf(item).flatMap(({ key }) => key ?? []),
    ];
  }

  async #fetch(keys: Iterable<ResourceKey>): Promise<readonly Item[]> {
    const byType = new Map<string, string[]>();
    for (const key of keys) {
      if (this.#items.has(key) || this.#absent.has(key)) continue;
      this.#absent.add(key); // until it is found
      if (!this.#edges.servedTypes.has(typeOf(key))) continue;
      if (++this.#checked > this.#edges.limits.referencesPerAnswer) throw new GatewayError('too-costly');
      const ids = byType.get(typeOf(key));
      if (ids === undefined) byType.set(typeOf(key), [idOf(key)]);
      else ids.push(idOf(key));
    }
    const batches: Promise<readonly Item[]>[] = [];
    for (const [type, ids] of byType) {
      for (let from = 0; from < ids.length; from += batchSize)
        batches.push(this.#fetchBatch(type, ids.slice(from, from + batchSize)));
    }
    return (await Promise.all(batches)).flat();
  }

  /** By search, one as well: of a read that finds nothing anybody between here and the FHIR server may say so. */
  async #fetchBatch(type: string, ids: readonly string[]): Promise<readonly Item[]> {
    const asked = new Set(ids);
    const items: Item[] = [];
    const search = { type, parameters: [['_id', ids.join(',')] as const], pageSize: ids.length, unsorted: true };
    for await (const { page } of pagesOf(this.#edges.upstream, search, undefined, this.#edges.errand)) {
      for (const content of page.contents) {
        const item = this.#register(content);
        if (!asked.has(idOf(item.key))) throw new GatewayError('upstream-invalid');
        items.push(item);
      }
      if (items.length >= ids.length) break;
    }
    return items;
  }

  /** Labels only grow, so this ends; a cycle of parents ends like any other. */
  #inheritLabels(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const item of this.#items.values()) {
        if (!this.#hasLabelledParent(item)) continue;
        const parents = [];
        for (const key of item.reading.parents) {
          const parent = this.#items.get(key);
          if (parent !== undefined) parents.push({ key, labels: parent.labels });
        }
        const labels = this.#edges.labelling.inherit(item.labels, parents);
        if (labels.key === item.labels.key) continue;
        item.labels = labels;
        delete item.ruling;
        delete item.rulingAsTarget;
        changed = true;
      }
    }
  }

  #hasLabelledParent({ reading }: Item): boolean {
    for (const key of reading.parents) {
      const parent = this.#items.get(key);
      if (parent !== undefined && isLabelled(parent.labels)) return true;
    }
    return false;
  }

  /** Hidden spreads along required references only, and only grows: to a fixpoint. */
  #hideWhatRequiresHidden(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const item of this.#items.values()) {
        if (item.hidden || item.oversize || (item.reading.sites.length === 0 && item.reading.inline === undefined))
          continue;
        if (this.#survivesItsReferences(item)) continue;
        item.hidden = true;
        changed = true;
      }
    }
  }

  #survivesItsReferences(item: Item): boolean {
    if (item.reading.inline !== undefined && !this.#survivesItsElements(item)) return false;
    const { key: own, patients } = item.reading.facts;
    // What is about a hidden patient is hidden: a result of nobody tells that there is somebody.
    for (const patient of patients) if (patient !== own && !this.#isKnown(patient)) return false;
    // Nor is somebody's appointment anybody's, because only her mother is named.
    const { relatives } = item.reading;
    if (relatives.length > 0 && !relatives.some((key) => this.#isKnown(key))) return false;
    // A Task or a List about nobody, which names hidden data alone, is about that.
    const data = isWork(item) ? item.reading.facts.references.filter((key) => this.#isData(key)) : [];
    if (data.length > 0 && !data.some((key) => this.#isKnown(key))) return false;
    const required = requiredSitesOf(item);
    const mayStand = (site: ReferenceSite): boolean => this.#mayStand(site, item);
    if (required.length === 0 || required.every(mayStand)) return true;
    return item.content.examine((resource) => ({
      survives: cutReferences(resource, { ...item.reading, sites: required }, mayStand, new Edits()),
    })).survives;
  }
}

/** Withheld for a topic that only somebody's Consent could open. */
const topicReasons: ReadonlySet<string> = new Set(['no-permit-for-topic', 'no-qualifying-permit']);

/** Whether an element is in a view: neither it nor what it stands in was kept back, masked or cut. */
function isLeft(
  element: Node,
  { tape, node: root }: ResourceOnTape,
  { edits }: View,
  withheld: ReadonlySet<Node>,
): boolean {
  for (let at = element; at !== root; at = tape.parent(at)) if (edits.isCut(at) || withheld.has(at)) return false;
  return true;
}

/** A resource and its elements: released for the reasons of each, each once. */
function releasedTogether(all: Some<Release>): Release {
  const distinct = <One>(list: readonly One[]): readonly One[] => [
    ...new Map(list.map((one) => [JSON.stringify(one), one])).values(),
  ];
  return {
    outcome: 'release',
    reasons: distinct(all.flatMap(({ reasons }) => reasons)) as unknown as Some<Reason>, // those of the resource among them
    obligations: distinct(all.flatMap(({ obligations }) => obligations)),
  };
}
