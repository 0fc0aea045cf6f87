import { type FindingCode, findings } from '../../src/doctor/findings.ts';

/** The text of docs/doctor.md, from the one list of what the doctor can find. */
export function renderDoctor(): string {
  return [
    '# What the doctor finds',
    '',
    'Generated from `src/doctor/findings.ts`. `consent-gateway doctor --config gateway.yaml` tries everything that a gateway of this configuration',
    'would talk to, as the gateway would ask for it, and exits with 1 when it finds a fault. `--json` says the same to a machine; `--write` also',
    'writes a resource about nobody to the FHIR server, looks for it, and removes it. What it says names URLs, parameters and systems, never',
    'data of a patient.',
    '',
    '| finding | | what | why it matters | what to do |',
    '| --- | --- | --- | --- | --- |',
    ...(Object.keys(findings) as FindingCode[]).map((code) => {
      const { severity, what, why, todo } = findings[code];
      return `| \`${code}\` | ${severity} | ${what} | ${why} | ${todo} |`;
    }),
    '',
  ].join('\n');
}
