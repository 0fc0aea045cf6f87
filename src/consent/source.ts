import { randomUUID } from 'node:crypto';
import type { ConsentConfig } from '../config/consent.ts';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import { type PatientKey, resourceKey } from '../fhir/ids.ts';
import type { Errand } from '../upstream/upstream.ts';
import type { News } from './changes.ts';
import { ageOf, type Clock, type Instant, instant } from './clock.ts';
import type { Epochs } from './epochs.ts';
import type { ConsentMemory, Flight, Found } from './memory.ts';
import type { ParsedConsent, PatientConsents } from './parsed.ts';
import type { ConsentStore, Holding } from './store.ts';

/** The Consents of one patient in all stores, as they stood at one moment. */
export interface EstablishedConsents extends PatientConsents {
  /** When reading them began. */
  readonly begun: Instant;
  /** Which versions these are: equal texts, equal Consents. */
  readonly mark: string;
}

export interface ConsentSource {
  /**
   * The Consents of these patients in all stores, all statuses and all pages, no older than the configured bound.
   * @throws {GatewayError} `consent-unavailable` when any store fails
   */
  of(patients: readonly PatientKey[], errand: Errand): Promise<ReadonlyMap<PatientKey, EstablishedConsents>>;
  /**
   * Reads as for one patient, whom nobody has: to be looked at again like any other.
   * @throws {GatewayError} `consent-unavailable`
   */
  ofNobody(errand: Errand): Promise<ReadonlyMap<PatientKey, EstablishedConsents>>;
  /**
   * Whether what was established is still what counts. Asked before an answer is recorded and before it leaves: what has grown
   * older than the bound meanwhile, or is known to have changed, is read again, and stands in its place where it says the same.
   * Where nothing has to be read the answer is there at once.
   * @throws {GatewayError} `consent-unavailable`
   */
  stillHold(established: Map<PatientKey, EstablishedConsents>, errand: Errand): Promise<boolean>;
  /** What a store tells of changes: whoever holds these Consents, or is meant by them, is read anew on every replica. */
  heard(store: ConsentStore, news: News): Promise<void>;
  /** A store does not answer: nothing that is remembered is used before all stores have answered again. */
  failed(store: ConsentStore, error: unknown): void;
}

/** What is told of stores, for log and metrics; never of patients. */
export interface StoreObserver {
  readonly onStore: (store: string, code: ErrorCode | undefined) => void;
  /** Time from a change, by the store's clock, to when it was heard of, in milliseconds. */
  readonly onChange: (store: string, delayMs: number) => void;
  /** How many patients' Consents were remembered, and how many were not. */
  readonly onRecall: (remembered: number, asked: number) => void;
}

export interface SourceParts {
  readonly stores: readonly ConsentStore[];
  readonly clock: Clock;
  readonly epochs: Epochs | undefined;
  readonly memory: ConsentMemory;
  readonly observer: StoreObserver;
}

const patientsPerReading = 50;
/** With bound 0 everything is read for each request: one that took longer than this looks again before it answers. */
const shortRequestMs = 1_000;
/** How often at most what is about to leave is read again by one look. */
const maximumReadings = 3;

/**
 * Consents in force, read from every store for every patient. Which versions there are is asked again once the bound has
 * passed (at 0: for every request), or as soon as a change is heard of. A failure is never remembered.
 */
export function createConsentSource(config: ConsentConfig, parts: SourceParts): ConsentSource {
  const { stores, clock, epochs, memory, observer } = parts;
  const remembers = config.maximumAgeMs > 0;

  const readStore = async (
    store: ConsentStore,
    patients: readonly PatientKey[],
    begun: Begun,
    errand: Errand,
  ): Promise<ReadonlyMap<PatientKey, Holding>> => {
    try {
      const holdings = await store.of(patients, errand, (known) => begun.note(store.name, known));
      observer.onStore(store.name, undefined);
      return holdings;
    } catch (error) {
      if (errand.signal?.aborted !== true) failed(store, error);
      throw error;
    }
  };

  const read = async (
    patients: readonly PatientKey[],
    at: Instant,
    errand: Errand,
  ): Promise<ReadonlyMap<PatientKey, Found>> => {
    const begun = new Begun(remembers ? epochs : undefined);
    const all = await Promise.all(stores.map((store) => readStore(store, patients, begun, errand)));
    return new Map(patients.map((patient) => [patient, foundOf(patient, at, stores, all, begun)]));
  };

  /** One reading for everybody who waits for these patients now; it ends early when nobody does any more. */
  const launch = (patients: readonly PatientKey[]): Flight => {
    const abort = new AbortController();
    const at = instant(clock);
    const before = new Map(patients.map((patient) => [patient, memory.last(patient)?.mark]));
    const found = read(patients, at, { authorization: undefined, signal: abort.signal });
    const flight: Flight = { begun: at, isOver: false, found, waiting: 0, abort };
    memory.launch(patients, flight);
    void found.then((all) => tellOthers(all, before)).catch(() => undefined);
    return flight;
  };

  /** What was remembered turns out to have changed: other replicas may still remember it. */
  const tellOthers = async (
    all: ReadonlyMap<PatientKey, Found>,
    before: ReadonlyMap<PatientKey, string | undefined>,
  ): Promise<void> => {
    const changed = [...all].filter(([patient, { established }]) => {
      const mark = before.get(patient);
      return mark !== undefined && mark !== established.mark;
    });
    const names = new Set(
      changed.flatMap(([, found]) => [...found.epochs.keys()].filter((name) => !name.endsWith('/*'))),
    );
    if (names.size > 0) await epochs?.raise([...names]);
  };

  const shared = async (patients: readonly PatientKey[], errand: Errand): Promise<ReadonlyMap<PatientKey, Found>> => {
    const flights = new Set<Flight>();
    const missing: PatientKey[] = [];
    for (const patient of patients) {
      const flight = memory.flightOf(patient);
      if (flight === undefined) missing.push(patient);
      else flights.add(flight);
    }
    for (let from = 0; from < missing.length; from += patientsPerReading)
      flights.add(launch(missing.slice(from, from + patientsPerReading)));
    const found = await Promise.all([...flights].map((flight) => waitFor(flight, errand.signal)));
    return new Map(found.flatMap((one) => [...one]));
  };

  const own = async (patients: readonly PatientKey[], errand: Errand): Promise<ReadonlyMap<PatientKey, Found>> => {
    const at = instant(clock);
    const found: [PatientKey, Found][] = [];
    for (let from = 0; from < patients.length; from += patientsPerReading)
      found.push(...(await read(patients.slice(from, from + patientsPerReading), at, errand)));
    return new Map(found);
  };

  const of = async (
    patients: readonly PatientKey[],
    errand: Errand,
  ): Promise<ReadonlyMap<PatientKey, EstablishedConsents>> => {
    const result = new Map(remembers ? await memory.recall(patients) : []);
    const missing = patients.filter((patient) => !result.has(patient));
    observer.onRecall(patients.length - missing.length, missing.length);
    if (missing.length === 0) return result;
    try {
      const found = await (remembers ? shared : own)(missing, errand);
      for (const patient of missing) {
        const one = found.get(patient);
        if (one === undefined) throw new GatewayError('consent-unavailable');
        result.set(patient, one.established);
      }
    } catch (error) {
      throw new GatewayError('consent-unavailable', { cause: error });
    }
    return result;
  };

  /** While a store fails, all fail alike: who asked for whom a moment ago makes no difference. */
  function failed(store: ConsentStore, error: unknown): void {
    memory.clear();
    observer.onStore(store.name, error instanceof GatewayError ? error.code : 'internal');
  }

  /** In the same memory as what is somebody's: it is as quick to say that nobody is there. */
  let nobody = resourceKey('Patient', randomUUID()) as PatientKey;

  return {
    of,
    async ofNobody(errand) {
      if (!remembers) nobody = resourceKey('Patient', randomUUID()) as PatientKey;
      return of([nobody], errand);
    },
    async stillHold(established, errand) {
      const reread = new Set<PatientKey>();
      const isSettled = (patient: PatientKey, one: EstablishedConsents): boolean => {
        if (reread.has(patient)) return remembers ? memory.isYoung(one.begun) : true;
        return remembers ? memory.holds(patient, one) : ageOf(one.begun, clock) < shortRequestMs;
      };
      // While some are read again others may grow too old, and so may those of a store that takes longer than the bound.
      for (let reading = 0; reading <= maximumReadings; reading++) {
        const unsettled = [...established].flatMap(([patient, one]) => (isSettled(patient, one) ? [] : [patient]));
        if (unsettled.length === 0) return true;
        if (reading === maximumReadings) break;
        const now = await of(unsettled, errand);
        for (const patient of unsettled) {
          const one = now.get(patient);
          if (one === undefined || one.mark !== established.get(patient)?.mark) return false;
          established.set(patient, one);
          reread.add(patient);
        }
      }
      return false;
    },
    async heard(store, news) {
      const names = namesIn(store, news, memory);
      if (names.length === 0) return;
      memory.drop(names);
      if (news !== 'unknown')
        for (const { at } of news) if (at !== undefined) observer.onChange(store.name, Math.max(0, clock.now() - at));
      await epochs?.raise(names);
    },
    failed,
  };
}

/** Names under which the holders of changed Consents are remembered, here and elsewhere. */
function namesIn(store: ConsentStore, news: News, memory: ConsentMemory): readonly string[] {
  if (news === 'unknown') return [`${store.name}/*`];
  const held = memory.namesOf(news.map(({ id }) => `${store.name}/Consent/${id}`));
  const names = new Set(held.filter((name) => !name.endsWith('/*')));
  for (const { patient } of news) {
    const key = store.subjectOf(patient);
    if (key !== undefined) names.add(`${store.name}/${key}`);
    // Whose it is cannot be read: it may be anybody's.
    else if (patient !== undefined) names.add(`${store.name}/*`);
  }
  return [...names];
}

/** Names of the patients of one reading, with the epochs they had before their Consents were read. */
class Begun {
  readonly #epochs: Epochs | undefined;
  readonly #names = new Map<PatientKey, Map<string, string | undefined>>();

  constructor(epochs: Epochs | undefined) {
    this.#epochs = epochs;
  }

  async note(store: string, known: ReadonlyMap<PatientKey, readonly PatientKey[]>): Promise<void> {
    const all = [...new Set([...known.values()].flat())].map((key) => `${store}/${key}`);
    const names = [`${store}/*`, ...all];
    const told = await this.#epochs?.begin(names);
    const epochs = new Map(names.map((name, index) => [name, told?.[index]]));
    for (const [patient, keys] of known) {
      const hers = this.#names.get(patient) ?? new Map<string, string | undefined>();
      this.#names.set(patient, hers);
      for (const name of [`${store}/*`, ...keys.map((key) => `${store}/${key}`)]) hers.set(name, epochs.get(name));
    }
  }

  of(patient: PatientKey): ReadonlyMap<string, string | undefined> {
    return this.#names.get(patient) ?? new Map();
  }
}

function foundOf(
  patient: PatientKey,
  begun: Instant,
  stores: readonly ConsentStore[],
  all: readonly ReadonlyMap<PatientKey, Holding>[],
  names: Begun,
): Found {
  const consents: ParsedConsent[] = [];
  const marks: string[] = [];
  const ids: string[] = [];
  let unreadable = false;
  for (const [index, { name }] of stores.entries()) {
    const holding = all[index]?.get(patient);
    if (holding === undefined) throw new GatewayError('consent-unavailable');
    consents.push(...holding.consents);
    marks.push(...holding.marks);
    ids.push(...holding.ids.map((id) => `${name}/Consent/${id}`));
    unreadable ||= holding.unreadable;
  }
  return {
    established: { consents, unreadable, begun, mark: marks.join('\n') },
    epochs: names.of(patient),
    consents: ids,
  };
}

/** What a flight finds, unless whoever waits gives up first; with nobody left to wait it is called off. */
function waitFor(flight: Flight, signal: AbortSignal | undefined): Promise<ReadonlyMap<PatientKey, Found>> {
  flight.waiting++;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      if (--flight.waiting === 0) flight.abort.abort(signal?.reason);
      reject(new GatewayError('consent-unavailable'));
    };
    if (signal?.aborted === true) return giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    flight.found.then(resolve, reject).finally(() => signal?.removeEventListener('abort', giveUp));
  });
}
