import type { Obligation } from '../decide/decision.ts';
import type { ResourceOnTape } from '../document/content.ts';
import { Edits } from '../document/edits.ts';
import { knownNameCount, nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import type { Reading, ReferenceSite } from '../label/read.ts';
import { allOrNothingTypes } from '../label/roles.ts';
import { addToMeta } from './meta.ts';
import { accompany, type statements } from './notice.ts';
import { type Redaction, redact } from './redact.ts';
import { remove } from './remove.ts';
import type { ViewVersions } from './version.ts';

export interface ViewSettings {
  /** `omit`: narrative is left out for the uncleared, on all resources alike. `keep`: it stays. */
  readonly narrative: 'omit' | 'keep';
  readonly publicBase: string;
  /** The FHIR server's own base, which must not appear in answers. */
  readonly upstreamBase: string;
  /** Profiles (canonical prefixes) and tag systems that the uncleared may see in `meta`. */
  readonly shownProfiles: readonly string[];
  readonly shownTagSystems: readonly string[];
  readonly versions: ViewVersions;
  /** Which statement of 42 CFR 2.32(a) accompanies Part 2 records. */
  readonly statement: keyof typeof statements;
  /** Topics of elements that are masked rather than left out. */
  readonly masked: ReadonlySet<string>;
  /** Topics of which a search says that something was withheld. */
  readonly announced: ReadonlySet<string>;
}

/** What is left of one resource for one requester. */
export interface View {
  readonly edits: Edits;
  /** Version id the requester sees: the upstream's for those cleared for everything, a keyed hash of the view for everybody else. */
  readonly versionId: string | undefined;
  readonly lastUpdated: string | undefined;
  /** Element paths (`Encounter.diagnosis`) of what was cut from this resource alone: a criterion that reads one is tried again on the view. */
  readonly cutPaths: readonly string[];
}

const names = {
  meta: nameNumber('meta'),
  text: nameNumber('text'),
  section: nameNumber('section'),
  security: nameNumber('security'),
  profile: nameNumber('profile'),
  tag: nameNumber('tag'),
  source: nameNumber('source'),
  versionId: nameNumber('versionId'),
  lastUpdated: nameNumber('lastUpdated'),
  system: nameNumber('system'),
  code: nameNumber('code'),
  extension: nameNumber('extension'),
  contained: nameNumber('contained'),
  quantity: nameNumber('quantity'),
  id: nameNumber('id'),
  reference: nameNumber('reference'),
};
const none: readonly never[] = [];
/** Marks of an alteration somebody made earlier: that something was removed is itself hidden (HL7 v3-ObservationValue). */
const alterationMarks = new Set(['REDACTED', 'MASKED', 'SUBSETTED', 'PROCESSINLINELABEL']);
const redacted =
  '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED","display":"redacted"}';

/**
 * The view of one resource, or undefined when nothing of it may be left: references to what the requester may not
 * know go with their smallest optional parent, narrative goes, metadata is reduced, own URLs are made public.
 * @param mayStand may the requester know what this reference leads to?
 * @param cleared statically cleared for this resource: content and metadata stay as they are
 * @param obligations what has to accompany it, for those who are not cleared
 * @param redactions elements that he may not have; of those who are cleared there are none
 * @param seesStored cleared for whatever it refers to as well, so that stored versions tell nothing
 */
export function viewOf(
  resource: ResourceOnTape,
  reading: Reading,
  cleared: boolean,
  mayStand: (site: ReferenceSite) => boolean,
  settings: ViewSettings,
  obligations: readonly Obligation[],
  redactions: readonly Redaction[],
  seesStored: boolean = cleared,
): View | undefined {
  const { tape, node } = resource;
  const edits = new Edits();
  const hasMasked = redact(resource, redactions, edits);
  if (hasMasked === undefined || !cutReferences(resource, reading, mayStand, edits)) return undefined;
  const gone = redactions.length === 0 ? edits.cuts : [...edits.cuts, ...redactions.map((one) => one.node)];
  const cutPaths = gone.length === 0 ? none : gone.map((cut) => pathOf(resource, cut, reading.facts.type));
  rewriteUrls(resource, settings, edits);
  if (!seesStored) unversion(resource, reading, edits);
  if (cleared) {
    const versionId = seesStored ? reading.facts.versionId : nameVersion(resource, settings, edits);
    return { edits, versionId, lastUpdated: reading.facts.lastUpdated, cutPaths };
  }
  if (settings.narrative === 'omit' || redactions.length > 0) cutNarrative(tape, node, edits);
  if (reading.facts.type === 'Group') cutMember(tape, node, names.quantity, edits);
  cutUnknownNames(tape, node, edits);
  const versionId = reduceMeta(resource, settings, edits);
  accompany(resource, edits, obligations, settings.statement);
  if (hasMasked) addToMeta(resource, edits, 'security', redacted);
  return { edits, versionId, lastUpdated: reading.facts.lastUpdated, cutPaths };
}

/** @returns false when the resource itself has to go */
export function cutReferences(
  resource: ResourceOnTape,
  reading: Reading,
  mayStand: (site: ReferenceSite) => boolean,
  edits: Edits,
): boolean {
  for (const site of reading.sites) {
    if (mayStand(site)) continue;
    if (allOrNothingTypes.has(reading.facts.type)) return false;
    if (!remove(resource, edits, site.node)) return false;
  }
  return edits.cutsNothing || cutContained(resource, reading, edits);
}

/**
 * A reference to something contained goes with it, and what is contained goes with the last reference to it (FHIR R4
 * DomainResource, dom-3): to a fixpoint.
 * @returns false when the resource itself has to go
 */
function cutContained(resource: ResourceOnTape, reading: Reading, edits: Edits): boolean {
  const { tape, node: root } = resource;
  const list = tape.member(root, names.contained);
  if (list < 0 || tape.kind(list) !== kinds.array) return true;
  const isGone = (node: Node): boolean => {
    for (let at = node; at !== root; at = tape.parent(at)) if (edits.isCut(at)) return true;
    return false;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let item = tape.firstChild(list); item >= 0; item = tape.next(item)) {
      const link = `#${tape.text(tape.member(item, names.id))}`;
      const sites = reading.sites.filter(
        ({ node, form }) => form === 'contained' && tape.text(tape.member(node, names.reference)) === link,
      );
      const left = sites.filter(({ node }) => !isGone(node));
      if (isGone(item)) {
        for (const { node } of left) {
          if (isGone(node)) continue;
          if (allOrNothingTypes.has(reading.facts.type) || !remove(resource, edits, node)) return false;
          changed = true;
        }
      } else if (sites.length > 0 && left.length === 0) {
        remove(resource, edits, item);
        changed = true;
      }
    }
  }
  return true;
}

/** Versions of what is referred to are of the store: which there are would tell of changes that the view does not show. */
function unversion({ tape }: ResourceOnTape, { sites }: Reading, edits: Edits): void {
  for (const { node, key, plain } of sites) {
    if (plain || key === undefined) continue;
    edits.put(tape.member(node, names.reference), JSON.stringify(key));
  }
}

/** Member names from the root down, as search parameter paths are written. */
export function pathOf({ tape, node: root }: ResourceOnTape, node: Node, type: string): string {
  const parts: string[] = [];
  for (let at = node; at !== root; at = tape.parent(at)) {
    const part = tape.nameText(at);
    if (part !== '') parts.unshift(part.replace(/^_/, ''));
  }
  return [type, ...parts].join('.');
}

function cutMember(tape: Tape, object: Node, name: number, edits: Edits): void {
  const member = tape.member(object, name);
  if (member >= 0) edits.cut(member);
}

/** `text` of the resource and of what it contains; of a Composition its sections too. */
function cutNarrative(tape: Tape, node: Node, edits: Edits): void {
  cutMember(tape, node, names.text, edits);
  for (const name of [names.contained, names.section]) {
    const list = tape.member(node, name);
    if (list < 0 || tape.kind(list) !== kinds.array) continue;
    for (let item = tape.firstChild(list); item >= 0; item = tape.next(item)) {
      if (tape.kind(item) === kinds.object) cutNarrative(tape, item, edits);
    }
  }
}

/** Members whose names the version of the data does not have anywhere: nobody can say what they tell. */
function cutUnknownNames(tape: Tape, root: Node, edits: Edits): void {
  if (!tape.hasUnknownNames) return;
  const end = tape.skips[root] as number;
  const tags = tape.tags;
  const first = knownNameCount << 4;
  for (let node = root + 1; node < end; node++) {
    if ((tags[node] as number) >= first) edits.cut(node);
  }
}

function rewriteUrls({ tape, node }: ResourceOnTape, settings: ViewSettings, edits: Edits): void {
  if (!tape.mentions(settings.upstreamBase, node)) return;
  const end = tape.skips[node] as number;
  for (let at = node + 1; at < end; at++) {
    if (edits.isReplaced(at)) continue; // masked
    const text = tape.kind(at) === kinds.string ? tape.text(at) : undefined;
    if (text?.includes(settings.upstreamBase)) {
      edits.put(at, JSON.stringify(text.replaceAll(settings.upstreamBase, settings.publicBase)));
    }
  }
}

/** Names the view's own version in place of the stored one. */
function nameVersion({ tape, node }: ResourceOnTape, { versions }: ViewSettings, edits: Edits): string {
  const versionId = versions.of({ tape, node }, edits);
  const stored = tape.member(tape.member(node, names.meta), names.versionId);
  if (stored >= 0) edits.put(stored, `"${versionId}"`);
  return versionId;
}

/** Leaves of `meta` what the requester's class may see, and names the view's own version. */
function reduceMeta(resource: ResourceOnTape, settings: ViewSettings, edits: Edits): string | undefined {
  const { tape, node } = resource;
  const versionId = nameVersion(resource, settings, edits);
  const meta = tape.member(node, names.meta);
  reduce(tape, meta, settings, edits);
  const contained = tape.member(node, names.contained);
  if (contained >= 0 && tape.kind(contained) === kinds.array) {
    for (let item = tape.firstChild(contained); item >= 0; item = tape.next(item)) {
      const inner = tape.member(item, names.meta);
      if (inner < 0) continue;
      // What is contained has no version of its own (FHIR R4 DomainResource, dom-4).
      cutMember(tape, inner, names.versionId, edits);
      cutMember(tape, inner, names.lastUpdated, edits);
      reduce(tape, inner, settings, edits);
    }
  }
  return versionId;
}

function reduce(tape: Tape, meta: Node, settings: ViewSettings, edits: Edits): void {
  if (meta < 0) return;
  cutMember(tape, meta, names.source, edits);
  cutMember(tape, meta, names.extension, edits);
  for (let member = tape.firstChild(meta); member >= 0; member = tape.next(member)) {
    const keep = metaItems.get(tape.name(member));
    // Siblings of its primitives hold nothing but extensions.
    if (keep === undefined) {
      if (tape.nameText(member).startsWith('_')) edits.cut(member);
    } else keepItems(tape, member, settings, edits, keep);
  }
  let left = false;
  for (let member = tape.firstChild(meta); member >= 0; member = tape.next(member)) left ||= !edits.isCut(member);
  if (!left) edits.cut(meta);
}

/** Which items of a list stay. */
type Keep = (tape: Tape, item: Node, settings: ViewSettings) => boolean;

/** By the number of the member's name in `meta`. */
const metaItems: ReadonlyMap<number, Keep> = new Map<number, Keep>([
  [
    names.profile,
    (tape, item, { shownProfiles }) => {
      const profile = tape.text(item);
      return profile !== undefined && shownProfiles.some((prefix) => profile.startsWith(prefix));
    },
  ],
  [
    names.tag,
    (tape, item, { shownTagSystems }) => shownTagSystems.includes(tape.text(tape.member(item, names.system)) ?? ''),
  ],
  [names.security, (tape, item) => !alterationMarks.has(tape.text(tape.member(item, names.code)) ?? '')],
]);

function keepItems(tape: Tape, list: Node, settings: ViewSettings, edits: Edits, keep: Keep): void {
  if (tape.kind(list) !== kinds.array) {
    edits.cut(list);
    return;
  }
  let kept = false;
  for (let item = tape.firstChild(list); item >= 0; item = tape.next(item)) {
    if (keep(tape, item, settings)) kept = true;
    else edits.cut(item);
  }
  if (!kept) edits.cut(list);
}
