/** What the twin tests and the process with the servers say to each other. */

import type { FhirVersion } from '../../examples/demo/embedded/parameters.ts';

/** The FHIR base by which every gateway of the twin tests is known, wherever it listens: links are then comparable. */
export const publicBase = 'http://gateway.example/fhir';

/** What one FHIR server holds: versions in the order in which they were written, and what was deleted in the end. */
export interface World {
  /** JSON texts; the same id again is a further version; `{upstream}` stands for the server's own base. */
  readonly resources: readonly string[];
  /** Keys. */
  readonly deleted?: readonly string[];
  /** What its gateway's configuration has otherwise. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface StartMessage {
  readonly kind: 'start';
  readonly id: number;
  readonly worlds: readonly World[];
  /** Source folder of the gateway. */
  readonly source: string;
  /** Take the FHIR servers that an earlier start made for the same worlds: nobody writes to them. */
  readonly shared: boolean;
  /** What the FHIR servers speak, and their gateways read. */
  readonly fhirVersion: FhirVersion;
}

export type ToChild =
  | StartMessage
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'count'; readonly id: number };

/** One world's FHIR server and the gateway before it. */
export interface Side {
  readonly gateway: string;
  readonly upstream: string;
}

export type FromChild =
  | { readonly kind: 'ready'; readonly tokens: Readonly<Record<string, string>> }
  | { readonly kind: 'started'; readonly id: number; readonly sides: readonly Side[] }
  | { readonly kind: 'stopped'; readonly id: number }
  /** How often each world's store was looked into since it was started. */
  | { readonly kind: 'counted'; readonly id: number; readonly looks: readonly number[] }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
