import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Alerts, type LastSeen } from '../../src/audit/alerts.ts';
import { createRecorder, readEvents } from '../../src/audit/audit.ts';
import { disclosureText, readRecord, refusalText } from '../../src/audit/record.ts';
import type { Disclosure } from '../../src/audit/recorder.ts';
import { alertsConfig } from '../../src/config/alerts.ts';
import { createMetrics, watchRecorder } from '../../src/telemetry/metrics.ts';
import { keepTold } from '../support/told.ts';
import {
  configOf,
  context,
  disclosure,
  keepForValidation,
  parts,
  publicBaseUrl,
  request,
  resource,
  temporaryDirectory,
} from './disclosures.ts';

const minute = 60_000;
const day = 86_400_000;
const noon = Date.parse('2026-03-04T12:00:00Z'); // a Wednesday
const never: LastSeen = () => undefined;

/** Looks at answers one after the other; the numbers of those that gave an alert. */
function alarmed(
  rule: Record<string, unknown>,
  answers: readonly (readonly [number, Disclosure])[],
  lastSeen = never,
): number[] {
  const { rules } = alertsConfig.parse({ rules: [{ name: 'rule', ...rule }] });
  const alerts = new Alerts(rules, lastSeen);
  return answers.flatMap(([at, one], index) =>
    alerts.see(readRecord(disclosureText(one, at)), index + 1).map(({ sequence }) => sequence),
  );
}

const ofPatient = (id: number, subject = 'u-123'): Disclosure =>
  disclosure({ context: context({ subject }), released: [resource('Observation/x', [`Patient/p${id}`])] });
const nothing = disclosure({ released: [], status: 404, outcome: 'not-found' });

describe('an alert', () => {
  const patients = { counts: 'patients', threshold: 3, windowMinutes: 10 };

  it('is given for many patients in a short time, once, and again when the window has passed', () => {
    const answers = [1, 2, 3, 4, 5].map((id) => [noon + id * minute, ofPatient(id)] as const);
    expect(alarmed(patients, answers)).toEqual([3]);
    const later = [6, 7, 8].map((id) => [noon + 30 * minute + id, ofPatient(id)] as const);
    expect(alarmed(patients, [...answers, ...later])).toEqual([3, 8]);
  });

  it('is not given for the same patient again and again, nor for the same number in a long time', () => {
    expect(
      alarmed(
        patients,
        [1, 1, 1, 1].map((id) => [noon, ofPatient(id)]),
      ),
    ).toEqual([]);
    expect(
      alarmed(
        patients,
        [1, 2, 3, 4].map((id) => [noon + id * 6 * minute, ofPatient(id)]),
      ),
    ).toEqual([]);
  });

  it('counts each person alone', () => {
    expect(
      alarmed(
        patients,
        ['a', 'b', 'c'].map((subject, id) => [noon, ofPatient(id, subject)]),
      ),
    ).toEqual([]);
  });

  it('is for people unless systems are named', () => {
    const system = (id: number): Disclosure => ({ ...ofPatient(id), context: context({ clientKind: 'system' }) });
    const answers = [1, 2, 3].map((id) => [noon, system(id)] as const);
    expect(alarmed(patients, answers)).toEqual([]);
    expect(alarmed({ ...patients, clientKinds: ['system'] }, answers)).toEqual([3]);
  });

  it('is given for many denials, refusals among them', () => {
    const { rules } = alertsConfig.parse({ rules: [{ name: 'denials', counts: 'denials', threshold: 2 }] });
    const alerts = new Alerts(rules, never);
    const refused = refusalText(
      { request: request(['Patient', 'ada']), code: 'scope-insufficient', context: context() },
      noon,
      0,
    );
    expect(alerts.see(readRecord(disclosureText(nothing, noon)), 1)).toEqual([]);
    expect(alerts.see(readRecord(disclosureText(ofPatient(1), noon)), 2)).toEqual([]);
    expect(alerts.see(readRecord(refused), 3)).toMatchObject([{ rule: 'denials', count: 2, sequence: 3 }]);
  });

  it('is given for whom to watch, at the first answer', () => {
    const rule = { counts: 'watched-patients', patients: ['Patient/p2'] };
    expect(
      alarmed(
        rule,
        [1, 2].map((id) => [noon, ofPatient(id)]),
      ),
    ).toEqual([2]);
  });

  it('is given off hours, by the clock of the place', () => {
    const rule = { counts: 'off-hours', timeZone: 'America/New_York', fromHour: 8, toHour: 18 };
    const at = (time: string) => alarmed(rule, [[Date.parse(time), ofPatient(1)]]).length;
    expect(at('2026-03-04T14:00:00Z')).toBe(0); // nine in the morning there
    expect(at('2026-03-04T12:00:00Z')).toBe(1); // seven
    expect(at('2026-03-04T23:00:00Z')).toBe(1); // six in the evening
    expect(at('2026-03-07T15:00:00Z')).toBe(1); // a Saturday
  });

  it('is given for an emergency', () => {
    const emergency = { patient: 'Patient/p1', reason: 'unconscious', overrideReason: 'OVRER', disclosedBy: 'x' };
    const inEmergency = { ...ofPatient(1), context: { ...context(), emergency } } as Disclosure;
    expect(
      alarmed({ counts: 'emergencies' }, [
        [noon, ofPatient(1)],
        [noon, inEmergency],
      ]),
    ).toEqual([2]);
  });

  it('is given when somebody comes back who was long away, and not for somebody new', () => {
    const rule = { counts: 'dormant', dormantDays: 90 };
    const away = (days: number) =>
      alarmed(
        rule,
        [
          [noon, ofPatient(1)],
          [noon + 1, ofPatient(1)],
        ],
        () => noon - days * day,
      );
    expect(away(91)).toEqual([1]);
    expect(away(89)).toEqual([]);
    expect(alarmed(rule, [[noon, ofPatient(1)]])).toEqual([]);
  });
});

describe('a gateway', () => {
  it('records an alert for the security office, and tells the webhook the rule and no name', async () => {
    const heard: string[] = [];
    let refusals = 1;
    const server = createServer((asked, response) => {
      asked.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
      asked.on('end', () => {
        keepTold('alert', `${asked.method} ${asked.url} ${heard.at(-1)}`);
        response.writeHead(refusals-- > 0 ? 503 : 204).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const directory = temporaryDirectory();
    const config = configOf(directory.path, {
      alerts: {
        rules: [{ name: 'two-patients', counts: 'patients', threshold: 2 }],
        webhook: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts` },
      },
    });
    const lines: unknown[] = [];
    const hear = (message: string, fields?: object) => void lines.push([message, fields]);
    const recorder = await createRecorder(config, { ...parts, log: { info: hear, warn: hear, error: hear } });
    const metrics = createMetrics();
    watchRecorder(metrics, () => recorder.metrics());
    for (const id of [1, 2]) await recorder.record(ofPatient(id));
    for (let waited = 0; heard.length < 2 && waited < 10_000; waited += 50) await pause(50);
    expect(recorder.metrics().alerts).toEqual({ 'two-patients': 1 });
    const shown = await metrics.registry.metrics();
    expect(shown).toContain('gateway_alerts{rule="two-patients"} 1');
    expect(JSON.stringify(lines)).toContain('two-patients');
    for (const told of [shown, JSON.stringify(lines)]) expect(told).not.toMatch(/Patient|u-123|Lee|app-77|Observation/);
    await recorder.close();
    expect(heard).toHaveLength(2); // refused once, told again
    expect(JSON.parse(heard[1] ?? '')).toMatchObject({ rule: 'two-patients', count: 2, record: 2 });
    expect(heard.join()).not.toMatch(/Patient|u-123|Lee|app-77/);
    const events = readEvents(config, publicBaseUrl).filter(({ event }) => event.outcomeDesc === 'alert');
    expect(events.map(({ streams }) => streams)).toEqual([['securityOffice']]);
    expect(JSON.stringify(events[0]?.event.agent)).toContain('u-123');
    expect(JSON.stringify(events)).not.toMatch(/Patient\//);
    keepForValidation(
      'alert',
      events.map(({ event }) => event),
    );
    server.close();
    directory.remove();
  }, 20_000);

  it('counts an alert that the webhook does not take, however often it is tried', async () => {
    let asked = 0;
    const server = createServer((_asked, response) => {
      asked++;
      response.writeHead(500).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const directory = temporaryDirectory();
    const config = configOf(directory.path, {
      alerts: {
        rules: [{ name: 'first', counts: 'patients' }],
        webhook: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts` },
      },
    });
    const recorder = await createRecorder(config, parts);
    const metrics = createMetrics();
    watchRecorder(metrics, () => recorder.metrics());
    (await recorder.record(ofPatient(1))).complete(1, false);
    for (let waited = 0; asked < 5 && waited < 40_000; waited += 100) await pause(100);
    expect(await metrics.registry.metrics()).toContain('gateway_alerts_untold 0');
    await pause(200);
    (await recorder.record(ofPatient(2))).complete(1, false); // figures come with the next write
    for (let waited = 0; recorder.metrics().alertsUntold === 0 && waited < 10_000; waited += 50) await pause(50);
    expect(await metrics.registry.metrics()).toContain('gateway_alerts_untold 1');
    await recorder.close();
    server.close();
    directory.remove();
  }, 60_000);
});
