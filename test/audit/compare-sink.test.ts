import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import { compareSink } from '../../src/audit/answers.ts';
import { createRecorder } from '../../src/audit/audit.ts';
import { configOf, disclosure, parts, publicBaseUrl, resource, temporaryDirectory } from './disclosures.ts';

const directory = temporaryDirectory();
const sink = join(directory.path, 'siem.ndjson');
const config = configOf(directory.path, {
  primary: { kind: 'file', path: sink },
  securityOffice: { kind: 'none' },
});
let lines: string[];

beforeAll(async () => {
  const about = { version: '1', policy: 'p', policyHash: 'h', configurationHash: 'c' };
  const recorder = await createRecorder(config, { ...parts, about });
  for (let count = 0; count < 5; count++) {
    const released = [
      resource(`Observation/o${count}`, ['Patient/ada']),
      resource(`Condition/c${count}`, ['Patient/ben']),
    ];
    (await recorder.record(disclosure({ released }))).complete(512, false);
  }
  for (let waited = 0; recorder.metrics().delivered < 12 && waited < 10_000; waited += 20) await pause(20);
  await recorder.close();
  lines = readFileSync(sink, 'utf8').trimEnd().split('\n');
});
afterAll(directory.remove);

const compare = (held: readonly string[]) => compareSink(held.join('\n'), 'primary', config, publicBaseUrl);
const changed = (line: string, change: (event: AuditEvent) => object): string =>
  JSON.stringify(change(JSON.parse(line) as AuditEvent));

describe('what a sink holds', () => {
  it('is what the record says, in whatever order, repeated or with what a repository adds', () => {
    expect(lines).toHaveLength(12); // two of the start, ten of answers; the stop is on its way
    const held = [...lines, lines[3] as string].reverse();
    const stored = held.map((line) =>
      changed(line, ({ meta, id: _, ...event }) => ({
        meta: { lastUpdated: '2026-03-01T00:00:00Z', versionId: '1', ...meta },
        id: 'own',
        ...event,
      })),
    );
    expect(compare(stored)).toMatchObject({
      expected: 13,
      found: 12,
      repeats: 1,
      missing: [],
      different: [],
      unknown: [],
    });
  });

  it('is missed when it is gone', () => {
    const { missing, different, unknown } = compare(lines.filter((_, index) => index !== 5));
    expect([missing.length, different.length, unknown.length]).toEqual([1, 0, 0]);
  });

  it.each([
    [
      'a patient',
      (event: AuditEvent) => JSON.parse(JSON.stringify(event).replaceAll('Patient/ada', 'Patient/eve')) as object,
    ],
    ['the time', (event: AuditEvent) => ({ ...event, recorded: '2026-01-01T00:00:00.000Z' })],
    ['an agent', (event: AuditEvent) => ({ ...event, agent: event.agent.slice(1) })],
    ['a label', (event: AuditEvent) => ({ ...event, meta: { ...event.meta, security: [] } })],
  ])('is named when %s was changed', (_, change) => {
    const at = lines.findIndex((line) => line.includes('Patient/ada'));
    expect(compare(lines.map((line, index) => (index === at ? changed(line, change) : line))).different).toHaveLength(
      1,
    );
  });

  it('is named when no record has it', () => {
    const forged = changed(lines[4] as string, (event) => ({
      ...event,
      extension: [{ ...event.extension?.[0], valueIdentifier: { value: 'urn:uuid:forged' } }],
    }));
    expect(compare([...lines, forged]).unknown).toEqual(['urn:uuid:forged']);
  });

  it('from before the kept record is told apart', () => {
    const old = changed(lines[4] as string, (event) => ({
      ...event,
      recorded: '2020-01-01T00:00:00.000Z',
      extension: [{ ...event.extension?.[0], valueIdentifier: { value: 'urn:uuid:old' } }],
    }));
    expect(compare([...lines, old])).toMatchObject({ older: 1, unknown: [] });
  });
});
