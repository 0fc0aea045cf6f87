/**
 * A gateway as the chart renders it, before HAPI FHIR JPA with the demonstration's data, with the tokens of a Keycloak: everything
 * real but the cluster. Checks what the doctor says and every answer to every requester, and exits 1 if anything is not as stated.
 *
 *   scripts/clean-machine/run.sh          installs what it needs first
 *   scripts/clean-machine/run.sh --keep   leaves all of it running afterwards, until it is interrupted
 */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GatewayPlace, gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { freePort } from '../../examples/demo/ports.ts';
import { requesters } from '../../examples/demo/requesters.ts';
import { tour } from '../../examples/demo/tour.ts';
import { startWorld } from '../../examples/demo/world.ts';
import { asProcess, objectsOf, template } from '../../test/chart/rendered.ts';
import { listening, runMain } from '../../test/failure/bench.ts';
import { startHapi } from '../../test/hapi/hapi.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';

const examples = fileURLToPath(new URL('../../helm/examples/', import.meta.url));
const cache = process.env.CLEAN_MACHINE_FOLDER ?? join(tmpdir(), 'consent-gateway-clean-machine');
/** The demonstration's HAPI asks for no credential, and the doctor is to say so. */
const expectedFindings = ['upstream-open'];

const secrets = {
  'consent-gateway-keys': {
    'outbox.key': randomBytes(32).toString('hex'),
    'sealing.key': randomBytes(32).toString('hex'),
    'fhir-authorization': `Bearer ${randomBytes(16).toString('hex')}`,
    'audit-authorization': `Bearer ${randomBytes(16).toString('hex')}`,
  },
};

/** The values that a deployment writes over the chart's example: its addresses, its people's roles, its organizations. */
function values(place: GatewayPlace, issuer: string, adminPort: number): object {
  const { identity, decision, labels, consent } = gatewayConfig(place);
  const [demo] = identity.issuers;
  return {
    replicaCount: 1,
    config: {
      listener: { publicBaseUrl: place.publicBaseUrl, host: '127.0.0.1', port: place.port, behindTls: false },
      admin: { host: '127.0.0.1', port: adminPort },
      upstream: { baseUrl: place.upstreamUrl, paging: 'links' },
      identity: {
        issuers: [
          {
            issuer,
            allowInsecureHttp: true,
            presets: ['keycloak', 'hl7-b2b'],
            tokenTypes: ['jwt'],
            algorithms: ['RS256'],
            maximumLifetimeMs: 900_000,
            roles: demo?.roles,
            clients: demo?.clients,
          },
        ],
        organizations: identity.organizations,
      },
      decision: { organizations: decision.organizations },
      consent: { maximumAgeMs: consent.maximumAgeMs },
      labels: { programs: labels.programs },
      audit: { primary: { baseUrl: place.auditUrl } },
    },
  };
}

const problems: string[] = [];
const closers: (() => Promise<void> | void)[] = [];
let keycloak: Keycloak | undefined;
try {
  const hapi = await startHapi();
  closers.push(hapi.close);
  console.log(`HAPI FHIR JPA: ${hapi.url}`);
  const world = await startWorld({
    anyPorts: true,
    upstreamUrl: hapi.url,
    paging: 'links',
    async startGateway(place) {
      keycloak = await startKeycloak(cache, place.publicBaseUrl);
      console.log(`Keycloak: ${keycloak.issuer}`);
      const own = join(place.folder, 'values.json');
      writeFileSync(own, JSON.stringify(values(place, keycloak.issuer, await freePort(0))));
      const rendered = template('-f', join(examples, 'keycloak.yaml'), '-f', own);
      if (rendered.status !== 0) throw new Error(rendered.text);
      const { args, environment, machine } = asProcess(objectsOf(rendered.text), secrets, (config) => config);
      const config = args[args.indexOf('--config') + 1] ?? '';
      const doctor = runMain(['doctor', '--config', config], environment);
      await doctor.ended;
      console.log(`\nThe doctor says:\n${doctor.stdout()}${doctor.stderr()}`);
      const findings = [...doctor.stdout().matchAll(/^(?:FAULT|WARNING) (\S+)/gm)].map(([, code = '']) => code);
      if (findings.sort().join() !== expectedFindings.join()) problems.push(`the doctor finds ${findings.join(', ')}`);
      const line = runMain(args, environment);
      const gateway = await listening(line);
      const ready = await fetch(`${gateway.adminUrl}/ready`);
      if (!ready.ok) problems.push(`/ready is ${ready.status}`);
      console.log(`Gateway, as the chart renders it: ${place.publicBaseUrl}`);
      return {
        async close() {
          line.kill('SIGTERM');
          const { code } = await line.ended;
          if (code !== 0) problems.push(`the gateway ended with ${code}`);
          rmSync(machine, { recursive: true, force: true });
        },
      };
    },
  });
  closers.push(world.close);
  const tokens = new Map<string, string>();
  for (const { id } of requesters) tokens.set(id, (await keycloak?.tokenFor(id)) ?? '');
  const anonymous = await fetch(`${world.gatewayUrl}/Patient/ada`);
  if (anonymous.status !== 401) problems.push(`anonymous reads are answered by ${anonymous.status}`);
  const strangers = await fetch(`${world.gatewayUrl}/Patient/ada`, {
    headers: { authorization: `Bearer ${world.tokens.get('steward')}` },
  });
  if (strangers.status !== 401) problems.push(`another issuer's token is answered by ${strangers.status}`);
  problems.push(...(await tour({ ...world, tokens }, (text) => console.log(text))));
  if (process.argv.includes('--keep')) {
    for (const [id, token] of tokens) console.log(`\n${id}: ${token}`);
    console.log(`\n${world.gatewayUrl} serves until it is interrupted.`);
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  }
} finally {
  for (const close of closers.reverse()) await close();
  await keycloak?.close();
}
for (const problem of problems) console.log(`✗ ${problem}`);
console.log(problems.length === 0 ? 'Everything is as stated.' : `${problems.length} not as stated.`);
process.exitCode = problems.length === 0 ? 0 : 1;
