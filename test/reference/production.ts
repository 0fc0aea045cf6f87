import { parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent, PatientConsents } from '../../src/consent/parsed.ts';
import { Rules } from '../../src/decide/decide.ts';
import type { Decision } from '../../src/decide/decision.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { type Case, harmlessExtension, localBase, type PolicyTable } from './evaluate.ts';
import type { R4Consent } from './r4.ts';

/** The same case, decided by the gateway. */
export function decide({ patients, context, candidates, settings, policy }: Case): readonly Decision[] {
  const rules = new Rules(context, policyOf(policy), settings, undefined);
  for (const { key, consents, standing } of patients)
    rules.establish(key as PatientKey, { consents: parsed(consents, settings.part2PolicyUris), standing });
  return candidates.map((candidate) => rules.decide(candidate));
}

export function parsed(consents: readonly R4Consent[], part2PolicyUris: readonly string[]): PatientConsents {
  const time = timeReader('UTC');
  const options = {
    fhirVersion: 'R4',
    time,
    localBases: [localBase],
    harmlessExtensions: [harmlessExtension],
    part2PolicyUris,
  } as const;
  const all = consents.map((consent) => parseConsent(consent, options));
  return {
    consents: all.filter((one): one is ParsedConsent => one.readable),
    unreadable: all.some(({ readable }) => !readable),
  };
}

/** Role rules from a plain table instead of Cedar policies. */
export function policyOf(table: PolicyTable): Policy {
  const answer = (allowed: boolean) => ({ allowed, policies: allowed ? ['table'] : [] });
  return {
    id: 'table',
    hash: 'table',
    permitsRequest: () => answer(true),
    permitsKind: (_asker, type) => answer(!table.kindsNotReceived.includes(type)),
    forbids: (_asker, type, labels) =>
      answer(
        !table.forbidden.some(
          (row) =>
            (row.type === undefined || row.type === type) && (row.label === undefined || labels.includes(row.label)),
        ),
      ),
    clears: ({ requester }, topic) =>
      answer(table.cleared.some((row) => row.topic === topic && requester.roles.includes(row.role))),
    breaksGlass: () => answer(false), // asked before there is a case
    unrestricted: () => false,
  };
}
