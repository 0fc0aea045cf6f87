import { randomUUID } from 'node:crypto';
import { type Exact, type ExactObject, isExactObject, parseExact, writeExact } from './exact.ts';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** One version of one resource. Its text is what clients get, byte for byte; a deletion has none. */
export interface Version {
  readonly type: string;
  readonly id: string;
  readonly versionId: string;
  /** FHIR instant. */
  readonly lastUpdated: string;
  readonly text: string | undefined;
  /** The same, parsed, for searching only. */
  readonly resource: JsonObject | undefined;
}

export class InvalidResource extends Error {}

const idShape = /^[A-Za-z0-9\-.]{1,64}$/;
const typeShape = /^[A-Z][A-Za-z]+$/;

/** All versions of all resources, in memory. Version ids count from 1 for each resource. */
export class Store {
  readonly #types = new Map<string, Map<string, Version[]>>();
  readonly #now: () => Date;

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  /**
   * Stores a resource under the id that it states: creates it or adds a version.
   * @throws {InvalidResource} when it is no resource, or when `expected` is given and differs from what it states
   */
  put(text: string, expected?: { readonly type: string; readonly id: string }): Version {
    const resource = readResource(text);
    const id = typeof resource.id === 'string' ? resource.id : '';
    if (!idShape.test(id)) throw new InvalidResource('The resource has no valid id.');
    if (expected !== undefined && (expected.type !== resource.resourceType || expected.id !== id)) {
      throw new InvalidResource('Type and id of the resource are not those of the URL.');
    }
    return this.#add(resource, id);
  }

  /** Stores a resource under a new id. */
  create(text: string, expectedType: string): Version {
    const resource = readResource(text);
    if (resource.resourceType !== expectedType)
      throw new InvalidResource('The resource is not of the type in the URL.');
    return this.#add(resource, randomUUID());
  }

  /** @returns false when there is nothing to delete */
  delete(type: string, id: string): boolean {
    const current = this.current(type, id);
    if (current?.text === undefined) return false;
    this.#append({ ...this.#next(type, id), type, id, text: undefined, resource: undefined });
    return true;
  }

  /** Newest version, which may be a deletion; undefined when there never was one. */
  current(type: string, id: string): Version | undefined {
    return this.#types.get(type)?.get(id)?.at(-1);
  }

  /** Oldest first. */
  versions(type: string, id: string): readonly Version[] {
    return this.#types.get(type)?.get(id) ?? [];
  }

  /** All versions of one type, newest first; from an instant on (FHIR instant in UTC), if one is given. */
  history(type: string, since?: string): readonly Version[] {
    const all = [...(this.#types.get(type)?.values() ?? [])].flat();
    const wanted = since === undefined ? all : all.filter(({ lastUpdated }) => lastUpdated >= since);
    return wanted.sort((left, right) => (left.lastUpdated < right.lastUpdated ? 1 : -1));
  }

  /** Newest version of everything of one type that is not deleted, in order of first creation. */
  *all(type: string): Generator<Version> {
    for (const versions of this.#types.get(type)?.values() ?? []) {
      const current = versions.at(-1);
      if (current?.text !== undefined) yield current;
    }
  }

  get types(): readonly string[] {
    return [...this.#types.keys()].sort();
  }

  #next(type: string, id: string): { versionId: string; lastUpdated: string } {
    return { versionId: String(this.versions(type, id).length + 1), lastUpdated: this.#now().toISOString() };
  }

  #add(resource: ExactObject, id: string): Version {
    const type = resource.resourceType as string;
    const stamp = this.#next(type, id);
    const { resourceType, id: _stated, meta, ...rest } = resource;
    const stamped: ExactObject = {
      resourceType: resourceType as Exact,
      id,
      meta: { ...(isExactObject(meta) ? meta : {}), ...stamp },
      ...rest,
    };
    const text = writeExact(stamped);
    const version = { ...stamp, type, id, text, resource: JSON.parse(text) as JsonObject };
    this.#append(version);
    return version;
  }

  #append(version: Version): void {
    const ofType = this.#types.get(version.type) ?? new Map<string, Version[]>();
    this.#types.set(version.type, ofType);
    const versions = ofType.get(version.id);
    if (versions === undefined) ofType.set(version.id, [version]);
    else versions.push(version);
  }
}

function readResource(text: string): ExactObject {
  let value: Exact;
  try {
    value = parseExact(text);
  } catch {
    throw new InvalidResource('The body is not JSON.');
  }
  if (!isExactObject(value) || typeof value.resourceType !== 'string' || !typeShape.test(value.resourceType)) {
    throw new InvalidResource('The body is not a FHIR resource.');
  }
  return value;
}
