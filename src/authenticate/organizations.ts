import type { IdentityConfig, IssuerConfig, OrganizationConfig } from '../config/identity.ts';
import { codesOf, isRecord } from './codes.ts';
import { localKey } from './local.ts';

export interface Directory {
  /** Organizations by each of their names. */
  readonly byName: ReadonlyMap<string, OrganizationConfig>;
  /** Issuers, as systems of `issuer|subject`: such a name is a person's or client's, never an organization's. */
  readonly issuers: ReadonlySet<string>;
}

export function directoryOf({ organizations, issuers }: Pick<IdentityConfig, 'organizations' | 'issuers'>): Directory {
  const byName = new Map<string, OrganizationConfig>();
  for (const organization of organizations)
    for (const name of [organization.id, ...organization.identifiers]) byName.set(name, organization);
  return { byName, issuers: new Set(issuers.map(({ issuer }) => issuer)) };
}

const maximumDepth = 16;

export interface Names {
  readonly names: readonly string[];
  readonly title: string | undefined;
}

/**
 * Every name of the organization a claim names, and of those it is a unit of; none when the issuer may not speak for it.
 * @param bases URLs under which names are local
 */
export function claimedOrganization(
  claim: unknown,
  issuer: IssuerConfig,
  directory: Directory,
  bases: readonly string[],
): Names {
  const stated = statedIn(claim)
    .map((name) => localName(name, issuer, bases))
    .filter((name): name is string => name !== undefined && isOrganization(name, directory));
  const { names, title, units } = known(stated, directory);
  const { assertableOrganizations: allowed } = issuer;
  if (allowed !== undefined && !names.some((name) => allowed.includes(name))) return { names: [], title: undefined };
  return { names: [...new Set([...names, ...units])], title };
}

/** The same for the organization that the configuration gives: what an issuer may say does not limit it. */
export function assignedOrganization(name: string | undefined, directory: Directory, bases: readonly string[]): Names {
  if (name === undefined) return { names: [], title: undefined };
  const { names, title, units } = known([localKey(name, bases) ?? name], directory);
  return { names: [...new Set([...names, ...units])], title };
}

function known(stated: readonly string[], directory: Directory): Names & { readonly units: readonly string[] } {
  const found = stated.map((name) => directory.byName.get(name)).find((one) => one !== undefined);
  const names = found === undefined ? stated : [found.id, ...found.identifiers];
  return { names, title: found?.name, units: above(found, directory) };
}

function isOrganization(name: string, { issuers }: Directory): boolean {
  const cut = name.indexOf('|');
  return cut < 0 || (cut > 0 && !issuers.has(name.slice(0, cut)));
}

function above(unit: OrganizationConfig | undefined, directory: Directory): readonly string[] {
  const names: string[] = [];
  let current = unit;
  for (let depth = 0; depth < maximumDepth && current?.partOf !== undefined; depth++) {
    current = directory.byName.get(current.partOf);
    if (current !== undefined) names.push(current.id, ...current.identifiers);
  }
  return names;
}

/** `"name"`, a Reference, an Identifier, or a list of which the first counts. */
function statedIn(claim: unknown): readonly string[] {
  const one: unknown = Array.isArray(claim) ? claim[0] : claim;
  if (typeof one === 'string') return one === '' || one.length > 1_000 ? [] : [one];
  if (!isRecord(one)) return [];
  if (typeof one.reference === 'string') return [one.reference];
  if (typeof one.system === 'string' && typeof one.value === 'string') return [`${one.system}|${one.value}`];
  return codesOf(one).map(({ system, code }) => (system === undefined ? code : `${system}|${code}`));
}

/**
 * A relative reference counts only from an issuer whose users are this server's own; a URL below an own base always. A
 * resource of another type is no organization: as one it would stand for a person whom a Consent names.
 */
function localName(name: string, issuer: IssuerConfig, bases: readonly string[]): string | undefined {
  const key = localKey(name, bases);
  if (key === undefined) return name;
  const isRelative = !bases.some((base) => name.startsWith(`${base}/`));
  if (!key.startsWith('Organization/') || (isRelative && !issuer.localUsers)) return undefined;
  return key;
}
