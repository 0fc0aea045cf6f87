import { fhirVersion } from '../../src/fhir/version.ts';
import { parametersOf, type SearchParameter } from '../../src/plan/registry.ts';
import { servedTypes } from '../../src/plan/served.ts';

/** The text of docs/search-parameters.md, or search-parameters-r5.md: per type, what may be searched by. */
export function renderSearchParameters(): string {
  const common = parametersOf('Patient').filter(isCommon);
  const suffix = fhirVersion() === 'R4' ? '' : '-r5';
  return [
    `# Search parameters of FHIR ${fhirVersion()}`,
    '',
    'Generated from the registry in `src/plan`. What each kind of parameter understands (modifiers, prefixes, forms of values)',
    `is said by \`GET metadata\`; what is refused, and why, in [refusals](refusals${suffix}.md).`,
    '',
    `Every type: ${listed(common)}. Result parameters: \`_count\`, \`_sort\`, \`_total\`, \`_summary\`, \`_elements\`, \`_include\`, \`_revinclude\`.`,
    '',
    '| type | parameters |',
    '| --- | --- |',
    ...servedTypes().map((type) => `| ${type} | ${listed(parametersOf(type).filter((one) => !isCommon(one)))} |`),
    '',
  ].join('\n');
}

function isCommon({ name }: SearchParameter): boolean {
  return name.startsWith('_');
}

function listed(parameters: readonly SearchParameter[]): string {
  return parameters.length === 0
    ? 'none of its own'
    : parameters.map(({ name, kind }) => `\`${name}\` ${kind}`).join(', ');
}
