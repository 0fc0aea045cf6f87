import { type ReasonCode, reasonTexts } from '../../src/decide/reasons.ts';

/** The text of docs/reasons.md: every reason that a record may name. */
export function renderReasons(): string {
  return [
    '# Reasons',
    '',
    'Generated from `src/decide/reasons.ts`. The record names a reason as `code, step, Consent version and provision, rule, topic`,',
    'as far as there are any; `rest` is what is left of a resource when its sensitive topics are set apart. The steps are those',
    'of [how a decision is made](how-a-decision-is-made.md).',
    '',
    '| reason | in words |',
    '| --- | --- |',
    ...(Object.keys(reasonTexts) as ReasonCode[]).map((code) => `| \`${code}\` | ${reasonTexts[code]} |`),
    '',
  ].join('\n');
}
