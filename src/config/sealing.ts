import { z } from 'zod';

/** The secret that page tokens and version ids of views are made with. */
export const sealingConfig = z
  .strictObject({
    keyFile: z
      .string()
      .default('data/sealing.key')
      .describe(
        'File with at least 32 bytes of secret. All replicas need the same one. Taken up anew when it changes; what it held before opens next links until they expire.',
      ),
    createKeyFile: z.boolean().default(true).describe('Make the file on first start when it is not there.'),
    previousKeyFiles: z
      .array(z.string())
      .max(4)
      .default([])
      .describe('Earlier secrets, under which page tokens are still read until they expire.'),
  })
  .describe('Sealing of page tokens and version ids.');

export type SealingConfig = z.infer<typeof sealingConfig>;
