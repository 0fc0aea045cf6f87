import { sideOf } from '../administration-house.ts';
import { ConfigError, loadConfig } from '../config/config.ts';
import { inForceName, inForceService } from '../services/in-force.ts';
import { type Command, configText, required } from './command.ts';
import { askService } from './service.ts';

const formats = ['text', 'html', 'json'];

/** Prints what is in force for a patient. */
export const inForceCommand: Command = {
  name: 'in-force',
  usage: `consent-gateway in-force --config FILE --patient ID [--format text|html|json]
                                            which Consents of a patient count now, since when, and what they say`,
  options: { config: { type: 'string' }, patient: { type: 'string' }, format: { type: 'string' } },
  async run({ values }, { environment, write }) {
    const patient = required(values, 'patient');
    const format = values.format ?? 'text';
    if (typeof format !== 'string' || !formats.includes(format))
      throw new ConfigError(`--format is one of: ${formats.join(', ')}.`);
    const config = loadConfig(configText(values.config), environment);
    const { answer } = await askService(
      config,
      { name: inForceName, parameters: { patient }, query: [['_format', format]] },
      async (house, asked) => ({ answer: await inForceService(sideOf(config, house).edges, () => true).answer(asked) }),
    );
    write(answer.body.endsWith('\n') ? answer.body : `${answer.body}\n`);
    return 0;
  },
};
