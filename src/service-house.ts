import { administrationNames, administrationServices, isForStewardsAlone } from './administration-house.ts';
import { createAuthenticator, directoryOf } from './authenticate/authenticate.ts';
import { type Config, ConfigError } from './config/config.ts';
import type { ServicesConfig } from './config/services.ts';
import { buildContext } from './context/context.ts';
import type { Edges } from './edges.ts';
import { part2 } from './fhir/vocabulary.ts';
import type { House } from './house.ts';
import { authzenMetadata, authzenName, authzenServices, reasonsName } from './services/authzen/authzen.ts';
import { consultDiscovery, consultName, consultService, sourcesName } from './services/consult/consult.ts';
import { recordNames, recordServices } from './services/record/record.ts';
import { holdsGrant, type ServiceEdges, type ServiceRoutes } from './services/services.ts';

/** Everything that `services.grants` may name. */
const grantable: readonly string[] = [
  authzenName,
  reasonsName,
  consultName,
  sourcesName,
  ...Object.values(recordNames),
  ...administrationNames,
];

/** @throws {ConfigError} naming a grant for what is no service, or a subject of an issuer that is not trusted */
export function checkServices({ services, identity }: Config): void {
  const unknown = Object.keys(services?.grants ?? {}).find((name) => !grantable.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`services.grants: there is no service ${unknown}; there are ${grantable.join(', ')}.`);
  for (const [type, { issuer }] of Object.entries(services?.authzen?.subjects ?? {})) {
    if (!identity.issuers.some((one) => one.issuer === issuer))
      throw new ConfigError(`services.authzen.subjects.${type}: ${issuer} is no configured issuer.`);
  }
}

/** What a service's request may reach of the house: the same issuers, places and record as for FHIR, its own audience. */
export function serviceEdgesOf(
  { identity }: Config,
  { audiences, grants }: ServicesConfig,
  house: Pick<House, 'policy' | 'tokenGuard'>,
  edges: Edges,
): ServiceEdges {
  // An emergency is stated for one patient's records at the FHIR base; here nobody is given more for one.
  const contextOf: ServiceEdges['contextOf'] = (requester, request) => buildContext(requester, request, house.policy);
  if (audiences.length === 0) return { ...edges, contextOf, grants };
  const issuers = identity.issuers.map((one) => ({ ...one, audiences }));
  const parts = { publicBaseUrl: edges.publicBase, now: edges.now };
  const authenticate = house.tokenGuard(createAuthenticator({ ...identity, issuers }, parts));
  return { ...edges, authenticate, contextOf, grants };
}

/** One listener for services: where it is, and what it offers. */
export interface ServiceDoor {
  readonly part: 'services' | 'administration';
  readonly config: ServicesConfig;
  readonly routes: ServiceRoutes;
}

/** Every service there is, by the listener that offers it; a new one is added here, and its name to what may be granted. */
export function serviceDoorsOf(
  whole: Config,
  config: ServicesConfig,
  house: House,
  edges: Edges,
): readonly ServiceDoor[] {
  const { audit, decision } = whole;
  const { publicBaseUrl, grants, authzen } = config;
  const { planFor, authorize, worldFor } = edges;
  const authzenParts = authzen && {
    config: authzen,
    publicBaseUrl,
    describe: house.authenticator.describe,
    contextOf: (...[requester, request]: Parameters<ServiceEdges['contextOf']>) =>
      buildContext(requester, request, house.policy),
    planFor,
    authorize,
    worldFor,
    statement: edges.statement,
    mayKnowReasons: (caller: Parameters<typeof holdsGrant>[1]) => holdsGrant(reasonsName, caller, grants),
  };
  const { upstream, consents, memberships, collectives, decisionSettings: settings } = house;
  const consulting = consultService({
    publicBaseUrl,
    localBases: house.readSettings.localBases,
    directory: directoryOf(whole.identity),
    upstream,
    consents,
    memberships,
    collectives,
    settings,
    ofSource: whole.labels.part2Source ? [part2] : [],
    mayKnowSources: (caller) => holdsGrant(sourcesName, caller, grants),
  });
  // Without an archive there is nothing to ask.
  const recorded =
    audit.archive.kind === 'none'
      ? []
      : recordServices({
          config: audit,
          publicBaseUrl: edges.publicBase,
          withholdFromPatient: decision.withholdFromPatient,
        });
  const administration = administrationServices(whole, house, grants);
  const ofStewards = [...recorded, ...administration];
  const others = [consulting, ...(authzenParts === undefined ? [] : authzenServices(authzenParts)), ...ofStewards];
  const documents = [
    consultDiscovery(publicBaseUrl),
    ...(authzenParts === undefined ? [] : [authzenMetadata(publicBaseUrl)]),
  ];
  const apart = config.administration;
  const offered = apart === undefined ? others : others.filter((service) => !isForStewardsAlone(service));
  return [
    { part: 'services', config, routes: { basePath: basePathOf(publicBaseUrl), services: offered, documents } },
    ...(apart === undefined
      ? []
      : [
          {
            part: 'administration' as const,
            config: { ...config, ...apart, tls: apart.tls },
            routes: { basePath: basePathOf(apart.publicBaseUrl), services: ofStewards, documents: [] },
          },
        ]),
  ];
}

function basePathOf(publicBaseUrl: string): string {
  return new URL(publicBaseUrl).pathname.replace(/\/$/, '');
}
