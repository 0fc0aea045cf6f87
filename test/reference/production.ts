import { collectiveOf } from '../../src/consent/collectives.ts';
import type { RequesterNames } from '../../src/consent/memberships.ts';
import { parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent, PatientConsents } from '../../src/consent/parsed.ts';
import type { Residuals } from '../../src/consent/residual.ts';
import { Rules } from '../../src/decide/decide.ts';
import type { Decision } from '../../src/decide/decision.ts';
import type { Coding } from '../../src/fhir/coding.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { type PatientKey, resourceKey } from '../../src/fhir/ids.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { isR5, type StoredConsent } from './either.ts';
import type { Case, PolicyTable } from './evaluate.ts';
import { harmlessExtension, localBase } from './words.ts';

/** The same case, decided by the gateway. */
export function decide(
  { patients, context, candidates, settings, policy, ...store }: Case,
  onForbids?: (type: string, labels: readonly string[]) => void,
  treats: NonNullable<RequesterNames['treats']> = [],
  residuals?: Residuals,
): readonly Decision[] {
  const table = policyOf(policy);
  const forbids: Policy['forbids'] = (asker, type, labels) => {
    onForbids?.(type, labels);
    return table.forbids(asker, type, labels);
  };
  const rules = new Rules(context, { ...table, forbids }, settings, residuals);
  const { identities, organizations } = context.requester;
  const names = { identities, organizations, elsewhere: store.elsewhere, roles: store.heldRoles as Coding[], treats };
  const collectives = new Map(
    store.directory.map((one) => [
      resourceKey(one.resourceType, one.id),
      collectiveOf({ ...one }, one.resourceType, { localBases: [localBase], time }, context.at),
    ]),
  );
  for (const { key, consents, standing } of patients)
    rules.establish(key as PatientKey, {
      consents: parsed(consents, settings.part2PolicyUris),
      standing,
      names,
      collectives,
    });
  return candidates.map((candidate) => rules.decide(candidate));
}

const time = timeReader('UTC');

export function parsed(consents: readonly StoredConsent[], part2PolicyUris: readonly string[]): PatientConsents {
  const all = consents.map((consent) =>
    parseConsent(consent, {
      fhirVersion: isR5(consent) ? 'R5' : 'R4',
      time,
      localBases: [localBase],
      harmlessExtensions: [harmlessExtension],
      part2PolicyUris,
    }),
  );
  return {
    consents: all.filter((one): one is ParsedConsent => one.readable),
    unreadable: all.some(({ readable }) => !readable),
  };
}

/** Role rules from a plain table instead of Cedar policies. */
export function policyOf(table: PolicyTable): Policy {
  const answer = (allowed: boolean, of: string) => ({ allowed, policies: ['table', `of ${of}`] });
  return {
    id: 'table',
    hash: 'table',
    permitsRequest: () => answer(true, 'requests'),
    permitsKind: (_asker, type) => answer(!table.kindsNotReceived.includes(type), 'kinds'),
    forbids: (_asker, type, labels) =>
      answer(
        !table.forbidden.some(
          (row) =>
            (row.type === undefined || row.type === type) && (row.label === undefined || labels.includes(row.label)),
        ),
        'labels',
      ),
    clears: ({ requester }, topic) =>
      answer(
        table.cleared.some((row) => row.topic === topic && requester.roles.includes(row.role)),
        'topics',
      ),
    breaksGlass: () => answer(false, 'emergencies'), // asked before there is a case
    unrestricted: () => false,
  };
}
