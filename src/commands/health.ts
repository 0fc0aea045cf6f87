import { loadConfig } from '../config/config.ts';
import { type Command, configText } from './command.ts';

const timeoutMs = 3_000;

/** Asks a running gateway whether it lives: for containers without a shell and without curl. */
export const healthCommand: Command = {
  name: 'health',
  usage: 'consent-gateway health --config FILE        exit 0 if the gateway of this configuration lives, 1 if not',
  options: { config: { type: 'string' } },
  async run({ values }, { environment, write }) {
    const { host, port } = loadConfig(configText(values.config), environment).admin;
    const lives = await answers(`http://${nearest(host)}:${port}/live`);
    write(lives ? 'live\n' : 'not live\n');
    return lives ? 0 : 1;
  },
};

async function answers(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    return ok;
  } catch {
    return false;
  }
}

/** An address to ask where one that stands for all of them is bound. */
function nearest(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
