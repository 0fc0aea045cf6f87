import type { Obligation } from '../decide/decision.ts';
import { Authored, type Content } from '../document/content.ts';
import type { Memory } from '../document/memory.ts';
import { Output } from '../document/output.ts';
import { type ErrorCode, errorKinds } from '../errors/errors.ts';
import { systems } from '../fhir/vocabulary.ts';
import { noticeOutcome, part2Labels, type statements } from './notice.ts';

/** What may be sent: content that a Release let out, and what the gateway wrote itself. Nothing else fits. */
export type Part = Content<'releasable'> | Authored;

/** One answer, complete before its first byte leaves. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Part[];
}

const fhirJson = 'application/fhir+json; charset=utf-8';

/**
 * The bytes of a reply, in order and in one piece (none for an empty body). The only place where parts become bytes.
 * @param memory where they live; unset: in memory of their own
 */
export function bytesOf(body: readonly Part[], memory?: Memory): readonly Uint8Array[] {
  if (body.length === 0) return [];
  // What is put and appended is short; non-ASCII text of the gateway itself is rare.
  const out = new Output(
    body.reduce((sum, part) => sum + part.size + 64, 0),
    memory,
  );
  for (const part of body) {
    if (part instanceof Authored) out.text(part.written);
    else part.writeTo(out);
  }
  return [out.bytes];
}

export function resourceReply(
  content: Content<'releasable'>,
  versionId: string | undefined,
  lastUpdated: string | undefined,
): Reply {
  return {
    status: 200,
    headers: { 'content-type': fhirJson, ...versionHeaders(versionId, lastUpdated) },
    body: [content],
  };
}

export function notModifiedReply(versionId: string | undefined, lastUpdated: string | undefined): Reply {
  return { status: 304, headers: versionHeaders(versionId, lastUpdated), body: [] };
}

function versionHeaders(versionId: string | undefined, lastUpdated: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (versionId !== undefined) headers.etag = `W/"${versionId}"`;
  const updated = lastUpdated === undefined ? Number.NaN : Date.parse(lastUpdated);
  if (!Number.isNaN(updated)) headers['last-modified'] = new Date(updated).toUTCString();
  return headers;
}

export interface BundleEntry {
  readonly fullUrl: string;
  readonly content: Content<'releasable'>;
  /** Members after the resource, e.g. `"search":{"mode":"match"}`. */
  readonly tail: string;
}

export interface BundleHead {
  readonly id: string;
  readonly type: 'searchset' | 'history';
  /** Instant of the answer. */
  readonly timestamp: string;
  readonly total: number | undefined;
  readonly links: readonly { readonly relation: 'self' | 'next'; readonly url: string }[];
  /** What has to accompany the entries, together. */
  readonly obligations: readonly Obligation[];
  readonly statement: keyof typeof statements;
  /** It says that something was withheld, where the deployment chose that; unset: no word of it. */
  readonly announces?: boolean;
}

/**
 * A Bundle of the gateway's own making around slices of what was released. Part 2 records in it give it their labels, and
 * a search its notice, as an entry of mode `outcome`: computed from what is released, and where the deployment tells that something was withheld
 * from that alone.
 */
export function bundleReply(head: BundleHead, entries: readonly BundleEntry[]): Reply {
  const { total, links, obligations, statement, announces = false, ...rest } = head;
  const labels = [
    ...(obligations.length === 0 ? [] : part2Labels(obligations)),
    ...(announces ? [[systems.observationValue, 'REDACTED'] as const] : []),
  ];
  const security = labels.map(([system, code]) => ({ system, code }));
  const notice = rest.type === 'searchset' ? noticeOutcome(obligations, statement, announces) : undefined;
  const opening = JSON.stringify({
    resourceType: 'Bundle',
    id: rest.id,
    meta: { lastUpdated: rest.timestamp, ...(security.length === 0 ? {} : { security }) },
    type: rest.type,
    timestamp: rest.timestamp,
    ...(total === undefined ? {} : { total }),
    link: links,
  }).slice(0, -1);
  const body: Part[] = [];
  let pending = entries.length === 0 ? opening : `${opening},"entry":[`;
  for (const entry of entries) {
    body.push(Authored.text(`${pending}{"fullUrl":${JSON.stringify(entry.fullUrl)},"resource":`), entry.content);
    pending = `,${entry.tail}},`;
  }
  if (entries.length > 0) pending = pending.slice(0, -1);
  if (notice !== undefined)
    pending += `${entries.length === 0 ? ',"entry":[' : ','}{"resource":${JSON.stringify(notice)},"search":{"mode":"outcome"}}`;
  body.push(Authored.text(`${pending}${entries.length === 0 && notice === undefined ? '' : ']'}}`));
  return { status: 200, headers: { 'content-type': fhirJson }, body };
}

/** One pre-made body per kind of error: two answers of one kind are the same, byte for byte. */
const outcomes = new Map<string, Authored>();

/**
 * @param about name of a parameter or header from the gateway's own registry; never a value of the request
 */
export function errorReply(
  code: ErrorCode,
  about: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const kind = errorKinds[code];
  const key = `${code} ${about ?? ''}`;
  let body = outcomes.get(key);
  if (body === undefined) {
    body = Authored.json({
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: kind.issue,
          details: { coding: [{ system: 'urn:fhir-consent-gateway:error', code }], text: kind.title },
          ...(about === undefined ? {} : { diagnostics: about }),
        },
      ],
    });
    if (outcomes.size < 2_000) outcomes.set(key, body);
  }
  return { status: kind.status, headers: { 'content-type': fhirJson, ...headers }, body: [body] };
}
