import { constants } from 'node:crypto';
import type { Server } from 'node:https';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { ConfigError } from '../config/config.ts';
import type { ListenerConfig } from '../config/listener.ts';
import { reread } from '../config/reread.ts';

type TlsConfig = NonNullable<ListenerConfig['tls']>;

/** Certificate, key and authorities of a listener as they are now. */
export type Tls = () => TlsOptions;

const lookEveryMs = 1_000;
/** TLS 1.2 with forward secrecy and authenticated encryption alone; TLS 1.3 has nothing else (RFC 9325 section 4.2). */
const modern = {
  minVersion: 'TLSv1.2',
  ciphers: [
    ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
    ...['ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ].join(':'),
  honorCipherOrder: true,
} as const satisfies TlsOptions;

/**
 * @param key the part of the configuration, for what is said of it
 * @param onFault told when files were changed to something that cannot be used
 * @throws {ConfigError}
 */
export function tlsOf(
  key: 'listener' | 'services' | 'services.administration',
  config: TlsConfig,
  deps: { readonly now: () => number; readonly onFault?: () => void },
): Tls {
  const { certificateFile, keyFile, clientCaFile, clientCertificates } = config;
  const files = [certificateFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  return reread(
    files,
    ([cert, secret, ca]) => {
      const material = { cert, key: secret, ...(ca === undefined ? {} : { ca }) };
      try {
        createSecureContext(material);
      } catch {
        throw new ConfigError(`${key}.tls: certificate, key and authorities are no PEM files that fit each other.`);
      }
      if (ca === undefined) return { ...modern, ...material };
      return {
        ...modern,
        ...material,
        requestCert: true,
        rejectUnauthorized: clientCertificates === 'required',
        secureOptions: constants.SSL_OP_NO_TICKET, // each connection shows its certificate to the authorities of now
      };
    },
    deps,
  );
}

/** Takes new files up while the server runs; connections that are open go on with the old ones. */
export function keepFresh(server: Server, tls: Tls): void {
  let current = tls();
  const timer = setInterval(() => {
    const next = tls();
    if (next === current) return;
    current = next;
    server.setSecureContext(next);
  }, lookEveryMs);
  timer.unref();
  server.once('close', () => clearInterval(timer));
}
