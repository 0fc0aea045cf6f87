import { configJsonSchema, type JsonSchema } from './json-schema.ts';

/** One key as an operator writes it. */
interface Row {
  readonly key: string;
  readonly kind: string;
  readonly standard: string;
  readonly text: string;
}

/** The text of docs/configuration.md: every key, its type and bounds, its default, what it is. */
export function renderConfiguration(): string {
  const schema = configJsonSchema();
  const sections = Object.entries(schema.properties ?? {}).map(([name, section]) => {
    const needed = schema.required?.includes(name) === true ? ' This section is needed.' : '';
    return [
      `## ${name}`,
      '',
      `${section.description ?? ''}${needed}`,
      '',
      '| key | type | default | what it is |',
      '| --- | --- | --- | --- |',
      ...membersOf(name, section).map(
        ({ key, kind, standard, text }) => `| \`${key}\` | ${kind} | ${standard} | ${text} |`,
      ),
      '',
    ].join('\n');
  });
  return `${[
    '# Configuration',
    '',
    'Generated from the schema in `src/config`. One YAML file; a key that is not listed here is refused at start, with its name.',
    'Any key may also be set by an environment variable, whose value is read as YAML and wins over the file:',
    '`CONSENT_GATEWAY__upstream__baseUrl=https://fhir.internal.example/r4`, `CONSENT_GATEWAY__search__totals=none`.',
    'Secrets are never keys: keys name the files that hold them. `docs/config.schema.json` is the same as JSON Schema.',
    '',
    '`[]` stands for each item of a list, `<name>` for a key of your own choice. **needed** marks what has no default.',
    '',
    ...sections,
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function membersOf(path: string, schema: JsonSchema): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    rowsOf(`${path}.${name}`, member, schema.required?.includes(name) === true),
  );
}

function rowsOf(key: string, schema: JsonSchema, needed: boolean): readonly Row[] {
  const row = {
    key,
    kind: kindOf(schema),
    standard: standardOf(schema, needed),
    text: inCell(schema.description ?? ''),
  };
  return [row, ...below(key, schema)];
}

/** The keys inside of an object, a list's items, a map's values, or the forms that something may have. */
function below(key: string, schema: JsonSchema): readonly Row[] {
  if (schema.properties !== undefined) return membersOf(key, schema);
  if (schema.items?.properties !== undefined) return membersOf(`${key}[]`, schema.items);
  if (typeof schema.additionalProperties === 'object' && schema.additionalProperties.properties !== undefined)
    return membersOf(`${key}.<name>`, schema.additionalProperties);
  return (schema.oneOf ?? []).flatMap((form) => formRows(key, form));
}

/** One of several forms, told apart by its `kind`. */
function formRows(key: string, form: JsonSchema): readonly Row[] {
  const { kind, ...others } = form.properties ?? {};
  const name = `kind: ${String(kind?.const)}`;
  return [
    {
      key: `${key}.kind`,
      kind: `\`${String(kind?.const)}\``,
      standard: '',
      text: inCell(kind?.description ?? 'This form.'),
    },
    ...membersOf(key, { ...form, properties: others }).map((row) => ({ ...row, text: `(${name}) ${row.text}` })),
  ];
}

function kindOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(', ');
  if (schema.oneOf !== undefined) return 'one of the forms below';
  if (schema.type === 'array') return `list of ${plural(schema.items)}${between(schema.minItems, schema.maxItems)}`;
  if (schema.type === 'object')
    return typeof schema.additionalProperties === 'object' ? `map to ${plural(schema.additionalProperties)}` : 'object';
  if (schema.type === 'integer') return `integer${between(schema.minimum, schema.maximum)}`;
  if (schema.format === 'uri') return 'URL';
  if (schema.type === 'boolean') return '`true`, `false`';
  return 'text';
}

function plural(schema: JsonSchema | undefined): string {
  if (schema?.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(', ');
  if (schema?.type === 'array') return `lists of ${plural(schema.items)}`;
  if (schema?.type === 'object') return 'objects';
  return schema?.format === 'uri' ? 'URLs' : 'texts';
}

function between(from: number | undefined, to: number | undefined): string {
  if (from === undefined && to === undefined) return '';
  if (to === undefined || to >= Number.MAX_SAFE_INTEGER) return `, at least ${from}`;
  return from === undefined ? `, at most ${to}` : `, ${from} to ${to}`;
}

function standardOf(schema: JsonSchema, needed: boolean): string {
  if (needed) return '**needed**';
  if (schema.default === undefined) return '';
  if (schema.type === 'object' && Object.keys(schema.default as object).length === 0) return '';
  return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``;
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
