import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import { patienceMs } from './hardened.ts';

const lookEveryMs = 500;

/**
 * A request's body, whole.
 * @param limit largest size in bytes
 * @throws {GatewayError} `payload-too-large`, by the stated length or as soon as it is passed; `request-too-slow`
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  minimumBytesPerSecond: number,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new GatewayError('payload-too-large');
  const started = performance.now();
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  const tooSlow = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => {
      if (performance.now() - started > patienceMs(size, minimumBytesPerSecond))
        reject(new GatewayError('request-too-slow'));
    }, lookEveryMs);
  });
  const reading = readWhole(request, limit, (bytes) => {
    size = bytes;
  });
  reading.catch(() => undefined); // it ends with the connection, when nobody waits for it any more
  try {
    return await Promise.race([reading, tooSlow]);
  } finally {
    clearInterval(timer);
  }
}

async function readWhole(
  request: IncomingMessage,
  limit: number,
  onBytes: (received: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new GatewayError('payload-too-large');
    onBytes(size);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Whether a body comes along (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** What is left of a request that is refused: read and dropped, or not waited for where it comes too slowly. */
export function leaveUnread(request: IncomingMessage, response: ServerResponse, code: ErrorCode): void {
  request.resume();
  if (code !== 'request-too-slow') return;
  response.setHeader('Connection', 'close');
  response.on('finish', () => request.destroy());
}
