/**
 * `npm run measure-labels`: what labelling finds and misses, by category: on a hand-made adversarial set, on synthetic patients, and how fast it
 * is. With --write, docs/label-measurements.md. Without a third of a second to spare, see `measured` for the figures alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { type Config, configSchema } from '../src/config/config.ts';
import { Content } from '../src/document/content.ts';
import { scan } from '../src/document/tape.ts';
import { timeReader } from '../src/fhir/dates.ts';
import { canonicalSystem } from '../src/fhir/vocabulary.ts';
import { createLabelling } from '../src/house.ts';
import type { Labels } from '../src/label/labels.ts';
import { readResource } from '../src/label/read.ts';

interface Case {
  readonly where: string;
  readonly expect: readonly string[];
  readonly file?: { readonly contentType: string; readonly text: string };
  readonly resource: Readonly<Record<string, unknown>>;
}

const root = new URL('../', import.meta.url);
const limits = { maximumDepth: 64, maximumMembers: 20_000, maximumNodes: 1_000_000, maximumStringBytes: 10_000_000 };
const readSettings = { localBases: ['https://gateway.example/fhir'], time: timeReader('UTC') };
const categories = ['SUD', 'HIV', 'PSY', 'SDV', 'STD', 'SEX', 'GDIS', 'SCA'];

type Labeller = (json: string) => Labels;

function configOf(labels: Partial<Config['labels']>): Config {
  return configSchema.parse({
    listener: { publicBaseUrl: 'https://gateway.example/fhir', port: 0 },
    upstream: { baseUrl: 'https://server.example/fhir' },
    identity: { issuers: [{ issuer: 'https://issuer.example' }] },
    policy: {},
    labels,
  });
}

/** @param changes of the section `labels` of a configuration */
function labeller(changes: Partial<Config['labels']>): Labeller {
  const { own } = createLabelling(configOf(changes));
  return (json) => {
    const content = Content.received(scan(Buffer.from(json), limits), 0);
    const { reading } = content.examine((resource) => ({ reading: readResource(resource, readSettings) }));
    if (reading === undefined) throw new Error('a resource cannot be read');
    return own(reading, content);
  };
}

/** A topic's category: the substance class is one. */
function categoryOf(topic: string): string {
  return ['ETHUD', 'OPIOIDUD', 'ETH', '42CFRPart2'].includes(topic) ? 'SUD' : topic === 'MH' ? 'PSY' : topic;
}

function categoriesIn({ topics }: Labels): ReadonlySet<string> {
  return new Set(topics.map(categoryOf));
}

const cases = parse(readFileSync(new URL('fixtures/labels/adversarial.yaml', root), 'utf8')) as readonly Case[];

function jsonOf({ resource, file }: Case, index: number): string {
  const data = file === undefined ? '' : Buffer.from(file.text).toString('base64');
  return JSON.stringify({ id: `case-${index}`, ...resource }, (_name, value: unknown) =>
    value === 'file' ? data : value,
  );
}

/** The ways of labelling that are compared: as it comes, and with everything on. */
const ways: readonly (readonly [name: string, label: Labeller])[] = [
  ['codes', labeller({})],
  ['codes and text', labeller({ readText: true })],
  ['all strengths', labeller({ readText: true, strengths: ['core', 'supporting', 'ambiguous'] })],
];

interface Tally {
  expected: number;
  found: number;
  wrong: number;
}

const percent = (part: number, whole: number): string => (whole === 0 ? '-' : `${Math.round((100 * part) / whole)} %`);
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const head = (cells: readonly string[]): string => `${row(cells)}\n${row(cells.map(() => '---'))}`;

function adversarial(): string {
  const lines: string[] = [];
  for (const by of ['category', 'place', 'code system'] as const) {
    const keys = by === 'category' ? categories : [...new Set(cases.flatMap((one) => groupsOf[by](one)))];
    lines.push('', head([by, 'cases', ...ways.flatMap(([name]) => [`${name}: recall`, 'precision', 'misses'])]));
    for (const key of keys) {
      const tallies = ways.map(([, label]) => tallyOf(key, by, label));
      lines.push(
        row([
          key,
          tallies[0]?.expected ?? 0,
          ...tallies.flatMap(({ expected, found, wrong }) => [
            percent(found, expected),
            percent(found, found + wrong),
            expected - found,
          ]),
        ]),
      );
    }
  }
  return lines.join('\n');
}

/** What a case counts for, in the tables that are not by category. */
const groupsOf = {
  place: ({ where }: Case): readonly string[] => [where],
  'code system': ({ resource }: Case): readonly string[] => [...new Set(systemsIn(resource))],
} as const;

/** Code systems of the Codings in a resource, by their canonical URL; not those of files in it. */
function systemsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { system, code } = value as Readonly<Record<string, unknown>>;
  const own = typeof system === 'string' && code !== undefined ? [canonicalSystem(system)] : [];
  return [...own, ...Object.values(value).flatMap(systemsIn)];
}

function tallyOf(key: string, by: 'category' | keyof typeof groupsOf, label: Labeller): Tally {
  const tally: Tally = { expected: 0, found: 0, wrong: 0 };
  for (const [index, one] of cases.entries()) {
    if (by !== 'category' && !groupsOf[by](one).includes(key)) continue;
    const found = categoriesIn(label(jsonOf(one, index)));
    for (const category of by === 'category' ? [key] : categories) {
      const isExpected = one.expect.includes(category);
      if (isExpected) tally.expected++;
      if (isExpected && found.has(category)) tally.found++;
      if (!isExpected && found.has(category)) tally.wrong++;
    }
  }
  return tally;
}

/** What a careful reader sees and labelling does not, as it comes with text. */
function missed(): string {
  const [, [, label]] = ways as [unknown, (typeof ways)[number]];
  return cases
    .flatMap((one, index) => {
      const found = categoriesIn((label as Labeller)(jsonOf(one, index)));
      const misses = one.expect.filter((category) => !found.has(category));
      const extra = [...found].filter((category) => !one.expect.includes(category));
      if (misses.length + extra.length === 0) return [];
      const what = one.file?.text ?? JSON.stringify(one.resource);
      const kind = misses.length > 0 ? `missed ${misses.join(', ')}` : `wrongly ${extra.join(', ')}`;
      return [row([kind, one.where, `\`${what.slice(0, 140).replaceAll('|', '\\|')}\``])];
    })
    .join('\n');
}

interface Patient {
  readonly file: string;
  readonly group: string;
  readonly entries: number;
  readonly resourcesWithCoreCode: Readonly<Record<string, number>>;
}

const index = JSON.parse(readFileSync(new URL('fixtures/synthea/index.json', root), 'utf8')) as { patients: Patient[] };

function resourcesOf(file: string): readonly string[] {
  const text = gunzipSync(readFileSync(new URL(`fixtures/synthea/${file}`, root))).toString('utf8');
  const bundle = JSON.parse(text) as { entry: { resource: unknown }[] };
  return bundle.entry.map(({ resource }) => JSON.stringify(resource));
}

function synthea(): string {
  const lines = [
    head([
      'patient',
      'resources',
      'category',
      'with a core code',
      'labelled by codes',
      'by codes and text',
      'by all strengths',
    ]),
  ];
  for (const patient of index.patients) {
    const resources = resourcesOf(patient.file);
    const found = ways.map(([, label]) => resources.map((json) => categoriesIn(label(json))));
    for (const category of categories) {
      const known = patient.resourcesWithCoreCode[category === 'SUD' ? 'ETH' : category] ?? 0;
      const counts = found.map((sets) => sets.filter((set) => set.has(category)).length);
      if (known + counts.reduce((a, b) => a + b, 0) > 0)
        lines.push(row([patient.file.replace('.json.gz', ''), resources.length, category, known, ...counts]));
    }
  }
  return lines.join('\n');
}

/** The first ones are spent on compiling. */
const turns = 40;

/** How much faster than JSON.parse of the same resources, those of one synthetic patient: the best of several turns. */
export function throughput(): Readonly<Record<'labels' | 'reading' | 'whole' | 'text', number>> {
  const resources = resourcesOf('oud-Felisa-Moen.json.gz');
  const read = resources.flatMap((json) => {
    const content = Content.received(scan(Buffer.from(json), limits), 0);
    const { reading } = content.examine((resource) => ({ reading: readResource(resource, readSettings) }));
    return reading === undefined ? [] : { content, reading };
  });
  const time = (work: () => void): number => {
    let best = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < turns; turn++) {
      const start = performance.now();
      work();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  const parsing = time(() => {
    for (const json of resources) JSON.parse(json);
  });
  const [codes, texts] = [{}, { readText: true }].map((changes) => createLabelling(configOf(changes)));
  const labels = time(() => {
    for (const { content, reading } of read) codes?.own(reading, content);
  });
  const reading = time(() => {
    for (const { content } of read) content.examine((resource) => ({ of: readResource(resource, readSettings) }));
  });
  const bytes = resources.map((json) => Buffer.from(json));
  const scanning = time(() => {
    for (const one of bytes) scan(one, limits);
  });
  const text = time(() => {
    for (const { content, reading } of read) texts?.own(reading, content);
  });
  return {
    labels: parsing / labels,
    reading: parsing / (reading + labels),
    whole: parsing / (scanning + reading + labels),
    text: parsing / text,
  };
}

/** Everything that is the same on every machine. */
export function measured(): string {
  return `# What labelling finds, and what it misses

Written by \`npm run measure-labels -- --write\`; a test compares. Three ways: **codes** is the default; **codes and text** is \`labels.readText\`;
**all strengths** counts supporting and ambiguous rows too. Recall: of the cases that tell something, how many are labelled so. Precision: of
the labels given, how many are right.

## A hand-made adversarial set

\`fixtures/labels/adversarial.yaml\`, ${cases.length} resources without any label of their own. It is made to be hard, so its figures are no forecast for your data: measure
there (\`consent-gateway label\`). *code*: in a code element of a type that usually bears it; *document type*: in the type, category, title or description of a document, its section or
its C-CDA header; *attachment*: in a file. By code system only resources with a Coding of it count, in whatever place.
${adversarial()}

### What is missed or wrong with codes and text

${head(['', 'where', 'what'])}
${missed()}

## Synthetic patients

${synthea()}

"With a core code" counts exact matches in the list of sensitive codes that the patients were made against. By codes more are labelled, as ICD prefixes
count too. Synthea's notes and claims repeat problems and medicines in words: what text adds there is mostly Claims, ExplanationOfBenefits and
notes of the same problems.
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = measured();
  process.stdout.write(text);
  const speed = throughput();
  process.stdout.write(
    `\nTimes as fast as JSON.parse of the same resources: labels by codes ${speed.labels.toFixed(1)}, with the reading of all facts ${speed.reading.toFixed(1)}, labels by codes and text ${speed.text.toFixed(2)}\n`,
  );
  if (process.argv.includes('--write')) writeFileSync(new URL('docs/label-measurements.md', root), text);
}
