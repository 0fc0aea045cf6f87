import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sealingKeys } from '../../src/config/sealing-keys.ts';
import {
  ask,
  type Bench,
  merged,
  pause,
  publicBase,
  runMain,
  serveProcess,
  startBench,
  until,
} from '../failure/bench.ts';
import { askers, type Issuer, startIssuer } from '../twin/issuer.ts';

/** What every secret of these tests contains. */
const canary = 'canaryofallsecrets';
const secrets = {
  authorization: `Bearer ${canary}`,
  sealing: `${canary}${'s'.repeat(32)}`,
};
let folder: string;
let bench: Bench;
let issuer: Issuer;
let token: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-secrets-'));
  for (const [name, text] of Object.entries(secrets)) writeFileSync(file(name), text);
  bench = await startBench();
  issuer = await startIssuer(publicBase);
  const grey = askers(publicBase).find(({ id }) => id === 'dr-grey');
  if (grey !== undefined) token = await issuer.tokenFor(grey);
});
afterAll(async () => {
  await bench.close();
  await issuer.close();
  rmSync(folder, { recursive: true, force: true });
});

function configured(changes: Readonly<Record<string, unknown>> = {}) {
  const [known] = bench.config.identity.issuers;
  const config = merged(bench.config, {
    listener: { port: 0 },
    upstream: { authorizationFile: file('authorization') },
    identity: { issuers: [{ ...known, issuer: issuer.url }] },
    audit: { outboxFile: file(`outbox-${Math.random()}.db`) },
    sealing: { keyFile: file('sealing'), createKeyFile: false },
  });
  return merged(config, changes);
}

describe('a secret of the gateway', () => {
  it('is in no environment, no command line, no log, no metric and no answer of the running gateway', async () => {
    const gateway = await serveProcess(configured(), file('gateway.json'));
    try {
      const answers = [
        await ask(`${gateway.url}/Patient/ada`, token),
        await ask(`${gateway.url}/Observation?patient=ada&_count=1`, token),
        await ask(`${gateway.url}/Patient/ada`, undefined),
        await ask(`${gateway.url}/Nothing`, token),
        await ask(`${gateway.adminUrl}/metrics`, undefined),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 404, 200]);
      expect(bench.relay.calls.at(-1)?.headers.authorization).toBe(secrets.authorization); // it was in use
      const process = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${gateway.pid}/${name}`, 'utf8'));
      const told = JSON.stringify([answers, process, gateway.stdout(), gateway.stderr()]);
      expect(told).not.toContain(canary);
      expect(told).not.toContain(Buffer.from(canary).toString('base64').slice(0, 20));
    } finally {
      gateway.kill('SIGTERM');
      await gateway.ended;
    }
  });

  it('is in nothing that a gateway says which ends by an error that holds it', async () => {
    writeFileSync(
      file('crash.mjs'),
      `import { readFileSync } from 'node:fs';
      process.on('SIGUSR2', () => { throw new Error(readFileSync(${JSON.stringify(file('authorization'))}, 'utf8')); });`,
    );
    const gateway = await serveProcess(configured(), file('crashing.json'), {
      nodeOptions: ['--import', file('crash.mjs')],
    });
    gateway.kill('SIGUSR2');
    expect(await gateway.ended).toEqual({ code: 70, signal: null });
    expect(gateway.stderr()).toContain('a state nobody foresaw');
    expect(gateway.stderr() + gateway.stdout()).not.toContain(canary);
  });

  it.each([
    ['sealing.keyFile', { sealing: { keyFile: 'short' } }],
    ['audit.key', { audit: { key: { kind: 'file', currentFile: 'authorization', previousFiles: [] } } }],
    ['listener.tls', { listener: { tls: { certificateFile: 'sealing', keyFile: 'authorization' } } }],
  ])('is not in what a gateway says that does not start for it: %s', async (_key, changes) => {
    writeFileSync(file('short'), canary);
    const located = JSON.parse(JSON.stringify(changes), (_name, value: unknown) =>
      typeof value === 'string' && ['short', 'sealing', 'authorization'].includes(value) ? file(value) : value,
    ) as Record<string, unknown>;
    writeFileSync(file('wrong.json'), JSON.stringify(configured(located)));
    const line = runMain(['serve', '--config', file('wrong.json')]);
    expect((await line.ended).code).toBe(1);
    expect(line.stderr().length).toBeGreaterThan(10);
    expect(line.stderr() + line.stdout()).not.toContain(canary);
  });
});

describe('a secret that is replaced while the gateway runs', () => {
  it('the credential for the FHIR server: the new one is sent', async () => {
    const gateway = await serveProcess(configured(), file('credential.json'));
    try {
      writeFileSync(file('authorization'), `Bearer next-${canary}`);
      await until('the new credential is sent', async () => {
        await ask(`${gateway.url}/Patient/ada`, token);
        return bench.relay.calls.at(-1)?.headers.authorization === `Bearer next-${canary}`;
      });
    } finally {
      writeFileSync(file('authorization'), secrets.authorization);
      gateway.kill('SIGTERM');
      await gateway.ended;
    }
  });

  it('the sealing key: next links given before are followed; a short one leaves the old in force', async () => {
    const gateway = await serveProcess(configured({ answers: { pageLifetimeMs: 60_000 } }), file('rotated.json'));
    const next = async (): Promise<string> => {
      const { body } = await ask(`${gateway.url}/Observation?patient=ada&_count=1`, token);
      const url = new URL(/"url":"([^"]*_page=[^"]*)"/.exec(body)?.[1] ?? 'none:');
      return `${gateway.url}/Observation${url.search}`;
    };
    const versionOf = async (): Promise<unknown> => (await ask(`${gateway.url}/Patient/ada`, token)).headers.etag;
    try {
      const [link, version] = [await next(), await versionOf()];
      writeFileSync(file('sealing'), canary.slice(0, 8)); // too short
      await pause(2_100);
      expect(await versionOf()).toBe(version);
      writeFileSync(file('sealing'), `next${secrets.sealing}`);
      await until('the new key is in use', async () => (await versionOf()) !== version);
      expect((await ask(link, token)).status).toBe(200);
      expect((await ask(await next(), token)).status).toBe(200);
      expect(gateway.stderr()).toContain('cannot be used'); // of the short one, and nothing else of it
      expect(gateway.stderr()).not.toContain(canary.slice(0, 8));
    } finally {
      writeFileSync(file('sealing'), secrets.sealing);
      gateway.kill('SIGTERM');
      await gateway.ended;
    }
  });
});

describe('a sealing key that was replaced', () => {
  it('opens what it sealed for as long as that lives, and not a moment longer', () => {
    let now = 1_000_000;
    const [first, second] = ['first', 'second'].map((name) => Buffer.from(name.padEnd(40, '.')));
    writeFileSync(file('rotating'), first as Buffer);
    const config = { keyFile: file('rotating'), previousKeyFiles: [], createKeyFile: false };
    const keys = sealingKeys(config, 60_000, { now: () => now });
    const [before] = keys.pages();
    writeFileSync(file('rotating'), second as Buffer);
    now += 1_001;
    expect(keys.pages()).toHaveLength(2);
    expect(keys.pages()[0]).not.toEqual(before);
    expect(keys.pages()[1]).toEqual(before);
    now += 60_001;
    expect(keys.pages()).toHaveLength(1);
    expect(keys.pages()[0]).not.toEqual(before);
  });
});
