import { z } from 'zod';
import { chartConfig, chartValues } from './chart-values.ts';
import { configJsonSchema, type JsonSchema } from './json-schema.ts';

const configText =
  "The gateway's own configuration, key for key as in docs/configuration.md. `listener.publicBaseUrl`, `upstream.baseUrl` and `identity.issuers` are needed.";

/** Values of the chart: its own, and the whole configuration of the gateway below `config`. */
function valuesSchema(): JsonSchema {
  const own = z.toJSONSchema(chartValues, { io: 'input' }) as JsonSchema & { $schema?: string };
  const { $schema: _dialect, ...config } = configJsonSchema() as JsonSchema & { $schema?: string };
  return {
    ...own,
    required: [...(own.required ?? []), 'config'],
    properties: {
      config: { ...config, description: configText, default: chartConfig },
      ...own.properties,
      global: { type: 'object', description: 'Values of a chart that this one is a part of.' },
    },
  };
}

/** The text of helm/values.schema.json: a key that is not there is refused by Helm, with its name. */
export function renderValuesSchema(): string {
  return `${JSON.stringify(valuesSchema(), null, 2)}\n`;
}

/** The text of helm/values.yaml: every value of the chart with its default. */
export function renderValues(): string {
  const { properties = {} } = valuesSchema();
  const lines = Object.entries(properties)
    .filter(([name]) => name !== 'global')
    .flatMap(([name, member]) => ['', ...linesOf(name, member, '')]);
  return `# Generated: npm run generate. Every value and what it is; values.schema.json checks them.\n${lines.join('\n')}\n`;
}

function linesOf(name: string, schema: JsonSchema, indent: string): string[] {
  const comment = (schema.description ?? '').split('\n').map((line) => `${indent}# ${line}`);
  const members = name === 'config' ? undefined : schema.properties;
  if (members !== undefined)
    return [
      ...comment,
      `${indent}${name}:`,
      ...Object.entries(members).flatMap(([below, member]) => linesOf(below, member, `${indent}  `)),
    ];
  const value = schema.default === undefined ? '""' : JSON.stringify(schema.default);
  if (name === 'config') return [...comment, `${name}:`, ...blockOf(chartConfig, '  ')];
  return [...comment, `${indent}${name}: ${value}`];
}

function blockOf(value: object, indent: string): string[] {
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) =>
    typeof member === 'object' && member !== null && Object.keys(member).length > 0
      ? [`${indent}${name}:`, ...blockOf(member, `${indent}  `)]
      : [`${indent}${name}: ${JSON.stringify(member)}`],
  );
}

/** The text of helm/README.md. */
export function renderChartReadme(): string {
  const { properties = {}, required = [] } = valuesSchema();
  return `${[
    '# Helm chart of the FHIR Consent Gateway',
    '',
    'Generated from the schemas of chart and gateway. Kubernetes 1.30 or newer, Helm 3.18 or 4. How to install it, and what was and was',
    'not tried: `docs/deploy.md`. An example for each way of deploying is in `examples/`.',
    '',
    'A value that is not listed here or in `docs/configuration.md` is refused, with its name. **needed** marks what has no default.',
    '',
    '| value | default | what it is |',
    '| --- | --- | --- |',
    ...Object.entries(properties)
      .filter(([name]) => name !== 'global')
      .flatMap(([name, member]) => rowsOf(name, name, member, required.includes(name))),
    '',
  ].join('\n')}`;
}

function rowsOf(name: string, path: string, schema: JsonSchema, needed: boolean): string[] {
  const isOwn = schema.properties !== undefined && name !== 'config';
  const standard = needed && name !== 'config' ? '**needed**' : isOwn ? '' : `\`${JSON.stringify(schema.default)}\``;
  const row = `| \`${path}\` | ${standard} | ${(schema.description ?? '').replaceAll('|', '\\|')} |`;
  if (!isOwn) return [row];
  return [
    row,
    ...Object.entries(schema.properties ?? {}).flatMap(([below, member]) =>
      rowsOf(below, `${path}.${below}`, member, false),
    ),
  ];
}
