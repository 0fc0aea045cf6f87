import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type ExactObject, isExactObject, parseExact, visitObjects, writeExact } from './embedded/exact.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');
/** Updates per transaction, at least. */
const transactionSize = 100;

/** The directory and the six hand-made people: the text of one transaction Bundle each, directory first. */
export function peopleBundles(): string[] {
  const folder = join(fixtures, 'people');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'directory.json');
  return ['directory.json', ...names.sort()].map((name) => readFileSync(join(folder, name), 'utf8'));
}

/** Synthea's providers and patients: the text of one transaction Bundle each, providers first. */
export function syntheaBundles(): string[] {
  const folder = join(fixtures, 'synthea');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json.gz') && name !== 'providers.json.gz');
  return ['providers.json.gz', ...names.sort()].map((name) =>
    gunzipSync(readFileSync(join(folder, name))).toString('utf8'),
  );
}

/**
 * The resources of some transaction Bundles, each with the id it will have on any server: `urn:uuid:` references and
 * conditional ones (`Practitioner?identifier=...`) become literal, numbers keep every digit, and what is referred to
 * comes before what refers to it wherever there is no circle.
 * @throws {Error} when a conditional reference names nobody in the Bundles
 */
export function resourcesOf(bundles: Iterable<string>): ExactObject[] {
  const entries = [...bundles].flatMap(entriesOf);
  const resources = entries.map(({ resource }) => resource);
  const byFullUrl = new Map(
    entries.flatMap(({ fullUrl, resource }) => (fullUrl === '' ? [] : [[fullUrl, keyOf(resource)]])),
  );
  const byIdentifier = new Map(
    resources.flatMap((resource) => identifiersOf(resource).map((query) => [query, keyOf(resource)])),
  );
  for (const resource of resources) {
    visitObjects(resource, (object) => {
      const { reference } = object;
      if (typeof reference === 'string') object.reference = literal(reference, byFullUrl, byIdentifier);
    });
  }
  return inDependencyOrder(resources);
}

/** The same as texts, as the embedded server takes them. */
export function textsOf(bundles: Iterable<string>): string[] {
  return resourcesOf(bundles).map(writeExact);
}

/**
 * Loads Bundles into a FHIR server by transactions of updates, so that every server holds the same data under the same ids.
 * @param baseUrl FHIR base, without trailing slash; the server must allow client-assigned ids
 */
export async function loadInto(baseUrl: string, bundles: Iterable<string>): Promise<void> {
  for (const resources of transactions(resourcesOf(bundles))) {
    const entry = resources.map((resource) => ({ resource, request: { method: 'PUT', url: keyOf(resource) } }));
    const answer = await fetch(baseUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' },
      body: writeExact({ resourceType: 'Bundle', type: 'transaction', entry }),
    });
    if (!answer.ok) throw new Error(`Loading failed: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }
}

/** Portions that refer to nothing that comes later: a server that insists on its references takes them one by one. */
function* transactions(resources: readonly ExactObject[]): Generator<ExactObject[]> {
  const missing = new Set(resources.map(keyOf));
  const wanted = new Set<string>();
  let portion: ExactObject[] = [];
  for (const resource of resources) {
    portion.push(resource);
    missing.delete(keyOf(resource));
    wanted.delete(keyOf(resource));
    visitObjects(resource, ({ reference }) => {
      if (typeof reference === 'string' && missing.has(reference)) wanted.add(reference);
    });
    if (portion.length < transactionSize || wanted.size > 0) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}

interface Entry {
  /** Empty when there is none. */
  readonly fullUrl: string;
  readonly resource: ExactObject;
}

function entriesOf(text: string): Entry[] {
  const bundle = parseExact(text);
  const entries = isExactObject(bundle) && Array.isArray(bundle.entry) ? bundle.entry : [];
  return entries.flatMap((entry) =>
    isExactObject(entry) && isExactObject(entry.resource)
      ? [{ fullUrl: typeof entry.fullUrl === 'string' ? entry.fullUrl : '', resource: entry.resource }]
      : [],
  );
}

export function keyOf(resource: ExactObject): string {
  return `${resource.resourceType}/${resource.id}`;
}

function identifiersOf(resource: ExactObject): string[] {
  const { identifier } = resource;
  return (Array.isArray(identifier) ? identifier : []).flatMap((item) =>
    isExactObject(item) ? [`${resource.resourceType}?identifier=${item.system}|${item.value}`] : [],
  );
}

function literal(
  reference: string,
  byFullUrl: ReadonlyMap<string, string>,
  byIdentifier: ReadonlyMap<string, string>,
): string {
  const found = byFullUrl.get(reference) ?? byIdentifier.get(reference);
  if (found !== undefined) return found;
  if (reference.includes('?')) throw new Error(`Nobody in the Bundles is ${reference}`);
  return reference;
}

/** Depth first along the references; within a circle the order of the Bundles. */
function inDependencyOrder(resources: readonly ExactObject[]): ExactObject[] {
  const byKey = new Map(resources.map((resource) => [keyOf(resource), resource]));
  const ordered = new Set<ExactObject>();
  const entered = new Set<ExactObject>();
  const add = (resource: ExactObject): void => {
    if (entered.has(resource)) return;
    entered.add(resource);
    visitObjects(resource, ({ reference }) => {
      const target = typeof reference === 'string' ? byKey.get(reference) : undefined;
      if (target !== undefined) add(target);
    });
    ordered.add(resource);
  };
  for (const resource of resources) add(resource);
  return [...ordered];
}
