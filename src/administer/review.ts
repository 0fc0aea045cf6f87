import type { ParsedConsent } from '../consent/parsed.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { isNewer } from '../decide/families.ts';
import { isGranted, type SearchWorld } from '../discover/search.ts';
import type { Item } from '../discover/visibility.ts';
import type { Content } from '../document/content.ts';
import { GatewayError } from '../errors/errors.ts';
import { type PatientKey, parseRelativeReference, type ResourceKey } from '../fhir/ids.ts';
import type { FhirRequest } from '../fhir/request.ts';
import type { Version } from '../upstream/upstream.ts';
import { allHold, whileCurrent } from './current.ts';
import type { AdministerEdges } from './edges.ts';
import { type ConsentReview, type InForce, keyOf, reviewOf } from './in-force.ts';
import { namesOf } from './names.ts';
import type { ConsentVersion } from './versions.ts';
import { keysToName, type Lexicon } from './words.ts';

/** Who reads what is in force for a patient. */
export type Reader = 'self' | 'representative' | 'manager';

export interface Review {
  readonly reader: Reader;
  /** Whether the Consents that it tells of, and rests on, are still those in force. */
  readonly stillHolds: () => Promise<boolean>;
  readonly inForce: InForce;
  readonly lexicon: Lexicon;
  /** The Consents that are told of, as the record names them; undefined where another store holds them. */
  readonly told: readonly { readonly consent: ParsedConsent; readonly item: Item | undefined }[];
}

export interface ReviewAsked {
  readonly patient: PatientKey;
  readonly context: RequesterContext;
  readonly request: FhirRequest;
  readonly signal: AbortSignal;
  /** Roles of the requester are granted to manage consents. */
  readonly isManager: boolean;
}

/** Histories are read of this many, the newest first. */
const maximumHistories = 100;

/**
 * What is in force for a patient, for herself, for who stands for her and for who manages consents. Whoever is none of
 * these gets undefined before anything of hers is read, whether she exists or not.
 * @throws {GatewayError} `consent-unavailable` and the upstream's
 */
export function reviewFor(asked: ReviewAsked, edges: AdministerEdges): Promise<Review | undefined> {
  return whileCurrent(async () => {
    const result = await reviewOnce(asked, edges);
    return { result, stillHolds: result?.stillHolds ?? (async () => true) };
  });
}

/** What the gateway reads on its own behalf. */
function ownErrand({ signal }: ReviewAsked) {
  return { authorization: undefined, signal };
}

async function reviewOnce(asked: ReviewAsked, edges: AdministerEdges): Promise<Review | undefined> {
  const { patient, context, request, signal, isManager } = asked;
  const world = edges.worldFor(context, request, signal, 'read');
  const reader = isManager ? 'manager' : await readerOf(patient, world);
  if (reader === undefined) return undefined;
  await world.visibility.load([patient]);
  const record = world.visibility.item(patient);
  const mayRead = record !== undefined && (isManager || world.visibility.visible(record) !== undefined);
  if (!mayRead) return undefined;
  const held = (await edges.consents.of([patient], ownErrand(asked))).get(patient);
  if (held === undefined) throw new GatewayError('consent-unavailable');
  const found = new Map([[patient, held]]);
  await world.visibility.load(held.consents.flatMap((consent) => localKeyOf(consent) ?? []));
  const told = held.consents
    .map((consent) => ({ consent, item: itemOf(consent, world) }))
    .filter(({ item }) => isManager || mayBeTold(item, reader, world));
  const consents = told.map(({ consent }) => consent);
  const names = await namesOf(keysToName(consents), world);
  const lexicon: Lexicon = { calendar: edges.calendar, names };
  const histories = new Map<string, readonly ConsentVersion[]>();
  const newest = told.toSorted((a, b) => (isNewer(a.consent, b.consent) ? -1 : 1));
  for (const { consent, item } of newest.slice(0, maximumHistories)) {
    const versions = item === undefined ? undefined : await versionsOf(item.key, isManager, world, edges);
    if (versions !== undefined) histories.set(keyOf(consent), versions);
  }
  // To who stands for her it counts as among those that he may know of: by which other one, and that there is one, is kept from him.
  const known = reader === 'representative' ? { consents, unreadable: false } : held;
  const whole = reviewOf(patient, { consents: known, histories }, context.at, edges.settings, lexicon);
  const may = new Set(consents.map(({ ref }) => ref));
  // Who stands for her reads views, which have versions of their own: a stored one tells of others.
  const named = reader === 'representative' ? withoutVersions : (review: ConsentReview) => review;
  return {
    reader,
    stillHolds: () => allHold([world.stillInForce, () => edges.consents.stillHold(found, ownErrand(asked))]),
    lexicon,
    told,
    inForce: {
      ...whole,
      consents: whole.consents
        .filter(({ ref }) => may.has(ref))
        .map(({ by, ...consent }) => (by === undefined || !may.has(by) ? consent : { ...consent, by }))
        .map(named),
    },
  };
}

/** References of those Consents of a patient that she herself could read. */
export async function toldToHerself(
  consents: readonly ParsedConsent[],
  world: SearchWorld,
): Promise<ReadonlySet<string>> {
  await world.visibility.load(consents.flatMap((consent) => localKeyOf(consent) ?? []));
  return new Set(consents.filter((consent) => mayBeTold(itemOf(consent, world), 'self', world)).map(({ ref }) => ref));
}

function withoutVersions({ ref, by, changes, ...review }: ConsentReview): ConsentReview {
  return {
    ...review,
    ref: keyOf({ ref }),
    ...(by === undefined ? {} : { by: keyOf({ ref: by }) }),
    changes: changes?.map((change) => ({ ...change, versionId: undefined })),
  };
}

async function readerOf(patient: PatientKey, { visibility }: SearchWorld): Promise<Reader | undefined> {
  const { kind } = await visibility.standing(patient);
  return kind === 'none' ? undefined : kind;
}

function localKeyOf(consent: ParsedConsent): ResourceKey | undefined {
  const key = parseRelativeReference(keyOf(consent));
  return key?.startsWith('Consent/') === true ? key : undefined;
}

function itemOf(consent: ParsedConsent, { visibility }: SearchWorld): Item | undefined {
  const key = localKeyOf(consent);
  return key === undefined ? undefined : visibility.item(key);
}

/** As reading the Consent itself; what another store holds has no labels here, so it is for the patient herself. */
function mayBeTold(item: Item | undefined, reader: Reader, world: SearchWorld): boolean {
  if (item === undefined) return reader === 'self' && world.grantFor('Consent').granted;
  const visible = world.visibility.visible(item);
  return visible !== undefined && isGranted(visible, world);
}

/**
 * Versions that may be told of, newest first. Undefined where the store keeps no history that can be read; while it does not answer
 * nothing is told.
 */
async function versionsOf(
  key: ResourceKey,
  isManager: boolean,
  world: SearchWorld,
  { parse, settings }: AdministerEdges,
): Promise<readonly ConsentVersion[] | undefined> {
  try {
    const all = await world.upstream.history(key, { authorization: undefined, signal: world.errand.signal });
    const versions = isManager ? all : all && (await readableOf(all, world));
    return versions?.map(({ content }): ConsentVersion => {
      if (content === undefined) return { versionId: undefined, lastUpdated: undefined, consent: undefined };
      const { json } = jsonOf(content);
      const { versionId, lastUpdated } = metaOf(json);
      return { versionId, lastUpdated: settings.instantOf(lastUpdated)?.start, consent: parse(json) };
    });
  } catch (error) {
    if (error instanceof GatewayError && (error.code === 'upstream-invalid' || error.code === 'too-costly'))
      return undefined;
    throw error;
  }
}

/** As their history would show them; that it was deleted, after the first one that it shows. */
async function readableOf(versions: readonly Version[], world: SearchWorld): Promise<readonly Version[]> {
  const judged = await world.visibility.versions(versions.flatMap(({ content }) => content ?? []));
  const readable = new Set(
    judged.flatMap(({ item, visible }) => (visible !== undefined && isGranted(visible, world) ? item.content : [])),
  );
  const oldest = versions.findLastIndex(({ content }) => content !== undefined && readable.has(content));
  return versions.slice(0, oldest + 1).filter(({ content }) => content === undefined || readable.has(content));
}

/** Consents are parsed, never sent: what they say leaves in words of the gateway's own. */
function jsonOf(content: Content<'undecided'>): { readonly json: unknown } {
  return content.examine(({ tape, node }) => ({ json: JSON.parse(tape.raw(node)) as unknown }));
}

function metaOf(json: unknown): { readonly versionId: string | undefined; readonly lastUpdated: string | undefined } {
  const { meta } = json as { readonly meta?: { readonly versionId?: unknown; readonly lastUpdated?: unknown } };
  return {
    versionId: typeof meta?.versionId === 'string' ? meta.versionId : undefined,
    lastUpdated: typeof meta?.lastUpdated === 'string' ? meta.lastUpdated : undefined,
  };
}
