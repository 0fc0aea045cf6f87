import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import type { Config } from '../../src/config/config.ts';
import { type Gateway, serve } from '../../src/serve.ts';
import { keepingTold, keepTold } from '../support/told.ts';
import { askers, type Issuer, startIssuer } from '../twin/issuer.ts';

export const publicBase = 'http://gateway.example/fhir';

/** One request as it reaches the FHIR server. */
export interface Call {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  /** Parameters of query and form together. */
  readonly parameters: URLSearchParams;
  /** First segment below the base. */
  readonly type: string;
  readonly interaction: 'read' | 'search' | 'history';
  readonly body: string;
  readonly socket: Socket;
  readonly response: ServerResponse;
}

/** Answers a call in its own way: by the response, or byte by byte on the socket. */
export type Fault = (call: Call) => void;

/** In front of an honest FHIR server: passes requests on, unless a fault stands for them. */
export interface Relay {
  readonly url: string;
  readonly origin: EmbeddedServer;
  /** Chooses what happens to each call; undefined: the honest answer. */
  fault: (call: Call) => Fault | undefined;
  /** All calls but those for the server's statement, which are made at start and for nobody. */
  readonly calls: Call[];
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Requests that were ended by the other side before they were answered. */
  aborted: number;
  /** Nobody listens any more, and every connection is cut. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startRelay(resources: Iterable<string> = textsOf(peopleBundles())): Promise<Relay> {
  const origin = await startEmbeddedServer({ resources });
  const sockets = new Set<Socket>();
  let port = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const call = callOf(request, response, Buffer.concat(chunks).toString());
    if (call.type !== 'metadata') relay.calls.push(call);
    response.on('close', () => {
      if (!response.writableEnded) relay.aborted++;
    });
    const fault = relay.fault(call);
    if (fault !== undefined) return fault(call);
    await passOn(call, origin.url, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const start = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await start();
  const relay: Relay = {
    url: `http://127.0.0.1:${port}/fhir`,
    origin,
    fault: () => undefined,
    calls: [],
    sockets,
    aborted: 0,
    stop,
    start,
    close: async () => {
      await stop();
      await origin.close();
    },
  };
  return relay;
}

function callOf(request: IncomingMessage, response: ServerResponse, body: string): Call {
  const target = request.url ?? '';
  const url = new URL(target, 'http://relay');
  const [, type = '', ...rest] = url.pathname.split('/').slice(1);
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const interaction = rest.includes('_history')
    ? 'history'
    : rest.length === 1 && rest[0] !== '_search'
      ? 'read'
      : 'search';
  return {
    method: request.method ?? '',
    target,
    headers: request.headers,
    parameters: new URLSearchParams([...url.searchParams, ...(isForm ? new URLSearchParams(body) : [])]),
    type,
    interaction,
    body,
    socket: request.socket,
    response,
  };
}

async function passOn(call: Call, base: string, response: ServerResponse): Promise<void> {
  const answer = await fetch(new URL(call.target, base), {
    method: call.method,
    headers: {
      'content-type': call.headers['content-type'] ?? 'application/fhir+json',
      ...(call.headers['if-match'] === undefined ? {} : { 'if-match': call.headers['if-match'] }),
    },
    ...(call.body === '' ? {} : { body: call.body }),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  response
    .writeHead(answer.status, { 'content-type': 'application/fhir+json', 'content-length': body.length })
    .end(body);
}

/** A whole answer with a body of our own. */
export function answering(
  body: string | Uint8Array,
  { status = 200, headers = {} }: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): Fault {
  return ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers }).end(body);
  };
}

/** Exactly these bytes, then the end of the connection unless it is kept. */
export function raw(bytes: string | Uint8Array, { keep = false }: { readonly keep?: boolean } = {}): Fault {
  return ({ socket }) => {
    if (keep) socket.write(bytes);
    else socket.end(bytes);
  };
}

export const reset: Fault = ({ socket }) => void socket.resetAndDestroy();
export const hang: Fault = () => undefined;

/** An answer of the gateway, as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface AskOptions {
  readonly as?: string;
  readonly method?: string;
  readonly form?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A gateway before a relay, with its issuer and audit repository, all in this process. */
export interface Bench {
  readonly relay: Relay;
  readonly gateway: Gateway;
  readonly config: Config;
  readonly folder: string;
  readonly audit: EmbeddedServer;
  readonly tokens: ReadonlyMap<string, string>;
  ask(path: string, options?: AskOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly relay?: Relay;
  readonly paging?: 'links' | 'offset';
  /** Laid over the demonstration's configuration, key by key. */
  readonly changes?: Readonly<Record<string, unknown>>;
  readonly auditUrl?: string;
}

/** Limits that no test of faults should meet, and no grid for negative answers. */
const unhurried = {
  answers: { negativeGridMs: 0 },
  limits: {
    failedTokensPerMinute: 0,
    app: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 },
    system: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 },
  },
  upstream: { breakerFailures: 1_000 },
};

export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const relay = options.relay ?? (await startRelay());
  const audit = await startEmbeddedServer();
  const issuer = await startIssuer(publicBase);
  const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-failure-'));
  const config = merged(
    merged(
      gatewayConfig({
        port: 0,
        publicBaseUrl: publicBase,
        upstreamUrl: relay.url,
        paging: options.paging ?? 'offset',
        issuer: issuer.url,
        auditUrl: options.auditUrl ?? audit.url,
        folder,
      }),
      unhurried,
    ),
    options.changes ?? {},
  );
  const gateway = await serve(config);
  const tokens = await tokensOf(issuer);
  return {
    relay,
    gateway,
    config,
    folder,
    audit,
    tokens,
    ask: (path, asked = {}) => ask(`${gateway.url}/${path}`, tokens.get(asked.as ?? 'dr-grey'), asked),
    close: async () => {
      await relay.close();
      await gateway.close();
      await Promise.all([audit.close(), issuer.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function tokensOf(issuer: Issuer): Promise<ReadonlyMap<string, string>> {
  const tokens = new Map<string, string>();
  for (const asker of askers(publicBase)) tokens.set(asker.id, await issuer.tokenFor(asker));
  return tokens;
}

export function merged<T>(config: T, over: Readonly<Record<string, unknown>>): T {
  const result: Record<string, unknown> = { ...(config as Record<string, unknown>) };
  for (const [key, value] of Object.entries(over)) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    result[key] = isObject ? merged(result[key] ?? {}, value as Record<string, unknown>) : value;
  }
  return result as T;
}

/** One request on a connection of its own; everything of the answer is kept. */
export function ask(url: string, token: string | undefined, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = open(url, {
      method: options.method ?? (options.form === undefined ? 'GET' : 'POST'),
      agent: false,
      headers: {
        accept: 'application/fhir+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(options.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...options.headers,
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.end(options.form);
  });
}

/** What tells two answers apart, but for the id of the request and the time. */
export function comparable({ status, headers, body }: Answer): unknown {
  const { date: _date, 'x-request-id': _id, ...rest } = headers;
  return { status, headers: rest, body };
}

/** Code of the constant error that a body is; undefined when it is none. */
export function errorCode(body: string): string | undefined {
  const code = /"system":"urn:fhir-consent-gateway:error","code":"([a-z-]+)"/.exec(body)?.[1];
  return code;
}

/** What comes back on a connection for these bytes, until it ends or nothing comes for a while. */
export async function exchange(
  url: string,
  pieces: readonly (string | Uint8Array)[],
  { quietMs = 1_000, pauseMs = 5 }: { readonly quietMs?: number; readonly pauseMs?: number } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  let heard = Date.now();
  socket.on('data', (chunk: Buffer) => {
    heard = Date.now();
    chunks.push(chunk);
  });
  const closed = once(socket, 'close').catch(() => undefined);
  let isOpen = true;
  void closed.then(() => {
    isOpen = false;
  });
  for (const piece of pieces) {
    if (!socket.writable) break;
    socket.write(piece);
    await pause(pauseMs);
  }
  heard = Date.now();
  while (isOpen && Date.now() - heard < quietMs) await pause(5);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until something holds, and says what it waited for when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await pause(10);
  }
}

/** The command line, run to its end or left running. */
export interface CommandLine {
  readonly pid: number;
  /** What it wrote so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
}

const mainFile = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Runs `node src/main.ts`, without the variables of this process that it would read. */
export function runMain(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  {
    prefix = [],
    nodeOptions = [],
  }: { readonly prefix?: readonly string[]; readonly nodeOptions?: readonly string[] } = {},
): CommandLine {
  const line = [...prefix, process.execPath, ...nodeOptions, mainFile, ...args];
  const child = spawn(line[0] as string, line.slice(1), {
    env: { PATH: process.env.PATH ?? '', ...keepingTold, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // The other verbs answer whoever typed them.
  child.once('close', () => {
    if (args[0] === 'serve') keepTold('output', Buffer.concat([...stdout, ...stderr]).toString());
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => Buffer.concat(stdout).toString(),
    stderr: () => Buffer.concat(stderr).toString(),
    ended: once(child, 'close').then(([code, signal]) => ({ code, signal })),
    kill: (signal) => void child.kill(signal),
  };
}

/** A gateway in a process of its own, started by the command line. */
export interface ServedGateway extends CommandLine {
  readonly url: string;
  readonly adminUrl: string;
  /** Where the services listener is bound, without their path; unset where there is none. */
  readonly servicesOrigin: string | undefined;
}

/** @throws {Error} with what it wrote, when it does not start */
export async function serveProcess(
  config: Config,
  file: string,
  options: Parameters<typeof runMain>[2] = {},
): Promise<ServedGateway> {
  writeFileSync(file, JSON.stringify({ ...config, log: { level: 'info' } }));
  return listening(runMain(['serve', '--config', file], {}, options));
}

/**
 * Waits until a gateway that was started listens.
 * @throws {Error} with what it wrote, when it does not
 */
export async function listening(line: CommandLine): Promise<ServedGateway> {
  let over = false;
  void line.ended.then(() => {
    over = true;
  });
  const portOf = (part: string): string | undefined =>
    new RegExp(`"message":"listening","part":"${part}"[^}]*"port":(\\d+)|"part":"${part}","p[^}]*"port":(\\d+)`)
      .exec(line.stderr())
      ?.slice(1)
      .find(Boolean);
  await until(`the gateway listens: ${line.stderr()}`, () => over || portOf('admin') !== undefined, 30_000);
  if (over) throw new Error(`The gateway did not start: ${line.stderr()}`);
  const services = portOf('services');
  return {
    ...line,
    url: `http://127.0.0.1:${portOf('data')}/fhir`,
    adminUrl: `http://127.0.0.1:${portOf('admin')}`,
    servicesOrigin: services === undefined ? undefined : `http://127.0.0.1:${services}`,
  };
}
