import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const row = z
  .strictObject({
    section: z.string().describe('Of 42 CFR Part 2.'),
    rule: z.string().describe('What it asks for.'),
    does: z.string().optional().describe('What the gateway does for it.'),
    not: z.string().optional().describe('What it does not do.'),
    scenarios: z.array(z.string()).default([]).describe('Scenarios that show it, by their claims.'),
    tests: z
      .array(z.strictObject({ file: z.string(), name: z.string() }))
      .default([])
      .describe('Tests that show it, by their names.'),
  })
  .describe('One rule of the law.');

const schema = z.strictObject({
  groups: z.array(z.strictObject({ title: z.string(), rows: z.array(row).min(1) })).min(1),
});

/** 42 CFR Part 2, rule by rule: what the gateway does for it, and what shows that. */
export const part2Rules = schema.parse(
  parse(readFileSync(join(import.meta.dirname, '../../fixtures/part2.yaml'), 'utf8')),
).groups;
