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
  it('creates each event at the repository, in order, and then empties the outbox', async () => {
    const repository = await repositoryOf();
    const recorder = await start({ primary: fhir(repository) });
    await answer(recorder, numbered);
    await until('the outbox is empty', () => recorder.metrics().records === 0);
    expect(idsAt(repository)).toEqual(numbered);
    expect(repository.taken[0]).toMatchObject({ method: 'POST', url: '/fhir/AuditEvent' });
    expect(recorder.metrics()).toMatchObject({ delivered: 40, retries: 0, usedBytes: 0 });
  });

  it('loses nothing and repeats under the same id while the repository fails, hangs and forgets to answer', async () => {
    const misbehaviour = [503, 'hang', 'lose', 429, 'take', 500] as const;
    const repository = await repositoryOf((_, request) => misbehaviour[request % misbehaviour.length] ?? 'take');
    const recorder = await start({ primary: fhir(repository) });
    await answer(recorder, numbered.slice(0, 6));
    await until('the outbox is empty', () => recorder.metrics().records === 0);
    const byId = new Map(repository.taken.map(({ event }) => [event.id, disclosed(event)]));
    expect([...byId.values()]).toEqual(numbered.slice(0, 6));
    expect(repository.taken.length).toBeGreaterThan(6); // some were lost after they were taken
    expect(recorder.metrics().retries).toBeGreaterThan(0);
  });

  it('goes on where it stopped after a restart', async () => {
    const repository = await repositoryOf(() => 503);
    const first = await start({ primary: fhir(repository) });
    await answer(first, numbered.slice(0, 5));
    await until('it was tried', () => repository.requests > 1);
    await first.close();
    expect(repository.taken).toEqual([]);
    repository.behaviour = () => 'take';
    const second = await start({ primary: fhir(repository) });
    await until('the outbox is empty', () => second.metrics().records === 0);
    expect(idsAt(repository)).toEqual(numbered.slice(0, 5));
    expect(JSON.stringify(repository.taken[0]?.event)).toContain('"delivery","valueString":"complete"');
  });

  it('waits for an answer that is still on its way, and does not hold back the others', async () => {
    const repository = await repositoryOf();
    const recorder = await start({ primary: fhir(repository) });
    const slow = await recorder.record(disclosure({ released: [resource('Observation/slow', ['Patient/ada'])] }));
    await answer(recorder, ['quick']);
    await until('the quick one is there', () => repository.taken.length === 1);
    slow.complete(3, true);
    await until('the outbox is empty', () => recorder.metrics().records === 0);
    expect(idsAt(repository)).toEqual(['quick', 'slow']);
    expect(JSON.stringify(repository.taken[1]?.event)).toContain('"delivery","valueString":"aborted"');
  });

  it('sets aside what the repository will never take, keeps it, and goes on', async () => {
    const repository = await repositoryOf((event) => (disclosed(event) === 'o1' ? 422 : 'take'));
    const recorder = await start({ primary: fhir(repository) });
    await answer(recorder, numbered.slice(0, 4));
    await until('the others are there', () => recorder.metrics().records === 1 && repository.taken.length === 3);
    expect(recorder.metrics().refusedBySink).toBe(1);
    repository.behaviour = () => 'take';
    await recorder.close();
    const again = await start({ primary: fhir(repository) });
    await until('the outbox is empty', () => again.metrics().records === 0);
    expect(idsAt(repository)).toEqual(['o0', 'o2', 'o3', 'o1']);
  });

  it('a sink that stays behind too long stops disclosures until it has caught up', async () => {
    const repository = await repositoryOf(() => 503);
    const config = {
      ...configOf(directory.path, { primary: fhir(repository), securityOffice: { kind: 'none' }, delivery: quick }),
      maximumBehindMs: 200,
    };
    const recorder = await createRecorder(config, parts);
    running.push(recorder);
    await answer(recorder, ['o0']);
    await pause(600);
    await expect(recorder.record(disclosure())).rejects.toMatchObject({ code: 'record-unavailable' });
    expect(recorder.healthy).toBe(false);
    repository.behaviour = () => 'take';
    await until('it has caught up', () => recorder.healthy);
    await recorder.record(disclosure());
  });

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

  it('one that fails does not hold back the others', async () => {
    const [primary, separate] = [await repositoryOf(), await repositoryOf(() => 503)];
    const recorder = await start({ primary: fhir(primary), part2: fhir(separate) });
    (await recorder.record(disclosure({ released: [sud] }))).complete(1, false);
    await until('the primary has it', () => primary.taken.length === 2);
    expect(recorder.metrics().records).toBe(1);
    separate.behaviour = () => 'take';
    await until('the outbox is empty', () => recorder.metrics().records === 0);
    expect(primary.taken.length).toBe(2);
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
