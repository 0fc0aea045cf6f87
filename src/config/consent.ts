import { z } from 'zod';

/** Where Consents come from and how fresh they must be. */
export const consentConfig = z
  .strictObject({
    maximumAgeMs: z
      .int()
      .min(0)
      .max(300_000)
      .default(30_000)
      .describe(
        'Bound on how long a changed or revoked Consent may go unnoticed, in milliseconds. 0 reads the versions in force for every request.',
      ),
    maximumPerPatient: z
      .int()
      .min(1)
      .max(100_000)
      .default(10_000)
      .describe('Consents of one patient; with more, nothing of that patient leaves.'),
    memberships: z
      .boolean()
      .default(true)
      .describe(
        'Read from the FHIR server what else a requester is called: identifiers, active roles, care teams and groups, organizations that his are part of. A Consent may name him by any of them.',
      ),
    rememberedPatients: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Patients whose Consents in force, and requesters whose names, are remembered.'),
    rememberedVersions: z.int().min(1).max(1_000_000).default(50_000).describe('Parsed Consent versions kept.'),
  })
  .describe('Consents.');

export type ConsentConfig = z.infer<typeof consentConfig>;
