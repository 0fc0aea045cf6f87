import { hash } from 'node:crypto';
import { type Disclosure, lastLook, type RecordedIntent, type Recorder } from '../audit/recorder.ts';
import type { Requester } from '../authenticate/requester.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { waitForGrid } from '../discover/grid.ts';
import { Authored } from '../document/content.ts';
import { MalformedDocument, scan } from '../document/tape.ts';
import { bytesOf, errorReply, type Reply } from '../enforce/assemble.ts';
import { type ErrorCode, errorKinds, GatewayError } from '../errors/errors.ts';
import type { FhirRequest } from '../fhir/request.ts';
import { unwatched, type Watch } from '../telemetry/watch.ts';
import type { Asked, Service, ServiceAnswer } from './service.ts';

export { type ServiceRoutes, type Way, wayTo } from './routes.ts';

/** Everything a service's request may reach beside the service itself. */
export interface ServiceEdges {
  /** Takes tokens for the services' own audience. */
  readonly authenticate: (request: FhirRequest) => Promise<Requester>;
  /** The places and rates that FHIR requests take theirs from too. */
  readonly admit: (requester: Requester) => Promise<{ leave(negative: boolean): void }>;
  readonly contextOf: (requester: Requester, request: FhirRequest) => RequesterContext;
  /** Roles that may ask, by service name; a service without an entry is for the unrestricted alone. */
  readonly grants: Readonly<Record<string, readonly string[]>>;
  readonly challenge: (code: ErrorCode) => Readonly<Record<string, string>>;
  readonly recorder: Recorder;
  readonly policyHash: string;
  readonly negativeGridMs: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** One call of a service, from its route on. */
export interface Call {
  readonly request: FhirRequest;
  readonly service: Service;
  readonly parameters: Readonly<Record<string, string>>;
  /** Reads it as it was sent; of who is refused by his token alone it is not read. */
  readonly body: () => Promise<Uint8Array>;
}

/** An answer that may be sent: complete and recorded. */
export interface SentAnswer {
  readonly reply: Reply;
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  readonly intent: RecordedIntent | undefined;
}

/** One request to a service, as the gateway's own: authenticated, admitted, granted, answered, recorded; then it may leave. */
export async function answerCall(
  call: Call,
  edges: ServiceEdges,
  signal: AbortSignal,
  watch: Watch = unwatched,
): Promise<SentAnswer> {
  const { request, service } = call;
  let context: RequesterContext | undefined;
  let admission: { leave(negative: boolean): void } | undefined;
  let negative = false;
  try {
    const requester = await watch.timed('authenticate', () => edges.authenticate(request));
    admission = await watch.timed('admit', () => edges.admit(requester));
    context = edges.contextOf(requester, request);
    const { parameters } = call;
    const asked = { context, request, parameters, query: request.query, signal, watch, at: context.at };
    if (!isGranted(service, asked, edges)) throw new GatewayError('service-not-granted');
    const bytes = await call.body();
    const body = service.method === 'GET' ? undefined : read(bytes);
    const known = context;
    const recordedOf = async (answer: ServiceAnswer): Promise<SentAnswer> => {
      if (answer.status === 404 || answer.negative === true) await waitForGrid(request, edges.negativeGridMs, edges);
      return watch.timed('record', () => recorded(answer, call, known, edges)); // durable before anything is done or leaves
    };
    const { sent } = await sentInForce(
      async () => ({ answer: await service.answer({ ...asked, body }) }),
      async ({ answer }) => {
        const sent = await recordedOf(answer);
        return { sent, intent: sent.intent };
      },
    );
    negative = sent.reply.status === 404;
    return sent;
  } catch (error) {
    const code: ErrorCode = error instanceof GatewayError ? error.code : 'internal';
    negative = code === 'not-found';
    edges.recorder.note({ request, code, ...(context === undefined ? {} : { context }) });
    if (negative) await waitForGrid(request, edges.negativeGridMs, edges);
    return unrecorded(refusal(code, service, edges));
  } finally {
    admission?.leave(negative);
  }
}

/**
 * Answered anew when Consents changed meanwhile; nothing leaves, nor is done, by what is no longer in force.
 * @param recordedOf durable when it resolves
 * @throws {GatewayError} `consent-unavailable` when they do not keep still
 */
export async function sentInForce<
  Told extends { readonly answer: ServiceAnswer },
  Sent extends { readonly intent: RecordedIntent | undefined },
>(tell: () => Promise<Told>, recordedOf: (told: Told) => Promise<Sent>): Promise<Sent> {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const told = await tell();
    const { stillInForce = restsOnNone, carriedOut } = told.answer;
    if (!(await stillInForce())) continue; // not worth a record
    const sent = await recordedOf(told);
    const leaves = async (): Promise<boolean> => {
      if (!(await stillInForce())) return false;
      await carriedOut?.();
      return true;
    };
    if (await lastLook(sent.intent, leaves)) return sent;
  }
  throw new GatewayError('consent-unavailable');
}

const maximumAttempts = 3;
const restsOnNone = async (): Promise<boolean> => true;

/** Static: the roles of the token, or the patient herself where the service says so. */
function isGranted(service: Service, asked: Omit<Asked, 'body'>, { grants }: ServiceEdges): boolean {
  if (service.asksOwn?.(asked) === true) return true;
  return holdsGrant(service.name, asked.context, grants);
}

/** Whether roles of the requester are granted what bears this name. */
export function holdsGrant(
  name: string,
  { requester, unrestricted }: RequesterContext,
  grants: Readonly<Record<string, readonly string[]>>,
): boolean {
  const granted = Object.hasOwn(grants, name) ? grants[name] : undefined;
  return granted === undefined ? unrestricted : requester.roles.some((role) => granted.includes(role));
}

/** Deep enough for resources that a caller sends along. */
const limits = { maximumDepth: 32, maximumMembers: 200, maximumNodes: 50_000, maximumStringBytes: 1_048_576 };

/** Strictly (RFC 8259): UTF-8, one value, no name twice, bounded depth and size. */
function read(body: Uint8Array): unknown {
  try {
    const tape = scan(body, limits);
    return JSON.parse(tape.raw(0)) as unknown;
  } catch (error) {
    if (error instanceof MalformedDocument) throw new GatewayError('service-body-invalid', { cause: error });
    throw error;
  }
}

async function recorded(
  answer: ServiceAnswer,
  { request, service }: Call,
  context: RequesterContext,
  edges: ServiceEdges,
): Promise<SentAnswer> {
  const { status, contentType } = answer;
  const reply: Reply = { status, headers: { 'content-type': contentType }, body: [Authored.text(answer.body)] };
  const chunks = bytesOf(reply.body);
  const [body = new Uint8Array()] = chunks;
  const disclosure = disclosureOf({ answer, body, request, context, name: service.name, policyHash: edges.policyHash });
  const intent = await edges.recorder.record(disclosure);
  return { reply, chunks, length: body.length, intent };
}

/** What the record says of a service's answer, whoever carries it. */
export function disclosureOf(told: {
  readonly answer: ServiceAnswer;
  readonly body: Uint8Array;
  readonly request: FhirRequest;
  readonly context: RequesterContext;
  readonly name: string;
  readonly policyHash: string;
}): Disclosure {
  const { answer, body, request, context, name, policyHash } = told;
  const { released, withheld, ...service } = answer.disclosed;
  const governing = [...released, ...service.judged].flatMap(({ reasons }) =>
    reasons.flatMap(({ consent }) => consent ?? []),
  );
  return {
    request,
    context,
    interaction: 'operation',
    service: { name, ...service },
    query: undefined,
    resourceType: '',
    status: answer.status,
    outcome: answer.status < 400 ? 'released' : 'not-found',
    released,
    withheld,
    governing: [...new Set([...governing, ...service.patients.flatMap(({ consents }) => consents)])].sort(),
    policyHash,
    digest: hash('sha256', body, 'hex'),
    length: body.length,
  };
}

/** One constant answer of its kind; nothing of what was found goes with it. */
export function refusal(
  code: ErrorCode,
  service: Pick<Service, 'refusals'> | undefined,
  { challenge }: Pick<ServiceEdges, 'challenge'>,
): Reply {
  const headers = challenge(code);
  if (service?.refusals !== 'text') return errorReply(code, undefined, headers);
  const { status, title } = errorKinds[code];
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: [Authored.text(title)] };
}

function unrecorded(reply: Reply): SentAnswer {
  const chunks = bytesOf(reply.body);
  return { reply, chunks, length: chunks.reduce((sum, chunk) => sum + chunk.length, 0), intent: undefined };
}
