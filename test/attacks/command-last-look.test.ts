import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { pause, type Relay, runMain, startRelay } from '../failure/bench.ts';

/** A Consent is revoked while an answer at the command line waits for its record. */

const secondMs = 1_000;
const gatewayFile = 'examples/explain/gateway.yaml';
let relay: Relay;
let folder: string;
beforeAll(async () => {
  relay = await startRelay([...textsOf(peopleBundles())]);
  folder = mkdtempSync(join(tmpdir(), 'command-last-look-'));
});
afterAll(async () => {
  await relay.close();
  rmSync(folder, { recursive: true, force: true });
});

const consent = 'ada-consent-exchange';
function setConsent(status: string): void {
  const text = relay.origin.repo.current('Consent', consent)?.text as string;
  relay.origin.repo.put(text.replace(/"status":"[a-z]+"/, `"status":"${status}"`));
}

function run(...args: readonly string[]) {
  const line = runMain([...args, '--config', gatewayFile, '--patient', 'ada', '--resource', 'Observation/ada-a1c'], {
    CONSENT_GATEWAY__upstream__baseUrl: relay.url,
    CONSENT_GATEWAY__consent__maximumAgeMs: '0',
    CONSENT_GATEWAY__sealing__keyFile: join(folder, 'sealing.key'),
    CONSENT_GATEWAY__audit__outboxFile: join(folder, 'outbox.db'),
    CONSENT_GATEWAY__audit__primary: `{ kind: file, path: ${join(folder, 'events.jsonl')} }`,
  });
  return line.ended.then(({ code }) => ({ code, text: line.stdout() }));
}

const summitFile = 'examples/explain/summit.yaml';
function fileOf(name: string, from: string, change: (text: string) => string): string {
  const path = join(folder, name);
  writeFileSync(path, change(readFileSync(from, 'utf8')));
  return path;
}

describe.each([
  ['explain', () => ['--requester', summitFile]],
  [
    'simulate',
    () => [
      '--requesters',
      fileOf('requesters.yaml', summitFile, (text) => `summit:\n${text.replaceAll(/^(?!#)/gm, '  ')}`),
      '--changed-config',
      // The Consents of Mercy are another's then.
      fileOf('changed.yaml', gatewayFile, (text) => text.replace('[Organization/mercy-hospital, ', '[')),
    ],
  ],
] as const)('%s', (command, argsOf) => {
  it('tells what is in force when it is told', async () => {
    const args = argsOf();
    setConsent('active');
    const before = await run(command, ...args);
    expect(before.text).toContain(consent);
    const other = new DatabaseSync(join(folder, 'commands/outbox.db'));
    other.exec('BEGIN IMMEDIATE'); // somebody else writes to the record
    const asked = relay.calls.length;
    const answer = run(command, ...args);
    for (let seen = asked; seen === asked || seen < relay.calls.length; ) {
      seen = relay.calls.length;
      await pause(secondMs);
    }
    setConsent('inactive');
    await pause(secondMs);
    other.close();
    const { text } = await answer;
    expect(text).not.toContain(consent);
    expect(text).toMatch(/withheld: Observation\/ada-a1c|Nobody would gain or lose anything/);
  }, 60_000);
});
