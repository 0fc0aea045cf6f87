import type { Requester } from '../authenticate/requester.ts';
import type { Part2Config } from '../config/part2.ts';
import type { Interval } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { part2, purposeCovers, substanceClass } from '../fhir/vocabulary.ts';
import { type Asker, matchesPurpose } from './match.ts';
import type { Candidate } from './question.ts';

/** A registered agreement, approval or order, made ready: the exceptions of 42 CFR Part 2 that rest on paper. */
export interface Agreement {
  readonly id: string;
  readonly kind: 'qso' | 'research' | 'audit' | 'fda' | 'order';
  /** Source programs, each by its first configured name; undefined: whatever is Part 2 data here. */
  readonly programs: ReadonlySet<string> | undefined;
  readonly recipients: readonly string[];
  readonly purposes: readonly string[];
  /** Undefined: every type. */
  readonly types: ReadonlySet<string> | undefined;
  /** Single resources, of an order; undefined: every one. */
  readonly resources: ReadonlySet<string> | undefined;
  /** Those whose records it covers; undefined: everybody. */
  readonly patients: ReadonlySet<string> | undefined;
  /** It names Patients themselves. */
  readonly listsPatients: boolean;
  /** Topics that it covers beside 42CFRPart2 and substance use. */
  readonly topics: ReadonlySet<string>;
  readonly period: Interval;
}

/**
 * What a deployment registered, made ready.
 * @param nameOf an organization as the configuration names it, in the form in which references to it are read
 * @param programOf a program as the configuration names it, by its first name
 */
export function registered(
  { agreements, orders }: Part2Config,
  time: TimeReader,
  nameOf: (entry: string) => string,
  programOf: (entry: string) => string = nameOf,
): readonly Agreement[] {
  const period = (from: string | undefined, until: string): Interval => ({
    start: from === undefined ? Number.NEGATIVE_INFINITY : (intervalOf(from, time)?.start ?? Number.POSITIVE_INFINITY),
    end: intervalOf(until, time)?.end ?? Number.NEGATIVE_INFINITY,
  });
  return [
    ...agreements.map(
      (one): Agreement => ({
        id: one.id,
        kind: one.kind,
        programs: one.programs.includes('server') ? undefined : new Set(one.programs.map(programOf)),
        recipients: one.recipients.map(nameOf),
        purposes: one.purposes,
        types: one.types.length === 0 ? undefined : new Set(one.types),
        resources: undefined,
        patients: one.patients.length === 0 ? undefined : new Set(one.patients),
        listsPatients: one.types.includes('Patient'),
        topics: new Set(one.topics),
        period: period(one.from, one.until),
      }),
    ),
    ...orders.map(
      (one): Agreement => ({
        id: one.id,
        kind: 'order',
        programs: undefined,
        recipients: one.recipients.map(nameOf),
        purposes: ['HLEGAL'],
        types: undefined,
        resources: new Set(one.approved),
        patients: undefined,
        listsPatients: one.approved.some((key) => key.startsWith('Patient/')),
        topics: new Set(),
        period: period(one.from, one.until),
      }),
    ),
  ];
}

/** Those that may be this requester's at all: a notice of the FDA is for its medical personnel (42 CFR 2.51(b)), and no system is that. */
export function openTo(
  { clientKind, roles }: Pick<Requester, 'clientKind' | 'roles'>,
  agreements: readonly Agreement[],
  clinicianRoles: readonly string[],
): readonly Agreement[] {
  const isMedical = clientKind === 'app' && roles.some((role) => clinicianRoles.includes(role));
  return agreements.filter(({ kind }) => kind !== 'fda' || isMedical);
}

/** The agreements under which this resource, as this patient's, may go to this requester, for this purpose, now. */
export function agreementsFor(
  agreements: readonly Agreement[],
  asker: Asker,
  candidate: Candidate,
  patient: PatientKey,
): readonly Agreement[] {
  return agreements.filter((one) => isFor(one, asker, patient) && covers(one, candidate));
}

/**
 * The agreement under which this requester may know who the patient is. That she exists follows from any record that is
 * given; her own resource has to be listed, and be the programs' or hers who is named herself.
 */
export function identityFor(
  agreements: readonly Agreement[],
  asker: Asker,
  candidate: Candidate,
  patient: PatientKey,
): Agreement | undefined {
  return agreements.find(
    (one) =>
      isFor(one, asker, patient) &&
      (candidate.asTarget || (one.listsPatients && (one.patients !== undefined || covers(one, candidate)))),
  );
}

function isFor(
  { recipients, purposes, period, patients }: Agreement,
  { purpose, at, organizations, identities }: Asker,
  patient: PatientKey,
): boolean {
  return (
    (patients === undefined || patients.has(patient)) &&
    period.start <= at &&
    at <= period.end &&
    recipients.some((one) => organizations.has(one) || identities.has(one)) &&
    matchesPurpose({ codes: purposes }, 'permit', purpose) === 'yes'
  );
}

/** What holds the records of several programs is covered where each of them is a party to it. */
function covers({ types, resources, programs }: Agreement, { facts, sources }: Candidate): boolean {
  return (
    (types === undefined || types.has(facts.type)) &&
    (resources === undefined || resources.has(facts.key)) &&
    (programs === undefined || comesFromAlone(sources, (program) => programs.has(program)))
  );
}

/** Whether its sources are known, and every one of them is among these. */
export function comesFromAlone(sources: readonly string[], isAmong: (program: string) => boolean): boolean {
  return sources.length > 0 && sources.every(isAmong);
}

/** Beside what only the law's own code says: substance use is what a program's records are about. */
export function coversTopic({ topics }: Agreement, topic: string): boolean {
  return substanceClass.has(topic) || topics.has(topic);
}

/** Purposes that 42 CFR 2.33(b)(1) speaks of: treatment, payment, operations, and no proceedings. */
export function isForOperations(purpose: string): boolean {
  const isTpo = ['TREAT', 'HPAYMT', 'HOPERAT'].some((one) => purposeCovers(one, purpose));
  return isTpo && !purposeCovers('HLEGAL', purpose);
}

/**
 * Law enforcement, asking for something else than proceedings, where nothing but a consent for these alone or an order opens
 * Part 2 records (42 CFR 2.12(d)(1), 2.31(d), 2.61).
 */
export function isBarred(
  lawEnforcement: readonly string[],
  { purpose, organizations, identities }: Asker,
  topics: readonly string[],
): boolean {
  return (
    purpose !== 'HLEGAL' &&
    (topics.includes(part2) || topics.includes('SUDCN')) &&
    lawEnforcement.some((one) => organizations.has(one) || identities.has(one))
  );
}
