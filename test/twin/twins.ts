import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { Pool } from 'undici';
import type { FhirVersion } from '../../examples/demo/embedded/parameters.ts';
import { type FromChild, publicBase, type Side, type StartMessage, type ToChild, type World } from './messages.ts';
import type { TwinRequest } from './requests.ts';

/** One answer as it came, header names in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Two answers that should have been equal. */
export interface Difference {
  readonly request: string;
  readonly page: number;
  readonly side: number;
  /** `status`, `header etag`, `body`, `pages`. */
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** Gateways over worlds that should be alike for some requester. */
export interface Twins {
  readonly sides: readonly Side[];
  /** One request to one side, as it stands. */
  ask(side: number, asker: string, request: TwinRequest): Promise<Answer>;
  /** The answer and those its next links lead to. */
  pages(side: number, asker: string, request: TwinRequest): Promise<readonly Answer[]>;
  /** All sides against the first; [] when nobody can tell them apart. */
  compare(asker: string, request: TwinRequest): Promise<readonly Difference[]>;
  /** How often each side's FHIR server looked into its store so far. */
  looks(): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface StartOptions {
  /** The gateway's source folder; by default its own. */
  readonly source?: string;
  readonly shared?: boolean;
  /** @default 'R4' */
  readonly fhirVersion?: FhirVersion;
}

export interface Bench {
  /** Worlds that are shared are only read; starting them again takes less. */
  start(worlds: readonly World[], options?: StartOptions): Promise<Twins>;
  readonly tokens: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const maximumPages = 200;
/** Where the gateway's own source is. */
export const gatewaySource = join(import.meta.dirname, '../../src');

/** Starts the process in which the servers run. */
export async function startBench(): Promise<Bench> {
  const child = fork(join(import.meta.dirname, 'bench-child.ts'), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const conversation = new Conversation(child);
  const { tokens } = await conversation.ready;
  const pools = new Map<string, Pool>();
  const poolFor = (url: string): Pool => {
    const { origin } = new URL(url);
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, { connections: 4, pipelining: 1 });
      pools.set(origin, pool);
    }
    return pool;
  };
  return {
    tokens,
    async start(worlds, { source = gatewaySource, shared = false, fhirVersion = 'R4' } = {}) {
      const { id, sides } = await conversation.start({ worlds, source, shared, fhirVersion });
      const ask = (side: number, asker: string, request: TwinRequest): Promise<Answer> => {
        const { gateway } = sides[side] as Side;
        return send(poolFor(gateway), gateway, tokens[asker], request);
      };
      return {
        ...comparing(sides.length, ask),
        sides,
        looks: () => conversation.looks(id),
        async close() {
          await conversation.stop(id);
          for (const { gateway } of sides) {
            const { origin } = new URL(gateway);
            await pools.get(origin)?.destroy();
            pools.delete(origin);
          }
        },
      };
    },
    async close() {
      for (const pool of pools.values()) await pool.destroy();
      await conversation.end();
    },
  };
}

type Ask = (side: number, asker: string, request: TwinRequest) => Promise<Answer>;

/** Following, masking and comparing, whatever answers. */
export function comparing(count: number, ask: Ask): Pick<Twins, 'ask' | 'pages' | 'compare'> {
  const pages = async (side: number, asker: string, request: TwinRequest): Promise<readonly Answer[]> => {
    const answers: Answer[] = [];
    const headers = request.headers;
    for (let next: TwinRequest | undefined = request; next !== undefined; ) {
      const answer: Answer = await ask(side, asker, next);
      answers.push(answer);
      if (answers.length > maximumPages) throw new Error(`${printed(request)} never ends`);
      const link = nextLink(answer);
      next =
        link === undefined ? undefined : { method: 'GET', path: link, ...(headers === undefined ? {} : { headers }) };
    }
    return answers;
  };
  return {
    ask,
    pages,
    async compare(asker, request) {
      const all = await Promise.all(Array.from({ length: count }, (_, side) => pages(side, asker, request)));
      const [first = [], ...others] = all;
      return others.flatMap((other, index) => differences(`${asker}: ${printed(request)}`, index + 1, first, other));
    },
  };
}

function differences(
  request: string,
  side: number,
  expected: readonly Answer[],
  actual: readonly Answer[],
): readonly Difference[] {
  const found: Difference[] = [];
  if (expected.length !== actual.length)
    found.push({
      request,
      side,
      page: 0,
      what: 'pages',
      expected: String(expected.length),
      actual: String(actual.length),
    });
  for (const [page, one] of expected.entries()) {
    const other = actual[page];
    if (other === undefined) break;
    for (const difference of answerDifferences(one, other)) found.push({ request, side, page, ...difference });
  }
  return found;
}

/** What tells two single answers apart once allowed noise is masked. */
export function answerDifferences(
  one: Answer,
  other: Answer,
): readonly Pick<Difference, 'what' | 'expected' | 'actual'>[] {
  const found: Pick<Difference, 'what' | 'expected' | 'actual'>[] = [];
  const [expected, actual] = [masked(one), masked(other)];
  if (expected.status !== actual.status)
    found.push({ what: 'status', expected: String(expected.status), actual: String(actual.status) });
  for (const name of new Set([...Object.keys(expected.headers), ...Object.keys(actual.headers)])) {
    const [a, b] = [expected.headers[name] ?? '(none)', actual.headers[name] ?? '(none)'];
    if (a !== b) found.push({ what: `header ${name}`, expected: a, actual: b });
  }
  if (expected.body !== actual.body) found.push({ what: 'body', ...around(expected.body, actual.body) });
  return found;
}

/** Allowed noise: request id, Date, Bundle.id, Bundle.timestamp, page tokens; of each its length still counts. */
export function masked({ status, headers, body }: Answer): Answer {
  const kept = Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]): [string, string][] => {
      if (name === 'date') return [];
      if (name === 'x-request-id') return [[name, `${value.length} characters`]];
      return [[name, value]];
    }),
  );
  const head =
    /^(\{"resourceType":"Bundle","id":")([^"]*)(","meta":\{"lastUpdated":")([^"]*)("(?:,"security":\[[^\]]*\])?\},"type":"\w+","timestamp":")([^"]*)"/;
  return {
    status,
    headers: kept,
    body: body
      .replace(head, (_, a: string, id: string, b: string, updated: string, c: string, stamp: string) =>
        [a, id.length, b, updated.length, c, stamp.length, '"'].join(''),
      )
      .replace(/([?&]_page=)([\w-]+)/g, (_, start: string, token: string) => `${start}(${token.length} characters)`),
  };
}

/** The place where two texts part, with what stands around it. */
function around(expected: string, actual: string): { expected: string; actual: string } {
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at++;
  const part = (text: string): string => `@${at} of ${text.length}: ...${text.slice(Math.max(0, at - 120), at + 280)}`;
  return { expected: part(expected), actual: part(actual) };
}

/** Path of the next link below the base. */
export function nextLink({ body }: Answer): string | undefined {
  if (!body.startsWith('{"resourceType":"Bundle"')) return undefined;
  const { link = [] } = JSON.parse(body) as { link?: { relation: string; url: string }[] };
  const url = link.find(({ relation }) => relation === 'next')?.url;
  if (url === undefined) return undefined;
  if (!url.startsWith(`${publicBase}/`)) throw new Error(`a next link leads elsewhere: ${url}`);
  return url.slice(publicBase.length + 1);
}

/** Entries of a searchset, over all pages. */
export function entriesOf(
  answers: readonly Answer[],
): { key: string; mode: string; resource: Record<string, unknown> }[] {
  return answers.flatMap(({ body }) => {
    const { entry = [] } = JSON.parse(body) as {
      entry?: { resource: { resourceType: string; id: string } & Record<string, unknown>; search?: { mode: string } }[];
    };
    return entry.map(({ resource, search }) => ({
      key: `${resource.resourceType}/${resource.id}`,
      mode: search?.mode ?? '',
      resource,
    }));
  });
}

export function printed({ method, path, body, headers }: TwinRequest): string {
  const more = headers === undefined ? '' : ` ${JSON.stringify(headers)}`;
  return `${method} ${path}${body === undefined ? '' : ` [${body}]`}${more}`;
}

/** Differences as they are to be read, the first ones only. */
export function report(found: readonly Difference[], most = 5): string {
  if (found.length === 0) return '';
  const lines = found
    .slice(0, most)
    .map(
      ({ request, page, side, what, expected, actual }) =>
        `${request}\n  page ${page}, world ${side}, ${what}\n  - ${expected}\n  + ${actual}`,
    );
  return [`${found.length} differences`, ...lines].join('\n');
}

/** Sends a request as it stands; nothing of its path is normalised. */
export async function send(pool: Pool, base: string, token: string | undefined, request: TwinRequest): Promise<Answer> {
  const { method, path, body, headers = {} } = request;
  const { pathname } = new URL(base);
  const form =
    body === undefined || headers['content-type'] !== undefined
      ? {}
      : { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await pool.request({
    method,
    path: path.startsWith('/') ? path : `${pathname}/${path}`,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...form,
      ...headers,
    },
    body: body ?? null,
  });
  const received: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined) received[name] = Array.isArray(value) ? value.join(', ') : value;
  return { status: answer.statusCode, headers: received, body: await answer.body.text() };
}

/** Question and answer with the child process. */
class Conversation {
  readonly ready: Promise<{ readonly tokens: Readonly<Record<string, string>> }>;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (message: FromChild) => void; reject: (error: Error) => void }>();
  #next = 1;
  #errors = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-4_000);
    });
    this.ready = new Promise((resolve, reject) => {
      child.on('message', (message: FromChild) => {
        if (message.kind === 'ready') resolve(message);
        else this.#settle(message);
      });
      child.on('exit', (code) => {
        const error = new Error(`the servers ended (${code}): ${this.#errors}`);
        reject(error);
        for (const waiting of this.#waiting.values()) waiting.reject(error);
      });
    });
  }

  async start(what: Omit<StartMessage, 'kind' | 'id'>): Promise<{ id: number; sides: readonly Side[] }> {
    const id = this.#next++;
    const answer = await this.#say({ kind: 'start', id, ...what });
    return { id, sides: answer.kind === 'started' ? answer.sides : [] };
  }

  async looks(id: number): Promise<readonly number[]> {
    const answer = await this.#say({ kind: 'count', id });
    return answer.kind === 'counted' ? answer.looks : [];
  }

  async stop(id: number): Promise<void> {
    await this.#say({ kind: 'stop', id });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.connected) this.#child.disconnect();
    await ended;
  }

  #say(message: ToChild): Promise<FromChild> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.id, { resolve, reject });
      this.#child.send(message);
    });
  }

  #settle(message: Exclude<FromChild, { kind: 'ready' }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'failed') waiting?.reject(new Error(message.reason));
    else waiting?.resolve(message);
  }
}
