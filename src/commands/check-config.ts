import { loadConfig } from '../config/config.ts';
import { checkConfig } from '../serve.ts';
import { type Command, configText } from './command.ts';

/** Reads a configuration and says what is wrong with it. */
export const checkConfigCommand: Command = {
  name: 'check-config',
  usage: 'consent-gateway check-config --config FILE  read the configuration, say what is wrong, run nothing',
  options: { config: { type: 'string' } },
  async run({ values }, { environment, write }) {
    checkConfig(loadConfig(configText(values.config), environment));
    write('The configuration is complete and valid.\n');
    return 0;
  },
};
