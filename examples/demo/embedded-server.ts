import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isExactObject, parseExact, writeExact } from './embedded/exact.ts';
import { BadSearch } from './embedded/match.ts';
import { type FhirVersion, type Parameters, parametersOf } from './embedded/parameters.ts';
import { search } from './embedded/search.ts';
import { InvalidResource, type JsonObject, Store, type Version } from './embedded/store.ts';

export interface EmbeddedServer {
  /** FHIR base, without trailing slash. */
  readonly url: string;
  readonly repo: Store;
  readonly close: () => Promise<void>;
}

export interface EmbeddedServerOptions {
  /** 0, the default: any free one. */
  readonly port?: number;
  /** Resources to begin with, as JSON text, so that every digit is kept; each under its own id. */
  readonly resources?: Iterable<string>;
  /** Clock for `meta.lastUpdated`. */
  readonly now?: () => Date;
  /** Whose search parameters it has, and what it says it speaks. @default 'R4' */
  readonly fhirVersion?: FhirVersion;
}

/** What leaves: a status and the whole text of a resource. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Site {
  readonly repo: Store;
  readonly version: FhirVersion;
  readonly known: Parameters;
  /** FHIR base, for `fullUrl`. */
  readonly base: string;
}

const maximumBodyBytes = 64 * 1024 * 1024;
const fhirJson = 'application/fhir+json';

/**
 * A small, honest FHIR server (R4 or R5) on loopback, in memory: read, vread, instance and type history, search (GET and POST) with
 * `_count`, `_offset`, `_sort`, `_include`, `_revinclude`, chains and `_has`, create, update with client-assigned ids, delete,
 * and batches of updates. What it does not understand it refuses with 400. It pages by `_offset` and gives no links.
 * It asks nobody who they are: it is for demonstrations and tests.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const repo = new Store(options.now);
  for (const text of options.resources ?? []) repo.put(text);
  const server = createServer();
  server.listen(options.port ?? 0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
  const version = options.fhirVersion ?? 'R4';
  const site = { repo, version, known: parametersOf(version), base: url };
  server.on('request', (request, response) => void respond(site, request, response));
  return { url, repo, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

async function respond(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let answer: Answer;
  try {
    answer = route(site, request, await bodyOf(request));
  } catch (error) {
    answer = refusal(error);
  }
  const body = Buffer.from(answer.body, 'utf8');
  response.writeHead(answer.status, {
    'content-type': `${fhirJson}; charset=utf-8`,
    'content-length': body.length,
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

class Refusal extends Error {
  readonly status: number;
  readonly issue: string;
  constructor(status: number, issue: string, message: string) {
    super(message);
    this.status = status;
    this.issue = issue;
  }
}

function refusal(error: unknown): Answer {
  if (error instanceof Refusal) return outcome(error.status, error.issue, error.message);
  if (error instanceof BadSearch || error instanceof InvalidResource) return outcome(400, 'invalid', error.message);
  return outcome(500, 'exception', 'The server failed.');
}

function outcome(status: number, code: string, diagnostics: string): Answer {
  const severity = status < 400 ? 'information' : 'error';
  return {
    status,
    body: JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics }] }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBodyBytes) throw new Refusal(413, 'too-long', 'The body is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function route(site: Site, request: IncomingMessage, body: string): Answer {
  const { repo } = site;
  const url = new URL(request.url ?? '/', 'http://loopback');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
  const path = url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent);
  if (path.shift() !== 'fhir') throw new Refusal(404, 'not-found', 'The FHIR base is /fhir.');
  const [type = '', second, third, fourth] = path;
  if (method === 'POST' && path.length === 0) return batch(repo, body);
  if (method === 'GET' && type === 'metadata' && path.length === 1) return { status: 200, body: capabilities(site) };
  if (!/^[A-Z][A-Za-z]+$/.test(type)) throw new Refusal(404, 'not-found', 'No such resource type.');
  if (method === 'GET' && path.length === 1) return searchset(site, type, url.searchParams);
  if (method === 'POST' && second === '_search' && path.length === 2) {
    return searchset(site, type, [...url.searchParams, ...new URLSearchParams(body)]);
  }
  if (method === 'POST' && path.length === 1) return written(repo.create(body, type));
  if (second === undefined) throw new Refusal(405, 'not-supported', 'Not supported here.');
  if (method === 'GET' && second === '_history' && path.length === 2) return typeHistory(site, type, url.searchParams);
  if (method === 'GET' && path.length === 2) return read(repo, type, second);
  if (method === 'GET' && third === '_history' && path.length === 3)
    return history(site, type, second, url.searchParams);
  if (method === 'GET' && third === '_history' && path.length === 4)
    return versionRead(repo, type, second, fourth ?? '');
  if (method === 'PUT' && path.length === 2) {
    const wanted = request.headers['if-match'];
    const there = wanted === undefined ? undefined : repo.current(type, second);
    if (wanted !== undefined && wanted !== `W/"${there?.versionId}"`)
      throw new Refusal(412, 'conflict', 'It was changed since.');
    return written(repo.put(body, { type, id: second }));
  }
  if (method === 'DELETE' && path.length === 2) {
    repo.delete(type, second);
    return outcome(200, 'informational', 'Deleted.');
  }
  throw new Refusal(405, 'not-supported', 'Not supported here.');
}

function found(version: Version): Answer {
  if (version.text === undefined) throw new Refusal(410, 'deleted', 'The resource was deleted.');
  return {
    status: 200,
    body: version.text,
    headers: { etag: `W/"${version.versionId}"`, 'last-modified': new Date(version.lastUpdated).toUTCString() },
  };
}

function read(repo: Store, type: string, id: string): Answer {
  const version = repo.current(type, id);
  if (version === undefined) throw new Refusal(404, 'not-found', 'No such resource.');
  return found(version);
}

function versionRead(repo: Store, type: string, id: string, versionId: string): Answer {
  const version = repo.versions(type, id).find((candidate) => candidate.versionId === versionId);
  if (version === undefined) throw new Refusal(404, 'not-found', 'No such version.');
  return found(version);
}

function written(version: Version): Answer {
  const status = version.versionId === '1' ? 201 : 200;
  const location = `/fhir/${version.type}/${version.id}/_history/${version.versionId}`;
  return { ...found(version), status, headers: { etag: `W/"${version.versionId}"`, location } };
}

function searchset({ repo, known, base }: Site, type: string, parameters: Iterable<readonly [string, string]>): Answer {
  const { matches, included, total } = search({ store: repo, known }, type, parameters);
  const entry = (mode: string) => (version: Version) =>
    `{"fullUrl":"${base}/${version.type}/${version.id}","resource":${version.text},"search":{"mode":"${mode}"}}`;
  const entries = [...matches.map(entry('match')), ...included.map(entry('include'))];
  return { status: 200, body: bundle('searchset', total, entries) };
}

function history({ repo, base }: Site, type: string, id: string, parameters: URLSearchParams): Answer {
  for (const name of parameters.keys()) {
    if (name !== '_count' && name !== '_format') throw new BadSearch(`${name} is not supported for history.`);
  }
  const versions = repo.versions(type, id).toReversed();
  if (versions.length === 0) throw new Refusal(404, 'not-found', 'No such resource.');
  const entries = versions.map((version) => historyEntry(base, version));
  return { status: 200, body: bundle('history', versions.length, entries) };
}

function historyEntry(base: string, { type, id, text, lastUpdated, versionId }: Version): string {
  const content = text === undefined ? '' : `"resource":${text},`;
  const verb = text === undefined ? 'DELETE' : 'PUT';
  const answer = `{"status":"200","etag":"W/\\"${versionId}\\"","lastModified":"${lastUpdated}"}`;
  return `{"fullUrl":"${base}/${type}/${id}",${content}"request":{"method":"${verb}","url":"${type}/${id}"},"response":${answer}}`;
}

/** What happened to the resources of one type, newest first. */
function typeHistory({ repo, base }: Site, type: string, parameters: URLSearchParams): Answer {
  for (const name of parameters.keys()) {
    if (!['_count', '_offset', '_since', '_format'].includes(name))
      throw new BadSearch(`${name} is not supported for history.`);
  }
  const since = parameters.get('_since');
  if (since !== null && Number.isNaN(Date.parse(since))) throw new BadSearch('_since takes an instant.');
  const versions = repo.history(type, since === null ? undefined : new Date(since).toISOString());
  const offset = Number(parameters.get('_offset') ?? 0);
  const shown = versions.slice(offset, offset + Number(parameters.get('_count') ?? 50));
  return {
    status: 200,
    body: bundle(
      'history',
      versions.length,
      shown.map((version) => historyEntry(base, version)),
    ),
  };
}

function bundle(type: string, total: number | undefined, entries: readonly string[]): string {
  const count = total === undefined ? '' : `,"total":${total}`;
  const list = entries.length === 0 ? '' : `,"entry":[${entries.join(',')}]`;
  return `{"resourceType":"Bundle","type":"${type}"${count}${list}}`;
}

/** A batch or transaction Bundle of updates (`PUT [type]/[id]`), which is all that loading needs. */
function batch(repo: Store, body: string): Answer {
  const sent = parseBundle(body);
  const entries = sent.map(({ resource, type, id }) => {
    const version = repo.put(resource, { type, id });
    return `{"response":{"status":"${version.versionId === '1' ? '201 Created' : '200 OK'}","etag":"W/\\"${version.versionId}\\""}}`;
  });
  return { status: 200, body: bundle('transaction-response', undefined, entries) };
}

function parseBundle(body: string): { resource: string; type: string; id: string }[] {
  let value: ReturnType<typeof parseExact>;
  try {
    value = parseExact(body);
  } catch {
    throw new InvalidResource('The body is not JSON.');
  }
  if (!isExactObject(value) || !Array.isArray(value.entry))
    throw new InvalidResource('The body is no Bundle with entries.');
  return value.entry.map((entry) => {
    const request = isExactObject(entry) ? entry.request : undefined;
    const [type = '', id = ''] =
      isExactObject(request) && request.method === 'PUT' ? String(request.url).split('/') : [];
    if (!isExactObject(entry) || !isExactObject(entry.resource) || id === '')
      throw new InvalidResource('Only PUT [type]/[id] is supported in a Bundle.');
    return { resource: writeExact(entry.resource), type, id };
  });
}

function capabilities({ repo, version, known }: Site): string {
  const resource = repo.types.map((type) => ({
    type,
    interaction: ['read', 'vread', 'history-instance', 'history-type', 'search-type', 'create', 'update', 'delete'].map(
      (code) => ({
        code,
      }),
    ),
    versioning: 'versioned',
    updateCreate: true,
    searchParam: known.names(type).map((name) => ({ name, type: known.find(type, name)?.type ?? '' })),
  }));
  const statement: JsonObject = {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    fhirVersion: version === 'R4' ? '4.0.1' : '5.0.0',
    format: ['json'],
    implementation: { description: 'Embedded FHIR server of the demonstration: synthetic data, no access control.' },
    rest: [{ mode: 'server', resource }],
  };
  return JSON.stringify(statement);
}
