import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const rule = z.strictObject({
  rule: z.string().describe('What holds, in one sentence.'),
  source: z.string().describe('Where the standard or the law says it; for a choice that they leave, the setting.'),
  scenarios: z.array(z.string()).min(1).optional().describe('Claims of scenarios that show it.'),
  tests: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Tests that show over HTTP what the stores of scenarios cannot hold.'),
});
export type Rule = z.infer<typeof rule>;

const fileSchema = z.array(z.strictObject({ section: z.string(), rules: z.array(rule).min(1) })).min(1);

const file = join(import.meta.dirname, '../../fixtures/scenarios/rules/consent.yaml');

/** Every rule by which Consents are read and decided on, and what shows it. */
export const ruleSections: z.infer<typeof fileSchema> = fileSchema.parse(parse(readFileSync(file, 'utf8')));
