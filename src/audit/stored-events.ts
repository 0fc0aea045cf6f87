import type { EventSource } from './agents.ts';
import { type Delivery, eventsOf, type StreamedEvent } from './events.ts';
import type { KeptRecord } from './ledger.ts';
import type { Completion, StoredRecord } from './outbox.ts';
import { readRecord } from './record.ts';

/** The events of a record in the outbox, for all streams. */
export function storedEvents({ text, sequence, completion }: StoredRecord, source: EventSource): StreamedEvent[] {
  return eventsOf(readRecord(text), sequence, deliveryOf(completion), source);
}

/** The same of a kept one: as they went to the sinks. */
export function keptEvents(
  { record, sequence, completion, outboxId }: KeptRecord,
  source: Omit<EventSource, 'outboxId'>,
): StreamedEvent[] {
  return eventsOf(record, sequence, deliveryOf(completion), { ...source, outboxId });
}

function deliveryOf(completion: Completion | undefined): Delivery {
  if (completion === undefined) return { state: 'unknown' };
  return { state: completion.aborted ? 'aborted' : 'complete', bytesSent: completion.bytesSent };
}
