import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, ConfigError, loadConfig } from '../config/config.ts';
import { timeReader } from '../fhir/dates.ts';
import { localBasesOf } from '../house.ts';
import { compareLabels, comparison, comparisonText } from '../steward/compare.ts';
import { type Command, configText, fileText, type Given } from './command.ts';
import { labellingWith, rateFrom, serverOf, textOf, typesFrom } from './labelling.ts';

/** Something gains or loses a label. */
const changed = 3;

/** Compares the labels of a sample of the FHIR server's resources by two tables, or two configurations. Writes nothing. */
export const labelCompareCommand: Command = {
  name: 'label-compare',
  usage: `consent-gateway label-compare --config FILE (--tables FILE,... | --changed-config FILE)
                [--sample 200] [--types Observation,Condition] [--per-second 50] [--no-text] [--format text|json]
                                            which labels a sample of the FHIR server's resources would gain and lose by
                                            other tables, by rule; writes nothing; exit 0 if none, ${changed} if some`,
  options: {
    config: { type: 'string' },
    tables: { type: 'string' },
    'changed-config': { type: 'string' },
    sample: { type: 'string' },
    types: { type: 'string' },
    'per-second': { type: 'string' },
    'no-text': { type: 'boolean' },
    format: { type: 'string' },
  },
  async run({ values }, { environment, write }) {
    const config = loadConfig(configText(values.config), environment);
    const readText = values['no-text'] !== true;
    const format = formatFrom(textOf(values.format));
    const options = {
      types: typesFrom(textOf(values.types)),
      perType: sampleFrom(textOf(values.sample)),
      perSecond: rateFrom(textOf(values['per-second'])),
    };
    const before = labellingWith(config, { readText });
    const after = labellingWith(changedFrom(values, config, environment), { readText });
    const upstream = serverOf(config, { text: readText, authorizationFile: config.upstream.authorizationFile });
    try {
      const compared = await compareLabels(options, {
        upstream,
        before,
        after,
        readSettings: { localBases: localBasesOf(config), time: timeReader(config.decision.timeZone) },
        errand: { authorization: undefined, signal: undefined },
        now: Date.now,
        sleep: (milliseconds) => sleep(milliseconds),
      });
      write(format === 'json' ? `${JSON.stringify(comparison.parse(compared))}\n` : comparisonText(compared));
      return compared.resources.length > 0 ? changed : 0;
    } finally {
      await upstream.close();
    }
  },
};

function changedFrom(values: Given['values'], config: Config, environment: Parameters<typeof loadConfig>[1]): Config {
  const tables = textOf(values.tables);
  const other = textOf(values['changed-config']);
  if ((tables === undefined) === (other === undefined))
    throw new ConfigError('Say what changes: --tables FILE,... or --changed-config FILE.');
  if (tables !== undefined) return { ...config, labels: { ...config.labels, tables: tables.split(',') } };
  const changedConfig = loadConfig(fileText(other as string), environment);
  if (changedConfig.upstream.baseUrl !== config.upstream.baseUrl)
    throw new ConfigError('Both configurations must name the same upstream: one sample is labelled in two ways.');
  return changedConfig;
}

/** Resources of each type. */
function sampleFrom(text = '200'): number {
  const sample = Number(text);
  if (!(Number.isInteger(sample) && sample >= 1 && sample <= 100_000))
    throw new ConfigError('--sample is a whole number from 1 to 100000.');
  return sample;
}

function formatFrom(text = 'text'): 'text' | 'json' {
  if (text !== 'text' && text !== 'json') throw new ConfigError('--format is text or json.');
  return text;
}
