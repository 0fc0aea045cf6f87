import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { serve } from '../../src/serve.ts';
import { type Repository, startRepository } from '../audit/repository.ts';
import { ask, type Bench, errorCode, merged, startBench, until } from '../failure/bench.ts';
import { emergencyAcr } from '../twin/issuer.ts';

const page = async (url: string): Promise<string> => (await ask(`${url}/metrics`, undefined)).body;
async function figureAt(url: string, name: string): Promise<number> {
  const line = (await page(url)).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

describe('the metrics', () => {
  let bench: Bench;
  let repository: Repository;
  const figure = (name: string): Promise<number> => figureAt(bench.gateway.adminUrl, name);

  beforeAll(async () => {
    repository = await startRepository();
    bench = await startBench({
      auditUrl: repository.baseUrl,
      changes: {
        emergency: { acrValues: [emergencyAcr], maximumAgeMs: 86_400_000 },
        audit: { delivery: { minimumPauseMs: 10, maximumPauseMs: 50 } },
      },
    });
  });
  beforeEach(() => {
    repository.behaviour = () => 'take';
  });
  afterAll(async () => {
    await bench.close();
    await repository.close();
  });

  it('are all told of to operators', async () => {
    const folder = new URL('../../docs/', import.meta.url);
    const guides = readdirSync(folder).filter((name) => name.endsWith('.md'));
    const docs = guides.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
    const names = [...(await page(bench.gateway.adminUrl)).matchAll(/^# TYPE (gateway_\w+)/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter((name) => !docs.includes(`\`${name}`))).toEqual([]);
  });

  it('count answers by interaction and status, with their time', async () => {
    const names = [
      'gateway_requests_total{interaction="read",status="200"}',
      'gateway_requests_total{interaction="read",status="404"}',
      'gateway_request_duration_seconds_count{interaction="read"}',
    ];
    expect((await bench.ask('Patient/ada')).status).toBe(200);
    const before = await Promise.all(names.map(figure));
    await bench.ask('Patient/ada');
    await bench.ask('Patient/nobody-at-all');
    const zero = before.map((one) => (Number.isNaN(one) ? 0 : one));
    await until('both are counted', async () => (await figure(names[2] as string)) === (zero[2] ?? 0) + 2);
    expect(await Promise.all(names.map(figure))).toEqual([(zero[0] ?? 0) + 1, (zero[1] ?? 0) + 1, (zero[2] ?? 0) + 2]);
  });

  it('count answers in an emergency, and no others', async () => {
    const name = 'gateway_emergency_answers_total';
    const as = 'dr-grey-in-an-emergency';
    const stated = { 'x-emergency-patient': 'Patient/ada', 'x-emergency-reason': 'unconscious in the street' };
    await bench.ask('Patient/ada');
    expect(await figure(name)).toBe(0);
    expect((await bench.ask('Patient/ada', { as, headers: stated })).status).toBe(200);
    expect(await figure(name)).toBe(1);
    expect((await bench.ask('Patient/ada', { as })).status).toBe(403);
    expect(await figure(name)).toBe(1);
  });

  it('count what is not understood in Consents, by construct', async () => {
    const name = 'gateway_consent_findings_total{construct="Consent.member"}';
    expect(await figure(name)).toBeNaN();
    const { repo } = bench.relay.origin;
    const consent = [...repo.all('Consent')].find(({ text }) => text?.includes('Patient/ada'));
    repo.put(JSON.stringify({ ...JSON.parse(consent?.text ?? ''), id: 'odd', unheardOf: 'x' }));
    await bench.ask('Patient/ada');
    expect(await figure(name)).toBe(1);
    repo.delete('Consent', 'odd');
  });

  it('tell what waits in the outbox, for how long, and that it is gone', async () => {
    const empty = () => until('the outbox is empty', async () => (await figure('gateway_outbox_records')) === 0);
    await empty();
    const recorded = await figure('gateway_recorded_disclosures');
    repository.behaviour = () => 503;
    await bench.ask('Patient/ada');
    expect(await figure('gateway_recorded_disclosures')).toBe(recorded + 1);
    await until('it has waited', async () => (await figure('gateway_outbox_behind_seconds')) > 0.2);
    expect(await figure('gateway_outbox_records')).toBe(1);
    expect(await figure('gateway_outbox_bytes')).toBeGreaterThan(100);
    expect(await figure('gateway_outbox_maximum_bytes')).toBe(bench.config.audit.maximumBytes);
    repository.behaviour = () => 'take';
    await empty();
    expect(await Promise.all(['gateway_outbox_bytes', 'gateway_outbox_behind_seconds'].map(figure))).toEqual([0, 0]);
  });

  it('count events that a sink refuses for good', async () => {
    expect(await figure('gateway_events_refused_by_sink')).toBe(0);
    repository.behaviour = () => 422;
    await bench.ask('Patient/ada');
    await until('it is counted', async () => (await figure('gateway_events_refused_by_sink')) === 1);
  });

  describe('of a record that cannot be kept', () => {
    async function whileFull(changes: object, look: (url: string, adminUrl: string) => Promise<void>): Promise<void> {
      repository.behaviour = () => 503;
      const audit = { outboxFile: join(bench.folder, `full-${Object.keys(changes).join()}.db`), maximumBytes: 65_536 };
      const gateway = await serve(merged(bench.config, { listener: { port: 0 }, audit: { ...audit, ...changes } }));
      const read = () => ask(`${gateway.url}/Patient/ada`, bench.tokens.get('dr-grey'));
      try {
        for (let count = 0; count < 100; count++) await read();
        await look(gateway.url, gateway.adminUrl);
      } finally {
        await gateway.close();
      }
    }

    it('count answers that did not leave', async () => {
      await whileFull({}, async (url, adminUrl) => {
        const before = await figureAt(adminUrl, 'gateway_unrecordable_answers');
        expect(before).toBeGreaterThan(0);
        const refused = await ask(`${url}/Patient/ada`, bench.tokens.get('dr-grey'));
        expect([refused.status, errorCode(refused.body)]).toEqual([503, 'record-unavailable']);
        expect(await figureAt(adminUrl, 'gateway_unrecordable_answers')).toBe(before + 1);
        expect(await figureAt(adminUrl, 'gateway_disclosed_without_record')).toBe(0);
      });
    });

    it('count answers that left without, where the emergency setting lets them', async () => {
      await whileFull({ dangerouslyDiscloseWithoutRecord: true }, async (url, adminUrl) => {
        const before = await figureAt(adminUrl, 'gateway_disclosed_without_record');
        expect(before).toBeGreaterThan(0);
        expect((await ask(`${url}/Patient/ada`, bench.tokens.get('dr-grey'))).status).toBe(200);
        expect(await figureAt(adminUrl, 'gateway_disclosed_without_record')).toBe(before + 1);
        expect(await figureAt(adminUrl, 'gateway_unrecordable_answers')).toBe(0);
      });
    });
  });

  it('count a chain of records that somebody had a hand in', async () => {
    const outboxFile = join(bench.folder, 'chain.db');
    const config = merged(bench.config, { listener: { port: 0 }, audit: { outboxFile } });
    const alarmsAtStart = async (): Promise<number> => {
      const gateway = await serve(config);
      await ask(`${gateway.url}/Patient/ada`, bench.tokens.get('dr-grey'));
      const alarms = await figureAt(gateway.adminUrl, 'gateway_record_chain_alarms');
      await gateway.close();
      return alarms;
    };
    expect([await alarmsAtStart(), await alarmsAtStart()]).toEqual([0, 0]);
    const database = new DatabaseSync(outboxFile);
    database.exec('UPDATE outbox SET link = zeroblob(32)');
    database.close();
    expect(await alarmsAtStart()).toBeGreaterThan(0);
  });
});
