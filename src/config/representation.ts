import { z } from 'zod';

/** Who may act for a patient: relations (v3-RoleCode) of an active RelatedPerson that are legal authority. */
export const representationConfig = z
  .strictObject({
    legalAuthority: z
      .array(z.string())
      .default(['GUARD', 'HPOWATT'])
      .describe('Relations that are legal authority at any age.'),
    parental: z
      .array(z.string())
      .default(['PRN', 'MTH', 'FTH'])
      .describe('Relations that are legal authority while the patient is a minor.'),
    ageOfMajorityYears: z.int().min(12).max(25).default(18).describe('Age from which a patient is no minor, in years.'),
  })
  .describe('Personal representatives.');

export type RepresentationConfig = z.infer<typeof representationConfig>;
