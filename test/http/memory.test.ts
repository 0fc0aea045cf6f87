import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type Gateway, serve } from '../../src/serve.ts';

const patients = 6;
const perPatient = 60;
const atOnce = 32;
const asked = 400;
/** Entries of one answer that no socket holds at once: some 14 MB. */
const large = 200;

/** Answers large enough to use memory that others have used before, each patient's with marks of its own. */
describe('large answers to many at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-'));
  let upstream: EmbeddedServer;
  let identity: IdentityProvider;
  let gateway: Gateway;
  let token: string;

  beforeAll(async () => {
    upstream = await startEmbeddedServer({
      resources: [
        ...['big', 'other'].flatMap((id) => [
          JSON.stringify({ resourceType: 'Patient', id }),
          ...Array.from({ length: large }, (_, n) =>
            JSON.stringify({
              resourceType: 'Observation',
              id: `${id}-${n}`,
              status: 'final',
              code: { text: 'weight' },
              subject: { reference: `Patient/${id}` },
              note: [{ text: `mark-${id.length} ${n} `.repeat(5_000) }],
            }),
          ),
        ]),
        ...Array.from({ length: patients }, (_, patient) => [
          JSON.stringify({ resourceType: 'Patient', id: `p${patient}` }),
          ...Array.from({ length: perPatient }, (_none, n) =>
            JSON.stringify({
              resourceType: 'Observation',
              id: `p${patient}-${n}`,
              status: 'final',
              code: { text: `mark-${patient} `.repeat(20 + 17 * patient) },
              subject: { reference: `Patient/p${patient}` },
              note: [{ text: `mark-${patient} `.repeat(100 + n) }],
            }),
          ),
        ]).flat(),
      ],
    });
    const port = await freePort(0);
    const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
    identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
    const place = { port, publicBaseUrl, upstreamUrl: upstream.url, paging: 'offset', folder } as const;
    const config = gatewayConfig({ ...place, issuer: identity.url, auditUrl: upstream.url });
    gateway = await serve({
      ...config,
      // How fresh Consents are and how long anything takes is no matter here.
      consent: { ...config.consent, maximumAgeMs: 300_000 },
      upstream: { ...config.upstream, answerTimeoutMs: 300_000 },
      listener: { ...config.listener, requestTimeoutMs: 300_000, writeTimeoutMs: 300_000 },
      limits: {
        ...config.limits,
        queueTimeoutMs: 60_000,
        app: { ...config.limits.app, inFlight: 64, requestsPerMinute: 100_000 },
        system: { ...config.limits.system, inFlight: 64, requestsPerMinute: 100_000 },
      },
    });
    token = await identity.tokenFor('dr-grey');
  });

  afterAll(async () => {
    await gateway?.close();
    await identity?.close();
    await upstream?.close();
    rmSync(folder, { recursive: true });
  });

  async function ask(path: string): Promise<string> {
    const { statusCode, body } = await request(`${gateway.url}/${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await body.text();
    expect({ statusCode, said: statusCode === 200 ? '' : text }).toEqual({ statusCode: 200, said: '' });
    JSON.parse(text);
    return stripped(text);
  }

  /** Leaves the answer where it is for a while, again and again. */
  async function askSlowly(path: string): Promise<string> {
    const { statusCode, body } = await request(`${gateway.url}/${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(statusCode).toBe(200);
    const chunks: Buffer[] = [];
    let next = 0;
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size < next) continue;
      next += 2_000_000;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    return stripped(Buffer.concat(chunks).toString());
  }

  it('are each what they are when asked alone', async () => {
    const paths = Array.from({ length: patients }, (_, patient) => [
      `Observation?patient=p${patient}&_count=${perPatient}`,
      `Observation?patient=p${patient}&_count=17`,
      `Observation/p${patient}-3`,
    ]).flat();
    const alone = new Map<string, string>();
    for (const path of paths) alone.set(path, await ask(path));
    for (const [path, text] of alone) {
      const marks = new Set(text.match(/mark-\d/g));
      expect([...marks]).toEqual([`mark-${/p(\d)/.exec(path)?.[1]}`]);
    }
    let next = 0;
    let compared = 0;
    const worker = async (): Promise<void> => {
      while (next < asked) {
        const path = paths[(next++ * 7) % paths.length] as string;
        expect(await ask(path)).toBe(alone.get(path));
        compared++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    expect(compared).toBeGreaterThanOrEqual(asked);
  });

  it('are what they are for a client that reads slowly too, whatever others get meanwhile', async () => {
    const path = `Observation?patient=big&_count=${large}`;
    const quick = await ask(path);
    let isOver = false;
    const others = Promise.all(
      Array.from({ length: 2 }, async () => {
        while (!isOver) await ask(`Observation?patient=other&_count=${large}`);
      }),
    );
    const slow = await Promise.all(Array.from({ length: 3 }, () => askSlowly(path)));
    isOver = true;
    await others;
    for (const text of slow) expect(text === quick).toBe(true);
  });
});

/** Without what is of each answer alone: its id and time, and the sealed link. */
function stripped(text: string): string {
  return text
    .replace(/"id":"[0-9a-f-]{36}"/, '"id":""')
    .replace(/"(?:lastUpdated|timestamp)":"[^"]+"/g, '')
    .replace(/_page=[^"]+/, '_page=');
}
