import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Bench, comparable, errorCode, exchange, hang, pause, startBench, until } from './bench.ts';

const formType = 'Content-Type: application/x-www-form-urlencoded';

/** A request head as text; the token of Dr. Grey stands for `TOKEN`. */
const head = (line: string, ...fields: readonly string[]): string =>
  `${[line, 'Host: gateway.example', 'Accept: application/fhir+json', 'Authorization: Bearer TOKEN', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`;
const get = (target: string, ...fields: readonly string[]): string => head(`GET ${target} HTTP/1.1`, ...fields);
const post = (body: string, ...fields: readonly string[]): string =>
  head('POST /fhir/Observation/_search HTTP/1.1', formType, `Content-Length: ${Buffer.byteLength(body)}`, ...fields) +
  body;
const many = (count: number, one: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => one(i)).join('&');

/** What is sent, the status it gets (0: the connection just ends), and the code of the constant error where there is one. */
type Case = readonly [name: string, request: string | readonly string[], status: number, code?: string];

const sizes: readonly Case[] = [
  ['a header of 20 KB', get('/fhir/Observation/x', `X-Long: ${'x'.repeat(20_000)}`), 431],
  [
    '500 headers',
    get('/fhir/Observation/x', ...Array.from({ length: 500 }, (_, i) => `X-${i}: ${'y'.repeat(40)}`)),
    431,
  ],
  ['a URL of 20 KB', get(`/fhir/Observation?code=${'x'.repeat(20_000)}`), 431],
  ['a URL of 12 KB', get(`/fhir/Observation?code=${'x'.repeat(12_000)}`), 414, 'uri-too-long'],
  ['a form of 100 KB', post(`code=${'x'.repeat(100_000)}`), 413, 'payload-too-large'],
  [
    'a form of 100 KB in chunks',
    head('POST /fhir/Observation/_search HTTP/1.1', formType, 'Transfer-Encoding: chunked') +
      `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n0\r\n\r\n`,
    413,
    'payload-too-large',
  ],
  ['a form of 50 KB', post(`code=${'x'.repeat(50_000)}`), 0],
  ['10,000 parameters', post(many(10_000, () => 'a=1')), 0],
  ['1,000 parameters in the URL', get(`/fhir/Observation?${many(1_000, (i) => `_id=${i}`)}`), 0],
  ['101 parameters', get(`/fhir/Observation?${many(101, (i) => `_id=${i}`)}`), 0],
  [
    '101 values of one parameter',
    get(`/fhir/Observation?_id=${Array.from({ length: 101 }, (_, i) => i).join(',')}`),
    0,
  ],
  ['11 includes', get(`/fhir/Observation?${many(11, () => '_include=Observation:subject')}`), 0],
  [
    'a chain of three hops',
    get('/fhir/Observation?encounter:Encounter.subject:Patient.organization:Organization.name=x'),
    0,
  ],
  ['a chain of forty hops', get(`/fhir/Observation?${'encounter.'.repeat(40)}status=x`), 0],
  [
    '_has in _has in _has',
    get('/fhir/Patient?_has:Observation:subject:_has:Observation:derived-from:_has:Observation:has-member:code=x'),
    0,
  ],
  ['_count of a billion billions', get('/fhir/Observation?_count=1000000000000000000'), 0],
  ['_count below nothing', get('/fhir/Observation?_count=-1'), 0],
  ['_count twice', get('/fhir/Observation?_count=1&_count=2'), 0],
  ['_sort twice', get('/fhir/Observation?_sort=date&_sort=-date'), 0],
  ['_total of an unknown kind', get('/fhir/Observation?_total=all'), 0],
  ['a page token of another length', get('/fhir/?_page=abc'), 404, 'page-not-found'],
  ['a page token made up', get(`/fhir/Observation?_page=${'A'.repeat(2086)}`), 404, 'page-not-found'],
];

const targets: readonly Case[] = [
  ['an absolute target', get('http://gateway.example/fhir/Observation/ada-a1c'), 404, 'unknown-route'],
  ['an absolute target of another host', get('http://attacker.example/fhir/Observation/ada-a1c'), 404, 'unknown-route'],
  ['an absolute target with credentials', get('http://a:b@c/fhir/Observation/ada-a1c'), 404, 'unknown-route'],
  ['a target without its slash', get('fhir/Observation/ada-a1c'), 400],
  ['the target *', get('*'), 404, 'unknown-route'],
  ['two slashes first', get('//fhir/Observation/ada-a1c'), 404, 'unknown-route'],
  ['two slashes in between', get('/fhir//Observation/ada-a1c'), 404, 'unknown-route'],
  ['a slash at the end', get('/fhir/Observation/ada-a1c/'), 404, 'unknown-route'],
  ['a NUL', get('/fhir/Observation/ada-a1c%00'), 404, 'unknown-route'],
  ['a raw NUL', get('/fhir/Observation/ada\0a1c'), 400],
  ['a raw line feed', get('/fhir/Observation/ada\na1c'), 400],
  ['bytes above ASCII', get('/fhir/Observation/\xe9'), 400],
  ['an encoded slash', get('/fhir/Observation%2fada-a1c'), 404, 'unknown-route'],
  ['an encoded letter', get('/fhir/%4fbservation/ada-a1c'), 404, 'unknown-route'],
  ['a double encoding', get('/fhir/Observation/ada%252da1c'), 404, 'unknown-route'],
  ['an overlong encoding', get('/fhir/Observation/%c0%afada'), 404, 'unknown-route'],
  ['dot segments', get('/fhir/Observation/../Observation/ada-a1c'), 404, 'unknown-route'],
  ['encoded dot segments', get('/fhir/%2e%2e/fhir/Observation/ada-a1c'), 404, 'unknown-route'],
  ['a backslash', get('/fhir\\Observation\\ada-a1c'), 404, 'unknown-route'],
  ['a semicolon parameter', get('/fhir/Observation;v=1/ada-a1c'), 404, 'unknown-route'],
  ['a fragment', get('/fhir/Observation/ada-a1c#x'), 404, 'unknown-route'],
  ['another base', get('/other/Observation/ada-a1c'), 404, 'unknown-route'],
  ['the base in capitals', get('/FHIR/Observation/ada-a1c'), 404, 'unknown-route'],
  ['a NUL in a value', get('/fhir/Observation?code=a%00b'), 400, 'invalid-request'],
  ['a bad escape in a value', get('/fhir/Observation?code=%zz'), 400, 'invalid-request'],
  ['bad UTF-8 in a value', get('/fhir/Observation?code=%ff'), 400, 'invalid-request'],
  ['a bad escape in a name', get('/fhir/Observation?%=1'), 400, 'invalid-request'],
  ['a token in the URL', get('/fhir/Observation?access_token=x'), 400, 'token-ambiguous'],
];

const forms: readonly Case[] = [
  ...['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'PURGE', 'LINK'].map(
    (method): Case => [
      `the method ${method}`,
      head(`${method} /fhir/Observation/ada-a1c HTTP/1.1`),
      405,
      'method-not-allowed',
    ],
  ),
  ['the method CONNECT', head('CONNECT gateway.example:443 HTTP/1.1'), 0],
  ['a method that nobody has', head('STEAL /fhir/Observation/ada-a1c HTTP/1.1'), 400],
  ['a method in small letters', head('get /fhir/Observation/ada-a1c HTTP/1.1'), 400],
  ['POST to a resource', post('').replace('/_search', '/ada-a1c'), 405, 'method-not-allowed'],
  ['a batch', post('').replace('/fhir/Observation/_search', '/fhir'), 0],
  ['a GET with a body', `${get('/fhir/Observation/ada-a1c', 'Content-Length: 5')}hello`, 400, 'invalid-request'],
  [
    'JSON as a form',
    post('{}').replace(formType, 'Content-Type: application/fhir+json'),
    415,
    'unsupported-media-type',
  ],
  ['a form without a type', post('a=1').replace(`${formType}\r\n`, ''), 415, 'unsupported-media-type'],
  [
    'a form in Latin-1',
    post('a=1').replace(formType, `${formType}; charset=iso-8859-1`),
    415,
    'unsupported-media-type',
  ],
  ['a form in gzip', post('a=1', 'Content-Encoding: gzip'), 415, 'unsupported-media-type'],
  [
    'a length and chunks',
    `${head('POST /fhir/Observation/_search HTTP/1.1', formType, 'Content-Length: 3', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    400,
  ],
  ['two lengths', post('a=1', 'Content-Length: 4'), 400],
  [
    'a chunk size that is no number',
    `${head('POST /fhir/Observation/_search HTTP/1.1', formType, 'Transfer-Encoding: chunked')}zz\r\n`,
    0,
  ],
  ['two hosts', get('/fhir/Observation/ada-a1c', 'Host: attacker.example'), 400, 'invalid-request'],
  ['no host', get('/fhir/Observation/ada-a1c').replace('Host: gateway.example\r\n', ''), 400],
  ['two tokens', get('/fhir/Observation/ada-a1c', 'Authorization: Bearer other'), 400, 'token-ambiguous'],
  [
    'If-None-Match twice',
    get('/fhir/Observation/ada-a1c', 'If-None-Match: "a"', 'If-None-Match: "b"'),
    400,
    'invalid-request',
  ],
  [
    'a purpose twice',
    get('/fhir/Observation/ada-a1c', 'X-Purpose-Of-Use: TREAT', 'X-Purpose-Of-Use: HPAYMT'),
    400,
    'invalid-request',
  ],
  [
    'an upgrade',
    get('/fhir/Observation/ada-a1c', 'Upgrade: websocket').replace('Connection: close', 'Connection: Upgrade'),
    400,
  ],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 0],
  ['an expectation that nobody meets', post('a=1', 'Expect: magic'), 417],
  ['a header name with a space', get('/fhir/Observation/ada-a1c', 'X Bad: 1'), 400],
  ['a folded header', get('/fhir/Observation/ada-a1c', 'X-A: b\r\n c'), 0],
  ['a line feed alone', get('/fhir/Observation/ada-a1c').replaceAll('\r\n', '\n'), 400],
  ['TLS where none is', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['XML asked for', get('/fhir/Observation/ada-a1c').replace('fhir+json', 'fhir+xml'), 406, 'not-acceptable'],
  ['no token', get('/fhir/Observation/ada-a1c').replace('Authorization: Bearer TOKEN\r\n', ''), 401, 'token-missing'],
  [
    'a token of 100 characters too many',
    get('/fhir/Observation/ada-a1c').replace('TOKEN', 'x'.repeat(15_000)),
    401,
    'token-invalid',
  ],
  [
    'a token behind 70 other headers',
    get('/fhir/Observation/ada-a1c').replace(
      'Authorization:',
      `${Array.from({ length: 70 }, (_, i) => `X-${i}: y`).join('\r\n')}\r\nAuthorization:`,
    ),
    431,
  ],
];

describe('a request that is refused by its shape', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
    await bench.ask('Observation/ada-a1c');
  });
  beforeEach(() => {
    bench.relay.calls.length = 0;
  });
  afterAll(() => bench.close());

  const send = (request: string | readonly string[]): Promise<string> => {
    const pieces = typeof request === 'string' ? [request] : request;
    return exchange(
      bench.gateway.url,
      pieces.map((piece) => Buffer.from(piece.replace('TOKEN', bench.tokens.get('dr-grey') as string), 'latin1')),
      { quietMs: 700 },
    );
  };

  it.each([...sizes, ...targets, ...forms].map((one) => [one[0], one] as const))('%s', async (_name, one) => {
    const [, request, status, code] = one;
    const heard = await send(request);
    const got = Number(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1] ?? 0);
    expect(got < 500 && (got === 0 || got >= 400)).toBe(true);
    if (status !== 0) expect([got, errorCode(heard)]).toEqual([status, code]);
    expect(bench.relay.calls).toEqual([]);
    // Constant: the same bytes the second time, but for the request's id and the time.
    const constant = (text: string): string => text.replace(/^(X-Request-Id|Date): .*$/gim, '');
    expect(constant(await send(request))).toBe(constant(heard));
    expect(heard).not.toMatch(/ada-a1c|attacker/);
  });

  it('says no more for what exists than for what does not', async () => {
    for (const [, request] of [...targets, ...forms]) {
      const text = String(request);
      if (!text.includes('ada-a1c')) continue;
      const [first, second] = [await send(text), await send(text.replaceAll('ada-a1c', 'zzz-z9z'))];
      expect([first.slice(0, 12), errorCode(first)]).toEqual([second.slice(0, 12), errorCode(second)]);
    }
    expect(bench.relay.calls).toEqual([]);
  });

  it('Expect: 100-continue is answered, then the request', async () => {
    const heard = await send([post('_id=ada-a1c', 'Expect: 100-continue')]);
    expect(heard).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  it('HTTP/1.0 gets one answer, and the end of the connection', async () => {
    const heard = await send(get('/fhir/Observation/ada-a1c').replace('HTTP/1.1', 'HTTP/1.0'));
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    expect(heard.endsWith('}')).toBe(true);
  });

  it('pipelined requests are answered one by one, in their order', async () => {
    const keep = (id: string): string => get(`/fhir/Observation/${id}`).replace('Connection: close', 'X-A: b');
    const heard = await exchange(
      bench.gateway.url,
      [
        `${keep('ada-a1c')}${keep('ada-drug-screen')}${keep('nobody')}${get('/fhir/Observation/ada-creatinine')}`.replaceAll(
          'TOKEN',
          bench.tokens.get('dr-grey') as string,
        ),
      ],
      { quietMs: 2_000 },
    );
    expect(heard.match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    expect(heard.indexOf('ada-a1c')).toBeLessThan(heard.indexOf('ada-creatinine'));
  });

  it('HEAD and OPTIONS have no body, and OPTIONS asks nothing of the FHIR server', async () => {
    const options = await send(head('OPTIONS /fhir/Observation/ada-drug-screen HTTP/1.1'));
    expect(options).toMatch(/^HTTP\/1\.1 204 /);
    expect(bench.relay.calls).toEqual([]);
    const heads = await send(head('HEAD /fhir/Observation/ada-a1c HTTP/1.1'));
    expect(heads.split('\r\n\r\n')[1]).toBe('');
  });
});

describe('a slow request', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ changes: { listener: { headersTimeoutMs: 500, requestTimeoutMs: 900 } } });
  });
  afterAll(() => bench.close());

  it.each([
    ['head', 'GET /fhir/Obs', ''],
    ['body', `POST /fhir/Observation/_search HTTP/1.1\r\nHost: a\r\n${formType}\r\nContent-Length: 50\r\n\r\n`, 'a=1'],
  ])('%s is given up in time', async (_part, start, piece) => {
    const started = Date.now();
    const heard = await exchange(bench.gateway.url, [start, piece || 'x'], { quietMs: 15_000 });
    expect(heard).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(Date.now() - started).toBeLessThan(6_000);
    expect(bench.relay.calls).toEqual([]);
  });
});

describe('a requester', () => {
  it('has a number of requests at once; one more is refused whatever it asks for, and others are not', async () => {
    const bench = await startBench({ changes: { limits: { app: { inFlight: 3 } } } });
    bench.relay.fault = () => hang;
    const leaving = new AbortController();
    const holding = [1, 2, 3].map(() =>
      bench.ask('Observation/ada-a1c', { signal: leaving.signal }).catch(() => undefined),
    );
    await until('three are under way', () => bench.relay.calls.length === 3);
    const paths = ['Observation/ada-a1c', 'Observation/ada-drug-screen', 'Observation/nobody', 'Patient?name=x'];
    const refused = await Promise.all(paths.map((path) => bench.ask(path)));
    expect(refused.map(({ status, body }) => [status, errorCode(body)])).toEqual(
      paths.map(() => [429, 'rate-limited']),
    );
    expect(new Set(refused.map((answer) => JSON.stringify(comparable(answer)))).size).toBe(1);
    expect(bench.relay.calls).toHaveLength(3);
    bench.relay.fault = () => undefined;
    expect((await bench.ask('Observation/ada-a1c', { as: 'sam-nwosu' })).status).toBe(200);
    leaving.abort();
    await Promise.all(holding);
    await until('a place is free again', async () => (await bench.ask('Observation/ada-a1c')).status === 200);
    await bench.close();
  });

  it('has a number of requests a minute', async () => {
    const bench = await startBench({ changes: { limits: { app: { requestsPerMinute: 5 } } } });
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await bench.ask('Observation/ada-a1c')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect((await bench.ask('Observation/ada-a1c', { as: 'sam-nwosu' })).status).toBe(200);
    await bench.close();
  });

  it.each([
    ['withheld', 'Observation/ada-drug-screen'],
    ['absent', 'Observation/nobody'],
    ['the compartment of nobody', 'Patient/nobody/Observation'],
  ])('has a number of negative answers a minute: %s', async (_why, path) => {
    const bench = await startBench({ changes: { limits: { app: { negativesPerMinute: 3 } } } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) {
      statuses.push((await bench.ask(path)).status);
      await pause(5);
    }
    expect(statuses).toEqual([404, 404, 404, 429, 429]);
    const calls = bench.relay.calls.length;
    // From then on whatever is asked, so that a refusal tells nothing.
    const after = await Promise.all(['Observation/ada-a1c', path].map((one) => bench.ask(one)));
    expect(after.map(({ status }) => status)).toEqual([429, 429]);
    expect(bench.relay.calls).toHaveLength(calls);
    await bench.close();
  });
});
