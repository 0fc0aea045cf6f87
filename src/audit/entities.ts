import type { AuditEventEntity, AuditEventEntityDetail, Coding } from '@medplum/fhirtypes';
import type { Reason } from '../decide/decision.ts';
import { isId, type PatientKey } from '../fhir/ids.ts';
import { isResourceType } from '../fhir/model.ts';
import type { Parameter } from '../fhir/request.ts';
import type { RecordedRequest } from './record.ts';
import type { DisclosedResource } from './recorder.ts';
import { entityRoles, entityTypes, resourceTypeCoding } from './terms.ts';

/** Longest text of a request that is kept, in bytes. */
const maximumQueryBytes = 16_384;

export function patientEntity(patient: PatientKey, details: AuditEventEntityDetail[] = []): AuditEventEntity {
  return {
    what: { reference: patient },
    type: entityTypes.person,
    role: entityRoles.patient,
    ...(details.length === 0 ? {} : { detail: details }),
  };
}

/**
 * One resource version with the labels and reasons of its decision.
 * @param type `systemObject` where a profile slices data by it; the type of the resource where that would be a query slice (BALP Query).
 */
export function resourceEntity(resource: DisclosedResource, type: Coding): AuditEventEntity {
  const { labels, reasons } = resource;
  const detail = distinct(reasons.map(reasonText)).map((text) => textDetail('reason', text));
  return {
    what: { reference: versionReference(resource) },
    type,
    role: entityRoles.domainResource,
    ...(labels.length === 0 ? {} : { securityLabel: labels.map(({ system, code }) => ({ system, code })) }),
    ...(detail.length === 0 ? {} : { detail }),
  };
}

/** A Consent version that governed: `Consent/id/_history/v`. */
export function consentEntity(reference: string): AuditEventEntity {
  return { what: { reference }, type: resourceTypeCoding('Consent'), role: entityRoles.securityResource };
}

export function requestIdEntity(id: string, details: AuditEventEntityDetail[]): AuditEventEntity {
  return { what: { identifier: { value: id } }, type: entityTypes.requestId, detail: details };
}

/** BALP AuthZconsent: the token that was decided on. */
export function tokenEntity(tokenId: string, type: Coding): AuditEventEntity {
  return { what: { identifier: { value: tokenId } }, type };
}

/**
 * The request as IHE BALP Query keeps it: request line, Accept and X-Request-Id, and the form of POST `_search`, base64.
 * `description` holds the names of its parameters only, as values may name people.
 * @param canonical Search parameters as understood; what a page token stood for.
 */
export function queryEntity(
  request: RecordedRequest,
  publicBaseUrl: string,
  resourceType: string,
  canonical: string | undefined,
): AuditEventEntity {
  const parameters = [...request.query, ...request.form];
  const paged = parameters.length === 0 && canonical !== undefined && canonical !== '';
  const names = paged ? [...new URLSearchParams(canonical).keys()] : parameters.map(([name]) => name);
  const path = paged ? [resourceType] : request.path;
  const query = paged ? canonical : encoded(request.query);
  const lines = [
    `${request.method} ${request.base ?? publicBaseUrl}/${path.join('/')}${query === '' ? '' : `?${query}`}`,
    ...(request.accept === undefined ? [] : [`Accept: ${request.accept}`]),
    ...(request.clientRequestId === undefined ? [] : [`X-Request-Id: ${request.clientRequestId}`]),
    ...(request.form.length === 0 ? [] : ['', encoded(request.form)]),
  ];
  const text = Buffer.from(lines.join('\r\n'), 'utf8');
  const cut = text.length > maximumQueryBytes;
  const about = distinct(names).sort().join('&');
  return {
    type: entityTypes.systemObject,
    role: entityRoles.query,
    description: `${path.join('/')}${about === '' ? '' : `?${about}`}${cut ? ` (cut at ${maximumQueryBytes} bytes)` : ''}`,
    query: text.subarray(0, maximumQueryBytes).toString('base64'),
  };
}

/** The resource a read names; undefined where the path names none. */
export function namedResource({ path }: RecordedRequest): AuditEventEntity | undefined {
  const [type, id, history, version] = path;
  if (type === undefined || id === undefined || !isResourceType(type) || !isId(id)) return undefined;
  if (history !== undefined && history !== '_history') return undefined;
  const versioned = version !== undefined && isId(version) ? `/_history/${version}` : '';
  return {
    what: { reference: `${type}/${id}${versioned}` },
    type: entityTypes.systemObject,
    role: entityRoles.domainResource,
  };
}

const patientParameters = ['patient', 'subject', 'patient:Patient', 'subject:Patient'];

/** The patients whom the request itself names: in its path, or in `patient` and `subject`. */
export function namedPatients({ path, query, form }: RecordedRequest, canonical: string | undefined): PatientKey[] {
  const parameters: Iterable<Parameter> =
    canonical === undefined ? [...query, ...form] : new URLSearchParams(canonical).entries();
  const named = path[0] === 'Patient' && path[1] !== undefined ? [`Patient/${path[1]}`] : [];
  for (const [name, value] of parameters) {
    if (!patientParameters.includes(name)) continue;
    for (const one of value.split(',')) {
      if (one.startsWith('Patient/')) named.push(one);
      else if (name !== 'subject') named.push(`Patient/${one}`);
    }
  }
  return distinct(named).filter((key): key is PatientKey => isId(key.slice('Patient/'.length)));
}

export function textDetail(type: string, valueString: string): AuditEventEntityDetail {
  return { type, valueString };
}

/** `consent-permit, step 8, Consent/c1/_history/3 provision.provision[1], rest` */
export function reasonText({ code, step, consent, provision, rule, label }: Reason): string {
  const governing = consent === undefined ? undefined : `${consent}${provision === undefined ? '' : ` ${provision}`}`;
  return [code, `step ${step}`, governing, rule, label].filter((part) => part !== undefined).join(', ');
}

function versionReference({ type, id, versionId }: DisclosedResource): string {
  return versionId === undefined ? `${type}/${id}` : `${type}/${id}/_history/${versionId}`;
}

export function distinct<T>(values: Iterable<T>): T[] {
  return [...new Set(values)];
}

function encoded(parameters: readonly Parameter[]): string {
  return new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString();
}
