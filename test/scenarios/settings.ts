import { join } from 'node:path';
import { type Config, configSchema } from '../../src/config/config.ts';
import { cast } from './format.ts';
import { instants } from './instants.ts';

export interface Place {
  readonly publicBaseUrl: string;
  readonly port: number;
  readonly upstreamUrl: string;
  readonly issuer: string;
  readonly auditUrl: string;
  readonly folder: string;
  /** A consent store that speaks R5. */
  readonly registryUrl?: string;
  /** Epoch milliseconds of the requests; unset: now. */
  readonly at?: number;
}

/** Another URL of the data server, by which other servers refer to it. */
export const dataUrl = 'https://data.example/fhir';

export const audience = 'https://gateway.example/scenarios';
const plenty = { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 };

/** With days and instants in place of their names. */
function dated(settings: Readonly<Record<string, unknown>>, at: number): Readonly<Record<string, unknown>> {
  const when = instants(at);
  return JSON.parse(JSON.stringify(settings), (_name, value: unknown) =>
    typeof value === 'string' ? (when[value] ?? value) : value,
  ) as Readonly<Record<string, unknown>>;
}

const known = new Map<string, Config>();

/** The configuration of a gateway with one of the settings of cast.yaml; one object for the same settings and place. */
export function configOf(settings: string, place: Place): Config {
  const key = JSON.stringify([settings, place]);
  const config = known.get(key) ?? readConfig(settings, place);
  known.set(key, config);
  return config;
}

function readConfig(settings: string, place: Place): Config {
  const chosen = cast.settings[settings];
  if (chosen === undefined) throw new Error(`cast.yaml has no settings ${settings}`);
  return configSchema.parse({
    listener: { publicBaseUrl: place.publicBaseUrl, port: place.port },
    admin: { port: 0 },
    upstream: { baseUrl: place.upstreamUrl, paging: 'offset', otherBaseUrls: [dataUrl] },
    identity: {
      issuers: [
        {
          issuer: place.issuer,
          allowInsecureHttp: true,
          audiences: [audience],
          roles: Object.fromEntries(
            [...new Set(Object.values(cast.requesters).map(({ role }) => role))].map((role) => [role, role]),
          ),
          clients: { 'pump-hub': { identities: ['Device/pump-hub'] } },
        },
      ],
      organizations: Object.entries(cast.organizations).map(([id, one]) => ({
        id: `Organization/${id}`,
        identifiers: one.identifiers,
        ...(one.partOf !== undefined && { partOf: one.partOf }),
      })),
    },
    decision: chosen.decision,
    emergency: chosen.emergency,
    part2: dated(chosen.part2, place.at ?? Date.now()),
    labels: { programs: ['Organization/lakeside'], ...chosen.labels },
    consent: {
      maximumAgeMs: 0,
      ...(place.registryUrl !== undefined && {
        stores: [
          {
            name: 'registry',
            baseUrl: place.registryUrl,
            fhirVersion: 'R5',
            paging: 'offset',
            patients: { by: 'reference' },
          },
        ],
      }),
    },
    answers: { negativeGridMs: 0 },
    audit: {
      outboxFile: join(place.folder, `${settings}.db`),
      primary: { kind: 'fhir', baseUrl: place.auditUrl },
      securityOffice: { kind: 'none' },
    },
    sealing: { keyFile: join(place.folder, `${settings}.key`) },
    limits: { maximumLoopDelayMs: 0, app: plenty, system: plenty },
    log: { level: 'silent' },
  });
}
