import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { startWorld } from '../../examples/demo/world.ts';
import { type ConfigInput, configSchema, loadConfig } from '../../src/config/config.ts';
import { ask, listening, merged, runMain } from '../failure/bench.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const blocks = (path: string): readonly string[] =>
  [...readFileSync(join(root, path), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
const [start = ''] = blocks('docs/getting-started.md');

describe('the guides', () => {
  it('show issuers that the configuration takes', () => {
    const entries = blocks('docs/connect-issuers.md').flatMap((text) => parse(text) as object[]);
    expect(entries).toHaveLength(2);
    for (const entry of entries) {
      const config = merged(parse(start) as ConfigInput, { identity: { issuers: [entry] } });
      expect(configSchema.safeParse(config)).toMatchObject({ success: true });
    }
  });

  it('show a shadow entry that the configuration takes', () => {
    const [text = ''] = blocks('docs/roll-out.md');
    expect(loadConfig(`${start}\n${text}`, {}).shadow).toHaveLength(1);
  });

  it('getting started: the file as it stands, with the addresses of the demonstration, passes the doctor, starts and answers', async () => {
    const world = await startWorld({
      anyPorts: true,
      async startGateway(place) {
        const secrets = join(place.folder, 'secrets');
        mkdirSync(secrets);
        writeFileSync(join(secrets, 'fhir-authorization'), 'Bearer of-the-gateway');
        const moved = start
          .replaceAll('/run/secrets', secrets)
          .replaceAll('/var/lib/consent-gateway', join(place.folder, 'state'))
          .replace('https://fhir.example.org/r4', place.publicBaseUrl)
          .replace('https://fhir-server.internal.example/fhir', `${place.upstreamUrl}\n  paging: offset`)
          .replace('https://login.example.org', `${place.issuer}\n      allowInsecureHttp: true`)
          .replace('physician: clinician', 'clinician: clinician, steward: steward')
          .replace('behindTls: true', `behindTls: true\n  port: ${place.port}`);
        const file = join(place.folder, 'gateway.yaml');
        writeFileSync(file, `${moved}\nadmin: { port: 0 }\n`);
        const checked = runMain(['check-config', '--config', file]);
        expect([(await checked.ended).code, checked.stderr()]).toEqual([0, '']);
        const doctor = runMain(['doctor', '--config', file]);
        // The demonstration's server asks for no credential, which is what the doctor is to say.
        expect((await doctor.ended).code).toBe(1);
        expect(doctor.stdout().match(/^(FAULT|WARNING) \S+/gm)).toEqual(['FAULT upstream-open']);
        const line = runMain(['serve', '--config', file]);
        const { adminUrl } = await listening(line);
        expect((await ask(`${adminUrl}/ready`, undefined)).status).toBe(200);
        return {
          async close() {
            line.kill('SIGTERM');
            expect((await line.ended).code).toBe(0);
            rmSync(place.folder, { recursive: true, force: true });
          },
        };
      },
    });
    try {
      const of = (who: string, path: string) => ask(`${world.gatewayUrl}/${path}`, world.tokens.get(who));
      expect((await ask(`${world.gatewayUrl}/metadata`, undefined)).status).toBe(200);
      expect((await ask(`${world.gatewayUrl}/Patient/ada`, undefined)).status).toBe(401);
      expect((await of('dr-grey', 'Patient/ada')).status).toBe(200);
      expect((await of('steward', 'Observation?patient=ada')).status).toBe(200);
    } finally {
      await world.close();
    }
  });
});
