/**
 * Writes src/fhir/generated/vocabulary.json from fixtures/terminology/label-codes.json: aliases of code systems, the
 * trees of sensitivity and purpose-of-use codes, and to which family each other label code belongs.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Code {
  readonly code: string;
  readonly parents?: readonly string[];
}
interface Source {
  readonly systems: readonly { readonly url: string; readonly aliases: readonly string[] }[];
  readonly clinicalSystems: readonly { readonly url: string; readonly aliases: readonly string[] }[];
  readonly groups: Record<string, { readonly codes: readonly Code[] }>;
}

const source = JSON.parse(
  readFileSync(new URL('../fixtures/terminology/label-codes.json', import.meta.url), 'utf8'),
) as Source;
const tree = (group: string) =>
  Object.fromEntries((source.groups[group]?.codes ?? []).map(({ code, parents = [] }) => [code, parents]));
const codes = (...groups: string[]) =>
  groups
    .flatMap((group) => source.groups[group]?.codes ?? [])
    .map(({ code }) => code)
    .filter((code) => !code.startsWith('_'))
    .sort();

const vocabulary = {
  aliases: Object.fromEntries(
    [...source.systems, ...source.clinicalSystems].flatMap(({ url, aliases }) => aliases.map((alias) => [alias, url])),
  ),
  sensitivity: tree('sensitivity'),
  purpose: tree('purposeOfUse'),
  laws: codes('privacyLaw', 'usPrivacyLawOwnSystem'),
  caveats: codes(
    'obligation',
    'refrain',
    'privacyMark',
    'compartment',
    'otherSecurityPolicy',
    'informationAction',
    'informationPolicy',
    'trustPolicy',
    'consentDirective',
    'consentType',
    'informationAccess',
  ),
  otherReasons: codes('overrideReason', 'legacyPrivacyReason'),
  integrity: codes('integrity'),
};
writeFileSync(new URL('../src/fhir/generated/vocabulary.json', import.meta.url), `${JSON.stringify(vocabulary)}\n`);
