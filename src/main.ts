#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from './config/config.ts';
import { checkConfig, serve } from './serve.ts';

const usage = `consent-gateway serve --config FILE         run the gateway
consent-gateway check-config --config FILE  read the configuration, say what is wrong, run nothing

Any key may also be set by an environment variable: CONSENT_GATEWAY__upstream__baseUrl=https://...
`;

/** The command line; the only reader of the environment. */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: { type: 'string' } },
  });
  const [command] = positionals;
  if ((command !== 'serve' && command !== 'check-config') || positionals.length !== 1) {
    process.stderr.write(usage);
    return 2;
  }
  const text = values.config === undefined ? '' : textOf(values.config);
  const config = loadConfig(text, process.env);
  if (command === 'check-config') {
    checkConfig(config);
    process.stdout.write('The configuration is complete and valid.\n');
    return 0;
  }
  const starting = serve(config);
  const stop = (): void => {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    void starting.then((gateway) => gateway.close()).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop); // before it listens: who sees it listen may stop it
  process.on('SIGINT', stop);
  await starting;
  // A state nobody foresaw is not gone on with: requests under way fail, and the supervisor starts anew.
  process.on('uncaughtException', () => process.exit(70));
  process.on('unhandledRejection', () => process.exit(70));
  return -1;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new ConfigError(`${path} cannot be read.`);
  }
}

try {
  const code = await main(process.argv.slice(2));
  if (code >= 0) process.exitCode = code;
} catch (error) {
  const reason =
    error instanceof ConfigError
      ? error.message
      : `The gateway did not start: ${error instanceof Error ? error.message : 'unknown'}`;
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}
