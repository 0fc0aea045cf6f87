import { hash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors/errors.ts';
import { idOf, type PatientKey, parseLocalReference, type ResourceKey, resourceKey, typeOf } from '../fhir/ids.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';
import type { ChangeFeed } from './changes.ts';
import type { Construct } from './constructs.ts';
import { readAbout, type SubjectPlace } from './group-subjects.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import type { ParsedConsent, UnreadableConsent } from './parsed.ts';
import { type Match, matchPatients } from './patients.ts';
import type { StoredConsent } from './reading.ts';
import { actorsIn, translated } from './translate.ts';

type Parsed = ParsedConsent | UnreadableConsent;

/** What one store holds about one patient, at one moment. */
export interface Holding {
  readonly consents: readonly ParsedConsent[];
  readonly unreadable: boolean;
  /** Which versions, and whether they are hers for certain: equal texts, equal holdings. */
  readonly marks: readonly string[];
  /** Ids of them in the store. */
  readonly ids: readonly string[];
}

/** One FHIR server that holds Consents. */
export interface ConsentStore {
  /** From the configuration: `data`, or the name of another store. */
  readonly name: string;
  readonly upstream: Upstream;
  readonly feed: ChangeFeed | undefined;
  /** Whose a Consent is, as this store names patients; undefined when that is nobody it could name. */
  subjectOf(reference: string | undefined): PatientKey | undefined;
  /**
   * Everything it holds about these patients of the data server.
   * @param known called with how the store names them, before their Consents are read
   */
  of(patients: readonly PatientKey[], errand: Errand, known: Known): Promise<ReadonlyMap<PatientKey, Holding>>;
}

/** Names of patients in a store. */
export type Known = (names: ReadonlyMap<PatientKey, readonly PatientKey[]>) => Promise<void>;

export interface StoreParts {
  readonly name: string;
  readonly upstream: Upstream;
  readonly feed: ChangeFeed | undefined;
  readonly bases: readonly string[];
  /** Reads a Consent of this store, in the data server's names; never throws. */
  readonly parse: (json: unknown) => Parsed;
  readonly versions: ParsedVersions;
  readonly maximumPerPatient: number;
  /** Given for a store of a version whose Consents may be about a Group. */
  readonly groups: SubjectPlace['groups'];
}

/** Parsed Consents by store, id, version and content: a version whose content is another is parsed anew. */
export class ParsedVersions {
  readonly #parsed: LRUCache<string, { readonly parsed: Parsed }>;
  readonly #onFinding: (construct: Construct) => void;

  constructor(maximum: number, onFinding: (construct: Construct) => void) {
    this.#parsed = new LRUCache({ max: maximum });
    this.#onFinding = onFinding;
  }

  /** @returns what it says and what tells this version from any other */
  of(store: string, { id, version }: StoredConsent, json: string, parse: (json: unknown) => Parsed) {
    const digest = hash('sha256', json, 'base64url');
    const mark = `${store}/${id ?? ''}/${version ?? ''}/${digest}`;
    let known = this.#parsed.get(mark);
    if (known === undefined) {
      known = { parsed: parse(JSON.parse(json)) };
      for (const finding of known.parsed.findings) this.#onFinding(finding);
      if (id !== undefined && version !== undefined) this.#parsed.set(mark, known);
    }
    return { mark, parsed: known.parsed };
  }
}

/** The FHIR server behind the gateway, as a store of Consents: patients have the names that everybody knows. */
export function createDataStore(parts: StoreParts): ConsentStore {
  const { name, upstream, feed, bases, parse, versions, maximumPerPatient, groups } = parts;
  const subjectOf = (reference: string | undefined) => patientIn(reference, bases);
  return {
    name,
    upstream,
    feed,
    subjectOf,
    async of(patients, errand, known) {
      await known(new Map(patients.map((patient) => [patient, [patient]])));
      const place = { upstream, bases, subjectOf, groups };
      const stored = await readAbout(place, patients, maximumPerPatient * patients.length, errand);
      const holdings = new Map(patients.map((patient) => [patient, new Gathering(maximumPerPatient)]));
      for (const { consent, subjects = [] } of stored) {
        const { mark, parsed } = versions.of(name, consent, consent.text, parse);
        const asked = subjects.filter(({ patient }) => holdings.has(patient));
        // Whose it is cannot be read: it may be anybody's who was asked for.
        if (asked.length === 0) for (const one of holdings.values()) one.spoil(mark, consent.id);
        for (const { patient, isCertain } of asked)
          holdings.get(patient)?.[isCertain ? 'add' : 'doubt'](parsed, mark, consent.id);
      }
      return finished(holdings);
    },
  };
}

export interface OtherStoreParts extends StoreParts {
  /** How its patients are found: by the same ids, by references to the data server, or by identifiers of these systems. */
  readonly patients:
    | { readonly by: 'id' | 'reference' }
    | { readonly by: 'identifier'; readonly systems: readonly string[] };
  readonly data: { readonly upstream: Upstream; readonly bases: readonly string[] };
}

const maximumActors = 1_000;
const actorsPerSearch = 100;

/** Another FHIR server: its patients are matched, and what its Consents say is put into the data server's names. */
export function createOtherStore(parts: OtherStoreParts): ConsentStore {
  const { name, upstream, feed, bases, parse, versions, maximumPerPatient, data, groups } = parts;
  const base = bases[0] as string;

  const isByReference = parts.patients.by === 'reference';

  const matchesOf = async (patients: readonly PatientKey[], errand: Errand): Promise<ReadonlyMap<PatientKey, Match>> =>
    parts.patients.by === 'identifier'
      ? matchPatients(patients, { data, store: { upstream, bases }, systems: parts.patients.systems }, errand)
      : new Map(patients.map((patient) => [patient, { keys: [patient], ambiguous: false }]));

  /** By reference, a patient is one of the data server by whichever of its URLs, and no other. */
  const subjectOf = (reference: string | undefined): PatientKey | undefined =>
    isByReference
      ? patientIn(reference?.includes('://') === true ? reference : undefined, data.bases)
      : patientIn(reference, bases);
  const searched = (key: ResourceKey): readonly string[] =>
    isByReference ? data.bases.map((one) => `${one}/${key}`) : [key];

  return {
    name,
    upstream,
    feed,
    subjectOf,
    async of(patients, errand, known) {
      const matches = await matchesOf(patients, errand);
      await known(new Map([...matches].map(([patient, { keys }]) => [patient, keys])));
      const here = new Map<ResourceKey, PatientKey[]>();
      for (const [patient, { keys }] of matches)
        for (const key of keys) here.set(key, [...(here.get(key) ?? []), patient]);
      // Nobody is known there: somebody whom nobody has is asked for all the same.
      const wanted = here.size > 0 ? [...here.keys()] : [resourceKey('Patient', randomUUID())];
      const limit = maximumPerPatient * wanted.length;
      const place = { upstream, bases, subjectOf, groups };
      const stored = await readAbout(place, wanted.flatMap(searched), limit, errand);
      const identifiers = await identifiersOf(
        stored.map(({ consent }) => consent),
        errand,
      );
      const holdings = new Map(patients.map((patient) => [patient, new Gathering(maximumPerPatient)]));
      for (const { consent, subjects = [] } of stored) {
        const whose = subjects.flatMap(({ patient, isCertain }) =>
          (here.get(patient) ?? []).map((one) => ({ patient: one, isCertain })),
        );
        const json = JSON.stringify(
          translated(JSON.parse(consent.text) as Json, {
            bases: [base, ...bases.slice(1)],
            patientOf: (key) => (isByReference ? undefined : here.get(key)?.[0]),
            identifiersOf: (key) => identifiers.get(key) ?? [],
          }),
        );
        const { mark, parsed } = versions.of(name, consent, json, parse);
        // Whose it is cannot be read: it may be anybody's who was asked for.
        if (whose.length === 0) for (const one of holdings.values()) one.spoil(mark, consent.id);
        for (const { patient, isCertain } of whose) {
          const isHers = isCertain && matches.get(patient)?.ambiguous !== true;
          holdings.get(patient)?.[isHers ? 'add' : 'doubt'](named(parsed, base), mark, consent.id);
        }
      }
      for (const [patient, { ambiguous }] of matches)
        if (ambiguous) holdings.get(patient)?.spoil('ambiguous', undefined);
      return finished(holdings);
    },
  };

  /** What the store calls the people and organizations in these Consents; those it does not tell of have no name. */
  async function identifiersOf(stored: readonly StoredConsent[], errand: Errand) {
    const wanted = new Map<string, Set<string>>();
    let count = 0;
    for (const { text: json } of stored) {
      for (const key of actorsIn(JSON.parse(json) as Json, bases)) {
        const ids = wanted.get(typeOf(key)) ?? new Set();
        if (!ids.has(idOf(key)) && ++count > maximumActors) break;
        wanted.set(typeOf(key), ids.add(idOf(key)));
      }
    }
    const found = new Map<ResourceKey, readonly (readonly [string, string])[]>();
    await Promise.all(
      [...wanted].map(async ([type, ids]) => {
        const all = [...ids];
        for (let from = 0; from < all.length; from += actorsPerSearch)
          await readIdentifiers(type, all.slice(from, from + actorsPerSearch), found, errand);
      }),
    );
    return found;
  }

  async function readIdentifiers(
    type: string,
    ids: readonly string[],
    found: Map<ResourceKey, readonly (readonly [string, string])[]>,
    errand: Errand,
  ): Promise<void> {
    const search = {
      type,
      parameters: [['_id', ids.join(',')] as const],
      pageSize: actorsPerSearch * 2,
      unsorted: true,
    };
    try {
      for await (const { page } of pagesOf(upstream, search, undefined, errand)) {
        for (const content of page.contents) {
          const { json } = content.examine(({ tape, node }) => ({ json: JSON.parse(tape.raw(node)) as unknown }));
          const id = text(own(json, 'id'));
          if (id !== undefined && ids.includes(id)) found.set(resourceKey(type, id), identifiersIn(json));
        }
      }
    } catch (error) {
      // A store that keeps no such resources: its actors have no names that compare.
      if (!(error instanceof GatewayError && error.code === 'upstream-invalid')) throw error;
    }
  }
}

/** Ids are unique in their store alone: the reference to a Consent elsewhere says where. */
function named(parsed: Parsed, base: string): Parsed {
  return parsed.readable ? { ...parsed, ref: `${base}/${parsed.ref}` } : parsed;
}

function identifiersIn(json: unknown): readonly (readonly [string, string])[] {
  return list(own(json, 'identifier')).flatMap((identifier): readonly (readonly [string, string])[] => {
    const [system, value] = [text(own(identifier, 'system')), text(own(identifier, 'value'))];
    const isUsable =
      isObject(identifier) && system !== undefined && value !== undefined && own(identifier, 'use') !== 'old';
    return isUsable ? [[system, value]] : [];
  });
}

function patientIn(reference: string | undefined, bases: readonly string[]): PatientKey | undefined {
  const key = reference === undefined ? undefined : parseLocalReference(reference, bases);
  return key?.startsWith('Patient/') ? (key as PatientKey) : undefined;
}

/** What is found about one patient while a store's answer is gone through. */
class Gathering {
  readonly #maximum: number;
  readonly #consents: ParsedConsent[] = [];
  readonly #marks: string[] = [];
  readonly #ids: string[] = [];
  #unreadable = false;

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** @throws {GatewayError} `consent-unavailable` when there are more than may be */
  add(parsed: Parsed, mark: string, id: string | undefined): void {
    if (parsed.readable) {
      this.#note(mark, id);
      this.#consents.push(parsed);
    } else this.spoil(mark, id);
    if (this.#consents.length > this.#maximum) throw new GatewayError('consent-unavailable');
  }

  /** It may be about somebody else: it can deny, and neither permit nor take the place of another. */
  doubt(parsed: Parsed, mark: string, id: string | undefined): void {
    this.add(parsed.readable ? { ...parsed, denyOnly: true, family: `doubtful ${mark}` } : parsed, `${mark}?`, id);
  }

  spoil(mark: string, id: string | undefined): void {
    this.#note(`!${mark}`, id);
    this.#unreadable = true;
  }

  get holding(): Holding {
    return { consents: this.#consents, unreadable: this.#unreadable, marks: this.#marks.sort(), ids: this.#ids };
  }

  #note(mark: string, id: string | undefined): void {
    this.#marks.push(mark);
    if (id !== undefined) this.#ids.push(id);
  }
}

function finished(gatherings: ReadonlyMap<PatientKey, Gathering>): ReadonlyMap<PatientKey, Holding> {
  return new Map([...gatherings].map(([patient, gathering]) => [patient, gathering.holding]));
}
