import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as open } from 'node:http';
import { Agent, request as openTls } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { type GatewayPlace, gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { tour } from '../../examples/demo/tour.ts';
import { startWorld, type World } from '../../examples/demo/world.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { listening, merged, runMain } from '../failure/bench.ts';
import { type RedisServer, startRedis } from '../replicas/redis-server.ts';
import { authority } from '../support/certificates.ts';
import { startTlsRelay, type TlsRelay } from '../support/tls-relay.ts';
import { asProcess, objectsOf, one, type Secrets, type StartedAs, template } from './rendered.ts';

const examples = fileURLToPath(new URL('../../helm/examples/', import.meta.url));
const names = readdirSync(examples).filter((name) => name.endsWith('.yaml'));

const servers = authority('authority of servers');
const partners = authority('authority of partners');
const gateways = authority('authority of gateways');
const [own, atUpstream] = [servers.issue('fhir.example.org'), gateways.issue('consent-gateway')];
const secrets: Secrets = {
  'fhir-example-org': { 'tls.crt': own.cert, 'tls.key': own.key },
  'hie-partners-ca': { 'ca.crt': partners.cert },
  'gateway-at-fhir-server': { 'ca.crt': servers.cert, 'tls.crt': atUpstream.cert, 'tls.key': atUpstream.key },
  'consent-gateway-keys': {
    'outbox.key': '5f'.repeat(32),
    'sealing.key': 's'.repeat(64),
    'fhir-authorization': 'Bearer of-the-gateway',
    'audit-authorization': 'Bearer of-the-audit-trail',
    'redis-password': 'of-the-redis-user',
    'signing.key': generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  },
};

/** One request with a partner's certificate where the gateway ends TLS; its status and body. */
function ask(url: string, token?: string): Promise<{ readonly status: number; readonly body: string }> {
  const partner = partners.issue('partner.example');
  const isTls = url.startsWith('https:');
  const agent = isTls ? { agent: new Agent({ ca: servers.cert, cert: partner.cert, key: partner.key }) } : {};
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    (isTls ? openTls : open)(url, { ...agent, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

/** The demonstration's addresses in place of an example's; everything else stays as the chart rendered it. */
function readdressed(config: ConfigInput, place: GatewayPlace, { relay, redis }: Neighbours): unknown {
  const demo = gatewayConfig(place);
  const sinks = Object.entries(config.audit ?? {}).map(([name, sink]) => [
    name,
    typeof sink === 'object' && 'baseUrl' in sink ? { ...sink, baseUrl: place.auditUrl } : sink,
  ]);
  return {
    ...config,
    listener: { ...config.listener, publicBaseUrl: place.publicBaseUrl, host: '127.0.0.1', port: place.port },
    admin: { host: '127.0.0.1', port: 0 },
    upstream: {
      ...config.upstream,
      baseUrl: config.upstream.tls === undefined ? place.upstreamUrl : relay.url,
      paging: place.paging,
    },
    identity: { ...config.identity, issuers: demo.identity.issuers },
    audit: {
      ...Object.fromEntries(sinks),
      ...(config.audit?.redis === undefined ? {} : { redis: nearby(config.audit.redis, redis) }),
    },
    ...(config.services === undefined ? {} : { services: readdressedServices(config.services, place) }),
    ...(config.redis === undefined ? {} : { redis: nearby(config.redis, redis) }),
  };
}

function nearby(config: object, { port }: RedisServer): object {
  return { ...config, servers: { kind: 'single', host: '127.0.0.1', port }, tls: undefined };
}

function readdressedServices(services: NonNullable<ConfigInput['services']>, { issuer }: GatewayPlace): unknown {
  const subjects = Object.entries(services.authzen?.subjects ?? {}).map(([type, subject]) => [
    type,
    { ...subject, issuer },
  ]);
  return {
    ...services,
    host: '127.0.0.1',
    port: 0,
    authzen: { ...services.authzen, subjects: Object.fromEntries(subjects) },
  };
}

/** What a deployment stands beside: a FHIR server behind mutual TLS, and a Redis with an ACL user. */
interface Neighbours {
  readonly relay: TlsRelay;
  readonly redis: RedisServer;
}

/** A world whose gateway is a process that runs what the chart rendered; `look` sees the world while it stands. */
async function inWorld(
  started: (place: GatewayPlace) => StartedAs | Promise<StartedAs>,
  look: (world: World, adminUrl: string, servicesOrigin: string | undefined) => Promise<void>,
): Promise<void> {
  let adminUrl = '';
  let servicesOrigin: string | undefined;
  const world = await startWorld({
    anyPorts: true,
    async startGateway(place) {
      const { args, environment, machine } = await started(place);
      const line = runMain(args, environment);
      const gateway = await listening(line);
      ({ adminUrl, servicesOrigin } = gateway);
      return {
        async close() {
          line.kill('SIGTERM');
          expect(await line.ended).toEqual({ code: 0, signal: null });
          expect(line.stderr()).not.toMatch(
            /PRIVATE KEY|of-the-redis-user|of-the-gateway|of-the-audit-trail|ssssssss|5f5f5f/,
          );
          rmSync(machine, { recursive: true, force: true });
        },
      };
    },
  });
  try {
    await look(world, adminUrl, servicesOrigin);
  } finally {
    await world.close();
  }
}

describe.each(names)('what the chart renders with the values of %s', (name) => {
  it('starts as it is, serves by its own rules, is ready, and stops when told', async () => {
    const objects = objectsOf(template('-f', join(examples, name)).text);
    const redis = await startRedis({ extra: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    await redis.client.call('ACL', 'SETUSER', 'consent-gateway', 'on', '>of-the-redis-user', '~*', '&*', '+@all');
    const closers: (() => unknown)[] = [() => redis.close()];
    try {
      await inWorld(
        async (place) => {
          const relay = await startTlsRelay(place.upstreamUrl, servers.issue('fhir-server.example'), gateways);
          closers.push(() => relay.close());
          return asProcess(objects, secrets, (config) => readdressed(config, place, { relay, redis }));
        },
        async ({ gatewayUrl, tokens }, adminUrl, services) => {
          const { data } = one(objects, 'ConfigMap', /^demo-fhir-consent-gateway$/);
          const base = /certificateFile: \/run\/secrets\/tls/.test(data['gateway.yaml'] ?? '')
            ? gatewayUrl.replace('http:', 'https:')
            : gatewayUrl;
          const as = (who: string, path: string) => ask(`${base}/${path}`, tokens.get(who));
          expect((await fetch(`${adminUrl}/ready`)).status).toBe(200);
          expect((await ask(`${base}/Patient/ada`)).status).toBe(401);
          expect((await as('steward', 'Patient/ada')).status).toBe(200);
          const whole = JSON.parse((await as('steward', 'Observation?patient=ada')).body) as { total: number };
          const parts = JSON.parse((await as('dr-grey', 'Observation?patient=ada')).body) as { total: number };
          expect(whole.total).toBeGreaterThan(parts.total);
          expect(services !== undefined).toBe(name === 'decisions.yaml');
          if (services !== undefined) {
            const [metadata, anonymous] = await Promise.all([
              ask(`${services}/.well-known/authzen-configuration/services`),
              ask(`${services}/services/access/v1/evaluation`),
            ]);
            expect(metadata.status).toBe(200);
            expect(JSON.parse(metadata.body)).toMatchObject({
              policy_decision_point: 'https://decisions.example.org/services',
            });
            expect([401, 405]).toContain(anonymous.status);
          }
          const clients = String(await redis.client.client('LIST'));
          expect(clients.includes('user=consent-gateway')).toBe(/three-replicas|no-volume/.test(name));
          const kept = await redis.client.keys('*:audit:*:head');
          expect(kept.length).toBe(name === 'no-volume.yaml' ? 1 : 0);
        },
      );
    } finally {
      for (const close of closers) await close();
    }
  });
});

describe('what the chart renders with the values of the demonstration', () => {
  it('gives every requester what expected.yaml states, recorded', async () => {
    await inWorld(
      (place) => {
        // Files are the chart's own; everything else is the demonstration's.
        const { sealing: _sealing, ...config } = gatewayConfig(place);
        const { key: _key, outboxFile: _outbox, ...audit } = config.audit;
        const values = join(place.folder, 'values.json');
        const own = merged({ ...config, audit }, { log: { level: 'info' }, admin: { port: 9_090 } });
        writeFileSync(values, JSON.stringify({ existingSecret: 'consent-gateway-keys', config: own }));
        const rendered = template('-f', values);
        expect(rendered).toMatchObject({ status: 0 });
        return asProcess(objectsOf(rendered.text), secrets, (rendered) => ({ ...rendered, admin: config.admin }));
      },
      async (world) => {
        expect(await tour(world, () => undefined)).toEqual([]);
      },
    );
  });
});
