import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { readEvents } from '../../src/audit/audit.ts';
import { loadConfig } from '../../src/config/config.ts';
import { runMain } from '../failure/bench.ts';
import { detailsOf, patientsOf } from '../services/place.ts';
import { startIssuer } from '../twin/issuer.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const gatewayFile = 'examples/explain/gateway.yaml';
let upstream: EmbeddedServer;
let folder: string;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  upstream = await startEmbeddedServer({ resources: textsOf(peopleBundles()) });
  folder = mkdtempSync(join(tmpdir(), 'administration-'));
  environment = {
    CONSENT_GATEWAY__upstream__baseUrl: upstream.url,
    CONSENT_GATEWAY__sealing__keyFile: join(folder, 'sealing.key'),
    CONSENT_GATEWAY__audit__outboxFile: join(folder, 'outbox.db'),
    CONSENT_GATEWAY__audit__primary: `{ kind: file, path: ${join(folder, 'events.jsonl')} }`,
  };
});
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => runWith({}, ...args);
async function runWith(more: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const line = runMain(args, { ...environment, ...more });
  const { code } = await line.ended;
  return { code, stdout: line.stdout(), stderr: line.stderr() };
}
const timeless = (text: string): string => text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME');
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** `$ consent-gateway ...` and what it prints, as the documentation has them. */
const examples = [
  ...readFileSync(join(root, 'docs/privacy-officers.md'), 'utf8').matchAll(
    /```console\n\$ consent-gateway (.*)\n([\s\S]*?)```/g,
  ),
].map(([, command = '', output = '']) => [command, output] as const);

describe('the documented commands', () => {
  it('are there', () => {
    expect(examples.map(([command]) => command.split(' ')[0])).toEqual(['in-force', 'explain', 'simulate']);
  });

  it.each(examples)('%s', async (command, output) => {
    const { code, stdout, stderr } = await run(...command.split(' '));
    expect(stderr).toBe('');
    expect(timeless(stdout)).toBe(timeless(output));
    expect(code).toBe(command.startsWith('simulate') ? 3 : 0);
  });

  it('are recorded: which, of whom, by which user of the machine', async () => {
    const { audit, listener } = loadConfig(readFileSync(join(root, gatewayFile), 'utf8'), {
      ...environment,
      CONSENT_GATEWAY__audit__outboxFile: join(folder, 'commands/outbox.db'),
      CONSENT_GATEWAY__audit__primary: '{ kind: file, path: /nowhere }',
    });
    // What waits in the outbox and what was delivered is all there is.
    const waiting = readEvents(audit, listener.publicBaseUrl);
    const delivered = readFileSync(join(folder, 'events.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => ({
        sequence: 0,
        streams: [],
        event: JSON.parse(line) as (typeof waiting)[number]['event'],
      }));
    const all = [...waiting, ...delivered];
    const services = new Set(all.flatMap(detailsOf).filter((one) => one.startsWith('service=')));
    expect(services).toEqual(new Set(['service=in-force', 'service=explain', 'service=simulate']));
    expect(new Set(all.flatMap(patientsOf))).toEqual(new Set(['Patient/ada', 'Patient/eve']));
    expect(JSON.stringify(all)).toContain('urn:fhir-consent-gateway:command-line');
  });
});

describe('simulate', () => {
  const tried = (...more: readonly string[]) =>
    run(
      ...['simulate', '--config', gatewayFile, '--patient', 'ada', '--requesters', 'examples/explain/requesters.yaml'],
      ...['--resource', 'Observation/ada-a1c,Observation/ada-drug-screen', ...more],
    );

  it('a configuration that changes nothing: exit 0', async () => {
    const { code, stdout } = await tried('--changed-config', gatewayFile);
    expect(stdout).toContain('Nobody would gain or lose anything.');
    expect(code).toBe(0);
  });

  it('another configuration: who loses, and that the default decided it', async () => {
    const strict = readFileSync(join(root, gatewayFile), 'utf8').replace(
      'decision:\n',
      'decision:\n  implicitPolicy: deny\n',
    );
    const { code, stdout } = await tried('--changed-config', file('strict.yaml', strict), '--format', 'json');
    const { requesters } = JSON.parse(stdout) as {
      requesters: readonly {
        requester: string;
        lost: readonly { resource: string; after: { reasons: readonly { code: string }[] } }[];
      }[];
    };
    expect(code).toBe(3);
    expect(requesters.map(({ requester, lost }) => [requester, lost.map(({ resource }) => resource)])).toEqual([
      ['dr-grey', ['Observation/ada-a1c']],
      ['harbor', []],
    ]);
    expect(requesters[0]?.lost[0]?.after.reasons).toEqual([{ code: 'no-applicable-consent', step: 8, label: 'rest' }]);
  });

  it.each([
    ['nothing that changes', [], /--consent FILE, --changed-config FILE/],
    ['a draft that is not there', ['--consent', 'none.json'], /none\.json cannot be read/],
    ['a draft that is no Consent', ['--consent', 'package.json'], /cannot be read as a Consent of FHIR R4/],
    [
      'a draft read as another version',
      ['--consent', 'examples/explain/without-harbor.json', '--fhir-version', 'R5'],
      /cannot be read as a Consent of FHIR R5/,
    ],
  ])('%s: exit 1, and it says so', async (_what, more, says) => {
    const { code, stdout, stderr } = await tried(...more);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(says);
  });

  it('a draft of another patient is refused by name', async () => {
    const draft = readFileSync(join(root, 'examples/explain/without-harbor.json'), 'utf8');
    const { code, stderr } = await tried('--consent', file('ben.json', draft.replace('Patient/ada', 'Patient/ben')));
    expect(code).toBe(1);
    expect(stderr).toContain('is not a Consent of this patient');
  });
});

describe('explain', () => {
  it.each([
    ['nobody described', [], /--requester FILE, or by --token-file FILE/],
    ['an unknown key', ['--requester', 'REQUESTER'], /requester\.yaml:[\s\S]*Unrecognized key/],
    ['a token that nobody issued', ['--token-file', 'REQUESTER'], /access token is not valid/],
  ])('%s: exit 1, and it says so', async (_what, more, says) => {
    const described = file('requester.yaml', 'role: clinician\n');
    const args = more.map((one) => (one === 'REQUESTER' ? described : one));
    const { code, stdout, stderr } = await run('explain', '--config', gatewayFile, '--patient', 'ada', ...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(says);
  });

  it('whom a token names: verified, and with the emergency that he may state; another audience’s token is refused', async () => {
    const base = 'http://127.0.0.1:8090/fhir';
    const issuers = await Promise.all([startIssuer(base), startIssuer('https://other.example/fhir')]);
    const explained = async (index: number, purpose: string, ...more: readonly string[]) => {
      const [issuer] = issuers.slice(index);
      if (issuer === undefined) throw new Error('no issuer');
      const token = await issuer.tokenFor({
        id: 'dr-grey',
        client: 'app',
        scope: 'user/*.rs',
        claims: {
          fhirUser: 'Practitioner/dr-grey',
          organization: 'Organization/mercy-hospital',
          roles: ['clinician'],
          purpose_of_use: [purpose],
          acr: 'strong',
          auth_time: Math.floor(Date.now() / 1000),
        },
      });
      const known = `[{ issuer: '${issuer.url}', allowInsecureHttp: true, presets: [plain], roles: { clinician: clinician } }]`;
      return runWith(
        { CONSENT_GATEWAY__identity__issuers: known, CONSENT_GATEWAY__emergency__acrValues: '[strong]' },
        ...['explain', '--config', gatewayFile, '--patient', 'ada', '--token-file', file('token', `${token}\n`)],
        ...['--resource', 'Observation/ada-drug-screen', '--format', 'json', ...more],
      );
    };
    try {
      const verdicts = async (purpose: string, ...more: readonly string[]) => {
        const { code, stdout, stderr } = await explained(0, purpose, ...more);
        expect([code, stderr]).toEqual([0, '']);
        const { requester, resources } = JSON.parse(stdout) as {
          requester: object;
          resources: readonly { verdict: string; code?: string; reasons: readonly { code: string }[] }[];
        };
        expect(requester).toMatchObject({ roles: ['clinician'], purposes: [purpose] });
        return resources.map(({ verdict, code, reasons }) => [verdict, code ?? reasons[0]?.code]);
      };
      expect(await verdicts('TREAT')).toEqual([['withheld', 'no-qualifying-permit']]);
      expect(await verdicts('ETREAT', '--emergency')).toEqual([['released', 'emergency']]);
      const refused = await explained(1, 'TREAT');
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toMatch(/access token is not valid/);
    } finally {
      await Promise.all(issuers.map((issuer) => issuer.close()));
    }
  });
});

describe('in-force', () => {
  it('as FHIR and as a page', async () => {
    const asked = (format: string) => run('in-force', '--config', gatewayFile, '--patient', 'eve', '--format', format);
    expect(JSON.parse((await asked('json')).stdout)).toMatchObject({ resourceType: 'Parameters' });
    expect((await asked('html')).stdout).toMatch(/^<!doctype html>/);
    expect((await asked('pdf')).stderr).toContain('--format is one of');
  });

  it('of a patient who is not there: exit 1', async () => {
    const { code, stderr } = await run('in-force', '--config', gatewayFile, '--patient', 'nobody');
    expect([code, stderr]).toEqual([1, 'There is no such resource.\n']);
  });
});
