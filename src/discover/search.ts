import type { Grant, RequesterContext } from '../context/requester-context.ts';
import { GatewayError } from '../errors/errors.ts';
import { isPatientKey, type PatientKey, type ResourceKey } from '../fhir/ids.ts';
import type { Parameter } from '../fhir/request.ts';
import type { Facts } from '../label/facts.ts';
import { directoryTypes } from '../label/roles.ts';
import type { Criterion, Hop, Include, SearchPlan } from '../plan/plan.ts';
import { type Errand, type Lookups, pagesOf, type UpstreamCursor, type UpstreamSearch } from '../upstream/upstream.ts';
import type { Item, Visibility, Visible } from './visibility.ts';

/** Where a candidate stands upstream: which of the plan's searches, which page of it, how far into the page. */
export interface Position {
  readonly source: number;
  readonly cursor: UpstreamCursor | undefined;
  readonly skip: number;
}

export interface Page {
  readonly matches: readonly Visible[];
  readonly included: readonly Visible[];
  /** Number of visible matches over all pages, when the plan's mode gives it. */
  readonly total: number | undefined;
  /** First match of the next page; undefined when there is none. */
  readonly next: Position | undefined;
  /** Of whom something was withheld of which the deployment tells that. */
  readonly announced: PatientKey | undefined;
}

/** What one request's searches share. */
export interface SearchWorld {
  readonly visibility: Visibility;
  readonly upstream: Lookups;
  readonly errand: Errand;
  readonly context: RequesterContext;
  /** What the token's scopes allow for a type when it is searched for or comes along; granted, or the plan was refused. */
  readonly grantFor: (type: string) => Grant;
  /** Criteria of a granular scope (SMART App Launch 2.2); undefined when they cannot be evaluated. */
  readonly grantCriteria: (
    type: string,
    query: readonly (readonly [string, string])[],
  ) => readonly Criterion[] | undefined;
  /** Search parameter by which a type refers to its patient (`patient`, `subject`, `_id` for Patient); undefined when it has none. */
  readonly patientParameter: (type: string) => string | undefined;
  /** Candidates that were withheld, for the security office's record. */
  readonly withheld: Set<Item>;
  /** Candidates this request may still read. */
  budget: number;
  /** Whether the Consents that it rested on are still those in force; asked before anything leaves. */
  readonly stillInForce: () => Promise<boolean>;
}

const maximumHopKeys = 1_000;
const maximumIncluded = 2_000;
const maximumIncludeRounds = 5;

/** Thrown for a compartment whose root the requester may not know: the answer is that of an absent id. */
export const rootNotVisible = new GatewayError('not-found');

/**
 * One page of what matches in the requester's own world: candidates are received, ruled on, cut, checked against the
 * criteria on their views, and kept until the page is full and one more is seen.
 */
export async function searchPage(plan: SearchPlan, start: Position | undefined, world: SearchWorld): Promise<Page> {
  await requireVisibleRoot(plan, world);
  const search = await settleHops(plan, world);
  const matches: Visible[] = [];
  let next: Position | undefined;
  let counted = 0;
  const countAll = start === undefined && (plan.total === 'accurate' || plan.countOnly);
  pages: for await (const page of candidates(plan, search, start, world)) {
    for (const { visible, position } of page) {
      counted++;
      if (matches.length < plan.pageSize && !plan.countOnly) matches.push(visible);
      else if (!plan.countOnly) next ??= position();
      if (next !== undefined && !countAll) break pages;
    }
  }
  const isWhole = start === undefined && next === undefined;
  const total = plan.total === 'none' ? undefined : countAll || isWhole ? counted : undefined;
  const announced = countAll || isWhole ? announcedOf(plan, world) : undefined;
  const also = await included(plan, matches, world);
  await world.visibility.establishAny();
  return { matches, included: also, total, next, announced };
}

/**
 * Of whom to tell that something was withheld. Of a search by patient alone, once all of it was looked at: any other criterion, or
 * the page it is told on, would say more of what is hidden than that it is there.
 */
function announcedOf(plan: SearchPlan, world: SearchWorld): PatientKey | undefined {
  const patient = onlyPatientOf(plan);
  if (patient === undefined || plan.countOnly) return undefined;
  const grant = world.grantFor(plan.type);
  const isUnbound =
    grant.granted && grant.alternatives.some((one) => one.query.length === 0 && (one.patient ?? patient) === patient);
  const isHers = ({ reading: { facts } }: Item): boolean =>
    facts.type === plan.type && facts.patients.length > 0 && facts.patients.every((one) => one === patient);
  const isTold = isUnbound && [...world.withheld].some((item) => isHers(item) && world.visibility.isAnnounced(item));
  return isTold ? patient : undefined;
}

/** The one patient whom a search names, however often, and nothing else of what it looks for. */
function onlyPatientOf({ compartment, forwarded, local, hops }: SearchPlan): PatientKey | undefined {
  if (local.length + hops.length > 0) return undefined;
  const named = forwarded.map(patientNamed);
  const [first, ...others] = compartment === undefined ? named : [compartment.root, ...named];
  if (first === undefined || !isPatientKey(first)) return undefined;
  return others.every((one) => one === first) ? first : undefined;
}

function patientNamed({ parameter, modifier = 'Patient', forward: [, value] }: Criterion): ResourceKey | undefined {
  if (!patientParameters.has(parameter) || modifier !== 'Patient') return undefined;
  return (value.includes('/') ? value : `Patient/${value}`) as ResourceKey;
}

const patientParameters: ReadonlySet<string> = new Set(['patient', 'subject']);

interface Found {
  readonly visible: Visible;
  readonly position: () => Position;
}

/** Every visible match, in order, with its position; by upstream page, and ruled on as they are taken. */
async function* candidates(
  plan: SearchPlan,
  search: Settled,
  start: Position | undefined,
  world: SearchWorld,
): AsyncGenerator<Iterable<Found>> {
  const sources = sourcesOf(plan, search, world);
  const seen = new Set<ResourceKey>();
  function* visibleOf(items: readonly Item[], { source, cursor, skip }: Position): Generator<Found> {
    const criteria = [...search.forwarded, ...membershipOf(plan, source)];
    let index = skip;
    for (const item of items) {
      const place = index++;
      if (seen.has(item.key) || isOfEarlierSource(plan, source, item, world)) continue;
      seen.add(item.key);
      const visible = keep(item, search.local, criteria, world);
      if (visible !== undefined) yield { visible, position: () => ({ source, cursor, skip: place }) };
    }
  }
  for (let source = start?.source ?? 0; source < sources.length; source++) {
    const request = sources[source] as UpstreamSearch;
    const resumed = start?.source === source ? start : undefined;
    let skip = resumed?.skip ?? 0;
    for await (const { page, cursor } of pagesOf(world.upstream, request, resumed?.cursor, world.errand)) {
      world.budget -= page.contents.length;
      if (world.budget < 0) throw new GatewayError('too-costly');
      const items = await world.visibility.admit(page.contents.slice(skip));
      yield visibleOf(items, { source, cursor, skip });
      skip = 0;
    }
  }
}

/** The plan's criteria, once its hops are known. */
interface Settled {
  readonly forwarded: readonly Criterion[];
  readonly local: readonly Criterion[];
}

/** Chains and `_has` are searches of the same requester; what they find becomes a list of ids. */
async function settleHops(plan: SearchPlan, world: SearchWorld): Promise<Settled> {
  const forwarded = [...plan.forwarded];
  const local = [...plan.local];
  for (const hop of plan.hops) {
    const criteria = hop.resolve(await keysOf(hop, world));
    forwarded.push(...criteria.forwarded);
    local.push(...criteria.local);
  }
  return { forwarded, local };
}

async function keysOf(hop: Hop, world: SearchWorld): Promise<readonly ResourceKey[]> {
  const keys = new Set<ResourceKey>();
  for (const plan of hop.kind === 'chain' ? hop.targets : [hop.source]) {
    for await (const visible of enumerate(plan, world)) {
      if (hop.kind === 'chain') keys.add(visible.item.key);
      else for (const key of hop.reference(parsed(visible))) keys.add(key);
      if (keys.size > maximumHopKeys) throw new GatewayError('too-costly');
    }
  }
  return [...keys].sort();
}

async function* enumerate(plan: SearchPlan, world: SearchWorld): AsyncGenerator<Visible> {
  const search = await settleHops(plan, world);
  for await (const page of candidates(plan, search, undefined, world)) for (const { visible } of page) yield visible;
}

/** The searches to be sent: one, or one for each parameter by which a type belongs to a compartment. */
function sourcesOf(plan: SearchPlan, search: Settled, world: SearchWorld): readonly UpstreamSearch[] {
  const base: Parameter[] = search.forwarded.map(({ forward }) => forward);
  const bound = boundPatient(world.grantFor(plan.type));
  const patientParameter = bound === undefined ? undefined : world.patientParameter(plan.type);
  if (bound !== undefined && patientParameter !== undefined) {
    base.push([patientParameter, patientParameter === '_id' ? bound.slice('Patient/'.length) : bound]);
  }
  const common = { type: plan.type, sort: plan.sort, pageSize: plan.upstreamPageSize };
  if (plan.compartment === undefined) return [{ ...common, parameters: base }];
  const { root, parameters } = plan.compartment;
  return parameters.map((parameter) => ({ ...common, parameters: [...base, [parameter, root] as const] }));
}

/** The one patient all of a token's alternatives are bound to, if there is one. */
function boundPatient(grant: Grant): PatientKey | undefined {
  if (!grant.granted) return undefined;
  const [first, ...rest] = grant.alternatives.map(({ patient }) => patient);
  return rest.every((patient) => patient === first) ? first : undefined;
}

/** With several compartment parameters a resource belongs to the first by which it is found. */
function isOfEarlierSource(plan: SearchPlan, source: number, item: Item, world: SearchWorld): boolean {
  if (source === 0 || plan.compartment === undefined) return false;
  const criteria = plan.compartment.earlier(source);
  const visible = world.visibility.visible(item);
  return visible !== undefined && criteria.some((criterion) => criterion.matches(parsed(visible)));
}

/** By what the FHIR server found it to be a member of the compartment: asked again where a cut may have ended that. */
function membershipOf({ compartment }: SearchPlan, source: number): readonly Criterion[] {
  const criterion = compartment?.criteria[source];
  return criterion === undefined ? [] : [criterion];
}

/**
 * The decision, the token's restrictions and the criteria, all on what the requester would see.
 * @param forwarded criteria that the FHIR server has applied: asked again where a cut may have changed the answer
 */
function keep(
  item: Item,
  local: readonly Criterion[],
  forwarded: readonly Criterion[],
  world: SearchWorld,
): Visible | undefined {
  const visible = world.visibility.visible(item);
  if (visible === undefined) {
    world.withheld.add(item);
    return undefined;
  }
  if (!isGranted(visible, world)) return undefined;
  const { cutPaths } = visible.view;
  for (const criterion of local) if (!criterion.matches(parsed(visible))) return undefined;
  if (cutPaths.length === 0) return visible;
  for (const criterion of forwarded) {
    const meetsCut = criterion.paths.some((path) => cutPaths.some((cut) => meets(path, cut)));
    if (meetsCut && !criterion.matches(parsed(visible))) return undefined;
  }
  return visible;
}

/** Whether any of the token's scopes covers this resource: patient binding and granular restrictions. */
export function isGranted(visible: Visible, world: SearchWorld): boolean {
  const { facts } = visible.item.reading;
  const grant = world.grantFor(facts.type);
  if (!grant.granted) return false;
  return grant.alternatives.some(({ patient, query }) => {
    if (patient !== undefined && !isOf(patient, facts)) return false;
    if (query.length === 0) return true;
    const criteria = world.grantCriteria(facts.type, query);
    if (criteria === undefined) return false;
    const view = parsed(visible);
    return criteria.every((criterion) => criterion.matches(view));
  });
}

/** Bound to one patient: about her and nobody else; a directory entry; or about nobody, naming her (an Appointment, a List). */
function isOf(patient: PatientKey, facts: Facts): boolean {
  if (facts.patients.length > 0) return facts.patients.every((one) => one === patient);
  return directoryTypes.has(facts.type) || facts.references.includes(patient);
}

function meets(path: string, cut: string): boolean {
  return path === cut || path.startsWith(`${cut}.`) || cut.startsWith(`${path}.`);
}

async function requireVisibleRoot(plan: SearchPlan, world: SearchWorld): Promise<void> {
  if (plan.compartment === undefined) return;
  const [root] = await world.visibility.complete([plan.compartment.root]);
  const visible = root === undefined ? undefined : world.visibility.visible(root);
  if (visible !== undefined && isGranted(visible, world)) return;
  await world.visibility.establishAny();
  throw rootNotVisible;
}

/** `_include` and `_revinclude`, from the views of what was kept. */
async function included(
  plan: SearchPlan,
  matches: readonly Visible[],
  world: SearchWorld,
): Promise<readonly Visible[]> {
  if (plan.includes.length === 0 && plan.reverseIncludes.length === 0) return [];
  const taken = new Set(matches.map(({ item }) => item.key));
  const all: Visible[] = [];
  let frontier = matches;
  for (let round = 0; frontier.length > 0 && round < maximumIncludeRounds; round++) {
    const found: Visible[] = [];
    const applies = (include: Include): boolean => round === 0 || include.iterate;
    for (const visible of [
      ...(await forwardIncludes(plan.includes.filter(applies), frontier, world)),
      ...(await reverseIncludes(plan.reverseIncludes.filter(applies), frontier, world)),
    ]) {
      if (taken.has(visible.item.key)) continue;
      taken.add(visible.item.key);
      found.push(visible);
      if (taken.size > maximumIncluded + matches.length) throw new GatewayError('too-costly');
    }
    all.push(...found);
    frontier = found;
  }
  return all;
}

async function forwardIncludes(
  includes: readonly Include[],
  frontier: readonly Visible[],
  world: SearchWorld,
): Promise<readonly Visible[]> {
  const keys = new Set<ResourceKey>();
  for (const include of includes) {
    for (const visible of frontier) {
      if (visible.item.reading.facts.type !== include.sourceType) continue;
      for (const key of include.references(parsed(visible))) {
        if (include.targetType === undefined || key.startsWith(`${include.targetType}/`)) keys.add(key);
      }
    }
  }
  const granted = [...keys].filter((key) => world.grantFor(key.slice(0, key.indexOf('/'))).granted);
  const items = await world.visibility.complete(granted);
  return items.flatMap((item) => {
    const visible = world.visibility.visibleBeside(item, frontier);
    return visible !== undefined && isGranted(visible, world) ? visible : [];
  });
}

async function reverseIncludes(
  includes: readonly Include[],
  frontier: readonly Visible[],
  world: SearchWorld,
): Promise<readonly Visible[]> {
  const found: Visible[] = [];
  for (const include of includes) {
    const keys = frontier
      .map(({ item }) => item.key)
      .filter((key) => include.targetType === undefined || key.startsWith(`${include.targetType}/`));
    if (keys.length === 0 || include.search === undefined || !world.grantFor(include.sourceType).granted) continue;
    for await (const visible of enumerate(include.search(keys), world)) found.push(visible);
  }
  return found;
}

const parsedViews = new WeakMap<Visible, Readonly<Record<string, unknown>>>();

/** A parsed copy of the view, for criteria only. */
function parsed(visible: Visible): Readonly<Record<string, unknown>> {
  let copy = parsedViews.get(visible);
  if (copy === undefined) {
    copy = visible.item.content.release(visible.decision, visible.view.edits).parsed();
    parsedViews.set(visible, copy);
  }
  return copy;
}
