/**
 * Writes everything that is made from something else: the tables in src (from FHIR R4's definitions and from
 * fixtures/terminology), what is made from the expectations of the tests, then the documents made from the code.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Each writes when it is loaded. Later ones read what earlier ones wrote, so they are not loaded together.
await import('./generate-vocabulary.ts');
await import('./generate-label-table.ts');
await import('./generate-model.ts');
await import('./generate-search.ts');
await import('./generate-expectations.ts');

const { documents } = await import('./documents/documents.ts');
execFileSync(process.execPath, [fileURLToPath(new URL('./generate-r5-documents.ts', import.meta.url))]);
for (const [path, text] of documents()) writeFileSync(new URL(`../${path}`, import.meta.url), text);
