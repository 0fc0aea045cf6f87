import { type Config, ConfigError } from '../config/config.ts';
import { rereadText } from '../config/reread.ts';
import type { Labelling } from '../discover/visibility.ts';
import { createLabelling, withTexts } from '../house.ts';
import { directoryTypes } from '../label/roles.ts';
import { servedTypes } from '../plan/plan.ts';
import { upstreamTlsOf } from '../upstream/tls.ts';
import { createUpstream, type Upstream } from '../upstream/upstream.ts';
import type { Given } from './command.ts';

/** Types that bear labels: not the directory, nor Consents, which are read as they were signed. */
const labelledTypes = (): readonly string[] =>
  servedTypes().filter((type) => !directoryTypes.has(type) && type !== 'Consent');

/** A configuration's labels, with some settings changed. @throws {ConfigError} naming what is wrong with a table */
export function labellingWith(config: Config, changes: Partial<Config['labels']>): Labelling {
  return createLabelling({ ...config, labels: { ...config.labels, ...changes } });
}

/** The FHIR server, asked with this credential. */
export function serverOf(
  { upstream, labels }: Config,
  { text, authorizationFile }: { readonly text: boolean; readonly authorizationFile: string | undefined },
): Upstream {
  const now = (): number => Date.now();
  const server = createUpstream(upstream, {
    now,
    authorization: rereadText(authorizationFile, now),
    tls: upstreamTlsOf(upstream, now, () => undefined),
  });
  return withTexts(server, { ...labels, readText: text });
}

export function textOf(value: Given['values'][string]): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @throws {ConfigError} naming types that bear no labels */
export function typesFrom(text: string | undefined): readonly string[] {
  const types = text?.split(',') ?? labelledTypes();
  const unknown = types.filter((type) => !labelledTypes().includes(type));
  if (unknown.length > 0) throw new ConfigError(`--types: ${unknown.join(', ')} cannot be labelled.`);
  return types;
}

/** Resources read in a second at most. */
export function rateFrom(text = '50'): number {
  const rate = Number(text);
  if (!(rate >= 1 && rate <= 10_000)) throw new ConfigError('--per-second is a number from 1 to 10000.');
  return rate;
}
