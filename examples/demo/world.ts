import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../src/serve.ts';
import { type EmbeddedServer, startEmbeddedServer } from './embedded-server.ts';
import { type GatewayPlace, gatewayConfig } from './gateway-config.ts';
import { startIdentityProvider } from './identity-provider.ts';
import { loadInto, peopleBundles, syntheaBundles, textsOf } from './load.ts';
import { freePort } from './ports.ts';
import { requesters } from './requesters.ts';

/** Everything the demonstration runs, all of it on loopback. */
export interface World {
  /** FHIR base of the server behind the gateway, which nobody guards. */
  readonly upstreamUrl: string;
  /** FHIR base of the gateway. */
  readonly gatewayUrl: string;
  readonly issuer: string;
  /** Where the gateway's AuditEvents go. */
  readonly audit: EmbeddedServer;
  /** Access tokens by requester id. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly close: () => Promise<void>;
}

export interface WorldOptions {
  /** FHIR base of a server to stand in front of instead of the embedded one; it is loaded with the same data. */
  readonly upstreamUrl?: string;
  /** Whether that server gives next links; the embedded one takes `_offset`. */
  readonly paging?: 'links' | 'offset';
  /** Any free ports instead of 8090 and those after it. */
  readonly anyPorts?: boolean;
  /** Starts the gateway in a way of its own, for example in a container; otherwise it runs in this process. */
  readonly startGateway?: (place: GatewayPlace) => Promise<{ close(): Promise<void> }>;
}

const firstPort = 8090;

/** Starts FHIR server, audit repository, OpenID provider and gateway, loads the data, and obtains everybody's token. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const port = (offset: number) => freePort(options.anyPorts === true ? 0 : firstPort + offset);
    const gatewayPort = await port(0);
    const gatewayUrl = `http://127.0.0.1:${gatewayPort}/fhir`;
    const upstreamUrl = options.upstreamUrl ?? (await startUpstream(await port(1), closers));
    if (options.upstreamUrl !== undefined) await loadInto(upstreamUrl, [...peopleBundles(), ...syntheaBundles()]);
    const identity = await startIdentityProvider({ port: await port(2), fhirBase: gatewayUrl });
    closers.push(identity.close);
    const audit = await startEmbeddedServer({ port: await port(3) });
    closers.push(audit.close);
    const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-demo-'));
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    const start = options.startGateway ?? ((place: GatewayPlace) => serve(gatewayConfig(place)));
    const gateway = await start({
      port: gatewayPort,
      publicBaseUrl: gatewayUrl,
      upstreamUrl,
      paging: options.upstreamUrl === undefined ? 'offset' : (options.paging ?? 'links'),
      issuer: identity.url,
      auditUrl: audit.url,
      folder,
    });
    closers.push(() => gateway.close());
    const tokens = new Map<string, string>();
    for (const { id } of requesters) tokens.set(id, await identity.tokenFor(id));
    return { upstreamUrl, gatewayUrl, issuer: identity.url, audit, tokens, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startUpstream(port: number, closers: (() => Promise<void> | void)[]): Promise<string> {
  const server = await startEmbeddedServer({ port, resources: textsOf([...peopleBundles(), ...syntheaBundles()]) });
  closers.push(server.close);
  return server.url;
}
