import { randomUUID } from 'node:crypto';
import type { Disclosure } from './audit/recorder.ts';
import type { RequesterContext } from './context/requester-context.ts';
import { waitForGrid } from './discover/grid.ts';
import { versionsOf } from './discover/history.ts';
import type { PageState } from './discover/page-token.ts';
import { linksOf, pageState, pathOf, printed } from './discover/pages.ts';
import { readOne } from './discover/read.ts';
import { type SearchWorld, searchPage } from './discover/search.ts';
import type { Item, Visible } from './discover/visibility.ts';
import type { Edges } from './edges.ts';
import { bundleReply, errorReply, notModifiedReply, type Reply, resourceReply } from './enforce/assemble.ts';
import { project } from './enforce/project.ts';
import { GatewayError } from './errors/errors.ts';
import type { PatientKey } from './fhir/ids.ts';
import type { FhirRequest, Interaction } from './fhir/request.ts';
import type { HistoryPlan, Plan, ReadPlan, SearchPlan, VersionReadPlan } from './plan/plan.ts';

/** One request as its route sees it. */
export interface Asked {
  readonly request: FhirRequest;
  readonly context: RequesterContext;
  /** Where a next link goes on; undefined on a first page. */
  readonly page: PageState | undefined;
  /** The entry of shadow mode by which it is not enforced. */
  readonly shadow: string | undefined;
}

export type RouteEdges = Pick<
  Edges,
  'pageTokens' | 'publicBase' | 'policyHash' | 'statement' | 'negativeGridMs' | 'searchGridMs' | 'now' | 'sleep'
>;

/** What an answer would be and what it would disclose, before it is recorded. */
export interface Outcome {
  readonly reply: Reply;
  readonly interaction: Interaction;
  readonly type: string;
  readonly query: string | undefined;
  readonly released: readonly Visible[];
  readonly withheld: Iterable<Item>;
  /** Of whom it says that something was withheld. */
  readonly announced?: PatientKey | undefined;
  readonly outcome: Disclosure['outcome'];
}

/** Candidates -> facts -> decisions -> cuts, by the one route the plan names. */
export async function discover(plan: Plan, world: SearchWorld, asked: Asked, edges: RouteEdges): Promise<Outcome> {
  switch (plan.outcome) {
    case 'read':
      return read(plan, world, asked, edges);
    case 'vread':
      return readVersion(plan, world, asked, edges);
    case 'history':
      return history(plan, world, asked, edges);
    case 'search':
      return search(plan, world, asked, edges);
    case 'capabilities':
    case 'page':
      throw new GatewayError('page-not-found');
    default:
      return plan satisfies never;
  }
}

async function read(plan: ReadPlan, world: SearchWorld, asked: Asked, edges: RouteEdges): Promise<Outcome> {
  return single(plan, await readOne(plan.key, world), world, asked, edges);
}

async function readVersion(
  plan: VersionReadPlan,
  world: SearchWorld,
  asked: Asked,
  edges: RouteEdges,
): Promise<Outcome> {
  const versions = await versionsOf(plan.key, world);
  const visible = versions?.find(({ view }) => view.versionId === plan.version);
  return single(plan, visible, world, asked, edges);
}

/** One resource, or one version of it; else the one answer for what is not there. */
async function single(
  plan: ReadPlan | VersionReadPlan,
  visible: Visible | undefined,
  { withheld }: SearchWorld,
  { request }: Asked,
  edges: RouteEdges,
): Promise<Outcome> {
  const about = { interaction: plan.outcome, type: plan.type, query: undefined, withheld };
  if (visible === undefined)
    return { ...about, reply: await notFound(request, edges), released: [], outcome: 'not-found' };
  const { versionId, lastUpdated } = visible.view;
  const unchanged = plan.outcome === 'read' && isUnchanged(plan, versionId, lastUpdated);
  const reply = unchanged
    ? notModifiedReply(versionId, lastUpdated)
    : resourceReply(released(visible, plan), versionId, lastUpdated);
  return { ...about, reply, released: [visible], outcome: 'released' };
}

async function history(
  plan: HistoryPlan,
  world: SearchWorld,
  { request, context, page, shadow }: Asked,
  edges: RouteEdges,
): Promise<Outcome> {
  const versions = await versionsOf(plan.key, world);
  const about = {
    interaction: 'history-instance',
    type: plan.type,
    query: undefined,
    withheld: world.withheld,
  } as const;
  if (versions === undefined)
    return { ...about, reply: await notFound(request, edges), released: [], outcome: 'not-found' };
  const since = plan.since;
  const wanted =
    since === undefined ? versions : versions.filter(({ view }) => Date.parse(view.lastUpdated ?? '') >= since);
  const from = page !== undefined && 'offset' in page.position ? page.position.offset : 0;
  const shown = wanted.slice(from, from + plan.pageSize);
  const next = from + plan.pageSize < wanted.length ? { offset: from + plan.pageSize } : undefined;
  const url = `${edges.publicBase}/${plan.key}`;
  const entries = shown.map((visible, index) => ({
    fullUrl: url,
    content: released(visible, undefined),
    tail: versionTail(visible, plan.key, from + index === versions.length - 1),
  }));
  const links = linksOf(
    `${url}/_history`,
    plan.self,
    `${url}/_history`,
    next === undefined ? undefined : pageState(request, page, { position: next, shadow }, edges),
    context,
    edges,
  );
  return {
    ...about,
    reply: bundleReply({ ...bundleHead(shown, edges), type: 'history', total: wanted.length, links }, entries),
    released: shown,
    outcome: 'released',
  };
}

async function search(
  plan: SearchPlan,
  world: SearchWorld,
  { request, context, page, shadow }: Asked,
  edges: RouteEdges,
): Promise<Outcome> {
  const start = page !== undefined && !('offset' in page.position) ? page.position : undefined;
  const found = await searchPage(plan, start, world);
  const total = page === undefined ? found.total : totalOf(page, shadow);
  const entries = [
    ...found.matches.map((visible) => entryOf(visible, 'match', plan, edges)),
    ...found.included.map((visible) => entryOf(visible, 'include', plan, edges)),
  ];
  const url = [edges.publicBase, ...pathOf(request, page)].join('/');
  const next = found.next && pageState(request, page, { position: found.next, total, shadow }, edges);
  const links = linksOf(url, plan.self, `${edges.publicBase}/${plan.type}`, next, context, edges);
  await waitForGrid(request, edges.searchGridMs, edges);
  return {
    interaction: 'search-type',
    type: plan.type,
    query: printed(plan.self),
    withheld: world.withheld,
    reply: bundleReply(
      {
        ...bundleHead([...found.matches, ...found.included], edges),
        ...{ type: 'searchset', total, links, announces: found.announced !== undefined },
      },
      entries,
    ),
    released: [...found.matches, ...found.included],
    announced: found.announced,
    outcome: 'released',
  };
}

/** What the first page counted, where this one sees with the same eyes. */
function totalOf(page: PageState, shadow: string | undefined): number | undefined {
  return page.shadow === shadow ? page.total : undefined;
}

function entryOf(visible: Visible, mode: 'match' | 'include', plan: SearchPlan, edges: RouteEdges) {
  return {
    fullUrl: `${edges.publicBase}/${visible.item.key}`,
    content: released(visible, plan),
    tail: `"search":{"mode":"${mode}"}`,
  };
}

/** How one version came to be (FHIR R4 Bundle.entry.request, .response): the oldest was created, the others are updates. */
function versionTail({ view }: Visible, key: string, isOldest: boolean): string {
  const request = { method: isOldest ? 'POST' : 'PUT', url: key };
  const response = {
    status: '200',
    etag: `W/"${view.versionId}"`,
    ...(view.lastUpdated === undefined ? {} : { lastModified: view.lastUpdated }),
  };
  return `"request":${JSON.stringify(request)},"response":${JSON.stringify(response)}`;
}

/** Carries the decision out: the only way from something visible to something that can be sent. */
function released(visible: Visible, plan: Pick<ReadPlan, 'projection'> | undefined) {
  const { item, decision, view } = visible;
  if (plan === undefined || plan.projection.kind === 'whole') return item.content.release(decision, view.edits);
  const edits = view.edits.copy();
  const { projection } = plan;
  item.content.examine((resource) => {
    project(resource, projection, edits);
    return {};
  });
  return item.content.release(decision, edits);
}

function bundleHead(released: readonly Visible[], edges: RouteEdges) {
  const obligations = released.flatMap(({ decision }) => decision.obligations);
  return { id: randomUUID(), timestamp: new Date(edges.now()).toISOString(), obligations, statement: edges.statement };
}

function isUnchanged(
  { conditional }: ReadPlan,
  versionId: string | undefined,
  lastUpdated: string | undefined,
): boolean {
  if (conditional.ifNoneMatch.length > 0) {
    return (
      conditional.ifNoneMatch.includes('*') || (versionId !== undefined && conditional.ifNoneMatch.includes(versionId))
    );
  }
  const updated = Date.parse(lastUpdated ?? '');
  return conditional.ifModifiedSince !== undefined && Math.floor(updated / 1000) * 1000 <= conditional.ifModifiedSince;
}

/** The one answer for what is not there, released on a grid so that its time says nothing either. */
async function notFound(request: FhirRequest, edges: RouteEdges): Promise<Reply> {
  await waitForGrid(request, edges.negativeGridMs, edges);
  return errorReply('not-found', undefined);
}
