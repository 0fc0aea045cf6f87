import { z } from 'zod';

const node = z
  .strictObject({
    host: z.string().min(1).describe('Host name or address.'),
    port: z.int().min(1).max(65_535).default(6_379).describe('TCP port.'),
  })
  .describe('One Redis process.');

/** The Redis that several replicas share. Without it each keeps to its own bounds. */
export const redisConfig = z
  .strictObject({
    servers: z
      .discriminatedUnion('kind', [
        node.extend({ kind: z.literal('single').describe('One server.') }).describe('One server.'),
        z
          .strictObject({
            kind: z.literal('socket').describe('A Unix socket.'),
            path: z.string().describe('Its path.'),
          })
          .describe('One server on the same machine.'),
        z
          .strictObject({
            kind: z.literal('sentinel').describe('Sentinels that name the master.'),
            sentinels: z
              .array(node.extend({ port: z.int().min(1).max(65_535).default(26_379).describe('TCP port.') }))
              .min(1)
              .max(16)
              .describe('Sentinels to ask.'),
            master: z.string().min(1).describe('Name of the master group.'),
            sentinelUsername: z.string().optional().describe('ACL user at the sentinels.'),
            sentinelPasswordFile: z.string().optional().describe('File with the password for the sentinels.'),
          })
          .describe('Sentinels.'),
        z
          .strictObject({
            kind: z.literal('cluster').describe('A Redis cluster.'),
            nodes: z.array(node).min(1).max(64).describe('Nodes to start from.'),
          })
          .describe('A cluster.'),
      ])
      .describe('Where Redis is.'),
    username: z
      .string()
      .optional()
      .describe(
        'ACL user; it needs SET, GETEX, GET, MGET, INCRBY, TTL, PTTL, EVAL, EVALSHA, MULTI, EXEC, PUBLISH, SUBSCRIBE, INFO and PING, below the prefix.',
      ),
    passwordFile: z
      .string()
      .optional()
      .describe('File with its password; each connection is made with what it holds by then.'),
    tls: z
      .strictObject({
        caFile: z.string().optional().describe('PEM file of the authorities to trust; without it, those of Node.'),
        certificateFile: z.string().optional().describe('PEM file with the certificate to present, if any.'),
        keyFile: z.string().optional().describe('PEM file with its key.'),
      })
      .optional()
      .describe('Connect by TLS.'),
    prefix: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .default('consent-gateway')
      .describe('What all keys and channels begin with. Gateways of one deployment share it; nobody else may use it.'),
    commandTimeoutMs: z
      .int()
      .min(5)
      .max(5_000)
      .default(100)
      .describe(
        'How long a request waits for Redis before it goes on without, in milliseconds; after that Redis is left alone for a second.',
      ),
    connectTimeoutMs: z.int().min(100).max(60_000).default(2_000).describe('Time to connect, in milliseconds.'),
  })
  .describe(
    'Redis, for what several replicas tell each other: which patients have changed Consents, and how much a client asked. It holds no patient data.',
  );

export type RedisConfig = z.infer<typeof redisConfig>;
