/** What a gateway would tell if somebody let data of patients slip into each way of telling operators: the search must find it. */
import { setTimeout as pause } from 'node:timers/promises';
import { tellWebhook } from '../../src/audit/webhook.ts';
import { tracesConfig } from '../../src/config/traces.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createTracing } from '../../src/telemetry/traces.ts';
import { startCollector } from '../support/collector.ts';
import { keepTold } from '../support/told.ts';

const slip = 'Patient/ada, ada-oud (F11.20) of 1 Made-Up Street, born 1984-07-19';

createLog('silent').info('answered', { route: slip });

const metrics = createMetrics();
metrics.requests.inc({ interaction: slip, status: '200' });

const collector = await startCollector();
const config = tracesConfig.parse({ endpoint: collector.url });
const tracing = await createTracing(config, {
  version: '0',
  authorization: () => undefined,
  onExport: () => undefined,
});
tracing.begin()?.end({ 'gateway.interaction': slip });
await tracing.close();

const who = { issuer: 'https://issuer.example', subject: 'one', clientId: 'app' };
const alert = { rule: slip, count: 1, windowMinutes: 1, sequence: 1, at: Date.now(), who };
await tellWebhook(alert, 'gateway', { url: collector.url, timeoutMs: 5_000 });
await collector.close();

keepTold('output', `SqliteError: ${slip}`);
await pause(1_500); // a page of metrics is kept every second
