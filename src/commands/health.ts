import { loadConfig } from '../config/config.ts';
import { type Command, configText, type Surroundings } from './command.ts';

const timeoutMs = 3_000;

/** Asks a running gateway whether it lives: for containers without a shell and without curl. */
export const healthCommand: Command = {
  name: 'health',
  usage: `consent-gateway health --config FILE        exit 0 if the gateway of this configuration lives, 1 if not
consent-gateway health --url URL            exit 0 if this URL of an admin listener answers 200, 1 if not`,
  options: { config: { type: 'string' }, url: { type: 'string' } },
  async run({ values }, { environment, write }) {
    const url = typeof values.url === 'string' ? values.url : liveUrl(values.config, environment);
    const lives = await answers(url);
    write(lives ? 'yes\n' : 'no\n');
    return lives ? 0 : 1;
  },
};

function liveUrl(file: unknown, environment: Surroundings['environment']): string {
  const { host, port } = loadConfig(configText(file), environment).admin;
  return `http://${nearest(host)}:${port}/live`;
}

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
