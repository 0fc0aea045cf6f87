import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { serve } from '../../src/serve.ts';

export interface GatewayOver {
  /** A read of the gateway by one of the demonstration's requesters. */
  ask(requester: string, path: string): Promise<{ readonly status: number; readonly text: string }>;
  close(): Promise<void>;
}

/**
 * A gateway in front of an embedded FHIR server that holds these resources.
 * @param textsOf the resources as JSON, which may name the gateway's own base
 */
export async function startGatewayOver(
  textsOf: (publicBaseUrl: string) => readonly string[],
  changes: Parameters<typeof gatewayConfig>[1] | ((publicBaseUrl: string) => Parameters<typeof gatewayConfig>[1]),
): Promise<GatewayOver> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-over-'));
  const port = await freePort(0);
  const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
  const upstream = await startEmbeddedServer({ resources: [...textsOf(publicBaseUrl)] });
  const identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
  const place = { port, publicBaseUrl, upstreamUrl: upstream.url, paging: 'offset', folder } as const;
  const gateway = await serve(
    gatewayConfig(
      { ...place, issuer: identity.url, auditUrl: upstream.url },
      typeof changes === 'function' ? changes(publicBaseUrl) : changes,
    ),
  );
  return {
    async ask(requester, path) {
      const headers = { authorization: `Bearer ${await identity.tokenFor(requester)}` };
      const answer = await fetch(`${gateway.url}/${path}`, { headers });
      return { status: answer.status, text: await answer.text() };
    },
    async close() {
      await gateway.close();
      await identity.close();
      await upstream.close();
      rmSync(folder, { recursive: true });
    },
  };
}
