import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors/errors.ts';

/**
 * A request's body, whole.
 * @param limit largest size in bytes
 * @throws {GatewayError} `payload-too-large`, by the stated length or as soon as it is passed
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new GatewayError('payload-too-large');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new GatewayError('payload-too-large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Whether a body comes along (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
