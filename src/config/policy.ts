import { z } from 'zod';

/** Which Cedar policies say what roles may ask, receive and are cleared for. */
export const policyConfig = z
  .strictObject({
    set: z
      .enum(['us-part2'])
      .default('us-part2')
      .describe('The shipped policy set; also where the schema comes from if the directory has none.'),
    directory: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Directory with policies of your own (*.cedar, and schema.cedarschema if it is not the shipped one) in place of the shipped set.',
      ),
    rememberedAnswers: z
      .int()
      .min(1_000)
      .max(1_000_000)
      .default(50_000)
      .describe('Answers of the policies that are remembered.'),
  })
  .prefault({})
  .describe('Role and attribute rules.');

export type PolicyConfig = z.infer<typeof policyConfig>;
