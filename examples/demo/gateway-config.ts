import { join } from 'node:path';
import { type Config, type ConfigInput, configSchema } from '../../src/config/config.ts';
import { requesters } from './requesters.ts';

export interface GatewayPlace {
  readonly port: number;
  readonly publicBaseUrl: string;
  readonly upstreamUrl: string;
  readonly paging: 'links' | 'offset';
  readonly issuer: string;
  readonly auditUrl: string;
  /** For the outbox and the sealing key. */
  readonly folder: string;
}

const systems = requesters.filter(({ kind }) => kind === 'system').map(({ id }) => id);
const organizations = ['mercy-hospital', 'lakeside-recovery', 'harbor-clinic', 'summit-clinic', 'meridian-institute'];

/** The demonstration's configuration: Mercy's gateway, before a server that Mercy and the Lakeside program share. */
export function gatewayConfig(place: GatewayPlace, changes: Partial<ConfigInput> = {}): Config {
  return configSchema.parse({
    listener: { publicBaseUrl: place.publicBaseUrl, port: place.port, allowedOrigins: ['*'] },
    admin: { port: 0 },
    upstream: { baseUrl: place.upstreamUrl, paging: place.paging },
    identity: {
      issuers: [
        {
          issuer: place.issuer,
          allowInsecureHttp: true,
          presets: ['plain', 'hl7-b2b'],
          roles: Object.fromEntries(
            ['clinician', 'counselor', 'billing', 'front-desk', 'it', 'vendor', 'patient', 'proxy', 'steward'].map(
              (role) => [role, role],
            ),
          ),
          clients: Object.fromEntries(systems.map((id) => [id, { roles: ['system-client'] }])),
        },
      ],
      organizations: organizations.map((id) => ({
        id: `Organization/${id}`,
        identifiers: [`https://demo.example/organizations|${id}`],
      })),
    },
    decision: { organizations: ['Organization/mercy-hospital', 'Organization/lakeside-recovery'] },
    consent: { maximumAgeMs: 0 },
    labels: {
      programs: [
        // One program by three names.
        ['Organization/lakeside-recovery', 'Location/lakeside-house', 'http://hl7.org/fhir/sid/us-npi|9990000002'],
      ],
    },
    audit: {
      outboxFile: join(place.folder, 'outbox.db'),
      primary: { kind: 'fhir', baseUrl: place.auditUrl },
      securityOffice: { kind: 'none' },
    },
    sealing: { keyFile: join(place.folder, 'sealing.key') },
    log: { level: 'silent' },
    ...changes,
    // All of the demonstration shares one process: how late that is says nothing of the gateway.
    limits: { maximumLoopDelayMs: 0, ...changes.limits },
  });
}
