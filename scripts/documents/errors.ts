import { challenge } from '../../src/authenticate/authenticate.ts';
import { type ErrorCode, errorKinds } from '../../src/errors/errors.ts';

/** The text of docs/errors.md, from the one catalogue of what can go wrong. */
export function renderErrors(): string {
  const rows = (Object.keys(errorKinds) as ErrorCode[]).map((code) => {
    const { status, issue, title } = errorKinds[code];
    const headers = Object.entries(challenge(code)).map(([name, value]) => `\`${name}: ${value}\``);
    return `| \`${code}\` | ${status} | \`${issue}\` | ${title} | ${headers.join(', ')} |`;
  });
  return [
    '# Errors',
    '',
    'Generated from `src/errors/errors.ts`. Every error is a FHIR OperationOutcome with one issue. `issue.details.coding` bears',
    'the code (system `urn:fhir-consent-gateway:error`) and `issue.details.text` the sentence; `issue.diagnostics`, where there',
    'is one, names a parameter or a header, never a value. Two errors of one kind are equal byte for byte, whatever the data',
    'hold. `X-Request-Id` of the answer is in the record and in the log.',
    '',
    '| code | HTTP | issue.code | text | headers |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
