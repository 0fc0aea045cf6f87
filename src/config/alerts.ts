import { z } from 'zod';

const shared = {
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,49}$/)
    .describe('Names the alert in the log, the metric, the record and the webhook: lower-case words and hyphens.'),
  windowMinutes: z.int().min(1).max(10_080).default(60).describe('Time within which is counted, in minutes.'),
  threshold: z.int().min(1).max(100_000).default(1).describe('Count for one requester at which the alert is given.'),
  clientKinds: z
    .array(z.enum(['app', 'system']))
    .min(1)
    .default(['app'])
    .describe('Whose requests count: app (people), system (backend services).'),
};

const rule = z.discriminatedUnion('counts', [
  z.strictObject({ ...shared, counts: z.literal('patients').describe('Different patients of whom something left.') }),
  z.strictObject({ ...shared, counts: z.literal('denials').describe('Refusals, and answers that held nothing.') }),
  z.strictObject({ ...shared, counts: z.literal('emergencies').describe('Answers given in an emergency.') }),
  z.strictObject({
    ...shared,
    counts: z.literal('watched-patients').describe('Answers with something of one of these patients.'),
    patients: z
      .array(z.string().regex(/^Patient\/[A-Za-z0-9.-]{1,64}$/))
      .min(1)
      .max(10_000)
      .describe('Whom to watch: `Patient/[id]`. Such a list tells who is of note: keep the configuration accordingly.'),
  }),
  z.strictObject({
    ...shared,
    counts: z.literal('off-hours').describe('Answers outside of these hours.'),
    timeZone: z
      .string()
      .refine(
        (zone) => Intl.supportedValuesOf('timeZone').includes(zone) || zone === 'UTC',
        'must be an IANA time zone',
      )
      .describe('IANA time zone, such as Europe/Berlin.'),
    fromHour: z.int().min(0).max(23).default(7).describe('First hour of the working day.'),
    toHour: z.int().min(1).max(24).default(19).describe('First hour after it.'),
    weekendIsOff: z.boolean().default(true).describe('Saturday and Sunday are outside of it.'),
  }),
  z.strictObject({
    ...shared,
    counts: z.literal('dormant').describe('Answers to somebody who was not seen for long, and was before.'),
    dormantDays: z.int().min(1).max(3_650).default(90).describe('How long, in days.'),
  }),
]);

/** What is told of the record as it is kept. */
export const alertsConfig = z
  .strictObject({
    rules: z
      .array(rule)
      .max(100)
      .default([
        { name: 'many-patients', counts: 'patients', threshold: 100, windowMinutes: 60, clientKinds: ['app'] },
        { name: 'many-denials', counts: 'denials', threshold: 50, windowMinutes: 10, clientKinds: ['app'] },
        { name: 'repeated-emergencies', counts: 'emergencies', threshold: 3, windowMinutes: 60, clientKinds: ['app'] },
      ])
      .describe('Rules, each for one requester at a time; an empty list gives no alert.'),
    webhook: z
      .strictObject({
        url: z
          .url({ protocol: /^https?$/ })
          .describe('Where each alert is sent to, by POST, as JSON: no patient and nobody else is named in it.'),
        authorizationFile: z.string().optional().describe('File with the whole value of the Authorization header.'),
        timeoutMs: z.int().min(100).max(60_000).default(5_000).describe('Time for one attempt, in milliseconds.'),
      })
      .optional()
      .describe('Tells another system of alerts. Five attempts; the record has each alert all the same.'),
  })
  .describe('Alerts on what is unusual. They need the archive.');

export type AlertsConfig = z.infer<typeof alertsConfig>;
export type AlertRule = AlertsConfig['rules'][number];
