import { hash } from 'node:crypto';
import { noticesBehind } from './audit/fda-notices.ts';
import { type DisclosedResource, lastLook, type RecordedIntent } from './audit/recorder.ts';
import type { RequesterContext } from './context/requester-context.ts';
import { isInShadow, type ShadowPermit } from './decide/shadow.ts';
import { coverageOf, disclosed, type LabelCoverage } from './discover/disclosed.ts';
import { waitForGrid } from './discover/grid.ts';
import type { PageState } from './discover/page-token.ts';
import { openPage } from './discover/pages.ts';
import type { SearchWorld } from './discover/search.ts';
import type { Admission, Edges } from './edges.ts';
import { bytesOf, errorReply, type Reply } from './enforce/assemble.ts';
import { type ErrorCode, GatewayError } from './errors/errors.ts';
import type { FhirRequest, Interaction } from './fhir/request.ts';
import type { Plan, Refusal } from './plan/plan.ts';
import { type Asked, discover, type Outcome } from './routes.ts';
import { unwatched, type Watch } from './telemetry/watch.ts';

/** An answer that may be sent now: complete, recorded, with the hand that completes its record. */
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
    const known = edges.contextOf(requester, request); // static: purposes, roles, clearance
    context = known;
    const { plan, page } = watch.busy('plan', () => planned(request, known, edges));
    const shadow = 'type' in plan ? edges.shadowFor(known, plan.type) : undefined;
    const memory = edges.memory.lend();
    const asked: Asked = { request, context: known, page, shadow: shadow?.name };
    const worldOf = () => edges.worldFor(known, request, signal, interactionOf(plan), shadow, { memory, watch });
    // Durable before the first byte leaves.
    const recordedOf = (outcome: Outcome) => watch.timed('record', () => recorded(outcome, asked, edges, shadow));
    const answer = await answerInForce(plan, asked, worldOf, recordedOf, edges);
    negative = answer.reply.status === 404;
    memory.giveBack(); // of what was read, only the answer's own copy is left
    return answer;
  } catch (error) {
    negative = error instanceof GatewayError && error.code === 'not-found';
    return await refused(error, request, context, edges);
  } finally {
    admission?.leave(negative);
  }
}

/** Decided anew when Consents changed while it was decided or recorded; nothing leaves by what is no longer in force. */
async function answerInForce(
  plan: Plan,
  asked: Asked,
  worldOf: () => SearchWorld,
  recordedOf: (outcome: Outcome) => Promise<Answer>,
  edges: Edges,
): Promise<Answer> {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const world = worldOf();
    const outcome = await discover(plan, world, asked, edges);
    if (!(await world.stillInForce())) continue; // not worth a record
    const answer = await recordedOf(outcome);
    if (await lastLook(answer.intent, world.stillInForce)) return answer;
    answer.sent();
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

/** Records what the answer discloses; only then is it an answer. */
async function recorded(
  outcome: Outcome,
  { request, context }: Asked,
  edges: Edges,
  shadow: ShadowPermit | undefined,
): Promise<Answer> {
  const memory = edges.memory.lend();
  const chunks = bytesOf(outcome.reply.body, memory);
  const [body = new Uint8Array()] = chunks; // all of it in one piece
  const resources = outcome.released.map((visible) => disclosed(visible.item, visible.decision.reasons, visible));
  const withheld = [...outcome.withheld].map((item) => disclosed(item, item.ruling?.reasons ?? []));
  const notices = noticesBehind(resources, edges.fdaNotices);
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
    governing: governingOf(resources),
    ...(notices.length === 0 ? {} : { fdaNotices: notices }),
    ...(outcome.announced === undefined ? {} : { announced: outcome.announced }),
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

/** The Consents by which something leaves. Resources of one answer share their reasons. */
function governingOf(released: readonly DisclosedResource[]): readonly string[] {
  const consents = new Set<string>();
  for (const reasons of new Set(released.map((one) => one.reasons)))
    for (const { consent } of reasons) if (consent !== undefined) consents.add(consent);
  return [...consents].sort();
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
