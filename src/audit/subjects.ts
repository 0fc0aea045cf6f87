/** What a kept record can be asked by: its index is made of keyed hashes, so that a stolen file names nobody. */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Coding } from '../fhir/coding.ts';
import { confidentialityOf } from './answer-groups.ts';
import type { Key, KeyRing } from './keys.ts';
import type { AuditRecord, RecordedRequester } from './record.ts';
import { confidentialitySystem } from './terms.ts';

/** Numbers that stand in the archive: never given to anything else. */
export const subjectKinds = {
  /** Patients of whom something left. */
  patient: 1,
  /** Patients of whom something was withheld. */
  withheld: 2,
  client: 3,
  /** Who asked: a person, or a system for itself. */
  requester: 4,
  /** Who received something sensitive. */
  sensitiveUse: 5,
  /** Who was denied or refused. */
  denied: 6,
} as const;

export type SubjectKind = keyof typeof subjectKinds;

export interface Subject {
  readonly kind: SubjectKind;
  readonly name: string;
}

/** Who asked, by the name the issuer gives. */
export function requesterName({ issuer, subject }: Pick<RecordedRequester, 'issuer' | 'subject'>): string {
  return JSON.stringify([issuer, subject]);
}

export function subjectsOf(record: AuditRecord): Subject[] {
  if (record.kind === 'activity' || record.requester === undefined) return [];
  const name = requesterName(record.requester);
  const subjects: Subject[] = [
    { kind: 'client', name: record.requester.clientId },
    { kind: 'requester', name },
  ];
  if (record.kind === 'refusal') return [...subjects, { kind: 'denied', name }];
  if (record.outcome !== 'released') subjects.push({ kind: 'denied', name });
  if (record.released.some(({ labels }) => isSensitive(labels))) subjects.push({ kind: 'sensitiveUse', name });
  const answered = record.service?.patients.flatMap(({ patient }) => patient ?? []) ?? [];
  const patients = new Set([...record.released.flatMap(({ patients }) => patients), ...answered]);
  const withheld = new Set(record.withheld.flatMap(({ patients }) => patients));
  return [
    ...subjects,
    ...[...patients].map((patient): Subject => ({ kind: 'patient', name: patient })),
    ...[...withheld].map((patient): Subject => ({ kind: 'withheld', name: patient })),
  ];
}

/** Restricted, or labelled with a topic or a policy. */
export function isSensitive(labels: readonly Coding[]): boolean {
  const level = confidentialityOf(labels);
  return level === 'R' || level === 'V' || labels.some(({ system }) => system !== confidentialitySystem);
}

const indexBytes = 12;
const rememberedNames = 20_000;

/** Names a subject in the index; under every key of the ring, as records were kept under each. */
export class SubjectIndex {
  readonly #ring: KeyRing;
  readonly #keys = new Map<string, KeyObject>();
  /** People, clients and patients come again and again, and a keyed hash costs more than all else of a look-up. */
  readonly #known = new LRUCache<string, Uint8Array>({ max: rememberedNames });

  constructor(keys: KeyRing) {
    this.#ring = keys;
  }

  /** @param keyId Of the key that sealed the record. */
  nameOf({ kind, name }: Subject, keyId: string): Uint8Array {
    const text = `${keyId} ${kind} ${name}`;
    const known = this.#known.get(text) ?? this.#hash({ kind, name }, keyId);
    this.#known.set(text, known);
    return known;
  }

  #hash({ kind, name }: Subject, keyId: string): Uint8Array {
    return createHmac('sha256', this.#keyOf(keyId))
      .update(`${subjectKinds[kind]} ${name}`)
      .digest()
      .subarray(0, indexBytes);
  }

  #keyOf(keyId: string): KeyObject {
    const known = this.#keys.get(keyId);
    if (known !== undefined) return known;
    const key = this.#ring.find(keyId);
    if (key === undefined) throw new Error(`no key ${keyId}`);
    const made = indexKey(key);
    this.#keys.set(keyId, made);
    return made;
  }

  allNamesOf(subject: Subject): Uint8Array[] {
    return [...this.#ring.byId.keys()].map((keyId) => this.nameOf(subject, keyId));
  }
}

function indexKey({ secret }: Key): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'fhir-consent-gateway record index', 32)));
}
