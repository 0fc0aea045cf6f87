/**
 * What a large record costs to keep, to prove and to ask: `node bench/record.ts [RECORDS]` (1,000,000). One core.
 * Records are as the gateway makes them: reads and searches of 20,000 patients by 200 persons, one in fifty sensitive.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, type Question, verifyRecord } from '../src/audit/answers.ts';
import { Archive, archiveDirectory } from '../src/audit/archive.ts';
import { Archivist } from '../src/audit/archivist.ts';
import { loadSigningKeys, signCheckpoint } from '../src/audit/checkpoint.ts';
import { loadKeys } from '../src/audit/keys.ts';
import { Outbox } from '../src/audit/outbox.ts';
import { disclosureText } from '../src/audit/record.ts';
import type { PatientKey } from '../src/fhir/ids.ts';
import { configOf, context, disclosure, part2, request, resource, restricted } from '../test/audit/disclosures.ts';

const records = Number(process.argv[2] ?? 1_000_000);
const patients = 20_000;
/** One of 200 records is about this one. */
const heavy = 'Patient/heavy' as PatientKey;
const directory = mkdtempSync(join(tmpdir(), 'record-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const config = configOf(directory);
const say = (what: string, figure: string): void => console.log(`| ${what} | ${figure} |`);

/** Written and archived as the worker does it, without the waiting between. */
function fill(): void {
  const outbox = Outbox.open(config.outboxFile, () => loadKeys(config));
  const signing = loadSigningKeys(config);
  const archive = new Archive(archiveDirectory(config) as string, outbox.id, loadKeys(config), signing);
  const acknowledged: number[] = [];
  const archivist = new Archivist({
    outbox,
    archive,
    tell: ({ ended }) => acknowledged.push(...ended),
    alarm: () => {
      throw new Error('the archive could not be written');
    },
  });
  const batch = 500;
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  let archiving = 0;
  for (let sequence = 1; sequence <= records; sequence += batch) {
    const sequences = Array.from({ length: Math.min(batch, records - sequence + 1) }, (_, index) => sequence + index);
    outbox.write({
      records: sequences.map(textOf),
      pending: 8,
      at: 1_700_000_000_000 + sequence * 50,
      completions: sequences
        .filter((one) => one > batch)
        .map((one) => ({ sequence: one - batch, bytesSent: 900, aborted: false })),
      acknowledgements: acknowledged.splice(0).map((one) => ({ sequence: one, stream: 8 })),
      checkpoint: signCheckpoint(outbox.id, outbox.head, sequence, signing),
    });
    const before = process.cpuUsage();
    archivist.copyAll();
    archiving += cpuSince(before);
  }
  const seconds = (performance.now() - started) / 1000;
  archive.close();
  outbox.close();
  say('written and archived', `${Math.round(records / seconds).toLocaleString('en')} records/s`);
  say('CPU of making, writing and archiving', `${(cpuSince(cpuBefore) / records).toFixed(0)} µs a record`);
  say('of it archiving and its index', `${(archiving / records).toFixed(0)} µs a record`);
}

/** Microseconds. */
function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function textOf(sequence: number): string {
  const patient = sequence % 200 === 0 ? heavy : `Patient/p${(sequence * 7919) % patients}`;
  const labels = sequence % 50 === 0 ? [restricted, part2] : undefined;
  const released = Array.from({ length: sequence % 10 === 0 ? 20 : 1 }, (_, index) =>
    resource(`Observation/o${sequence}-${index}`, [patient], labels === undefined ? {} : { labels }),
  );
  const who = context({
    subject: `u-${sequence % 200}`,
    clientId: `app-${sequence % 12}`,
    purposes: [{ code: sequence % 7 === 0 ? 'HRESCH' : 'TREAT', assigned: false }],
  });
  const path = released.length === 1 ? ['Observation', `o${sequence}-0`] : ['Observation'];
  return disclosureText(disclosure({ request: request(path), context: who, released }), 1_700_000_000_000);
}

fill();
const archive = archiveDirectory(config) as string;
const bytes = readdirSync(archive).reduce((sum, name) => sum + statSync(join(archive, name)).size, 0);
say('size in the archive, index and chain included', `${Math.round(bytes / records)} bytes a record`);

const started = performance.now();
const verifying = process.cpuUsage();
const [report] = verifyRecord(config);
const seconds = (performance.now() - started) / 1000;
const cpuSeconds = cpuSince(verifying) / 1_000_000;
if (report === undefined || report.break !== undefined)
  throw new Error(`verify found ${JSON.stringify(report?.break)}`);
const perSecond = (time: number): string => Math.round(report.entries / time).toLocaleString('en');
say('verify, entries per second of CPU', perSecond(cpuSeconds));
say('verify, entries per second by the clock', perSecond(seconds));

const period = { from: 0, to: Number.MAX_SAFE_INTEGER };
const usual = 'Patient/p7919' as PatientKey;
const questions: readonly [string, Question][] = [
  ['accounting of one patient', { kind: 'accounting', patient: usual, law: 'hipaa', ...period }],
  [
    `accounting of a patient with ${records / 200} records`,
    { kind: 'accounting', patient: heavy, law: 'hipaa', ...period },
  ],
  [
    `the own view of a patient with ${records / 200} records`,
    { kind: 'seen', patient: heavy, withholdFromPatient: false, limit: 100_000, ...period },
  ],
  [
    'what one client received in a hundredth of the time',
    { kind: 'received', client: 'app-3', limit: 100_000, from: 1_700_000_000_000, to: 1_700_000_000_000 + records / 2 },
  ],
  ['access review of all', { kind: 'review', dormantDays: 90, ...period, to: 1_800_000_000_000 }],
];
for (const [what, question] of questions) {
  const begun = performance.now();
  const { body } = ask(question, 'json', { config, publicBaseUrl: 'https://gateway.example.org/fhir' });
  say(what, `${Math.round(performance.now() - begun)} ms, ${body.length.toLocaleString('en')} bytes of JSON`);
}
