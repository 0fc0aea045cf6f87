/**
 * The FHIR server behind every competitor: bodies built once, answers from memory, so that what is measured is the
 * competitor. It knows reads, searches by `_count`, and `_id` lists. Usage: node stub-upstream.ts PORT DATA.json
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, file] = process.argv.slice(2);
const resources = JSON.parse(readFileSync(file as string, 'utf8')) as { resourceType: string; id: string }[];
const texts = new Map(
  resources.map((resource) => [`${resource.resourceType}/${resource.id}`, JSON.stringify(resource)]),
);
const ofType = Map.groupBy(resources, ({ resourceType }) => resourceType);
const made = new Map<string, Buffer>();

function bundle(keys: readonly string[]): Buffer {
  const entries = keys.map(
    (key) => `{"fullUrl":"http://stub/fhir/${key}","resource":${texts.get(key)},"search":{"mode":"match"}}`,
  );
  return Buffer.from(
    `{"resourceType":"Bundle","type":"searchset","total":${keys.length},"link":[],"entry":[${entries.join(',')}]}`,
  );
}

function answer(path: string, query: string): Buffer | undefined {
  const asked = `${path}?${query}`;
  const known = made.get(asked);
  if (known !== undefined) return known;
  const [type, id] = path.replace('/fhir/', '').split('/') as [string, string | undefined];
  const parameters = new URLSearchParams(query);
  const ids = parameters.get('_id')?.split(',');
  const text = id !== undefined && id !== '_search' ? texts.get(`${type}/${id}`) : undefined;
  if (id !== undefined && id !== '_search' && text === undefined) return undefined;
  const keys =
    ids?.map((one) => `${type}/${one}`).filter((key) => texts.has(key)) ??
    (ofType.get(type) ?? []).map((one) => `${type}/${one.id}`);
  const body =
    text === undefined
      ? bundle(
          type === 'Consent' || ids
            ? keys
            : keys.slice(0, Number(parameters.get('size') ?? parameters.get('code') ?? keys.length)),
        )
      : Buffer.from(text);
  made.set(asked, body);
  return body;
}

createServer((request, response) => {
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
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
