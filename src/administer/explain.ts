import type { Requester } from '../authenticate/requester.ts';
import type { ParsedConsent } from '../consent/parsed.ts';
import type { Emergency } from '../context/emergency.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { Vote } from '../decide/decide.ts';
import type { Obligation, Reason } from '../decide/decision.ts';
import { isGranted, type SearchWorld } from '../discover/search.ts';
import type { Cut, Item } from '../discover/visibility.ts';
import type { Content } from '../document/content.ts';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import { idOf, type PatientKey, type ResourceKey, typeOf } from '../fhir/ids.ts';
import type { FhirRequest } from '../fhir/request.ts';
import type { LabelOrigin } from '../label/labels.ts';
import { pagesOf } from '../upstream/upstream.ts';
import { allHold, whileCurrent } from './current.ts';
import type { AdministerEdges } from './edges.ts';
import { toldToHerself } from './review.ts';

/** What would happen to one resource. */
export interface Explained {
  readonly key: ResourceKey;
  /** The upstream's version; undefined for what is not there. */
  readonly version: string | undefined;
  /** `refused`: the request as such is, whatever there is; `absent`: there is no such resource. */
  readonly verdict: 'released' | 'withheld' | 'refused' | 'absent';
  /** Of a refusal. */
  readonly code?: ErrorCode;
  readonly reasons: readonly Reason[];
  /** On what it rests that the law's labels and notice go with it (42 CFR 2.32); [] where none do. */
  readonly accompanied: readonly Obligation['basis'][];
  /** What is left out of it, where it is released. */
  readonly cuts: readonly Cut[];
  /** Where its topics come from, as far as they were established: of what is refused or absent none were. */
  readonly labels: readonly LabelOrigin[];
  /** What every Consent in force answered. */
  readonly votes: readonly Vote[];
  /** What the record names; undefined where nothing was read. */
  readonly item?: Item;
}

export interface Explanation {
  readonly patient: PatientKey;
  readonly requester: Requester;
  /** Purposes that count; none where the requester as such is refused. */
  readonly purposes: readonly string[];
  /** The emergency that was accepted, where one was. */
  readonly emergency: Emergency | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly resources: readonly Explained[];
  /** Kinds that the FHIR server did not give by patient, so that nothing is said of them. */
  readonly notRead: readonly string[];
  /** More of the record was there than is explained. */
  readonly isSample: boolean;
  /** Her Consents, by reference. */
  readonly consents: ReadonlyMap<string, ParsedConsent>;
  /** Asked before it is told: whether it rests on what is still in force. */
  readonly stillHolds: () => Promise<boolean>;
}

export interface ExplainAsked {
  readonly patient: PatientKey;
  readonly requester: Requester;
  /** Resources to tell of; undefined: her record, as far as `maximum` goes. */
  readonly keys: readonly ResourceKey[] | undefined;
  readonly maximum: number;
  /** He states an emergency of this patient, and a reason for it, with each request. */
  readonly statesEmergency?: boolean;
  /** The patient's own world where she asks: what she cannot read herself is to her as if it were not there. Unset: who asks may know all. */
  readonly within?: () => SearchWorld;
  readonly request: FhirRequest;
  readonly signal: AbortSignal;
}

const batchSize = 50;
/** Resources times Consents: what each said of each is told. */
const maximumVotes = 20_000;

/** Part of a record, read once: whatever is asked of it is asked of the same versions. */
export interface Sample {
  readonly contents: readonly Content<'undecided'>[];
  readonly absent: readonly ResourceKey[];
  readonly notRead: readonly string[];
  readonly isSample: boolean;
}

/**
 * What a requester would receive of a patient's record by reading it, and why: by the worlds, plans and decisions that
 * his own requests would have, asked with the gateway's own credential. Nothing of the content is in it.
 * @throws {GatewayError} as his requests would
 */
export async function explain(asked: ExplainAsked, edges: AdministerEdges): Promise<Explanation> {
  return explainSample(asked, await sampleOf(asked, edges), edges);
}

/** The same for what was read before. */
export async function explainSample(
  asked: Omit<ExplainAsked, 'maximum'>,
  { contents, absent, notRead, isSample }: Sample,
  edges: AdministerEdges,
): Promise<Explanation> {
  const { patient, requester, signal } = asked;
  const request = bare(asked);
  const { context, refusal } = standpointOf(requester, request, edges);
  const resources: Explained[] = [];
  const missing = [...absent];
  const held = (await edges.consents.of([patient], { authorization: undefined, signal })).get(patient);
  const consents = held?.consents ?? [];
  const toldOf = asked.within === undefined ? undefined : await toldToHerself(consents, asked.within());
  if ((asked.keys?.length ?? contents.length) * (toldOf?.size ?? consents.length) > maximumVotes)
    throw new GatewayError('too-costly');
  const { told, known, stillHolds } = await whileCurrent(async () => {
    const own = asked.within?.();
    const world = edges.worldFor(context, request, signal, 'read');
    const refusedAs = ({ key }: Item) => refusal ?? refusalOf(key, context, request, edges);
    const stillHolds = () =>
      allHold([world, ...(own === undefined ? [] : [own])].map(({ stillInForce }) => stillInForce));
    const result = {
      known: own && (await readableIn(own, contents)),
      told: await inBatches(contents, world, (item) => explained(item, world, refusedAs(item))),
      stillHolds,
    };
    return { result, stillHolds };
  });
  for (const one of told) {
    const ownCuts = known?.get(one.key);
    if (known === undefined || toldOf === undefined) resources.push(one);
    else if (ownCuts !== undefined) resources.push(namingOnly(toldOf, withoutCutsAt(ownCuts, one)));
    else if (asked.keys !== undefined) missing.push(one.key);
  }
  for (const key of missing)
    resources.push({
      key,
      version: undefined,
      verdict: 'absent',
      reasons: [],
      accompanied: [],
      cuts: [],
      labels: [],
      votes: [],
    });
  return {
    patient,
    requester,
    purposes: context.purposes,
    emergency: context.emergency,
    at: request.receivedAt,
    resources,
    notRead,
    isSample,
    consents: new Map(consents.filter(({ ref }) => toldOf?.has(ref) ?? true).map((consent) => [consent.ref, consent])),
    stillHolds,
  };
}

/** What is said of each of these in one world; other requests have their turn between batches. */
async function inBatches<Said>(
  contents: readonly Content<'undecided'>[],
  { visibility, errand: { signal } }: SearchWorld,
  say: (item: Item) => Said,
): Promise<readonly Said[]> {
  const said: Said[] = [];
  for (let from = 0; from < contents.length; from += batchSize) {
    if (signal?.aborted === true) throw new GatewayError('upstream-timeout'); // nobody waits any more
    const items = await visibility.admit(contents.slice(from, from + batchSize));
    said.push(...items.map(say));
    await new Promise(setImmediate);
  }
  return said;
}

interface Standpoint {
  readonly context: RequesterContext;
  /** The requester as such is refused: an emergency that he does not state as he must. */
  readonly refusal: ErrorCode | undefined;
}

function standpointOf(requester: Requester, request: FhirRequest, { contextOf }: AdministerEdges): Standpoint {
  try {
    return { context: contextOf(requester, request), refusal: undefined };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { context: contextOf({ ...requester, purposes: [] }, request), refusal: error.code };
  }
}

/** The headers are the explainer's: his credential, purpose and emergency are not the requester's. */
function bare({ request, patient, statesEmergency }: Omit<ExplainAsked, 'maximum'>): FhirRequest {
  const { id, receivedAt, remoteAddress } = request;
  const headers: FhirRequest['headers'] =
    statesEmergency === true
      ? { 'x-emergency-patient': patient, 'x-emergency-reason': 'Asked what an emergency would open' }
      : {};
  return { id, receivedAt, remoteAddress, method: 'GET', path: [], query: [], form: [], headers };
}

/** What of it he cannot read himself is not told of: not that it is there, nor what becomes of it. */
function withoutCutsAt(ownCuts: readonly Cut[], explained: Explained): Explained {
  const isHis = ({ path }: Cut): boolean =>
    !ownCuts.some((own) => path === own.path || path.startsWith(`${own.path}.`) || own.path.startsWith(`${path}.`));
  return { ...explained, cuts: explained.cuts.filter(isHis) };
}

/**
 * A Consent that she may not read, and everybody's whom she shares the resource with, is not named; what came of it is said. Nor is
 * what a label was inherited from.
 */
function namingOnly(told: ReadonlySet<string>, { reasons, cuts, votes, labels, ...explained }: Explained): Explained {
  const unnamed = (reason: Reason): Reason => {
    const { consent, provision: _provision, ...rest } = reason;
    return consent === undefined || told.has(consent) ? reason : rest;
  };
  return {
    ...explained,
    reasons: reasons.map(unnamed),
    cuts: cuts.map((cut) => ({ ...cut, reasons: cut.reasons.map(unnamed) })),
    labels: labels.map((origin) => (origin.by === 'inherited' ? { ...origin, rule: '' } : origin)),
    votes: votes.filter(({ consent }) => told.has(consent)),
  };
}

/** Of these, what can be read in a world, and what of it cannot. */
async function readableIn(
  world: SearchWorld,
  contents: readonly Content<'undecided'>[],
): Promise<ReadonlyMap<ResourceKey, readonly Cut[]>> {
  const readable = new Map<ResourceKey, readonly Cut[]>();
  await inBatches(contents, world, (item) => {
    if (isReadable(item, world)) readable.set(item.key, world.visibility.cutsOn(item));
  });
  return readable;
}

async function toBeToldOf(
  world: SearchWorld,
  contents: readonly Content<'undecided'>[],
): Promise<readonly Content<'undecided'>[]> {
  const items = await world.visibility.admit(contents);
  return items.filter((item) => isReadable(item, world)).map(({ content }) => content);
}

/** Whether a read of it in this world would be answered with it. */
export function isReadable(item: Item, world: SearchWorld): boolean {
  const visible = world.visibility.visible(item);
  return visible !== undefined && isGranted(visible, world);
}

/** Read for each place in a sample at most: what is kept from who asks takes no place, but work. */
const readPerPlace = 20;

/**
 * The resources that are asked about, or a patient's record as far as `maximum` goes.
 * @throws {GatewayError} `too-costly` where most of a large record is kept from who asks
 */
export async function sampleOf(
  {
    patient,
    keys,
    maximum,
    signal,
    within,
  }: Pick<ExplainAsked, 'patient' | 'keys' | 'maximum' | 'signal'> & Partial<Pick<ExplainAsked, 'within'>>,
  { upstream, servedTypes, patientParameter }: AdministerEdges,
): Promise<Sample> {
  const errand = { authorization: undefined, signal };
  const contents: Content<'undecided'>[] = [];
  if (keys !== undefined) {
    const absent: ResourceKey[] = [];
    for (const key of new Set(keys)) {
      const content = await upstream.read(key, errand);
      if (content === undefined) absent.push(key);
      else contents.push(content);
    }
    return { contents, absent, notRead: [], isSample: false };
  }
  const notRead: string[] = [];
  let read = 0;
  for (const type of servedTypes) {
    const parameter = patientParameter(type);
    if (parameter === undefined) continue;
    const parameters = [[parameter, parameter === '_id' ? idOf(patient) : patient] as const];
    const search = { type, parameters, pageSize: batchSize, unsorted: true };
    try {
      for await (const { page } of pagesOf(upstream, search, undefined, errand)) {
        read += page.contents.length;
        if (read > maximum * readPerPlace) throw new GatewayError('too-costly');
        contents.push(...(within === undefined ? page.contents : await toBeToldOf(within(), page.contents)));
        if (contents.length > maximum)
          return { contents: contents.slice(0, maximum), absent: [], notRead, isSample: true };
      }
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'upstream-invalid') throw error;
      notRead.push(type); // the server does not know the type, or not by this parameter
    }
  }
  return { contents, absent: [], notRead, isSample: false };
}

function explained(item: Item, world: SearchWorld, refusal: ErrorCode | undefined): Explained {
  const { origins: labels } = item.labels;
  const about = { key: item.key, version: item.reading.facts.versionId, accompanied: [], cuts: [], labels, item };
  if (refusal !== undefined) return { ...about, verdict: 'refused', code: refusal, reasons: [], labels: [], votes: [] };
  const votes = world.visibility.votesOn(item);
  const decision = world.visibility.decisionOn(item);
  if (decision.outcome === 'withhold') return { ...about, verdict: 'withheld', reasons: decision.reasons, votes };
  const visible = world.visibility.visible(item);
  const reason = (code: Reason['code'], step: Reason['step']): readonly Reason[] => [{ code, step }];
  if (visible === undefined)
    return { ...about, verdict: 'withheld', reasons: reason('required-reference-hidden', 8), votes };
  if (!isGranted(visible, world)) return { ...about, verdict: 'withheld', reasons: reason('outside-scope', 1), votes };
  const accompanied = [...new Set(visible.decision.obligations.map(({ basis }) => basis))];
  const cuts = world.visibility.cutsOn(item);
  return { ...about, verdict: 'released', reasons: visible.decision.reasons, accompanied, cuts, votes };
}

/** Step 1: what scopes and role rules refuse on the shape of the request alone. */
function refusalOf(
  key: ResourceKey,
  context: RequesterContext,
  request: FhirRequest,
  { planFor, authorize }: AdministerEdges,
): ErrorCode | undefined {
  const plan = planFor({ ...request, path: [typeOf(key), idOf(key)] });
  if (plan.outcome === 'refuse') return plan.code;
  try {
    authorize(plan, context);
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
}
