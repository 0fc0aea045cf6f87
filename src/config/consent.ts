import { z } from 'zod';

const changes = z
  .enum(['discover', 'history', 'lastUpdated', 'none'])
  .default('discover')
  .describe(
    'How changed Consents are found there: history: Consent/_history with _since, which tells of deletions too. lastUpdated: searches by _lastUpdated, which do not. none: not at all, so that a change counts when consent.maximumAgeMs has passed. discover: the first of these that the server honours.',
  );

const subscription = z
  .strictObject({
    endpoint: z
      .url()
      .describe(
        "URL under which that server reaches this gateway's admin listener, with the path /consent-changes/ and the name of the store (`data` for the data server).",
      ),
    secretFile: z
      .string()
      .describe(
        'File with the secret that its notifications bring along in a header; at least 32 characters. Read again when it changes.',
      ),
    authorizationFile: z
      .string()
      .optional()
      .describe(
        'File with the whole value of the Authorization header for registering the Subscription, which is a write; without it, the one for reading serves.',
      ),
    renewMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(600_000)
      .describe(
        'How often the Subscription is looked up and, where it is gone or off, registered again, in milliseconds.',
      ),
  })
  .describe(
    'A FHIR Subscription (rest-hook, without content) by which that server tells at once that some Consent changed.',
  );

const store = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/)
      .describe('Name of the store in logs, metrics and configuration: lower-case letters, digits and hyphens.'),
    baseUrl: z.url().describe('FHIR base of the consent store, without a trailing slash.'),
    otherBaseUrls: z
      .array(z.url())
      .max(32)
      .default([])
      .describe('Other FHIR bases of the same store: references below them are references to its own resources.'),
    fhirVersion: z.enum(['R4', 'R4B', 'R5']).default('R4').describe('FHIR version of its Consents.'),
    authorizationFile: z
      .string()
      .optional()
      .describe('File with the whole value of the Authorization header sent there; read again when it changes.'),
    paging: z
      .enum(['links', 'offset'])
      .default('links')
      .describe('links: the store gives next links. offset: it takes _offset and gives none.'),
    patients: z
      .discriminatedUnion('by', [
        z
          .strictObject({ by: z.literal('id').describe('Patients have the same ids in both.') })
          .describe('The same ids.'),
        z
          .strictObject({
            by: z
              .literal('reference')
              .describe('Its Consents refer to patients of the data server, by URLs below one of its bases.'),
          })
          .describe('References to the data server.'),
        z
          .strictObject({
            by: z.literal('identifier').describe('Patients have an identifier in common.'),
            systems: z
              .array(z.string().min(1))
              .min(1)
              .max(16)
              .describe(
                'Identifier systems that name one person each, in both: an identifier of another system matches nobody.',
              ),
          })
          .describe('Identifiers in common.'),
      ])
      .describe(
        'How a patient of the data server is found there. Patient.link is followed on both sides. Whoever is found more than once, without a link between, is taken for ambiguous: what her Consents there deny is denied, and nothing is released by a Consent.',
      ),
    changes,
    subscription: subscription.optional(),
  })
  .describe('A FHIR server that holds Consents about patients of the data server.');

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
    dataServer: z
      .strictObject({
        holdsConsents: z
          .boolean()
          .default(true)
          .describe(
            'Read Consents from the FHIR server behind the gateway too. Turn off where other stores hold them all.',
          ),
        changes,
        subscription: subscription.optional(),
      })
      .prefault({})
      .describe('The FHIR server behind the gateway as a consent store; its name is `data`.'),
    stores: z
      .array(store)
      .max(8)
      .default([])
      .describe(
        'Other consent stores. All are asked for every patient; while one of them fails, nothing is released that Consents decide on.',
      ),
    changesEveryMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(5_000)
      .describe(
        'How often each store is asked which Consents changed, in milliseconds, so that they count before the bound has passed. Without meaning where maximumAgeMs is 0.',
      ),
    maximumPerPatient: z
      .int()
      .min(1)
      .max(100_000)
      .default(10_000)
      .describe('Consents of one patient in one store; with more, nothing of that patient leaves.'),
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
  .refine(({ dataServer, stores }) => dataServer.holdsConsents || stores.length > 0, {
    message: 'is needed where the data server holds no Consents',
    path: ['stores'],
  })
  .refine(({ stores }) => new Set(['data', ...stores.map(({ name }) => name)]).size === stores.length + 1, {
    message: 'must have names of their own, other than data',
    path: ['stores'],
  })
  .describe('Consents.');

export type ConsentConfig = z.infer<typeof consentConfig>;
export type StoreConfig = ConsentConfig['stores'][number];
export type ChangesConfig = z.infer<typeof changes>;
export type SubscriptionConfig = z.infer<typeof subscription>;
