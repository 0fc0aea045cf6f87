import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';

type Resource = { readonly resourceType: string; readonly id: string; readonly [member: string]: unknown };

export const mrn = 'https://demo.example/mrn';
export const organizationIds = 'https://demo.example/organizations';
const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';

/** A consent registry: its patients and organizations have ids of their own, and identifiers that others know. */
export interface Registry {
  readonly server: EmbeddedServer;
  put(resource: Resource): void;
  close(): Promise<void>;
}

export async function startRegistry(resources: readonly Resource[] = everybody): Promise<Registry> {
  const server = await startEmbeddedServer({ resources: resources.map((one) => JSON.stringify(one)) });
  return {
    server,
    put: (resource) => void server.repo.put(JSON.stringify(resource)),
    close: () => server.close(),
  };
}

export function patient(id: string, numbers: readonly string[], links: readonly string[] = []): Resource {
  return {
    resourceType: 'Patient',
    id,
    identifier: numbers.map((value) => ({ system: mrn, value })),
    ...(links.length === 0 ? {} : { link: links.map((reference) => ({ other: { reference }, type: 'seealso' })) }),
  };
}

export function organization(id: string, name: string | undefined): Resource {
  return {
    resourceType: 'Organization',
    id,
    ...(name === undefined ? {} : { identifier: [{ system: organizationIds, value: name }] }),
  };
}

export interface Terms {
  readonly id?: string;
  readonly whose: string;
  readonly type?: 'permit' | 'deny';
  readonly recipient: string;
  readonly status?: string;
  readonly of?: string;
}

/** A privacy Consent of Mercy, to or against one recipient, for treatment, up to normal confidentiality. */
export function consent({
  id = 'c1',
  whose,
  type = 'permit',
  recipient,
  status = 'active',
  of = 'Organization/m',
}: Terms): Resource {
  return {
    resourceType: 'Consent',
    id,
    status,
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: whose },
    dateTime: '2026-04-01T09:00:00Z',
    organization: [{ reference: of }],
    policyRule: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentpolicycodes', code: 'hipaa-auth' }],
    },
    provision: {
      type,
      actor: [{ role: { coding: [{ system: participation, code: 'IRCP' }] }, reference: { reference: recipient } }],
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }],
      securityLabel: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' }],
    },
  };
}

/** Ada is 77 there, Mercy is m, Summit is s; x is known to the registry alone. */
export const everybody: readonly Resource[] = [
  patient('77', ['MRN-ADA']),
  organization('m', 'mercy-hospital'),
  organization('s', 'summit-clinic'),
  organization('x', undefined),
];

/** The registry as a store of FHIR R5, where patients are known by the number that both servers have. */
export const storeOfR5 = (baseUrl: string) =>
  ({
    name: 'registry',
    baseUrl,
    otherBaseUrls: [],
    fhirVersion: 'R5',
    paging: 'offset',
    patients: { by: 'identifier', systems: [mrn] },
    changes: 'none',
  }) as const;
