import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Review } from '../../src/audit/access-review.ts';
import type { AccountingRow } from '../../src/audit/accounting.ts';
import { type AnswerFormat, ask, askAside, type Question } from '../../src/audit/answers.ts';
import { createRecorder } from '../../src/audit/audit.ts';
import type { SeenBy } from '../../src/audit/patient-view.ts';
import type { Received } from '../../src/audit/received.ts';
import type { Disclosure } from '../../src/audit/recorder.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import {
  configOf,
  context,
  disclosure,
  keepForValidation,
  part2,
  parts,
  publicBaseUrl,
  request,
  resource,
  restricted,
  temporaryDirectory,
} from './disclosures.ts';

const ada = 'Patient/ada' as PatientKey;
const directory = temporaryDirectory();
const config = configOf(directory.path);
const started = Date.now();

const research = context({
  subject: 'r-1',
  clientId: 'research-app',
  name: 'Rex Search',
  organizationName: 'University <b>X</b>',
  purposes: [{ code: 'HRESCH', assigned: false }],
});
const methadone = resource('Observation/methadone', ['Patient/ada'], {
  labels: [restricted, part2],
  reasons: [{ code: 'qualifying-permit', step: 6, consent: 'Consent/part2/_history/1', label: '42CFRPart2' }],
});
const self = context({
  subject: 'ada',
  clientId: 'portal',
  name: 'Ada',
  fhirUser: 'Patient/ada',
  purposes: [{ code: 'PATRQT', assigned: true }],
});
const kept = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'NOPAT' };

const disclosures: readonly Disclosure[] = [
  disclosure(), // treatment
  disclosure({ context: research, released: [resource('Observation/a1c', ['Patient/ada'])] }),
  disclosure({
    context: research,
    released: [resource('Condition/1', ['Patient/ada']), resource('Condition/2', ['Patient/ben'])],
  }),
  disclosure({ released: [methadone, resource('Observation/a1c', ['Patient/ada'])] }),
  disclosure({ context: self, released: [methadone] }),
  disclosure({ released: [resource('Observation/secret', ['Patient/ada'], { labels: [kept] })] }),
  disclosure({
    released: [],
    status: 404,
    outcome: 'not-found',
    withheld: [resource('Condition/hidden', ['Patient/ada'])],
  }),
  disclosure({
    context: context({ subject: 'idle', name: 'Ida Idle' }),
    released: [resource('Observation/b', ['Patient/ben'])],
  }),
];

beforeAll(async () => {
  const recorder = await createRecorder(config, parts);
  for (const [index, one] of disclosures.entries()) {
    const intent = await recorder.record(one);
    if (index !== 2) intent.complete(512, false); // nobody tells of the end of the third
  }
  recorder.note({ request: request(['Patient', 'ada']), code: 'scope-insufficient', context: context() });
  recorder.note({ request: request(['Patient', 'ada']), code: 'token-invalid' });
  await recorder.close();
});
afterAll(directory.remove);

const period = { from: started - 1_000, to: started + 600_000 };
const bodyOf = (question: Question, format: AnswerFormat = 'json'): string =>
  ask(question, format, { config, publicBaseUrl }).body;
const accounting = (law: 'hipaa' | 'part2' | 'intermediary', patient = ada): AccountingRow[] =>
  JSON.parse(bodyOf({ kind: 'accounting', patient, law, ...period })) as AccountingRow[];

describe('an accounting of disclosures', () => {
  it('lists what went out for other purposes than treatment, payment and operations, and not what went to herself', () => {
    const rows = accounting('hipaa');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      recipient: { name: 'Rex Search', client: 'research-app', address: '203.0.113.9' },
      purposes: ['HRESCH'],
      what: ['Observation'],
      resources: ['Observation/a1c/_history/1'],
      basis: ['Consent/ada-treatment/_history/3'],
    });
  });

  it('has repeated disclosures to one recipient once, with their number, the last, and what may not have arrived', () => {
    const [row] = accounting('hipaa');
    expect(row).toMatchObject({ count: 2, uncertain: 1 });
    expect(row?.last).toBeGreaterThanOrEqual(row?.first ?? Number.NaN);
  });

  it("of Part 2 lists each disclosure of such records with consent, and nothing else of the answer's", () => {
    const rows = accounting('part2');
    expect(rows.map(({ resources, basis }) => [resources, basis])).toEqual([
      [['Observation/methadone/_history/1'], ['Consent/part2/_history/1']],
    ]);
    expect(accounting('intermediary')).toEqual(rows);
  });

  it('names nobody else', () => {
    for (const format of ['json', 'text', 'html', 'fhir'] as const) {
      const text = bodyOf({ kind: 'accounting', patient: ada, law: 'hipaa', ...period }, format);
      expect(text).toContain('Rex Search');
      expect(text).not.toMatch(/Patient\/ben|Condition\/2|hidden/);
    }
  });

  it('of another period is empty', () => {
    const before = { from: 0, to: started - 1_000 };
    expect(bodyOf({ kind: 'accounting', patient: ada, law: 'hipaa', ...before })).toBe('[]');
    expect(bodyOf({ kind: 'accounting', patient: ada, law: 'hipaa', ...before }, 'text')).toContain('There are none.');
  });

  it('as FHIR is the events themselves', () => {
    const bundle = JSON.parse(bodyOf({ kind: 'accounting', patient: ada, law: 'hipaa', ...period }, 'fhir'));
    const events = bundle.entry.map((entry: { resource: { meta: { profile: string[] } } }) => entry.resource);
    expect(events).toHaveLength(2);
    expect(events[0].meta.profile[0]).toMatch(/PrivacyDisclosure\.Source$/);
    keepForValidation('accounting', events);
  });

  it('as HTML shows names as text, whatever is in them', () => {
    const html = bodyOf({ kind: 'accounting', patient: ada, law: 'hipaa', ...period }, 'html');
    expect(html).toContain('University &lt;b&gt;X&lt;/b&gt;');
    expect(html).not.toMatch(/<script|<b>X/);
  });
});

describe('what a client received', () => {
  const received = (client: string, limit = 100): Received =>
    JSON.parse(bodyOf({ kind: 'received', client, limit, ...period })) as Received;

  it('names every patient with every version, and what is not known to have arrived', () => {
    expect(received('research-app')).toMatchObject({
      answers: 2,
      uncertain: 1,
      empty: 0,
      requesters: ['Rex Search, University <b>X</b>'],
      patients: [
        {
          patient: 'Patient/ada',
          resources: ['Observation/a1c/_history/1', 'Condition/1/_history/1'],
          holdsPart2: false,
        },
        { patient: 'Patient/ben', resources: ['Condition/2/_history/1'] },
      ],
      isCut: false,
    });
  });

  it('says whether Part 2 records were among it, and counts what came to nothing', () => {
    const all = received('app-77');
    expect(all.patients.find(({ patient }) => patient === 'Patient/ada')?.holdsPart2).toBe(true);
    expect(all.empty).toBe(2); // one not found, one refused
    expect(JSON.stringify(all)).not.toContain('hidden');
  });

  it('says so when there is more than was looked at', () => {
    expect(received('app-77', 2).isCut).toBe(true);
  });

  it('of a client nobody knows is empty', () => {
    expect(received('nobody')).toMatchObject({ answers: 0, patients: [] });
  });
});

describe('an access review', () => {
  const review = (dormantDays: number, to = period.to): Review =>
    JSON.parse(bodyOf({ kind: 'review', dormantDays, from: period.from, to })) as Review;

  it('says who asks, who received something sensitive, and who was denied', () => {
    const { requesters } = review(90);
    const of = (name: string) => requesters.find((one) => one.name === name);
    expect(of('Dr Ann Lee')).toMatchObject({ requests: 5, sensitive: 2, denied: 2, isDormant: false });
    expect(of('Rex Search')).toMatchObject({ requests: 2, sensitive: 0, denied: 0 });
    expect(of('Ida Idle')?.lastSensitive).toBeUndefined();
  });

  it('says by role who has it and received nothing sensitive with it', () => {
    const [role] = review(90).roles;
    expect(role).toMatchObject({ role: 'http://snomed.info/sct|309343006', holders: 4, users: 2 });
    expect([...(role?.unused ?? [])].sort()).toEqual(['Ida Idle', 'Rex Search']);
  });

  it('calls dormant who was not seen for so long', () => {
    const later = started + 10 * 86_400_000;
    expect(review(9, later).requesters.every(({ isDormant }) => isDormant)).toBe(true);
    expect(review(11, later).requesters.some(({ isDormant }) => isDormant)).toBe(false);
  });
});

describe("a patient's own view", () => {
  const seen = (withholdFromPatient: boolean): SeenBy[] =>
    JSON.parse(bodyOf({ kind: 'seen', patient: ada, withholdFromPatient, limit: 100, ...period })) as SeenBy[];

  it('shows who received something of hers, the latest first, and which was herself', () => {
    const all = seen(false);
    expect(all).toHaveLength(6);
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort((one, other) => other - one));
    expect(all.filter(({ byHerself }) => byHerself).map(({ who }) => who)).toEqual(['Ada']);
  });

  it('shows nothing that was withheld from others, no id, no Consent, no reason and nobody else', () => {
    const text = JSON.stringify(seen(false));
    expect(text).not.toMatch(/hidden|Consent|permit|ben|_history|methadone/);
  });

  it('leaves out what the deployment keeps from her, with the answer that held nothing else', () => {
    expect(seen(true)).toHaveLength(5);
    expect(JSON.stringify(seen(true))).not.toContain('secret');
  });
});

describe('an answer that was held back after it was recorded', () => {
  const other = temporaryDirectory();
  const ownConfig = configOf(other.path);
  afterAll(other.remove);
  const told = <Told>(question: Question): Told =>
    JSON.parse(ask(question, 'json', { config: ownConfig, publicBaseUrl }).body) as Told;

  it.each([
    ['is no disclosure', 0, true, 0],
    ['is one where something of it may have left', 1, true, 1],
    ['is one where it holds no body', 0, false, 1],
  ])('%s', async (_what, bytes, aborted, count) => {
    const clientId = `client-${bytes}-${aborted}`;
    const recorder = await createRecorder(ownConfig, parts);
    const asked = context({ subject: clientId, clientId, purposes: [{ code: 'HRESCH', assigned: false }] });
    const patient = `Patient/p${bytes}${aborted}` as PatientKey;
    const released = [resource('Observation/one', [patient])];
    (await recorder.record(disclosure({ context: asked, released }))).complete(bytes, aborted);
    await recorder.close();
    const limit = 100;
    expect(told<AccountingRow[]>({ kind: 'accounting', patient, law: 'hipaa', ...period })).toHaveLength(count);
    expect(told<SeenBy[]>({ kind: 'seen', patient, withholdFromPatient: false, limit, ...period })).toHaveLength(count);
    expect(told<Received>({ kind: 'received', client: clientId, limit, ...period })).toMatchObject({
      answers: count,
      uncertain: aborted ? count : 0,
      empty: 1 - count,
    });
  });
});

describe('a question that is asked aside', () => {
  const question: Question = { kind: 'received', client: 'app-77', limit: 100, ...period };
  const aside = (signal: AbortSignal) => askAside(question, 'json', { config, publicBaseUrl }, signal);

  it('is answered as on the thread that asks', async () => {
    const { body } = await aside(new AbortController().signal);
    expect(body).toBe(bodyOf(question));
  });

  it('ends when nobody waits for its answer any more, whether it has begun or not', async () => {
    const controller = new AbortController();
    const begun = aside(controller.signal);
    controller.abort();
    await expect(begun).rejects.toThrow('the record was not answered from');
    await expect(aside(controller.signal)).rejects.toThrow('the record was not answered from');
  });
});
