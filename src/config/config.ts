import { z } from 'zod';
import { chooseFhirVersion } from '../fhir/version.ts';
import { answersConfig } from './answers.ts';
import { auditConfig } from './audit.ts';
import { consentConfig } from './consent.ts';
import { decisionConfig } from './decision.ts';
import { emergencyConfig } from './emergency.ts';
import { identityConfig } from './identity.ts';
import { labelsConfig } from './labels.ts';
import { adminConfig, limitsConfig, listenerConfig } from './listener.ts';
import { ConfigError, loadWith } from './load.ts';
import { part2Config } from './part2.ts';
import { policyConfig } from './policy.ts';
import { redisConfig } from './redis.ts';
import { representationConfig } from './representation.ts';
import { sealingConfig } from './sealing.ts';
import { searchConfig } from './search.ts';
import { servicesConfig } from './services.ts';
import { shadowConfig } from './shadow.ts';
import { tracesConfig } from './traces.ts';
import { upstreamConfig } from './upstream.ts';

export { ConfigError } from './load.ts';

/** The one schema: what the configuration file, the environment and the documents are made of. */
export const configSchema = z
  .strictObject({
    listener: listenerConfig,
    upstream: upstreamConfig,
    identity: identityConfig,
    policy: policyConfig,
    decision: decisionConfig.prefault({}),
    emergency: emergencyConfig.prefault({}),
    part2: part2Config.prefault({}),
    consent: consentConfig.prefault({}),
    redis: redisConfig.optional(),
    labels: labelsConfig.prefault({}),
    representation: representationConfig.prefault({}),
    search: searchConfig.prefault({}),
    answers: answersConfig.prefault({}),
    audit: auditConfig.prefault({}),
    sealing: sealingConfig.prefault({}),
    limits: limitsConfig.prefault({}),
    services: servicesConfig.optional(),
    shadow: shadowConfig,
    admin: adminConfig.prefault({}),
    traces: tracesConfig.optional(),
    log: z
      .strictObject({
        level: z
          .enum(['error', 'warn', 'info', 'silent'])
          .default('info')
          .describe('Least severe lines that are written.'),
      })
      .prefault({})
      .describe('The log: JSON lines on standard error, fields from an allow-list.'),
  })
  .describe('Configuration of the consent gateway.');

export type Config = z.output<typeof configSchema>;
/** As an operator writes it: what has a default may be left out. */
export type ConfigInput = z.input<typeof configSchema>;

/**
 * @param yaml text of the configuration file
 * @throws {ConfigError} naming every key that is wrong, missing or unknown
 */
export function loadConfig(yaml: string, environment: Readonly<Partial<Record<string, string>>>): Config {
  const config = loadWith(configSchema, yaml, environment);
  chooseVersionOf(config);
  return config;
}

/**
 * Everything that is read in this process is of the version of this configuration's FHIR server.
 * @throws {ConfigError} when something was read as of another version already
 */
export function chooseVersionOf({ upstream }: Config): void {
  try {
    chooseFhirVersion(upstream.fhirVersion);
  } catch {
    throw new ConfigError('upstream.fhirVersion: data of another version of FHIR is read in this process already.');
  }
}
