import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

const known = new WeakMap<TLSSocket, string>();

/**
 * The thumbprint of the certificate that the client of this connection proved to hold, and that the configured
 * authorities vouch for: SHA-256 of its DER, base64url (RFC 8705 section 3.1). No header stands for it.
 */
export function clientCertificateOf({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const remembered = known.get(socket);
  if (remembered !== undefined) return remembered;
  const raw = socket.getPeerX509Certificate()?.raw;
  if (raw === undefined) return undefined;
  const thumbprint = createHash('sha256').update(raw).digest('base64url');
  known.set(socket, thumbprint);
  return thumbprint;
}
