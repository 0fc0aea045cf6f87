import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { labelsConfig } from '../../src/config/labels.ts';
import { canonicalSystem, isSensitivity } from '../../src/fhir/vocabulary.ts';
import { createClassifier } from '../../src/label/classify.ts';
import { parseTable, shippedTable } from '../../src/label/tables.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const table = shippedTable();
const rows = Object.entries(table.systems).flatMap(([system, topics]) =>
  Object.entries(topics).flatMap(([key, { exact = [], prefix = [] }]) => {
    const [topic = '', strength = ''] = key.split(' ');
    return [
      ...exact.map((code) => ({ system, topic, strength, match: 'exact', code })),
      ...prefix.map((code) => ({ system, topic, strength, match: 'prefix', code })),
    ];
  }),
);

/** How many rows have the same answer, by answer. */
function count(of: (row: (typeof rows)[number]) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[of(row)] = (counts[of(row)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([one], [other]) => (one < other ? -1 : 1)));
}

describe('the shipped table', () => {
  it('is what its generator makes of the sources', () => {
    const copy = mkdtempSync(join(tmpdir(), 'label-table-'));
    try {
      const files = ['scripts/generate-label-table.ts', 'fixtures/terminology/sensitive-codes.csv'];
      for (const file of files) cpSync(join(root, file), join(copy, file));
      mkdirSync(join(copy, 'src/label/tables'), { recursive: true });
      writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
      execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(copy, files[0] as string)]);
      const shipped = 'src/label/tables/us-sensitivity.json';
      const made = readFileSync(join(copy, shipped), 'utf8');
      expect(made === readFileSync(join(root, shipped), 'utf8')).toBe(true);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it('has no CPT code: they are licensed by the American Medical Association', () => {
    const source = readFileSync(join(root, 'fixtures/terminology/sensitive-codes.csv'), 'utf8');
    expect(source).toContain('http://www.ama-assn.org/go/cpt,');
    expect(Object.keys(table.systems).map(canonicalSystem)).not.toContain('http://www.ama-assn.org/go/cpt');
    expect(JSON.stringify(table)).not.toMatch(/ama-assn|2\.16\.840\.1\.113883\.6\.12"/);
  });

  it('names each system by its canonical URL', () => {
    const systems = Object.keys(table.systems);
    expect(systems.map(canonicalSystem)).toEqual(systems);
  });

  it('shows nothing but sensitivities that a Consent can name', () => {
    const topics = [...new Set(rows.map(({ topic }) => topic))];
    expect(topics.filter((topic) => !isSensitivity(topic))).toEqual([]);
    expect(topics).not.toContain('SICKLE');
    expect(topics).not.toContain('ETH');
  });

  it('has as many rows by topic and strength as when it was reviewed', () => {
    expect(count(({ topic, strength }) => `${topic} ${strength}`)).toMatchSnapshot();
    expect(count(({ system }) => system)).toMatchSnapshot();
  });

  it('has no row twice', () => {
    const texts = rows.map((row) => Object.values(row).join(' '));
    expect(texts.length - new Set(texts).size).toBe(0);
  });
});

describe('what the shipped table says', () => {
  const core = createClassifier([table], ['core']);
  const topicsOf = (system: string, code: string): string[] => core.classify(system, code).map(({ topic }) => topic);
  const [icd10, icd9, snomed, rxnorm, loinc] = [
    'http://hl7.org/fhir/sid/icd-10-cm',
    'http://hl7.org/fhir/sid/icd-9-cm',
    'http://snomed.info/sct',
    'http://www.nlm.nih.gov/research/umls/rxnorm',
    'http://loinc.org',
  ] as const;

  it.each([
    ['alcohol dependence', icd10, 'F10.20', ['ETHUD']],
    ['alcohol dependence, undotted', icd10, 'F1020', ['ETHUD']],
    ['opioid dependence', icd10, 'F11.20', ['OPIOIDUD']],
    ['cocaine abuse', icd10, 'F14.10', ['SUD']],
    ['HIV disease', icd10, 'B20', ['HIV']],
    ['asymptomatic HIV infection', icd10, 'Z21', ['HIV']],
    ['schizophrenia', icd10, 'F20.9', ['PSY']],
    ['major depression', icd10, 'F32.9', ['PSY']],
    ['recurrent depression', icd10, 'F33.1', ['PSY']],
    ['bipolar disorder, of a code no list names', icd10, 'F31.Z', ['PSY']],
    ['anxiety', icd10, 'F41.1', ['PSY']],
    ['post-traumatic stress', icd10, 'F43.10', ['PSY']],
    ['Down syndrome', icd10, 'Q90.9', ['GDIS']],
    ['Klinefelter syndrome', icd10, 'Q98.4', ['GDIS']],
    ['sickle-cell disease', icd10, 'D57.1', ['SCA']],
    ['syphilis', icd10, 'A53.9', ['STD']],
    ['adult abuse', icd10, 'T74.11XA', ['SDV']],
    ['opioid dependence, ICD-9', icd9, '304.00', ['OPIOIDUD']],
    ['opioid dependence, ICD-9, undotted', icd9, '30400', ['OPIOIDUD']],
    ['alcoholism', snomed, '7200002', ['ETHUD']],
    ['opioid dependence', snomed, '75544000', ['OPIOIDUD']],
    ['HIV viral load', loinc, '20447-9', ['HIV']],
  ])('%s (%s %s) shows %j', (_, system, code, topics) => {
    expect(topicsOf(system, code)).toEqual(topics);
  });

  it.each([
    ['asthma', icd10, 'J45.909'],
    ['hypertension', icd10, 'I10'],
    ['diabetes', icd10, 'E11.9'],
    ['fracture', icd10, 'S52.501A'],
    ['normal delivery', icd10, 'O80'],
    ['cleft palate', icd10, 'Q35.9'],
    ['asthma', snomed, '195967001'],
    ['hypertension', snomed, '38341003'],
    ['body weight', loinc, '29463-7'],
    ['haemoglobin A1c', loinc, '4548-4'],
    ['amoxicillin', rxnorm, '723'],
    ['metformin', rxnorm, '6809'],
  ])('%s (%s %s) shows nothing', (_, system, code) => {
    expect(topicsOf(system, code)).toEqual([]);
  });

  it('every core row counts, unless a more exact row of its class names another substance', () => {
    const lost = rows.filter(
      ({ strength, system, topic, code }) => strength === 'core' && !topicsOf(system, code).includes(topic),
    );
    expect(lost.map(({ system, topic, code }) => `${system} ${code} ${topic}`)).toMatchSnapshot();
  });

  it('each answer names the table and its version', () => {
    expect(core.classify(icd10, 'B20')).toEqual([{ topic: 'HIV', rule: `us-sensitivity@${table.version}` }]);
    expect(core.versions).toEqual([`us-sensitivity@${table.version}`]);
  });
});

describe('docs/labels.md', () => {
  const text = readFileSync(join(root, 'docs/labels.md'), 'utf8');
  const fenced = (language: string): string => text.split(`\`\`\`${language}\n`)[1]?.split('```')[0] as string;
  const counted = (value: number | undefined): string => (value ?? 0).toLocaleString('en-US');

  it('counts the rows that there are', () => {
    expect(text).toContain(`It holds ${counted(rows.length)} rows`);
    const strengths = count(({ strength }) => strength);
    for (const [strength, number] of Object.entries(strengths))
      expect(text).toMatch(new RegExp(`\\| \`${strength}\` \\|.*\\| ${counted(number)} \\|`));
    const systems = count(({ system }) => system);
    for (const [system, number] of Object.entries(systems).filter(([one]) => !one.includes('terminology.hl7.org')))
      expect(text).toMatch(new RegExp(`\`${system}\` \\| ${counted(number)} \\|`));
  });

  it('has examples that are accepted', () => {
    expect(() => parseTable(JSON.parse(fenced('json')))).not.toThrow();
    const { labels } = parse(fenced('yaml'));
    expect(labelsConfig.safeParse(labels).error).toBeUndefined();
    expect(Object.values(labelsConfig.parse(labels).mappedLabels).every(isSensitivity)).toBe(true);
  });

  it('explains every key', () => {
    for (const key of Object.keys(labelsConfig.shape)) expect(text).toContain(`\`labels.${key}\``);
  });

  it('names examples of each strength that are of that strength', () => {
    const examples = [
      ['core', 'http://hl7.org/fhir/sid/icd-10-cm', 'F11.20'],
      ['core', 'http://www.nlm.nih.gov/research/umls/rxnorm', '1819'],
      ['supporting', 'http://loinc.org', '3426-4'],
      ['supporting', 'http://hl7.org/fhir/sid/icd-10-cm', 'Z11.4'],
      ['ambiguous', 'http://www.nlm.nih.gov/research/umls/rxnorm', '36437'],
      ['ambiguous', 'http://www.nlm.nih.gov/research/umls/rxnorm', '7804'],
      ['ambiguous', 'http://hl7.org/fhir/sid/icd-10-cm', 'Z72.0'],
    ] as const;
    for (const [strength, system, code] of examples) {
      expect(text).toContain(`\`${code}\``);
      for (const one of ['core', 'supporting', 'ambiguous'] as const)
        expect(createClassifier([table], [one]).classify(system, code).length > 0).toBe(one === strength);
    }
  });
});
