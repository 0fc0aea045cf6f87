import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as open } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Gateway, serve } from '../../src/serve.ts';
import { type Bench, merged, pause, publicBase, startBench, until } from '../failure/bench.ts';
import { type Authority, authority, type Certificate } from '../support/certificates.ts';
import { startTlsRelay } from '../support/tls-relay.ts';
import { askers, type Issuer, startIssuer } from '../twin/issuer.ts';

let folder: string;
let bench: Bench;
let issuer: Issuer;
let gateway: Gateway;
let servers: Authority;
let partners: Authority;
let harbor: Certificate;
let summit: Certificate;
let strangers: Authority;
const file = (name: string): string => join(folder, name);
const write = (name: string, ...texts: readonly string[]): void => writeFileSync(file(name), texts.join(''));

/** What the server says, not this client: its alert. */
const handshakeFailure = 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE';

interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly serial: string;
}

/** One request on a connection of its own, with this certificate and token. */
function ask(client: Certificate | undefined, token: string | undefined, from = gateway): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({
      ca: servers.cert,
      ...(client === undefined ? {} : { cert: client.cert, key: client.key }),
      keepAlive: false,
    });
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = open(`${from.url}/Patient/ada`, { agent, headers }, (response) => {
      const serial = (
        response.socket as unknown as { getPeerCertificate(): { serialNumber: string } }
      ).getPeerCertificate();
      response
        .resume()
        .on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, serial: serial.serialNumber }),
        );
    });
    request.on('error', reject).end();
  });
}

/** A token of the steward, bound to a certificate if there is one. */
function tokenFor(confirmation?: unknown): Promise<string> {
  const steward = askers(publicBase).find(({ id }) => id === 'steward');
  if (steward === undefined) throw new Error('no steward');
  return issuer.tokenFor({
    ...steward,
    claims: { ...steward.claims, ...(confirmation === undefined ? {} : { cnf: confirmation }) },
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-tls-'));
  servers = authority('authority of servers');
  partners = authority('authority of partners');
  strangers = authority('authority of strangers');
  [harbor, summit] = [partners.issue('harbor.example'), partners.issue('summit.example')];
  const own = servers.issue('gateway.example');
  write('tls.crt', own.cert);
  write('tls.key', own.key);
  write('client-ca.crt', partners.cert);
  bench = await startBench();
  issuer = await startIssuer(publicBase);
  gateway = await startWith({ clientCertificates: 'required' });
});

afterAll(async () => {
  await gateway.close();
  await bench.close();
  await issuer.close();
  rmSync(folder, { recursive: true, force: true });
});

let gateways = 0;
function startWith(tls: object, changes: Readonly<Record<string, unknown>> = {}): Promise<Gateway> {
  gateways++;
  const files = { certificateFile: file('tls.crt'), keyFile: file('tls.key'), clientCaFile: file('client-ca.crt') };
  const [known] = bench.config.identity.issuers;
  const config = merged(bench.config, {
    listener: { port: 0, tls: { ...files, ...tls } },
    identity: { issuers: [{ ...known, issuer: issuer.url }] },
    audit: { outboxFile: file(`outbox-${gateways}.db`) },
    sealing: { keyFile: file(`sealing-${gateways}.key`) },
  });
  return serve(merged(config, changes));
}

describe('mutual TLS', () => {
  it('lets nobody connect without a certificate of the configured authorities', async () => {
    const token = await tokenFor();
    expect((await ask(harbor, token)).status).toBe(200);
    await expect(ask(undefined, token)).rejects.toThrow();
    await expect(ask(strangers.issue('harbor.example'), token)).rejects.toThrow();
  });

  it('tells everybody to use TLS alone', async () => {
    expect((await ask(harbor, await tokenFor())).headers['strict-transport-security']).toMatch(/^max-age=31536000/);
  });

  it.each([
    [
      'TLS 1.1',
      { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    ],
    ['a cipher without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }, handshakeFailure],
    [
      'a cipher without authenticated encryption',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
      handshakeFailure,
    ],
    [
      'nothing else than what it should',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      undefined,
    ],
  ] as const)('speaks modern TLS alone: %s', async (_what, options, code) => {
    const socket = connect({
      ...options,
      port: Number(new URL(gateway.url).port),
      host: '127.0.0.1',
      ca: servers.cert,
      cert: harbor.cert,
      key: harbor.key,
    });
    const [error] = (await Promise.race([
      once(socket, 'error'),
      once(socket, 'secureConnect').then(() => [undefined]),
    ])) as [Error | undefined];
    socket.destroy();
    expect((error as { code?: string } | undefined)?.code).toBe(code);
  });
});

describe('a token that is bound to a certificate (RFC 8705)', () => {
  it('is one on connections with that certificate, remembered or not, and on no others', async () => {
    const token = await tokenFor({ 'x5t#S256': harbor.thumbprint });
    expect((await ask(summit, token)).status).toBe(401);
    expect((await ask(harbor, token)).status).toBe(200);
    expect((await ask(summit, token)).status).toBe(401); // its owner's use did not make it one for others
    expect((await ask(harbor, token)).status).toBe(200);
  });

  it.each([
    ['by a key (DPoP)', { jkt: 'A'.repeat(43) }],
    ['by a certificate and something else', { 'x5t#S256': 'OWN', jkt: 'A'.repeat(43) }],
    ['by nothing', {}],
    ['by a number', { 'x5t#S256': 1 }],
    ['by a list', ['x5t#S256']],
    ['to a thumbprint of no length', { 'x5t#S256': '' }],
  ])('%s is none', async (_what, confirmation) => {
    const own = JSON.parse(JSON.stringify(confirmation).replace('OWN', harbor.thumbprint)) as unknown;
    expect((await ask(harbor, await tokenFor(own))).status).toBe(401);
  });

  it('is none without a certificate, and where no authority vouches for the certificate', async () => {
    const optional = await startWith({ clientCertificates: 'optional' });
    try {
      const stranger = strangers.issue('harbor.example');
      expect((await ask(undefined, await tokenFor(), optional)).status).toBe(200);
      expect((await ask(undefined, await tokenFor({ 'x5t#S256': harbor.thumbprint }), optional)).status).toBe(401);
      expect((await ask(stranger, await tokenFor({ 'x5t#S256': stranger.thumbprint }), optional)).status).toBe(401);
      expect((await ask(harbor, await tokenFor({ 'x5t#S256': harbor.thumbprint }), optional)).status).toBe(200);
    } finally {
      await optional.close();
    }
  });

  it('is the only kind that is taken where the issuer is configured so', async () => {
    const [known] = bench.config.identity.issuers;
    const strict = await startWith(
      {},
      { identity: { issuers: [{ ...known, issuer: issuer.url, boundTokens: 'required' }] } },
    );
    try {
      expect((await ask(harbor, await tokenFor(), strict)).status).toBe(401);
      expect((await ask(harbor, await tokenFor({ 'x5t#S256': harbor.thumbprint }), strict)).status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});

describe('files that change while the gateway runs', () => {
  it('are taken up: a new certificate is shown, new authorities count, and unusable files leave the old ones in force', async () => {
    const token = await tokenFor();
    const before = await ask(harbor, token);
    const next = servers.issue('gateway.example');
    write('tls.crt', next.cert); // does not fit the old key
    await pause(2_500);
    expect((await ask(harbor, token)).serial).toBe(before.serial);
    write('tls.key', next.key);
    await until('the new certificate is shown', async () => (await ask(harbor, token)).serial !== before.serial);
    const later = authority('later authority of partners');
    write('client-ca.crt', later.cert);
    await until('the old authority counts no more', () =>
      ask(harbor, token).then(
        () => false,
        () => true,
      ),
    );
    expect((await ask(later.issue('harbor.example'), token)).status).toBe(200);
    write('client-ca.crt', partners.cert);
    await until('the authority counts again', () =>
      ask(harbor, token).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe('TLS towards the FHIR server', () => {
  it('trusts the configured authority alone, shows the certificate, and takes up new ones', async () => {
    const clients = authority('authority of gateways');
    const upstreamCert = servers.issue('fhir-server.example');
    const server = await startTlsRelay(bench.relay.url, upstreamCert, clients);
    const { seen } = server;
    const shown = clients.issue('gateway');
    write('upstream-ca.crt', strangers.cert);
    write('upstream.crt', shown.cert);
    write('upstream.key', shown.key);
    const guarded = await startWith(
      {},
      {
        upstream: {
          baseUrl: server.url,
          tls: {
            caFile: file('upstream-ca.crt'),
            certificateFile: file('upstream.crt'),
            keyFile: file('upstream.key'),
          },
        },
      },
    );
    try {
      const token = await tokenFor();
      expect((await ask(harbor, token, guarded)).status).toBe(503);
      expect(seen.size).toBe(0);
      write('upstream-ca.crt', servers.cert);
      await until('the authority is trusted', async () => (await ask(harbor, token, guarded)).status === 200);
      expect(seen.size).toBe(1);
      const next = clients.issue('gateway');
      write('upstream.key', next.key);
      write('upstream.crt', next.cert);
      await until('the next certificate is shown', async () => {
        expect((await ask(harbor, token, guarded)).status).toBe(200);
        return seen.size === 2;
      });
    } finally {
      await guarded.close();
      server.close();
    }
  });
});
