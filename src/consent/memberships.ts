import { LRUCache } from 'lru-cache';
import type { Requester } from '../authenticate/requester.ts';
import type { ConsentConfig } from '../config/consent.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Coding } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import {
  idOf,
  isPatientKey,
  type PatientKey,
  parseRelativeReference,
  type ResourceKey,
  resourceKey,
  typeOf,
} from '../fhir/ids.ts';
import { canonicalSystem } from '../fhir/vocabulary.ts';
import type { Errand, Upstream, UpstreamSearch } from '../upstream/upstream.ts';
import { ageOf, type Clock, type Instant, instant } from './clock.ts';
import { type Json, list, own, text } from './json.ts';
import { readList, settled } from './reading.ts';
import { referenceNames } from './references.ts';

/** Every way a Consent may name who asks: what the token verifies, and what the FHIR server says of it. */
export interface RequesterNames {
  readonly identities: readonly string[];
  readonly organizations: readonly string[];
  /** Patients of whose care teams he, or an organization that he acts for, is a member now, and as whom. */
  readonly treats?: readonly { readonly patient: PatientKey; readonly as: ResourceKey }[];
  /** Roles that he holds elsewhere than where he acts now, and the organizations he holds them for. */
  readonly elsewhere: readonly string[];
  /** Codes of the roles that he holds where he acts; beside those that his token states. */
  readonly roles: readonly Coding[];
}

export interface Memberships {
  /**
   * The requester's own names and those that the store gives him: identifiers, active roles, care teams and groups he is a
   * member of, organizations that his are units of. Whose token states no organization acts for those that he holds a role
   * for. What is read depends on the requester alone.
   * @throws {GatewayError} `consent-unavailable`
   */
  of(requester: Requester, errand: Errand): Promise<RequesterNames>;
}

export interface MembershipParts {
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly localBases: readonly string[];
  readonly time: TimeReader;
}

const users = new Set(['Practitioner', 'PractitionerRole', 'RelatedPerson', 'Person', 'Device']);
/** Most resources of one kind that are read about one requester; with more, those beyond name him not. */
const maximumResources = 500;
const maximumDepth = 8;
const pageSize = 200;

/** Names are remembered for as long as Consents may be; a failure never is. */
export function createMemberships(config: ConsentConfig, parts: MembershipParts): Memberships {
  const remembered = new LRUCache<string, { readonly begun: Instant; readonly names: RequesterNames }>({
    max: config.rememberedPatients,
  });
  return {
    async of(requester, errand) {
      const { identities, organizations } = requester;
      if (!config.memberships) return { identities, organizations, elsewhere: [], roles: [] };
      const key = JSON.stringify([identities, organizations]);
      const begun = instant(parts.clock);
      const known = remembered.get(key);
      if (known !== undefined && ageOf(known.begun, parts.clock) < config.maximumAgeMs) return known.names;
      try {
        const names = await new Reading(parts, errand, begun.wall).namesOf(requester);
        remembered.set(key, { begun, names });
        return names;
      } catch (error) {
        throw new GatewayError('consent-unavailable', { cause: error });
      }
    },
  };
}

class Reading {
  readonly #parts: MembershipParts;
  readonly #errand: Errand;
  readonly #at: number;

  constructor(parts: MembershipParts, errand: Errand, at: number) {
    this.#parts = parts;
    this.#errand = errand;
    this.#at = at;
  }

  async namesOf(requester: Requester): Promise<RequesterNames> {
    const identities = new Set(requester.identities);
    const user = requester.fhirUser === undefined ? undefined : parseRelativeReference(requester.fhirUser);
    const [people, stated] = await Promise.all([
      this.#people(user !== undefined && users.has(typeOf(user)) ? [user] : [], identities),
      this.#organizations(await this.#organizationsByIdentifier(requester.organizations)),
    ]);
    const held = await this.#rolesOf(people);
    const here = stated.length === 0 ? held : held.filter((role) => this.#isHeldFor(role, stated));
    const there = held.filter((role) => !here.includes(role));
    const organizations =
      stated.length > 0
        ? stated
        : await this.#organizations(here.flatMap((role) => this.#keysIn(role, 'organization')));
    const elsewhere = await this.#organizations(there.flatMap((role) => this.#keysIn(role, 'organization')));
    for (const key of here.flatMap(keyOf)) identities.add(key);
    const keys = [...people, ...organizations.filter(isKey)];
    const collectives = keys.length === 0 ? [] : await this.#collectives(keys);
    for (const name of collectives.flatMap(keyOf)) identities.add(name);
    const treats = collectives.flatMap((team) => this.#treatedBy(team, keys));
    return {
      identities: [...identities].sort(),
      organizations: [...organizations].sort(),
      elsewhere: [...elsewhere, ...there.flatMap(keyOf)].filter((name) => !organizations.includes(name)).sort(),
      roles: here.flatMap((role) => [...codingsIn(role, 'code'), ...codingsIn(role, 'specialty')]),
      ...(treats.length === 0 ? {} : { treats }),
    };
  }

  /** The user's resource, the practitioner behind a role, and the identifiers of both; without one, who has his identifiers. */
  async #people(keys: readonly ResourceKey[], identities: Set<string>): Promise<readonly ResourceKey[]> {
    const found =
      keys.length > 0 ? await this.#byKeys(keys) : await this.#byIdentifier('Practitioner', [...identities]);
    const behind = found
      .filter((one) => this.#isCurrent(one))
      .flatMap((one) => [
        ...this.#keysIn(one, 'practitioner'),
        ...list(own(one, 'link')).flatMap((link) =>
          own(one, 'resourceType') === 'Person' ? this.#keysIn(link, 'target') : [],
        ),
      ]);
    const practitioners = await this.#byKeys(behind);
    const his = new Set([...keys, ...(keys.length > 0 ? [] : found.flatMap(keyOf)), ...behind]);
    for (const key of his) identities.add(key);
    for (const one of [...found, ...practitioners]) for (const name of identifiersOf(one)) identities.add(name);
    return [...his];
  }

  /** Organizations that the token names by identifier alone, by their key too. */
  async #organizationsByIdentifier(names: readonly string[]): Promise<readonly string[]> {
    if (names.some(isKey)) return names;
    const found = await this.#byIdentifier('Organization', names);
    return [...names, ...found.flatMap(keyOf)];
  }

  /** An identifier that several have names nobody. */
  async #byIdentifier(type: string, names: readonly string[]): Promise<readonly Json[]> {
    const identifiers = names.filter((name) => /^[^|,$\\]+\|[^|,$\\]+$/.test(name));
    if (identifiers.length === 0) return [];
    const found = await this.#search(type, 'identifier', identifiers.join(','));
    const matching = found.filter((one) => identifiersOf(one).some((name) => identifiers.includes(name)));
    return matching.length === 1 ? matching : [];
  }

  /** A care team that names him, as the treating relationship that it is. */
  #treatedBy(team: Json, keys: readonly ResourceKey[]): NonNullable<RequesterNames['treats']> {
    if (team.resourceType !== 'CareTeam') return [];
    const members = list(own(team, 'participant')).filter((one) => this.#isCurrent(one));
    const asWhom = members.flatMap((one) => this.#keysIn(one, 'member')).filter((key) => keys.includes(key));
    const patients = this.#keysIn(team, 'subject').filter(isPatientKey);
    return patients.flatMap((patient) => asWhom.map((as) => ({ patient, as })));
  }

  /** Upwards alone: who acts for a unit acts for what it is part of (FHIR R4 Organization.partOf). */
  async #organizations(names: readonly string[]): Promise<readonly string[]> {
    const all = new Set(names);
    let next = names.filter(isKey);
    for (let depth = 0; depth < maximumDepth && next.length > 0; depth++) {
      const found = await this.#byKeys(next);
      for (const organization of found) for (const name of identifiersOf(organization)) all.add(name);
      next = found.flatMap((organization) => this.#keysIn(organization, 'partOf')).filter((key) => !all.has(key));
      for (const key of next) all.add(key);
    }
    return [...all];
  }

  /** Roles that he holds today. */
  async #rolesOf(people: readonly ResourceKey[]): Promise<readonly Json[]> {
    const practitioners = people.filter((key) => typeOf(key) === 'Practitioner');
    if (practitioners.length === 0) return [];
    const roles = await this.#search('PractitionerRole', 'practitioner', practitioners.join(','));
    return roles.filter(
      (role) => this.#isCurrent(role) && this.#keysIn(role, 'practitioner').some((key) => practitioners.includes(key)),
    );
  }

  /** Care teams and groups that name him or an organization that he acts for. */
  async #collectives(keys: readonly ResourceKey[]): Promise<readonly Json[]> {
    const value = keys.join(',');
    const [teams, groups] = await Promise.all([
      this.#search('CareTeam', 'participant', value),
      this.#search('Group', 'member', value),
    ]);
    const isMine = (member: unknown, element: string): boolean =>
      this.#isCurrent(member) && this.#keysIn(member, element).some((key) => keys.includes(key));
    return [
      ...teams.filter(
        (team) => this.#isCurrent(team) && list(own(team, 'participant')).some((one) => isMine(one, 'member')),
      ),
      ...groups.filter(
        (group) => this.#isCurrent(group) && list(own(group, 'member')).some((one) => isMine(one, 'entity')),
      ),
    ];
  }

  #isHeldFor(role: Json, organizations: readonly string[]): boolean {
    const { names } = referenceNames(own(role, 'organization'), this.#parts.localBases);
    return names.length === 0 || names.some((name) => organizations.includes(name));
  }

  /** Not switched off, of a status that stands, and in its period. */
  #isCurrent(thing: unknown): boolean {
    if (own(thing, 'active') === false || own(thing, 'inactive') === true) return false;
    const status = own(thing, 'status');
    if (status !== undefined && status !== 'active') return false;
    const period = own(thing, 'period');
    if (period === undefined) return true;
    const [start, end] = ['start', 'end'].map((name) => text(own(period, name)));
    const from = start === undefined ? Number.NEGATIVE_INFINITY : intervalOf(start, this.#parts.time)?.start;
    const to = end === undefined ? Number.POSITIVE_INFINITY : intervalOf(end, this.#parts.time)?.end;
    return from !== undefined && to !== undefined && from <= this.#at && this.#at <= to;
  }

  #keysIn(thing: unknown, element: string): readonly ResourceKey[] {
    return list(own(thing, element)).flatMap((one) => referenceNames(one, this.#parts.localBases).key ?? []);
  }

  async #byKeys(keys: readonly ResourceKey[]): Promise<readonly Json[]> {
    const byType = new Map<string, string[]>();
    for (const key of new Set(keys)) byType.set(typeOf(key), [...(byType.get(typeOf(key)) ?? []), idOf(key)]);
    const found = [...byType].map(([type, ids]) => this.#search(type, '_id', ids.join(',')));
    return (await Promise.all(found)).flat();
  }

  /** A search that the server does not know finds nothing: such a membership then names nobody. */
  async #search(type: string, parameter: string, value: string): Promise<readonly Json[]> {
    const search: UpstreamSearch = { type, parameters: [[parameter, value]], pageSize, unsorted: true };
    try {
      const found = await settled(() => readList(this.#parts.upstream, search, this.#errand, maximumResources));
      return found.map(({ json }) => json);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'upstream-invalid') return [];
      throw error;
    }
  }
}

function isKey(name: string): name is ResourceKey {
  return parseRelativeReference(name) === name;
}

function keyOf(resource: Json): readonly ResourceKey[] {
  const [type, id] = [text(resource.resourceType), text(resource.id)];
  return type === undefined || id === undefined ? [] : [resourceKey(type, id)];
}

function codingsIn(resource: Json, element: string): readonly Coding[] {
  return list(own(resource, element)).flatMap((concept) =>
    list(own(concept, 'coding')).flatMap((coding) => {
      const code = text(own(coding, 'code'));
      return code === undefined ? [] : { system: canonicalSystem(text(own(coding, 'system')) ?? ''), code };
    }),
  );
}

function identifiersOf(resource: Json): readonly string[] {
  return list(own(resource, 'identifier')).flatMap((identifier) => {
    const value = text(own(identifier, 'value'));
    const system = text(own(identifier, 'system'));
    return value === undefined || system === undefined || own(identifier, 'use') === 'old'
      ? []
      : [`${system}|${value}`];
  });
}
