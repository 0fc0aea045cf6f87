import { sideOf } from '../administration-house.ts';
import { ConfigError, loadConfig } from '../config/config.ts';
import type { House } from '../house.ts';
import { explainName, explainService } from '../services/explain.ts';
import type { Asked } from '../services/service.ts';
import type { Side } from '../services/side.ts';
import { type Command, configText, fileText, type Given, required } from './command.ts';
import { requesterFile } from './read.ts';
import { askService } from './service.ts';

/** Explains what a requester would receive of a patient's record. */
export const explainCommand: Command = {
  name: 'explain',
  usage: `consent-gateway explain --config FILE --patient ID (--requester FILE | --token-file FILE)
                [--resource TYPE/ID,...] [--emergency] [--format text|json]
                                            what a requester would receive of a patient's record, and why`,
  options: {
    config: { type: 'string' },
    patient: { type: 'string' },
    requester: { type: 'string' },
    'token-file': { type: 'string' },
    resource: { type: 'string' },
    emergency: { type: 'boolean' },
    format: { type: 'string' },
  },
  async run({ values }, { environment, write }) {
    const patient = required(values, 'patient');
    const config = loadConfig(configText(values.config), environment);
    const call = { name: explainName, parameters: { patient }, body: bodyOf(values) };
    const { answer } = await askService(config, call, async (house, asked) => {
      const side = await sideFor(sideOf(config, house), house, values['token-file'], asked);
      return { answer: await explainService(side, () => true).answer(asked) };
    });
    write(answer.body.endsWith('\n') ? answer.body : `${answer.body}\n`);
    return 0;
  },
};

function bodyOf(values: Given['values']): unknown {
  const { requester, resource, emergency, format = 'text' } = values;
  const hasToken = values['token-file'] !== undefined;
  if ((requester === undefined) === !hasToken)
    throw new ConfigError('Say who asks: by --requester FILE, or by --token-file FILE.');
  return {
    requester: hasToken ? {} : requesterFile(requester as string),
    ...(typeof resource === 'string' ? { resources: resource.split(',') } : {}),
    ...(emergency === true ? { emergency } : {}),
    format,
  };
}

/** With a token the requester is who its issuer says, verified as at the door. */
async function sideFor(side: Side, house: House, tokenFile: unknown, { request }: Asked): Promise<Side> {
  if (typeof tokenFile !== 'string') return side;
  const authorization = `Bearer ${fileText(tokenFile).trim()}`;
  const requester = await house.authenticator.authenticate({ ...request, query: [], headers: { authorization } });
  return { ...side, requesterOf: () => requester };
}
