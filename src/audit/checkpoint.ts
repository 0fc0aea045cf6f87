/** Signed statements on how far a chain has come: Ed25519 (RFC 8032). */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { AuditConfig } from '../config/audit.ts';
import { reread } from '../config/reread.ts';
import type { ChainHead } from './chain.ts';
import { writeSecret } from './keys.ts';

/** At that time the chain had come to that position, by that link. */
export interface Checkpoint extends ChainHead {
  readonly outboxId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** The key that signs, and all whose signatures count, by id. Files are looked at again while the gateway runs. */
export interface SigningKeys {
  readonly current: { readonly id: string; readonly privateKey: KeyObject };
  readonly trusted: TrustedKeys;
  /** The files were changed to something that cannot be used: the keys of before stay in force. */
  readonly isRefusing: boolean;
}

export type TrustedKeys = ReadonlyMap<string, KeyObject>;

/**
 * New keys are taken up only if the one that signed until then is among them: what it signed is to go on counting.
 * @throws {Error} when a key file cannot be read or holds no Ed25519 key.
 */
export function loadSigningKeys(config: Pick<AuditConfig, 'signingKey' | 'outboxFile'>): SigningKeys {
  const { signingKey } = config;
  const files =
    signingKey.kind === 'file'
      ? [signingKey.currentFile, ...signingKey.previousFiles]
      : [embeddedSigningKey(config.outboxFile)];
  let isRefusing = false;
  let signing: string | undefined;
  const read = (contents: readonly Buffer[]): Pick<SigningKeys, 'current' | 'trusted'> => {
    const [own = '', ...earlier] = contents.map((content) => content.toString('utf8'));
    const privateKey = ed25519(own, files[0], createPrivateKey);
    const previous = earlier.map((pem, index) => ed25519(pem, files[index + 1], createPublicKey));
    const trusted = new Map([createPublicKey(privateKey), ...previous].map((key) => [keyIdOf(key), key]));
    if (signing !== undefined && !trusted.has(signing))
      throw new Error('the key that signed until now is not among the previous ones');
    signing = keyIdOf(createPublicKey(privateKey));
    isRefusing = false;
    return { current: { id: signing, privateKey }, trusted };
  };
  const onFault = (): void => {
    isRefusing = true;
  };
  const keys = reread(files, read, { now: Date.now, onFault });
  return {
    get current() {
      return keys().current;
    },
    get trusted() {
      return keys().trusted;
    },
    get isRefusing() {
      keys();
      return isRefusing;
    },
  };
}

/**
 * The public keys alone, for a verifier.
 * @param files PEM files with public or private keys.
 */
export function readTrustedKeys(files: readonly string[]): TrustedKeys {
  return new Map(files.map(readPublicKey).map((key) => [keyIdOf(key), key]));
}

export function publicKeyText({ trusted }: SigningKeys): string {
  return [...trusted.values()].map((key) => key.export({ type: 'spki', format: 'pem' })).join('');
}

/** Where the signing key is that was made on first start. */
export function embeddedSigningKeyFile(outboxFile: string): string {
  return `${outboxFile}.signing-key`;
}

function embeddedSigningKey(outboxFile: string): string {
  const file = embeddedSigningKeyFile(outboxFile);
  if (!existsSync(file)) {
    writeSecret(file, () =>
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    );
  }
  return file;
}

/** A private key file serves too: it holds its public one. */
function readPublicKey(file: string): KeyObject {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch {
    throw new Error(`${file} must hold an Ed25519 key as PEM`);
  }
  return ed25519(pem, file, createPublicKey);
}

function ed25519(pem: string, file: string | undefined, read: (pem: string) => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read(pem);
  } catch {
    throw new Error(`${file} must hold an Ed25519 key as PEM`);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} must hold an Ed25519 key as PEM`);
  return key;
}

function keyIdOf(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' })).slice(0, 16);
}

/** What is said of a chain at a position: that it had come there, or that what was before was removed as its time had come. */
export type Statement = 'checkpoint' | 'retention';

/** The text that is signed. */
function statementOf(
  what: Statement,
  { outboxId, position, sequence, link, at, keyId }: Omit<Checkpoint, 'signature'>,
): Buffer {
  const parts = [outboxId, position, sequence, Buffer.from(link).toString('hex'), at, keyId];
  return Buffer.from([`fhir-consent-gateway ${what} 1`, ...parts].join('\n'));
}

export function signCheckpoint(
  outboxId: string,
  head: ChainHead,
  at: number,
  { current }: SigningKeys,
  what: Statement = 'checkpoint',
): Checkpoint {
  const unsigned = { ...head, outboxId, at, keyId: current.id };
  return { ...unsigned, signature: sign(null, statementOf(what, unsigned), current.privateKey) };
}

/** `unknown-key`: nobody trusts its key; nothing can be said. */
export function checkSignature(
  checkpoint: Checkpoint,
  trusted: TrustedKeys,
  what: Statement = 'checkpoint',
): 'valid' | 'invalid' | 'unknown-key' {
  const key = trusted.get(checkpoint.keyId);
  if (key === undefined) return 'unknown-key';
  return verify(null, statementOf(what, checkpoint), key, checkpoint.signature) ? 'valid' : 'invalid';
}

/** A checkpoint as JSON, as it goes to sinks and auditors. */
export interface CheckpointText {
  readonly outbox: string;
  readonly position: number;
  readonly sequence: number;
  readonly at: string;
  /** Hex. */
  readonly link: string;
  readonly key: string;
  /** Base64. */
  readonly signature: string;
}

export function printCheckpoint({
  outboxId,
  position,
  sequence,
  link,
  at,
  keyId,
  signature,
}: Checkpoint): CheckpointText {
  return {
    outbox: outboxId,
    position,
    sequence,
    at: new Date(at).toISOString(),
    link: Buffer.from(link).toString('hex'),
    key: keyId,
    signature: Buffer.from(signature).toString('base64'),
  };
}

export function readCheckpoint({ outbox, position, sequence, at, link, key, signature }: CheckpointText): Checkpoint {
  return {
    outboxId: outbox,
    position,
    sequence,
    at: Date.parse(at),
    link: Buffer.from(link, 'hex'),
    keyId: key,
    signature: Buffer.from(signature, 'base64'),
  };
}
