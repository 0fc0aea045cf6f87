import { LRUCache } from 'lru-cache';
import type { PatientKey } from '../fhir/ids.ts';
import { ageOf, type Clock, type Instant } from './clock.ts';
import { type Epochs, markOf } from './epochs.ts';
import type { EstablishedConsents } from './source.ts';

/** What was read about one patient, and under which names it goes out of date. */
export interface Found {
  readonly established: EstablishedConsents;
  /** Names in stores and of stores (`data/Patient/x`, `data/*`), with their epochs when Redis told them before the reading. */
  readonly epochs: ReadonlyMap<string, string | undefined>;
  /** Consents of hers (`data/Consent/x`): a deletion tells nothing else. */
  readonly consents: readonly string[];
}

/** A reading under way. */
export interface Flight {
  readonly begun: Instant;
  /** Something changed since it began: what it finds may be used by those who wait for it, and is not remembered. */
  isOver: boolean;
  readonly found: Promise<ReadonlyMap<PatientKey, Found>>;
  waiting: number;
  readonly abort: AbortController;
}

/**
 * Consents read a moment ago, for as long as the bound allows and until a change of theirs is heard of. A reading that
 * began before a change and ends after it is not remembered: names go out of date by the flight too.
 */
export class ConsentMemory {
  readonly #boundMs: number;
  readonly #clock: Clock;
  readonly #epochs: Epochs | undefined;
  readonly #markKey: Uint8Array;
  readonly #found: LRUCache<PatientKey, Found>;
  readonly #flights = new Map<PatientKey, Flight>();
  /** When a change was last heard of, by the steady clock. */
  #disturbedAt = Number.NEGATIVE_INFINITY;
  /** Marks of names, and Consents, to those remembered under them. */
  readonly #whose = new Map<string, Set<PatientKey>>();

  constructor(parts: {
    readonly maximum: number;
    readonly boundMs: number;
    readonly clock: Clock;
    readonly epochs: Epochs | undefined;
    readonly markKey: Uint8Array;
  }) {
    this.#boundMs = parts.boundMs;
    this.#clock = parts.clock;
    this.#epochs = parts.epochs;
    this.#markKey = parts.markKey;
    this.#found = new LRUCache({
      max: parts.maximum,
      dispose: (found, patient) => this.#unlist(patient, found),
    });
  }

  /** Young enough, whatever epochs say. */
  isYoung(then: Instant): boolean {
    return ageOf(then, this.#clock) < this.#boundMs;
  }

  /** Young enough, and nothing was heard that might concern it. */
  holds(patient: PatientKey, established: EstablishedConsents): boolean {
    if (!this.isYoung(established.begun)) return false;
    return this.#disturbedAt < established.begun.steady || this.#found.peek(patient)?.established === established;
  }

  /** Last remembered, out of date or not. */
  last(patient: PatientKey): EstablishedConsents | undefined {
    return this.#found.peek(patient)?.established;
  }

  /** Those of these patients who are remembered and in date, by their age and by the epochs that other replicas raise. */
  async recall(patients: readonly PatientKey[]): Promise<ReadonlyMap<PatientKey, EstablishedConsents>> {
    const candidates: [PatientKey, Found][] = [];
    for (const patient of patients) {
      const found = this.#found.get(patient);
      if (found !== undefined && this.isYoung(found.established.begun)) candidates.push([patient, found]);
    }
    const names = [...new Set(candidates.flatMap(([, { epochs }]) => [...epochs.keys()]))];
    const told = names.length === 0 ? undefined : await this.#epochs?.current(names);
    // Nobody to ask, or no answer: each replica keeps to its own bound.
    const now = told === undefined ? undefined : new Map(names.map((name, index) => [name, told[index]]));
    const isCurrent = ({ epochs }: Found): boolean =>
      now === undefined || [...epochs].every(([name, epoch]) => epoch !== undefined && epoch === now.get(name));
    return new Map(
      candidates
        .filter(([patient, found]) => isCurrent(found) && this.#found.peek(patient) === found)
        .map(([patient, { established }]) => [patient, established]),
    );
  }

  /** A reading of hers that began within the bound, and after everything that is known to have changed. */
  flightOf(patient: PatientKey): Flight | undefined {
    const flight = this.#flights.get(patient);
    return flight !== undefined && !flight.isOver && !flight.abort.signal.aborted && this.isYoung(flight.begun)
      ? flight
      : undefined;
  }

  /** Whoever needs these patients meanwhile waits for the same reading; it is remembered unless something changes. */
  launch(patients: readonly PatientKey[], flight: Flight): void {
    for (const patient of patients) this.#flights.set(patient, flight);
    flight.found
      .then((found) => {
        if (!flight.isOver) for (const [patient, one] of found) this.#remember(patient, one);
      })
      .catch(() => undefined) // who waits for it hears
      .finally(() => {
        for (const patient of patients) if (this.#flights.get(patient) === flight) this.#flights.delete(patient);
      });
  }

  /** Something changed under these names. */
  drop(names: readonly string[]): readonly PatientKey[] {
    return this.dropMarks(names.map((name) => markOf(this.#markKey, name)));
  }

  /** @returns who was remembered under them */
  dropMarks(marks: readonly string[]): readonly PatientKey[] {
    this.#disturbedAt = this.#clock.steady();
    // What a reading under way will be remembered under is not known yet: none of them is remembered.
    for (const flight of this.#flights.values()) flight.isOver = true;
    const patients = new Set(marks.flatMap((mark) => [...(this.#whose.get(mark) ?? [])]));
    for (const patient of patients) this.#found.delete(patient);
    return [...patients];
  }

  /** Names under which those are remembered who hold one of these Consents. */
  namesOf(consents: readonly string[]): readonly string[] {
    const patients = new Set(consents.flatMap((one) => [...(this.#whose.get(one) ?? [])]));
    return [...patients].flatMap((patient) => [...(this.#found.peek(patient)?.epochs.keys() ?? [])]);
  }

  clear(): void {
    for (const flight of this.#flights.values()) flight.isOver = true;
    this.#found.clear();
  }

  #remember(patient: PatientKey, found: Found): void {
    this.#found.set(patient, found);
    for (const key of this.#keysOf(found)) this.#whose.set(key, (this.#whose.get(key) ?? new Set()).add(patient));
  }

  #unlist(patient: PatientKey, found: Found): void {
    for (const key of this.#keysOf(found)) {
      const whose = this.#whose.get(key);
      whose?.delete(patient);
      if (whose?.size === 0) this.#whose.delete(key);
    }
  }

  #keysOf({ epochs, consents }: Found): readonly string[] {
    return [...[...epochs.keys()].map((name) => markOf(this.#markKey, name)), ...consents];
  }
}
