import type { Coding } from '../fhir/coding.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { confidentialityOrder } from '../label/labels.ts';
import { distinct, namedPatients } from './entities.ts';
import type { DisclosureRecord } from './record.ts';
import type { DisclosedResource, ServiceDetail, ServiceDisclosure } from './recorder.ts';
import { actCodeSystem, confidentialitySystem } from './terms.ts';

/** What one event is about: one patient, or nobody. */
export interface Group {
  readonly patient: PatientKey | undefined;
  readonly resources: readonly DisclosedResource[];
  /** Consent versions that governed the answer about her, beside those that the decisions on the resources name. */
  readonly consents?: readonly string[];
  readonly details?: readonly ServiceDetail[];
}

/**
 * Splits resources by patient; one about several is in each of their groups. Those about nobody (Practitioner,
 * Organization ...) go with the only patient there is, else into a group of their own, so that nobody's record names
 * another's doctors.
 */
export function byPatient(resources: readonly DisclosedResource[]): Group[] {
  const patients = distinct(resources.flatMap((resource) => resource.patients));
  const only = patients.length === 1;
  const groups: Group[] = patients.map((patient) => ({
    patient,
    resources: resources.filter((one) => one.patients.includes(patient) || (only && one.patients.length === 0)),
  }));
  const others = resources.filter(({ patients }) => patients.length === 0);
  if (!only && others.length > 0) groups.push({ patient: undefined, resources: others });
  return groups;
}

/** The groups of an answer, at least one. An empty answer is about the patients whom the request named. */
export function answerGroups(record: DisclosureRecord): Group[] {
  if (record.service !== undefined) return serviceGroups(record.service, record.released);
  if (record.released.length > 0) {
    const groups = byPatient(record.released);
    const { announced } = record;
    if (announced === undefined || groups.some(({ patient }) => patient === announced)) return groups;
    return [...groups, { patient: announced, resources: [] }];
  }
  const named = namedPatients(record.request, record.query);
  if (named.length === 0) return [{ patient: undefined, resources: [] }];
  return named.map((patient) => ({ patient, resources: [] }));
}

/** Of a service's answer: the patients it names, and those of the resources it tells of. */
function serviceGroups({ patients, judged }: ServiceDisclosure, released: readonly DisclosedResource[]): Group[] {
  const groups = byPatient([...released, ...judged]);
  const named = patients.map(({ patient, consents, details = [] }) => ({
    patient,
    consents,
    details,
    resources: groups.find((group) => group.patient === patient)?.resources ?? [],
  }));
  const names = new Set<unknown>(patients.map(({ patient }) => patient));
  const all = [...named, ...groups.filter(({ patient }) => !names.has(patient))];
  return all.length === 0 ? [{ patient: undefined, resources: [] }] : all;
}

/** The Consent versions that the decisions on these resources name. */
export function consentsOf(resources: readonly DisclosedResource[]): string[] {
  return distinct(resources.flatMap(({ reasons }) => reasons.flatMap(({ consent }) => consent ?? []))).sort();
}

/** Accounted for whatever the purpose: Part 2 data, and what says so itself (HL7 v3-ActCode AOD). */
export function isAccountable(resource: DisclosedResource): boolean {
  return isPart2(resource) || resource.labels.some(({ system, code }) => system === actCodeSystem && code === 'AOD');
}

/** 42 CFR Part 2 data, by its effective labels. */
export function isPart2({ labels }: DisclosedResource): boolean {
  return labels.some(({ system, code }) => system === actCodeSystem && code === '42CFRPart2');
}

/** The highest confidentiality among labels (HL7 v3-Confidentiality); N where none is named. */
export function confidentialityOf(labels: readonly Coding[]): string {
  let level = 'N';
  for (const { system, code } of labels) {
    if (system === confidentialitySystem && rank(code) > rank(level)) level = code;
  }
  return level;
}

function rank(code: string): number {
  return (confidentialityOrder as readonly string[]).indexOf(code);
}
