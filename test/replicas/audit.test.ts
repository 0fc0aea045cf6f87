import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AuditRecorder, createRecorder } from '../../src/audit/audit.ts';
import { auditConfig } from '../../src/config/audit.ts';
import { configOf, disclosure, parts, resource, temporaryDirectory } from '../audit/disclosures.ts';
import { type Repository, startRepository } from '../audit/repository.ts';
import { until } from '../failure/bench.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
const unavailable = { code: 'record-unavailable' };

let directory: ReturnType<typeof temporaryDirectory>;
let redis: RedisServer;
let repository: Repository;
const running: AuditRecorder[] = [];

beforeEach(async () => {
  directory = temporaryDirectory();
  redis = await startRedis({ extra: durable });
  repository = await startRepository();
  writeFileSync(join(directory.path, 'key'), randomBytes(32).toString('hex'));
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(directory.path, 'signing'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
});
afterEach(async () => {
  for (const recorder of running.splice(0)) await recorder.close();
  await Promise.all([redis.close(), repository.close()]);
  directory.remove();
});

const config = (changes: Record<string, unknown> = {}) =>
  configOf(directory.path, {
    redis: { servers: { kind: 'single', host: '127.0.0.1', port: redis.port } },
    key: { kind: 'file', currentFile: join(directory.path, 'key') },
    signingKey: { kind: 'file', currentFile: join(directory.path, 'signing') },
    archive: { kind: 'none' },
    securityOffice: { kind: 'none' },
    primary: { kind: 'fhir', baseUrl: repository.baseUrl },
    delivery: { minimumPauseMs: 10, maximumPauseMs: 50, timeoutMs: 500, concurrency: 1 },
    ...changes,
  });

async function start(changes: Record<string, unknown> = {}): Promise<AuditRecorder> {
  const recorder = await createRecorder(config(changes), parts);
  running.push(recorder);
  return recorder;
}

const answerOf = (id: string) => disclosure({ released: [resource(`Observation/${id}`, ['Patient/ada'])] });
const takenIds = (): Set<string | undefined> =>
  new Set(repository.taken.map(({ event }) => event.entity?.[0]?.what?.reference?.split('/')[1]));
const entries = async (): Promise<number> => {
  let sum = 0;
  for (const key of await redis.client.keys('*:record')) sum += await redis.client.xlen(key);
  return sum;
};

describe('an outbox in Redis', () => {
  it.each([[['--appendonly', 'yes', '--appendfsync', 'everysec']], [['--appendonly', 'no']]])(
    'does not start on a Redis that would forget: %j',
    async (extra) => {
      const forgetful = await startRedis({ extra });
      const elsewhere = { servers: { kind: 'single', host: '127.0.0.1', port: forgetful.port } };
      await expect(createRecorder(config({ redis: elsewhere }), parts)).rejects.toThrow(/appendfsync always/);
      await forgetful.close();
    },
  );

  it('does not start without Redis', async () => {
    await redis.kill();
    await expect(createRecorder(config(), parts)).rejects.toThrow(/cannot be reached/);
  });

  it('takes no key that only one replica has, and no archive', () => {
    const servers = { kind: 'single', host: '127.0.0.1', port: 1 };
    const { error } = auditConfig.safeParse({ redis: { servers } });
    expect(error?.issues.map(({ path }) => path.join())).toEqual(['key', 'signingKey', 'archive']);
  });

  it('killed while it is written to: nothing leaves, what was recorded is there after, and it goes on', async () => {
    repository.behaviour = () => 503;
    const recorder = await start();
    for (let count = 0; count < 5; count++) await recorder.record(answerOf(`before${count}`));
    await redis.kill();
    await expect(recorder.record(answerOf('meanwhile'))).rejects.toMatchObject(unavailable);
    await until('it is known', async () => !recorder.healthy);
    await redis.start();
    await until('it is well again', async () => recorder.healthy);
    await recorder.record(answerOf('after'));
    repository.behaviour = () => 'take';
    for (let waited = 0; (await entries()) > 0 && waited < 200; waited++) await pause(50);
    await recorder.close(); // answers whose end nobody told stay open until then
    const next = await start();
    await until('all are delivered', async () => takenIds().size >= 6);
    expect([...takenIds()]).toEqual(expect.arrayContaining(['before0', 'before4', 'after']));
    await next.close();
  });

  it('emptied by somebody: nothing is disclosed any more, and an alarm is given', async () => {
    repository.behaviour = () => 503;
    const recorder = await start();
    await recorder.record(answerOf('one'));
    await redis.kill();
    await expect(recorder.record(answerOf('two'))).rejects.toMatchObject(unavailable);
    const other = await startRedis({ extra: durable, port: redis.port });
    await until('it is seen', async () => recorder.metrics().chainAlarms > 0);
    expect(recorder.healthy).toBe(false);
    await expect(recorder.record(answerOf('three'))).rejects.toMatchObject(unavailable);
    await other.close();
  });

  it('of a replica that is gone is delivered by another, as the same events', async () => {
    repository.behaviour = () => 503;
    const gone = await start();
    for (let count = 0; count < 3; count++) (await gone.record(answerOf(`gone${count}`))).complete(9, false);
    await pause(300);
    await running.pop()?.close();
    repository.behaviour = () => 'take';
    await start();
    await until('it is taken over', async () => takenIds().size === 3);
    await until('nothing is left of it', async () => (await redis.client.keys('*:record')).length === 0);
    expect(JSON.stringify(repository.taken)).toContain('"delivery","valueString":"complete"');
  });
});
