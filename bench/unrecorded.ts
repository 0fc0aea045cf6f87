/**
 * The gateway with a record that keeps nothing, for `bench/durable.ts` to set against the real one. No such thing is in the
 * product. Usage: node unrecorded.ts serve --config FILE
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AuditRecorder } from '../src/audit/audit.ts';
import { loadConfig } from '../src/config/config.ts';
import { buildHouse, edgesOf } from '../src/house.ts';
import { createDataListener } from '../src/http/server.ts';
import { createLog } from '../src/telemetry/log.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { untraced } from '../src/telemetry/traces.ts';

const config = loadConfig(readFileSync(process.argv[4] as string, 'utf8'), {});
const log = createLog(config.log.level);
const metrics = createMetrics();
const house = buildHouse(config, log, metrics, Date.now);
const intent = { complete: () => undefined };
const recorder: Pick<AuditRecorder, 'record' | 'note' | 'healthy' | 'close'> = {
  record: () => Promise.resolve(intent),
  note: () => undefined,
  healthy: true,
  close: () => Promise.resolve(),
};
const data = createDataListener(config.listener, new URL(house.publicBase).pathname, {
  edges: edgesOf(config, house, recorder as AuditRecorder, Date.now),
  smartConfiguration: house.authenticator.smartConfiguration,
  log,
  metrics,
  tracing: untraced,
  pressure: { isHigh: false, stop: () => undefined },
  now: Date.now,
  tls: undefined,
});
data.listen(config.listener.port, config.listener.host, () => {
  createServer((_request, response) => response.end()).listen(config.admin.port, config.admin.host);
});
process.on('SIGTERM', () => process.exit(0));
