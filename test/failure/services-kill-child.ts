/**
 * The whole gateway, as an operator starts it, that ends itself with SIGKILL at the step that KILL_AT names, the KILL_ON-th time it gets there:
 * `asked`, a moment after a request came in, or `answered`, in the turn in which an answer was handed to the socket. Argument: its configuration.
 */
import { subscribe } from 'node:diagnostics_channel';
import { configSchema } from '../../src/config/config.ts';
import { serve } from '../../src/serve.ts';

const channels: Readonly<Record<string, string>> = {
  asked: 'http.server.request.start',
  answered: 'http.server.response.finish',
};
const kill = (): void => void process.kill(process.pid, 'SIGKILL');

const gateway = await serve(configSchema.parse(JSON.parse(process.argv[2] as string)));
let reached = 0;
const step = process.env.KILL_AT as string;
subscribe(channels[step] as string, () => {
  if (++reached !== Number(process.env.KILL_ON)) return;
  if (step === 'answered') kill();
  else setTimeout(kill, Number(process.env.KILL_AFTER));
});
console.log(new URL(gateway.servicesUrl as string).origin);
