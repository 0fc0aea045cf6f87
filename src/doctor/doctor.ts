import type { Config } from '../config/config.ts';
import { rereadText } from '../config/reread.ts';
import { upstreamTlsOf } from '../upstream/tls.ts';
import type { Finding } from './findings.ts';
import { examineClocks, examineIssuers, examineRedis, examineTrails } from './neighbours.ts';
import { createProbe } from './probe.ts';
import { examineUpstream } from './upstream.ts';

/**
 * Tries everything that a gateway of this configuration would talk to, and says what is not as it needs it.
 * @param mayWrite lets it write a Basic resource about nobody to the FHIR server, and remove it
 * @throws {ConfigError} when a file that the configuration names cannot be used
 */
export async function examine(config: Config, mayWrite: boolean): Promise<readonly Finding[]> {
  const { upstream } = config;
  const authorization = rereadText(upstream.authorizationFile, Date.now)();
  const tls = upstreamTlsOf(upstream, Date.now, () => undefined)();
  const probe = createProbe(upstream.baseUrl.replace(/\/$/, ''), authorization, tls);
  try {
    const parts = await Promise.all([
      examineUpstream(probe, config, mayWrite),
      examineIssuers(config),
      examineTrails(config),
      examineRedis(config),
      examineClocks(probe, config),
    ]);
    return parts.flat();
  } finally {
    await probe.close();
  }
}
