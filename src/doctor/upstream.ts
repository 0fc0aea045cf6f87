import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { labelKind } from '../fhir/vocabulary.ts';
import { isOfVersion } from '../upstream/fhir-version.ts';
import type { Finding, FindingCode } from './findings.ts';
import { matchesOf, type Probe, type Resource, resourceOf } from './probe.ts';

const sampled = ['Patient', 'Observation', 'Condition', 'Encounter', 'Consent', 'DocumentReference'];
const sampleSize = 50;
const sampledConsents = 20;
/** Types and references that must find nothing for a patient whom nobody has. */
const byPatient = [
  ['Consent', 'patient'],
  ['Observation', 'patient'],
  ['Condition', 'patient'],
  ['Encounter', 'patient'],
] as const;

type Found = readonly Finding[];
const found = (code: FindingCode, where: string): Found => [{ code, where }];
const nothing: Found = [];

/** Tries what the gateway needs of a FHIR server, one after the other, as the gateway asks for it. */
export async function examineUpstream(probe: Probe, config: Config, mayWrite: boolean): Promise<Found> {
  const statement = await probe.get('metadata');
  if (statement?.status !== 200) return found('upstream-unreachable', probe.base);
  const { fhirVersion = '' } = resourceOf(statement);
  if (!isOfVersion(fhirVersion, config.upstream.fhirVersion))
    return found('upstream-other-version', `${probe.base}, ${fhirVersion || 'no version'}`);
  const first = await probe.get('Patient?_count=2');
  if (first?.status === 401 || first?.status === 403) return found('upstream-credential-refused', probe.base);
  const encoding = first?.headers.get('content-encoding');
  return [
    ...(await anonymous(probe, config)),
    ...(encoding === null || encoding === undefined || encoding === 'identity'
      ? nothing
      : found('answers-encoded', encoding)),
    ...(await parameters(probe)),
    ...(await searches(probe, config, matchesOf(first) ?? [])),
    ...(config.upstream.paging === 'links' ? await links(probe) : await offsets(probe)),
    ...(await stored(probe, config)),
    ...(await consents(probe)),
    ...(mayWrite ? await writes(probe) : nothing),
  ];
}

async function anonymous(probe: Probe, { upstream }: Config): Promise<Found> {
  const matches = matchesOf(await probe.get('Patient?_count=1', { anonymous: true }));
  if (matches === undefined) return nothing;
  return found(upstream.authorizationFile === undefined ? 'upstream-guarded-by-network' : 'upstream-open', probe.base);
}

/** Values that nobody has find nothing; what finds something was not looked at. */
async function parameters(probe: Probe): Promise<Found> {
  const results: Finding[] = [];
  const nobody = randomUUID();
  const searches = [['Patient', '_id', nobody], ...byPatient.map(([type, name]) => [type, name, `Patient/${nobody}`])];
  for (const [type, name, value] of searches) {
    const matches = matchesOf(await probe.get(`${type}?${name}=${value}&_count=1`));
    if (matches !== undefined && matches.length > 0)
      results.push({ code: 'parameter-ignored', where: `${type}?${name}` });
  }
  return results;
}

async function searches(probe: Probe, { upstream }: Config, patients: readonly Resource[]): Promise<Found> {
  const results: Finding[] = [];
  const one = matchesOf(await probe.get('Patient?_count=1'));
  if (one !== undefined && one.length > 1) results.push({ code: 'count-ignored', where: 'Patient?_count=1' });
  const form = 'application/x-www-form-urlencoded';
  if (matchesOf(await probe.send('POST', 'Patient/_search', form, '_count=1')) === undefined)
    results.push({ code: 'post-search-refused', where: 'POST Patient/_search' });
  const ids = patients.slice(0, 2).flatMap(({ id }) => id ?? []);
  if (ids.length === 2) {
    const both = matchesOf(await probe.get(`Patient?_id=${ids.join(',')}`));
    if (both === undefined || ids.some((id) => !both.some((resource) => resource.id === id)))
      results.push({ code: 'id-list-ignored', where: 'Patient?_id=a,b' });
  }
  if (upstream.sortTieBreak && matchesOf(await probe.get('Patient?_sort=_id&_count=1')) === undefined)
    results.push({ code: 'sort-by-id-refused', where: 'Patient?_sort=_id' });
  return results;
}

/** Whether a next link leads on, and where. */
async function links(probe: Probe): Promise<Found> {
  const first = await probe.get('Patient?_count=1');
  const [shown] = matchesOf(first) ?? [];
  const more = matchesOf(await probe.get('Patient?_count=2')) ?? [];
  if (shown === undefined || more.length < 2) return nothing; // there is no second page to lead to
  const next = resourceOf(first).link?.find(({ relation }) => relation === 'next')?.url;
  if (next === undefined) return found('next-links-missing', 'Patient?_count=1');
  const [url, base] = [new URL(next, `${probe.base}/`), new URL(probe.base)];
  const isBelow = url.pathname === base.pathname || url.pathname.startsWith(`${base.pathname}/`);
  if (!isBelow) return found('next-link-elsewhere', `${url.origin}${url.pathname}`);
  const path = `${url.pathname.slice(base.pathname.length).replace(/^\//, '')}${url.search}`;
  const [after] = matchesOf(await probe.get(path)) ?? [];
  return after === undefined || after.id === shown.id ? found('next-link-stuck', 'Patient?_count=1') : nothing;
}

async function offsets(probe: Probe): Promise<Found> {
  const [first, second] = matchesOf(await probe.get('Patient?_sort=_id&_count=2')) ?? [];
  const [after] = matchesOf(await probe.get('Patient?_sort=_id&_count=1&_offset=1')) ?? [];
  if (first === undefined || second === undefined) return nothing;
  return after?.id === second.id ? nothing : found('offset-ignored', 'Patient?_offset=1');
}

/** What some resources of common types look like. */
async function stored(probe: Probe, { labels }: Config): Promise<Found> {
  const results: Finding[] = [];
  const unknown = new Set<string>();
  const unversioned = new Set<string>();
  for (const type of sampled) {
    const resources = matchesOf(await probe.get(`${type}?_count=${sampleSize}`)) ?? [];
    const ids = resources.flatMap(({ id }) => id ?? []);
    if (new Set(ids).size < ids.length) results.push({ code: 'ids-repeat', where: type });
    if (ids.length > 2 && ids.every((id) => /^\d+$/.test(id))) results.push({ code: 'ids-sequential', where: type });
    if (resources.some(({ meta }) => meta?.versionId === undefined)) unversioned.add(type);
    for (const { system = '', code = '' } of resources.flatMap(({ meta }) => meta?.security ?? []))
      if (isUnknown(system, code, labels)) unknown.add(system || 'no system');
    const [one] = ids;
    if (type === 'Patient' && one !== undefined) results.push(...(await history(probe, one)));
  }
  return [
    ...results,
    ...[...unversioned].map((where) => ({ code: 'versions-missing', where }) as const),
    ...[...unknown].sort().map((where) => ({ code: 'label-systems-unknown', where }) as const),
  ];
}

/** Whether Consents are found by their patients, as the gateway looks for them. */
async function consents(probe: Probe): Promise<Found> {
  const some = matchesOf(await probe.get(`Consent?_count=${sampledConsents}`)) ?? [];
  for (const { id, patient, subject } of some.slice(0, sampledConsents)) {
    const key = (patient ?? subject)?.reference ?? '';
    if (id === undefined || !/^Patient\/[A-Za-z0-9\-.]{1,64}$/.test(key)) continue;
    const matches = matchesOf(await probe.get(`Consent?patient=${key}&_id=${id}`));
    if (matches?.some((match) => match.id === id) !== true) return found('consents-unfindable', 'Consent?patient');
  }
  return nothing;
}

function isUnknown(system: string, code: string, labels: Config['labels']): boolean {
  if (labels.ignoredLabelSystems.includes(system) || Object.hasOwn(labels.mappedLabels, `${system}|${code}`))
    return false;
  return labelKind(system, code).kind === 'unknown';
}

async function history(probe: Probe, id: string): Promise<Found> {
  const answer = await probe.get(`Patient/${id}/_history?_count=1`);
  const isHistory = answer?.status === 200 && resourceOf(answer).resourceType === 'Bundle';
  return isHistory ? nothing : found('history-missing', 'Patient/[id]/_history');
}

/** Writes a resource about nobody, looks for it at once, and removes it. */
async function writes(probe: Probe): Promise<Found> {
  const code = `consent-gateway-doctor-${randomUUID()}`;
  const resource = { resourceType: 'Basic', code: { coding: [{ system: 'urn:fhir-consent-gateway:doctor', code }] } };
  const made = await probe.send('POST', 'Basic', 'application/fhir+json', JSON.stringify(resource));
  const { id } = resourceOf(made);
  if (made === undefined || made.status >= 300 || id === undefined) return nothing; // it may not write: nothing to learn
  const matches = matchesOf(await probe.get(`Basic?_id=${id}`));
  await probe.send('DELETE', `Basic/${id}`, 'application/fhir+json', '');
  return matches?.some((match) => match.id === id) === true ? nothing : found('reads-lag', 'Basic?_id');
}
