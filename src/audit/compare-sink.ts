import { existsSync } from 'node:fs';
import type { AuditEvent } from '@medplum/fhirtypes';
import type { AuditConfig } from '../config/audit.ts';
import type { Stream } from './events.ts';
import { loadKeys } from './keys.ts';
import { Ledger } from './ledger.ts';
import { Outbox } from './outbox.ts';
import { streamBits } from './outbox-thread.ts';
import { keptEvents } from './stored-events.ts';
import { eventIdentifier } from './terms.ts';

/** What a sink holds, set against the kept record: which events it lost, has in another form, or has from elsewhere. */
export interface SinkComparison {
  readonly stream: Stream;
  readonly expected: number;
  readonly found: number;
  /** Repeated deliveries: no fault. */
  readonly repeats: number;
  /** Numbers of records, the first ones, whose events are not there, and not on their way. */
  readonly missing: readonly string[];
  /** Identifiers of events, the first ones, that say something else than the record. */
  readonly different: readonly string[];
  /** Identifiers of events, the first ones, that no kept record has. */
  readonly unknown: readonly string[];
  /** Events of times before the kept record begins. */
  readonly older: number;
}

const named = 20;

/**
 * The events of a record are a function of it, so each one that a sink holds can be made again and compared.
 * @param lines AuditEvents as JSON lines: the file of a sink, or an export of a repository.
 */
export function compareSink(lines: string, stream: Stream, config: AuditConfig, publicBaseUrl: string): SinkComparison {
  const held = new Map<string, { readonly texts: Set<string>; readonly recorded: string }>();
  let repeats = 0;
  for (const line of lines.split('\n').filter((one) => one.trim() !== '')) {
    const event = JSON.parse(line) as AuditEvent;
    const id = identifierOf(event);
    const known = held.get(id);
    if (known !== undefined) repeats++;
    held.set(id, { texts: (known?.texts ?? new Set()).add(essence(event)), recorded: event.recorded ?? '' });
  }
  const found = held.size;
  const onTheirWay = waiting(config, stream);
  const missing: string[] = [];
  const different: string[] = [];
  let expected = 0;
  let begins: string | undefined;
  const ledger = new Ledger(config, loadKeys(config));
  try {
    const { device, consentDecisions } = config;
    const source = { publicBaseUrl, device, consentDecisions };
    for (const kept of ledger.all()) {
      const unended = keptEvents({ ...kept, completion: undefined }, source);
      for (const [index, { event, streams }] of keptEvents(kept, source).entries()) {
        begins ??= event.recorded;
        if (!streams.includes(stream)) continue;
        expected++;
        const id = identifierOf(event);
        const there = held.get(id);
        held.delete(id);
        if (there === undefined) {
          if (!onTheirWay.has(kept.sequence)) missing.push(`${kept.outboxId} ${kept.sequence}`);
          continue;
        }
        // Shipped before anybody told how the answer ended, an event says so.
        const forms = [event, ...(unended[index] === undefined ? [] : [unended[index].event])].map(essence);
        if (![...there.texts].every((text) => forms.includes(text))) different.push(id);
      }
    }
  } finally {
    ledger.close();
  }
  const left = [...held];
  const older = left.filter(([, { recorded }]) => begins !== undefined && recorded < begins);
  const unknown = left.filter((one) => !older.includes(one)).map(([id]) => id);
  return {
    stream,
    expected,
    found,
    repeats,
    missing: missing.slice(0, named),
    different: different.slice(0, named),
    unknown: unknown.slice(0, named),
    older: older.length,
  };
}

/** Records that the stream has not got yet. */
function waiting({ outboxFile }: AuditConfig, stream: Stream): ReadonlySet<number> {
  if (!existsSync(outboxFile)) return new Set();
  const outbox = Outbox.openToRead(outboxFile, undefined);
  try {
    return new Set(outbox.pending(streamBits[stream], 0, Number.MAX_SAFE_INTEGER));
  } finally {
    outbox.close();
  }
}

function identifierOf({ extension, id }: AuditEvent): string {
  return extension?.find(({ url }) => url === eventIdentifier)?.valueIdentifier?.value ?? `without identifier: ${id}`;
}

/** What an event says, without what a repository adds to it and in whatever order it has the names. */
function essence({ id: _, meta, text: __, ...event }: AuditEvent & { text?: unknown }): string {
  const { profile, security } = meta ?? {};
  return JSON.stringify(sorted({ ...event, meta: { profile, security } }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, one]) => [name, sorted(one)]),
  );
}
