import {
  type AnswerFormat,
  ask,
  checkpointsIn,
  compareSink,
  lastCheckpoint,
  lookBackYears,
  publicKeys,
  type Question,
  verifyRecord,
  yearsBefore,
} from '../audit/answers.ts';
import { type Config, ConfigError, loadConfig } from '../config/config.ts';
import { isId, type PatientKey } from '../fhir/ids.ts';
import { addHold, listHolds, releaseHold } from './audit-holds.ts';
import { type Command, configText, fileText, type Given } from './command.ts';

/** The record does not verify. */
const broken = 3;
const defaultLimit = '100000';
const defaultDormantDays = '90';

interface Asking {
  readonly config: Config;
  readonly values: Given['values'];
  readonly write: (text: string) => void;
}

const verbs: Readonly<Record<string, (asking: Asking) => number>> = {
  verify,
  checkpoint({ config, write }) {
    const found = lastCheckpoint(config.audit);
    if (found === undefined) throw new ConfigError('Nothing is signed yet.');
    write(`${JSON.stringify(found)}\n`);
    return 0;
  },
  'public-key'({ config, write }) {
    write(publicKeys(config.audit));
    return 0;
  },
  accounting(asking) {
    const law = oneOf(
      'law',
      asking.values.law ?? 'hipaa',
      Object.keys(lookBackYears) as (keyof typeof lookBackYears)[],
    );
    const period = periodOf(asking.values, yearsBefore(Date.now(), lookBackYears[law]));
    return answer({ kind: 'accounting', patient: patientOf(asking.values), law, ...period }, asking);
  },
  received(asking) {
    const { client, limit } = asking.values;
    if (typeof client !== 'string') throw new ConfigError('--client names the client, as in its tokens.');
    const period = periodOf(asking.values, 0);
    return answer({ kind: 'received', client, limit: numberOf('limit', limit ?? defaultLimit), ...period }, asking);
  },
  review(asking) {
    const dormantDays = numberOf('dormant-days', asking.values['dormant-days'] ?? defaultDormantDays);
    return answer({ kind: 'review', dormantDays, ...periodOf(asking.values, yearsBefore(Date.now(), 1)) }, asking);
  },
  compare({ config, values, write }) {
    if (typeof values.events !== 'string') throw new ConfigError('--events names a file of AuditEvents, one a line.');
    const stream = oneOf('stream', values.stream ?? 'primary', ['primary', 'part2', 'securityOffice'] as const);
    const compared = compareSink(fileText(values.events), stream, config.audit, publicBaseUrlOf(config));
    write(`${JSON.stringify(compared)}\n`);
    return compared.missing.length + compared.different.length + compared.unknown.length > 0 ? broken : 0;
  },
  hold: addHold,
  release: releaseHold,
  holds: listHolds,
  seen(asking) {
    const { withholdFromPatient } = asking.config.decision;
    const limit = numberOf('limit', asking.values.limit ?? defaultLimit);
    const period = periodOf(asking.values, yearsBefore(Date.now(), lookBackYears.hipaa));
    return answer({ kind: 'seen', patient: patientOf(asking.values), withholdFromPatient, limit, ...period }, asking);
  },
};

/** Asks the kept record: beside a running gateway, or after it. */
export const auditCommand: Command = {
  name: 'audit',
  usage: `consent-gateway audit verify --config FILE [--from TIME] [--to TIME] [--trusted-keys FILE] [--checkpoints FILE]
                                            prove the kept record complete and unaltered, or name the first break
consent-gateway audit compare --config FILE --events FILE [--stream primary|part2|securityOffice]
                                            set what a sink holds against the kept record
consent-gateway audit checkpoint --config FILE  print the last signature, to keep it elsewhere
consent-gateway audit public-key --config FILE  print the keys whose signatures count
consent-gateway audit accounting --config FILE --patient ID [--law hipaa|part2|intermediary]
                                            whom a patient's data went to, by law (fhir too)
consent-gateway audit received --config FILE --client ID [--limit N]
                                            what a client received
consent-gateway audit review --config FILE [--dormant-days N]
                                            who asks, with which roles, who received something sensitive, who is dormant
consent-gateway audit seen --config FILE --patient ID [--limit N]
                                            who has seen a patient's record, for the patient
    these take --from TIME, --to TIME and --format text|html|json
consent-gateway audit hold --config FILE --reason TEXT [--patient ID] [--from TIME] [--to TIME]
                                            keep records beyond their time
consent-gateway audit holds --config FILE       list what is held
consent-gateway audit release --config FILE --hold ID
                                            end a hold`,
  options: {
    config: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    'trusted-keys': { type: 'string' },
    checkpoints: { type: 'string' },
    patient: { type: 'string' },
    client: { type: 'string' },
    law: { type: 'string' },
    limit: { type: 'string' },
    'dormant-days': { type: 'string' },
    format: { type: 'string' },
    reason: { type: 'string' },
    hold: { type: 'string' },
    events: { type: 'string' },
    stream: { type: 'string' },
  },
  maximumPositionals: 1,
  async run({ values, positionals }, { environment, write }) {
    const [name] = positionals;
    const verb = name !== undefined && Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (verb === undefined) throw new ConfigError(`audit is asked one of: ${Object.keys(verbs).join(', ')}.`);
    return verb({ config: loadConfig(configText(values.config), environment), values, write });
  },
};

/** One line of JSON per chain; 3 when any has a break. */
function verify({ config, values, write }: Asking): number {
  const trusted = values['trusted-keys'];
  const checkpoints = values.checkpoints;
  const reports = verifyRecord(config.audit, {
    period: periodOf(values, 0),
    ...(typeof trusted === 'string' ? { trustedKeyFiles: [trusted] } : {}),
    ...(typeof checkpoints === 'string' ? { known: checkpointsIn(fileText(checkpoints)) } : {}),
  });
  for (const report of reports) write(`${JSON.stringify(report)}\n`);
  return reports.some((report) => report.break !== undefined) ? broken : 0;
}

function answer(question: Question, { config, values, write }: Asking): number {
  const format = oneOf<AnswerFormat>('format', values.format ?? 'text', ['text', 'html', 'json', 'fhir']);
  if (format === 'fhir' && question.kind !== 'accounting') throw new ConfigError('--format fhir is for accounting.');
  write(ask(question, format, { config: config.audit, publicBaseUrl: publicBaseUrlOf(config) }).body);
  return 0;
}

function publicBaseUrlOf({ listener }: Config): string {
  return listener.publicBaseUrl.replace(/\/$/, '');
}

function patientOf({ patient }: Given['values']): PatientKey {
  const id = typeof patient === 'string' ? patient.replace(/^Patient\//, '') : '';
  if (!isId(id)) throw new ConfigError('--patient is the id of a Patient.');
  return `Patient/${id}` as PatientKey;
}

function periodOf({ from, to }: Given['values'], start: number): { readonly from: number; readonly to: number } {
  return { from: timeOf('from', from) ?? start, to: timeOf('to', to) ?? Date.now() + 1 };
}

function timeOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const at = Date.parse(String(value));
  if (Number.isNaN(at)) throw new ConfigError(`--${name} is no date or time.`);
  return at;
}

function numberOf(name: string, value: unknown): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new ConfigError(`--${name} is no number.`);
  return number;
}

function oneOf<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
  const word = words.find((one) => one === value);
  if (word === undefined) throw new ConfigError(`--${name} is one of: ${words.join(', ')}.`);
  return word;
}
