import type { AuditEvent } from '@medplum/fhirtypes';
import type { AuditConfig } from '../config/audit.ts';
import type { Period } from './archive.ts';
import {
  type Checkpoint,
  type CheckpointText,
  loadSigningKeys,
  printCheckpoint,
  publicKeyText,
  readCheckpoint,
  readTrustedKeys,
} from './checkpoint.ts';
import { Ledger } from './ledger.ts';
import { type ChainReport, verifyChain } from './verify.ts';

export interface VerifyOptions {
  readonly period?: Period;
  /** PEM files with the keys whose signatures count; left out: those of the configuration. */
  readonly trustedKeyFiles?: readonly string[];
  /** Signed statements that are kept elsewhere. */
  readonly known?: readonly Checkpoint[];
}

/**
 * Proves the kept record of a deployment complete and unaltered, or names the first break of each chain.
 * @throws {Error} when no record is kept, or a file or key cannot be read.
 */
export function verifyRecord(
  config: AuditConfig,
  { period, trustedKeyFiles, known = [] }: VerifyOptions = {},
): ChainReport[] {
  const trusted = trustedKeyFiles === undefined ? loadSigningKeys(config).trusted : readTrustedKeys(trustedKeyFiles);
  const ledger = new Ledger(config, undefined);
  try {
    const chains = ledger.chains(period);
    const missing = known.filter(({ outboxId }) => !chains.some((chain) => chain.outboxId === outboxId));
    return [...chains.map((chain) => verifyChain(chain, trusted, known)), ...distinctOutboxes(missing)];
  } finally {
    ledger.close();
  }
}

/** A chain that is signed for elsewhere, and not here at all. */
function distinctOutboxes(missing: readonly Checkpoint[]): ChainReport[] {
  return [...new Set(missing.map(({ outboxId }) => outboxId))].map((outboxId) => ({
    outboxId,
    entries: 0,
    records: 0,
    first: 1,
    last: 0,
    from: undefined,
    to: undefined,
    signed: undefined,
    untrusted: 0,
    break: { kind: 'truncated', position: 1 },
  }));
}

/** The latest signature on the chain of this outbox, else of the last one there was; undefined where nothing is signed. */
export function lastCheckpoint(config: AuditConfig): CheckpointText | undefined {
  const ledger = new Ledger(config, undefined);
  try {
    const checkpoints = ledger.chains().flatMap((chain) => chain.checkpoints);
    const last = checkpoints.reduce<Checkpoint | undefined>(
      (latest, one) => (latest === undefined || one.at >= latest.at ? one : latest),
      undefined,
    );
    return last && printCheckpoint(last);
  } finally {
    ledger.close();
  }
}

/** The public keys whose signatures count, PEM. */
export function publicKeys(config: AuditConfig): string {
  return publicKeyText(loadSigningKeys(config));
}

/**
 * Checkpoints that were kept elsewhere: JSON lines, each one a checkpoint or an AuditEvent that tells one.
 * @throws {Error} when a line is no JSON.
 */
export function checkpointsIn(lines: string): Checkpoint[] {
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as CheckpointText | AuditEvent)
    .flatMap((one) => ('signature' in one ? [one] : toldIn(one as AuditEvent)))
    .map(readCheckpoint);
}

function toldIn(event: AuditEvent): CheckpointText[] {
  return (event.entity ?? [])
    .flatMap(({ detail }) => detail ?? [])
    .filter(({ type }) => type === 'checkpoint')
    .map(({ valueString }) => JSON.parse(valueString ?? '') as CheckpointText);
}
