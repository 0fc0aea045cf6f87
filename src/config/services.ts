import { z } from 'zod';
import { roleName } from './identity.ts';
import { listenerConfig } from './listener.ts';

const { maximumFormBytes: _, publicBaseUrl: __, ...door } = listenerConfig.shape;

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
  })
  .describe('Services beside FHIR: decisions for other systems. Without this key their listener is not opened.');

export type ServicesConfig = z.infer<typeof servicesConfig>;
