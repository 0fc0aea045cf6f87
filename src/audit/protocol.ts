/** What the gateway's thread and the outbox's worker say to each other. Records cross as JSON text. */
import type { AuditConfig } from '../config/audit.ts';
import type { Alert } from './alerts.ts';
import type { Copied } from './archivist.ts';
import type { CheckpointText } from './checkpoint.ts';
import type { Completion } from './outbox.ts';
import type { Activity } from './record.ts';

export interface WorkerInput {
  readonly config: AuditConfig;
  readonly publicBaseUrl: string;
  /** What the record of the start says; undefined: no start or stop is recorded. */
  readonly about: StartedAs | undefined;
}

/** What runs, and by which rules. */
export type StartedAs = Omit<Extract<Activity, { what: 'started' }>, 'what'>;

export type ToWorker = Batch | { readonly kind: 'close' };

/** What one turn of the gateway's event loop brought together. */
export interface Batch {
  readonly kind: 'batch';
  readonly disclosures: readonly string[];
  readonly refusals: readonly string[];
  readonly completions: readonly Completion[];
}

export type FromWorker =
  | { readonly kind: 'ready'; readonly status: OutboxStatus }
  /** The outbox could not be opened; the text is for the operator. */
  | { readonly kind: 'not-started'; readonly reason: string }
  /** One answer per batch with disclosures, in their order: the first one's sequence number, or undefined when they were not written. */
  | {
      readonly kind: 'written';
      readonly firsts: readonly (number | undefined)[];
      readonly status: OutboxStatus;
    }
  | { readonly kind: 'status'; readonly status: OutboxStatus }
  | { readonly kind: 'closed' };

export interface OutboxStatus {
  /** `full`: over its bytes or its time; until the sinks catch up. `broken`: a write failed; until a restart. */
  readonly state: 'open' | 'full' | 'broken';
  readonly usedBytes: number;
  readonly records: number;
  /** Transactions, each with one sync. */
  readonly commits: number;
  readonly delivered: number;
  readonly retries: number;
  readonly refusedBySink: number;
  /** How long the oldest record under way has waited, in milliseconds. */
  readonly behindMs: number;
  /** The chain has a gap or a broken link, or the archive cannot be written: how often that was seen. */
  readonly chainAlarms: number;
  /** Key files were changed to something that cannot be used. */
  readonly keysRefused: boolean;
  /** Alerts given since the start, by rule. */
  readonly alerts: Readonly<Record<string, number>>;
  /** Alerts that the webhook did not take. */
  readonly alertsUntold: number;
}

export type ToArchive = 'wake' | 'close';

export type FromArchive =
  | { readonly kind: 'copied'; readonly copied: Copied }
  | { readonly kind: 'alert'; readonly alert: Alert }
  /** Files were removed, as their time had come. */
  | { readonly kind: 'removed'; readonly through: CheckpointText }
  | { readonly kind: 'alarm' };
