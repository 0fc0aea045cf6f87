/** What every kind of outbox promises: the same tests, over each. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import { type AuditRecorder, createRecorder } from '../../src/audit/audit.ts';
import { type ChainHead, genesis, type Linked, linkOf } from '../../src/audit/chain.ts';
import type { AuditConfig } from '../../src/config/audit.ts';
import { until } from '../failure/bench.ts';
import { disclosure, keepForValidation, part2, parts, resource, restricted, secretToken } from './disclosures.ts';
import { type Repository, startRepository } from './repository.ts';

/** A place for one outbox, looked at from outside the gateway. */
export interface OutboxPlace {
  /** A configuration whose outbox is here. */
  config(changes: Record<string, unknown>): AuditConfig;
  /** Records in it. */
  count(): Promise<number>;
  /** Everything that is stored, as it is stored. */
  stored(): Promise<Buffer>;
  /** The one chain in it. */
  chain(): Promise<{ readonly id: string; readonly head: ChainHead; readonly entries: readonly Linked[] }>;
  /** Lets nothing be written; what it returns lets it again. */
  stop(): Promise<() => Promise<void>>;
  remove(): Promise<void>;
}

const unavailable = { code: 'record-unavailable' };
const quick = { minimumPauseMs: 10, maximumPauseMs: 50, timeoutMs: 500, concurrency: 1 };
const sud = (id: string) => resource(`Observation/${id}`, ['Patient/ada'], { labels: [restricted, part2] });
const answerOf = (id: string) => disclosure({ released: [resource(`Observation/${id}`, ['Patient/ada'])] });
const numbered = Array.from({ length: 40 }, (_, index) => `o${index}`);
const disclosed = (event: AuditEvent): string | undefined => event.entity?.[0]?.what?.reference?.split('/')[1];
const idsAt = (repository: Repository): (string | undefined)[] => repository.taken.map(({ event }) => disclosed(event));
const deliveriesAt = (repository: Repository): (string | undefined)[] =>
  repository.taken.map(
    ({ event }) =>
      event.entity?.flatMap(({ detail }) => detail ?? []).find(({ type }) => type === 'delivery')?.valueString,
  );

export function itKeepsTheRecord(kind: string, makePlace: () => Promise<OutboxPlace>): void {
  describe(`an outbox ${kind}`, () => {
    let place: OutboxPlace;
    let repository: Repository;
    const repositories: Repository[] = [];
    const running: AuditRecorder[] = [];

    beforeEach(async () => {
      place = await makePlace();
      repository = await repositoryOf();
    });
    afterEach(async () => {
      for (const recorder of running.splice(0)) await recorder.close();
      for (const one of repositories.splice(0)) await one.close();
      await place.remove();
    });

    async function repositoryOf(): Promise<Repository> {
      const one = await startRepository();
      repositories.push(one);
      return one;
    }

    const fhir = (one: Repository) => ({ kind: 'fhir', baseUrl: one.baseUrl });
    async function start(changes: Record<string, unknown> = {}): Promise<AuditRecorder> {
      const config = place.config({
        archive: { kind: 'none' },
        securityOffice: { kind: 'none' },
        primary: fhir(repository),
        delivery: quick,
        ...changes,
      });
      const recorder = await createRecorder(config, parts);
      running.push(recorder);
      return recorder;
    }
    const answer = async (recorder: AuditRecorder, ids: readonly string[]): Promise<void> => {
      for (const id of ids) (await recorder.record(answerOf(id))).complete(512, false);
    };
    const isEmpty = (recorder: AuditRecorder): Promise<void> =>
      until('the outbox is empty', () => recorder.metrics().records === 0, 30_000);

    describe('before an answer leaves', () => {
      it('has its record, and does not say so before it has', async () => {
        repository.behaviour = () => 503;
        const recorder = await start();
        await recorder.record(answerOf('one'));
        expect(await place.count()).toBe(1);
        const goOn = await place.stop();
        let resolved = false;
        const recorded = recorder.record(answerOf('two')).then(() => {
          resolved = true;
        });
        await pause(300);
        expect(resolved).toBe(false);
        await goOn();
        await recorded;
        expect(await place.count()).toBe(2);
      });

      it('shares a write among all that came during the last one', async () => {
        repository.behaviour = () => 503;
        const recorder = await start();
        const before = recorder.metrics().commits;
        await Promise.all(Array.from({ length: 400 }, (_, index) => recorder.record(answerOf(`x${index}`))));
        expect(await place.count()).toBe(400);
        expect(recorder.metrics().commits - before).toBeLessThan(40);
      });

      it('has it sealed: nothing of it is there in the clear, and no token', async () => {
        repository.behaviour = () => 503;
        const recorder = await start();
        (await recorder.record(answerOf('planted-id'))).complete(1, false);
        await until('its end is there', async () => (await place.chain()).entries.length === 2);
        expect((await place.stored()).length).toBeGreaterThan(100);
        expect(String(await place.stored())).not.toMatch(new RegExp(`planted-id|Patient/ada|Ann Lee|${secretToken}`));
        repository.behaviour = () => 'take';
        await isEmpty(recorder);
        expect(JSON.stringify(repository.taken)).toContain('planted-id');
      });

      it('refuses at once what is too many at one time, and records those that wait', async () => {
        const recorder = await start({ maximumWaiting: 10 });
        const outcomes = await Promise.allSettled(Array.from({ length: 25 }, () => recorder.record(disclosure())));
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
        expect(recorder.metrics()).toMatchObject({ recorded: 10, unavailable: 15, waiting: 0 });
      });

      it('by the emergency setting lets answers leave without, and counts them', async () => {
        const recorder = await start({ maximumWaiting: 1, dangerouslyDiscloseWithoutRecord: true });
        await Promise.all(Array.from({ length: 3 }, () => recorder.record(disclosure())));
        expect(recorder.metrics()).toMatchObject({ recorded: 1, disclosedWithoutRecord: 2, unavailable: 0 });
      });

      it('closing waits for what is being recorded; after it nothing is', async () => {
        repository.behaviour = () => 503;
        const recorder = await start();
        const recorded = recorder.record(answerOf('last'));
        await recorder.close();
        await recorded;
        expect(await place.count()).toBe(1);
        await expect(recorder.record(answerOf('late'))).rejects.toMatchObject(unavailable);
      });
    });

    it('is one chain over records and ends of answers, without a gap, from its beginning to its head, however slow a write is', async () => {
      repository.behaviour = () => 503;
      const recorder = await start();
      for (const id of ['a', 'b', 'c']) {
        (await recorder.record(answerOf(id))).complete(9, id === 'b');
        const goOn = await place.stop();
        await pause(300); // the end of the answer is being written
        const next = recorder.record(answerOf(`${id}-next`));
        await pause(100);
        await goOn();
        (await next).complete(9, false);
      }
      await Promise.all(numbered.map(async (id) => (await recorder.record(answerOf(id))).complete(1, false)));
      const count = 6 + numbered.length;
      await until('all ends are there', async () => (await place.chain()).entries.length === 2 * count);
      const { id, head, entries } = await place.chain();
      let link = genesis(id);
      for (const [index, entry] of entries.entries()) {
        expect(entry.position).toBe(index + 1);
        link = linkOf(link, entry);
        if (entry.kind === 'record') expect(Buffer.compare(entry.link, link)).toBe(0);
      }
      const records = entries.filter((entry) => entry.kind === 'record');
      expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, index) => index + 1));
      expect(head).toMatchObject({ position: 2 * count, sequence: count });
      expect(Buffer.compare(head.link, link)).toBe(0);
    });

    describe('delivers', () => {
      it('in order, once each, and lets go of what is delivered', async () => {
        const recorder = await start();
        await answer(recorder, numbered);
        await isEmpty(recorder);
        expect(idsAt(repository)).toEqual(numbered);
        expect(new Set(repository.taken.map(({ event }) => event.id)).size).toBe(numbered.length);
        expect(recorder.metrics()).toMatchObject({ delivered: 40, retries: 0, usedBytes: 0 });
        expect(await place.count()).toBe(0);
        keepForValidation(
          `outbox ${kind}`,
          repository.taken.map(({ event }) => event),
        );
      });

      it('at least once, repeats under the same id, while the sink fails, hangs and forgets to answer', async () => {
        const misbehaviour = [503, 'hang', 'lose', 429, 'take', 500] as const;
        repository.behaviour = (_, request) => misbehaviour[request % misbehaviour.length] ?? 'take';
        const recorder = await start();
        await answer(recorder, numbered.slice(0, 6));
        await isEmpty(recorder);
        const byId = new Map(repository.taken.map(({ event }) => [event.id, disclosed(event)]));
        expect([...byId.values()]).toEqual(numbered.slice(0, 6));
        expect(repository.taken.length).toBeGreaterThan(6); // some were lost after they were taken
        expect(recorder.metrics().retries).toBeGreaterThan(0);
      });

      it('what was there before a restart, in order, and what the sink had without our knowing under the same id', async () => {
        repository.behaviour = () => 'lose';
        const first = await start();
        await answer(first, numbered.slice(0, 5));
        await until('it was tried', () => repository.taken.length > 1);
        await first.close();
        const before = repository.taken.map(({ event }) => event.id);
        expect(await place.count()).toBe(5);
        repository.taken.length = 0;
        repository.behaviour = () => 'take';
        await start();
        await until('all are there', () => repository.taken.length >= 5);
        await until('nothing is left', async () => (await place.count()) === 0);
        expect(idsAt(repository)).toEqual(numbered.slice(0, 5));
        expect(deliveriesAt(repository)).toEqual(new Array(5).fill('complete'));
        expect(repository.taken.map(({ event }) => event.id)).toContain(before[0]);
      });

      it('with how the answer ended: the first word counts, and unknown where there was none', async () => {
        const recorder = await start();
        const [first] = await Promise.all([recorder.record(answerOf('told')), recorder.record(answerOf('untold'))]);
        first?.complete(3, true);
        first?.complete(512, false);
        await until('the one is there', () => repository.taken.length === 1);
        await recorder.close();
        await start();
        await until('both are there', () => repository.taken.length === 2);
        expect(idsAt(repository)).toEqual(['told', 'untold']);
        expect(deliveriesAt(repository)).toEqual(['aborted', 'unknown']);
      });

      it('an answer that is still on its way when it has ended, and does not hold back others for it', async () => {
        const recorder = await start();
        const slow = await recorder.record(answerOf('slow'));
        await answer(recorder, ['quick']);
        await until('the quick one is there', () => repository.taken.length === 1);
        slow.complete(3, true);
        await isEmpty(recorder);
        expect(idsAt(repository)).toEqual(['quick', 'slow']);
        expect(deliveriesAt(repository)).toEqual(['complete', 'aborted']);
      });

      it('the others when a sink refuses one for good, and keeps that one for the next start', async () => {
        repository.behaviour = (event) => (disclosed(event) === 'o1' ? 422 : 'take');
        const recorder = await start();
        await answer(recorder, numbered.slice(0, 4));
        await until('the others are there', () => recorder.metrics().records === 1 && repository.taken.length === 3);
        expect(recorder.metrics().refusedBySink).toBe(1);
        expect(await place.count()).toBe(1);
        repository.behaviour = () => 'take';
        await recorder.close();
        await start();
        await until('nothing is left', async () => (await place.count()) === 0);
        expect(idsAt(repository)).toEqual(['o0', 'o2', 'o3', 'o1']);
      });
    });

    describe('with several sinks', () => {
      it('keeps the place of each: one that is down holds back no other, and none gets anything twice, over a restart too', async () => {
        const separate = await repositoryOf();
        separate.behaviour = () => 503;
        const sinks = { part2: fhir(separate) };
        const recorder = await start(sinks);
        for (const id of ['m0', 'm1', 'm2']) {
          (await recorder.record(disclosure({ released: [sud(id)] }))).complete(1, false);
        }
        await until('the primary has all', () => idsAt(repository).filter((id) => id?.startsWith('m')).length === 3);
        await until('that is known', () => recorder.metrics().delivered === repository.taken.length);
        await pause(300);
        expect(await place.count()).toBe(3);
        await recorder.close();
        const atPrimary = repository.taken.length;
        separate.behaviour = () => 'take';
        await start(sinks);
        await until('nothing is left', async () => (await place.count()) === 0);
        expect(idsAt(separate).filter((id) => id?.startsWith('m'))).toEqual(['m0', 'm1', 'm2']);
        expect(repository.taken.length).toBe(atPrimary);
      });

      it('gives each only its own: Part 2 to two, what was withheld to the security office alone', async () => {
        const [separate, office] = [await repositoryOf(), await repositoryOf()];
        const recorder = await start({ part2: fhir(separate), securityOffice: fhir(office) });
        await answer(recorder, ['a1c']);
        const hidden = resource('Observation/hidden', ['Patient/ada']);
        const mixed = disclosure({ released: [sud('methadone')], withheld: [hidden] });
        (await recorder.record(mixed)).complete(1, false);
        await isEmpty(recorder);
        expect(idsAt(repository)).toEqual(['a1c', 'methadone', 'ada']);
        expect(idsAt(separate)).toEqual(['methadone', 'ada']); // the answer, and the accounting row, which starts with the patient
        expect(idsAt(office)).toEqual(['hidden']);
        expect(JSON.stringify([repository.taken, separate.taken])).not.toContain('Observation/hidden');
      });
    });

    describe('while a sink is down', () => {
      it('goes on recording, tries it no oftener for what is added, and delivers all in order after', async () => {
        repository.behaviour = () => 503;
        const recorder = await start({ delivery: { ...quick, minimumPauseMs: 60_000, maximumPauseMs: 60_000 } });
        const many = Array.from({ length: 200 }, (_, index) => `o${index}`);
        await answer(recorder, many);
        await until('it was tried', () => repository.requests > 0);
        await pause(300);
        expect(repository.requests).toBe(1);
        expect(recorder.healthy).toBe(true);
        await recorder.close();
        repository.behaviour = () => 'take';
        await start();
        await until('nothing is left', async () => (await place.count()) === 0, 30_000);
        expect(idsAt(repository)).toEqual(many);
      });

      it('is full at its bytes: it refuses, has alarmed from 80 % on, lost nothing, and opens again when there is room', async () => {
        repository.behaviour = () => 503;
        const recorder = await start({ maximumBytes: 65_536 });
        let kept = 0;
        let alarmedAt: number | undefined;
        const refusals: unknown[] = [];
        while (refusals.length === 0) {
          await recorder.record(answerOf(`f${kept}`)).then(
            (intent) => {
              kept++;
              intent.complete(9, false);
            },
            (error: unknown) => refusals.push(error),
          );
          if (recorder.metrics().alarm) alarmedAt ??= recorder.metrics().usedBytes;
        }
        expect(refusals).toEqual([expect.objectContaining(unavailable)]);
        expect(alarmedAt).toBeGreaterThanOrEqual(0.8 * 65_536);
        expect(alarmedAt).toBeLessThan(0.85 * 65_536);
        expect(recorder.metrics().usedBytes).toBeLessThanOrEqual(65_536);
        expect([recorder.healthy, recorder.metrics().state]).toEqual([false, 'full']);
        expect(await place.count()).toBe(kept);
        await expect(recorder.record(answerOf('more'))).rejects.toMatchObject(unavailable);
        repository.behaviour = () => 'take';
        await isEmpty(recorder);
        expect(idsAt(repository)).toEqual(Array.from({ length: kept }, (_, index) => `f${index}`));
        expect([recorder.healthy, recorder.metrics().usedBytes]).toEqual([true, 0]);
        await expect(recorder.record(answerOf('again'))).resolves.toBeDefined();
      });

      it('for too long stops disclosing, until it has caught up', async () => {
        repository.behaviour = () => 503;
        const config = { ...place.config({ archive: { kind: 'none' }, securityOffice: { kind: 'none' } }) };
        const recorder = await createRecorder(
          {
            ...config,
            primary: { kind: 'fhir', baseUrl: repository.baseUrl, interaction: 'create' },
            delivery: quick,
            maximumBehindMs: 200,
          },
          parts,
        );
        running.push(recorder);
        await answer(recorder, ['o0']);
        await pause(600);
        await expect(recorder.record(answerOf('o1'))).rejects.toMatchObject(unavailable);
        expect(recorder.healthy).toBe(false);
        repository.behaviour = () => 'take';
        await until('it has caught up', () => recorder.healthy);
        await expect(recorder.record(answerOf('o2'))).resolves.toBeDefined();
      });
    });
  });
}
