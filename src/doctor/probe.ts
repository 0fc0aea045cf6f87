import { Agent, fetch } from 'undici';
import type { UpstreamTls } from '../upstream/exchange.ts';

/** An answer as the doctor looks at it. */
export interface Probed {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** The body as JSON; undefined when it is none. */
  readonly body: unknown;
}

export interface Probe {
  readonly base: string;
  /** @returns undefined when nobody answers */
  get(path: string, options?: { readonly anonymous?: boolean }): Promise<Probed | undefined>;
  send(method: 'POST' | 'PUT' | 'DELETE', path: string, contentType: string, body: string): Promise<Probed | undefined>;
  close(): Promise<void>;
}

const timeoutMs = 10_000;
const maximumBytes = 16_777_216;

/** Asks one HTTP server what a client of it would ask. */
export function createProbe(base: string, authorization: string | undefined, tls?: UpstreamTls): Probe {
  const dispatcher = new Agent({ connect: { ...tls, timeout: timeoutMs }, maxResponseSize: maximumBytes });
  const ask = async (path: string, init: Parameters<typeof fetch>[1]): Promise<Probed | undefined> => {
    try {
      const answer = await fetch(`${base}/${path}`, {
        ...init,
        dispatcher,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: answer.status, headers: answer.headers, body: jsonOf(await answer.text()) };
    } catch {
      return undefined;
    }
  };
  const headersFor = (anonymous: boolean): Record<string, string> => ({
    accept: 'application/fhir+json',
    'accept-encoding': 'identity',
    ...(anonymous || authorization === undefined ? {} : { authorization }),
  });
  return {
    base,
    get: (path, { anonymous = false } = {}) => ask(path, { headers: headersFor(anonymous) }),
    send: (method, path, contentType, body) =>
      ask(path, { method, headers: { ...headersFor(false), 'content-type': contentType }, body }),
    close: () => dispatcher.close(),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A resource, as far as the doctor reads it. */
export interface Resource {
  readonly resourceType?: string;
  /** Of a Consent: of whom it is (R4 patient, R5 subject). */
  readonly patient?: { readonly reference?: string };
  readonly subject?: { readonly reference?: string };
  readonly id?: string;
  readonly fhirVersion?: string;
  readonly meta?: { readonly versionId?: string; readonly security?: readonly { system?: string; code?: string }[] };
  readonly entry?: readonly { readonly resource?: Resource; readonly search?: { readonly mode?: string } }[];
  readonly link?: readonly { readonly relation?: string; readonly url?: string }[];
}

export function resourceOf(probed: Probed | undefined): Resource {
  const { body } = probed ?? {};
  return typeof body === 'object' && body !== null ? (body as Resource) : {};
}

/** Matches of a search; undefined when the answer is no searchset. */
export function matchesOf(probed: Probed | undefined): readonly Resource[] | undefined {
  if (probed?.status !== 200) return undefined;
  const bundle = resourceOf(probed);
  if (bundle.resourceType !== 'Bundle') return undefined;
  return (bundle.entry ?? [])
    .filter(({ search }) => search?.mode === undefined || search.mode === 'match')
    .flatMap(({ resource }) => resource ?? []);
}
