import type { Cut } from '../discover/visibility.ts';
import type { LabelOrigin } from '../label/labels.ts';
import type { Explanation } from './explain.ts';
import { becauseOf, ConsentWords, cutWords } from './explain-words.ts';
import type { Lexicon } from './words.ts';

/** An explanation for programs: codes, references and sentences; no content. */
export function explanationJson(explanation: Explanation, lexicon: Lexicon): Readonly<Record<string, unknown>> {
  const { patient, requester, purposes, emergency, resources, notRead, isSample } = explanation;
  const words = new ConsentWords(explanation.consents, lexicon);
  const told = new Set(
    resources.flatMap(({ reasons, votes, cuts }) => [
      ...[...reasons, ...cuts.flatMap((cut) => cut.reasons)].flatMap(({ consent }) => consent ?? []),
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
    ...(emergency === undefined
      ? {}
      : {
          emergency: {
            purpose: emergency.purpose,
            overridesDenies: emergency.overridesDenies,
            includesNotes: emergency.includesNotes,
          },
        }),
    notRead,
    isSample,
    resources: resources.map((one) => ({
      resource: one.key,
      ...(one.version === undefined ? {} : { version: one.version }),
      verdict: one.verdict,
      ...(one.code === undefined ? {} : { code: one.code }),
      reasons: one.reasons,
      ...(one.cuts.length === 0 ? {} : { cuts: one.cuts.map((cut) => cutJson(cut, words)) }),
      ...(one.accompanied.length === 0 ? {} : { accompanied: one.accompanied }),
      ...(one.labels.length === 0 ? {} : { labels: one.labels.map(labelJson) }),
      consents: one.votes.map(({ patient: whose, ...vote }) =>
        whose === patient ? vote : { ...vote, patient: whose },
      ),
      sentences: becauseOf(one, words),
    })),
    consents: [...told].sort().map((ref) => ({ reference: ref, provisions: words.of(ref) })),
  };
}

/** What assigned a label: the tables by `id@version`, the configuration, its own `meta.security`, or the resource it is inherited from. */
function labelJson({ label, by, rule }: LabelOrigin): Readonly<Record<string, unknown>> {
  return { label, by, ...(rule === '' ? {} : { rule }) };
}

function cutJson(cut: Cut, words: ConsentWords): Readonly<Record<string, unknown>> {
  const { path, because, masked, reasons } = cut;
  return {
    element: path,
    because,
    ...(masked ? { masked } : {}),
    ...(reasons.length === 0 ? {} : { reasons }),
    sentence: cutWords(cut, words),
  };
}
