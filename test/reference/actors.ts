import type { RequesterContext } from '../../src/context/requester-context.ts';
import { isR5, type StoredConsent } from './either.ts';
import type { R4Actor, R4Coding, R4Period, R4Reference } from './r4.ts';
import type { DirectoryResource } from './r5.ts';
import { all, any, canonical, harmlessExtension, type Match, namesOf, opposite, readPeriod, when } from './words.ts';

/** Who asks, and what the store says of those whom Consents name. */
export interface Askers {
  readonly context: RequesterContext;
  readonly directory: readonly DirectoryResource[];
  readonly elsewhere: readonly string[];
  readonly heldRoles: readonly R4Coding[];
}

export type Part = 'recipient' | 'custodian' | 'author' | 'grantor' | 'unknown';

const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const roleCode = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';

function meaningOf({ system, code }: R4Coding): Part | undefined {
  if (system === participation && (code === 'IRCP' || code === 'PRCP')) return 'recipient';
  if (system === participation && code === 'CST') return 'custodian';
  if (system === participation && code === 'AUT') return 'author';
  if (system === roleCode && (code === 'GRANTEE' || code === 'DELEGATEE')) return 'recipient';
  if (system === roleCode && (code === 'GRANTOR' || code === 'DELEGATOR')) return 'grantor';
  return undefined;
}

export function partOf({ role, reference }: R4Actor, consent: StoredConsent): Part {
  if (role === undefined && isR5(consent)) return 'recipient';
  const parts = [...new Set((role?.coding ?? []).flatMap((coding) => meaningOf(coding) ?? []))];
  if (parts.length === 1) return parts[0] as Part;
  const isRoleAlone = parts.length === 0 && reference === undefined && isR5(consent) && isWholeRole(role?.coding);
  return isRoleAlone ? 'recipient' : 'unknown';
}

function isWholeRole(codings: readonly R4Coding[] | undefined): boolean {
  return (
    codings !== undefined &&
    codings.length > 0 &&
    codings.every(({ system, code }) => system !== undefined && code !== undefined)
  );
}

export function isStrange({ extension = [] }: R4Actor): boolean {
  return extension.some(({ url }) => url !== harmlessExtension);
}

const keyIn = (reference: R4Reference | undefined): string | undefined =>
  namesOf(reference).find((name) => /^[A-Z][A-Za-z]+\/[^/|]+$/.test(name));

/** A Group, a CareTeam, a PractitionerRole: somebody of whom one has to know who he is. */
export function standsForOthers({ reference }: R4Actor): boolean {
  return /^(Group|CareTeam|PractitionerRole)\//.test(keyIn(reference) ?? '');
}

/** Whether the asker is this actor. */
export function isHe(actor: R4Actor, consent: StoredConsent, askers: Askers): Match {
  if (isStrange(actor)) return 'unclear';
  const isRoleAlone =
    actor.reference === undefined && partOf(actor, consent) === 'recipient' && isWholeRole(actor.role?.coding);
  if (isR5(consent) && isRoleAlone && (actor.role?.coding ?? []).every((coding) => meaningOf(coding) === undefined))
    return any((actor.role?.coding ?? []).map((role) => hasRole(role, askers)));
  const names = namesOf(actor.reference);
  if (names.length === 0) return 'unclear';
  if (!standsForOthers(actor)) return isNamed(names, askers);
  if (names.some((name) => mine(askers).includes(name))) return 'yes';
  const resource = askers.directory.find(({ resourceType, id }) => keyIn(actor.reference) === `${resourceType}/${id}`);
  return resource === undefined ? 'unclear' : belongs(resource, askers);
}

function mine({ context: { requester } }: Askers): readonly string[] {
  return [...requester.identities, ...requester.organizations];
}

function hasRole({ system, code }: R4Coding, { context, heldRoles }: Askers): Match {
  const his = [...context.requester.roleCodes, ...heldRoles];
  if (his.some((one) => one.system !== undefined && canonical(one.system) === canonical(system) && one.code === code))
    return 'yes';
  if (his.some((one) => one.system === undefined && one.code === code)) return 'unclear';
  return his.some((one) => canonical(one.system) === canonical(system)) ? 'no' : 'unclear';
}

/** `no` only where a name shows that it is another. */
function isNamed(names: readonly string[], askers: Askers): Match {
  if (names.some((name) => mine(askers).includes(name))) return 'yes';
  return names.some((name) => isSomebodyElse(name, askers)) ? 'no' : 'unclear';
}

function isSomebodyElse(name: string, askers: Askers): boolean {
  const { identities, organizations } = askers.context.requester;
  const among = (names: readonly string[], pattern: RegExp): boolean => names.some((one) => pattern.test(one));
  if (askers.elsewhere.includes(name)) return false;
  if (name.includes('|')) {
    const system = name.slice(0, name.lastIndexOf('|'));
    return (
      system !== '' && mine(askers).some((one) => one.slice(0, one.lastIndexOf('|')) === system && one.includes('|'))
    );
  }
  if (name.includes('://')) {
    const folder = name.slice(0, name.lastIndexOf('/'));
    return mine(askers).some((one) => one.slice(0, one.lastIndexOf('/')) === folder);
  }
  const isFamily = among(identities, /^(Patient|RelatedPerson)\//);
  const isStaff = among(identities, /^Practitioner/);
  if (name.startsWith('Organization/')) return among(organizations, /^Organization\//) || (isFamily && !isStaff);
  const isSomePerson = among(identities, /^(Practitioner|Patient|RelatedPerson)\//);
  if (/^(Practitioner|Patient|RelatedPerson)\//.test(name))
    return isSomePerson || askers.context.requester.clientKind === 'system';
  if (name.startsWith('Device/')) return isSomePerson || among(identities, /^Device\//);
  return false;
}

function isNow(period: R4Period | undefined, { context }: Askers): Match {
  const read = readPeriod(period);
  return read === 'unreadable' ? 'unclear' : when(read.start <= context.at && context.at <= read.end);
}

function belongs(resource: DirectoryResource, askers: Askers): Match {
  switch (resource.resourceType) {
    case 'Group': {
      if (resource.active === false) return 'no';
      if (resource.actual === false) return fits(resource, askers);
      const members = (resource.member ?? []).map(({ entity, inactive, period }) =>
        inactive === true ? 'no' : all(isNow(period, askers), isNamed(namesOf(entity), askers)),
      );
      return members.length === 0 ? 'unclear' : any(members);
    }
    case 'CareTeam': {
      const stands = all(
        when(resource.status === undefined || resource.status === 'active'),
        isNow(resource.period, askers),
      );
      if (stands !== 'yes') return stands;
      const members = (resource.participant ?? []).map(({ member, period }) =>
        all(isNow(period, askers), isNamed(namesOf(member), askers)),
      );
      return members.length === 0 ? 'unclear' : any(members);
    }
    case 'PractitionerRole': {
      const stands = all(when(resource.active !== false), isNow(resource.period, askers));
      if (stands !== 'yes') return stands;
      const isHis = resource.practitioner === undefined ? 'unclear' : isNamed(namesOf(resource.practitioner), askers);
      if (isHis === 'no') return 'no';
      const isHere = resource.organization === undefined ? 'yes' : isNamed(namesOf(resource.organization), askers);
      // His own role does not end because he acts for another organization just now.
      return isHis === 'yes' ? (isHere === 'yes' ? 'yes' : 'unclear') : isHere === 'no' ? 'no' : 'unclear';
    }
    default:
      return resource.resourceType satisfies never;
  }
}

/** A Group that describes its members: every characteristic has to be met. */
function fits({ type, characteristic = [] }: DirectoryResource, askers: Askers): Match {
  if (type !== 'practitioner' || characteristic.length === 0) return 'unclear';
  return all(
    ...characteristic.map(({ valueCodeableConcept, valueReference, exclude, period }): Match => {
      if (isNow(period, askers) !== 'yes' || (valueCodeableConcept !== undefined) === (valueReference !== undefined))
        return 'unclear';
      const codings = valueCodeableConcept?.coding ?? [];
      if (valueReference === undefined && !isWholeRole(codings)) return 'unclear';
      const names = namesOf(valueReference);
      if (valueReference !== undefined && names.length === 0) return 'unclear';
      const has =
        valueReference !== undefined
          ? isNamed(names, askers)
          : any(
              codings.map((coding) => {
                const match = hasRole(coding, askers);
                // SNOMED CT has codes of every kind: to have another one says nothing.
                return match === 'no' && coding.system === 'http://snomed.info/sct' ? 'unclear' : match;
              }),
            );
      return exclude ? opposite(has) : has;
    }),
  );
}
