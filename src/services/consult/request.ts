import { z } from 'zod';
import { purposesOf } from '../../authenticate/purposes.ts';
import { GatewayError } from '../../errors/errors.ts';
import type { Coding } from '../../fhir/coding.ts';
import { type PatientKey, parseLocalReference } from '../../fhir/ids.ts';
import { isResourceType } from '../../fhir/model.ts';
import { canonicalSystem } from '../../fhir/vocabulary.ts';

const text = z.string().min(1).max(500);
const identifier = z.strictObject({ system: text.optional(), value: text });
const coding = z.strictObject({ system: text, code: text });

/** The hook's request (patient-consent-consult-hook-request.schema.json), and what CDS Hooks 2.0 puts beside the context. */
const hookRequest = z.strictObject({
  $schema: z.string().max(1_000).optional(),
  hook: z.literal('patient-consent-consult'),
  hookInstance: text,
  fhirServer: z.unknown().optional(),
  fhirAuthorization: z.unknown().optional(),
  prefetch: z.unknown().optional(),
  extension: z.unknown().optional(),
  context: z.strictObject({
    actor: z.array(identifier).min(1).max(20),
    patientId: z.array(identifier).min(1).max(20),
    purposeOfUse: z.union([text, z.array(text).max(20)]).default([]),
    category: z.array(coding).max(50).default([]),
    class: z.array(coding).max(40).default([]),
    content: z
      .looseObject({
        resourceType: z.literal('Bundle'),
        entry: z.array(z.looseObject({ resource: z.looseObject({ resourceType: z.string() }) })),
      })
      .optional(),
    consent: z.array(z.unknown()).max(0).optional(),
  }),
});

/** What the hook asks, in the gateway's own words. */
export interface ConsultRequest {
  /** Every name of the actor: local keys, URIs, `system|value`. */
  readonly actor: readonly string[];
  /** Keys of patients of this server, and identifiers by which one is looked up. */
  readonly patients: readonly PatientKey[];
  readonly identifiers: readonly (readonly [system: string, value: string])[];
  readonly purposes: readonly string[];
  /** `system|code`; a Consent permits only when it bears one of them. Empty: any may. */
  readonly categories: readonly string[];
  readonly types: readonly string[] | undefined;
}

/**
 * Strictly: what is not understood may have been a restriction. Consents that the caller brings along count for nothing
 * here, so they are refused; content is not read.
 * @throws {GatewayError} `service-body-invalid`
 */
export function readConsult(body: unknown, localBases: readonly string[]): ConsultRequest {
  const read = hookRequest.safeParse(body);
  if (!read.success) throw refused();
  const { actor, patientId, purposeOfUse, category, class: classes } = read.data.context;
  const stated = typeof purposeOfUse === 'string' ? [purposeOfUse] : purposeOfUse;
  const purposes = stated.flatMap((one) => purposesOf(one));
  if (purposes.length !== stated.length) throw refused();
  const patients: PatientKey[] = [];
  const identifiers: (readonly [string, string])[] = [];
  for (const { system, value } of patientId) {
    if (system !== undefined) identifiers.push([system, value]);
    else patients.push(patientKey(value, localBases));
  }
  return {
    actor: actor.map((one) => actorName(one, localBases)),
    patients,
    identifiers,
    purposes: [...new Set(purposes)],
    categories: category.map(({ system, code }) => `${canonicalSystem(system)}|${code}`),
    types: classes.length === 0 ? undefined : classes.map(typeNamed),
  };
}

function patientKey(value: string, localBases: readonly string[]): PatientKey {
  const key = parseLocalReference(value, localBases);
  if (key?.startsWith('Patient/') !== true) throw refused();
  return key as PatientKey;
}

/** Whoever cannot be named might be the one whom a Consent denies. */
function actorName({ system, value }: z.infer<typeof identifier>, localBases: readonly string[]): string {
  if (system !== undefined) return `${system}|${value}`;
  const key = parseLocalReference(value, localBases);
  if (key !== undefined) return key;
  if (!/^[a-z][a-z0-9+.-]*:\S+$/i.test(value)) throw refused();
  return value;
}

function typeNamed({ system, code }: Coding): string {
  const isTypes = /^https?:\/\/hl7\.org\/fhir\/(?:resource-types|fhir-types)\/?$/.test(system);
  if (!isTypes || !isResourceType(code)) throw refused();
  return code;
}

function refused(): GatewayError {
  return new GatewayError('service-body-invalid');
}
