import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bytesOf, errorReply } from '../../src/enforce/assemble.ts';
import { type ErrorCode, errorKinds } from '../../src/errors/errors.ts';
import {
  type Answer,
  answering,
  ask,
  type Bench,
  type Call,
  errorCode,
  exchange,
  type Fault,
  pause,
  raw,
  reset,
  serveProcess,
  startBench,
} from './bench.ts';

/** Stands in everything that the faulty server says: in bodies, headers, names, URLs. */
const marker = 'PLANTED-7f3a';
const head = `HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nX-${marker}: ${marker}\r\nSet-Cookie: ${marker}=1\r\n`;

const routes = ['read', 'vread', 'history', 'search'] as const;
type Route = (typeof routes)[number];
const paths: Readonly<Record<Route, string>> = {
  read: 'Observation/ada-a1c',
  vread: 'Observation/ada-a1c/_history/1',
  history: 'Observation/ada-a1c/_history',
  search: 'Observation?code=4548-4',
};

const resource = {
  resourceType: 'Observation',
  id: 'ada-a1c',
  meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '4548-4', display: marker }] },
  subject: { reference: 'Patient/ada' },
  valueQuantity: { value: 6.1, unit: marker },
  note: [{ text: marker }],
};

/** The honest envelope of a resource on each route. */
function envelope(route: Route, content: string): string {
  if (route === 'read') return content;
  const type = route === 'search' ? 'searchset' : 'history';
  return `{"resourceType":"Bundle","type":"${type}","entry":[{"resource":${content}}]}`;
}

/** What the faulty server answers on a route, and which constant errors that may become. */
interface Case {
  readonly name: string;
  readonly fault: (route: Route) => Fault;
  /** `harmless`: the answer may also be a good one, of which nothing planted is part. */
  readonly becomes: readonly (ErrorCode | 'harmless')[];
  readonly routes?: readonly Route[];
}

const invalid: readonly ErrorCode[] = ['upstream-invalid'];
const json = JSON.stringify(resource);
const bodyCase = (
  name: string,
  body: (route: Route) => string | Uint8Array,
  becomes: Case['becomes'] = invalid,
  only: readonly Route[] = routes,
): Case => ({
  name,
  fault: (route) => answering(body(route), { headers: { 'x-planted': marker } }),
  becomes,
  routes: only,
});
const contentCase = (name: string, content: string, becomes: Case['becomes'] = invalid): Case =>
  bodyCase(name, (route) => envelope(route, content), becomes);
/** So large that on a slow machine the time runs out first. */
const large: readonly ErrorCode[] = ['upstream-invalid', 'upstream-timeout'];

/** The document cut after every structural character: brackets, colons, commas, quotes. */
function truncations(): Case[] {
  const whole = envelope('search', JSON.stringify({ resourceType: 'Observation', id: 'x', note: [{ text: marker }] }));
  const cuts = [...whole.matchAll(/[{}[\]:,"]/g)].map(({ index }) => index + 1).filter((end) => end < whole.length);
  return cuts.map((end) => bodyCase(`cut after ${end} bytes`, () => whole.slice(0, end)));
}

const withValue = (text: string): string => json.replace('6.1', text);
const numbers = [
  '01',
  '+1',
  '.5',
  '5.',
  '1e',
  '1e+',
  '0x1f',
  '-',
  '--1',
  '1_000',
  'NaN',
  'Infinity',
  '-Infinity',
  '1.2.3',
  '٣',
];
const badEscapes = ['\\x41', '\\u12', '\\u12G4', '\\', '\\ud800', '\\udc00', '\\ud800\\u0041', '\\u0000', '\\v'];
const badUtf8 = [
  [0xff],
  [0xc0, 0xaf],
  [0xe0, 0x80, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xc3],
  [0x80],
];
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const spliced = (route: Route, bytes: readonly number[]): Buffer => {
  const text = Buffer.from(envelope(route, json));
  const at = text.indexOf(marker);
  return Buffer.concat([text.subarray(0, at), Buffer.from(bytes), text.subarray(at)]);
};
const whenParsed = (change: Record<string, unknown>): string => JSON.stringify({ ...resource, ...change });

const documents: Case[] = [
  ...truncations(),
  ...numbers.map((text) => contentCase(`the number ${text}`, withValue(text))),
  ...badEscapes.map((text) => contentCase(`the escape ${text}`, json.replace(marker, `${marker}${text}`))),
  ...badUtf8.map((bytes) =>
    bodyCase(`bytes ${Buffer.from(bytes).toString('hex')} in a string`, (route) => spliced(route, bytes)),
  ),
  bodyCase('UTF-16', (route) => Buffer.from(`\ufeff${envelope(route, json)}`, 'utf16le')),
  bodyCase('two byte order marks', (route) => `\ufeff\ufeff${envelope(route, json)}`),
  bodyCase('a byte order mark in the middle', (route) => envelope(route, json).replace(':', ':\ufeff')),
  contentCase('resourceType twice', json.replace('{', '{"resourceType":"Patient",')),
  contentCase('id twice', json.replace('"id"', '"id":"other","id"')),
  contentCase('a member twice, once escaped', json.replace('"status"', '"st\\u0061tus":"final","status"')),
  contentCase('a member twice deep inside', json.replace('"unit"', '"unit":"x","unit"')),
  contentCase('meta twice', json.replace('"meta"', '"meta":{"security":[]},"meta"')),
  bodyCase(
    'type of the Bundle twice',
    (route) => envelope(route, json).replace('"type"', '"type":"batch","type"'),
    invalid,
    ['search', 'history', 'vread'],
  ),
  bodyCase('entry twice', (route) => envelope(route, json).replace('"entry"', '"entry":[],"entry"'), invalid, [
    'search',
    'history',
    'vread',
  ]),
  contentCase('a member named __proto__', json.replace('"status"', '"__proto__":{},"status"')),
  contentCase('a member named constructor', json.replace('"status"', '"constructor":{},"status"')),
  contentCase('nesting of 65', withValue(nested(65))),
  contentCase('nesting of 100,000', withValue(nested(100_000))),
  contentCase('objects nested 5,000 deep', withValue(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)),
  contentCase(
    '5,000 members',
    json.replace('"status"', `${Array.from({ length: 5_000 }, (_, i) => `"m${i}":1,`).join('')}"status"`),
  ),
  contentCase('an array of 4,100,000', withValue(`[${'1,'.repeat(4_100_000)}1]`), large),
  contentCase('a string of 17 MB', json.replace(marker, `${marker}${'x'.repeat(17_000_000)}`), large),
  bodyCase('more than the largest answer', () => `{"resourceType":"${'x'.repeat(34_000_000)}"}`, large),
  contentCase('a control character in a string', json.replace(marker, `${marker}\u0001`)),
  contentCase('a line break in a string', json.replace(marker, `${marker}\n`)),
  contentCase('a comment', json.replace('{', `{/* ${marker} */`)),
  contentCase('a line comment', json.replace('{', `{// ${marker}\n`)),
  contentCase('a trailing comma in an object', json.replace(/}$/, ',}')),
  contentCase('a trailing comma in an array', json.replace('}]', '},]')),
  contentCase('single quotes', json.replaceAll('"', "'")),
  contentCase('an unquoted name', json.replace('"status"', 'status')),
  contentCase('a bare word', withValue(marker)),
  contentCase('True', withValue('True')),
  contentCase('undefined', withValue('undefined')),
  bodyCase('trailing data', (route) => `${envelope(route, json)} ${marker}`),
  bodyCase('two documents', (route) => `${envelope(route, json)}${envelope(route, json)}`),
  bodyCase('two documents on two lines', (route) => `${envelope(route, json)}\n${envelope(route, json)}`),
  bodyCase('a NUL at the end', (route) => `${envelope(route, json)}\0`),
  bodyCase('HTML', () => `<!DOCTYPE html><html><body>${marker}</body></html>`),
  bodyCase('XML', () => `<Observation xmlns="http://hl7.org/fhir"><id value="${marker}"/></Observation>`),
  bodyCase('nothing', () => ''),
  bodyCase('white space', () => ' \n\t'),
  bodyCase('null', () => 'null'),
  bodyCase('true', () => 'true'),
  bodyCase('a string', () => JSON.stringify(marker)),
  bodyCase('a number', () => '42'),
  bodyCase('an array', (route) => `[${envelope(route, json)}]`),
  bodyCase('an empty object', () => '{}'),
  bodyCase('gzip that nobody names', (route) => gzipSync(envelope(route, json))),
];

const shapes: Case[] = [
  contentCase('another resource type', whenParsed({ resourceType: 'Condition' })),
  contentCase('a resource type that FHIR does not know', whenParsed({ resourceType: marker })),
  contentCase('a resource type in lower case', whenParsed({ resourceType: 'observation' })),
  contentCase('a resource type that is a number', whenParsed({ resourceType: 7 })),
  contentCase('no resource type', whenParsed({ resourceType: undefined })),
  bodyCase('the id of another resource', (route) => envelope(route, whenParsed({ id: marker })), invalid, [
    'read',
    'vread',
    'history',
  ]),
  bodyCase('the id in another case', (route) => envelope(route, whenParsed({ id: 'ADA-A1C' })), invalid, [
    'read',
    'vread',
    'history',
  ]),
  contentCase('no id', whenParsed({ id: undefined })),
  contentCase('an id that is a number', whenParsed({ id: 5 })),
  contentCase('an id that is null', whenParsed({ id: null })),
  contentCase('an id with a slash', whenParsed({ id: `a/${marker}` })),
  contentCase('an id of 65 characters', whenParsed({ id: 'a'.repeat(65) })),
  contentCase('a resource that is a string', JSON.stringify(marker)),
  contentCase('a resource that is an array', `[${json}]`),
  contentCase('a resource that is null', 'null'),
  contentCase(
    'an OperationOutcome with 200',
    JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ diagnostics: marker }] }),
  ),
  contentCase('a Bundle in a Bundle', envelope('search', json)),
  bodyCase('a searchset where none was asked for', () => envelope('search', json), invalid, [
    'read',
    'history',
    'vread',
  ]),
  bodyCase('a history where none was asked for', () => envelope('history', json), invalid, ['read', 'search']),
  ...['batch-response', 'collection', 'transaction', marker, ''].map((type) =>
    bodyCase(
      `a Bundle of type "${type}"`,
      (route) => envelope(route, json).replace(/"type":"[a-z]+"/, `"type":"${type}"`),
      invalid,
      ['search', 'history', 'vread'],
    ),
  ),
  bodyCase(
    'a search entry without a resource',
    () => `{"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"${marker}"}]}`,
    invalid,
    ['search'],
  ),
  bodyCase(
    'a history entry without a resource',
    () => `{"resourceType":"Bundle","type":"history","entry":[{"fullUrl":"${marker}"}]}`,
    ['not-found'],
    ['history', 'vread'],
  ),
  ...['{}', '"x"', 'null', '7'].map((entry) =>
    bodyCase(
      `entry that is ${entry}`,
      (route) => `{"resourceType":"Bundle","type":"${route === 'search' ? 'searchset' : 'history'}","entry":${entry}}`,
      invalid,
      ['search', 'history', 'vread'],
    ),
  ),
  ...['null', '"x"', '7', '[]'].map((entry) =>
    bodyCase(
      `an entry that is ${entry}`,
      () => `{"resourceType":"Bundle","type":"searchset","entry":[${entry}]}`,
      invalid,
      ['search'],
    ),
  ),
  bodyCase(
    'a good entry and a bad one',
    () =>
      `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":${json}},{"resource":${whenParsed({ resourceType: 'Patient' })}}]}`,
    invalid,
    ['search'],
  ),
  bodyCase(
    'a good version and one of another resource',
    () =>
      `{"resourceType":"Bundle","type":"history","entry":[{"resource":${json}},{"resource":${whenParsed({ id: marker })}}]}`,
    invalid,
    ['history', 'vread'],
  ),
  bodyCase(
    'a fullUrl that is not of the resource',
    (route) =>
      envelope(route, clean).replace('{"resource"', `{"fullUrl":"http://${marker}.example/Patient/x","resource"`),
    ['harmless'],
    ['search', 'history'],
  ),
  bodyCase(
    'members that no Bundle has, and a total that is not true',
    (route) =>
      envelope(route, clean).replace(
        '"entry"',
        `"total":999999,"${marker}":{"a":1},"signature":{"data":"${marker}"},"entry"`,
      ),
    ['harmless'],
    ['search', 'history'],
  ),
  bodyCase(
    'entries nobody asked for: an outcome and an include',
    () =>
      `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":${clean}},{"resource":{"resourceType":"OperationOutcome","issue":[{"diagnostics":"${marker}"}]},"search":{"mode":"outcome"}},{"resource":{"resourceType":"Patient","id":"${marker}"},"search":{"mode":"include"}}]}`,
    ['harmless'],
    ['search'],
  ),
];

/** What the requester may see, with nothing planted. */
const clean = JSON.stringify({
  resourceType: 'Observation',
  id: 'ada-a1c',
  meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '4548-4' }] },
  subject: { reference: 'Patient/ada' },
});

const statusCase = (status: number, becomes: Case['becomes'], headers: Record<string, string> = {}): Case => ({
  name: `status ${status}${Object.keys(headers)
    .map((name) => ` with ${name}`)
    .join('')}`,
  fault: (route) =>
    answering([204, 304].includes(status) ? '' : envelope(route, json), {
      status,
      headers: { 'x-planted': marker, ...headers },
    }),
  becomes,
});
const rawCase = (
  name: string,
  bytes: (route: Route) => string | Uint8Array,
  becomes: Case['becomes'] = invalid,
): Case => ({
  name,
  fault: (route) => raw(bytes(route)),
  becomes,
});
const lengthOf = (text: string): number => Buffer.byteLength(text);
const chunked = (text: string): string => `${lengthOf(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`;

/** Whether a head was read or not before it went wrong is not told apart. */
const unreadableHead: readonly ErrorCode[] = ['upstream-invalid', 'upstream-unavailable'];

const wire: Case[] = [
  ...[201, 202, 203, 204, 205, 206, 207, 226].map((status) => statusCase(status, invalid)),
  ...[300, 301, 302, 303, 304, 307, 308].map((status) =>
    statusCase(status, invalid, { location: `http://127.0.0.1:1/${marker}` }),
  ),
  ...[400, 401, 403, 405, 406, 409, 412, 413, 415, 418, 422, 429, 451].map((status) => statusCase(status, invalid)),
  ...[500, 501, 502, 505, 507, 599].map((status) => statusCase(status, invalid)),
  statusCase(503, ['upstream-unavailable'], { 'retry-after': marker }),
  statusCase(504, ['upstream-timeout']),
  ...[
    'text/html',
    'text/plain',
    'application/fhir+xml',
    'application/octet-stream',
    'application/jsonx',
    `application/${marker}`,
  ].map(
    (type): Case => ({
      name: `content type ${type}`,
      fault: (route) => answering(envelope(route, json), { headers: { 'content-type': type } }),
      becomes: invalid,
    }),
  ),
  rawCase(
    'no content type',
    (route) => `HTTP/1.1 200 OK\r\nContent-Length: ${lengthOf(envelope(route, json))}\r\n\r\n${envelope(route, json)}`,
  ),
  ...['gzip', 'br', 'deflate', 'zstd', 'identity, gzip'].map(
    (encoding): Case => ({
      name: `content encoding ${encoding}`,
      fault: (route) => answering(gzipSync(envelope(route, json)), { headers: { 'content-encoding': encoding } }),
      becomes: invalid,
    }),
  ),
  rawCase(
    'a length that is too long, then the end',
    (route) => `${head}Content-Length: ${lengthOf(envelope(route, json)) + 50}\r\n\r\n${envelope(route, json)}`,
  ),
  rawCase(
    'a length that is too short',
    (route) => `${head}Content-Length: ${lengthOf(envelope(route, json)) - 5}\r\n\r\n${envelope(route, json)}`,
  ),
  rawCase('a length of nothing', (route) => `${head}Content-Length: 0\r\n\r\n${envelope(route, json)}`),
  rawCase(
    'two lengths',
    (route) => `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${envelope(route, json)}`,
    unreadableHead,
  ),
  rawCase('a negative length', (route) => `${head}Content-Length: -5\r\n\r\n${envelope(route, json)}`),
  rawCase('a length that is no number', (route) => `${head}Content-Length: ${marker}\r\n\r\n${envelope(route, json)}`),
  rawCase('a length above the cap', () => `${head}Content-Length: 99999999999\r\n\r\n{`),
  rawCase(
    'a chunk size that is no number',
    (route) => `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${envelope(route, json)}\r\n0\r\n\r\n`,
  ),
  rawCase(
    'a chunk without its end',
    (route) => `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n${envelope(route, json)}\r\n0\r\n\r\n`,
  ),
  rawCase(
    'chunks without the last one',
    (route) =>
      `${head}Transfer-Encoding: chunked\r\n\r\n${lengthOf(envelope(route, json)).toString(16)}\r\n${envelope(route, json)}\r\n`,
  ),
  rawCase(
    'a chunk size that overflows',
    (route) => `${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${envelope(route, json)}`,
  ),
  rawCase(
    'length and chunks both',
    (route) => `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(envelope(route, json))}`,
    unreadableHead,
  ),
  rawCase('gzip as a transfer encoding', (route) =>
    Buffer.concat([Buffer.from(`${head}Transfer-Encoding: gzip\r\n\r\n`), gzipSync(envelope(route, json))]),
  ),
  rawCase('no HTTP at all', () => `${marker}\r\n\r\n`),
  rawCase('the banner of another protocol', () => `220 ${marker} ESMTP\r\n`),
  rawCase('HTTP/0.9', (route) => envelope(route, json)),
  rawCase(
    'HTTP/3.7',
    (route) => `HTTP/3.7 200 OK\r\nContent-Type: application/fhir+json\r\n\r\n${envelope(route, json)}`,
  ),
  rawCase('a status that is no number', () => `HTTP/1.1 ABC ${marker}\r\n\r\n`),
  rawCase('a status of 99', () => `HTTP/1.1 99 ${marker}\r\nContent-Length: 0\r\n\r\n`),
  rawCase(
    'a header without a colon',
    (route) => `HTTP/1.1 200 OK\r\n${marker}\r\nContent-Type: application/fhir+json\r\n\r\n${envelope(route, json)}`,
  ),
  rawCase('a header with a NUL', (route) => `${head}X-Nul: a\0b\r\nContent-Length: 2\r\n\r\n${envelope(route, json)}`),
  rawCase(
    'a folded header',
    (route) => `HTTP/1.1 200 OK\r\nX-A: b\r\n ${marker}\r\nContent-Type: text/html\r\n\r\n${envelope(route, json)}`,
  ),
  rawCase('headers without end', () => `${head}${`X-Long: ${'x'.repeat(1_000)}\r\n`.repeat(200)}\r\n`),
  rawCase('one header of 1 MB', () => `${head}X-Long: ${marker}${'x'.repeat(1_000_000)}\r\n\r\n`),
  rawCase(
    'an upgrade nobody asked for',
    () => `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${marker}\r\nConnection: Upgrade\r\n\r\n${marker}`,
    ['upstream-unavailable'],
  ),
  rawCase('the end before any byte', () => '', ['upstream-unavailable']),
  rawCase('the end within the status line', () => 'HTTP/1.1 20', ['upstream-unavailable', 'upstream-invalid']),
  rawCase('the end within the headers', () => head, ['upstream-unavailable', 'upstream-invalid']),
  rawCase('a flood of early hints', () => `HTTP/1.1 103 Early Hints\r\nLink: <${marker}>\r\n\r\n`.repeat(20_000), [
    'upstream-invalid',
    'upstream-unavailable',
  ]),
  { name: 'a reset before any byte', fault: () => reset, becomes: ['upstream-unavailable'] },
  {
    name: 'a reset within the body',
    fault: (route) => (call) => {
      call.socket.write(`${head}Content-Length: 9999\r\n\r\n${envelope(route, json)}`);
      setTimeout(() => call.socket.resetAndDestroy(), 20);
    },
    becomes: ['upstream-invalid'],
  },
  { name: 'silence', fault: () => () => undefined, becomes: ['upstream-timeout'] },
  {
    name: 'a head and then silence',
    fault: () => raw(`${head}Content-Length: 500\r\n\r\n{`, { keep: true }),
    becomes: ['upstream-timeout'],
  },
  {
    name: 'a byte at a time',
    fault: (route) => dripping(`${head}\r\n${envelope(route, json)}`),
    becomes: ['upstream-timeout'],
  },
  {
    name: 'early hints, one at a time, for ever',
    fault: () => dripping('', `HTTP/1.1 103 Early Hints\r\nLink: <${marker}>\r\n\r\n`),
    becomes: ['upstream-timeout'],
  },
];

/** Never faster than a byte each 20 ms, and never done. */
function dripping(start: string, again = 'x'): Fault {
  return ({ socket }) => {
    let sent = 0;
    const timer = setInterval(() => {
      socket.write(sent < start.length ? start.slice(sent, sent + 1) : again);
      sent++;
    }, 20);
    socket.on('close', () => clearInterval(timer));
  };
}

const cases = [...documents, ...shapes, ...wire];

describe('an unusable answer of the FHIR server', () => {
  // What is to be found invalid has time to be, however busy the machine is; what is to be given up is given up soon.
  let patient: Bench;
  let impatient: Bench;
  let chosen: { readonly route: Route; readonly fault: Fault } | undefined;

  beforeAll(async () => {
    const start = async (answerTimeoutMs: number): Promise<Bench> => {
      const bench = await startBench({ paging: 'links', changes: { upstream: { answerTimeoutMs } } });
      bench.relay.fault = (call) => (chosen !== undefined && isAbout(call) ? chosen.fault : undefined);
      return bench;
    };
    patient = await start(20_000);
    impatient = await start(400);
  });
  afterAll(async () => {
    await patient.close();
    await impatient.close();
  });

  const answerTo = async (route: Route, { fault, becomes }: Case): Promise<Answer> => {
    const bench = becomes.includes('upstream-timeout') ? impatient : patient;
    chosen = { route, fault: fault(route) };
    const answer = await bench.ask(paths[route]);
    chosen = undefined;
    return answer;
  };

  it('is tried in more than 120 forms', () => {
    expect(cases.length).toBeGreaterThan(120);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases.map((one) => [one.name, one] as const))(
    '%s: a constant error, and nothing of it',
    async (_name, one) => {
      for (const route of one.routes ?? routes) expectConstant(await answerTo(route, one), one.becomes, route);
    },
  );

  it('leaves the gateway able to answer', async () => {
    for (const bench of [patient, impatient]) {
      const answer = await bench.ask(paths.read);
      expect([answer.status, JSON.parse(answer.body).id]).toEqual([200, 'ada-a1c']);
    }
  });
});

/** The call that the faulty answer is for: the route's own, not those for references and Consents. */
function isAbout({ type, parameters, interaction }: Call): boolean {
  return type === 'Observation' && (interaction !== 'search' || parameters.has('code'));
}

const allowedHeaders = new Set([
  'cache-control',
  'vary',
  'x-content-type-options',
  'content-security-policy',
  'referrer-policy',
  'x-request-id',
  'content-type',
  'content-length',
  'date',
  'connection',
  'retry-after',
  'etag',
  'last-modified',
  'keep-alive',
]);

function expectConstant(answer: Answer, becomes: Case['becomes'], route: Route): void {
  expect(JSON.stringify(answer)).not.toContain(marker);
  expect(Object.keys(answer.headers).filter((name) => !allowedHeaders.has(name))).toEqual([]);
  const code = errorCode(answer.body);
  const kind = answer.status === 200 ? 'harmless' : (code as ErrorCode);
  expect([route, kind]).toEqual([route, becomes.find((one) => one === kind) ?? becomes[0]]);
  if (kind === 'harmless') return;
  expect(answer.status).toBe(errorKinds[kind].status);
  expect(answer.body).toBe(Buffer.concat([...bytesOf(errorReply(kind, undefined).body)]).toString());
}

describe('what comes in one answer for several', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ changes: { upstream: { answerTimeoutMs: 1_000, connections: 1 } } });
  });
  afterAll(() => bench.close());

  const foreign = JSON.stringify({ ...resource, subject: { reference: 'Patient/eve' } });
  const whole = (text: string): string =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: ${lengthOf(text)}\r\n\r\n${text}`;

  it.each([
    ['at once', 0],
    ['a little later', 30],
  ])('a second answer on the connection, %s, is nobody’s', async (_when, afterMs) => {
    let first = true;
    bench.relay.fault = (call) => {
      if (call.interaction !== 'read' || !first) return undefined;
      first = false;
      return ({ socket }) => {
        if (afterMs === 0) socket.write(whole(clean) + whole(foreign));
        else {
          socket.write(whole(clean));
          setTimeout(() => socket.writable && socket.write(whole(foreign)), afterMs);
        }
      };
    };
    const answers = await Promise.all([1, 2, 3].map(() => bench.ask(paths.read)));
    await pause(2 * afterMs);
    answers.push(await bench.ask(paths.read));
    // On the one connection that was told twice something may fail or be withheld; nobody gets what was not asked for.
    for (const { status, body } of answers) {
      expect([200, 404, 502, 503, 504]).toContain(status);
      expect(body).not.toContain(marker);
      if (status === 200) expect(JSON.parse(body).subject).toEqual({ reference: 'Patient/ada' });
    }
    bench.relay.fault = () => undefined;
    expect((await bench.ask(paths.read)).status).toBe(200);
  });

  it('a client gets one answer to one request, whatever comes from behind', async () => {
    const token = bench.tokens.get('dr-grey');
    const request = `GET /fhir/${paths.read} HTTP/1.1\r\nHost: a\r\nAccept: application/fhir+json\r\nAuthorization: Bearer ${token}\r\n`;
    const twice = [
      answering('{', { status: 200 }),
      answering(`HTTP/1.1 200 OK\r\n\r\n${marker}`, { status: 500 }),
      raw(`HTTP/1.1 103 Early Hints\r\nLink: <${marker}>\r\n\r\n${whole(clean)}`),
      reset,
    ];
    for (const fault of twice) {
      let once = true;
      bench.relay.fault = (call) => {
        if (call.interaction !== 'read' || !once) return undefined;
        once = false;
        return fault;
      };
      const heard = await exchange(bench.gateway.url, [`${request}\r\n`, `${request}Connection: close\r\n\r\n`]);
      expect(heard.match(/HTTP\/1\.1 (\d{3})/g)).toHaveLength(2);
      expect(heard.lastIndexOf('HTTP/1.1 200')).toBeGreaterThan(heard.indexOf('HTTP/1.1 ') - 1);
      expect(heard).not.toContain(marker);
    }
    bench.relay.fault = () => undefined;
  });
});

describe('a next link of the FHIR server', () => {
  let bench: Bench;
  let links: (target: string) => string | undefined;
  const withLink = (link: string | undefined, entries = `{"resource":${clean}}`): string =>
    `{"resourceType":"Bundle","type":"searchset"${link === undefined ? '' : `,"link":[{"relation":"next","url":${JSON.stringify(link)}}]`},"entry":[${entries}]}`;

  beforeAll(async () => {
    bench = await startBench({ paging: 'links', changes: { upstream: { answerTimeoutMs: 2_000 } } });
    bench.relay.fault = (call) =>
      call.type === 'Observation' || call.parameters.has('page')
        ? ({ target }) => answering(withLink(links(target)))(call) ?? target
        : undefined;
  });
  afterAll(() => bench.close());
  const pagesAsked = async (): Promise<{ answer: Answer; targets: string[] }> => {
    bench.relay.calls.length = 0;
    const answer = await bench.ask('Observation?code=4548-4&_total=accurate');
    const targets = bench.relay.calls.filter(({ method }) => method === 'GET').map(({ target }) => target);
    return { answer, targets };
  };

  it.each([
    ['above the base', (base: string) => `${base}/../secret?page=1`],
    ['above the base, escaped', (base: string) => `${base}/%2e%2e/secret?page=1`],
    ['with backslashes', (base: string) => `${base}/..\\secret?page=1`],
    ['beside the base', (base: string) => `${base}-other/Observation?page=1`],
    ['at the root of another host', () => 'http://attacker.example/?page=1'],
    ['that is a script', () => 'javascript:alert(1)'],
    ['that is data', () => 'data:text/html,x'],
    ['that is a file', () => 'file:///etc/passwd'],
    ['that is a URN', () => 'urn:uuid:6f0f3a1c-0000-4000-8000-000000000000'],
    ['that is no URL', () => 'http://[::1'],
  ])('%s is not followed', async (_name, linkTo) => {
    links = () => linkTo(bench.relay.url);
    const { answer, targets } = await pagesAsked();
    expect([answer.status, errorCode(answer.body)]).toEqual([502, 'upstream-invalid']);
    expect(targets).toEqual([]);
  });

  it.each(['null', '7', '{}', '["x"]'])('whose url is %s is no page', async (url) => {
    bench.relay.calls.length = 0;
    const kept = bench.relay.fault;
    bench.relay.fault = (call) =>
      call.type === 'Observation' ? answering(withLink('x').replace('"url":"x"', `"url":${url}`)) : undefined;
    const answer = await bench.ask('Observation?code=4548-4');
    bench.relay.fault = kept;
    expect([answer.status, errorCode(answer.body)]).toEqual([502, 'upstream-invalid']);
  });

  it('to another host is asked of the one FHIR server there is, with no connection to the other', async () => {
    let connections = 0;
    const other = createServer(() => connections++).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    links = (target) =>
      target.includes('page=2') ? undefined : `http://user:pass@127.0.0.1:${port}/fhir/Observation?page=2`;
    const { answer, targets } = await pagesAsked();
    other.close();
    expect(answer.status).toBe(200);
    expect(targets).toEqual(['/fhir/Observation?page=2']);
    expect(connections).toBe(0);
  });

  it.each([
    ['to the same page', (target: string) => (target.includes('page') ? target : '?page=1')],
    [
      'round a circle of three',
      (target: string) => `/fhir/Observation?page=${(Number(/page=(\d)/.exec(target)?.[1] ?? 0) + 1) % 3}`,
    ],
  ])('%s ends, and is an unusable answer', async (_name, next) => {
    links = next;
    const { answer, targets } = await pagesAsked();
    expect([answer.status, errorCode(answer.body)]).toEqual([502, 'upstream-invalid']);
    expect(targets.length).toBeLessThan(10);
  });

  it.each(['Observation', 'Consent', 'Patient'])('of %s on and on through nothing ends', async (type) => {
    let page = 0;
    const kept = bench.relay.fault;
    bench.relay.fault = (call) =>
      call.type === type && call.interaction === 'search'
        ? answering(withLink(`${bench.relay.url}/${type}?page=${++page}`, ''))
        : undefined;
    const answer = await bench.ask('Observation?_id=ada-a1c');
    bench.relay.fault = kept;
    expect([502, 503]).toContain(answer.status);
    expect(page).toBeLessThan(500);
  });
});

/** Resident memory of a process, in megabytes (proc(5)). */
function residentMegabytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

(process.platform === 'linux' ? describe : describe.skip)('memory', () => {
  it('does not grow with the unusable answers that were read', async () => {
    const bench = await startBench();
    const listener = { ...bench.config.listener, port: 0 };
    const audit = { ...bench.config.audit, outboxFile: join(bench.folder, 'second.db') };
    const gateway = await serveProcess({ ...bench.config, listener, audit }, join(bench.folder, 'config.json'), {
      nodeOptions: ['--max-old-space-size=256'],
    });
    const bodies = [
      `${json.slice(0, -1)},"x":"${'y'.repeat(8_000_000)}`,
      `${json.slice(0, -1)},"x":[${'1,'.repeat(1_000_000)}`,
      `${json.slice(0, -1)},"x":${nested(60)}${'x'.repeat(1_000_000)}`,
    ];
    const round = async (): Promise<void> => {
      for (const body of bodies) {
        bench.relay.fault = ({ interaction }) => (interaction === 'read' ? answering(body) : undefined);
        const answers = await Promise.all(
          [1, 2].map(() => ask(`${gateway.url}/${paths.read}`, bench.tokens.get('dr-grey'))),
        );
        expect(answers.map(({ status }) => status)).toEqual([502, 502]);
      }
    };
    for (let i = 0; i < 3; i++) await round();
    const before = residentMegabytes(gateway.pid);
    for (let i = 0; i < 10; i++) await round();
    // Sixty answers, some hundred megabytes in all.
    expect(residentMegabytes(gateway.pid) - before).toBeLessThan(120);
    bench.relay.fault = () => undefined;
    expect((await ask(`${gateway.url}/${paths.read}`, bench.tokens.get('dr-grey'))).status).toBe(200);
    gateway.kill('SIGTERM');
    expect((await gateway.ended).code).toBe(0);
    await bench.close();
  });
});
