import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const answer = z.strictObject({
  /** Ids of requesters who get this same answer. */
  to: z.array(z.string()).min(1),
  /** Ids that they receive, of all the pages together. */
  ids: z.array(z.string()).default([]),
  /** HTTP status of a static refusal, when that is the answer. */
  refused: z.int().optional(),
  /** Consents that the AuditEvent must name. */
  consents: z.array(z.string()).default([]),
  because: z.string(),
});

const schema = z.strictObject({
  /** What one who may see one thing may also see named in it: references whose target only its kind keeps from them. */
  mayRefer: z.record(z.string(), z.array(z.string())),
  searches: z.array(
    z.strictObject({
      request: z.string(),
      /** Ids that the FHIR server behind the gateway has. */
      upstream: z.array(z.string()),
      answers: z.array(answer),
    }),
  ),
  /** Reads of what is hidden: their answers must be those of an id that never was. */
  hidden: z.array(z.strictObject({ read: z.string(), to: z.array(z.string()), because: z.string() })),
});

export type Expected = z.infer<typeof schema>;
export type ExpectedSearch = Expected['searches'][number];
export type ExpectedAnswer = ExpectedSearch['answers'][number];

/** What everybody must get, reasoned from the rules by hand. */
export function readExpected(): Expected {
  return schema.parse(parse(readFileSync(join(import.meta.dirname, 'expected.yaml'), 'utf8')));
}
