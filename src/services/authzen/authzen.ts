import { allHold } from '../../administer/administer.ts';
import type { DisclosedResource, ServiceDetail } from '../../audit/recorder.ts';
import type { RequesterContext } from '../../context/requester-context.ts';
import type { Obligation, Reason } from '../../decide/decision.ts';
import { disclosed } from '../../discover/disclosed.ts';
import { readOne } from '../../discover/read.ts';
import type { SearchWorld } from '../../discover/search.ts';
import { accompaniments, type statements } from '../../enforce/notice.ts';
import { type ErrorCode, errorKinds, GatewayError } from '../../errors/errors.ts';
import { isPatientKey, type PatientKey } from '../../fhir/ids.ts';
import type { FhirRequest, Interaction } from '../../fhir/request.ts';
import type { Plan, Refusal } from '../../plan/plan.ts';
import type { Watch } from '../../telemetry/watch.ts';
import type { Asked, OpenDocument, Service, ServiceAnswer } from '../service.ts';
import { type Batch, type Evaluation, readBatch, readEvaluation } from './request.ts';
import { type Target, targetOf, visibleIn } from './resource.ts';
import { type Describing, describedRequester } from './subject.ts';

/** The grant for asking, and the one for being told why. */
export const authzenName = 'authzen';
export const reasonsName = 'authzen-reasons';

export interface AuthzenParts extends Describing {
  readonly publicBaseUrl: string;
  readonly contextOf: (requester: RequesterContext['requester'], request: FhirRequest) => RequesterContext;
  readonly planFor: (request: FhirRequest) => Plan | Refusal;
  readonly authorize: (plan: Plan, context: RequesterContext) => void;
  readonly worldFor: (
    context: RequesterContext,
    request: FhirRequest,
    signal: AbortSignal,
    interaction: Interaction,
    shadow: undefined,
    means: { readonly watch: Watch },
  ) => SearchWorld;
  /** Which statement of 42 CFR 2.32(a) goes with Part 2 data. */
  readonly statement: keyof typeof statements;
  readonly mayKnowReasons: (caller: RequesterContext) => boolean;
}

/**
 * OpenID AuthZEN Authorization API 1.0: may this subject read this resource? Decided as the subject's own request for it
 * would be, in the same world; what is hidden and what is absent are both decision false.
 */
export function authzenServices(parts: AuthzenParts): readonly Service[] {
  const shared = { name: authzenName, method: 'POST', refusals: 'text' } as const;
  return [
    {
      ...shared,
      path: '/access/v1/evaluation',
      answer: (asked) => answerOne(readEvaluation(asked.body), asked, parts),
    },
    {
      ...shared,
      path: '/access/v1/evaluations',
      answer: (asked) => {
        const batch = readBatch(asked.body, parts.config.maximumEvaluations);
        return 'evaluations' in batch ? answerAll(batch, asked, parts) : answerOne(batch, asked, parts);
      },
    },
  ];
}

/** Policy Decision Point Metadata (section 9); the well-known part stands before the path of the base (RFC 8615). */
export function authzenMetadata(publicBaseUrl: string): OpenDocument {
  const base = publicBaseUrl.replace(/\/$/, '');
  return {
    path: `/.well-known/authzen-configuration${new URL(base).pathname.replace(/\/$/, '')}`,
    contentType: 'application/json',
    body: JSON.stringify({
      policy_decision_point: base,
      access_evaluation_endpoint: `${base}/access/v1/evaluation`,
      access_evaluations_endpoint: `${base}/access/v1/evaluations`,
    }),
  };
}

/** One decision with what the record says of it. */
interface Outcome {
  readonly decision: boolean;
  readonly reasons: readonly string[];
  readonly patients: readonly PatientKey[];
  readonly details: readonly ServiceDetail[];
  readonly judged: readonly DisclosedResource[];
  readonly withheld: readonly DisclosedResource[];
  readonly obligations: readonly Obligation[];
  /** None where it rests on nothing that was read. */
  readonly worlds: readonly SearchWorld[];
}

async function answerOne(evaluation: Evaluation, asked: Asked, parts: AuthzenParts): Promise<ServiceAnswer> {
  const outcome = await evaluate(evaluation, asked, parts);
  return answerOf(told(outcome, asked, parts), [outcome]);
}

async function answerAll({ evaluations, semantics }: Batch, asked: Asked, parts: AuthzenParts): Promise<ServiceAnswer> {
  const outcomes: Outcome[] = [];
  for (const evaluation of evaluations) {
    const outcome = await evaluate(evaluation, asked, parts);
    outcomes.push(outcome);
    if (semantics === 'deny_on_first_deny' && !outcome.decision) break;
    if (semantics === 'permit_on_first_permit' && outcome.decision) break;
  }
  return answerOf({ evaluations: outcomes.map((outcome) => told(outcome, asked, parts)) }, outcomes);
}

/** What has to go with the data is said to every caller, why only to those who may know it. */
function told({ decision, reasons, obligations }: Outcome, { context }: Asked, parts: AuthzenParts): object {
  const more = {
    ...(obligations.length === 0 ? {} : { obligations: [part2Obligation(obligations, parts.statement)] }),
    ...(parts.mayKnowReasons(context) ? { reasons } : {}),
  };
  return Object.keys(more).length === 0 ? { decision } : { decision, context: more };
}

/** Labels and texts that the gateway's own answer would bear (42 CFR 2.32). */
function part2Obligation(obligations: readonly Obligation[], statement: AuthzenParts['statement']): object {
  const { labels, texts } = accompaniments(obligations, statement);
  return { id: 'part2', labels: labels.map(([system, code]) => ({ system, code })), texts };
}

async function evaluate(evaluation: Evaluation, asked: Asked, parts: AuthzenParts): Promise<Outcome> {
  const { subject, action, resource } = evaluation;
  const requester = describedRequester(evaluation, parts);
  const target = targetOf(resource);
  const details: ServiceDetail[] = [
    ['subject', `${subject.type} ${subject.id}`],
    ...(requester?.roles ?? []).map((role): ServiceDetail => ['subject-role', role]),
    ...(requester?.organizations ?? []).slice(0, 1).map((name): ServiceDetail => ['subject-organization', name]),
    ...(requester?.purposes ?? []).map(({ code }): ServiceDetail => ['subject-purpose', code]),
  ];
  const named = target?.kind === 'described' && target.patient !== undefined ? [target.patient as PatientKey] : [];
  const worlds: SearchWorld[] = [];
  const denied = (reasons: readonly string[], world?: SearchWorld): Outcome => ({
    decision: false,
    reasons,
    worlds,
    obligations: [],
    patients: named,
    details: [...details, ['decision', `${action.name} ${resource.type}/${resource.id}: false`]],
    judged: [],
    withheld: withheldIn(world),
  });
  const isUnderstood = parts.config.actions.includes(action.name) && Object.keys(action.properties ?? {}).length === 0;
  if (requester === undefined || target === undefined || !isUnderstood) return denied(['not-understood']);
  try {
    const enter = (): SearchWorld => {
      const world = worldOf(requester, target, asked, parts);
      worlds.push(world);
      return world;
    };
    if (target.kind === 'described' && isPatientKey(target.key)) {
      // Whoever is described is a patient of this server, and a description opens nobody whom it keeps hidden.
      const stored = enter();
      if ((await readOne(target.key, stored)) === undefined) return denied(whyNot(stored), stored);
    }
    const world = enter();
    const visible = await visibleIn(world, target);
    if (visible === undefined) return denied(whyNot(world), world);
    const { item, decision, patients } = visible;
    return {
      decision: true,
      reasons: codesOf(decision.reasons),
      patients,
      details: [...details, ['decision', `${action.name} ${resource.type}/${resource.id}: true`]],
      judged: [disclosed(item, decision.reasons, visible)],
      withheld: withheldIn(world),
      obligations: decision.obligations,
      worlds,
    };
  } catch (error) {
    if (error instanceof GatewayError && errorKinds[error.code].status < 500) return denied([error.code]);
    throw error;
  }
}

function withheldIn(world: SearchWorld | undefined): readonly DisclosedResource[] {
  return [...(world?.withheld ?? [])].map((item) => disclosed(item, item.ruling?.reasons ?? []));
}

function whyNot({ withheld, visibility }: SearchWorld): readonly string[] {
  const [item] = withheld;
  if (item === undefined) return ['not-there'];
  const { outcome, reasons } = visibility.decisionOn(item);
  return outcome === 'withhold' ? codesOf(reasons) : ['scope-insufficient'];
}

function codesOf(reasons: readonly Reason[]): readonly string[] {
  return [...new Set(reasons.map(({ code }) => code))];
}

/** The subject's own request for it: planned, authorised and seen as if it had come to the FHIR base. */
function worldOf(
  requester: RequesterContext['requester'],
  { key }: Target,
  { request, context: caller, signal, watch }: Asked,
  parts: AuthzenParts,
): SearchWorld {
  const { tokenId, tokenHash, expiresAt } = caller.requester; // there is no token but the caller's
  const read: FhirRequest = { ...request, method: 'GET', path: key.split('/'), query: [], form: [], headers: {} };
  const context = parts.contextOf({ ...requester, tokenId, tokenHash, expiresAt }, read);
  const plan = watch.busy('plan', () => parts.planFor(read));
  if (plan.outcome === 'refuse') throw new GatewayError(plan.code satisfies ErrorCode);
  parts.authorize(plan, context);
  return parts.worldFor(context, read, signal, 'read', undefined, { watch });
}

function answerOf(body: object, outcomes: readonly Outcome[]): ServiceAnswer {
  const about = new Map<PatientKey | undefined, ServiceDetail[]>();
  for (const { patients, details } of outcomes)
    for (const patient of patients.length === 0 ? [undefined] : patients)
      about.set(patient, [...(about.get(patient) ?? []), ...details]);
  return {
    status: 200,
    contentType: 'application/json',
    body: JSON.stringify(body),
    stillInForce: () => allHold(outcomes.flatMap(({ worlds }) => worlds.map(({ stillInForce }) => stillInForce))),
    negative: outcomes.some(({ decision }) => !decision),
    disclosed: {
      patients: [...about].map(([patient, details]) => ({ patient, consents: [], details })),
      judged: outcomes.flatMap(({ judged }) => judged),
      released: [],
      withheld: outcomes.flatMap(({ withheld }) => withheld),
      details: [],
    },
  };
}
