import { administrationServices } from '../administration-house.ts';
import { ConfigError, loadConfig } from '../config/config.ts';
import { buildContext } from '../context/context.ts';
import { GatewayError } from '../errors/errors.ts';
import type { House } from '../house.ts';
import { downgradeName } from '../services/downgrade.ts';
import type { Asked } from '../services/service.ts';
import { holdsGrant } from '../services/services.ts';
import { type Command, configText, fileText, type Given, required } from './command.ts';
import { askService } from './service.ts';

/** Takes a label away, by two people: each proves who he is by a token, and has the grant for it. */
export const labelDowngradeCommand: Command = {
  name: 'label-downgrade',
  usage: `consent-gateway label-downgrade --config FILE --token-file FILE
    --resource TYPE/ID --label SYSTEM|CODE --reason TEXT
                                            propose that a label be taken away; prints the proposal
    --proposal FILE                           confirm it, as another person: then it is taken away`,
  options: {
    config: { type: 'string' },
    'token-file': { type: 'string' },
    reason: { type: 'string' },
    resource: { type: 'string' },
    label: { type: 'string' },
    proposal: { type: 'string' },
  },
  async run({ values }, { environment, write }) {
    const config = loadConfig(configText(values.config), environment);
    const { path, body } = callOf(values);
    const token = fileText(required(values, 'token-file')).trim();
    const grants = config.services?.grants ?? {};
    const call = { name: downgradeName, parameters: {}, body };
    const { answer } = await askService(config, call, async (house, asked) => {
      const service = administrationServices(config, house, grants).find((one) => one.path === path);
      if (service === undefined)
        throw new ConfigError('labels.writeAuthorizationFile is not configured: no label is taken away here.');
      const context = await contextOf(token, house, asked);
      if (!holdsGrant(downgradeName, context, grants)) throw new GatewayError('service-not-granted');
      return { answer: await service.answer({ ...asked, context }), context };
    });
    write(`${answer.body}\n`);
    return 0;
  },
};

function callOf(values: Given['values']): { readonly path: string; readonly body: object } {
  if (values.proposal !== undefined) {
    const proposal = proposalIn(fileText(required(values, 'proposal')).trim());
    return { path: '/labels/downgrades/confirm', body: { proposal } };
  }
  const [system = '', code = ''] = required(values, 'label').split('|');
  const body = { resource: required(values, 'resource'), label: { system, code }, reason: required(values, 'reason') };
  return { path: '/labels/downgrades', body };
}

/** The proposal alone, or the answer that it came in. */
function proposalIn(text: string): string {
  if (!text.startsWith('{')) return text;
  const { proposal } = JSON.parse(text) as { readonly proposal?: unknown };
  return typeof proposal === 'string' ? proposal : '';
}

/** Who the token's issuer says it is, verified as at the door. */
async function contextOf(token: string, house: House, { request }: Asked): Promise<Asked['context']> {
  const verified = { ...request, query: [], headers: { authorization: `Bearer ${token}` } };
  return buildContext(await house.authenticator.authenticate(verified), request, house.policy);
}
