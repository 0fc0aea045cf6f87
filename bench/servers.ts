import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { freePort } from '../examples/demo/ports.ts';

/** A process under measurement or beside it. */
export interface Server {
  readonly origin: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const startMs = 30_000;

/** A program of this folder that prints `ready`. */
export async function startProgram(file: string, parameters: readonly string[]): Promise<Server> {
  const port = await freePort(0);
  const child = spawn(process.execPath, [here(file), String(port), ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return serverOf(child, port);
}

export interface GatewayOptions {
  readonly upstream: string;
  readonly folder: string;
  readonly issuer: Issuer;
  /** Where a V8 CPU profile of the gateway goes when it ends. */
  readonly profileFolder: string | undefined;
  /** Keys of `audit` beside those that every gateway here has. */
  readonly audit?: object;
  /** A program of this folder that stands in for `consent-gateway`. */
  readonly program?: string;
}

/** FHIR base path of every server here. */
export const basePath = '/fhir';

/** The gateway with everything on, in a process of its own, as the image runs `consent-gateway serve`. */
export async function startGateway(options: GatewayOptions): Promise<Server> {
  const { upstream, folder, issuer, profileFolder, audit = {}, program = '../src/main.ts' } = options;
  const port = await freePort(0);
  const adminPort = await freePort(0);
  const configFile = join(folder, 'gateway.yaml');
  const publicBaseUrl = `http://127.0.0.1:${port}${basePath}`;
  const config = {
    listener: { publicBaseUrl, port },
    admin: { port: adminPort },
    upstream: { baseUrl: `${upstream}${basePath}` },
    identity: {
      issuers: [
        {
          issuer: issuer.url,
          discovery: 'none',
          jwksUri: `${issuer.url}/jwks`,
          allowInsecureHttp: true,
          roles: { clinician: 'clinician' },
        },
      ],
    },
    audit: {
      // Nothing is delivered: a delivery's work would fall into other slices than the answer's it belongs to.
      outboxFile: join(folder, 'outbox.db'),
      maximumBytes: 68_719_476_736,
      ...audit,
    },
    sealing: { keyFile: join(folder, 'sealing.key') },
    // One requester asks for all: its own limits are lifted, nothing else.
    limits: { app: { inFlight: 64, requestsPerMinute: 1_000_000 } },
  };
  writeFileSync(configFile, JSON.stringify(config)); // JSON is YAML
  const log = openSync(join(folder, 'gateway.log'), 'a');
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const child = spawn(
    process.execPath,
    ['--single-threaded-gc', ...profile, here(program), 'serve', '--config', configFile],
    {
      stdio: ['ignore', log, log],
    },
  );
  for (const until = Date.now() + startMs; ; await pause(50)) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => undefined);
    if (answer?.ok) return serverOf(child, port);
    if (Date.now() > until) throw new Error('the gateway did not get ready');
  }
}

export interface Issuer {
  readonly url: string;
  tokenFor(audience: string): Promise<string>;
  stop(): void;
}

/** An issuer that signs access tokens (RFC 9068) for one clinician and shows its keys. */
export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', use: 'sig', alg: 'ES256' }] });
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(keys);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    tokenFor: (audience) =>
      new SignJWT({
        client_id: 'bench',
        scope: 'user/*.rs',
        fhirUser: 'Practitioner/bench',
        roles: ['clinician'],
        purpose_of_use: ['TREAT'],
        organization: 'Organization/bench',
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' })
        .setIssuer(url)
        .setAudience(audience)
        .setSubject('bench-clinician')
        .setJti('bench')
        .setIssuedAt()
        .setExpirationTime('30m')
        .sign(privateKey),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

function serverOf(child: ChildProcess, port: number): Server {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid as number,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
