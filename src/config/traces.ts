import { z } from 'zod';

/** Traces of requests, for a collector that takes OTLP. */
export const tracesConfig = z
  .strictObject({
    endpoint: z
      .url()
      .describe(
        'URL that takes traces by OTLP over HTTP, in JSON, path included: https://collector.example/v1/traces.',
      ),
    authorizationFile: z
      .string()
      .optional()
      .describe(
        'File with the Authorization header for the collector (whole value). It is read again when it changes.',
      ),
    share: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Share of requests that are traced, drawn by lot: 1 for all, 0.1 for every tenth.'),
    exportTimeoutMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(5_000)
      .describe('Time for one export, in milliseconds; then its spans are dropped.'),
    maximumQueued: z
      .int()
      .min(64)
      .max(65_536)
      .default(2_048)
      .describe('Spans that wait for the collector; beyond it new ones are dropped.'),
  })
  .describe(
    'OpenTelemetry traces: a span for each request and for each of its stages, with attributes from a fixed list. Without this key there are none. A collector that fails or is slow costs spans, never answers.',
  );

export type TracesConfig = z.infer<typeof tracesConfig>;
