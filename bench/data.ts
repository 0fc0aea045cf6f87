import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createClassifier } from '../src/label/classify.ts';
import { shippedTable } from '../src/label/tables.ts';

export interface Resource {
  resourceType: string;
  id: string;
  meta?: Record<string, unknown>;
  subject?: { reference: string };
  [element: string]: unknown;
}

const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

/** The patient with this many Observations. */
export function benchPatient(count: number): string {
  return `bench-${count}`;
}

/** Whether the Observation at this place is one that an ordinary requester must not see: one in twenty. */
export function isHidden(place: number): boolean {
  return place % 20 === 7;
}

/** A patient for each of these numbers, with that many Observations. */
export function benchData(counts: readonly number[]): Resource[] {
  const source = syntheaEntries();
  return counts.flatMap((count) => recordOf(benchPatient(count), count, source));
}

interface Entry {
  readonly fullUrl: string;
  readonly resource: Resource;
}

function syntheaEntries(): Entry[] {
  const folder = new URL('../fixtures/synthea/', import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json.gz') && !file.startsWith('providers'))
    .sort()
    .flatMap((file) => {
      const bundle = JSON.parse(gunzipSync(readFileSync(new URL(file, folder))).toString('utf8')) as {
        entry: Entry[];
      };
      return bundle.entry;
    });
}

/**
 * `count` Observations of one patient made from Synthea's, with the Encounters they share; one in twenty is labelled
 * 42 CFR Part 2. References to anything else are left out, and so is what a code alone shows to be sensitive: the
 * gateway would hide it and the obvious design would not.
 */
function recordOf(patientId: string, count: number, all: readonly Entry[]): Resource[] {
  const encounters = new Map(
    all.filter(({ resource }) => resource.resourceType === 'Encounter').map((entry) => [entry.fullUrl, entry.resource]),
  );
  const source = all.filter(({ resource }) => resource.resourceType === 'Observation').map(({ resource }) => resource);
  const used = new Map<string, Resource>();
  const observations: Resource[] = [];
  for (let n = 0; observations.length < count; n++) {
    const template = source[n % source.length] as Resource;
    const round = Math.floor(n / source.length);
    const fullUrl = (template.encounter as { reference: string }).reference;
    const encounter = encounters.get(fullUrl);
    if (encounter === undefined || showsTopic(template) || showsTopic(encounter)) continue;
    const encounterId = `${encounter.id}-${count}-${round}`;
    used.set(encounterId, {
      ...pick(encounter, ['resourceType', 'status', 'class', 'type', 'period']),
      id: encounterId,
      meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00.000Z' },
      subject: { reference: `Patient/${patientId}` },
    });
    observations.push({
      ...template,
      id: `${template.id}-${count}-${round}`,
      meta: {
        ...template.meta,
        versionId: '1',
        lastUpdated: '2026-01-01T00:00:00.000Z',
        ...(isHidden(observations.length)
          ? {
              security: [
                { system: confidentiality, code: 'R' },
                { system: actCode, code: '42CFRPart2' },
              ],
            }
          : {}),
      },
      subject: { reference: `Patient/${patientId}` },
      encounter: { reference: `Encounter/${encounterId}` },
    });
  }
  const patient = {
    resourceType: 'Patient',
    id: patientId,
    meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00.000Z' },
    birthDate: '1980-01-01',
  };
  return [patient, consent(patientId), ...used.values(), ...observations];
}

/** A Consent to ordinary treatment, so that every decision is a Consent's. */
function consent(patientId: string): Resource {
  return {
    resourceType: 'Consent',
    id: `${patientId}-consent`,
    meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00.000Z' },
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    dateTime: '2026-01-01',
    policyRule: { coding: [{ system: actCode, code: 'OPTIN' }] },
    provision: {
      type: 'permit',
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }],
      securityLabel: [{ system: confidentiality, code: 'N' }],
    },
  };
}

const classifier = createClassifier([shippedTable()], ['core']);

function showsTopic(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { system, code } = value as { system?: unknown; code?: unknown };
  if (typeof system === 'string' && typeof code === 'string' && classifier.classify(system, code).length > 0)
    return true;
  return Object.values(value).some(showsTopic);
}

function pick(resource: Resource, names: readonly string[]): Resource {
  return Object.fromEntries(
    names.flatMap((name) => (resource[name] === undefined ? [] : [[name, resource[name]]])),
  ) as Resource;
}
