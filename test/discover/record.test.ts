import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { type IdentityProvider, startIdentityProvider } from '../../examples/demo/identity-provider.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { type Gateway, serve } from '../../src/serve.ts';

describe('what is recorded of requests that see all or nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'record-'));
  const trail = (name: string) => ({ kind: 'file' as const, path: join(folder, `${name}.ndjson`) });
  let upstream: EmbeddedServer;
  let identity: IdentityProvider;
  let gateway: Gateway;

  beforeAll(async () => {
    upstream = await startEmbeddedServer({ resources: textsOf(peopleBundles()) });
    const port = await freePort(0);
    const publicBaseUrl = `http://127.0.0.1:${port}/fhir`;
    identity = await startIdentityProvider({ fhirBase: publicBaseUrl });
    const place = { port, publicBaseUrl, upstreamUrl: upstream.url, paging: 'offset', folder } as const;
    const audit = {
      outboxFile: join(folder, 'outbox.db'),
      primary: trail('primary'),
      part2: trail('part2'),
      securityOffice: trail('security'),
    };
    gateway = await serve(gatewayConfig({ ...place, issuer: identity.url, auditUrl: upstream.url }, { audit }));
  });

  afterAll(async () => {
    await gateway?.close();
    await identity?.close();
    await upstream?.close();
    rmSync(folder, { recursive: true });
  });

  const status = async (requester: string, path: string): Promise<number> => {
    const headers = { authorization: `Bearer ${await identity.tokenFor(requester)}` };
    return (await fetch(`${gateway.url}/${path}`, { headers })).status;
  };
  const linesOf = (name: string): string[] => {
    const { path } = trail(name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  };
  /** Delivery follows the answer. */
  const delivered = async (name: string, text: string): Promise<string> => {
    for (let waited = 0; waited < 10_000; waited += 50) {
      const line = linesOf(name).find((one) => one.includes(text));
      if (line !== undefined) return line;
      await pause(50);
    }
    throw new Error(`no event in ${name} names ${text}`);
  };

  it('a steward’s read of what is Part 2 by its encounter alone is in the Part 2 trail', async () => {
    expect(await status('steward', 'Observation/ada-drug-screen')).toBe(200);
    expect(await delivered('part2', 'Observation/ada-drug-screen')).toContain('42CFRPart2');
    expect(await status('steward', 'Observation/ada-a1c')).toBe(200);
    await delivered('primary', 'Observation/ada-a1c');
    expect(linesOf('part2').some((line) => line.includes('Observation/ada-a1c'))).toBe(false);
  });

  it.each(['Observation/ada-drug-screen', 'Encounter/ada-enc-lakeside/_history', 'Condition/ada-oud/_history/1'])(
    'that %s was withheld is told to the security office, and to nobody else',
    async (path) => {
      expect(await status('dr-grey', path)).toBe(404);
      const key = path.split('/').slice(0, 2).join('/');
      expect(JSON.parse(await delivered('security', key))).toMatchObject({ resourceType: 'AuditEvent' });
      const own = linesOf('primary').filter((line) => line.includes('dr-grey') && line.includes('withheld'));
      expect(own).toEqual([]);
    },
  );

  it('an answer to a method that no route has names those it has, alike for every id', async () => {
    const headers = { authorization: `Bearer ${await identity.tokenFor('dr-grey')}` };
    for (const id of ['ada-a1c', 'ada-drug-screen', 'nobody']) {
      const answer = await fetch(`${gateway.url}/Observation/${id}`, { method: 'DELETE', headers });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    }
  });

  it('a request line that is too long is refused as such', async () => {
    expect(await status('dr-grey', `Observation?code=${'x'.repeat(9_000)}`)).toBe(414);
  });

  it('metrics count what left and what was withheld, in sum', async () => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(Number(/^gateway_released_resources_total (\d+)$/m.exec(text)?.[1])).toBe(2);
    expect(Number(/^gateway_withheld_resources_total (\d+)$/m.exec(text)?.[1])).toBe(3);
  });
});
