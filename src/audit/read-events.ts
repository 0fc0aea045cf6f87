import type { AuditEvent } from '@medplum/fhirtypes';
import type { AuditConfig } from '../config/audit.ts';
import type { Stream } from './events.ts';
import { loadKeys } from './keys.ts';
import { Outbox } from './outbox.ts';
import { streamBits } from './outbox-thread.ts';
import { storedEvents } from './stored-events.ts';

const anyStream = streamBits.primary | streamBits.part2 | streamBits.securityOffice;

interface ReadEvent {
  readonly sequence: number;
  readonly streams: readonly Stream[];
  readonly event: AuditEvent;
}

/**
 * The events that wait in an outbox, opened beside the gateway that writes it. Which streams they are for includes those
 * without a sink: it shows what a privacy officer would find where.
 * @throws {Error} when there is no outbox, or the key does not open it.
 */
export function readEvents(config: AuditConfig, publicBaseUrl: string): ReadEvent[] {
  const outbox = Outbox.openToRead(config.outboxFile, loadKeys(config));
  try {
    const source = {
      outboxId: outbox.id,
      publicBaseUrl,
      device: config.device,
      consentDecisions: config.consentDecisions,
    };
    const events: ReadEvent[] = [];
    for (let after = 0; ; ) {
      const sequences = outbox.pending(anyStream, after, 256);
      for (const sequence of sequences) {
        const record = outbox.find(anyStream, sequence);
        for (const one of record === undefined ? [] : storedEvents(record, source)) events.push({ sequence, ...one });
        after = sequence;
      }
      if (sequences.length === 0) return events;
    }
  } finally {
    outbox.close();
  }
}
