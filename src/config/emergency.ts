import { z } from 'zod';

/** When a stated emergency is accepted (42 CFR 2.51). Which roles may is a matter of the policies. */
export const emergencyConfig = z
  .strictObject({
    acrValues: z
      .array(z.string().min(1).max(200))
      .max(16)
      .default([])
      .describe(
        'Authentication context classes (acr of the token) that are strong enough to break the glass. Empty: no emergency is accepted.',
      ),
    maximumAgeMs: z
      .int()
      .min(60_000)
      .max(86_400_000)
      .default(900_000)
      .describe('How long after that sign-in (auth_time of the token) it is accepted, in milliseconds.'),
    disclosedBy: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Who discloses, for the record (42 CFR 2.51(c)): a name and an office.'),
  })
  .describe('Emergency access: BTG, ETREAT and what is below it, for one patient, with a reason.');

export type EmergencyConfig = z.infer<typeof emergencyConfig>;
