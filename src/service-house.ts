import { createAuthenticator } from './authenticate/authenticate.ts';
import { type Config, ConfigError } from './config/config.ts';
import type { ServicesConfig } from './config/services.ts';
import type { Edges } from './gateway.ts';
import type { House } from './house.ts';
import type { ServiceEdges, ServiceRoutes } from './services/services.ts';

/** Everything that `services.grants` may name. */
const grantable: readonly string[] = [];

/** @throws {ConfigError} naming a grant for what is no service */
export function checkServices({ services }: Config): void {
  const unknown = Object.keys(services?.grants ?? {}).find((name) => !grantable.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`services.grants: there is no service ${unknown}; there are ${grantable.join(', ')}.`);
}

/** What a service's request may reach of the house: the same issuers, places and record as for FHIR, its own audience. */
export function serviceEdgesOf(
  { identity }: Config,
  { audiences, grants }: ServicesConfig,
  edges: Edges,
  now: () => number,
): ServiceEdges {
  if (audiences.length === 0) return { ...edges, grants };
  const issuers = identity.issuers.map((one) => ({ ...one, audiences }));
  const { authenticate } = createAuthenticator({ ...identity, issuers }, { publicBaseUrl: edges.publicBase, now });
  return { ...edges, authenticate, grants };
}

/** Every service there is; a new one is added here, and its name to what may be granted. */
export function serviceRoutesOf({ publicBaseUrl }: ServicesConfig, _house: House, _edges: Edges): ServiceRoutes {
  return { basePath: new URL(publicBaseUrl).pathname.replace(/\/$/, ''), services: [], documents: [] };
}
