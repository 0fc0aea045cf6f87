/**
 * The least that keeps what every design must keep, by the gateway's own client, scanner and outbox. For a read the labels of the
 * resource's Encounter and Patient are asked for as they are now, and a record is on disk before the answer leaves: two references
 * are found by their first letters, everything else passes unread. For a search the page is read once (its entries have to be found
 * and their labels looked at), the Encounters and the Patient are asked for and read as they are now, what bears a label is left
 * out, each entry gets the version of its view (a hash of its bytes) and the answer's own links, and a record of all is on disk.
 * No token, no Consents, no references, no roles, no archive. Usage: node peer-floor.ts PORT UPSTREAM FOLDER STEP...; of the steps
 * `look-ups` and `record` of a read it takes those that are named, so that one sees what each costs.
 */
import { hash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { createRecorder } from '../src/audit/audit.ts';
import { upstreamConfig } from '../src/config/upstream.ts';
import { MemoryPool } from '../src/document/memory.ts';
import { nameNumber } from '../src/document/names.ts';
import { Output } from '../src/document/output.ts';
import { type Node, scan, type Tape } from '../src/document/tape.ts';
import { type Answer, Exchange } from '../src/upstream/exchange.ts';
import { configOf, context, disclosure, parts, request, resource } from '../test/audit/disclosures.ts';

const [port, upstream, folder, ...steps] = process.argv.slice(2);
const exchange = new Exchange(upstreamConfig.parse({ baseUrl: `${upstream}/fhir` }), Date.now);
const audit = configOf(folder as string, { maximumBytes: 68_719_476_736, archive: { kind: 'none' } });
const recorder = steps.includes('record') ? await createRecorder(audit, parts) : undefined;
const asksForLabels = steps.includes('look-ups');
const nobody = { authorization: undefined, signal: undefined };
const who = context();

async function answer(path: string, response: ServerResponse): Promise<void> {
  const { body } = await exchange.send({ method: 'GET', path, ...nobody });
  const text = body.toString('latin1');
  const patient = /"Patient\/([^"]+)"/.exec(text)?.[1] ?? '';
  const encounter = /"Encounter\/([^"]+)"/.exec(text)?.[1] ?? '';
  if (asksForLabels) await Promise.all([lookUp('Encounter', encounter), lookUp('Patient', patient)]);
  const key = path.slice('/fhir/'.length);
  const released = [resource(key, [`Patient/${patient}`])];
  await recorder?.record(disclosure({ request: request(key.split('/')), context: who, released }));
  response.writeHead(200, { 'content-type': 'application/fhir+json', 'content-length': body.length }).end(body);
}

function lookUp(type: string, id: string): Promise<Answer> {
  return exchange.send({ method: 'GET', path: `/fhir/${type}/${id}`, ...nobody });
}

const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 4_000_000, maximumStringBytes: 16_777_216 };
const pool = new MemoryPool(67_108_864);
const [entry, item, id, meta, security, encounter, subject, reference] = [
  ...['entry', 'resource', 'id', 'meta', 'security', 'encounter', 'subject', 'reference'],
].map(nameNumber) as [number, number, number, number, number, number, number, number];
const batch = 200;

function* resourcesOf(tape: Tape): Generator<Node> {
  const entries = tape.member(0, entry);
  if (entries < 0) return;
  for (let at = tape.firstChild(entries); at >= 0; at = tape.next(at)) yield tape.member(at, item);
}

function isLabelled(tape: Tape, node: Node): boolean {
  return tape.member(tape.member(node, meta), security) >= 0;
}

/** Those of these that bear a label now. */
async function labelled(type: string, keys: readonly string[]): Promise<readonly string[]> {
  const ids = keys.map((key) => key.slice(type.length + 1));
  const asked: Promise<readonly string[]>[] = [];
  for (let from = 0; from < ids.length; from += batch) {
    const some = ids.slice(from, from + batch);
    const form = new URLSearchParams({ _id: some.join(','), _count: String(some.length) }).toString();
    const asking = exchange.send({ method: 'POST', path: `/fhir/${type}/_search`, form, ...nobody });
    asked.push(
      asking.then(({ body }) => {
        const tape = scan(body, limits);
        return [...resourcesOf(tape)].flatMap((node) =>
          isLabelled(tape, node) ? `${type}/${tape.text(tape.member(node, id))}` : [],
        );
      }),
    );
  }
  return (await Promise.all(asked)).flat();
}

async function search(path: string, form: string, response: ServerResponse): Promise<void> {
  const memory = pool.lend();
  const { body } = await exchange.send({ method: 'POST', path: `${path}/_search`, form, ...nobody, memory });
  const tape = scan(body, limits, memory);
  const found: { readonly node: Node; readonly key: string; readonly parents: readonly (string | undefined)[] }[] = [];
  const encounters = new Set<string>();
  const patients = new Set<string>();
  for (const node of resourcesOf(tape)) {
    if (isLabelled(tape, node)) continue;
    const [made, whose] = [encounter, subject].map((name) =>
      tape.text(tape.member(tape.member(node, name), reference)),
    );
    if (made !== undefined) encounters.add(made);
    if (whose !== undefined) patients.add(whose);
    found.push({ node, key: `Observation/${tape.text(tape.member(node, id))}`, parents: [made, whose] });
  }
  const hidden = new Set(
    (await Promise.all([labelled('Encounter', [...encounters]), labelled('Patient', [...patients])])).flat(),
  );
  const left = found.filter(({ parents }) => !parents.some((key) => key !== undefined && hidden.has(key)));
  const out = new Output(body.length, memory);
  out.text(`{"resourceType":"Bundle","type":"searchset","total":${left.length},"entry":[`);
  for (const [index, { node, key }] of left.entries()) {
    const [from, to] = [tape.starts[node] as number, tape.ends[node] as number];
    const version = hash('sha256', body.subarray(from, to), 'base64url').slice(0, 22);
    out.text(
      `${index === 0 ? '' : ','}{"fullUrl":"http://127.0.0.1:${port}/fhir/${key}","resource":{"meta":{"versionId":"${version}"},`,
    );
    out.slice(body, from + 1, to);
    out.text(',"search":{"mode":"match"}}');
  }
  out.text(']}');
  const { bytes } = out;
  const released = left.map(({ key, parents }) => resource(key, [parents[1] as `Patient/${string}`]));
  const digest = hash('sha256', bytes, 'hex');
  await recorder?.record({ ...disclosure({ request: request(['Observation']), context: who, released }), digest });
  response.writeHead(200, { 'content-type': 'application/fhir+json', 'content-length': bytes.length });
  response.end(bytes, () => memory.giveBack());
}

const server = createServer((asked, response) => {
  const [path = '', query] = (asked.url ?? '').split('?');
  const answering = query === undefined ? answer(path, response) : search(path, query, response);
  answering.catch(() => response.writeHead(500).end());
});
server.keepAliveTimeout = 300_000; // as the FHIR server here: a peer rests while others are measured
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
