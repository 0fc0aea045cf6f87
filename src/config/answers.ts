import { z } from 'zod';

/** What answers look like to requesters who are not statically cleared. */
export const answersConfig = z
  .strictObject({
    narrative: z
      .enum(['omit', 'keep'])
      .default('omit')
      .describe(
        'omit: Resource.text is left out for the uncleared, of all resources alike. keep: it stays, whatever it tells.',
      ),
    shownProfiles: z
      .array(z.string())
      .default(['http://hl7.org/fhir/StructureDefinition/', 'http://hl7.org/fhir/us/core/'])
      .describe('Prefixes of meta.profile canonicals that the uncleared may see.'),
    shownTagSystems: z.array(z.string()).default([]).describe('Systems of meta.tag that the uncleared may see.'),
    negativeGridMs: z
      .int()
      .min(0)
      .max(1_000)
      .default(25)
      .describe('Answers "no such resource" leave on a grid of this many milliseconds; 0 sends them at once.'),
    timing: z.enum(['fast', 'strict']).default('fast').describe('strict: searches leave on a grid of 100 ms too.'),
    pageLifetimeMs: z
      .int()
      .min(60_000)
      .max(86_400_000)
      .default(3_600_000)
      .describe('How long a next link can be followed, in milliseconds.'),
    keptPages: z.int().min(10).max(1_000_000).default(10_000).describe('Next links of long searches kept in memory.'),
  })
  .describe('Answers.');
