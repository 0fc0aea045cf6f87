import { hkdfSync } from 'node:crypto';
import { ConfigError } from './load.ts';
import { reread } from './reread.ts';
import type { SealingConfig } from './sealing.ts';
import { secretBytes, secretFrom } from './secret.ts';

/** Keys as they are now; the files may be replaced while the gateway runs. */
export interface SealingKeys {
  /** The first seals page tokens, all open them. */
  readonly pages: () => readonly [Uint8Array, ...Uint8Array[]];
  /** What version ids of views are made with. */
  readonly views: () => Uint8Array;
  /** What names are made of that replicas share; of the secret as it was at start. */
  readonly shared: Uint8Array;
}

/**
 * Reads the secrets, and makes the first one where it may be made. A secret that is replaced while the gateway runs still
 * opens page tokens for as long as they live, and no longer.
 * @param lifetimeMs of a page token
 * @throws {ConfigError} when one is missing or too short
 */
export function sealingKeys(
  { keyFile, previousKeyFiles, createKeyFile }: SealingConfig,
  lifetimeMs: number,
  deps: { readonly now: () => number; readonly onFault?: () => void },
): SealingKeys {
  if (createKeyFile) secretFrom(keyFile, true);
  let sealing: Uint8Array | undefined;
  let replaced: { readonly key: Uint8Array; readonly until: number } | undefined;
  const paths = [keyFile, ...previousKeyFiles];
  const current = reread(
    paths,
    (secrets) => {
      secrets.forEach((secret, index) => {
        if (secret.length < secretBytes)
          throw new ConfigError(`${paths[index]} holds fewer than ${secretBytes} bytes of secret.`);
      });
      const [first = new Uint8Array(), ...previous] = secrets.map((secret) => derived(secret, 'page tokens'));
      if (sealing !== undefined && !Buffer.from(sealing).equals(first))
        replaced = { key: sealing, until: deps.now() + lifetimeMs };
      sealing = first;
      const [secret = first] = secrets;
      return {
        pages: [first, ...previous] as const,
        views: derived(secret, 'version ids of views'),
        shared: derived(secret, 'names of patients in Redis'),
      };
    },
    deps,
  );
  return {
    pages: () => {
      const { pages } = current();
      return replaced === undefined || deps.now() > replaced.until ? pages : [...pages, replaced.key];
    },
    views: () => current().views,
    shared: current().shared,
  };
}

/** One purpose, one key: what seals page tokens names no versions. */
function derived(secret: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `fhir-consent-gateway ${purpose}`, 32));
}
