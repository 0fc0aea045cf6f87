/**
 * A gateway reduced to its disclosure protocol: record, answer, complete, with the real recorder. It ends itself with
 * SIGKILL at the step that KILL_AT names, the KILL_ON-th time it gets there. Argument: the directory of the outbox.
 *
 * ORDER=answer-first is the wrong way round: the harness must notice it.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRecorder } from '../../src/audit/audit.ts';
import { configOf, disclosure, parts, resource } from './disclosures.ts';

export type Step = 'before-record' | 'during-record' | 'after-record' | 'mid-body' | 'after-body' | 'after-completion';

const bodyHalf = 'x'.repeat(32_768);
const recorder = await createRecorder(configOf(process.argv[2] as string), parts);

let reached = 0;
function at(step: Step): void {
  if (process.env.KILL_AT === step && ++reached === Number(process.env.KILL_ON)) process.kill(process.pid, 'SIGKILL');
}

async function send(response: ServerResponse): Promise<void> {
  response.setHeader('content-length', 2 * bodyHalf.length);
  await new Promise<void>((resolve) => response.write(bodyHalf, () => resolve()));
  at('mid-body');
  await new Promise<void>((resolve) => response.end(bodyHalf, () => resolve()));
  at('after-body');
}

async function record(id: string) {
  at('before-record');
  const recorded = recorder.record(disclosure({ released: [resource(`Observation/${id}`, ['Patient/ada'])] }));
  setTimeout(() => at('during-record'), Math.random() * 2);
  const intent = await recorded;
  at('after-record');
  return intent;
}

const server = createServer(async (request, response) => {
  const id = (request.url ?? '/').slice(1);
  if (process.env.ORDER === 'answer-first') await send(response);
  const intent = await record(id);
  if (process.env.ORDER !== 'answer-first') await send(response);
  intent.complete(2 * bodyHalf.length, false);
  at('after-completion');
});
server.listen(0, '127.0.0.1', () => console.log(`READY ${(server.address() as AddressInfo).port}`));
