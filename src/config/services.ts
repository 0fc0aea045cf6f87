import { z } from 'zod';
import { roleName } from './identity.ts';
import { listenerConfig } from './listener.ts';

const { maximumFormBytes: _, publicBaseUrl: __, ...door } = listenerConfig.shape;

/** What a described requester may be said to be, each as the issuer's rules read it in a token. */
const facts = [
  ...['roles', 'purposes', 'organization', 'organizationName', 'name'],
  ...['fhirUser', 'patient', 'npi', 'client', 'scope', 'acr'],
] as const;

const authzenConfig = z
  .strictObject({
    subjects: z
      .record(
        z.string().min(1).max(100),
        z
          .strictObject({
            issuer: z
              .url()
              .describe('The configured issuer by whose rules (roles, clients, organizations) it is read.'),
            kind: z
              .enum(['person', 'client'])
              .describe("person: the id is a person's, as sub in tokens. client: it is the client_id of a system."),
          })
          .describe('One type of subject.'),
      )
      .refine((subjects) => Object.keys(subjects).length > 0, 'must name one type at least')
      .describe('Subjects that may be asked about, by subject.type; any other is refused by decision false.'),
    properties: z
      .record(z.string().min(1).max(100), z.enum(facts))
      .default({
        roles: 'roles',
        purpose_of_use: 'purposes',
        organization: 'organization',
        fhirUser: 'fhirUser',
        npi: 'npi',
        client_id: 'client',
        patient: 'patient',
        scope: 'scope',
        acr: 'acr',
        name: 'name',
      })
      .describe(
        "What each of subject.properties means; a property that is not listed makes the decision false. The one that stands for purposes may stand in context too, and goes before the subject's.",
      ),
    ignoredContext: z
      .array(z.string().min(1).max(100))
      .max(64)
      .default([])
      .describe('Members of context that are passed over (time, device ...); any other makes the decision false.'),
    actions: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(64)
      .default(['read', 'can_read'])
      .describe('Names of actions that mean reading; any other is refused by decision false.'),
    maximumEvaluations: z.int().min(1).max(200).default(50).describe('Evaluations in one request.'),
  })
  .describe('Decisions by the OpenID AuthZEN Authorization API 1.0. Without this key it is not offered.');

export type AuthzenConfig = z.infer<typeof authzenConfig>;

const administrationConfig = z
  .strictObject({
    publicBaseUrl: z
      .url()
      .describe('Base URL of administration as its callers know it, without a trailing slash; its path is theirs.'),
    host: door.host.describe('Address the administration listener binds.'),
    port: door.port.default(8082).describe('Port of the administration listener; 0 takes a free one.'),
    tls: door.tls.describe('TLS of the administration listener, as for the data listener.'),
    behindTls: door.behindTls,
  })
  .describe(
    'A listener of its own for what stewards and privacy officers ask (labels, what is in force and why, the record), by the same tokens and grants. With it the review and downgrade of labels is there and nowhere else; without it everything is on the services listener.',
  );

/** The listener for authorised services beside FHIR. */
export const servicesConfig = z
  .strictObject({
    ...door,
    publicBaseUrl: z
      .url()
      .describe('Base URL of the services as their callers know it, without a trailing slash; its path is theirs.'),
    host: door.host.describe('Address the services listener binds.'),
    port: door.port.default(8081).describe('Port of the services listener; 0 takes a free one.'),
    tls: door.tls.describe('TLS of the services listener, as for the data listener.'),
    maximumBodyBytes: z
      .int()
      .min(1_024)
      .max(5_242_880)
      .default(262_144)
      .describe('Largest JSON body of a request, in bytes.'),
    audiences: z
      .array(z.string().min(1).max(500))
      .max(16)
      .default([])
      .describe(
        "Audiences, one of which a token's aud claim must contain to be taken here. Empty: tokens for the FHIR API are taken too. With one of its own, an app that holds a token for the FHIR API can ask no service with it.",
      ),
    grants: z
      .record(z.string().min(1).max(100), z.array(roleName).max(64))
      .default({})
      .describe(
        'Roles of the policy set that may ask a service, by its name. A service without an entry is for roles with the unrestricted grant alone (the steward, in the shipped policy set); an empty list closes it.',
      ),
    authzen: authzenConfig.optional(),
    administration: administrationConfig.optional(),
  })
  .describe('Services beside FHIR: decisions for other systems. Without this key their listener is not opened.');

export type ServicesConfig = z.infer<typeof servicesConfig>;
