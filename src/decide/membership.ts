import type { Collective, Member, Trait } from '../consent/collectives.ts';
import { hasRole, isNamed } from './actors.ts';
import { type Asker, allOf, anyOf, type Match } from './match.ts';

/** Codes of all kinds stand in it: to have another one does not mean not to have this. */
const manyKinds = 'http://snomed.info/sct';

/**
 * Whether who asks belongs to a Group, a CareTeam or holds a PractitionerRole that a Consent names; what could not be
 * read leaves it open (FHIR R4 Group.member, Group.characteristic, CareTeam.participant, PractitionerRole).
 */
export function membershipOf(collective: Collective | undefined, asker: Asker): Match {
  if (collective === undefined) return 'unknown';
  switch (collective.kind) {
    case 'listed':
      return collective.members.length === 0 ? 'unknown' : anyOf(collective.members.map((one) => isMember(one, asker)));
    case 'described':
      return collective.traits.length === 0
        ? 'unknown'
        : allOf(...collective.traits.map((one) => hasTrait(one, asker)));
    case 'role':
      return holds(collective, asker);
    case 'ended':
      return 'no';
    default:
      return collective satisfies never;
  }
}

function isMember({ names, current }: Member, asker: Asker): Match {
  const match = isNamed(names, asker);
  if (current === 'unknown') return match === 'no' ? 'no' : 'unknown';
  return current ? match : 'no';
}

function hasTrait({ codes, names, excluded, unknown }: Trait, asker: Asker): Match {
  if (unknown) return 'unknown';
  const has =
    names.length > 0
      ? isNamed(names, asker)
      : anyOf(
          codes.map((code) => {
            const match = hasRole(code, asker);
            return match === 'no' && code.system === manyKinds ? 'unknown' : match;
          }),
        );
  if (!excluded || has === 'unknown') return has;
  return has === 'yes' ? 'no' : 'yes';
}

/** The role of a practitioner for one organization, while he acts for it. */
function holds({ practitioner, organization }: Extract<Collective, { kind: 'role' }>, asker: Asker): Match {
  const isHis = isNamed(practitioner, asker); // open where nobody is named
  const isHere = organization.length === 0 ? 'yes' : isNamed(organization, asker);
  // Whoever else acts for that organization is not he; that he acts for another just now does not end his role.
  return isHis === 'yes' && isHere === 'no' ? 'unknown' : allOf(isHis, isHere);
}
