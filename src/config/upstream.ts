import { z } from 'zod';

/** How the gateway reaches the FHIR server behind it. */
export const upstreamConfig = z
  .strictObject({
    baseUrl: z
      .url()
      .describe(
        'FHIR base of the server behind the gateway, without a trailing slash. Only the gateway should be able to reach it.',
      ),
    fhirVersion: z
      .enum(['R4', 'R5'])
      .default('R4')
      .describe(
        'Version of FHIR of its data, and of the Consents that it holds itself. A server that says it is of another one is not read.',
      ),
    otherBaseUrls: z
      .array(z.url())
      .max(32)
      .default([])
      .describe(
        'Other FHIR bases of the same server (its public or a former name): references below them are references to its own resources.',
      ),
    credential: z
      .enum(['gateway', 'forward'])
      .default('gateway')
      .describe(
        "gateway: the gateway presents its own credential, and is then the only guard in front of the data. forward: the client's token is passed on with what is read for it, and the FHIR server must accept it; Consents and relations are still read with the gateway's own.",
      ),
    authorizationFile: z
      .string()
      .optional()
      .describe(
        'File with the whole value of the Authorization header sent upstream (for example "Bearer ..."); read again when it changes.',
      ),
    tls: z
      .strictObject({
        caFile: z
          .string()
          .optional()
          .describe(
            "PEM file with the authorities that the server's certificate must come from; without it, Node's own.",
          ),
        certificateFile: z.string().optional().describe('PEM file with the certificate to present (mutual TLS).'),
        keyFile: z.string().optional().describe('PEM file with its private key.'),
      })
      .refine(({ certificateFile, keyFile }) => (certificateFile === undefined) === (keyFile === undefined), {
        message: 'certificateFile and keyFile go together',
      })
      .optional()
      .describe('TLS towards the FHIR server. The files are taken up anew when they change.'),
    paging: z
      .enum(['links', 'offset'])
      .default('links')
      .describe('links: the server gives next links. offset: it takes _offset and gives none.'),
    sortTieBreak: z
      .boolean()
      .default(true)
      .describe(
        'Append _id to every sort, so that pages have one total order. Turn off only for servers that cannot sort by _id.',
      ),
    maximumClockDifferenceMs: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(60_000)
      .describe(
        "How far this machine's clock may be from the one that the server's answers bear (Date), in milliseconds; beyond it the gateway is not ready. 0: any.",
      ),
    connections: z.int().min(1).max(1024).default(64).describe('Connections to the FHIR server.'),
    connectTimeoutMs: z.int().min(100).max(60_000).default(2_000).describe('Time to connect, in milliseconds.'),
    answerTimeoutMs: z
      .int()
      .min(100)
      .max(300_000)
      .default(20_000)
      .describe('Time for one whole answer, in milliseconds.'),
    maximumAnswerBytes: z
      .int()
      .min(65_536)
      .max(268_435_456)
      .default(33_554_432)
      .describe('Largest answer read, in bytes.'),
    breakerFailures: z
      .int()
      .min(1)
      .max(1_000)
      .default(20)
      .describe('Failures in a row after which the server is left alone for a while.'),
    breakerRestMs: z.int().min(100).max(60_000).default(1_000).describe('How long it is left alone, in milliseconds.'),
  })
  .refine(({ credential, authorizationFile }) => credential === 'gateway' || authorizationFile !== undefined, {
    message: 'is needed with credential: forward too, for Consents and relations, which the gateway reads for itself',
    path: ['authorizationFile'],
  })
  .refine(({ tls, baseUrl }) => tls === undefined || baseUrl.startsWith('https:'), {
    message: 'needs a baseUrl with https',
    path: ['tls'],
  })
  .describe('The FHIR server behind the gateway.');

export type UpstreamConfig = z.infer<typeof upstreamConfig>;
