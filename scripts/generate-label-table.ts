/**
 * Writes src/label/tables/us-sensitivity.json from fixtures/terminology/sensitive-codes.csv: per code system, the codes
 * and prefixes that show a sensitive topic, by strength. Descriptions stay in the source; CPT rows stay out (licence).
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const excludedSystems = new Set(['http://www.ama-assn.org/go/cpt']);
const strengths = ['core', 'supporting', 'ambiguous'] as const;

/** RFC 4180 rows. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quoted) {
      if (character === '"' && text.charAt(i + 1) === '"') field += text.charAt(++i);
      else if (character === '"') quoted = false;
      else field += character;
    } else if (character === '"') quoted = true;
    else if (character === ',') {
      row.push(field);
      field = '';
    } else if (character === '\n') {
      rows.push([...row, field.replace(/\r$/, '')]);
      row = [];
      field = '';
    } else field += character;
  }
  return rows;
}

/** Tobacco and caffeine are no substance use disorder (42 CFR 2.11), whatever a source counts among them. */
function isTobacco(system: string, code: string, subcategory: string): boolean {
  return subcategory === 'tobacco' || (system === 'http://hl7.org/fhir/sid/icd-9-cm' && code === '305.1');
}

/** The topic a row gives: substance use by its substance where HL7 has a code for it. */
function topicOf(category: string, subcategory: string): string {
  if (category === 'SICKLE') return 'SCA';
  if (category !== 'ETH') return category;
  if (subcategory === 'alcohol') return 'ETHUD';
  return subcategory === 'opioid' ? 'OPIOIDUD' : 'SUD';
}

const source = readFileSync(new URL('../fixtures/terminology/sensitive-codes.csv', import.meta.url), 'utf8');
const [header = [], ...rows] = parseCsv(source);
const column = (name: string): number => header.indexOf(name);
const table: Record<string, Record<string, Record<string, string[]>>> = {};
for (const row of rows) {
  const cell = (name: string): string => row[column(name)] ?? '';
  const strength = isTobacco(cell('system'), cell('code'), cell('subcategory')) ? 'ambiguous' : cell('strength');
  if (excludedSystems.has(cell('system')) || !(strengths as readonly string[]).includes(strength)) continue;
  const key = `${topicOf(cell('category'), cell('subcategory'))} ${strength}`;
  const ofSystem = table[cell('system')] ?? {};
  const ofTopic = ofSystem[key] ?? {};
  const code = cell('match') === 'prefix' ? cell('code').replaceAll('.', '') : cell('code');
  ofTopic[cell('match')] = [...(ofTopic[cell('match')] ?? []), code];
  ofSystem[key] = ofTopic;
  table[cell('system')] = ofSystem;
}
const version = `2026-11-25+${createHash('sha256').update(source).digest('hex').slice(0, 12)}`;
const document = { id: 'us-sensitivity', version, systems: table };
writeFileSync(new URL('../src/label/tables/us-sensitivity.json', import.meta.url), `${JSON.stringify(document)}\n`);
