import type { Coding, Interval } from '../fhir/coding.ts';
import type { PatientKey, ResourceKey } from '../fhir/ids.ts';
import type { LabelInputs } from './labels.ts';

/** What deciding may know of one resource. Never its content: no text, no values. */
export interface Facts {
  readonly key: ResourceKey;
  readonly type: string;
  readonly versionId: string | undefined;
  /** `meta.lastUpdated` as it stands. */
  readonly lastUpdated: string | undefined;
  /** Patients the resource is about: `subject`, `patient`, `beneficiary`, `Patient.id` (decides step 2 of the composition table). */
  readonly patients: readonly PatientKey[];
  /** True when a subject is there but is no local Patient reference that could be read (identifier only, contained, absolute elsewhere): nobody's Consent covers it. */
  readonly patientUnknown: boolean;
  /** Patients taking part, for types that have no subject and are about their participants: any of them opens it. */
  readonly participants?: readonly PatientKey[];
  readonly profiles: readonly string[];
  /** Every Coding found in it. */
  readonly codings: readonly Coding[];
  /** Codings of the type's own code elements (code, category, type, medication[x], reasonCode, value[x], component.code, vaccineCode ...). */
  readonly primaryCodings: readonly Coding[];
  /** DocumentReference.type/category, Composition.type/category. */
  readonly documentTypes: readonly Coding[];
  /** `contentType` of attachments. */
  readonly mimeTypes: readonly string[];
  /** The clinically relevant time of the data (FHIR R4 Consent.provision.dataPeriod); undefined when it states none. */
  readonly clinicalTime: Interval | undefined;
  /** Who authored it: author, performer, recorder, asserter, requester, informationSource, participant.individual; local keys, URLs and `system|value`. */
  readonly authors: readonly string[];
  /** Local references that go out of it. */
  readonly references: readonly ResourceKey[];
  /** Those by which it was created as part of something: encounter, context, episodeOfCare, basedOn, partOf. */
  readonly partOf: readonly ResourceKey[];
  readonly labelInputs: LabelInputs;
}

/** Whom it tells of: whom it is about, and those who take part. R5 has both in one resource (Appointment.subject, participant.actor). */
export function toldOf({ patients, participants }: Pick<Facts, 'patients' | 'participants'>): readonly PatientKey[] {
  if (participants === undefined) return patients;
  return [...patients, ...participants.filter((patient) => !patients.includes(patient))];
}

/** About no patient, and known to be. */
export function isNobodys({ patients, participants, patientUnknown }: Facts): boolean {
  return patients.length === 0 && participants === undefined && !patientUnknown;
}
