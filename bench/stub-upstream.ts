/**
 * The FHIR server behind every competitor: bodies built once, answers from memory, so that what is measured is the
 * competitor. It knows reads, and searches by `_id`, `patient` and `_count`, by GET and by POST, with next links.
 * Usage: node stub-upstream.ts PORT DATA.json
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly subject?: { readonly reference: string };
  readonly patient?: { readonly reference: string };
}

const [port, file] = process.argv.slice(2);
const resources = (JSON.parse(readFileSync(file as string, 'utf8')) as Resource[]).sort((a, b) =>
  a.id < b.id ? -1 : 1,
);
const texts = new Map(resources.map((one) => [`${one.resourceType}/${one.id}`, JSON.stringify(one)]));
const ofPatient = Map.groupBy(
  resources,
  ({ resourceType, subject, patient }) => `${resourceType} ${(subject ?? patient)?.reference}`,
);
const made = new Map<string, Buffer | undefined>();
const defaultPageSize = 50;

/** Keys of what a search finds, in the order of their ids. */
function found(type: string, parameters: URLSearchParams): readonly string[] {
  const ids = parameters.get('_id')?.split(',');
  if (ids !== undefined)
    return ids
      .map((id) => `${type}/${id}`)
      .filter((key) => texts.has(key))
      .sort();
  const patients = parameters.get('patient')?.split(',') ?? [];
  return patients
    .flatMap((one) => ofPatient.get(`${type} ${one.includes('/') ? one : `Patient/${one}`}`) ?? [])
    .map(({ id }) => `${type}/${id}`);
}

function bundle(type: string, parameters: URLSearchParams): Buffer {
  const keys = found(type, parameters);
  const from = Number(parameters.get('_offset') ?? 0);
  const to = from + Number(parameters.get('_count') ?? defaultPageSize);
  const entries = keys
    .slice(from, to)
    .map(
      (key) =>
        `{"fullUrl":"http://127.0.0.1:${port}/fhir/${key}","resource":${texts.get(key)},"search":{"mode":"match"}}`,
    );
  const next = new URLSearchParams([...parameters].filter(([name]) => name !== '_offset'));
  next.set('_offset', String(to));
  const link =
    to < keys.length ? [{ relation: 'next', url: `http://127.0.0.1:${port}/fhir/${type}?${next.toString()}` }] : [];
  return Buffer.from(
    `{"resourceType":"Bundle","type":"searchset","total":${keys.length},"link":${JSON.stringify(link)},"entry":[${entries.join(',')}]}`,
  );
}

/** @returns undefined when there is no such resource */
function answer(path: string, query: string): Buffer | undefined {
  const asked = `${path}?${query}`;
  if (made.has(asked)) return made.get(asked);
  const [type = '', id] = path.replace('/fhir/', '').split('/');
  const text = texts.get(`${type}/${id}`);
  const body =
    id === undefined || id === '_search'
      ? bundle(type, new URLSearchParams(query))
      : text === undefined
        ? undefined
        : Buffer.from(text);
  made.set(asked, body);
  return body;
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const body = answer(path, query || Buffer.concat(chunks).toString());
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': 'application/fhir+json',
      'content-length': body?.length ?? 0,
    });
    response.end(body);
  });
});
// A peer that rests while others are measured must find its connections open: a proxy answers 504 when one has just closed.
server.keepAliveTimeout = 300_000;
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
