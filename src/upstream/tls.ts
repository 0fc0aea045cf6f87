import { createSecureContext } from 'node:tls';
import { ConfigError } from '../config/config.ts';
import { reread } from '../config/reread.ts';
import type { UpstreamConfig } from '../config/upstream.ts';
import type { UpstreamTls } from './exchange.ts';

/**
 * What is shown to the FHIR server and what it is known by, as the files are now.
 * @param onFault told when they were changed to something that cannot be used
 * @throws {ConfigError} when they cannot be used at first
 */
export function upstreamTlsOf(
  { tls }: UpstreamConfig,
  now: () => number,
  onFault: () => void,
): () => UpstreamTls | undefined {
  const { caFile, certificateFile, keyFile } = tls ?? {};
  const files = [caFile, certificateFile, keyFile];
  const named = files.filter((file) => file !== undefined);
  if (named.length === 0) return () => undefined;
  return reread(
    named,
    (contents) => {
      const [ca, cert, key] = files.map((file) => (file === undefined ? undefined : contents[named.indexOf(file)]));
      try {
        createSecureContext({ ca, cert, key });
      } catch {
        throw new ConfigError('upstream.tls: certificate, key and authorities are no PEM files that fit each other.');
      }
      return { ca, cert, key };
    },
    { now, onFault },
  );
}
