/**
 * `npm run bench:labels`: labelling against `JSON.parse` of the same resources, on one core, with the shipped tables loaded.
 *
 *   --save FILE  writes the table as Markdown
 *
 * Exits 1 when labelling by codes is slower than `JSON.parse`.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { throughput } from '../scripts/measure-labels.ts';
import { shippedTable } from '../src/label/tables.ts';

const { values: options } = parseArgs({ options: { save: { type: 'string' } } });

const rows = Object.values(shippedTable().systems)
  .flatMap((system) => Object.values(system))
  .reduce((sum, { exact = [], prefix = [] }) => sum + exact.length + prefix.length, 0);
const speed = throughput();
const text = `# Labelling against JSON.parse

Written by \`npm run bench:labels -- --save docs/benchmark-labels.md\`. ${new Date().toISOString().slice(0, 10)}, one core (${cpus()[0]?.model.trim() ?? 'unknown'}),
Node ${process.versions.node}; ${rows.toLocaleString('en')} codes loaded; the resources of one synthetic patient, the best of forty turns. How many times as fast as \`JSON.parse\` of the
same resources:

| what is counted | times as fast |
| --- | --- |
| labels by codes, sources and the resource's own | ${speed.labels.toFixed(1)} |
| the same, and the reading of all facts that the decision needs too (patients, references, dates, actors, codings) | ${speed.reading.toFixed(1)} |
| the same, and the scan of its bytes, which checks them and finds its elements | ${speed.whole.toFixed(1)} |
| labels by codes and words (\`labels.readText\`) | ${speed.text.toFixed(2)} |

Labelling works on what the gateway has read of a resource anyway; nothing is parsed for it. What is below 1 is slower than
\`JSON.parse\`, which checks less and gives an object that nothing was read from yet.
`;
process.stdout.write(text);
if (options.save !== undefined) writeFileSync(options.save, text);
process.exitCode = speed.labels >= 1 ? 0 : 1;
