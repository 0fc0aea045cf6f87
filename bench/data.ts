import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

interface Resource {
  resourceType: string;
  id: string;
  meta?: Record<string, unknown>;
  [element: string]: unknown;
}

const patientId = 'bench-patient';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

/**
 * `count` Observations of one patient made from Synthea's, with the Encounters they share; one in twenty is labelled
 * 42 CFR Part 2. References to anything else are left out.
 */
export function benchData(count: number): Resource[] {
  const folder = new URL('../fixtures/synthea/', import.meta.url);
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.json.gz') && !file.startsWith('providers'))
    .sort()
    .flatMap((file) => {
      const bundle = JSON.parse(gunzipSync(readFileSync(new URL(file, folder))).toString('utf8')) as {
        entry: { fullUrl: string; resource: Resource }[];
      };
      return bundle.entry;
    });
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
    if (encounter === undefined) continue;
    const encounterId = `${encounter.id}-${round}`;
    used.set(encounterId, {
      ...pick(encounter, ['resourceType', 'status', 'class', 'type', 'period']),
      id: encounterId,
      meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00.000Z' },
      subject: { reference: `Patient/${patientId}` },
    });
    const hidden = observations.length % 20 === 7;
    observations.push({
      ...template,
      id: `${template.id}-${round}`,
      meta: {
        ...template.meta,
        versionId: '1',
        lastUpdated: '2026-01-01T00:00:00.000Z',
        ...(hidden
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
  return [patient, consent(), ...used.values(), ...observations];
}

/** A Consent to ordinary treatment, so that every decision is a Consent's. */
function consent(): Resource {
  return {
    resourceType: 'Consent',
    id: 'bench-consent',
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

function pick(resource: Resource, names: readonly string[]): Resource {
  return Object.fromEntries(
    names.flatMap((name) => (resource[name] === undefined ? [] : [[name, resource[name]]])),
  ) as Resource;
}
