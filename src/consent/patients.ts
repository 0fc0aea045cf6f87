import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors/errors.ts';
import { idOf, type PatientKey, parseLocalReference, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import { escapeValue } from '../plan/escape.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';
import { isObject, type Json, list, own, text } from './json.ts';

/** Who a patient of the data server is in another store. */
export interface Match {
  /** Her records there; none when the store does not know her. */
  readonly keys: readonly PatientKey[];
  /** More than one person may be meant: what her Consents there permit is not to be relied on. */
  readonly ambiguous: boolean;
}

/** A FHIR server and the bases under which references are references to its own resources. */
export interface Place {
  readonly upstream: Upstream;
  readonly bases: readonly string[];
}

export interface PatientMatching {
  readonly data: Place;
  readonly store: Place;
  /** Identifier systems that name one person each. */
  readonly systems: readonly string[];
}

const pageSize = 200;
const maximumDepth = 4;
/** Records of one person, linked to each other, in one place; with more she is ambiguous. */
const maximumRecords = 32;
/** Values in one search. */
const maximumValues = 100;

/**
 * Finds patients of the data server in another store, by identifiers in common and by `Patient.link` on both sides (FHIR R4
 * Patient.link: records about the same actual person). A search that the server cannot answer finds nobody out: it fails.
 * @throws {GatewayError} what the servers answered; `consent-unavailable` when one finds too many
 */
export async function matchPatients(
  patients: readonly PatientKey[],
  matching: PatientMatching,
  errand: Errand,
): Promise<ReadonlyMap<PatientKey, Match>> {
  const { data, store, systems } = matching;
  const here = new Records(data, systems, errand);
  await here.load(patients);
  const people = new Map(patients.map((patient) => [patient, here.personOf([patient])]));
  const wanted = new Set([...people.values()].flatMap(({ names }) => [...names]));
  const pointed = new Set(
    [...people.values()].flatMap(({ elsewhere }) => elsewhere.flatMap((url) => keyIn(url, store))),
  );
  const there = new Records(store, systems, errand);
  // For those whom nobody knows by name somebody is asked for all the same.
  const names = wanted.size > 0 ? [...wanted] : [`${systems[0] ?? ''}|${randomUUID()}`];
  await Promise.all([there.find(names), there.load([...pointed]), here.find(names)]);
  return new Map([...people].map(([patient, person]) => [patient, matchOf(patient, person)]));

  function matchOf(patient: PatientKey, person: Person): Match {
    const found = there.named(person.names);
    const directly = person.elsewhere.flatMap((url) => keyIn(url, store)).filter((key) => there.has(key));
    const starts = [...new Set([...found, ...directly])];
    if (starts.length === 0) return { keys: [], ambiguous: false };
    const whole = there.personOf(starts.slice(0, 1));
    const isOne = starts.every((key) => whole.keys.has(key));
    const all = isOne ? whole : there.personOf(starts);
    const me = here.personOf([patient]);
    const isShared = here.named(person.names).some((other) => !me.keys.has(other));
    return { keys: [...all.keys].sort(), ambiguous: !isOne || isShared || all.isCutShort || person.isCutShort };
  }
}

function keyIn(url: string, { bases }: Place): readonly PatientKey[] {
  const key = url.includes('://') ? parseLocalReference(url, bases) : undefined;
  return key?.startsWith('Patient/') ? [key as PatientKey] : [];
}

interface Person {
  readonly keys: ReadonlySet<PatientKey>;
  /** `system|value` of all her records. */
  readonly names: ReadonlySet<string>;
  /** Links of hers that lead to another server. */
  readonly elsewhere: readonly string[];
  readonly isCutShort: boolean;
}

interface PatientRecord {
  readonly names: readonly string[];
  readonly links: readonly PatientKey[];
  readonly elsewhere: readonly string[];
}

/** Patient records of one server, as far as they were read. */
class Records {
  readonly #place: Place;
  readonly #systems: readonly string[];
  readonly #errand: Errand;
  readonly #records = new Map<PatientKey, PatientRecord>();
  readonly #asked = new Set<PatientKey>();

  constructor(place: Place, systems: readonly string[], errand: Errand) {
    this.#place = place;
    this.#systems = systems;
    this.#errand = errand;
  }

  has(key: PatientKey): boolean {
    return this.#records.has(key);
  }

  /** Reads these, and what they link to, so many links deep. */
  async load(keys: readonly PatientKey[]): Promise<void> {
    let next = keys.filter((key) => !this.#asked.has(key));
    for (let depth = 0; depth <= maximumDepth && next.length > 0; depth++) {
      for (const key of next) this.#asked.add(key);
      const read: PatientKey[] = [];
      for (let from = 0; from < next.length; from += maximumValues) {
        const ids = next.slice(from, from + maximumValues).map(idOf);
        read.push(...(await this.#search('_id', ids)));
      }
      next = [...new Set(read.flatMap((key) => this.#records.get(key)?.links ?? []))].filter(
        (key) => !this.#asked.has(key),
      );
    }
  }

  /** Reads whoever bears one of these identifiers, and whom they link to. */
  async find(names: readonly string[]): Promise<void> {
    const wanted = new Set(names);
    const links: PatientKey[] = [];
    for (let from = 0; from < names.length; from += maximumValues) {
      const values = names.slice(from, from + maximumValues).map((name) => {
        const cut = name.indexOf('|'); // a system is a URI: it holds none
        return `${escapeValue(name.slice(0, cut))}|${escapeValue(name.slice(cut + 1))}`;
      });
      for (const key of await this.#search('identifier', values)) {
        const record = this.#records.get(key);
        // A server that did not understand the question answers with everybody; what was asked for by id stays.
        if (!record?.names.some((name) => wanted.has(name)) && !this.#asked.has(key)) this.#records.delete(key);
        else links.push(...(record?.links ?? []));
        this.#asked.add(key);
      }
    }
    await this.load([...new Set(links)]);
  }

  named(names: ReadonlySet<string>): readonly PatientKey[] {
    return [...this.#records].flatMap(([key, record]) => (record.names.some((name) => names.has(name)) ? key : []));
  }

  /** All records that are linked with these, in either direction. */
  personOf(starts: readonly PatientKey[]): Person {
    const keys = new Set<PatientKey>(starts);
    let isCutShort = false;
    for (let grown = true; grown; ) {
      grown = false;
      for (const [key, { links }] of this.#records) {
        if (!keys.has(key) && !links.some((link) => keys.has(link))) continue;
        for (const one of [key, ...links]) {
          if (keys.has(one)) continue;
          if (keys.size >= maximumRecords) isCutShort = true;
          else {
            keys.add(one);
            grown = true;
          }
        }
      }
    }
    const records = [...keys].flatMap((key) => this.#records.get(key) ?? []);
    const unread = [...keys].some((key) => !this.#asked.has(key));
    return {
      keys,
      names: new Set(records.flatMap(({ names }) => names)),
      elsewhere: records.flatMap(({ elsewhere }) => elsewhere),
      isCutShort: isCutShort || unread,
    };
  }

  async #search(parameter: '_id' | 'identifier', values: readonly string[]): Promise<readonly PatientKey[]> {
    const search = { type: 'Patient', parameters: [[parameter, values.join(',')] as const], pageSize, unsorted: true };
    const found: PatientKey[] = [];
    for await (const { page } of pagesOf(this.#place.upstream, search, undefined, this.#errand)) {
      for (const content of page.contents) {
        const { json } = content.examine(({ tape, node }) => ({ json: JSON.parse(tape.raw(node)) as unknown }));
        const id = text(own(json, 'id'));
        if (!isObject(json) || id === undefined) throw new GatewayError('upstream-invalid');
        const key = resourceKey('Patient', id) as PatientKey;
        this.#records.set(key, this.#recordOf(json));
        found.push(key);
      }
      if (found.length > maximumValues * maximumRecords) throw new GatewayError('consent-unavailable');
    }
    return found;
  }

  #recordOf(json: Json): PatientRecord {
    const links: PatientKey[] = [];
    const elsewhere: string[] = [];
    for (const link of list(json.link)) {
      const reference = text(own(own(link, 'other'), 'reference'));
      const key: ResourceKey | undefined =
        reference === undefined ? undefined : parseLocalReference(reference, this.#place.bases);
      if (key?.startsWith('Patient/')) links.push(key as PatientKey);
      else if (key === undefined && reference?.includes('://')) elsewhere.push(reference);
    }
    const names = list(json.identifier).flatMap((identifier) => {
      const [system, value] = [text(own(identifier, 'system')), text(own(identifier, 'value'))];
      const isUsable = system !== undefined && value !== undefined && value !== '' && own(identifier, 'use') !== 'old';
      return isUsable && this.#systems.includes(system) ? `${system}|${value}` : [];
    });
    return { names, links, elsewhere };
  }
}
