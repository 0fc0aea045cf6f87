/**
 * Keeps what gateways tell operators, where TOLD_DIR asks for it: every log line as the logger formats it (whatever its level
 * and wherever it would go), every series of every metrics page, every body of an alert. Loaded into each test file by jest
 * and into each process of a gateway; `collector.ts` keeps traces, `bench.ts` what processes wrote.
 */
const { appendFileSync, mkdirSync } = require('node:fs');
const { join } = require('node:path');
const { subscribe } = require('node:diagnostics_channel');
const { Writable } = require('node:stream');
const { isMainThread } = require('node:worker_threads');

const directory = process.env.TOLD_DIR;
if (directory !== undefined && isMainThread) keepAll();

function keepAll() {
  mkdirSync(directory, { recursive: true });
  const isTest = typeof afterAll === 'function';
  const keep = (kind, text) => appendFileSync(join(directory, `${kind}-${process.pid}.txt`), text);
  keepLogs(keep);
  const keepPages = keepMetrics(keep);
  if (isTest) {
    // biome-ignore lint/correctness/noUndeclaredVariables: jest's own, in a test file alone
    afterAll(keepPages);
  } else {
    keepAlerts(keep);
    setInterval(keepPages, 1_000).unref(); // it may be killed
    process.once('beforeExit', keepPages);
  }
}

function keepLogs(keep) {
  const winston = require('winston');
  const { createLogger } = winston;
  winston.createLogger = ({ level, silent, transports, ...rest }) => {
    for (const transport of transports) Object.assign(transport, { level, silent });
    const stream = new Writable({
      decodeStrings: false,
      write(line, _encoding, done) {
        keep('log', line);
        done();
      },
    });
    const kept = new winston.transports.Stream({ stream, eol: '\n' });
    return createLogger({ ...rest, level: 'info', transports: [...transports, kept] });
  };
}

/** @returns keeps every series that there is now, once */
function keepMetrics(keep) {
  const { Registry } = require('prom-client');
  const registries = new Set();
  const known = new Set();
  const keepPage = (page) => {
    for (const line of page.split('\n')) {
      const series = line.replace(/ \S+$/, '');
      if (line.startsWith('#') || known.has(series)) continue; // help texts are the gateway's own
      known.add(series);
      keep('metrics', `${line}\n`);
    }
  };
  const { metrics, registerMetric } = Registry.prototype;
  Object.assign(Registry.prototype, {
    async metrics() {
      const page = await metrics.call(this);
      keepPage(page);
      return page;
    },
    registerMetric(metric) {
      registries.add(this);
      return registerMetric.call(this, metric);
    },
  });
  return async () => {
    for (const registry of registries)
      for (const { name } of registry.getMetricsAsArray()) {
        // A test may make a figure that must not be asked for: it tells nothing then.
        keepPage(await registry.getSingleMetricAsString(name).catch(() => ''));
      }
  };
}

/** Bodies that the process of a gateway sends to a webhook; tests that receive them keep them themselves. */
function keepAlerts(keep) {
  const hear = ({ request }) => {
    const body = typeof request.body === 'string' || Buffer.isBuffer(request.body) ? String(request.body) : '';
    if (body.includes('"windowMinutes"')) keep('alert', `${request.method} ${request.path} ${body}\n`);
  };
  subscribe('undici:request:create', hear);
}
