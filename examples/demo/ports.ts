import { randomInt } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** Below the ports that operating systems give to outgoing connections: what is free there stays so until it is listened on. */
const lowest = 20_000;
const highest = 32_000;
const attempts = 20;

/** The port itself when it is free on loopback, else (or for 0) any free one. */
export async function freePort(preferred: number): Promise<number> {
  const wanted = preferred === 0 ? undefined : await tryPort(preferred);
  if (wanted !== undefined) return wanted;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const free = await tryPort(randomInt(lowest, highest));
    if (free !== undefined) return free;
  }
  return (await tryPort(0)) ?? preferred;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => resolve(found));
    });
  });
}
