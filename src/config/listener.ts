import { z } from 'zod';

/** Where clients reach the gateway. */
export const listenerConfig = z
  .strictObject({
    publicBaseUrl: z
      .url()
      .describe(
        'FHIR base URL as clients know it, without a trailing slash. Every link and URL in answers starts with it.',
      ),
    host: z.string().default('127.0.0.1').describe('Address the data listener binds.'),
    port: z.int().min(0).max(65_535).default(8080).describe('Port of the data listener; 0 takes a free one.'),
    tls: z
      .strictObject({
        certificateFile: z.string().describe('PEM file with the certificate chain.'),
        keyFile: z.string().describe('PEM file with the private key.'),
        clientCaFile: z
          .string()
          .optional()
          .describe(
            'PEM file with the authorities whose certificates clients present (mutual TLS). Access tokens may then be bound to certificates (RFC 8705).',
          ),
        clientCertificates: z
          .enum(['required', 'optional'])
          .default('required')
          .describe(
            'With clientCaFile. required: no connection without a certificate of these authorities. optional: a connection without one is as it would be without mutual TLS.',
          ),
      })
      .optional()
      .describe(
        'TLS of the data listener (1.2 or newer). The files are taken up anew when they change. Without it a trusted proxy in front must end TLS.',
      ),
    behindTls: z
      .boolean()
      .default(false)
      .describe('A trusted proxy ends TLS in front: Strict-Transport-Security is sent.'),
    allowedOrigins: z.array(z.string()).default([]).describe('Origins of browser apps (CORS); "*" allows every one.'),
    headersTimeoutMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(10_000)
      .describe('Time for the request head, in milliseconds.'),
    requestTimeoutMs: z
      .int()
      .min(100)
      .max(300_000)
      .default(30_000)
      .describe('Time for the whole request, in milliseconds.'),
    keepAliveTimeoutMs: z
      .int()
      .min(100)
      .max(300_000)
      .default(5_000)
      .describe('Idle time of a connection, in milliseconds.'),
    writeTimeoutMs: z
      .int()
      .min(100)
      .max(300_000)
      .default(30_000)
      .describe('Time a client may take to read one answer, in milliseconds.'),
    minimumBytesPerSecond: z
      .int()
      .min(0)
      .max(1_073_741_824)
      .default(1_024)
      .describe(
        'How fast a client must send a request and read an answer, in bytes a second, after the first five seconds; one that is slower is cut off. 0: any.',
      ),
    maximumFormBytes: z
      .int()
      .min(1_024)
      .max(1_048_576)
      .default(65_536)
      .describe('Largest POST _search body, in bytes.'),
  })
  .describe('The data listener.');

export type ListenerConfig = z.infer<typeof listenerConfig>;

/** The separate listener for operators. */
export const adminConfig = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('Address the admin listener binds.'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(9090)
      .describe('Port of the admin listener (live, ready, metrics); 0 takes a free one.'),
  })
  .describe('The admin listener.');

/** What one client may ask of the gateway. Limits depend on the kind of client, never on data. */
export const limitsConfig = z
  .strictObject({
    maximumInFlight: z.int().min(1).max(10_000).default(128).describe('Requests under way at once.'),
    maximumQueued: z.int().min(0).max(10_000).default(128).describe('Requests waiting for a place.'),
    queueTimeoutMs: z
      .int()
      .min(1)
      .max(60_000)
      .default(2_000)
      .describe('Time a request may wait for a place, in milliseconds.'),
    maximumLoopDelayMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(500)
      .describe(
        'How late the process may be for what it has to do, in milliseconds; beyond it new requests are refused (503) before anything is done for them. 0: any.',
      ),
    failedTokensPerMinute: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(60)
      .describe(
        'Tokens that are not valid, from one address a minute; beyond it only tokens that are known already are taken from there. Not counted where behindTls is set, as all clients have the address of the proxy there: limit them at the proxy. 0: any.',
      ),
    app: z
      .strictObject({
        inFlight: z.int().min(1).max(10_000).default(16).describe('Requests under way at once.'),
        requestsPerMinute: z.int().min(1).max(1_000_000).default(600).describe('Requests a minute.'),
        negativesPerMinute: z.int().min(1).max(1_000_000).default(120).describe('Answers "no such resource" a minute.'),
      })
      .prefault({})
      .describe('Limits of one person in one app.'),
    system: z
      .strictObject({
        inFlight: z.int().min(1).max(10_000).default(64).describe('Requests under way at once.'),
        requestsPerMinute: z.int().min(1).max(1_000_000).default(6_000).describe('Requests a minute.'),
        negativesPerMinute: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(1_200)
          .describe('Answers "no such resource" a minute.'),
      })
      .prefault({})
      .describe('Limits of one backend service.'),
    referencesPerResource: z
      .int()
      .min(10)
      .max(20_000)
      .default(2_000)
      .describe('References checked in one resource; one with more is withheld from the uncleared.'),
    referencesPerAnswer: z.int().min(100).max(200_000).default(20_000).describe('References checked for one answer.'),
  })
  .describe('Limits.');

export type LimitsConfig = z.infer<typeof limitsConfig>;
