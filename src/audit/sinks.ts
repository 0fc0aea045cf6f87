/** Where events go: a FHIR audit record repository (IHE ITI-20 by RESTful ATNA), or a file for a SIEM. */
import { type FileHandle, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuditEvent } from '@medplum/fhirtypes';
import { Pool } from 'undici';
import type { AuditConfig, SinkConfig } from '../config/audit.ts';

/** `delivered`: it will not be lost there. `refused`: it will not be taken, however often it is sent. `retry`: try again later. */
export type DeliveryOutcome = 'delivered' | 'refused' | 'retry';

export interface Sink {
  /** One outcome per event, in their order; never throws. */
  deliver(events: readonly AuditEvent[], signal: AbortSignal): Promise<readonly DeliveryOutcome[]>;
  close(): Promise<void>;
}

export function createSink(config: SinkConfig, delivery: AuditConfig['delivery']): Sink {
  return config.kind === 'fhir' ? fhirSink(config, delivery) : fileSink(config.path);
}

function fhirSink(config: Extract<SinkConfig, { kind: 'fhir' }>, delivery: AuditConfig['delivery']): Sink {
  const base = new URL(config.baseUrl);
  const path = `${base.pathname.replace(/\/$/, '')}/AuditEvent`;
  const pool = new Pool(base.origin, {
    connections: delivery.concurrency,
    headersTimeout: delivery.timeoutMs,
    bodyTimeout: delivery.timeoutMs,
    connect: { timeout: delivery.timeoutMs },
  });
  const credential = config.authorizationFile === undefined ? undefined : fileContent(config.authorizationFile);

  async function send(event: AuditEvent, signal: AbortSignal): Promise<DeliveryOutcome> {
    try {
      const authorization = await credential?.();
      const update = config.interaction === 'update';
      const { statusCode, body } = await pool.request({
        method: update ? 'PUT' : 'POST',
        path: update ? `${path}/${event.id}` : path,
        headers: {
          'content-type': 'application/fhir+json',
          accept: 'application/fhir+json',
          prefer: 'return=minimal',
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: JSON.stringify(event),
        signal,
      });
      await body.dump();
      return outcomeOf(statusCode);
    } catch {
      return 'retry'; // unreachable, too slow, no credential: the event stays in the outbox
    }
  }

  return {
    async deliver(events, signal) {
      const outcomes = new Array<DeliveryOutcome>(events.length).fill('retry');
      let next = 0;
      const one = async (): Promise<void> => {
        for (let index = next++; index < events.length; index = next++) {
          outcomes[index] = await send(events[index] as AuditEvent, signal);
          if (outcomes[index] === 'retry') next = events.length; // the rest would fail alike
        }
      };
      await Promise.all(Array.from({ length: delivery.concurrency }, one));
      return outcomes;
    },
    close: () => pool.destroy(),
  };
}

/** FHIR R4 http: 400, 413 and 422 speak of this event; everything else may pass. */
function outcomeOf(status: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return 'delivered';
  return status === 400 || status === 413 || status === 422 ? 'refused' : 'retry';
}

/** The trimmed text of a small file, read again when it has changed. */
function fileContent(path: string): () => Promise<string> {
  let seen: { readonly at: number; readonly text: string } | undefined;
  return async () => {
    const { mtimeMs } = await stat(path);
    if (seen?.at !== mtimeMs) seen = { at: mtimeMs, text: (await readFile(path, 'utf8')).trim() };
    return seen.text;
  };
}

function fileSink(path: string): Sink {
  let file: FileHandle | undefined;
  let torn = false;
  return {
    async deliver(events) {
      const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        file ??= await open(path, 'a', 0o600);
        await file.appendFile(torn ? `\n${lines}` : lines);
        torn = false;
        await file.datasync();
        return events.map(() => 'delivered');
      } catch {
        torn = true; // a part of a line may be there: the next one starts afresh
        await file?.close().catch(() => undefined);
        file = undefined;
        return events.map(() => 'retry');
      }
    },
    close: async () => file?.close(),
  };
}
