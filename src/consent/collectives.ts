import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ConsentConfig } from '../config/consent.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Coding } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import { idOf, type PatientKey, type ResourceKey, resourceKey, typeOf } from '../fhir/ids.ts';
import { canonicalSystem } from '../fhir/vocabulary.ts';
import type { Errand, Upstream } from '../upstream/upstream.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import { namedCollectives, type ParsedConsent } from './parsed.ts';
import { readList, settled } from './reading.ts';
import { referenceNames } from './references.ts';

/** One member, by every name his reference has; outside his period, or no longer active, he is none. */
export interface Member {
  readonly names: readonly string[];
  readonly current: boolean | 'unknown';
}

/** One characteristic of a described Group: one of these codes, or whom these names name. */
export interface Trait {
  readonly codes: readonly Coding[];
  readonly names: readonly string[];
  readonly excluded: boolean;
  /** Of a form that cannot be told of who asks. */
  readonly unknown: boolean;
}

/** What a Consent's actor stands for when it is a Group, a CareTeam or a PractitionerRole. */
export type Collective =
  | { readonly kind: 'listed'; readonly members: readonly Member[] }
  | { readonly kind: 'described'; readonly traits: readonly Trait[] }
  | { readonly kind: 'role'; readonly practitioner: readonly string[]; readonly organization: readonly string[] }
  /** Not active, or past: nobody belongs to it now. */
  | { readonly kind: 'ended' };

export interface Collectives {
  /**
   * Those that Consents of these patients name, as far as the FHIR server has them; the others are missing. What is
   * read at all depends on which patients are asked for and when, never on what their Consents name: where nothing
   * is named, nobody is looked up.
   * @throws {GatewayError} `consent-unavailable`
   */
  of(
    consents: ReadonlyMap<PatientKey, readonly ParsedConsent[]>,
    errand: Errand,
  ): Promise<ReadonlyMap<ResourceKey, Collective>>;
  /**
   * Reads as for one patient whose Consents name nobody, and keeps nothing.
   * @throws {GatewayError} `consent-unavailable`
   */
  ofNobody(errand: Errand): Promise<void>;
}

export interface CollectiveParts {
  readonly upstream: Upstream;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly localBases: readonly string[];
  readonly time: TimeReader;
}

export const collectiveTypes = ['CareTeam', 'Group', 'PractitionerRole'] as const;
/** Most that are looked up for one request; with more, those beyond are not known. */
const maximumNamed = 600;
const perSearch = 200;

interface Remembered {
  readonly at: number;
  readonly asked: ReadonlySet<ResourceKey>;
  readonly found: ReadonlyMap<ResourceKey, Collective>;
}

/** Remembered by patient for as long as Consents may be; a failure never is. */
export function createCollectives(config: ConsentConfig, parts: CollectiveParts): Collectives {
  const remembered = new LRUCache<PatientKey, Remembered>({ max: config.rememberedPatients });
  return {
    async of(consents, errand) {
      const found = new Map<ResourceKey, Collective>();
      if (!config.memberships) return found;
      const now = parts.now();
      const stale = new Map<PatientKey, readonly ResourceKey[]>();
      for (const [patient, hers] of consents) {
        const keys = namedCollectives(hers);
        const known = remembered.get(patient);
        const age = known === undefined ? -1 : now - known.at;
        if (known !== undefined && age >= 0 && age < config.maximumAgeMs && keys.every((key) => known.asked.has(key)))
          for (const [key, collective] of known.found) found.set(key, collective);
        else stale.set(patient, keys);
      }
      if (stale.size === 0) return found;
      try {
        const asked = new Set([...stale.values()].flat().slice(0, maximumNamed));
        const fresh = await read(asked, parts, errand, now);
        for (const [key, collective] of fresh) found.set(key, collective);
        for (const [patient, keys] of stale) {
          const hers = keys.flatMap((key): [ResourceKey, Collective][] => {
            const collective = fresh.get(key);
            return collective === undefined ? [] : [[key, collective]];
          });
          remembered.set(patient, { at: now, asked: new Set(keys), found: new Map(hers) });
        }
      } catch (error) {
        throw new GatewayError('consent-unavailable', { cause: error });
      }
      return found;
    },
    async ofNobody(errand) {
      if (!config.memberships) return;
      try {
        await read(new Set(), parts, errand, parts.now());
      } catch (error) {
        throw new GatewayError('consent-unavailable', { cause: error });
      }
    },
  };
}

/** One search of each kind at least. */
async function read(
  keys: ReadonlySet<ResourceKey>,
  parts: CollectiveParts,
  errand: Errand,
  at: number,
): Promise<ReadonlyMap<ResourceKey, Collective>> {
  const found = new Map<ResourceKey, Collective>();
  const searches = collectiveTypes.flatMap((type) => {
    const ids = [...keys].filter((key) => typeOf(key) === type).map(idOf);
    if (ids.length === 0) ids.push(randomUUID()); // nobody's
    const batches: Promise<void>[] = [];
    for (let from = 0; from < ids.length; from += perSearch)
      batches.push(search(type, ids.slice(from, from + perSearch)));
    return batches;
  });
  await Promise.all(searches);
  return found;

  async function search(type: string, ids: readonly string[]): Promise<void> {
    const looked = { type, parameters: [['_id', ids.join(',')] as const], pageSize: perSearch, unsorted: true };
    try {
      for (const { json } of await settled(() => readList(parts.upstream, looked, errand))) {
        const id = text(own(json, 'id'));
        if (id !== undefined && ids.includes(id)) found.set(resourceKey(type, id), collectiveOf(json, type, parts, at));
      }
    } catch (error) {
      // A server that keeps none of them: what Consents name of these is not known.
      if (!(error instanceof GatewayError && error.code === 'upstream-invalid')) throw error;
    }
  }
}

type Reader = Pick<CollectiveParts, 'localBases' | 'time'>;

/** What a resource of one of these types says of who belongs to it. @param at epoch milliseconds */
export function collectiveOf(resource: Json, type: string, reader: Reader, at: number): Collective {
  if (own(resource, 'modifierExtension') !== undefined) return { kind: 'listed', members: [] };
  if (type === 'Group') return groupOf(resource, reader, at);
  const current = isCurrent(resource, reader.time, at);
  if (current === 'unknown') return { kind: 'listed', members: [] };
  if (!current) return { kind: 'ended' };
  if (type === 'CareTeam') return { kind: 'listed', members: membersOf(resource, 'participant', 'member', reader, at) };
  const names = (element: string) => referenceNames(own(resource, element), reader.localBases).names;
  return { kind: 'role', practitioner: names('practitioner'), organization: names('organization') };
}

/** A Group of certain individuals lists them; one of a kind of individuals describes them (FHIR R4 Group.actual, R5 Group.membership). */
function groupOf(group: Json, reader: Reader, at: number): Collective {
  if (own(group, 'active') === false) return { kind: 'ended' };
  // R4 says whether it is of certain individuals, R5 whether they are enumerated (Group.actual, Group.membership).
  if (own(group, 'actual') !== false && own(group, 'membership') !== 'definitional')
    return { kind: 'listed', members: membersOf(group, 'member', 'entity', reader, at) };
  const traits = list(own(group, 'characteristic')).map((one) => traitOf(one, reader, at));
  // Of a description that combines its traits otherwise than by "and" (R5), and of people who are no users, nothing is known.
  const isUsual = own(group, 'combinationMethod') === undefined && own(group, 'type') === 'practitioner';
  return { kind: 'described', traits: isUsual ? traits : [] };
}

function membersOf(resource: Json, element: string, reference: string, reader: Reader, at: number): readonly Member[] {
  return list(own(resource, element)).map((member) => ({
    names: referenceNames(own(member, reference), reader.localBases).names,
    current: isCurrent(member, reader.time, at),
  }));
}

function traitOf(characteristic: unknown, reader: Reader, at: number): Trait {
  const excluded = own(characteristic, 'exclude') === true;
  const codings = list(own(own(characteristic, 'valueCodeableConcept'), 'coding'));
  const codes = codings.flatMap((coding): Coding[] => {
    const [system, code] = [text(own(coding, 'system')), text(own(coding, 'code'))];
    return system === undefined || code === undefined ? [] : [{ system: canonicalSystem(system), code }];
  });
  const { names } = referenceNames(own(characteristic, 'valueReference'), reader.localBases);
  const isOdd =
    isObject(characteristic) && ['extension', 'modifierExtension'].some((name) => Object.hasOwn(characteristic, name));
  const unknown =
    isOdd ||
    codes.length !== codings.length ||
    (codes.length === 0) === (names.length === 0) ||
    typeof own(characteristic, 'exclude') !== 'boolean' ||
    isCurrent({ period: own(characteristic, 'period') }, reader.time, at) !== true;
  return { codes, names, excluded, unknown };
}

/** Not switched off, of a status that stands, and in its period. */
export function isCurrent(thing: unknown, time: TimeReader, at: number): boolean | 'unknown' {
  if (own(thing, 'active') === false || own(thing, 'inactive') === true) return false;
  const status = own(thing, 'status');
  if (status !== undefined && status !== 'active') return false;
  if (own(thing, 'modifierExtension') !== undefined) return 'unknown';
  if (own(thing, 'coverageTiming') !== undefined) return 'unknown'; // a schedule (R5 CareTeam.participant.coverage[x])
  const period = own(thing, 'period') ?? own(thing, 'coveragePeriod');
  if (period === undefined) return true;
  const [start, end] = ['start', 'end'].map((name) => own(period, name));
  const from = start === undefined ? Number.NEGATIVE_INFINITY : intervalOf(text(start) ?? '', time)?.start;
  const to = end === undefined ? Number.POSITIVE_INFINITY : intervalOf(text(end) ?? '', time)?.end;
  if (!isObject(period) || from === undefined || to === undefined) return 'unknown';
  return from <= at && at <= to;
}
