/**
 * The least that keeps what every design must keep for a read: the labels of the resource's Encounter and Patient are
 * asked for as they are now, in the gateway's way, and a record is on disk by the gateway's outbox before the answer leaves.
 * No token, no labels, no Consents, no archive; two references are found by their first letters, everything else passes
 * unread. Usage: node peer-floor.ts PORT UPSTREAM FOLDER STEP...; of the steps `look-ups` and `record` it takes those that are
 * named, so that one sees what each costs.
 */
import { createServer, type ServerResponse } from 'node:http';
import { createRecorder } from '../src/audit/audit.ts';
import { upstreamConfig } from '../src/config/upstream.ts';
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
  const form = `_id=${id}&_count=1`;
  return exchange.send({ method: 'POST', path: `/fhir/${type}/_search`, form, ...nobody });
}

const server = createServer((asked, response) => {
  answer(asked.url ?? '', response).catch(() => response.writeHead(500).end());
});
server.keepAliveTimeout = 300_000; // as the FHIR server here: a peer rests while others are measured
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
