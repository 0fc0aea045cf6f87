import { z } from 'zod';

/** Whoever configures it has to write this. */
export const shadowSentence = 'releases what consents and labels would withhold';
/** Nobody forgets it for longer than this, in milliseconds: 92 days. */
export const longestShadowMs = 7_948_800_000;

const entry = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, 'must be lower-case letters, digits and hyphens')
      .describe('Its name, on every answer in shadow, in the metrics and in the record.'),
    understood: z
      .literal(shadowSentence)
      .describe(`To be written out, so that nobody switches it on by accident: "${shadowSentence}".`),
    until: z.iso
      .datetime({ offset: true })
      .describe(
        'When it ends, with a time zone. From then on everything is enforced, whatever else stands here. At most 92 days ahead.',
      ),
    clients: z
      .array(
        z.strictObject({
          issuer: z.url().describe('Issuer of the tokens.'),
          clientId: z.string().min(1).max(500).describe('The client.'),
        }),
      )
      .min(1)
      .max(100)
      .describe('Clients that it is for; for everybody else everything is enforced.'),
    types: z
      .array(z.string().regex(/^(?:[A-Z][A-Za-z]{1,60}|\*)$/, 'must be a resource type or *'))
      .min(1)
      .describe('Resource types whose reads and searches it is for; "*" for all of them.'),
    alsoReleases: z
      .array(z.enum(['denied-by-consent', 'part2']))
      .max(2)
      .default([])
      .describe(
        'What passes only where it is named: denied-by-consent: what a Consent of the patient denies. part2: 42 CFR Part 2 records without a consent that covers them, which is a disclosure that the law forbids.',
      ),
  })
  .describe('Clients whose answers pass for a while, with what would be withheld counted and recorded.');

/** Roll-out: watch first, enforce then. */
export const shadowConfig = z
  .array(entry)
  .max(20)
  .default([])
  .describe('Shadow mode, for trying the gateway before it enforces. Without an entry everything is enforced, always.');
