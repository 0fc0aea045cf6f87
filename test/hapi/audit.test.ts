import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type Validation, validateEvents } from './hapi.ts';

const repository = join(import.meta.dirname, '..', '..');
const fixtures = join(repository, 'fixtures');

describe('the validator tells right AuditEvents from wrong ones', () => {
  let right: Validation;
  let wrong: Validation;
  const expected = parse(readFileSync(join(fixtures, 'auditevent-wrong', 'expected.yaml'), 'utf8')) as Record<
    string,
    string
  >;

  beforeAll(async () => {
    right = await validateEvents(join(fixtures, 'auditevent'));
    wrong = await validateEvents(join(fixtures, 'auditevent-wrong'));
  });

  it('accepts every example of IHE BALP', () => {
    expect(right.complaints).toEqual([]);
    expect(right.valid).toBe(namesIn('auditevent').length);
  });

  it('rejects every wrong one', () => {
    expect(wrong.valid).toBe(0);
    expect(wrong.invalid).toBe(namesIn('auditevent-wrong').length);
  });

  it('has an expected complaint for each wrong one', () => {
    expect(Object.keys(expected).sort()).toEqual(namesIn('auditevent-wrong'));
  });

  it.each(Object.entries(expected))('%s: %s', (name, complaint) => {
    const complaints = wrong.complaints.filter((line) => line.startsWith(`${name}.json `));
    expect(complaints).toContainEqual(expect.stringContaining(complaint));
  });
});

describe('the AuditEvents that the tests produced', () => {
  // A whole test run collects them in a directory that it names; alone, this suite runs the audit tests for them.
  const collected = process.env.AUDIT_EVENTS_DIR;
  const directory = collected ?? mkdtempSync(join(tmpdir(), 'audit-events-'));
  let produced: Validation;

  beforeAll(async () => {
    if (collected === undefined) await runAuditTests(directory);
    produced = await validateEvents(directory);
  });

  afterAll(() => {
    if (collected === undefined) rmSync(directory, { recursive: true });
  });

  it('validate against R4 and the profile they claim, every one', () => {
    expect(produced.complaints.slice(0, 20)).toEqual([]);
    expect(produced.invalid).toBe(0);
    expect(produced.valid).toBeGreaterThan(0);
  });

  it.each(['PatientRead', 'PatientQuery', 'AuthZconsent', 'PrivacyDisclosure.Source'])('some claim %s', (profile) => {
    const url = `https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.${profile}`;
    expect(produced.profiles.get(url) ?? 0).toBeGreaterThan(0);
  });

  it.each(['unsuccessful-answer', 'rejected-token', 'other-answer', 'decision', 'withheld', 'activity'])(
    'some claim our own %s',
    (profile) => {
      expect(produced.profiles.get(`urn:fhir-consent-gateway:profile:${profile}`) ?? 0).toBeGreaterThan(0);
    },
  );
});

/** The tests of the record, each event they make written to the directory. */
async function runAuditTests(directory: string): Promise<void> {
  await promisify(execFile)('npm', ['run', 'jest', '--', 'test/audit'], {
    cwd: repository,
    env: { ...process.env, AUDIT_EVENTS_DIR: directory },
    maxBuffer: 64 * 1024 * 1024,
  });
}

function namesIn(folder: string): string[] {
  return readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith('.json'))
    .map((name) => basename(name, '.json'))
    .sort();
}
