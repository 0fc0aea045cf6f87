// Writes what is generated from the expectations of the tests and from the form of scenarios.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { examplesTable } from '../test/consent/examples.ts';
import { scenarioJsonSchema } from '../test/scenarios/format.ts';

const root = join(import.meta.dirname, '..');
writeFileSync(join(root, 'fixtures/scenarios/schema.json'), scenarioJsonSchema());
writeFileSync(join(root, 'docs/consent-examples.md'), examplesTable());
