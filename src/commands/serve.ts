import { writeSync } from 'node:fs';
import { loadConfig } from '../config/config.ts';
import { serve } from '../serve.ts';
import { type Command, configText } from './command.ts';

/** Runs the gateway until the process is told to stop. */
export const serveCommand: Command = {
  name: 'serve',
  usage: 'consent-gateway serve --config FILE         run the gateway',
  options: { config: { type: 'string' } },
  async run({ values }, { environment }) {
    const config = loadConfig(configText(values.config), environment);
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
    process.on('uncaughtException', giveUp);
    process.on('unhandledRejection', giveUp);
    return undefined;
  },
};

/** Says that it ended and by which kind of error, never what the error says: that may be anybody's data or secret. */
function giveUp(error: unknown): never {
  const name = error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'unknown';
  writeSync(
    process.stderr.fd,
    `${JSON.stringify({ level: 'error', message: 'a state nobody foresaw: the gateway ends', name })}\n`,
  );
  process.exit(70);
}
