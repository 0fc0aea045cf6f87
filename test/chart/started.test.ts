import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { type GatewayPlace, gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { tour } from '../../examples/demo/tour.ts';
import { startWorld, type World } from '../../examples/demo/world.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { listening, merged, runMain } from '../failure/bench.ts';
import { asProcess, objectsOf, type Secrets, type StartedAs, template } from './rendered.ts';

const examples = fileURLToPath(new URL('../../helm/examples/', import.meta.url));
const names = readdirSync(examples).filter((name) => name.endsWith('.yaml'));

const secrets: Secrets = {
  'consent-gateway-keys': {
    'outbox.key': '5f'.repeat(32),
    'sealing.key': 's'.repeat(64),
    'fhir-authorization': 'Bearer of-the-gateway',
    'audit-authorization': 'Bearer of-the-audit-trail',
  },
};

/** The demonstration's addresses in place of an example's; everything else stays as the chart rendered it. */
function readdressed(config: ConfigInput, place: GatewayPlace): unknown {
  const demo = gatewayConfig(place);
  const sinks = Object.entries(config.audit ?? {}).map(([name, sink]) => [
    name,
    typeof sink === 'object' && 'baseUrl' in sink ? { ...sink, baseUrl: place.auditUrl } : sink,
  ]);
  return {
    ...config,
    listener: { ...config.listener, publicBaseUrl: place.publicBaseUrl, host: '127.0.0.1', port: place.port },
    admin: { host: '127.0.0.1', port: 0 },
    upstream: { ...config.upstream, baseUrl: place.upstreamUrl, paging: place.paging },
    identity: { ...config.identity, issuers: demo.identity.issuers },
    audit: Object.fromEntries(sinks),
  };
}

/** A world whose gateway is a process that runs what the chart rendered; `look` sees the world while it stands. */
async function inWorld(
  started: (place: GatewayPlace) => StartedAs,
  look: (world: World, adminUrl: string) => Promise<void>,
): Promise<void> {
  let adminUrl = '';
  const world = await startWorld({
    anyPorts: true,
    async startGateway(place) {
      const { args, environment, machine } = started(place);
      const line = runMain(args, environment);
      const gateway = await listening(line);
      adminUrl = gateway.adminUrl;
      return {
        async close() {
          line.kill('SIGTERM');
          expect(await line.ended).toEqual({ code: 0, signal: null });
          expect(line.stderr()).not.toMatch(/of-the-gateway|of-the-audit-trail|ssssssss|5f5f5f/);
          rmSync(machine, { recursive: true, force: true });
        },
      };
    },
  });
  try {
    await look(world, adminUrl);
  } finally {
    await world.close();
  }
}

describe.each(names)('what the chart renders with the values of %s', (name) => {
  it('starts as it is, serves by its own rules, is ready, and stops when told', async () => {
    const objects = objectsOf(template('-f', join(examples, name)).text);
    await inWorld(
      (place) => asProcess(objects, secrets, (config) => readdressed(config, place)),
      async ({ gatewayUrl, tokens }, adminUrl) => {
        const ask = (path: string, who: string): Promise<Response> =>
          fetch(`${gatewayUrl}/${path}`, { headers: { authorization: `Bearer ${tokens.get(who)}` } });
        expect((await fetch(`${adminUrl}/ready`)).status).toBe(200);
        expect((await fetch(`${gatewayUrl}/Patient/ada`)).status).toBe(401);
        expect((await ask('Patient/ada', 'steward')).status).toBe(200);
        const whole = (await (await ask('Observation?patient=ada', 'steward')).json()) as { total: number };
        const parts = (await (await ask('Observation?patient=ada', 'dr-grey')).json()) as { total: number };
        expect(whole.total).toBeGreaterThan(parts.total);
      },
    );
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
