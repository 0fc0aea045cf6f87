import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type AuditRecorder, createRecorder, readEvents } from '../../src/audit/audit.ts';
import type { Config, ConfigInput } from '../../src/config/config.ts';
import { errorKinds } from '../../src/errors/errors.ts';
import { buildHouse, edgesOf } from '../../src/house.ts';
import { createServicesListener } from '../../src/http/services.ts';
import { type Gateway, serve } from '../../src/serve.ts';
import { serviceEdgesOf } from '../../src/service-house.ts';
import type { OpenDocument, Service } from '../../src/services/service.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { untraced } from '../../src/telemetry/traces.ts';
import { type Relay, startRelay } from '../failure/bench.ts';
import { tracesOfRun } from '../support/collector.ts';

export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export type Events = ReturnType<typeof readEvents>;

/** A FHIR server with the people of the demonstration, its OpenID provider, and the gateway's services in front. */
export interface Place {
  readonly config: Config;
  readonly servicesUrl: string;
  /** Where administration has a listener of its own. */
  readonly administrationUrl: string | undefined;
  readonly fhirUrl: string;
  readonly relay: Relay;
  readonly identity: IdentityProvider;
  /** As a demo requester; without one, without a token. */
  ask(path: string, options?: Asking): Promise<Received>;
  /** Every AuditEvent so far, of all trails: no sink takes any away. */
  events(): Events;
  /** Events that came of what is done meanwhile, but refusals. */
  eventsOf<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly events: Events }>;
  /** Events of one refused request: those are recorded soon, not before the answer. */
  notedOf(work: () => Promise<Received>): Promise<{ readonly result: Received; readonly events: Events }>;
  close(): Promise<void>;
}

export interface Asking {
  readonly as?: string;
  readonly token?: string;
  readonly method?: string;
  /** Texts and bytes are sent as they stand, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Ground {
  readonly config: Config;
  readonly relay: Relay;
  readonly identity: IdentityProvider;
  readonly folder: string;
}

export interface PlaceOptions {
  readonly services?: Partial<NonNullable<ConfigInput['services']>>;
  readonly changes?: Partial<ConfigInput> | ((issuer: string) => Partial<ConfigInput>);
  readonly resources?: readonly object[];
  readonly authzen?: (issuer: string) => NonNullable<ConfigInput['services']>['authzen'];
}

async function prepare({ services, changes, resources = [], authzen }: PlaceOptions): Promise<Ground> {
  const [port, servicesPort] = await Promise.all([freePort(0), freePort(0)]);
  const relay = await startRelay([...textsOf(peopleBundles()), ...resources.map((one) => JSON.stringify(one))]);
  const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
  const identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
  const folder = mkdtempSync(join(tmpdir(), 'services-'));
  const config = gatewayConfig(
    { port, publicBaseUrl, upstreamUrl: relay.url, paging: 'offset', issuer: identity.url, auditUrl: '', folder },
    {
      audit: { outboxFile: join(folder, 'outbox.db') },
      services: {
        publicBaseUrl: `http://127.0.0.1:${servicesPort}`,
        port: servicesPort,
        ...services,
        ...(authzen && { authzen: authzen(identity.url) }),
      },
      ...(await tracesOfRun()),
      ...(typeof changes === 'function' ? changes(identity.url) : changes),
    },
  );
  return { config, relay, identity, folder };
}

/** The whole gateway, as an operator starts it. */
export async function startGateway(options: PlaceOptions = {}): Promise<Place> {
  const ground = await prepare(options);
  const gateway: Gateway = await serve(ground.config).catch(async (error) => {
    await Promise.all([ground.relay.close(), ground.identity.close()]);
    throw error;
  });
  return {
    ...placeOf(ground, gateway.servicesUrl as string, gateway.url, () => gateway.close()),
    administrationUrl: gateway.administrationUrl,
  };
}

/** The services listener before services of a test's own, with everything else as it is. */
export async function startDoor(
  services: readonly Service[],
  options: PlaceOptions & {
    readonly documents?: readonly OpenDocument[];
    readonly recorder?: Partial<AuditRecorder>;
  } = {},
): Promise<Place> {
  const ground = await prepare(options);
  const { config } = ground;
  const log = createLog('silent');
  const metrics = createMetrics();
  const house = buildHouse(config, log, metrics, Date.now);
  const kept = await createRecorder(config.audit, { publicBaseUrl: house.publicBase, log, now: Date.now });
  const edges = edgesOf(config, house, Object.assign(kept, options.recorder), Date.now);
  const settings = config.services as NonNullable<Config['services']>;
  const server = createServicesListener(settings, {
    edges: serviceEdgesOf(config, settings, house, edges),
    routes: {
      basePath: new URL(settings.publicBaseUrl).pathname.replace(/\/$/, ''),
      services,
      documents: options.documents ?? [],
    },
    log,
    metrics,
    tracing: untraced,
    pressure: { isHigh: false, stop: () => undefined },
    part: 'services',
    now: Date.now,
    tls: undefined,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { origin } = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return placeOf(ground, `${origin}${new URL(settings.publicBaseUrl).pathname.replace(/\/$/, '')}`, '', async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all([house.upstream.close(), kept.close()]);
  });
}

function placeOf(
  { config, relay, identity, folder }: Ground,
  servicesUrl: string,
  fhirUrl: string,
  stop: () => Promise<void>,
): Place {
  const events = (): Events => readEvents(config.audit, config.listener.publicBaseUrl);
  const tokens = new Map<string, Promise<string>>();
  const tokenOf = (id: string): Promise<string> => {
    const known = tokens.get(id) ?? identity.tokenFor(id);
    tokens.set(id, known);
    return known;
  };
  return {
    config,
    servicesUrl,
    administrationUrl: undefined,
    fhirUrl,
    relay,
    identity,
    async ask(path, { as, token, method, body, headers } = {}) {
      const bearer = as === undefined ? token : await tokenOf(as);
      const answer = await fetch(path.startsWith('http') ? path : `${servicesUrl}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : {
              body:
                typeof body === 'string' || body instanceof Uint8Array
                  ? (body as Uint8Array<ArrayBuffer>)
                  : JSON.stringify(body),
            }),
      });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    events,
    async eventsOf(work) {
      const before = Math.max(0, ...events().map(({ sequence }) => sequence));
      const result = await work();
      // Refusals of earlier requests may come meanwhile.
      const isRefusal = ({ event }: Events[number]) => Object.hasOwn(errorKinds, event.outcomeDesc ?? '');
      return { result, events: events().filter((one) => one.sequence > before && !isRefusal(one)) };
    },
    async notedOf(work) {
      const result = await work();
      const id = result.headers.get('x-request-id') ?? '';
      for (let tries = 0; tries < 500; tries++) {
        const noted = events().filter(({ event }) => event.entity?.some(({ what }) => what?.identifier?.value === id));
        if (noted.length > 0) return { result, events: noted };
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return { result, events: [] };
    },
    async close() {
      await stop();
      await Promise.all([relay.close(), identity.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Details of the request entity of one event, `type=value`. */
export function detailsOf({ event }: Events[number]): readonly string[] {
  return (event.entity ?? []).flatMap(({ detail = [] }) =>
    detail.map(({ type, valueString }) => `${type}=${valueString}`),
  );
}

/** Whom an event is about: its patient entities. */
export function patientsOf({ event }: Events[number]): readonly string[] {
  return referencesOf({ event }, 'Patient/');
}

export function referencesOf({ event }: Pick<Events[number], 'event'>, prefix: string): readonly string[] {
  return (event.entity ?? []).flatMap(({ what }) => {
    const reference = what?.reference;
    return reference?.startsWith(prefix) === true ? [reference] : [];
  });
}
