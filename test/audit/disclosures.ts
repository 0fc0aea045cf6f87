import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from '@medplum/fhirtypes';
import type { DisclosedResource, Disclosure } from '../../src/audit/recorder.ts';
import type { Requester } from '../../src/authenticate/requester.ts';
import { type AuditConfig, auditConfig } from '../../src/config/audit.ts';
import type { RequesterContext } from '../../src/context/requester-context.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import type { FhirRequest } from '../../src/fhir/request.ts';
import { createLog } from '../../src/telemetry/log.ts';

export const publicBaseUrl = 'https://gateway.example.org/fhir';
export const parts = { publicBaseUrl, log: createLog('silent'), now: Date.now };
export const secretToken = 'eyJhbGciOiJFUzI1NiJ9.planted-token.signature';

const normal = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' };
export const restricted = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
export const part2 = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' };

export function temporaryDirectory(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'audit-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function configOf(directory: string, changes: Record<string, unknown> = {}): AuditConfig {
  return auditConfig.parse({ outboxFile: join(directory, 'outbox.db'), ...changes });
}

export function request(path: readonly string[], changes: Partial<FhirRequest> = {}): FhirRequest {
  return {
    id: '4a8dca3c-0000-4000-8000-000000000001',
    method: 'GET',
    path,
    query: [],
    form: [],
    headers: { accept: 'application/fhir+json', authorization: `Bearer ${secretToken}`, 'x-request-id': 'client-77' },
    receivedAt: Date.parse('2026-03-01T10:00:00.100Z'),
    remoteAddress: '203.0.113.9',
    ...changes,
  };
}

function requester(changes: Partial<Requester> = {}): Requester {
  return {
    issuer: 'https://idp.example.org',
    subject: 'u-123',
    clientId: 'app-77',
    tokenId: 'urn:ietf:params:oauth:jti:9f2c',
    tokenHash: 'planted-token-hash',
    expiresAt: 0,
    name: 'Dr Ann Lee',
    clientKind: 'app',
    scopes: [],
    fhirUser: 'Practitioner/lee',
    identities: [],
    organizations: ['Organization/north', 'urn:ietf:rfc:3986|urn:oid:2.999.1'],
    organizationName: 'North Clinic',
    roles: ['clinician'],
    roleCodes: [{ system: 'http://snomed.info/sct', code: '309343006' }],
    purposes: [{ code: 'TREAT', assigned: false }],
    amr: [],
    acr: 'urn:example:acr:2',
    ...changes,
  };
}

export function context(changes: Partial<Requester> = {}): RequesterContext {
  const who = requester(changes);
  return {
    requester: who,
    purposes: who.purposes.map(({ code }) => code),
    purposeAssigned: who.purposes.some(({ assigned }) => assigned),
    unrestricted: false,
    at: Date.parse('2026-03-01T10:00:00.100Z'),
  };
}

export function resource(
  key: string,
  patients: readonly string[],
  changes: Partial<DisclosedResource> = {},
): DisclosedResource {
  const [type, id] = key.split('/') as [string, string];
  return {
    type,
    id,
    versionId: '1',
    patients: patients as readonly PatientKey[],
    labels: [normal],
    reasons: [
      {
        code: 'consent-permit',
        step: 8,
        consent: 'Consent/ada-treatment/_history/3',
        provision: 'provision.provision[0]',
        label: 'rest',
      },
    ],
    ...changes,
  };
}

export function disclosure(changes: Partial<Disclosure> = {}): Disclosure {
  const released = changes.released ?? [resource('Observation/a1c', ['Patient/ada'])];
  return {
    request: request(['Observation', 'a1c']),
    context: context(),
    interaction: 'read',
    query: undefined,
    resourceType: 'Observation',
    status: 200,
    outcome: 'released',
    released,
    withheld: [],
    governing: [...new Set(released.flatMap(({ reasons }) => reasons.flatMap(({ consent }) => consent ?? [])))],
    policyHash: 'a'.repeat(64),
    digest: 'b'.repeat(64),
    length: 512,
    ...changes,
  };
}

/** Keeps events for HAPI's validator, one file each, where AUDIT_EVENTS_DIR asks for it. */
export function keepForValidation(test: string, events: readonly AuditEvent[]): void {
  const directory = process.env.AUDIT_EVENTS_DIR;
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  const name = test.replace(/[^A-Za-z0-9]+/g, '-');
  for (const [index, event] of events.entries()) {
    writeFileSync(join(directory, `${name}-${index}.json`), JSON.stringify(event, undefined, 2));
  }
}
