import type { Actor, ActorPart, Effect } from '../consent/parsed.ts';
import type { Coding } from '../fhir/coding.ts';
import { type Asker, anyOf, type Match } from './match.ts';
import { membershipOf } from './membership.ts';

/** How who asks compares with the actors that a Consent names (FHIR R4 Consent.provision.actor). */

/** Whether the provision is about what is disclosed to him: any one recipient is enough; without any it is about everybody. */
export function matchesRecipient(actors: readonly Actor[] | undefined, effect: Effect, asker: Asker): Match {
  const named = (actors ?? []).filter(({ part }) => part === 'recipient' || part === 'unknown');
  // Who gave the consent is no recipient; where he alone is named, to whom it was given is not said.
  if (named.length === 0) return ofPart(actors, 'grantor').length > 0 ? 'unknown' : 'yes';
  return anyOf(
    named.map((actor) => {
      const match = isActor(actor, asker);
      return actor.part === 'unknown' && match === 'yes' ? (effect === 'deny' ? 'yes' : 'unknown') : match;
    }),
  );
}

export function ofPart(actors: readonly Actor[] | undefined, wanted: ActorPart): readonly Actor[] {
  return (actors ?? []).filter(({ part }) => part === wanted);
}

function isActor({ names, roles, collective, unresolved }: Actor, asker: Asker): Match {
  if (roles.length > 0) return anyOf(roles.map((role) => hasRole(role, asker)));
  if (isOneOf(names, asker)) return 'yes';
  if (collective !== undefined) return membershipOf(asker.collectives.get(collective), asker);
  return unresolved ? 'unknown' : isNamed(names, asker);
}

/** Whether he has a role can be said only where his are of the same code system; a code without its system may be any. */
export function hasRole({ system, code }: Coding, { roles }: Asker): Match {
  const comparable = roles.filter((role) => role.system === system);
  if (comparable.some((role) => role.code === code)) return 'yes';
  return comparable.length === 0 || roles.some((role) => role.system === '' && role.code === code) ? 'unknown' : 'no';
}

function isOneOf(names: readonly string[], { identities, organizations }: Asker): boolean {
  return names.some((name) => identities.has(name) || organizations.has(name));
}

/**
 * Whether he is the one whom these names name together. `no` takes a name of the same kind that is another's: who is known
 * here by other kinds of names alone may still be the one.
 */
export function isNamed(names: readonly string[], asker: Asker): Match {
  if (isOneOf(names, asker)) return 'yes';
  return names.some((name) => isAnothers(name, asker)) ? 'no' : 'unknown';
}

const person = /^(?:Practitioner|Patient|RelatedPerson)\//;

/** Whether a name that is not his shows that somebody else is meant. */
function isAnothers(name: string, asker: Asker): boolean {
  if (asker.elsewhere.has(name)) return false;
  const his = [...asker.identities];
  if (name.includes('|')) return hasAnotherOf(name, '|', [...his, ...asker.organizations]);
  if (name.includes('://')) return hasAnotherOf(name, '/', [...his, ...asker.organizations]);
  switch (name.slice(0, name.indexOf('/'))) {
    case 'Organization':
      // Patients and their relatives act for none.
      return (
        [...asker.organizations].some((one) => one.startsWith('Organization/')) ||
        (his.some((one) => /^(?:Patient|RelatedPerson)\//.test(one)) &&
          !his.some((one) => one.startsWith('Practitioner')))
      );
    case 'Practitioner':
    case 'Patient':
    case 'RelatedPerson':
      return asker.isSystem || his.some((one) => person.test(one));
    case 'Device':
      return his.some((one) => person.test(one) || one.startsWith('Device/'));
    default:
      return false;
  }
}

/** Another value of the same identifier system, or another resource of the same kind on the same server. */
function hasAnotherOf(name: string, separator: '|' | '/', his: readonly string[]): boolean {
  const kind = name.slice(0, name.lastIndexOf(separator) + 1);
  return kind !== '|' && his.some((one) => one.startsWith(kind) && one.lastIndexOf(separator) === kind.length - 1);
}
