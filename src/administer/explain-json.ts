import type { Explanation } from './explain.ts';
import { becauseOf, ConsentWords } from './explain-words.ts';
import type { Lexicon } from './words.ts';

/** An explanation for programs: codes, references and sentences; no content. */
export function explanationJson(explanation: Explanation, lexicon: Lexicon): Readonly<Record<string, unknown>> {
  const { patient, requester, purposes, resources, notRead, isSample } = explanation;
  const words = new ConsentWords(explanation.consents, lexicon);
  const told = new Set(
    resources.flatMap(({ reasons, votes }) => [
      ...reasons.flatMap(({ consent }) => consent ?? []),
      ...votes.map(({ consent }) => consent),
    ]),
  );
  return {
    patient,
    at: new Date(explanation.at).toISOString(),
    requester: {
      ...(requester.name === undefined ? {} : { name: requester.name }),
      roles: requester.roles,
      organizations: requester.organizations,
      purposes,
    },
    notRead,
    isSample,
    resources: resources.map((one) => ({
      resource: one.key,
      ...(one.version === undefined ? {} : { version: one.version }),
      verdict: one.verdict,
      ...(one.code === undefined ? {} : { code: one.code }),
      reasons: one.reasons,
      ...(one.accompanied.length === 0 ? {} : { accompanied: one.accompanied }),
      consents: one.votes.map(({ patient: whose, ...vote }) =>
        whose === patient ? vote : { ...vote, patient: whose },
      ),
      sentences: becauseOf(one, words),
    })),
    consents: [...told].sort().map((ref) => ({ reference: ref, provisions: words.of(ref) })),
  };
}
