import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import { type AuditRecorder, createRecorder, readEvents } from '../../src/audit/audit.ts';
import { auditConfig } from '../../src/config/audit.ts';
import {
  configOf,
  disclosure,
  part2,
  parts,
  publicBaseUrl,
  resource,
  restricted,
  temporaryDirectory,
} from './disclosures.ts';
import { type Repository, startRepository } from './repository.ts';

let directory: ReturnType<typeof temporaryDirectory>;
const running: AuditRecorder[] = [];
const repositories: Repository[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  for (const recorder of running.splice(0)) await recorder.close();
  for (const repository of repositories.splice(0)) await repository.close();
  directory.remove();
});

async function repositoryOf(behaviour?: Repository['behaviour']): Promise<Repository> {
  const repository = await startRepository(behaviour);
  repositories.push(repository);
  return repository;
}

const fhir = (repository: Repository, changes = {}) => ({ kind: 'fhir', baseUrl: repository.baseUrl, ...changes });
const quick = { minimumPauseMs: 10, maximumPauseMs: 50, timeoutMs: 500, concurrency: 1 };

async function start(sinks: Record<string, unknown>): Promise<AuditRecorder> {
  const config = configOf(directory.path, { securityOffice: { kind: 'none' }, delivery: quick, ...sinks });
  const recorder = await createRecorder(config, parts);
  running.push(recorder);
  return recorder;
}

async function answer(recorder: AuditRecorder, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const intent = await recorder.record(disclosure({ released: [resource(`Observation/${id}`, ['Patient/ada'])] }));
    intent.complete(512, false);
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 15_000) throw new Error(`waited in vain until ${what}`);
    await pause(20);
  }
}

const disclosed = (event: AuditEvent): string | undefined => event.entity?.[0]?.what?.reference?.split('/')[1];
const idsAt = (repository: Repository): (string | undefined)[] => repository.taken.map(({ event }) => disclosed(event));
const numbered = Array.from({ length: 40 }, (_, index) => `o${index}`);

describe('delivery', () => {
  it('presents the credential of the file, as it stands', async () => {
    const repository = await repositoryOf();
    const authorizationFile = join(directory.path, 'credential');
    writeFileSync(authorizationFile, 'Bearer first\n');
    const recorder = await start({ primary: fhir(repository, { authorizationFile }) });
    await answer(recorder, ['o0']);
    await until('it is there', () => repository.taken.length === 1);
    await pause(20);
    writeFileSync(authorizationFile, 'Bearer second\n');
    await answer(recorder, ['o1']);
    await until('both are there', () => repository.taken.length === 2);
    expect(repository.taken.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  it('creates where the repository gives the ids', async () => {
    const repository = await repositoryOf();
    const recorder = await start({ primary: fhir(repository) });
    await answer(recorder, ['o0']);
    await until('it is there', () => repository.taken.length === 1);
    expect(repository.taken[0]).toMatchObject({ method: 'POST', url: '/fhir/AuditEvent' });
  });

  it('updates by id where the repository takes them', async () => {
    const repository = await repositoryOf();
    const recorder = await start({ primary: fhir(repository, { interaction: 'update' }) });
    await answer(recorder, ['o0']);
    await until('it is there', () => repository.taken.length === 1);
    const [one] = repository.taken;
    expect(one).toMatchObject({ method: 'PUT', url: `/fhir/AuditEvent/${one?.event.id}` });
  });

  it('keeps several events under way, and delivers each', async () => {
    const repository = await repositoryOf();
    const recorder = await start({ primary: fhir(repository), delivery: { ...quick, concurrency: 8 } });
    await answer(recorder, numbered);
    await until('the outbox is empty', () => recorder.metrics().records === 0);
    expect(idsAt(repository).sort()).toEqual([...numbered].sort());
  });
});

describe('the trails', () => {
  const sud = resource('Observation/methadone', ['Patient/ada'], { labels: [restricted, part2] });
  const hidden = resource('Observation/hidden', ['Patient/ada']);

  it('are separate: Part 2 events go to both, what was withheld to the security office alone', async () => {
    const [primary, separate] = [await repositoryOf(), await repositoryOf()];
    const office = join(directory.path, 'office', 'withheld.jsonl');
    const recorder = await start({
      primary: fhir(primary),
      part2: fhir(separate),
      securityOffice: { kind: 'file', path: office },
    });
    await answer(recorder, ['a1c']);
    (await recorder.record(disclosure({ released: [sud], withheld: [hidden] }))).complete(1, false);
    await until('the outbox is empty', () => recorder.metrics().records === 0);
    expect(idsAt(primary)).toEqual(['a1c', 'methadone', 'ada']);
    expect(idsAt(separate)).toEqual(['methadone', 'ada']); // the answer, and the accounting row, which starts with the patient
    const lines = readFileSync(office, 'utf8').trim().split('\n');
    expect(lines.map((line) => disclosed(JSON.parse(line) as AuditEvent))).toEqual(['hidden']);
    expect(JSON.stringify(primary.taken)).not.toContain('Observation/hidden');
  });

  it('a file holds one event per line, goes on after a restart and is not for others to read', async () => {
    const path = join(directory.path, 'siem', 'events.jsonl');
    for (const ids of [['o0', 'o1'], ['o2']]) {
      const recorder = await start({ primary: { kind: 'file', path } });
      await answer(recorder, ids);
      await until('the outbox is empty', () => recorder.metrics().records === 0);
      await recorder.close();
    }
    const events = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEvent);
    expect(events.map(disclosed)).toEqual(['o0', 'o1', 'o2']);
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('a file that cannot be written is tried again', async () => {
    const blocked = join(directory.path, 'blocked');
    writeFileSync(blocked, 'a file where a directory should be');
    const recorder = await start({ primary: { kind: 'file', path: join(blocked, 'events.jsonl') } });
    await answer(recorder, ['o0']);
    await pause(300);
    expect(recorder.metrics()).toMatchObject({ records: 1, delivered: 0 });
    rmSync(blocked);
    await until('the outbox is empty', () => recorder.metrics().records === 0);
  });

  it('stay in the outbox where there is no sink', async () => {
    const config = configOf(directory.path);
    const recorder = await createRecorder(config, parts);
    running.push(recorder);
    (await recorder.record(disclosure({ released: [sud], withheld: [hidden] }))).complete(1, false);
    await recorder.close();
    expect(readEvents(config, publicBaseUrl).map(({ streams }) => streams)).toEqual([
      ['primary', 'part2'],
      ['primary', 'part2'],
      ['securityOffice'],
    ]);
  });
});

describe('the configuration', () => {
  const primary = { kind: 'file', path: 'events.jsonl' };
  it('must say where records of what was withheld go, once there is a sink', () => {
    expect(auditConfig.safeParse({ primary }).error?.issues[0]?.path).toEqual(['securityOffice']);
    expect(auditConfig.safeParse({ primary, securityOffice: { kind: 'none' } }).success).toBe(true);
    expect(auditConfig.safeParse({}).success).toBe(true);
  });

  it('takes no unknown key and nothing out of bounds', () => {
    expect(auditConfig.safeParse({ outbox: 'x' }).success).toBe(false);
    expect(auditConfig.safeParse({ maximumBytes: 1 }).success).toBe(false);
    expect(auditConfig.safeParse({ primary: { kind: 'fhir', baseUrl: 'not a url' } }).success).toBe(false);
  });
});
