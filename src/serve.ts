import { hash } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRecorder } from './audit/audit.ts';
import { type Config, ConfigError } from './config/config.ts';
import { rereadText } from './config/reread.ts';
import type { Edges } from './edges.ts';
import { fhirVersion } from './fhir/version.ts';
import { buildHouse, checkHouse, edgesOf, type House, version } from './house.ts';
import { createAdminListener } from './http/admin.ts';
import { watchPressure } from './http/pressure.ts';
import { createDataListener } from './http/server.ts';
import { createServicesListener, type ServicesDependencies } from './http/services.ts';
import { tlsOf } from './http/tls.ts';
import { startSelfProbe } from './self-probe.ts';
import { checkServices, type ServiceDoor, serviceDoorsOf, serviceEdgesOf } from './service-house.ts';
import { createLog, type Log } from './telemetry/log.ts';
import {
  createMetrics,
  type Metrics,
  watchClock,
  watchProbe,
  watchRecorder,
  watchShadow,
} from './telemetry/metrics.ts';
import { createTracing, type Tracing, untraced } from './telemetry/traces.ts';

const drainMs = 25_000;

/**
 * Everything of a configuration that can be told without opening a connection or writing a file.
 * @throws {ConfigError} naming what cannot be used
 */
export function checkConfig(config: Config): void {
  checkHouse(config);
  checkServices(config);
  tlsOfAll(config, () => 0, createLog('silent'));
}

/** A running gateway. */
export interface Gateway {
  /** Where the data listener is bound, with the path of the FHIR base; `listener.publicBaseUrl` is what clients know. */
  readonly url: string;
  readonly adminUrl: string;
  /** Where the services listener is bound, with the path of their base; unset where there is none. */
  readonly servicesUrl?: string;
  /** The same of the administration listener (`services.administration`). */
  readonly administrationUrl?: string;
  /** Takes no more requests, lets those under way end, then closes what they use; the record last. */
  close(): Promise<void>;
}

/**
 * Builds everything a request may reach and opens the listeners.
 * @throws {ConfigError} naming what cannot be used
 */
export async function serve(config: Config): Promise<Gateway> {
  const log = createLog(config.log.level);
  const metrics = createMetrics();
  const now = (): number => Date.now();
  const tracing = await tracingOf(config, metrics, now);
  const house = buildHouse(config, log, metrics, now);
  checkServices(config);
  const tls = tlsOfAll(config, now, log); // whatever can fail comes before the outbox and its thread are there
  await refuseOtherVersion(house);
  const about = {
    version,
    policy: house.policy.id,
    policyHash: house.policy.hash,
    configurationHash: hash('sha256', JSON.stringify(config)),
  };
  const recorder = await createRecorder(config.audit, { publicBaseUrl: house.publicBase, log, now, about });
  watchRecorder(metrics, () => recorder.metrics());
  watchShadow(metrics, config.shadow, now);
  const probe = await startSelfProbe(config, house, log);
  watchProbe(metrics, () => probe.isEnforcing);
  let closing = false;
  const pressure = watchPressure(config.limits.maximumLoopDelayMs);
  watchClock(metrics, () => house.upstream.clock.differenceMs);
  const edges = edgesOf(config, house, recorder, now);
  const basePath = new URL(house.publicBase).pathname.replace(/\/$/, '');
  const data = createDataListener(config.listener, basePath, {
    edges,
    smartConfiguration: house.authenticator.smartConfiguration,
    log,
    metrics,
    tracing,
    now,
    tls: tls.data,
    pressure,
  });
  const common = { log, metrics, tracing, now, pressure };
  const services = config.services === undefined ? [] : doorsOf(config, config.services, house, edges, common, tls);
  const admin = createAdminListener({
    metrics,
    isReady: () => !closing && recorder.healthy && probe.isEnforcing && isRight(house.upstream),
    notified: house.consentStores.notified,
  });
  try {
    await listen(data, config.listener.port, config.listener.host);
    for (const { server, door } of services) await listen(server, door.config.port, door.config.host);
    await listen(admin, config.admin.port, config.admin.host);
  } catch (error) {
    probe.stop();
    pressure.stop();
    data.close();
    for (const { server } of services) server.close();
    await Promise.all([recorder.close(), house.consentStores.close(), house.upstream.close()]);
    throw new ConfigError(`A listener could not be opened: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}.`);
  }
  house.consentStores.start();
  house.limiters.start();
  log.info('listening', { part: 'data', port: portOf(data), policy: house.policy.id, version });
  for (const { server, door } of services) log.info('listening', { part: door.part, port: portOf(server) });
  for (const { until } of config.shadow)
    if (now() < Date.parse(until)) log.warn('answers of some clients are not enforced', { part: 'shadow' });
  log.info('listening', { part: 'admin', port: portOf(admin) });
  const scheme = config.listener.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${hostOf(config.listener.host)}:${portOf(data)}${basePath}`,
    adminUrl: `http://${hostOf(config.admin.host)}:${portOf(admin)}`,
    ...Object.fromEntries(services.map(({ server, door }) => [`${door.part}Url`, doorUrlOf(door, portOf(server))])),
    async close() {
      closing = true;
      probe.stop();
      pressure.stop();
      await Promise.all([data, ...services.map(({ server }) => server)].map(drained));
      await house.consentStores.close();
      house.limiters.close();
      await house.upstream.close();
      await recorder.close();
      await tracing.close();
      admin.closeAllConnections();
      await new Promise((resolve) => admin.close(resolve));
      log.info('stopped');
    },
  };
}

/**
 * A server that is away is asked again until it says of which version it is; requests fail meanwhile as they do.
 * @throws {ConfigError} when it is of another version of FHIR than the gateway reads
 */
async function refuseOtherVersion({ upstream }: House): Promise<void> {
  await upstream.version.start();
  if (upstream.version.other === undefined) return;
  await upstream.close();
  throw new ConfigError(
    `upstream.baseUrl is not a FHIR ${fhirVersion()} server, by its CapabilityStatement.fhirVersion. Name its base of that version, or set upstream.fhirVersion to R4 or R5, whichever it is.`,
  );
}

function isRight({ clock, version: stated }: House['upstream']): boolean {
  return clock.isRight && stated.other === undefined;
}

/** Nobody is asked for traces by default. */
async function tracingOf({ traces }: Config, metrics: Metrics, now: () => number): Promise<Tracing> {
  if (traces === undefined) return untraced;
  return createTracing(traces, {
    version,
    authorization: rereadText(traces.authorizationFile, now),
    onExport: (outcome, spans) => metrics.traceSpans.inc({ outcome }, spans),
  });
}

/** TLS of every listener that has it; what was changed to something unusable is told, and the last good files serve on. */
function tlsOfAll({ listener, services }: Config, now: () => number, log: Log) {
  const onFault = (): void =>
    log.error('certificate files were changed to something that cannot be used', { part: 'tls' });
  const deps = { now, onFault };
  return {
    data: listener.tls === undefined ? undefined : tlsOf('listener', listener.tls, deps),
    services: services?.tls === undefined ? undefined : tlsOf('services', services.tls, deps),
    administration:
      services?.administration?.tls === undefined
        ? undefined
        : tlsOf('services.administration', services.administration.tls, deps),
  };
}

interface OpenDoor {
  readonly door: ServiceDoor;
  readonly server: Server;
}

/** The listeners for services; one set of tokens, grants and records. */
function doorsOf(
  config: Config,
  services: NonNullable<Config['services']>,
  house: House,
  edges: Edges,
  common: Pick<ServicesDependencies, 'log' | 'metrics' | 'tracing' | 'now' | 'pressure'>,
  tls: ReturnType<typeof tlsOfAll>,
): readonly OpenDoor[] {
  const serviceEdges = serviceEdgesOf(config, services, house, edges);
  return serviceDoorsOf(config, services, house, edges).map((door) => {
    const { part, routes } = door;
    return {
      door,
      server: createServicesListener(door.config, { ...common, edges: serviceEdges, routes, part, tls: tls[part] }),
    };
  });
}

function doorUrlOf({ config: { host, tls }, routes: { basePath } }: ServiceDoor, port: number): string {
  return `${tls === undefined ? 'http' : 'https'}://${hostOf(host)}:${port}${basePath}`;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** No new requests; those under way end, or are ended when their time is up. */
async function drained(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearTimeout(timer);
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function hostOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
