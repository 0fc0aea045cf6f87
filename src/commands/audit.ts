import { checkpointsIn, lastCheckpoint, publicKeys, verifyRecord } from '../audit/answers.ts';
import { type Config, ConfigError, loadConfig } from '../config/config.ts';
import { type Command, configText, fileText, type Given } from './command.ts';

/** The record does not verify. */
const broken = 3;

interface Question {
  readonly config: Config;
  readonly values: Given['values'];
  readonly write: (text: string) => void;
}

const questions: Readonly<Record<string, (question: Question) => number>> = {
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
};

/** Asks the kept record: beside a running gateway, or after it. */
export const auditCommand: Command = {
  name: 'audit',
  usage: `consent-gateway audit verify --config FILE [--from TIME] [--to TIME] [--trusted-keys FILE] [--checkpoints FILE]
                                            prove the kept record complete and unaltered, or name the first break
consent-gateway audit checkpoint --config FILE  print the last signature, to keep it elsewhere
consent-gateway audit public-key --config FILE  print the keys whose signatures count`,
  options: {
    config: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    'trusted-keys': { type: 'string' },
    checkpoints: { type: 'string' },
  },
  maximumPositionals: 1,
  async run({ values, positionals }, { environment, write }) {
    const [name] = positionals;
    const question = name === undefined ? undefined : questions[name];
    if (question === undefined) throw new ConfigError(`audit is asked one of: ${Object.keys(questions).join(', ')}.`);
    return question({ config: loadConfig(configText(values.config), environment), values, write });
  },
};

/** One line of JSON per chain; 3 when any has a break. */
function verify({ config, values, write }: Question): number {
  const trusted = values['trusted-keys'];
  const checkpoints = values.checkpoints;
  const reports = verifyRecord(config.audit, {
    period: periodOf(values),
    ...(typeof trusted === 'string' ? { trustedKeyFiles: [trusted] } : {}),
    ...(typeof checkpoints === 'string' ? { known: checkpointsIn(fileText(checkpoints)) } : {}),
  });
  for (const report of reports) write(`${JSON.stringify(report)}\n`);
  return reports.some((report) => report.break !== undefined) ? broken : 0;
}

function periodOf({ from, to }: Given['values']): { readonly from: number; readonly to: number } {
  return { from: timeOf('from', from) ?? 0, to: timeOf('to', to) ?? Number.MAX_SAFE_INTEGER };
}

function timeOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const at = Date.parse(String(value));
  if (Number.isNaN(at)) throw new ConfigError(`--${name} is no date or time.`);
  return at;
}
