import { z } from 'zod';
import { alertsConfig } from './alerts.ts';
import { redisConfig } from './redis.ts';

const fhirSink = z.strictObject({
  kind: z.literal('fhir'),
  baseUrl: z.url().describe('FHIR R4 base of the audit record repository, without a trailing slash.'),
  authorizationFile: z
    .string()
    .optional()
    .describe(
      'File with the whole value of the Authorization header ("Bearer ...", "Basic ..."); read again when it changes. Without it none is sent.',
    ),
  interaction: z
    .enum(['create', 'update'])
    .default('create')
    .describe(
      "create: POST [base]/AuditEvent; the repository tells repeats apart by the event's identifier extension. update: PUT [base]/AuditEvent/[event id], where a repeat changes nothing; the repository must take client-assigned ids.",
    ),
});

const fileSink = z.strictObject({
  kind: z.literal('file'),
  path: z
    .string()
    .describe(
      'File that gets one AuditEvent per line (JSON lines), for a SIEM to collect. Each write is synced to disk. Repeats bear the same id.',
    ),
});

const noSink = z.strictObject({
  kind: z.literal('none').describe('Records of what was withheld are not kept at all.'),
});

const sink = z.discriminatedUnion('kind', [fhirSink, fileSink]);

/** How disclosures are recorded, kept and delivered. */
export const auditConfig = z
  .strictObject({
    outboxFile: z
      .string()
      .default('data/audit/outbox.db')
      .describe(
        'SQLite database of records that are not delivered yet. It is state that matters: put it on a volume that survives the process and the machine. One running gateway per file.',
      ),
    redis: redisConfig
      .optional()
      .describe(
        'The outbox is in this Redis instead, for replicas without a volume. It must run with `appendonly yes` and `appendfsync always`, or nothing starts; keys must be from files, and there is no archive. Its ACL user needs XADD, XDEL, XLEN, XRANGE, HSET, HGET, HGETALL, HDEL, SADD, SREM, SMEMBERS, SET, DEL, MULTI, EXEC, EVAL, CONFIG GET, INFO and PING.',
      ),
    key: z
      .discriminatedUnion('kind', [
        z.strictObject({
          kind: z
            .literal('embedded')
            .describe('A key is made on first start and kept beside the outbox, in [outboxFile].key (mode 0600).'),
        }),
        z.strictObject({
          kind: z.literal('file'),
          currentFile: z.string().describe('File with the key that seals new records: 32 bytes as base64 or hex.'),
          previousFiles: z
            .array(z.string())
            .default([])
            .describe('Files with earlier keys, kept as long as records are kept that they sealed.'),
        }),
      ])
      .default({ kind: 'embedded' })
      .describe('The AES-256 key that records are sealed with while they wait.'),
    signingKey: z
      .discriminatedUnion('kind', [
        z.strictObject({
          kind: z
            .literal('embedded')
            .describe(
              'A key pair is made on first start and kept beside the outbox, in [outboxFile].signing-key (mode 0600).',
            ),
        }),
        z.strictObject({
          kind: z.literal('file'),
          currentFile: z.string().describe('File with the Ed25519 private key (PKCS #8, PEM) that signs checkpoints.'),
          previousFiles: z
            .array(z.string())
            .default([])
            .describe(
              'Files with earlier keys, private or public (PEM): their signatures go on counting. Kept as long as what they signed.',
            ),
        }),
      ])
      .default({ kind: 'embedded' })
      .describe('The key that signs how far the chain of records has come, so that a changed record is found.'),
    checkpointMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(60_000)
      .describe(
        'At most so long after a record, in milliseconds, the chain up to it is signed. What came after the last signature is chained, but somebody who can write to the disk may cut it off unnoticed.',
      ),
    archive: z
      .discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('directory').describe('Records are kept in SQLite files, one a month at most.'),
          directory: z
            .string()
            .optional()
            .describe('Where. Without it: `archive` beside the outbox. May be a slower, larger volume.'),
          retentionDays: z
            .int()
            .min(1)
            .max(36_500)
            .default(2_557)
            .describe(
              'A file is removed when its last record is older, in days, and no hold is on it. The default is seven years: six of 45 CFR 164.530(j), and the year under way.',
            ),
        }),
        z.strictObject({
          kind: z
            .literal('none')
            .describe(
              'Records are not kept once the sinks have their events: the gateway cannot be asked, and proves nothing.',
            ),
        }),
      ])
      .prefault({ kind: 'directory' })
      .describe('The kept record: every record, sealed and chained as in the outbox, for as long as it is to be kept.'),
    alerts: alertsConfig.prefault({}),
    device: z
      .string()
      .min(1)
      .max(255)
      .default('fhir-consent-gateway')
      .describe('Identifier of this gateway as AuditEvent.source.observer.'),
    maximumBytes: z
      .int()
      .min(65_536)
      .max(1_099_511_627_776)
      .default(1_073_741_824)
      .describe(
        'Records kept until delivered, in bytes. From 80 % on an alarm is given; when full, nothing is disclosed.',
      ),
    maximumBehindMs: z
      .int()
      .min(60_000)
      .max(2_592_000_000)
      .default(259_200_000)
      .describe('How long a sink may stay behind, in milliseconds; after that nothing is disclosed.'),
    maximumWaiting: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Answers that may wait for their record at one time; more are refused.'),
    refusalsPerSecond: z
      .int()
      .min(0)
      .max(10_000)
      .default(50)
      .describe('Refusals before any data access that are recorded one by one, per second; more are counted only.'),
    consentDecisions: z
      .enum(['denials', 'always'])
      .default('denials')
      .describe(
        'Which consent decisions get an event of their own (IHE BALP AuthZconsent): denials only, or permits too. Denials go to the security office, as they tell that something exists.',
      ),
    primary: sink.optional().describe('The trail of disclosures and refusals. Without it, events stay in the outbox.'),
    part2: sink
      .optional()
      .describe('A separate, more tightly held trail that also gets every event about 42 CFR Part 2 data.'),
    securityOffice: z
      .discriminatedUnion('kind', [fhirSink, fileSink, noSink])
      .optional()
      .describe('Where records of what was withheld go. To be named, if only as none, once a primary sink is.'),
    delivery: z
      .strictObject({
        concurrency: z
          .int()
          .min(1)
          .max(64)
          .default(4)
          .describe('Events under way to one FHIR sink at a time; 1 keeps their exact order.'),
        timeoutMs: z.int().min(100).max(300_000).default(10_000).describe('Time for one delivery, in milliseconds.'),
        minimumPauseMs: z
          .int()
          .min(10)
          .max(60_000)
          .default(250)
          .describe('Pause after a failed delivery, in milliseconds; doubled at each further one.'),
        maximumPauseMs: z.int().min(10).max(3_600_000).default(60_000).describe('Longest such pause, in milliseconds.'),
      })
      .prefault({})
      .describe('Delivery to sinks.'),
    dangerouslyDiscloseWithoutRecord: z
      .boolean()
      .default(false)
      .describe(
        'EMERGENCY ONLY: disclose even when the record cannot be kept. Every such answer is logged as an error and counted.',
      ),
  })
  .check((context) => {
    const { primary, securityOffice } = context.value;
    if (primary === undefined || securityOffice !== undefined) return;
    context.issues.push({
      code: 'custom',
      input: securityOffice,
      path: ['securityOffice'],
      message: 'Name where records of what was withheld go (kind: none keeps none).',
    });
  })
  .check((context) => {
    const { redis, key, signingKey, archive } = context.value;
    if (redis === undefined) return;
    const wrong: [string, string, boolean][] = [
      ['key', 'Replicas that share an outbox share its key: kind file.', key.kind !== 'file'],
      [
        'signingKey',
        'A replica without a volume has its signing key from a file: kind file.',
        signingKey.kind !== 'file',
      ],
      ['archive', 'An outbox in Redis is for replicas without a volume: kind none.', archive.kind !== 'none'],
    ];
    for (const [path, message] of wrong.filter(([, , isWrong]) => isWrong)) {
      context.issues.push({ code: 'custom', input: context.value, path: [path], message });
    }
  })
  .describe('The record of disclosures.');

export type AuditConfig = z.infer<typeof auditConfig>;
export type SinkConfig = z.infer<typeof sink>;
