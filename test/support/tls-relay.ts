import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Authority, Certificate } from './certificates.ts';

/** A FHIR server behind mutual TLS. */
export interface TlsRelay {
  /** Its FHIR base. */
  readonly url: string;
  /** Serial numbers of the certificates that were shown to it. */
  readonly seen: ReadonlySet<string>;
  close(): void;
}

/** Stands before a FHIR server on plain HTTP: shows this certificate, and takes clients of these authorities alone. */
export async function startTlsRelay(target: string, own: Certificate, clients: Authority): Promise<TlsRelay> {
  const seen = new Set<string>();
  const options = { cert: own.cert, key: own.key, ca: clients.cert, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (request, response) => {
    seen.add((request.socket as TLSSocket).getPeerCertificate().serialNumber);
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', async () => {
        const answer = await fetch(new URL(request.url ?? '', target), {
          method: request.method ?? 'GET',
          headers: { 'content-type': request.headers['content-type'] ?? 'application/fhir+json' },
          ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
        });
        response.writeHead(answer.status, { 'content-type': 'application/fhir+json' }).end(await answer.text());
      });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`,
    seen,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
