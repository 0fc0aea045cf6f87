import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { serve } from '../../src/serve.ts';
import { tracesOfRun } from '../support/collector.ts';
import { startIssuer } from '../twin/issuer.ts';
import type { Asker } from './requesters.ts';
import { audience, configOf } from './settings.ts';
import { directory, type World } from './world.ts';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Gateways {
  /** GET below the FHIR base of the gateway that has these settings. */
  get(settings: string, asker: Asker, path: string): Promise<Answer>;
  close(): Promise<void>;
}

/** One FHIR server with the stores of all scenarios, and before it a gateway for each of the settings, started when first asked. */
export async function startGateways(worlds: readonly World[]): Promise<Gateways> {
  const resources = [...directory, ...worlds.flatMap(({ stored }) => stored)].map((one) => JSON.stringify(one));
  const upstream = await startEmbeddedServer({ resources });
  const registry = await startEmbeddedServer({
    resources: worlds.flatMap(({ r5 }) => r5).map((one) => JSON.stringify(one)),
  });
  const audit = await startEmbeddedServer();
  const issuer = await startIssuer(audience);
  const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-scenarios-'));
  const running = new Map<string, ReturnType<typeof start>>();
  const start = async (settings: string) => {
    const port = await freePort(0);
    const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
    const place = {
      port,
      publicBaseUrl,
      upstreamUrl: upstream.url,
      issuer: issuer.url,
      auditUrl: audit.url,
      folder,
      registryUrl: registry.url,
    };
    return serve({ ...configOf(settings, place), ...(await tracesOfRun()) });
  };
  const gatewayFor = (settings: string): ReturnType<typeof start> => {
    const gateway = running.get(settings) ?? start(settings);
    running.set(settings, gateway);
    return gateway;
  };
  return {
    async get(settings, asker, path) {
      const { url } = await gatewayFor(settings);
      const headers = { ...asker.headers, authorization: `Bearer ${await issuer.tokenFor(asker)}` };
      const answer = await fetch(`${url}${path}`, { headers });
      return { status: answer.status, body: (await answer.json()) as Answer['body'] };
    },
    async close() {
      for (const gateway of running.values()) await (await gateway).close();
      for (const server of [upstream, registry, audit, issuer]) await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
