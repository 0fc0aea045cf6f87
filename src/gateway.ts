import { hash, randomUUID } from 'node:crypto';
import type { Disclosure, RecordedIntent, Recorder } from './audit/recorder.ts';
import type { Requester } from './authenticate/requester.ts';
import type { Grant, RequesterContext } from './context/requester-context.ts';
import { isInShadow, type ShadowPermit } from './decide/shadow.ts';
import { coverageOf, disclosed, type LabelCoverage } from './discover/disclosed.ts';
import { versionsOf } from './discover/history.ts';
import type { PageState, PageTokens } from './discover/page-token.ts';
import { linksOf, openPage, pageState, pathOf, printed } from './discover/pages.ts';
import { readOne } from './discover/read.ts';
import { type SearchWorld, searchPage } from './discover/search.ts';
import type { Item, Visible } from './discover/visibility.ts';
import type { Memory, MemoryPool } from './document/memory.ts';
import { bundleReply, bytesOf, errorReply, notModifiedReply, type Reply, resourceReply } from './enforce/assemble.ts';
import { project } from './enforce/project.ts';
import { type ErrorCode, GatewayError } from './errors/errors.ts';
import type { FhirRequest, Interaction } from './fhir/request.ts';
import type { HistoryPlan, Plan, ReadPlan, Refusal, SearchPlan, VersionReadPlan } from './plan/plan.ts';
import { unwatched, type Watch } from './telemetry/watch.ts';

/** Everything one request may reach: made once in house.ts. */
export interface Edges {
  readonly authenticate: (request: FhirRequest) => Promise<Requester>;
  /** Takes a place for this requester, or throws `rate-limited` / `overloaded`; static: it never sees data. */
  readonly admit: (requester: Requester) => Promise<Admission>;
  readonly contextOf: (requester: Requester, request: FhirRequest) => RequesterContext;
  readonly planFor: (request: FhirRequest) => Plan | Refusal;
  /** Scopes and role rules on the request's shape: throws `scope-insufficient` or `policy-refused`. */
  readonly authorize: (plan: Plan, context: RequesterContext) => void;
  readonly grantFor: (context: RequesterContext, interaction: Interaction, type: string) => Grant;
  readonly worldFor: (
    context: RequesterContext,
    request: FhirRequest,
    signal: AbortSignal,
    interaction: Interaction,
    shadow?: ShadowPermit,
    means?: Means,
  ) => SearchWorld;
  /** Where large answers of the FHIR server, and those made of them, live while they are needed. */
  readonly memory: MemoryPool;
  /** Static: the permission to let pass what would be withheld, where the deployment tries the gateway out. */
  readonly shadowFor: (context: RequesterContext, type: string) => ShadowPermit | undefined;
  readonly capabilities: () => Reply;
  readonly challenge: (code: ErrorCode) => Readonly<Record<string, string>>;
  readonly pageTokens: PageTokens;
  readonly recorder: Recorder;
  readonly publicBase: string;
  readonly policyHash: string;
  /** Which statement of 42 CFR 2.32(a) accompanies Part 2 records. */
  readonly statement: 'short' | 'full';
  /** Negative reads leave on a grid of this many milliseconds; 0: at once. */
  readonly negativeGridMs: number;
  /** Searches too, when the deployment's timing is strict. */
  readonly searchGridMs: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** What one request works with, and what is told of its work. */
export interface Means {
  readonly memory?: Memory;
  readonly watch?: Watch;
}

export interface Admission {
  /** Gives the place back; a negative answer counts against the requester's own limit of those. */
  leave(negative: boolean): void;
}

/** An answer that may be sent: complete, recorded, with the hand that completes its record. */
export interface Answer {
  readonly reply: Reply;
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  /** Gives the memory of its bytes back, once they are sent. */
  readonly sent: () => void;
  readonly interaction: Interaction | 'none';
  readonly intent: RecordedIntent | undefined;
  /** How many resources left and were withheld, for the metrics. */
  readonly released: number;
  readonly withheld: number;
  /** How many of them bear labels, and whence. */
  readonly labels: Readonly<Partial<Record<LabelCoverage, number>>>;
  /** Given in an emergency: counted and told, so that somebody looks. */
  readonly emergency: boolean;
  /** Set when the answer was not enforced: by which entry, and how many resources left that would be withheld. */
  readonly shadow?: { readonly name: string; readonly wouldWithhold: number };
}

/** One request, from the door to the audit record. Read this first. */
export async function handle(
  request: FhirRequest,
  edges: Edges,
  signal: AbortSignal,
  watch: Watch = unwatched,
): Promise<Answer> {
  let context: RequesterContext | undefined;
  let admission: Admission | undefined;
  let negative = false;
  try {
    if (isCapabilities(request)) return unrecorded(edges.capabilities(), 'capabilities');
    const requester = await watch.timed('authenticate', () => edges.authenticate(request));
    admission = await watch.timed('admit', () => edges.admit(requester));
    const asked = edges.contextOf(requester, request); // static: purposes, roles, clearance
    context = asked;
    const { plan, page } = watch.busy('plan', () => planned(request, asked, edges));
    const shadow = 'type' in plan ? edges.shadowFor(context, plan.type) : undefined;
    const memory = edges.memory.lend();
    const outcome = await discoverInForce(plan, page, asked, request, edges, signal, shadow, { memory, watch });
    negative = outcome.reply.status === 404;
    // Durable before the first byte leaves.
    const answer = await watch.timed('record', () => recorded(outcome, asked, request, edges, shadow));
    memory.giveBack(); // of what was read, only the answer's own copy is left
    return answer;
  } catch (error) {
    negative = error instanceof GatewayError && error.code === 'not-found';
    return await refused(error, request, context, edges);
  } finally {
    admission?.leave(negative);
  }
}

/** What an answer would be and what it would disclose, before it is recorded. */
interface Outcome {
  readonly reply: Reply;
  readonly interaction: Interaction;
  readonly type: string;
  readonly query: string | undefined;
  readonly released: readonly Visible[];
  readonly withheld: Iterable<Item>;
  readonly outcome: Disclosure['outcome'];
}

/** Decided anew when Consents changed while it was decided; nothing leaves by what is no longer in force. */
async function discoverInForce(
  plan: Plan,
  page: PageState | undefined,
  context: RequesterContext,
  request: FhirRequest,
  edges: Edges,
  signal: AbortSignal,
  shadow: ShadowPermit | undefined,
  means: Means,
): Promise<Outcome> {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const world = edges.worldFor(context, request, signal, interactionOf(plan), shadow, means);
    const outcome = await discover(plan, page, world, context, request, edges);
    if (await world.stillInForce()) return outcome;
  }
  throw new GatewayError('consent-unavailable');
}

const maximumAttempts = 3;

function interactionOf({ outcome }: Plan): Interaction {
  switch (outcome) {
    case 'read':
    case 'vread':
      return outcome;
    case 'history':
      return 'history-instance';
    case 'search':
      return 'search-type';
    case 'capabilities':
    case 'page':
      throw new GatewayError('page-not-found'); // a page token never stands for either
    default:
      return outcome satisfies never;
  }
}

/** Candidates -> facts -> decisions -> cuts, by the one route the plan names. */
async function discover(
  plan: Plan,
  page: PageState | undefined,
  world: SearchWorld,
  context: RequesterContext,
  request: FhirRequest,
  edges: Edges,
): Promise<Outcome> {
  switch (plan.outcome) {
    case 'read':
      return read(plan, world, request, edges);
    case 'vread':
      return readVersion(plan, world, request, edges);
    case 'history':
      return history(plan, page, world, request, context, edges);
    case 'search':
      return search(plan, page, world, request, context, edges);
    case 'capabilities':
    case 'page':
      throw new GatewayError('page-not-found');
    default:
      return plan satisfies never;
  }
}

async function read(plan: ReadPlan, world: SearchWorld, request: FhirRequest, edges: Edges): Promise<Outcome> {
  const visible = await readOne(plan.key, world);
  const about = { interaction: 'read', type: plan.type, query: undefined, withheld: world.withheld } as const;
  if (visible === undefined)
    return { ...about, reply: await notFound(request, edges), released: [], outcome: 'not-found' };
  const { versionId, lastUpdated } = visible.view;
  const unchanged = isUnchanged(plan, versionId, lastUpdated);
  const reply = unchanged
    ? notModifiedReply(versionId, lastUpdated)
    : resourceReply(released(visible, plan), versionId, lastUpdated);
  return { ...about, reply, released: [visible], outcome: 'released' };
}

async function readVersion(
  plan: VersionReadPlan,
  world: SearchWorld,
  request: FhirRequest,
  edges: Edges,
): Promise<Outcome> {
  const versions = await versionsOf(plan.key, world);
  const visible = versions?.find(({ view }) => view.versionId === plan.version);
  const about = { interaction: 'vread', type: plan.type, query: undefined, withheld: world.withheld } as const;
  if (visible === undefined)
    return { ...about, reply: await notFound(request, edges), released: [], outcome: 'not-found' };
  const { versionId, lastUpdated } = visible.view;
  return {
    ...about,
    reply: resourceReply(released(visible, plan), versionId, lastUpdated),
    released: [visible],
    outcome: 'released',
  };
}

async function history(
  plan: HistoryPlan,
  page: PageState | undefined,
  world: SearchWorld,
  request: FhirRequest,
  context: RequesterContext,
  edges: Edges,
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
    tail: `"request":${JSON.stringify({ method: from + index === versions.length - 1 ? 'POST' : 'PUT', url: plan.key })},"response":${JSON.stringify(
      {
        status: '200',
        etag: `W/"${visible.view.versionId}"`,
        ...(visible.view.lastUpdated === undefined ? {} : { lastModified: visible.view.lastUpdated }),
      },
    )}`,
  }));
  const links = linksOf(
    `${url}/_history`,
    plan.self,
    `${url}/_history`,
    next === undefined ? undefined : pageState(request, page, next, undefined, edges),
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
  page: PageState | undefined,
  world: SearchWorld,
  request: FhirRequest,
  context: RequesterContext,
  edges: Edges,
): Promise<Outcome> {
  const start = page !== undefined && !('offset' in page.position) ? page.position : undefined;
  const found = await searchPage(plan, start, world);
  const total = page === undefined ? found.total : page.total;
  const entries = [
    ...found.matches.map((visible) => entryOf(visible, 'match', plan, edges)),
    ...found.included.map((visible) => entryOf(visible, 'include', plan, edges)),
  ];
  const url = [edges.publicBase, ...pathOf(request, page)].join('/');
  const next = found.next === undefined ? undefined : pageState(request, page, found.next, total, edges);
  const links = linksOf(url, plan.self, `${edges.publicBase}/${plan.type}`, next, context, edges);
  await waitForGrid(request, edges.searchGridMs, edges);
  return {
    interaction: 'search-type',
    type: plan.type,
    query: printed(plan.self),
    withheld: world.withheld,
    reply: bundleReply(
      { ...bundleHead([...found.matches, ...found.included], edges), type: 'searchset', total, links },
      entries,
    ),
    released: [...found.matches, ...found.included],
    outcome: 'released',
  };
}

/** The plan of a request that this requester may make at all. */
function planned(
  request: FhirRequest,
  context: RequesterContext,
  edges: Edges,
): { plan: Plan; page: PageState | undefined } {
  const resumed = resume(planOrRefuse(edges.planFor(request)), request, context, edges);
  edges.authorize(resumed.plan, context);
  return resumed;
}

/** A refusal by the plan is one answer for everybody who asks in this shape. */
function planOrRefuse(plan: Plan | Refusal): Plan {
  if (plan.outcome === 'refuse') throw new PlanRefusal(plan);
  return plan;
}

class PlanRefusal extends GatewayError {
  readonly about: string | undefined;
  constructor(refusal: Refusal) {
    super(refusal.code);
    this.about = refusal.about;
  }
}

/** A next link stands for the request it was made in, planned again and decided again. */
function resume(
  plan: Plan,
  request: FhirRequest,
  context: RequesterContext,
  edges: Edges,
): { plan: Plan; page: PageState | undefined } {
  if (plan.outcome !== 'page') return { plan, page: undefined };
  const page = openPage(plan.token, context, edges);
  const again: FhirRequest = { ...request, method: 'GET', path: page.path, query: page.parameters, form: [] };
  return { plan: planOrRefuse(edges.planFor(again)), page };
}

function entryOf(visible: Visible, mode: 'match' | 'include', plan: SearchPlan, edges: Edges) {
  return {
    fullUrl: `${edges.publicBase}/${visible.item.key}`,
    content: released(visible, plan),
    tail: `"search":{"mode":"${mode}"}`,
  };
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

function bundleHead(released: readonly Visible[], edges: Edges) {
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
async function notFound(request: FhirRequest, edges: Edges): Promise<Reply> {
  await waitForGrid(request, edges.negativeGridMs, edges);
  return errorReply('not-found', undefined);
}

async function waitForGrid(request: FhirRequest, gridMs: number, edges: Edges): Promise<void> {
  if (gridMs === 0) return;
  const elapsed = edges.now() - request.receivedAt;
  await edges.sleep(Math.ceil((elapsed + 1) / gridMs) * gridMs - elapsed);
}

/** Records what the answer discloses; only then is it an answer. */
async function recorded(
  outcome: Outcome,
  context: RequesterContext,
  request: FhirRequest,
  edges: Edges,
  shadow: ShadowPermit | undefined,
): Promise<Answer> {
  const memory = edges.memory.lend();
  const chunks = bytesOf(outcome.reply.body, memory);
  const [body = new Uint8Array()] = chunks; // all of it in one piece
  const resources = outcome.released.map((visible) => disclosed(visible.item, visible.decision.reasons));
  const withheld = [...outcome.withheld].map((item) => disclosed(item, item.ruling?.reasons ?? []));
  const governing = new Set(resources.flatMap(({ reasons }) => reasons.flatMap(({ consent }) => consent ?? [])));
  const intent = await edges.recorder.record({
    request,
    context,
    interaction: outcome.interaction,
    query: outcome.query,
    resourceType: outcome.type,
    status: outcome.reply.status,
    outcome: outcome.outcome,
    released: resources,
    withheld,
    governing: [...governing].sort(),
    policyHash: edges.policyHash,
    digest: hash('sha256', body, 'hex'),
    length: body.length,
  });
  return {
    reply: shadow === undefined ? outcome.reply : inShadow(outcome.reply, shadow),
    chunks,
    length: body.length,
    sent: () => memory.giveBack(),
    interaction: outcome.interaction,
    intent,
    released: resources.length,
    withheld: withheld.length,
    labels: coverageOf([...outcome.released.map(({ item }) => item), ...outcome.withheld]),
    emergency: context.emergency !== undefined,
    ...(shadow === undefined
      ? {}
      : {
          shadow: { name: shadow.name, wouldWithhold: resources.filter(({ reasons }) => isInShadow(reasons)).length },
        }),
  };
}

/** Whoever receives it is told that this is not what will be enforced. */
function inShadow(reply: Reply, { name, until }: ShadowPermit): Reply {
  return {
    ...reply,
    headers: { ...reply.headers, 'X-Consent-Enforcement': `shadow; name="${name}"; until="${until}"` },
  };
}

/** Every failure becomes one constant answer of its kind; nothing of what was fetched goes with it. */
async function refused(
  error: unknown,
  request: FhirRequest,
  context: RequesterContext | undefined,
  edges: Edges,
): Promise<Answer> {
  const code: ErrorCode = error instanceof GatewayError ? error.code : 'internal';
  const about = error instanceof PlanRefusal ? error.about : undefined;
  edges.recorder.note({ request, code, ...(context === undefined ? {} : { context }) });
  if (code === 'not-found') await waitForGrid(request, edges.negativeGridMs, edges);
  return unrecorded(errorReply(code, about, edges.challenge(code)), 'none');
}

function unrecorded(reply: Reply, interaction: Answer['interaction']): Answer {
  const chunks = bytesOf(reply.body);
  return {
    reply,
    chunks,
    length: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    sent: () => undefined,
    interaction,
    intent: undefined,
    released: 0,
    withheld: 0,
    labels: {},
    emergency: false,
  };
}

function isCapabilities(request: FhirRequest): boolean {
  return request.path.length === 1 && request.path[0] === 'metadata' && request.method !== 'POST';
}
